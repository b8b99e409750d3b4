"""Sizing: weights into whole lots and into orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from strategies.base import View
from strategies.sizing import NO_CLOSE, UNDER_ONE_LOT, Wish, lots_for, wishes

VIEW = View(
    session=date(2025, 9, 12),
    known_session=date(2025, 9, 11),
    number=5,
    holdings={"9988.HK": 250},
    closes={"9988.HK": 100.0, "0700.HK": 600.0},
    cash_hkd=75_000.0,
    equity_hkd=100_000.0,
)


def ask(targets: dict[str, float], view: View = VIEW) -> list[Wish]:
    return wishes(view, targets, lambda _: 100, 0.0)


@given(
    weight=st.floats(0.0, 1.0),
    equity=st.integers(0, 10**12).map(lambda cents: cents / 100),
    close=st.integers(1, 10_000_000).map(lambda units: units / 1000),
    lot=st.sampled_from([1, 50, 100, 500, 2000]),
    reserve=st.floats(0.0, 500.0),
)
def test_lots_never_cost_more_than_the_weight_and_one_more_would(
    weight: float, equity: float, close: float, lot: int, reserve: float
) -> None:
    shares = lots_for(weight, equity, close, lot, reserve)
    assert shares % lot == 0
    budget = weight * equity / (1 + reserve / 10_000)
    assert shares * close <= budget + 0.01
    assert (shares + lot) * close >= budget - 0.01


def test_targets_become_orders_in_their_own_order() -> None:
    assert ask({"0700.HK": 0.7, "9988.HK": 0.0}) == [
        Wish("0700.HK", "buy", 100),
        Wish("9988.HK", "sell", 250),
    ]


def test_only_a_target_of_zero_sells_an_odd_lot() -> None:
    assert ask({"9988.HK": 0.1}) == [Wish("9988.HK", "sell", 100)]
    assert ask({"9988.HK": 0.41}) == [Wish("9988.HK", "buy", 100)]
    assert ask({"9988.HK": 0.25}) == []


def test_what_cannot_be_had_is_said() -> None:
    assert ask({"0700.HK": 0.5, "1810.HK": 0.5}) == [
        Wish("0700.HK", "buy", 0, reason=UNDER_ONE_LOT),
        Wish("1810.HK", "buy", 0, reason=NO_CLOSE),
    ]


def test_waiting_orders_are_kept_if_they_do_what_is_wanted_else_replaced() -> None:
    leaving = replace(VIEW, waiting={"9988.HK": -250})
    assert ask({"9988.HK": 0.0}, leaving) == []
    assert ask({"9988.HK": 0.5}, leaving) == [Wish("9988.HK", "buy", 200, replaces=True)]
    entering = replace(VIEW, waiting={"0700.HK": 100})
    assert ask({"0700.HK": 0.0}, entering) == [Wish("0700.HK", "sell", 0, replaces=True)]
