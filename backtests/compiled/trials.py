"""Trial: one set of strategy and broker values, as numbers the kernel reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings
from backtests.compiled import codes as c
from backtests.compiled.layout import Floats, Ints
from backtests.compiled.refusals import unserved
from backtests.engine import checked_strategy
from markets.settings import Settings
from signals.decisions import Thresholds
from strategies.base import SignalStrategy, StrategySettings
from strategies.baselines import BuyAndHold, EqualWeight, RandomEntries
from strategies.event_hold import EventHold
from strategies.top_ranked import TopRanked

_KNOWN: dict[type[SignalStrategy[Any]], int] = {
    EventHold: c.EVENT_HOLD,
    TopRanked: c.TOP_RANKED,
    BuyAndHold: c.BUY_AND_HOLD,
    EqualWeight: c.EQUAL_WEIGHT,
    RandomEntries: c.RANDOM_ENTRIES,
}
# As many times the worth of shorts fit the kernel's 64 bits.
_MOST_TIMES = 100
# By strategy: the parameter that says how many stocks are held at most.
_COUNTS: dict[type[SignalStrategy[Any]], str] = {EventHold: "max_positions", TopRanked: "k"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a sweep varies on one market and one list of signals.

    Attributes
    ----------
    strategy : StrategySettings
        A built-in one, or any `SignalStrategy`: that is asked session by session, in Python.
    broker : BrokerSettings
        `participation_of`, `participation_sessions`, `impact_sessions`, whether there is an
        impact, `short.enabled` and `short.designated` are the same in all trials of a sweep.
    thresholds : Thresholds or None
        Directions made of the signals' probabilities; None takes the signals' own.
    """

    strategy: StrategySettings
    broker: BrokerSettings
    thresholds: Thresholds | None = None


def params_of(
    settings: StrategySettings, seed: int, resolve: Callable[[str], Any] | None = None
) -> tuple[type[SignalStrategy[Any]], Settings]:
    """Return a strategy's class and its checked parameters.

    Raises
    ------
    ConfigError
        If the strategy is none of signals alone, or a parameter does not fit.
    """
    cls, params = checked_strategy(settings, seed, resolve)
    if params is None:
        raise unserved(
            f"a strategy written for backtrader ({settings.name})",
            "a strategies.base.SignalStrategy",
        )
    return cls, params


def numbers_of(
    cls: type[SignalStrategy[Any]], params: Settings, trial: Trial
) -> tuple[Ints, Floats]:
    """Return a trial as the kernel reads it."""
    broker = trial.broker
    ints, floats = np.zeros(c.INTS_WIDTH, dtype=np.int64), np.zeros(c.FLOATS_WIDTH)
    # A class built on one of those decides for itself: it is asked.
    ints[c.P_STRATEGY] = _KNOWN.get(cls, c.OWN)
    if cls in _KNOWN:
        count = getattr(params, _COUNTS[cls]) if cls in _COUNTS else 1
        ints[c.P_COUNT] = min(count, np.iinfo(np.int32).max)
        ints[c.P_REBALANCE] = getattr(params, "rebalance", False)
        ints[c.P_HOLD] = getattr(params, "hold_sessions", 1)
        floats[c.Q_WEIGHT] = getattr(params, "weight", None) or 1.0 / count
    ints[c.P_FOLLOWS] = cls.follows_signals
    ints[c.P_CASH] = _within(round(broker.cash_hkd * 100), c.WIDEST, "broker.cash_hkd")
    ints[c.P_TICKS] = _within(broker.slippage_ticks, 10**6, "broker.slippage_ticks")
    ints[c.P_BP] = min(round(broker.slippage_bp * 100), 10**6)
    ints[c.P_WAIT] = min(broker.max_wait_sessions, 10**6)
    ints[c.P_THRESHOLDS] = trial.thresholds is not None
    for cell, key, spread in (
        (c.P_MARGIN, "margin_pct", 1),
        (c.P_MAINTENANCE, "maintenance_pct", 1),
        (c.P_NIGHTLY, "borrow_rate_pct", 365),
    ):
        ints[cell : cell + 3] = part_of(getattr(broker.short, key) or 0.0, spread, key)
    floats[c.Q_RESERVED] = 1.0 + trial.strategy.reserve_bp / 10_000.0
    floats[c.Q_BP] = broker.slippage_bp
    floats[c.Q_IMPACT] = broker.impact
    floats[c.Q_PARTICIPATION] = broker.participation or 0.0
    if trial.thresholds is not None:
        floats[c.Q_ABOVE] = trial.thresholds.long_above
        floats[c.Q_BELOW] = trial.thresholds.short_below
    return ints, floats


def _within(value: int, most: int, key: str) -> int:
    if value > most:
        raise unserved(f"{key} of {value}", f"at most {most}")
    return value


def part_of(percent: float, spread: int, key: str) -> tuple[int, int, int]:
    """Return a percentage, spread evenly, as whole + rest / unit."""
    share = Fraction(str(percent)) / 100 / spread
    whole, rest = divmod(share.numerator, share.denominator)
    if whole > _MOST_TIMES or share.denominator >= 2**60:
        raise unserved(f"broker.short.{key} of {percent!r}", "a smaller one with fewer digits")
    return whole, rest, share.denominator


def require_served(strategy: StrategySettings, broker: BrokerSettings, seed: int) -> None:
    """Refuse what the kernel does not serve, as far as a config alone can tell.

    Raises
    ------
    ConfigError
        Names the feature, and the engine that serves it.
    """
    numbers_of(*params_of(strategy, seed), Trial(strategy, broker))
