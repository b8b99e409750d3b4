"""Dated values: a value in force from a date on, and the only look-up of such values."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from markets.errors import TableError

T = TypeVar("T")
_DAY = timedelta(days=1)


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
    checked_on : date or None
        When it was last checked; None for a user's own row that does not say.
    verified : bool
        False for own knowledge that no public source confirmed yet.
    """

    valid_from: date
    value: T
    source: str
    checked_on: date | None
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
        ordered = sorted(rows, key=lambda row: row.valid_from)
        if not ordered:
            raise TableError("a dated table needs a row", where=name)
        for index, (row, following) in enumerate(pairwise(tuple(ordered))):
            _check_neighbors(name, row, following)
            ordered[index] = replace(row, valid_to=following.valid_from - _DAY)
        self.rows: tuple[DatedRow[T], ...] = tuple(ordered)
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
            end = "on" if last.valid_to is None else f"to {last.valid_to}"
            raise TableError(
                "no row is in force on this date",
                given=day.isoformat(),
                wanted=f"from {self._starts[0]} {end}",
                where=self.name,
            )
        return self.rows[index]

    def on(self, day: date) -> T:
        """Return the value in force on a date."""
        return self.row_on(day).value

    def between(self, start: date, end: date) -> tuple[DatedRow[T], ...]:
        """Return the rows in force on any date from `start` to `end`, both included, in order."""
        return tuple(
            row
            for row in self.rows
            if row.valid_from <= end and (row.valid_to is None or row.valid_to >= start)
        )

    def overridden(self, rows: Iterable[DatedRow[T]]) -> Dated[T]:
        """Return the table with other rows in force on the dates they cover.

        A row without `valid_to` holds until the next of `rows`, or for good.

        Raises
        ------
        TableError
            If two of `rows` overlap, or a gap opens before this table begins.
        """
        result = list(self.rows)
        over = sorted(rows, key=lambda row: row.valid_from)
        for row, following in zip(over, [*over[1:], None], strict=True):
            end = row.valid_to
            if following is not None:
                before = following.valid_from - _DAY
                end = before if end is None else end
                if end > before:
                    raise TableError(
                        "two rows overlap",
                        given=f"the row before ends {end}",
                        where=f"{self.name}: row valid_from {following.valid_from}",
                    )
            row = replace(row, valid_to=end)
            result = [part for old in Dated(self.name, result) for part in _around(old, row)]
            result.append(row)
        return Dated(self.name, result)

    def __iter__(self) -> Iterator[DatedRow[T]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def _around(old: DatedRow[T], new: DatedRow[T]) -> Iterator[DatedRow[T]]:
    """Yield what is left of a row before and after another one that takes its place."""
    if old.valid_from < new.valid_from:
        before = new.valid_from - _DAY
        end = before if old.valid_to is None else min(old.valid_to, before)
        yield replace(old, valid_to=end)
    if new.valid_to is not None and (old.valid_to is None or old.valid_to > new.valid_to):
        after = new.valid_to + _DAY
        yield replace(old, valid_from=max(old.valid_from, after))


def _check_neighbors(name: str, row: DatedRow[T], following: DatedRow[T]) -> None:
    where = f"{name}: row valid_from {following.valid_from}"
    if following.valid_from == row.valid_from:
        raise TableError(
            "two rows begin on the same date",
            given=row.valid_from,
            wanted="one row a date",
            where=where,
        )
    if row.valid_to is None:
        return
    gap = (following.valid_from - row.valid_to).days
    if gap != 1:
        problem = "two rows overlap" if gap < 1 else "a gap lies between two rows"
        raise TableError(
            problem,
            given=f"the row before ends {row.valid_to}",
            wanted="an end on the day before this row begins",
            where=where,
        )
