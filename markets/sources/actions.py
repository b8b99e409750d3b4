"""Tables of corporate actions: splits, cash and distributions in specie, read without mercy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from markets.actions import LATER_COLUMNS, by_key, clashing, without_defaults
from markets.errors import DataError
from markets.prices import RejectedRow
from markets.sources.dates import read_sessions
from markets.tickers import check_hkd, normalize_ticker

_NUMBERS = (("ratio", 1.0), ("cash_hkd", 0.0), ("in_specie_ratio", 0.0))


def read_actions(
    table: pd.DataFrame,
    broken: Sequence[RejectedRow],
    tickers: Sequence[str],
    start: date | None,
    end: date | None,
) -> pd.DataFrame:
    """Return a table of corporate actions as `MarketData.actions` wants it.

    Unlike bars, a bad row here is an error: leaving out one split falsifies every later holding.
    Columns that are absent, and cells that are empty, mean that nothing of the kind happened. A
    ratio may be a decimal number or a fraction, as in 1/21. Who distributes shares of two companies
    on a date has a row for each.

    Raises
    ------
    DataError
        If a row cannot be read, is impossible, or stands twice.
    TickerError
        If a ticker is none of the Hong Kong dollar market.
    """
    if broken:
        row = broken[0]
        raise DataError(row.problem, given=row.given, wanted=row.wanted, where=row.where)
    where = table["file"].astype("str") + " " + table["row"].astype("str")
    clean = pd.DataFrame({"ticker": _tickers(table["ticker"], where)})
    clean["ex_date"] = read_sessions(table["ex_date"]).days
    for name, absent in _NUMBERS:
        clean[name] = _numbers(_cells(table, name), absent)
    clean["in_specie_ticker"] = _tickers(_cells(table, "in_specie_ticker"), where)
    for name in ("pay_date", "delivery_date"):
        cells = _cells(table, name)
        clean[name] = read_sessions(cells.where(cells != "", None)).days
    for problem, wanted, bad in _problems(clean, table):
        if bad.any():
            at = int(np.flatnonzero(bad.to_numpy())[0])
            shown = ", ".join(f"{name} {table[name].iloc[at]}" for name in table.columns[2:])
            raise DataError(problem, given=shown, wanted=wanted, where=where.iloc[at])
    keep = clean["ticker"].isin(list(tickers))
    if start is not None:
        keep &= clean["ex_date"] >= pd.Timestamp(start)
    if end is not None:
        keep &= clean["ex_date"] <= pd.Timestamp(end)
    return without_defaults(by_key(clean[keep]))


def _problems(clean: pd.DataFrame, table: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield each thing a row can have wrong, what would be right, and which rows have it."""
    ratio, cash, share = clean["ratio"], clean["cash_hkd"], clean["in_specie_ratio"]
    named = clean["in_specie_ticker"] != ""
    yield "no date", "YYYY-MM-DD", clean["ex_date"].isna()
    wanted = "shares after for one share before, above 0"
    yield "no split ratio", wanted, ~(np.isfinite(ratio) & (ratio > 0))
    yield "no cash amount", "HKD for one share, 0 or more", ~(np.isfinite(cash) & (cash >= 0))
    wanted = "shares of in_specie_ticker for one share, above 0, as in 1/21"
    yield "no ratio in specie", wanted, ~np.isfinite(share) | (share < 0) | ((share > 0) != named)
    wanted = "in_specie_ticker of another company"
    yield "a distribution of its own shares", wanted, clean["in_specie_ticker"] == clean["ticker"]
    for name in LATER_COLUMNS:
        if name.endswith("_date"):
            given = _cells(table, name) != ""
            yield f"no {name}", "YYYY-MM-DD", given & clean[name].isna()
            early = clean[name] < clean["ex_date"]
            yield f"{name} before ex_date", "a later date, or none", early
    yield "a delivery of nothing", "in_specie_ticker too", clean["delivery_date"].notna() & ~named
    wanted = "one row, with ratio and cash together; without a split, one for each in_specie_ticker"
    yield "two actions of one ticker on one date", wanted, clashing(clean)


def _cells(table: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as texts, empty where it is absent or a cell says nothing."""
    if name not in table:
        return pd.Series("", index=table.index, dtype="str")
    column = table[name]
    return column.astype("str").str.strip().where(column.notna(), "")


def _tickers(column: pd.Series, where: pd.Series) -> pd.Series:
    found = []
    for text, at in zip(column, where, strict=True):
        ticker = normalize_ticker(str(text), where=at) if text else ""
        if ticker:
            check_hkd(ticker, where=at)
        found.append(ticker)
    return pd.Series(found, index=column.index, dtype="str")


def _numbers(cells: pd.Series, absent: float) -> pd.Series:
    return pd.Series([_number(text, absent) for text in cells], index=cells.index, dtype="float64")


def _number(text: str, absent: float) -> float:
    """Return a decimal number or a fraction as a float; NaN if it is neither."""
    if not text:
        return absent
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        return float("nan")
