"""Other prices and another calendar: what they change, and what they must leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.calendar import announced_calendar, hong_kong_calendar
from markets.prices import PRICE_COLUMNS, MarketData
from markets.sources.synthetic import SyntheticSettings, world
from markets.what_if import halved_before, opened, pays_around, redrawn_before

CALENDAR = hong_kong_calendar()
START, END = date(2022, 10, 3), date(2023, 9, 29)
SETTINGS = SyntheticSettings(start=START, end=END, tickers=4, n_stories=40)
SESSIONS = CALENDAR.sessions(date(2022, 11, 1), END)


@pytest.fixture(scope="module")
def market() -> MarketData:
    """A small market, with payouts."""
    return world(SETTINGS).market


@pytest.mark.parametrize("day", SESSIONS[::40])
def test_an_open_is_known_and_nothing_later(market: MarketData, day: date) -> None:
    known, stamp = opened(market, day), pd.Timestamp(day)
    for ticker, frame in known.bars.items():
        before = market.bars[ticker].loc[:stamp]
        assert frame["open"].equals(before["open"])
        assert frame[frame.index < stamp].equals(before[before.index < stamp])
        if frame.index[-1] == stamp:
            last = frame.iloc[-1]
            assert last["low"] <= min(last["open"], last["close"])
            assert last["high"] >= max(last["open"], last["close"])
            assert (last["close"] > last["open"]) != (
                before["close"].iloc[-1] >= before["open"].iloc[-1]
            )


def test_what_else_a_source_tells_of_a_session_is_not_known_at_its_open(
    market: MarketData,
) -> None:
    ticker, day = market.tickers[0], SESSIONS[40]
    bars = market.bars[ticker].assign(average=3.0, trades=7)
    told = opened(replace(market, bars={ticker: bars}), day).bars[ticker]
    assert told.loc[pd.Timestamp(day), ["average", "trades"]].tolist() == [1.5, 3.5]
    assert set(told["average"].iloc[:-1]) == {3.0}
    assert set(told["trades"].iloc[:-1]) == {7.0}


@pytest.mark.parametrize("day", SESSIONS[::40])
def test_halving_the_past_keeps_every_bit_but_the_step(market: MarketData, day: date) -> None:
    if pays_around(market, day):
        pytest.skip("a payout hangs on both sides")
    halved = halved_before(market, day)
    for ticker in market.tickers:
        one, other = (each.total_returns(ticker, "open") for each in (market, halved))
        apart = one.index[(one != other) & ~(one.isna() & other.isna())]
        assert len(apart) <= 1
        assert all(stamp >= pd.Timestamp(day) for stamp in apart)


@pytest.mark.parametrize("day", SESSIONS[60::60])
def test_another_past_leaves_the_rest_bit_by_bit(market: MarketData, day: date) -> None:
    other, stamp = redrawn_before(market, day, seed=3), pd.Timestamp(day)
    assert redrawn_before(market, day, seed=3).sha256 == other.sha256
    for ticker, frame in market.bars.items():
        changed = other.bars[ticker]
        assert changed.index.equals(frame.index)
        assert changed[changed.index >= stamp].equals(frame[frame.index >= stamp].astype("float64"))
        older = frame.index < stamp
        assert not np.isclose(changed.loc[older, "close"], frame.loc[older, "close"]).all()
        assert (changed.loc[older, list(PRICE_COLUMNS)] > 0).all().all()
        assert changed.loc[older, "close"].iloc[-1] == pytest.approx(
            frame.loc[older, "close"].iloc[-1]
        )


@given(day=st.dates(date(2011, 1, 3), date(2025, 12, 31)))
def test_what_was_announced_is_the_calendar_before_and_regular_after(day: date) -> None:
    announced = announced_calendar(day)
    before = CALENDAR.sessions(date(2010, 6, 1), day)
    known = announced.sessions(date(2010, 6, 1), day)
    assert set(before) <= set(known) <= {*before, day}
    for session in before[-30:]:
        if session < day:
            assert announced.hours(session) == CALENDAR.hours(session)
    later = announced.sessions(day, date(2026, 12, 31))
    assert set(CALENDAR.sessions(day, date(2026, 12, 31))) <= set(later)
    assert all(announced.hours(session).irregular is None for session in later)


def test_half_days_and_holidays_are_announced() -> None:
    announced = announced_calendar(date(2011, 1, 3))
    assert announced.hours(date(2011, 2, 2)).half_day
    assert not announced.is_session(date(2015, 9, 3))
    assert announced.is_session(date(2023, 9, 1))
