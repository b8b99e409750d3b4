"""Checks that a SignalStrategy of one's own keeps the laws, and generators of views for tests."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.prices import BAR_COLUMNS
from markets.settings import Settings
from signals.decisions import Signal
from strategies.base import Floats, History, SignalStrategy, View

TICKERS = ("0700.HK", "1810.HK", "3690.HK", "9888.HK", "9988.HK")
_FIRST = date(2024, 1, 2)


@st.composite
def signals(draw: st.DrawFn, session: date, tickers: tuple[str, ...] = TICKERS) -> Signal:
    """Generate a signal that is in force at a session, maybe from that session on."""
    effective = session - timedelta(days=draw(st.integers(0, 4)))
    ticker = draw(st.sampled_from(tickers))
    return Signal(
        signal_id=f"{ticker}-{effective}-{draw(st.integers(0, 9))}",
        ticker=ticker,
        decided_at=datetime(effective.year, effective.month, effective.day, 1, tzinfo=UTC),
        effective_session=effective,
        expires_session=session + timedelta(days=draw(st.integers(1, 5))),
        direction=draw(st.sampled_from((-1, 1))),
        probability=draw(st.floats(0.0, 1.0)),
        fold=0,
        model_sha256="0" * 64,
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    """Generate what a strategy may know before an open, with bars after it that it may not."""
    number = draw(st.integers(0, 60))
    session = _FIRST + timedelta(days=number)
    held = draw(st.dictionaries(st.sampled_from(TICKERS), st.integers(1, 50), max_size=4))
    listed = draw(st.sets(st.sampled_from(TICKERS))) | set(held)
    standing = draw(st.lists(signals(session), max_size=8, unique_by=lambda each: each.ticker))
    standing.sort(key=lambda each: (each.ticker, each.effective_session))
    seed = draw(st.integers(0, 2**16))
    bars, known = _bars(np.random.default_rng(seed), sorted(listed), number)
    closes = {ticker: float(bars[ticker]["close"][known[ticker] - 1]) for ticker in sorted(listed)}
    cash = draw(st.integers(0, 10**8)) / 100
    holdings = {ticker: lots * 100 for ticker, lots in held.items()}
    sold = draw(st.sets(st.sampled_from(sorted(holdings)))) if holdings else set()
    holdings = {t: -shares if t in sold else shares for t, shares in holdings.items()}
    worth = sum(shares * closes[ticker] for ticker, shares in holdings.items())
    waiting = draw(st.dictionaries(st.sampled_from(TICKERS), st.integers(1, 9), max_size=1))
    return View(
        session=session,
        known_session=session - timedelta(days=1),
        number=number,
        signals=tuple(each for each in standing if each.effective_session == session),
        standing=tuple(standing),
        holdings=holdings,
        waiting={ticker: lots * 100 for ticker, lots in waiting.items()},
        ages={ticker: draw(st.integers(1, 10)) for ticker in holdings},
        closes=closes,
        traded=frozenset(draw(st.sets(st.sampled_from(sorted(listed))))) if listed else frozenset(),
        cash_hkd=cash,
        equity_hkd=cash + worth,
        shortable=frozenset(draw(st.sets(st.sampled_from(TICKERS)))),
        history=History(bars, known.__getitem__),
    )


def check_strategy(
    strategy: type[SignalStrategy[Any]], params: Settings | None = None, *, examples: int = 200
) -> None:
    """Hold a strategy to the laws on random views.

    The same view gives the same targets, whatever was asked before and by which instance; the view
    is left as it was; bars after the known session change nothing, not even for a strategy that
    digs in private attributes; targets name tickers and finite weights, below 0 only of what may be
    sold short or is sold short already.

    Parameters
    ----------
    strategy : type of SignalStrategy
        To be checked.
    params : Settings, optional
        Its parameters; by default its `Params()`.
    examples : int
        How many random views.

    Raises
    ------
    AssertionError
        Naming the law and the view that breaks it.

    Examples
    --------
    >>> from strategies.event_hold import EventHold
    >>> check_strategy(EventHold, examples=20)
    """
    chosen = strategy.Params() if params is None else params
    veteran = strategy(chosen)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(views())
    def holds(view: View) -> None:
        check_view(strategy, chosen, veteran, view)

    holds()


def check_view(
    strategy: type[SignalStrategy[Any]],
    params: Settings,
    veteran: SignalStrategy[Any],
    view: View,
) -> None:
    """Hold a strategy to the laws on one view; `veteran` is an instance that saw others before."""
    before = copy.deepcopy(_contents(view))
    first = list(strategy(params).targets(view).items())
    _demand(_contents(view) == before, "it changes the view", view)
    again = list(veteran.targets(view).items())
    _demand(again == first, "it remembers: the same view gives other targets later", view)
    poisoned = list(strategy(params).targets(replace(view, history=_poisoned(view))).items())
    _demand(poisoned == first, "it looks ahead: bars after the known session matter", view)
    for ticker, weight in first:
        known = ticker in TICKERS
        _demand(known, f"it wants a ticker that nobody named: {ticker}", view)
        _demand(math.isfinite(weight), f"a weight is no finite number: {ticker} {weight}", view)
        may = weight >= 0.0 or ticker in view.shortable or view.holdings.get(ticker, 0) < 0
        _demand(may, f"it sells short what may not be sold short: {ticker} {weight}", view)


def _demand(holds: bool, law: str, view: View) -> None:
    if not holds:
        raise AssertionError(f"{law}\n{view}")


def _contents(view: View) -> tuple[Any, ...]:
    """Return a view's fields as plain values, history aside: it hands out copies only."""
    return (
        view.signals,
        view.standing,
        *(
            tuple(mapping.items())
            for mapping in (view.holdings, view.waiting, view.ages, view.origins, view.closes)
        ),
        view.traded,
    )


def _bars(
    draws: np.random.Generator, tickers: list[str], number: int
) -> tuple[Mapping[str, Mapping[str, Floats]], dict[str, int]]:
    """Return bars of which some lie after the known session, and how many lie before."""
    bars: dict[str, Mapping[str, Floats]] = {}
    known: dict[str, int] = {}
    for ticker in tickers:
        count = number + 30
        close = 50.0 * np.exp(np.cumsum(draws.normal(0.0, 0.02, count)))
        columns = dict.fromkeys(BAR_COLUMNS, np.round(close, 2))
        columns["volume"] = np.round(draws.uniform(1e5, 1e7, count))
        bars[ticker] = columns
        known[ticker] = int(draws.integers(1, number + 2))
    return bars, known


def _poisoned(view: View) -> History:
    """Return the history with every bar after the known session replaced."""
    bars: dict[str, Mapping[str, Floats]] = {}
    for ticker, columns in view.history._bars.items():
        known = view.history._known(ticker)
        bars[ticker] = {
            name: np.concatenate([values[:known], -values[known:]])
            for name, values in columns.items()
        }
    return History(bars, view.history._known)
