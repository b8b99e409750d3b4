"""Trial: one set of strategy and broker values, as numbers the kernel reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings
from backtests.compiled import layout
from backtests.compiled.layout import Floats, Ints
from backtests.compiled.world import unserved
from markets.settings import Settings
from signals.decisions import Thresholds
from strategies.base import SignalStrategy, StrategySettings, build_params
from strategies.baselines import BuyAndHold, EqualWeight, RandomEntries
from strategies.event_hold import EventHold
from strategies.top_ranked import TopRanked

_KNOWN: dict[type[SignalStrategy[Any]], int] = {
    EventHold: layout.EVENT_HOLD,
    TopRanked: layout.TOP_RANKED,
    BuyAndHold: layout.BUY_AND_HOLD,
    EqualWeight: layout.EQUAL_WEIGHT,
    RandomEntries: layout.RANDOM_ENTRIES,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a sweep varies on one market and one list of signals.

    Attributes
    ----------
    strategy : StrategySettings
        One that the compiled engine knows.
    broker : BrokerSettings
        `participation_of`, `participation_sessions`, `impact_sessions` and whether there is an
        impact are the same in all trials of a sweep.
    thresholds : Thresholds or None
        Directions made of the signals' probabilities; None takes the signals' own.
    """

    strategy: StrategySettings
    broker: BrokerSettings
    thresholds: Thresholds | None = None


def params_of(
    settings: StrategySettings, seed: int, resolve: Callable[[str], Any]
) -> tuple[type[SignalStrategy[Any]], Settings]:
    """Return a strategy's class and its checked parameters.

    Raises
    ------
    ConfigError
        If the compiled engine does not know the strategy, or a parameter does not fit.
    """
    cls = resolve(settings.name)
    if cls not in _KNOWN:
        raise unserved(
            f"strategy {settings.name!r}", "one of the built-in strategies by its published name"
        )
    values = dict(settings.params)
    if "seed" in cls.Params.model_fields:
        values.setdefault("seed", seed)
    return cls, build_params(cls.Params, values, where=f"strategy.params of {settings.name}")


def numbers_of(
    cls: type[SignalStrategy[Any]], params: Settings, trial: Trial
) -> tuple[Ints, Floats]:
    """Return a trial as the kernel reads it."""
    broker = trial.broker
    ints = np.zeros(layout.INTS_WIDTH, dtype=np.int64)
    ints[layout.P_STRATEGY] = _KNOWN[cls]
    count = getattr(params, "max_positions", getattr(params, "k", 1))
    ints[layout.P_COUNT] = min(count, np.iinfo(np.int32).max)
    ints[layout.P_REBALANCE] = getattr(params, "rebalance", False)
    ints[layout.P_HOLD] = getattr(params, "hold_sessions", 1)
    ints[layout.P_FOLLOWS] = cls.follows_signals
    ints[layout.P_CASH] = _within(round(broker.cash_hkd * 100), layout.WIDEST, "broker.cash_hkd")
    ints[layout.P_TICKS] = _within(broker.slippage_ticks, 10**6, "broker.slippage_ticks")
    ints[layout.P_BP] = min(round(broker.slippage_bp * 100), 10**6)
    ints[layout.P_WAIT] = min(broker.max_wait_sessions, 10**6)
    ints[layout.P_THRESHOLDS] = trial.thresholds is not None
    floats = np.zeros(layout.FLOATS_WIDTH)
    floats[layout.Q_WEIGHT] = getattr(params, "weight", None) or 1.0 / count
    floats[layout.Q_RESERVE] = trial.strategy.reserve_bp
    floats[layout.Q_BP] = broker.slippage_bp
    floats[layout.Q_IMPACT] = broker.impact
    floats[layout.Q_PARTICIPATION] = broker.participation or 0.0
    if trial.thresholds is not None:
        floats[layout.Q_ABOVE] = trial.thresholds.long_above
        floats[layout.Q_BELOW] = trial.thresholds.short_below
    return ints, floats


def _within(value: int, most: int, key: str) -> int:
    if value > most:
        raise unserved(f"{key} of {value}", f"at most {most}")
    return value
