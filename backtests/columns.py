"""Columns of a run's tables: types and rounding, the same in memory as in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from backtests.result import COST_COLUMNS
from markets.errors import DataError, MissingDataError, nearest_name

Kind = Literal[
    "whole", "hkd", "price", "ratio", "exact", "text", "flag", "session", "instant", "ids"
]

DECIMALS: Mapping[str, int] = {"hkd": 4, "price": 6, "ratio": 10}
"""Rounding of what is written as text. Cents need two; adjusted prices make fractions of cents."""

ORDERS: Mapping[str, Kind] = {
    "order_id": "whole",
    "ticker": "text",
    "side": "text",
    "short": "flag",
    "shares": "whole",
    "decided_session": "session",
    "effective_session": "session",
    "status": "text",
    "reason": "text",
    "filled_shares": "whole",
    "filled_session": "session",
    "signal_id": "text",
}
FILLS: Mapping[str, Kind] = {
    "fill_id": "whole",
    "order_id": "whole",
    "trade_id": "whole",
    "session": "session",
    "ticker": "text",
    "side": "text",
    "shares": "whole",
    "price_hkd": "price",
    "consideration_hkd": "hkd",
    **dict.fromkeys(COST_COLUMNS, "hkd"),
    "cost_hkd": "hkd",
    "signal_id": "text",
}
TRADES: Mapping[str, Kind] = {
    "trade_id": "whole",
    "ticker": "text",
    "side": "text",
    "entry_session": "session",
    "exit_session": "session",
    "shares": "whole",
    "entry_price_hkd": "price",
    "exit_price_hkd": "price",
    "sessions_held": "whole",
    "gross_pnl_hkd": "hkd",
    "cost_hkd": "hkd",
    "net_pnl_hkd": "hkd",
    "net_return": "ratio",
    "signal_id": "text",
    "is_open": "flag",
}
EQUITY: Mapping[str, Kind] = {
    "session": "session",
    "equity_hkd": "hkd",
    "cash_hkd": "hkd",
    "holdings_hkd": "hkd",
    "short_hkd": "hkd",
    "cost_hkd": "hkd",
    "borrow_hkd": "hkd",
    "turnover_hkd": "hkd",
    "income_hkd": "hkd",
    "benchmark": "hkd",
}
ACTIONS: Mapping[str, Kind] = {
    "session": "session",
    "ticker": "text",
    "trade_id": "whole",
    "shares_before": "whole",
    "shares_after": "whole",
    "dividend_hkd": "hkd",
    "fraction_hkd": "hkd",
    "kind": "text",
    "cash_hkd": "hkd",
    "in_specie_ticker": "text",
    "in_specie_shares": "whole",
    "in_specie_hkd": "hkd",
    "due_date": "session",
}
SIGNALS: Mapping[str, Kind] = {
    "signal_id": "text",
    "ticker": "text",
    "decided_at": "instant",
    "effective_session": "session",
    "expires_session": "session",
    "direction": "whole",
    "probability": "exact",
    "fold": "whole",
    "model_sha256": "text",
    "event_ids": "ids",
    "size": "exact",
}
PREDICTIONS: Mapping[str, Kind] = {
    "decision_at": "instant",
    "ticker": "text",
    "session": "session",
    "fold": "whole",
    "probability": "exact",
    "target": "exact",
    "forward_return": "exact",
    "t0": "session",
    "t1": "session",
}
STORIES: Mapping[str, Kind] = {
    "ticker": "text",
    "session": "session",
    "available_at": "instant",
    "item_id": "text",
    "source": "text",
    "title": "text",
    "kind": "text",
    "polarity": "exact",
    "forward": "flag",
    "published_at": "instant",
    "first_seen_at": "instant",
    "enriched_at": "instant",
    "language": "text",
    "url": "text",
    "events": "text",
}
PRICES: Mapping[str, Kind] = {
    "ticker": "text",
    "session": "session",
    "open": "exact",
    "high": "exact",
    "low": "exact",
    "close": "exact",
    "volume": "exact",
}
BASELINE = "baseline_"
"""Prefix of the equity columns of baseline strategies."""


def typed(frame: pd.DataFrame, columns: Mapping[str, Kind], where: str) -> pd.DataFrame:
    """Return the table with the declared columns first, each of its declared type.

    What a column has no declaration for is kept behind them: probabilities and baselines as
    numbers, everything else as text.

    Parameters
    ----------
    frame : DataFrame
        Of any types, texts of a CSV file included; a fresh range index is set.
    columns : mapping of str to kind
        One of the declarations of this module.
    where : str
        File or table, named in errors.

    Raises
    ------
    MissingDataError
        If a declared column is absent.
    DataError
        If a value is of another kind.
    """
    made: dict[str, pd.Series] = {}
    for name, kind in columns.items():
        if name not in frame.columns:
            raise MissingDataError(
                "a column is not there",
                wanted=name,
                where=where,
                nearest=nearest_name(name, map(str, frame.columns)),
            )
        made[name] = _column(frame[name], kind, f"{where}: {name}")
    for name in map(str, frame.columns):
        if name not in columns:
            made[name] = _column(frame[name], _undeclared(name), f"{where}: {name}")
    return pd.DataFrame({name: column.reset_index(drop=True) for name, column in made.items()})


def empty(columns: Mapping[str, Kind]) -> pd.DataFrame:
    """Return the table without rows."""
    return typed(pd.DataFrame({name: [] for name in columns}), columns, "empty table")


def _undeclared(name: str) -> Kind:
    if name.startswith(BASELINE):
        return "hkd"
    return "exact" if name.startswith("probability_") else "text"


def _column(column: pd.Series, kind: Kind, where: str) -> pd.Series:
    try:
        return _converted(column, kind)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"a value is of another kind ({error})", wanted=kind, where=where) from None


def _converted(column: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        return column.astype(object).where(column.notna(), "").astype("str")
    if kind == "ids":
        return pd.Series([tuple(map(str, ids)) for ids in column], dtype=object)
    if kind == "session":
        days = pd.to_datetime(column.replace("", None), format="ISO8601")
        if days.dt.tz is not None:
            raise ValueError("a session has no zone")
        return days.dt.normalize().astype("datetime64[s]")
    if kind == "instant":
        return pd.to_datetime(column, utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    if kind == "flag":
        return _flags(column)
    numbers = pd.to_numeric(column.replace("", None))
    if kind == "whole":
        if numbers.isna().any() or (numbers % 1 != 0).any():
            raise ValueError("not a whole number")
        return numbers.astype("int64")
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    # Adding zero turns -0.0 into 0.0, which is written without a sign.
    return pd.Series(values if kind == "exact" else values.round(DECIMALS[kind]) + 0.0)


def _flags(column: pd.Series) -> pd.Series:
    words = column.astype(object).map(lambda value: str(value).lower())
    wrong = set(words) - {"true", "false"}
    if wrong:
        raise ValueError(f"neither true nor false: {sorted(wrong)[0]!r}")
    return words == "true"
