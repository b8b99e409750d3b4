"""How well a reader reads: its events against labels made by hand, by kind and by language.

A labeled file is JSON lines: ``text`` (or ``title``, ``body``), ``language``, and ``events``, each
with ``kind``, ``tickers`` and ``polarity`` (sign), and where they matter ``amount``, ``currency``,
``is_reaction`` and ``certainty``. An event is matched if a read one has its kind and a ticker.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markets.errors import DataError
from signals.events.extract import Reader
from signals.events.schema import KINDS, Event
from signals.news import NewsItem

_AT = datetime(2025, 9, 12, 9, tzinfo=UTC)


@dataclass
class Tally:
    """Right, wrong and missed, with the ratios they make (1 where there was nothing to find)."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of what was read that is right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of what was there that was read."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def count(self, found: set[Any], wanted: set[Any]) -> None:
        """Add one story's sets."""
        self.right += len(found & wanted)
        self.wrong += len(found - wanted)
        self.missed += len(wanted - found)


@dataclass
class Score:
    """All tallies of a labeled set.

    Attributes
    ----------
    kinds, tickers : Tally
        Over stories: which kinds, which companies.
    by_kind : mapping of str to Tally
        The same by kind.
    amounts, reactions, denials, polarities : Tally
        Over matched events: `right` and `missed` only.
    errors : list of str
        A line for each mistake, to read and learn from.
    """

    kinds: Tally = field(default_factory=Tally)
    tickers: Tally = field(default_factory=Tally)
    amounts: Tally = field(default_factory=Tally)
    reactions: Tally = field(default_factory=Tally)
    denials: Tally = field(default_factory=Tally)
    polarities: Tally = field(default_factory=Tally)
    by_kind: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    errors: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, float]:
        """Return the ratios a reader is held to."""
        return {
            "kind_f1": round(self.kinds.f1, 3),
            "ticker_precision": round(self.tickers.precision, 3),
            "ticker_recall": round(self.tickers.recall, 3),
            "amount": round(self.amounts.recall, 3),
            "is_reaction": round(self.reactions.recall, 3),
            "denials": round(self.denials.recall, 3),
            "polarity": round(self.polarities.recall, 3),
        }


def labeled(path: Path) -> list[Mapping[str, Any]]:
    """Return the rows of a labeled file.

    Raises
    ------
    DataError
        If a line is no JSON object with `events`, or names an unknown kind.
    """
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError("a labeled line is no JSON", given=error.msg, where=where) from error
        if not isinstance(row, dict) or not isinstance(row.get("events"), list):
            raise DataError("a labeled line needs a list of events", where=where)
        for event in row["events"]:
            if event.get("kind") not in KINDS:
                raise DataError("no such kind of event", given=event.get("kind"), where=where)
        rows.append(row)
    return rows


def score(reader: Reader, rows: Iterable[Mapping[str, Any]], *, declare: bool = True) -> Score:
    """Read labeled stories and count.

    Parameters
    ----------
    reader : Reader
        The reader to judge.
    rows : iterable of mapping
        From `labeled`.
    declare : bool
        True tells the reader each story's language; False lets it find out.
    """
    result = Score()
    for number, row in enumerate(rows):
        item = NewsItem(
            item_id=str(number),
            published_at=_AT,
            source="labeled",
            title=row.get("title") or row.get("text", ""),
            body=row.get("body", ""),
            language=row["language"] if declare else "und",
        )
        _count(result, item.title, reader.read(item), row["events"])
    return result


def _count(
    result: Score, text: str, read: tuple[Event, ...], wanted: list[Mapping[str, Any]]
) -> None:
    kinds = {event.kind for event in read}
    right = {event["kind"] for event in wanted}
    result.kinds.count(set(kinds), right)
    for kind in kinds | right:
        result.by_kind[kind].count({kind} & kinds, {kind} & right)
    named = {ticker for event in read for ticker in event.tickers}
    due = {ticker for event in wanted for ticker in event["tickers"]}
    result.tickers.count(named, due)
    if kinds != right:
        result.errors.append(f"kinds {sorted(kinds)} for {sorted(right)}: {text}")
    if named != due:
        result.errors.append(f"tickers {sorted(named)} for {sorted(due)}: {text}")
    for event in wanted:
        _match(result, text, event, [e for e in read if e.kind == event["kind"]])


def _match(result: Score, text: str, wanted: Mapping[str, Any], read: list[Event]) -> None:
    denied = wanted.get("certainty") == "denied"
    near = [event for event in read if set(event.tickers) & set(wanted["tickers"])]
    if denied:
        _add(result, result.denials, any(e.certainty == "denied" for e in near), "denial", text)
    if not near:
        return
    sign = wanted["polarity"]
    if sign:
        _add(result, result.polarities, any(e.polarity * sign > 0 for e in near), "polarity", text)
    if "amount" in wanted:
        same = any(
            e.amount is not None
            and abs(e.amount - wanted["amount"]) <= 1e-6 * abs(wanted["amount"])
            and e.currency == wanted["currency"]
            for e in near
        )
        _add(result, result.amounts, same, "amount", text)
    moved = bool(wanted.get("is_reaction", False))
    _add(result, result.reactions, any(e.is_reaction == moved for e in near), "reaction", text)


def _add(result: Score, tally: Tally, is_right: bool, what: str, text: str) -> None:
    if is_right:
        tally.right += 1
    else:
        tally.missed += 1
        result.errors.append(f"{what}: {text}")
