"""The project's own TOML tables: every row cites its source and says when it was checked."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from markets.errors import TableError
from markets.hk.tables import open_table
from markets.hk.timetable import read_rulebook

DATA = Path(__file__).parents[2] / "markets" / "hk" / "data"
NAMES = [
    "actions",
    "brokers",
    "closures",
    "fees",
    "instruments",
    "lots",
    "members",
    "sessions",
    "ticks",
]


def rows(value: object, path: str) -> Iterator[tuple[str, dict]]:
    """Yield everything that says whether it was verified: each is a row."""
    if isinstance(value, dict):
        if "verified" in value and "symbol" not in value:
            yield path, value
        for key, inner in value.items():
            yield from rows(inner, f"{path}.{key}")
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from rows(inner, f"{path}[{number}]")


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_its_source_and_check(name):
    found = list(rows(tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8")), name))
    assert found
    for path, row in found:
        assert isinstance(row["verified"], bool), path
        assert len(row["source"]) > 5, path
        assert isinstance(row["checked_on"], date), path
        dated = {"valid_from", "listed", "effective", "launch", "ticker"} & set(row)
        assert dated, path


def test_there_is_no_other_table():
    assert sorted(path.stem for path in DATA.glob("*")) == sorted(NAMES)


def test_the_rulebook_says_what_it_covers():
    rulebook = read_rulebook()
    assert (rulebook.first, rulebook.reviewed_from) == (date(2004, 1, 2), date(2010, 1, 1))
    assert rulebook.severe_weather.on(date(2024, 9, 22)) == "stops_trading"
    assert rulebook.severe_weather.on(date(2024, 9, 23)) == "trading_continues"


def test_no_weather_closes_the_exchange_after_the_reform():
    after = [day for day in read_rulebook().closures if day >= date(2024, 9, 23)]
    assert after == []


def test_a_missing_key_names_the_nearest():
    with pytest.raises(TableError) as refused:
        list(open_table("fees").rows("stamp_dut.rows"))
    assert refused.value.nearest == "stamp_duty"
