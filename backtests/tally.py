"""Tally: what became of a stream's lines, counted and said once at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from backtests.ambiguous import is_unread, unread_sentence
from backtests.reading import Outcome
from markets.wording import counted
from signals.sources.digests import Digests

NAMED = 5
"""Ids and tickers named of a count; the rest is a number."""
MAX_STRANGERS = 10_000
"""Unknown tickers told apart."""


@dataclass(slots=True)
class Tally:
    """Counts of a stream; memory grows by 16 to 32 bytes a story.

    Attributes
    ----------
    stories, with_events, events, rejected, repeated : int
        Stories, those with events, their events, lines that were no story, ids that stood before.
    unread : Counter of str
        Stories that name a company of ours in a language that is not read, by language.
    strangers : Counter of str
        Stories by ticker they declare and no instrument table lists.
    """

    stories: int = 0
    with_events: int = 0
    events: int = 0
    rejected: int = 0
    repeated: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    _first_repeated: list[str] = field(default_factory=list)
    _ids: Digests = field(default_factory=Digests)

    def count(self, outcome: Outcome) -> None:
        """Count one line."""
        if outcome.item_id is None:
            self.rejected += 1
            return
        events = len(outcome.document["events"])
        self.stories += 1
        self.with_events += events > 0
        self.events += events
        if not self._ids.add(outcome.item_id):
            self.repeated += 1
            if len(self._first_repeated) < NAMED:
                self._first_repeated.append(outcome.item_id)
        if is_unread(outcome.language):
            self.unread[str(outcome.language)] += 1
        for ticker in outcome.strangers:
            if ticker in self.strangers or len(self.strangers) < MAX_STRANGERS:
                self.strangers[ticker] += 1

    def sentences(self) -> list[str]:
        """Return the summary, a line for each thing that happened."""
        if not self.stories and not self.rejected:
            return ["no story came in"]
        said = [
            f"{counted(self.stories, 'story', 'stories')}, {self.with_events:,} with events "
            f"({counted(self.events, 'event')})"
        ]
        if self.rejected:
            said.append(f"{counted(self.rejected, 'line was', 'lines were')} no story")
        if self.repeated:
            first = ", ".join(self._first_repeated)
            said.append(f"{counted(self.repeated, 'id')} had stood before: {first}")
            said[-1] += ", …" if self.repeated > NAMED else ""
        if self.unread:
            said.append(unread_sentence(self.unread))
        if self.strangers:
            said.append(f"tickers that no instrument table lists: {_named(self.strangers)}")
        return said


def _named(counts: Counter[str]) -> str:
    named = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(NAMED))
    return named + (", …" if len(counts) > NAMED else "")
