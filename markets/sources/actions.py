"""Tables of corporate actions: splits and cash, read without mercy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from markets.errors import DataError
from markets.prices import RejectedRow
from markets.sources.rows import read_sessions
from markets.tickers import normalize_ticker


def read_actions(
    table: pd.DataFrame,
    broken: Sequence[RejectedRow],
    tickers: Sequence[str],
    start: date | None,
    end: date | None,
) -> pd.DataFrame:
    """Return a table of corporate actions as `MarketData.actions` wants it.

    Unlike bars, a bad row here is an error: leaving out one split falsifies every later holding.

    Raises
    ------
    DataError
        If a row cannot be read, is impossible, or stands twice.
    """
    if broken:
        row = broken[0]
        raise DataError(row.problem, given=row.given, wanted=row.wanted, where=row.where)
    where = table["file"].astype("str") + " " + table["row"].astype("str")
    clean = pd.DataFrame(
        {
            "ticker": [
                normalize_ticker(str(text), where=at)
                for text, at in zip(table["ticker"], where, strict=True)
            ]
        },
        dtype="str",
    )
    clean["ex_date"] = read_sessions(table["ex_date"]).days
    for name, absent in (("ratio", 1.0), ("cash_hkd", 0.0)):
        given = table[name] if name in table else pd.Series(absent, index=table.index)
        blank = given.isna() | (given.astype("str").str.strip() == "")
        clean[name] = pd.to_numeric(given.where(~blank, absent), errors="coerce").astype("float64")
    tests = (
        ("no date", "YYYY-MM-DD", clean["ex_date"].isna()),
        ("no split ratio", "shares after for one share before, above 0",
         ~(np.isfinite(clean["ratio"]) & (clean["ratio"] > 0))),
        ("no cash amount", "HKD for one share, 0 or more",
         ~(np.isfinite(clean["cash_hkd"]) & (clean["cash_hkd"] >= 0))),
        ("two actions of one ticker on one date", "one row, with ratio and cash together",
         clean.duplicated(["ticker", "ex_date"])),
    )  # fmt: skip
    for problem, wanted, bad in tests:
        if bad.any():
            at = int(np.flatnonzero(bad.to_numpy())[0])
            shown = ", ".join(f"{name} {table[name].iloc[at]}" for name in table.columns[2:])
            raise DataError(problem, given=shown, wanted=wanted, where=where.iloc[at])
    keep = clean["ticker"].isin(list(tickers))
    if start is not None:
        keep &= clean["ex_date"] >= pd.Timestamp(start)
    if end is not None:
        keep &= clean["ex_date"] <= pd.Timestamp(end)
    return clean[keep].sort_values(["ex_date", "ticker"]).reset_index(drop=True)
