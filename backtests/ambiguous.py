"""Ambiguous names: every alias that was met and not believed, grouped, most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from markets.wording import counted
from signals.news import NewsItem, shorten
from signals.text.folding import clean

if TYPE_CHECKING:
    from signals.doubts import Doubt
    from signals.events.extract import Reader
    from signals.events.schema import Event

EXAMPLES = 3
"""Places shown of each alias and reason."""


class Left(NamedTuple):
    """The names that one story left out.

    Attributes
    ----------
    where, item_id : str
        The story.
    language : str
        The language it is in.
    names : sequence of (Doubt, str)
        Each with the text around it.
    """

    where: str
    item_id: str
    language: str
    names: Sequence[tuple[Doubt, str]]


def left_out(reader: Reader, item: NewsItem, where: str, language: str | None) -> Left | None:
    """Return the names that a story leaves out; None where every one counts.

    Parameters
    ----------
    reader : Reader
        Whose linker, and whose view of the language where `language` is None.
    item : NewsItem
        The story.
    where : str
        Its place.
    language : str or None
        As `Reader.read_in_language` has it.
    """
    from signals.doubts import around, doubts
    from signals.events.extract import MAX_BODY

    text = clean(item.text[:MAX_BODY])
    found = doubts(reader.linker, text, item.available_at.date())
    if not found:
        return None
    shown = [(doubt, shorten(around(text, doubt.start, doubt.end))) for doubt in found]
    return Left(where, item.item_id, language or reader.language(item), shown)


@dataclass(slots=True)
class Alias:
    """One alias that was left out, with how often, why, and some of the places."""

    count: int = 0
    tickers: dict[str, None] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    places: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Ambiguous:
    """The audit list: memory is bounded by the aliases there are, not by the stories.

    Attributes
    ----------
    stories : int
        Stories that left out a name.
    aliases : dict of str to Alias
        By the name as listed.
    """

    stories: int = 0
    aliases: dict[str, Alias] = field(default_factory=dict)

    def add(self, left: Left | None) -> None:
        """Count what one story left out."""
        if left is None:
            return
        self.stories += 1
        for doubt, text in left.names:
            alias = self.aliases.setdefault(doubt.alias, Alias())
            alias.count += 1
            alias.tickers.update(dict.fromkeys(doubt.tickers))
            alias.reasons[doubt.reason] += 1
            alias.languages[left.language] += 1
            if alias.reasons[doubt.reason] <= EXAMPLES:
                alias.places.append(_place(left, doubt, text))

    @property
    def names(self) -> int:
        """How many names were left out."""
        return sum(alias.count for alias in self.aliases.values())

    def ranked(self) -> list[tuple[str, Alias]]:
        """Return the aliases, most frequent first."""
        return sorted(self.aliases.items(), key=lambda pair: (-pair[1].count, pair[0]))

    def sentence(self, most: int = 5) -> str:
        """Return the count with the most frequent aliases, in a line."""
        if not self.names:
            return "no name of a listed firm was ambiguous"
        first = ", ".join(f"{name} {alias.count:,}" for name, alias in self.ranked()[:most])
        more = ", …" if len(self.aliases) > most else ""
        return (
            f"{counted(self.names, 'name')} of listed firms left out as ambiguous in "
            f"{counted(self.stories, 'story', 'stories')}, without an event: {first}{more}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the list as JSON has it."""
        return {
            "names": self.names,
            "stories": self.stories,
            "aliases": [
                {
                    "alias": name,
                    "count": alias.count,
                    "tickers": list(alias.tickers),
                    "reasons": dict(alias.reasons.most_common()),
                    "languages": dict(alias.languages.most_common()),
                    "places": alias.places,
                }
                for name, alias in self.ranked()
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield the list as text: a line an alias, below it some places a reason."""
        for name, alias in self.ranked():
            tickers, languages = ", ".join(alias.tickers), _counts(alias.languages)
            yield f"{alias.count:>6,}  {name}  {tickers}  {languages}  {_counts(alias.reasons)}"
            for place in alias.places:
                inside = f" {place['inside']}" if place["inside"] else ""
                yield (
                    f"        {place['where']}  {place['language']}  {place['score']:.2f}  "
                    f"{place['reason']}{inside}: {place['text']}"
                )
        yield self.sentence()


def _place(left: Left, doubt: Doubt, text: str) -> dict[str, Any]:
    return {
        "where": left.where,
        "id": left.item_id,
        "language": left.language,
        "tickers": list(doubt.tickers),
        "score": doubt.score,
        "reason": doubt.reason,
        "inside": doubt.inside,
        "text": text,
    }


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


class CountingReader:
    """Reads as a reader does, and counts what it leaves out: languages and ambiguous names.

    Parameters
    ----------
    reader : Reader
        Reads; what one story says still changes nothing in the next.

    Attributes
    ----------
    unread : Counter of str
        Stories that name a listed company in a language that is not read, by language.
    ambiguous : Ambiguous
        Names that were not believed.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.unread: Counter[str] = Counter()
        self.ambiguous = Ambiguous()

    def read(self, item: NewsItem) -> tuple[Event, ...]:
        """Return the events of a story, and count what it leaves out."""
        language, events = self._reader.read_in_language(item)
        if is_unread(language):
            self.unread[str(language)] += 1
        self.ambiguous.add(left_out(self._reader, item, item.source, language))
        return events


def is_unread(language: str | None) -> bool:
    """Return whether a story of ours is in a language that is not read."""
    from signals.text.language import READ_LANGUAGES

    return language is not None and language not in READ_LANGUAGES


def unread_sentence(unread: Counter[str], most: int = 5) -> str:
    """Return how many stories of ours stay unread, by language, in a line."""
    first = ", ".join(f"{name} {count:,}" for name, count in unread.most_common(most))
    return (
        f"{counted(unread.total(), 'story', 'stories')} of ours in a language that is not read: "
        f"{first}{', …' if len(unread) > most else ''}"
    )
