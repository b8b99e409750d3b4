"""The user's list of designated securities: what it says on a date, and which rows it refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from markets.designated import DesignatedList
from markets.errors import MissingDataError, TableError, TickerError

TOML = """
[[designated]]
ticker = "99001"
valid_from = 2024-01-02
valid_to = 2024-03-28

[[designated]]
ticker = "99001.HK"
valid_from = 2024-07-02

[[designated]]
ticker = "99002.HK"
valid_from = 2024-01-02
"""
CSV = """ticker,valid_from,valid_to
99001,2024-01-02,2024-03-28
99001,2024-07-02,
99002,2024-01-02,
"""


def written(folder: Path, text: str, name: str = "listed.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "name"), [(TOML, "listed.toml"), (CSV, "listed.csv")])
@pytest.mark.parametrize(
    ("day", "on"),
    [
        (date(2024, 1, 1), []),
        (date(2024, 1, 2), ["99001.HK", "99002.HK"]),
        (date(2024, 3, 28), ["99001.HK", "99002.HK"]),
        (date(2024, 3, 29), ["99002.HK"]),
        (date(2024, 7, 2), ["99001.HK", "99002.HK"]),
        (date(2030, 1, 1), ["99001.HK", "99002.HK"]),
    ],
)
def test_a_date_has_the_securities_of_its_rows(
    tmp_path: Path, text: str, name: str, day: date, on: list[str]
) -> None:
    listed = DesignatedList.read(written(tmp_path, text, name))
    assert sorted(listed.on(day, ["99001.HK", "99002.HK", "99003.HK"])) == on


@pytest.mark.parametrize(
    ("rows", "kind", "said"),
    [
        ('ticker = "1"', TableError, "lacks a key"),
        ('ticker = "1"\nvalid_from = "soon"', TableError, "wrong type"),
        ('ticker = "1"\nvalid_from = 2024-01-02\nvalid_to = 2024-01-01', TableError, "ends before"),
        ('ticker = "1"\nvalid_from = 2024-01-02\nuntil = 2024-02-01', TableError, "unknown key"),
        ('ticker = "AAPL"\nvalid_from = 2024-01-02', TickerError, "no Hong Kong ticker"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: str, kind: type[Exception], said: str) -> None:
    path = written(tmp_path, f"# Own list.\n{TOML}\n[[designated]]\n{rows}\n")
    with pytest.raises(kind, match=said) as caught:
        DesignatedList.read(path)
    assert caught.value.where == f"{path}: line 16"


def test_rows_in_one_line_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, 'designated = [{ticker = "1", valid_from = 2024-01-02}, {}]')
    with pytest.raises(TableError, match="lacks a key") as caught:
        DesignatedList.read(path)
    assert caught.value.where == f"{path}: designated row 2"


def test_rows_of_a_ticker_may_not_overlap(tmp_path: Path) -> None:
    text = "ticker,valid_from,valid_to\n1,2024-01-02,2024-02-01\n0001.HK,2024-02-01,\n"
    path = written(tmp_path, text, "listed.csv")
    with pytest.raises(TableError, match=r"two rows of 0001.HK overlap") as caught:
        DesignatedList.read(path)
    assert (caught.value.given, caught.value.where) == (f"{path}: line 2", f"{path}: line 3")


def test_both_counters_of_a_stock_may_stand_on_it_each_for_itself(tmp_path: Path) -> None:
    text = "ticker,valid_from\n80700,2024-01-02\n9988,2024-01-02\n"
    listed = DesignatedList.read(written(tmp_path, text, "listed.csv"))
    known = listed.on(date(2024, 1, 2), ["0700.HK", "9988.HK", "80700.HK"])
    assert known == {"9988.HK", "80700.HK"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ticker,valid_from\n\n1,2024-13-02\n", "wrong type"),
        ("ticker,valid_from\n\n1,2024-01-02,extra\n", "unknown key"),
        ("code,valid_from\n\n1,2024-01-02\n", "unknown key"),
    ],
)
def test_a_bad_line_of_a_csv_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text, "listed.csv")
    with pytest.raises(TableError, match=said) as caught:
        DesignatedList.read(path)
    assert caught.value.where == f"{path}: line 3"


@pytest.mark.parametrize("name", ["absent.csv", "absent.toml"])
def test_a_file_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingDataError, match="read"):
        DesignatedList.read(tmp_path / name)


@pytest.mark.parametrize("content", ["", "9988.HK,2024-01-02"])
def test_a_csv_without_its_header_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "listed.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match="the first line names no such column"):
        DesignatedList.read(path)
