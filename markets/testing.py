"""What holds a price source to its promises, and generators of bars, actions and calendars.

A generator here is a Hypothesis strategy; "strategy" has another meaning in this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from markets.clock import hong_kong, hong_kong_date
from markets.errors import MissingDataError
from markets.prices import MarketData, PriceSource
from markets.sources.sound import require_sound

UNKNOWN_TICKER = "98765.HK"


def check_price_source(
    source: PriceSource,
    tickers: Sequence[str],
    start: date,
    end: date,
    *,
    unknown: str = UNKNOWN_TICKER,
) -> MarketData:
    """Hold a price source to the promises of `PriceSource` and `MarketData`.

    Parameters
    ----------
    source : PriceSource
        Built and ready; it is asked several times.
    tickers : sequence of str
        At least two tickers it has, normalized.
    start, end : date
        Dates in which each of them has at least three bars.
    unknown : str
        A ticker it does not have.

    Returns
    -------
    MarketData
        What it answered, for further tests.

    Raises
    ------
    AssertionError
        Naming the promise that is broken.
    DataError
        If a frame is not what `MarketData` says (see `markets.sources.sound.require_sound`).

    Examples
    --------
    The whole of a source of one's own, over bars already in memory:

    >>> from markets.prices import no_actions
    >>> class Held:
    ...     def __init__(self, market):
    ...         self.market = market
    ...     def load(self, tickers, start, end):
    ...         part = self.market.between(start, end)
    ...         return part if tickers is None else part.only(tickers)
    >>> days = pd.DatetimeIndex(["2025-09-10", "2025-09-11", "2025-09-12"], name="session")
    >>> bars = pd.DataFrame(
    ...     {"open": 9.9, "high": 10.5, "low": 9.5, "close": 10.0, "volume": 1e6}, index=days)
    >>> held = Held(MarketData(bars={"0700.HK": bars, "9988.HK": bars}, actions=no_actions()))
    >>> market = check_price_source(
    ...     held, ["0700.HK", "9988.HK"], date(2025, 9, 10), date(2025, 9, 12))
    >>> market.tickers
    ('0700.HK', '9988.HK')
    """
    whole = source.load(tickers, start, end)
    require_sound(whole)
    _hold(set(whole.bars) == set(tickers), "it returns the tickers asked for, all and no others")
    _hold(set(whole.actions["ticker"]) <= set(tickers), "actions belong to tickers asked for")
    for ticker, frame in whole.bars.items():
        within = start <= frame.index[0].date() and frame.index[-1].date() <= end
        _hold(within, f"bars lie within the dates asked for ({ticker})")
        _hold(len(frame) >= 3, f"the check needs three bars of {ticker}")
    _check_taken_at(whole)
    again = source.load(list(reversed(tickers)), start, end)
    _hold(again.sha256 == whole.sha256, "the same question has the same answer, in any order")
    one = source.load(tickers[:1], start, end)
    _hold(_same(one, whole.only(tickers[:1])), "one ticker's bars do not depend on the others")
    middle = whole.sessions()[len(whole.sessions()) // 2].date()
    early = source.load(_listed_by(whole, tickers, middle), start, middle)
    _hold(_same(early, whole.until(middle)), "what is known by a session does not change later")
    first = whole.sessions()[0].date()
    _refuses(source, [*tickers[:1], unknown], start, end, "a ticker it does not have")
    _refuses(source, tickers[:1], date(1970, 1, 1), date(1970, 1, 2), "dates without a bar")
    _hold(first >= start, "no session before the first date")
    return whole


def _hold(kept: bool, promise: str) -> None:
    if not kept:
        raise AssertionError(f"a price source promises: {promise}")


def _same(left: MarketData, right: MarketData) -> bool:
    """Whether bars and actions are equal bit by bit; a source may know fewer index levels."""
    bare = [
        MarketData(bars=market.bars, actions=market.actions, adjusted=market.adjusted).sha256
        for market in (left, right)
    ]
    return bare[0] == bare[1]


def _listed_by(market: MarketData, tickers: Sequence[str], session: date) -> list[str]:
    return [ticker for ticker in tickers if market.bars[ticker].index[0].date() <= session]


def _check_taken_at(market: MarketData) -> None:
    if market.as_of is None:
        return
    _hold(market.as_of.utcoffset() == timedelta(0), "as_of is in UTC")
    last = market.sessions()[-1].date()
    _hold(last <= hong_kong_date(market.as_of), "no bar is younger than the data")


def _refuses(
    source: PriceSource, tickers: Sequence[str], start: date, end: date, what: str
) -> None:
    try:
        source.load(tickers, start, end)
    except MissingDataError:
        return
    raise AssertionError(f"a price source promises: MissingDataError for {what}")


@dataclass(frozen=True)
class PlainCalendar:
    """A calendar of given sessions, 09:30 to 16:00 Hong Kong time: small enough to reason about.

    Attributes
    ----------
    days : tuple of date
        The sessions, ascending.
    """

    days: tuple[date, ...]

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the sessions from `start` to `end`, both included."""
        return [day for day in self.days if start <= day <= end]

    def is_session(self, day: date) -> bool:
        """Whether a date is a session."""
        return day in self.days

    def open_at(self, session: date) -> datetime:
        """Return the UTC instant of the open."""
        return hong_kong(session, time(9, 30))

    def close_at(self, session: date) -> datetime:
        """Return the UTC instant of the close."""
        return hong_kong(session, time(16, 0))


@st.composite
def calendars(
    draw: st.DrawFn, min_sessions: int = 1, max_sessions: int = 15, first: date = date(2024, 1, 2)
) -> PlainCalendar:
    """Generate calendars: weekdays from `first` on, with holidays."""
    count = draw(st.integers(min_sessions, max_sessions))
    days: list[date] = []
    day = first
    while len(days) < count:
        if day.weekday() < 5 and draw(st.integers(0, 9)) != 9:
            days.append(day)
        day += timedelta(days=1)
    return PlainCalendar(tuple(days))


@st.composite
def bar_frames(draw: st.DrawFn, calendar: PlainCalendar, max_halts: int = 3) -> pd.DataFrame:
    """Generate the bars of one ticker on a calendar: possible prices on thousandths, with halts."""
    halted = draw(st.sets(st.sampled_from(calendar.days), max_size=max_halts))
    days = [day for day in calendar.days if day not in halted] or list(calendar.days[:1])
    # One number a bar, taken apart below: far fewer draws, and it still shrinks to small prices.
    seeds = draw(st.lists(st.integers(0, 10**15 - 1), min_size=len(days), max_size=len(days)))
    rows = []
    for seed in seeds:
        low, shape = 10 + seed // 10**10, seed % 10**10
        spread = low * (shape % 25) // 100
        opens, closes = (low + spread * (shape // base % 100) // 99 for base in (100, 10_000))
        prices = [value / 1000 for value in (opens, low + spread, low, closes)]
        rows.append([*prices, float(1 + shape // 10**6)])
    index = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session")
    return pd.DataFrame(rows, index=index, columns=["open", "high", "low", "close", "volume"])


@st.composite
def action_tables(
    draw: st.DrawFn, tickers: Sequence[str], calendar: PlainCalendar, max_actions: int = 4
) -> pd.DataFrame:
    """Generate splits and dividends, sorted, also on dates without a session."""
    span = (calendar.days[-1] - calendar.days[0]).days
    keys = draw(
        st.sets(
            st.tuples(st.integers(0, span), st.sampled_from(list(tickers))), max_size=max_actions
        )
    )
    rows = []
    for offset, ticker in sorted(keys):
        ratio = draw(st.sampled_from([1.0, 1.0, 2.0, 5.0, 10.0, 0.1, 0.5]))
        cash = draw(st.sampled_from([0.0, 0.35, 1.2, 4.5]))
        day = np.datetime64(calendar.days[0] + timedelta(days=offset), "s")
        rows.append((ticker, day, ratio, cash))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return pd.DataFrame(
        {
            "ticker": pd.Series(columns[0], dtype="str"),
            "ex_date": np.array(columns[1], dtype="datetime64[s]"),
            "ratio": np.array(columns[2], dtype=np.float64),
            "cash_hkd": np.array(columns[3], dtype=np.float64),
        }
    )


@st.composite
def market_data(
    draw: st.DrawFn,
    tickers: Sequence[str] = ("0700.HK", "9988.HK"),
    min_sessions: int = 3,
    max_sessions: int = 10,
) -> MarketData:
    """Generate raw markets: bars with halts, actions, one index, all promises kept.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(market_data())
    ... def test_hash_is_of_content(market):
    ...     assert market.sha256 == market.only(market.tickers).sha256
    """
    calendar = draw(calendars(min_sessions, max_sessions))
    days = pd.DatetimeIndex(np.array(calendar.days, dtype="datetime64[s]"), name="session")
    levels = draw(
        st.lists(st.integers(1, 10**6), min_size=len(days), max_size=len(days)).map(np.array)
    )
    return MarketData(
        bars={ticker: draw(bar_frames(calendar)) for ticker in tickers},
        actions=draw(action_tables(tickers, calendar)),
        indices={"HSI": pd.DataFrame({"close": levels / 10}, index=days)},
        source="generated",
        as_of=datetime.combine(calendar.days[-1], time(10, 0), tzinfo=UTC),
    )
