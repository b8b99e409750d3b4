"""check_engines: run both engines and name the first difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.broker import BrokerSettings
from backtests.result import EngineResult
from markets.errors import NewswakeError
from markets.prices import MarketData
from signals.decisions import Signal
from strategies.base import StrategySettings

# By table: the column of its rows' sessions. In this order a difference of one session is named:
# an order before its fill, a fill before what it did to the equity.
_TABLES = {
    "actions": "session",
    "orders": "effective_session",
    "fills": "session",
    "trades": "entry_session",
    "equity": "session",
    "holdings": "session",
}
_ROWS = {"actions": "action", "orders": "order", "fills": "fill", "trades": "trade"}


class EngineMismatchError(NewswakeError):
    """The two engines did not do the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two results part first.

    Attributes
    ----------
    table, row, session, column : str
        Of the value; `row` names an order, fill, trade, action or day.
    reference, other : str
        The two values.
    """

    table: str
    row: str
    session: str
    column: str
    reference: str
    other: str


def check_engines(
    strategy: StrategySettings,
    market: MarketData,
    signals: Sequence[Signal],
    *,
    broker: BrokerSettings,
    **run: Any,
) -> EngineResult:
    """Run both engines, demand that they agree in every bit, and return what both did.

    Parameters
    ----------
    strategy, market, signals, broker, **run
        As `backtests.engine.run_engine` takes them; `broker.engine` is of no account.

    Raises
    ------
    EngineMismatchError
        If one value of one table differs; names the first by session.
    ConfigError
        If the compiled engine does not serve this run.
    """
    from backtests.engine import run_engine

    reference, other = (
        run_engine(
            strategy,
            market,
            signals,
            broker=broker.model_copy(update={"engine": engine}),
            **run,
        )
        for engine in ("backtrader", "compiled")
    )
    found = first_difference(reference, other)
    if found is not None:
        raise EngineMismatchError(
            f"the engines differ in {found.column!r} of {found.row}",
            given=f"compiled: {found.other}",
            wanted=f"backtrader: {found.reference}",
            where=f"{found.table}, session {found.session}",
        )
    return reference


def first_difference(reference: EngineResult, other: EngineResult) -> Difference | None:
    """Return where two results part first by session, or None if they are equal in every bit."""
    found = []
    for place, (table, session) in enumerate(_TABLES.items()):
        difference = _between(table, session, getattr(reference, table), getattr(other, table))
        if difference is not None:
            found.append((difference.session, place, difference))
    return min(found, key=lambda each: each[:2])[2] if found else None


def _between(
    table: str, session: str, left: pd.DataFrame, right: pd.DataFrame
) -> Difference | None:
    """Return the first difference of two tables, or None."""
    left, right = _flat(left), _flat(right)
    if list(left.columns) != list(right.columns):
        return Difference(table, "its columns", "", "", str([*left]), str([*right]))
    rows = min(len(left), len(right))
    first = rows if len(left) != len(right) else None
    column = "rows"
    for name in left.columns:
        if left[name].dtype != right[name].dtype:
            kinds = str(left[name].dtype), str(right[name].dtype)
            return Difference(table, "its types", "", name, *kinds)
        one, two = (frame[name].to_numpy()[:rows] for frame in (left, right))
        differs = (one != two) & ~(pd.isna(one) & pd.isna(two))
        at = int(np.argmax(differs)) if differs.any() else None
        if at is not None and (first is None or at < first):
            first, column = at, name
    if first is None:
        return None
    longer = left if len(left) > first else right
    day = f"{longer[session].iloc[first]:%Y-%m-%d}"
    values = [
        f"{len(frame)} rows" if column == "rows" else str(frame[column].iloc[first])
        for frame in (left, right)
    ]
    row = f"{_ROWS[table]} {first + 1}" if table in _ROWS else f"the {table} of {day}"
    return Difference(table, row, day, column, *values)


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index() if frame.index.name == "session" else frame
