"""Own metrics, each with its formula, unit, day count and source in its docstring."""

from __future__ import annotations

from backtests.metrics.inference import newey_west_t
from backtests.metrics.returns import SESSIONS_PER_YEAR, session_returns, value_path
from backtests.metrics.summary import summarize
from backtests.metrics.undefined import UndefinedMetric

__all__ = [
    "SESSIONS_PER_YEAR",
    "UndefinedMetric",
    "newey_west_t",
    "session_returns",
    "summarize",
    "value_path",
]
