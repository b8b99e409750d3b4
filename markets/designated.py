"""DesignatedList: which securities could be sold short on a date, as the user's own file says."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from markets.errors import MissingDataError, TableError
from markets.hk.tables import Fields, open_table, refuse_unknown, required
from markets.tickers import normalize_ticker

_KEYS = ("ticker", "valid_from", "valid_to")
_HEAD = re.compile(r"\s*\[\[\s*designated\s*\]\]")


@dataclass(frozen=True, slots=True)
class Spell:
    """A time on the list, both dates included; without an end it lasts."""

    valid_from: date
    valid_to: date
    where: str


class DesignatedList:
    """The securities that the exchange allowed to be sold short, by date.

    The exchange lists counters in renminbi (80700) beside those in Hong Kong dollars (0700). Both
    may stand here, each for itself: no run trades the former, and none says anything of the latter.

    Parameters
    ----------
    spells : mapping of str to iterable of Spell
        By ticker, in any order; one may leave the list and come back.

    Raises
    ------
    TableError
        If two spells of a ticker overlap.

    Examples
    --------
    >>> listed = DesignatedList({"99001.HK": [Spell(date(2024, 1, 2), date(2024, 3, 28), "here")]})
    >>> listed.has("99001.HK", date(2024, 3, 28)), listed.has("99001.HK", date(2024, 4, 2))
    (True, False)
    """

    def __init__(self, spells: Mapping[str, Iterable[Spell]]) -> None:
        self._spells = {
            ticker: sorted(found, key=lambda spell: spell.valid_from)
            for ticker, found in spells.items()
        }
        for ticker, found in self._spells.items():
            for spell, following in pairwise(found):
                if following.valid_from <= spell.valid_to:
                    raise TableError(
                        f"two rows of {ticker} overlap",
                        given=spell.where,
                        wanted=f"a row that begins after {spell.valid_to}",
                        where=following.where,
                    )

    @classmethod
    def read(cls, path: Path) -> DesignatedList:
        """Read a file of rows `ticker`, `valid_from` and, unless it lasts, `valid_to`.

        Parameters
        ----------
        path : Path
            A CSV file with these columns, else a TOML file of ``[[designated]]`` rows.

        Raises
        ------
        MissingDataError
            If there is no such file.
        TableError
            If a row lacks a key, has another one, or ends before it begins; names file and line.
        TickerError
            If a ticker is none of Hong Kong.
        """
        spells = defaultdict(list)
        for where, row in _rows(path):
            refuse_unknown(row, _KEYS, where)
            first = required(row, "valid_from", date, where)
            last = required(row, "valid_to", date, where) if "valid_to" in row else date.max
            if last < first:
                raise TableError(
                    "a row ends before it begins",
                    given=f"{first} to {last}",
                    wanted=f"an end on {first} or later",
                    where=where,
                )
            ticker = normalize_ticker(required(row, "ticker", str, where), where=where)
            spells[ticker].append(Spell(first, last, where))
        return cls(spells)

    def has(self, ticker: str, day: date) -> bool:
        """Return whether a security stood on the list on a date."""
        spells = self._spells.get(ticker, ())
        return any(spell.valid_from <= day <= spell.valid_to for spell in spells)

    def on(self, day: date, tickers: Iterable[str]) -> frozenset[str]:
        """Return which securities stood on the list on a date."""
        return frozenset(ticker for ticker in tickers if self.has(ticker, day))


def _rows(path: Path) -> Iterator[tuple[str, Fields]]:
    """Yield each row with its place; cells that are empty are left out."""
    if path.suffix.lower() != ".csv":
        yield from _toml_rows(path)
        return
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="a cell too many")
            cells = [(reader.line_num, row) for row in reader]
            named = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise MissingDataError(
            f"cannot read the file: {reason}",
            given=path,
            wanted=f"a CSV file of {', '.join(_KEYS)}",
            where=str(path),
        ) from None
    absent = [key for key in _KEYS[:2] if key not in named]
    if absent and not cells:  # else the first row says so, with the nearest name
        raise TableError(
            "the first line names no such column",
            given=", ".join(named) or "an empty file",
            wanted=", ".join(_KEYS),
            where=str(path),
        )
    for line, row in cells:
        yield f"{path}: line {line}", {key: _cell(key, text) for key, text in row.items() if text}


def _toml_rows(path: Path) -> Iterator[tuple[str, Fields]]:
    rows = list(open_table(path).rows("designated"))
    lines = path.read_text(encoding="utf-8").splitlines()
    heads = [number for number, line in enumerate(lines, start=1) if _HEAD.match(line)]
    if len(heads) != len(rows):  # written otherwise than as [[designated]]: rows are counted
        yield from rows
        return
    for line, (_, row) in zip(heads, rows, strict=True):
        yield f"{path}: line {line}", row


def _cell(key: str, text: str) -> str | date:
    """Return a date where one is wanted; what is none stays a text, to be refused by its row."""
    try:
        return date.fromisoformat(text.strip()) if key in _KEYS[1:] else text
    except ValueError:
        return text
