"""What signals, fills and marks promise, computed again from the calendar and the bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from backtests.robustness.breaches import breach
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.traces import Trace
from markets.plugins import load
from markets.rules import UNITS_PER_HKD, tick_size
from strategies.base import SignalStrategy

_AUCTION = timedelta(minutes=15)


def signals(traced: Trace) -> Iterator[Leak]:
    """Yield signals decided in their opening auction or later, or that no model spoke for."""
    calendar, learned = traced.inputs.calendar, traced.learned
    predictions = learned.predictions.values
    said = dict(zip(predictions.index, predictions["probability"].tolist(), strict=True))
    for signal in learned.signals:
        name = f"{signal.effective_session} {signal.ticker}"
        leak = partial(Leak, "leak", "signal clocks", "signals", row=name)
        latest = calendar.hours(signal.effective_session).regular_open - _AUCTION
        if signal.decided_at > latest:
            yield leak(
                "decided after its opening auction began",
                column="decided_at",
                given=str(signal.decided_at),
                expected=f"by {latest}",
            )
        probability = said.get((pd.Timestamp(signal.decided_at), signal.ticker))
        if probability != signal.probability:
            yield leak(
                "a signal that no model spoke for",
                column="probability",
                given=repr(signal.probability),
                expected=repr(probability),
            )


def fills(traced: Trace) -> Iterator[Leak]:
    """Yield fills not later than their decision, and market orders that beat the open."""
    market = traced.inputs.market
    orders = traced.engine.orders.set_index("order_id")
    only_market = _trades_at_open(traced)
    fills: Any = traced.engine.fills.itertuples()
    for fill in fills:
        order = orders.loc[fill.order_id]
        name = f"fill {fill.fill_id} on {fill.session:%Y-%m-%d} {fill.ticker}"
        leak = partial(Leak, "leak", "fills", "fills", row=name)
        if not order["decided_session"] < order["effective_session"] <= fill.session:
            yield leak(
                "a fill in the session it was decided on, or before",
                column="session",
                given=str(fill.session),
                expected=f"after {order['decided_session']}, from {order['effective_session']} on",
            )
        bars = market.bars[fill.ticker]
        if fill.session not in bars.index:
            yield leak(
                "a fill in a session without a bar",
                column="session",
            )
            continue
        sign = 1 if fill.side == "buy" else -1
        opened = round(float(bars["open"].loc[fill.session]) * UNITS_PER_HKD)
        paid = round(fill.price_hkd * UNITS_PER_HKD)
        if only_market and sign * paid < sign * opened:
            yield leak(
                "a market order fills better than the open it meets",
                column="price_hkd",
                given=repr(fill.price_hkd),
                expected=f"{opened / UNITS_PER_HKD!r} or worse",
            )
        elif only_market and sign * (paid - opened) > _most_slippage(traced, opened, fill.session):
            yield leak(
                "a fill far from the open it was meant for",
                column="price_hkd",
                given=repr(fill.price_hkd),
                expected=f"about {opened / UNITS_PER_HKD!r}",
            )


def _trades_at_open(traced: Trace) -> bool:
    """Whether the strategy sends market orders only: a SignalStrategy has no others."""
    strategy = load("strategies", traced.config.strategy.name)
    return isinstance(strategy, type) and issubclass(strategy, SignalStrategy)


def _most_slippage(traced: Trace, opened: int, session: pd.Timestamp) -> float:
    broker = traced.config.broker
    if broker.impact:
        return float("inf")  # as much as the order was large
    worse = opened * broker.slippage_bp / 1e4
    if traced.inputs.market.adjusted:
        return worse + 1
    # Slippage can carry a price into a coarser band of ticks.
    tick = tick_size(Decimal(round(opened + worse)) / UNITS_PER_HKD, session.date())
    return worse + float(tick) * UNITS_PER_HKD * 2 * (broker.slippage_ticks + 2)


def marks(traced: Trace) -> Iterator[Leak]:
    """Yield sessions in which holdings are not worth their last close by then."""
    engine, market = traced.engine, traced.inputs.market
    days = pd.DatetimeIndex(engine.holdings.index)
    worth, idle = np.zeros(len(days)), np.zeros(len(days), dtype=bool)
    for ticker in engine.holdings.columns:
        shares = engine.holdings[ticker].to_numpy()
        if not shares.any():
            continue
        closes = market.bars[ticker]["close"]
        known = closes.reindex(closes.index.union(days)).ffill().reindex(days).fillna(0.0)
        worth += shares * known.to_numpy()
        idle |= (shares != 0) & ~days.isin(closes.index)
    told = engine.equity["holdings_hkd"].to_numpy()
    broken = np.abs(told - worth) > 0.02 * max(1, len(engine.holdings.columns))
    # A stock that is halted over an ex date is marked by what it split into or paid.
    broken &= ~idle
    yield from breach(
        "equity",
        "marks",
        [f"{day:%Y-%m-%d}" for day in days],
        broken,
        "holdings_hkd",
        told,
        worth,
        "holdings are not worth their last close",
    )
