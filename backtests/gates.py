"""Gates: a metric a run is held to, as in ``--fail-under risk.sharpe=0.5``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from markets.errors import GateError, UsageError, nearest_name

if TYPE_CHECKING:
    from backtests.config import RunConfig


def parse_gates(flags: Iterable[str]) -> dict[str, float]:
    """Read ``metric=value`` flags.

    Raises
    ------
    UsageError
        If a flag has no metric or its value is no number.
    """
    gates = {}
    for flag in flags:
        name, _, value = flag.partition("=")
        try:
            bound = float(value)
        except ValueError:
            bound = math.nan
        if math.isnan(bound) or not name.strip():
            raise UsageError(
                "a gate needs a metric and a number",
                given=flag,
                wanted="--fail-under risk.sharpe=0.5",
                where="--fail-under",
            )
        gates[name.strip()] = bound
    return gates


def require_metrics(gates: Mapping[str, float], config: RunConfig) -> None:
    """Refuse a gate on a metric that a run of this config cannot have, before it runs.

    Raises
    ------
    UsageError
        With the nearest name.
    """
    if not gates:
        return
    metrics = _metrics_of_nothing(config)
    known = [name for name, _ in _numbers(metrics)]
    # What a run of nothing leaves empty, a real one fills with names of its own.
    filled = tuple(f"{name}." for name in _empty(metrics))
    for name in gates:
        if name not in known and not name.startswith(filled):
            raise _no_such_metric(name, known)


def check_gates(gates: Mapping[str, float], metrics: Mapping[str, Any]) -> None:
    """Hold metrics to their gates.

    Raises
    ------
    UsageError
        If there is no such metric.
    GateError
        If a metric is below its gate, or is not defined.
    """
    known = dict(_numbers(metrics))
    for name, bound in gates.items():
        if name not in known:
            raise _no_such_metric(name, known)
        value = known[name]
        if value is None or value < bound:
            raise GateError("a metric missed its gate", given=f"{name} = {value}", wanted=bound)


def _metrics_of_nothing(config: RunConfig) -> dict[str, Any]:
    """Return the metrics of a run of one session without a trade: what they are called."""
    import pandas as pd

    from backtests import columns
    from backtests.metrics import summarize
    from backtests.result import EngineResult
    from backtests.run import baseline_names
    from signals.classifiers import BASELINES

    capital = config.broker.cash_hkd
    equity = pd.DataFrame(0.0, index=[pd.Timestamp(config.start)], columns=list(columns.EQUITY))
    equity["equity_hkd"] = capital
    equity["benchmark"] = None if config.benchmark is None else capital
    nothing = EngineResult(
        orders=columns.empty(columns.ORDERS),
        fills=columns.empty(columns.FILLS),
        trades=columns.empty(columns.TRADES),
        equity=equity,
        holdings=pd.DataFrame(),
        actions=columns.empty(columns.ACTIONS),
    )
    predicted = columns.empty(columns.PREDICTIONS)
    for name in BASELINES:
        predicted[f"probability_{name}"] = predicted["probability"]
    return summarize(
        nothing,
        capital_hkd=capital,
        baselines=dict.fromkeys(baseline_names(config.strategy), nothing),
        predicted=predicted,
        horizon=config.label.horizon,
    )


def _no_such_metric(name: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    # Who leaves the section out, or names a wrong one, is shown the metric of that name.
    inner = {each.rpartition(".")[2]: each for each in reversed(names)}
    last = nearest_name(name.rpartition(".")[2], inner)
    return UsageError(
        "no such metric",
        given=name,
        wanted="a name in metrics.json, as in risk.sharpe",
        where="--fail-under",
        nearest=nearest_name(name, names) or (inner[last] if last else None),
    )


def _numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | None]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield f"{prefix}{name}", value


def _empty(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in metrics.items():
        if isinstance(value, Mapping) and value:
            yield from _empty(value, f"{prefix}{name}.")
        elif value is None or value == {}:
            yield f"{prefix}{name}"
