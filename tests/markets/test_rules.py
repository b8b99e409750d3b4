"""Tick sizes and lots: known answers, boundaries, and what is refused."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from markets.errors import DataError, TableError
from markets.rules import as_hkd, check_lot, check_tick, read_price, round_to_tick, tick_size

TICKS = Path(__file__).parents[1] / "answers" / "hong_kong_ticks.csv"
DAY = date(2025, 9, 12)


@pytest.mark.parametrize(
    "row",
    list(csv.DictReader(TICKS.read_text(encoding="utf-8").splitlines())),
    ids=lambda row: f"{row['date']} {row['price']}",
)
def test_ticks_are_those_of_the_tables(row):
    day = date.fromisoformat(row["date"])
    for price in (row["price"], float(row["price"]), Decimal(row["price"])):
        assert tick_size(price, day, row["kind"]) == Decimal(row["tick"])


def test_a_buyer_is_rounded_up_and_a_seller_down():
    assert round_to_tick(151.13, DAY, direction="up") == Decimal("151.20")
    assert round_to_tick(151.13, DAY, direction="down") == Decimal("151.10")
    assert round_to_tick(151.15, DAY) == Decimal("151.20")
    assert round_to_tick("151.10", DAY, direction="up") == Decimal("151.10")


def test_rounding_up_crosses_into_the_next_band_at_its_edge():
    assert round_to_tick("9.996", date(2025, 8, 1), direction="up") == Decimal("10.00")
    assert round_to_tick("10.001", date(2025, 8, 1), direction="down") == Decimal("10.00")


def test_noise_of_binary_floats_does_not_move_a_boundary_price():
    assert tick_size(0.1 + 0.2 + 9.7, date(2025, 8, 1)) == Decimal("0.01")
    assert read_price(9.999999999999998) == 100_000


def test_prices_show_two_decimals_or_as_many_as_they_need():
    assert [str(as_hkd(units)) for units in (1_511_000, 14_350, 12_345)] == [
        "151.10",
        "1.435",
        "1.2345",
    ]


@pytest.mark.parametrize("price", ["0.009", 9995.01, "12000"])
def test_a_price_outside_the_bands_is_refused(price):
    with pytest.raises(DataError, match="no price the exchange quotes") as refused:
        tick_size(price, DAY)
    assert "equity on 2025-09-12" in refused.value.where


@pytest.mark.parametrize("price", ["abc", float("nan"), float("inf"), 0, -1, "-0.5", "NaN"])
def test_what_is_no_price_is_refused(price):
    with pytest.raises(DataError):
        tick_size(price, DAY)


def test_a_date_before_the_tables_is_refused():
    with pytest.raises(TableError, match="no row") as refused:
        tick_size("10", date(2006, 7, 23))
    assert refused.value.given == "2006-07-23"


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(TableError) as refused:
        tick_size("10", DAY, "equty")
    assert refused.value.nearest == "equity"


def test_a_price_off_the_grid_is_refused_with_its_neighbors():
    check_tick("151.10", DAY)
    with pytest.raises(DataError, match="not on a tick") as refused:
        check_tick("151.13", DAY)
    assert "151.10 or 151.20" in refused.value.wanted


@pytest.mark.parametrize(
    ("shares", "wanted"), [(150, "100 or 200"), (50, "such as 100"), (0, "100")]
)
def test_an_odd_lot_is_refused(shares, wanted):
    check_lot(200, 100)
    with pytest.raises(DataError, match="odd lot") as refused:
        check_lot(shares, 100, where="9988.HK")
    assert wanted in refused.value.wanted
    assert refused.value.where == "9988.HK"


def test_a_direction_is_one_of_three():
    with pytest.raises(ValueError, match="direction"):
        round_to_tick("1", DAY, direction="sideways")
