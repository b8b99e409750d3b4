"""Dated tables: one row a date, and refusals that name the row."""

from __future__ import annotations

from datetime import date

import pytest

from markets.dated import Dated, DatedRow
from markets.errors import TableError

CHECKED = date(2026, 1, 1)


def row(start: str, value: int, end: str | None = None) -> DatedRow[int]:
    last = None if end is None else date.fromisoformat(end)
    return DatedRow(date.fromisoformat(start), value, "s", CHECKED, True, last)


def test_a_row_holds_until_the_next_begins():
    table = Dated("t", [row("2021-01-01", 2), row("2020-01-01", 1)])
    assert table.on(date(2020, 12, 31)) == 1
    assert table.on(date(2021, 1, 1)) == 2
    assert [one.valid_to for one in table] == [date(2020, 12, 31), None]
    assert len(table) == 2


@pytest.mark.parametrize("day", [date(2019, 12, 31), date(2022, 1, 1)])
def test_a_date_without_a_row_is_refused(day):
    with pytest.raises(TableError, match="no row is in force") as refused:
        Dated("t", [row("2020-01-01", 1, "2021-12-31")]).on(day)
    assert refused.value.where == "t"
    assert refused.value.given == day.isoformat()


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "needs a row"),
        ([row("2020-01-01", 1), row("2020-01-01", 2)], "same date"),
        ([row("2020-01-01", 1, "2020-06-01"), row("2020-06-01", 2)], "overlap"),
        ([row("2020-01-01", 1, "2020-06-01"), row("2020-06-03", 2)], "gap"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, problem):
    with pytest.raises(TableError, match=problem) as refused:
        Dated("t", rows)
    assert "t" in refused.value.where


def test_rows_between_two_dates():
    table = Dated("t", [row("2020-01-01", 1), row("2021-01-01", 2), row("2022-01-01", 3)])
    found = table.between(date(2020, 6, 1), date(2021, 1, 1))
    assert [one.value for one in found] == [1, 2]


def test_overriding_rows_may_not_overlap():
    table = Dated("t", [row("2020-01-01", 1)])
    with pytest.raises(TableError, match="overlap"):
        table.overridden([row("2020-02-01", 2, "2020-03-01"), row("2020-03-01", 3)])
    over = table.overridden([row("2020-02-01", 2), row("2020-03-01", 3, "2020-03-31")])
    assert [(one.value, one.valid_from.month) for one in over] == [(1, 1), (2, 2), (3, 3), (1, 4)]
