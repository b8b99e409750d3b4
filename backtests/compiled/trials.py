"""Trial: one set of strategy and broker values, as numbers the kernel reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings
from backtests.compiled import codes as c
from backtests.compiled.layout import Floats, Ints
from backtests.compiled.refusals import unserved
from backtests.engine import no_strategy
from markets.errors import ConfigError
from markets.settings import Settings
from signals.decisions import Thresholds
from strategies.base import SignalStrategy, StrategySettings, build_params
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
        If the strategy is none of signals alone, or a parameter does not fit.
    """
    cls = resolve(settings.name)
    if not (isinstance(cls, type) and issubclass(cls, SignalStrategy)):
        raise _no_policy(cls, settings.name)
    values = dict(settings.params)
    if "seed" in cls.Params.model_fields:
        values.setdefault("seed", seed)
    return cls, build_params(cls.Params, values, where=f"strategy.params of {settings.name}")


def numbers_of(
    cls: type[SignalStrategy[Any]], params: Settings, trial: Trial
) -> tuple[Ints, Floats]:
    """Return a trial as the kernel reads it."""
    broker = trial.broker
    if broker.short.enabled:
        raise unserved("short selling", "broker.short.enabled = false")
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


def _no_policy(cls: Any, name: str) -> ConfigError:
    """Return the error for a strategy that is no `SignalStrategy`."""
    # Imported here: only this error needs backtrader.
    import backtrader as bt

    if isinstance(cls, type) and issubclass(cls, bt.Strategy):
        return unserved(
            f"a strategy written for backtrader ({name})", "a strategies.base.SignalStrategy"
        )
    return no_strategy(name)
