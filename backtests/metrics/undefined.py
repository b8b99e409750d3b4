"""UndefinedMetric: why a metric has no value on this input; never NaN, never infinity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from markets.errors import NewswakeError

Floats = npt.NDArray[np.float64]


class UndefinedMetric(NewswakeError):
    """A metric has no value on this input; the message is the reason a report prints."""


class Sheet:
    """One section of metrics, and the reason for each one that has no value.

    Parameters
    ----------
    name : str
        Dotted name of the section.

    Attributes
    ----------
    figures : dict
        JSON-ready: finite floats, int, str, None, and nested ones.
    undefined : dict of str to str
        Dotted name of each metric that is None, and why.

    Examples
    --------
    >>> sheet = Sheet("risk")
    >>> sheet.put("volatility", lambda: 0.2)
    >>> sheet.put("sharpe", lambda mean: mean / 0.0 if mean else float("nan"), 0.0)
    >>> sheet.figures, sheet.undefined
    ({'volatility': 0.2, 'sharpe': None}, {'risk.sharpe': 'not a finite number'})
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.figures: dict[str, Any] = {}
        self.undefined: dict[str, str] = {}

    def put(self, name: str, measure: Callable[..., object], *inputs: object) -> None:
        """Store ``measure(*inputs)``, or None and the reason it has no value."""
        try:
            self.figures[name] = tidy(measure(*inputs))
        except UndefinedMetric as reason:
            self.figures[name] = None
            self.undefined[f"{self.name}.{name}"] = reason.problem

    def note(self, **facts: object) -> None:
        """Store values that are always defined."""
        for name, fact in facts.items():
            self.put(name, lambda fact=fact: fact)


def tidy(value: object) -> object:
    """Return a JSON-ready value: floats to 12 significant digits, so bytes outlive the last bit.

    Raises
    ------
    UndefinedMetric
        If a float is not finite.
    """
    if isinstance(value, dict):
        return {str(key): tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise UndefinedMetric("not a finite number")
        return float(f"{float(value):.12g}")
    if isinstance(value, np.integer):
        return int(value)
    return value


def need(condition: bool, reason: str) -> None:
    """Raise UndefinedMetric with `reason` unless `condition` holds."""
    if not condition:
        raise UndefinedMetric(reason)
