"""Dated values: a value in force from a date on, and the only look-up of such values."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from markets.errors import TableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatedRow(Generic[T]):
    """One row of a dated table.

    Attributes
    ----------
    valid_from : date
        First Hong Kong date in force.
    valid_to : date or None
        Last date in force; None while still in force or until the next row begins.
    value : T
        What is in force.
    source : str
        Where the fact was read.
    checked_on : date
        When it was last checked.
    verified : bool
        False for own knowledge that no public source confirmed yet.
    """

    valid_from: date
    value: T
    source: str
    checked_on: date
    verified: bool
    valid_to: date | None = None


class Dated(Generic[T]):
    """A value that changes on known dates; on every covered date exactly one row is in force.

    Parameters
    ----------
    name : str
        What the table holds; named in errors.
    rows : iterable of DatedRow
        In any order. A row without `valid_to` ends where the next begins.

    Raises
    ------
    TableError
        If two rows overlap or begin on the same date, or none is given, or a gap lies between rows.
    """

    def __init__(self, name: str, rows: Iterable[DatedRow[T]]) -> None:
        self.name = name
        self.rows: tuple[DatedRow[T], ...] = tuple(sorted(rows, key=lambda row: row.valid_from))
        if not self.rows:
            raise TableError("a dated table needs a row", where=name)
        for row, following in zip(self.rows, self.rows[1:], strict=False):
            _check_neighbors(name, row, following)
        self._starts = [row.valid_from for row in self.rows]

    def row_on(self, day: date) -> DatedRow[T]:
        """Return the row in force on a date.

        Raises
        ------
        TableError
            If the date lies before the first row or after the last one's end.
        """
        index = bisect_right(self._starts, day) - 1
        last = self.rows[-1]
        if index < 0 or (last.valid_to is not None and day > last.valid_to):
            raise TableError(
                "no row is in force on this date",
                given=day.isoformat(),
                wanted=f"{self._starts[0]} to {last.valid_to or 'today'}",
                where=self.name,
            )
        return self.rows[index]

    def on(self, day: date) -> T:
        """Return the value in force on a date."""
        return self.row_on(day).value

    def __iter__(self) -> Iterator[DatedRow[T]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def _check_neighbors(name: str, row: DatedRow[T], following: DatedRow[T]) -> None:
    where = f"{name}: row valid_from {following.valid_from}"
    if following.valid_from == row.valid_from:
        raise TableError("two rows begin on the same date", given=row.valid_from, where=where)
    if row.valid_to is None:
        return
    gap = (following.valid_from - row.valid_to).days
    if gap != 1:
        problem = "two rows overlap" if gap < 1 else "a gap lies between two rows"
        raise TableError(problem, given=f"the row before ends {row.valid_to}", where=where)
