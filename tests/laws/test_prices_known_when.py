"""What later bars and actions cannot do: change one bit of what was known before them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from markets.prices import MarketData
from markets.testing import market_data

TICKERS = ("0700.HK", "9988.HK")


def bits(values: pd.Series | pd.DataFrame) -> bytes:
    return values.to_numpy().tobytes()


@given(market_data(), st.data())
def test_adjusted_values_never_change_when_later_data_are_added(
    market: MarketData, data: st.DataObject
) -> None:
    last = data.draw(st.sampled_from([day.date() for day in market.sessions()]))
    known = market.until(last)
    for ticker in known.tickers:
        count = len(known.bars[ticker])
        for later, then in (
            (market.growth(ticker), known.growth(ticker)),
            (market.forward_adjusted(ticker), known.forward_adjusted(ticker)),
            (market.total_returns(ticker), known.total_returns(ticker)),
            (market.total_returns(ticker, "open"), known.total_returns(ticker, "open")),
        ):
            assert bits(later.iloc[:count]) == bits(then)


@given(market_data(), st.data())
def test_scrambled_later_bars_and_actions_change_nothing_before(
    market: MarketData, data: st.DataObject
) -> None:
    last = pd.Timestamp(data.draw(st.sampled_from(list(market.sessions()))))
    scale = data.draw(st.sampled_from([0.25, 3.0, 1e6]))
    scrambled = replace(
        market,
        bars={
            ticker: frame.mul(np.where(frame.index <= last, 1.0, scale), axis=0)
            for ticker, frame in market.bars.items()
        },
        actions=market.actions.assign(
            ratio=market.actions["ratio"].where(market.actions["ex_date"] <= last, 7.0)
        ),
    )
    sessions = market.sessions()[market.sessions() <= last]
    for column in ("open", "close"):
        before = market.matrix(column, sessions, forward_adjusted=True)
        assert bits(before) == bits(scrambled.matrix(column, sessions, forward_adjusted=True))
    for ticker in TICKERS:
        kept = market.bars[ticker].index <= last
        assert bits(market.total_returns(ticker)[kept]) == bits(
            scrambled.total_returns(ticker)[kept]
        )


@given(market_data())
def test_opens_of_a_session_do_not_need_its_close(market: MarketData) -> None:
    blind = replace(
        market,
        bars={ticker: frame.assign(close=frame["low"]) for ticker, frame in market.bars.items()},
    )
    for ticker in TICKERS:
        seen = market.forward_adjusted(ticker)["open"]
        assert bits(seen) == bits(blind.forward_adjusted(ticker)["open"])


@given(market_data())
def test_without_actions_adjusted_bars_are_the_bars(market: MarketData) -> None:
    plain = replace(market, actions=market.actions.iloc[:0])
    for ticker in TICKERS:
        assert bits(plain.forward_adjusted(ticker)) == bits(plain.bars[ticker])


@given(market_data())
def test_open_returns_are_what_a_holder_gets(market: MarketData) -> None:
    """An independent account book: hold one share, take splits, buy with each dividend."""
    for ticker in TICKERS:
        frame = market.bars[ticker]
        mine = market.actions[market.actions["ticker"] == ticker]
        shares = 1.0
        worth = []
        previous = frame.index[0]
        for session, price in frame["open"].items():
            due = mine[(mine["ex_date"] > previous) & (mine["ex_date"] <= session)]
            cash = 0.0
            for action in due.itertuples():
                cash += shares * action.cash_hkd
                shares *= action.ratio
            shares += cash / price
            worth.append(shares * price)
            previous = session
        expected = np.array(worth[1:]) / np.array(worth[:-1]) - 1
        np.testing.assert_allclose(
            market.total_returns(ticker, "open").to_numpy()[1:], expected, rtol=1e-9, atol=1e-12
        )


@given(market_data())
def test_a_matrix_holds_the_bars_and_nothing_else(market: MarketData) -> None:
    sessions = market.sessions()
    closes = market.closes(sessions)
    for ticker in TICKERS:
        column = closes[ticker].dropna()
        assert list(column.index) == list(market.bars[ticker].index)
        assert bits(column) == bits(market.bars[ticker]["close"])
    assert market.closes(pd.DatetimeIndex([date(1999, 1, 4)])).isna().to_numpy().all()


@given(market_data())
def test_the_hash_is_of_the_content(market: MarketData) -> None:
    units = {
        ticker: frame.set_axis(frame.index.as_unit("us"))[list(reversed(frame.columns))]
        for ticker, frame in reversed(market.bars.items())
    }
    same = replace(market, bars=units, source="elsewhere", actions=market.actions.iloc[::-1])
    assert same.sha256 == market.sha256
    ticker = TICKERS[0]
    frame = market.bars[ticker].copy()
    frame.iloc[-1, 4] += 1
    assert replace(market, bars={**market.bars, ticker: frame}).sha256 != market.sha256
    assert replace(market, adjusted=True).sha256 != market.sha256
    if len(market.actions):
        other = market.actions.assign(cash_hkd=market.actions["cash_hkd"] + 0.01)
        assert replace(market, actions=other).sha256 != market.sha256
