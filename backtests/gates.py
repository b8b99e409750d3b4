"""Gates: a metric a run is held to, as in ``--fail-under sharpe=0.5``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markets.errors import GateError, UsageError, nearest_name


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
            gates[name.strip()] = float(value)
        except ValueError:
            raise UsageError(
                "a gate needs a metric and a number",
                given=flag,
                wanted="--fail-under performance.sharpe=0.5",
            ) from None
    return gates


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
            raise UsageError("no such metric", given=name, nearest=nearest_name(name, known))
        value = known[name]
        if value is None or value < bound:
            raise GateError("a metric missed its gate", given=f"{name} = {value}", wanted=bound)


def _numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, float | None]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield f"{prefix}{name}", value
