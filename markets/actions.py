"""Corporate actions: the columns of their table, and what those that may be left out mean."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd

ACTION_COLUMNS = ("ticker", "ex_date", "ratio", "cash_hkd")
LATER_COLUMNS = ("pay_date", "in_specie_ticker", "in_specie_ratio", "delivery_date")
"""Columns a table may leave out: nothing is paid later, and nothing in specie."""
ACTION_KEY = ("ex_date", "ticker", "in_specie_ticker")
"""What tells a row from every other, in the order of rows: one filing may distribute two things."""

# Ratios are small fractions (1/21, 18/17) that a float approximates; shares are counted exactly.
_LARGEST_DENOMINATOR = 10_000


def no_actions() -> pd.DataFrame:
    """Return an actions table without rows, with the right columns and types."""
    return pd.DataFrame(
        {
            "ticker": pd.Series(dtype="str"),
            "ex_date": pd.Series(dtype="datetime64[s]"),
            "ratio": pd.Series(dtype="float64"),
            "cash_hkd": pd.Series(dtype="float64"),
        }
    )


def all_columns(actions: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every column, those it left out filled with what that means.

    Returns
    -------
    DataFrame
        `ACTION_COLUMNS`, then `pay_date` and `delivery_date` (NaT: on the ex date),
        `in_specie_ticker` (empty: nothing in specie), `in_specie_ratio` (0.0 there).
    """
    nothing = {"in_specie_ticker": "", "in_specie_ratio": 0.0}
    full = actions.copy()
    for name in LATER_COLUMNS:
        if name not in full:
            absent = nothing.get(name, pd.NaT)
            full[name] = pd.Series(absent, index=full.index, dtype=_DTYPES[name])
    return full[[*ACTION_COLUMNS, *LATER_COLUMNS]]


def without_defaults(actions: pd.DataFrame) -> pd.DataFrame:
    """Return a table without those later columns that say nothing in any row."""
    full = all_columns(actions)
    said = {
        "pay_date": full["pay_date"].notna(),
        "in_specie_ticker": full["in_specie_ticker"] != "",
        "in_specie_ratio": full["in_specie_ratio"] != 0.0,
        "delivery_date": full["delivery_date"].notna(),
    }
    return full[[*ACTION_COLUMNS, *(name for name in LATER_COLUMNS if said[name].any())]]


def by_key(actions: pd.DataFrame) -> pd.DataFrame:
    """Return a table in the order of `ACTION_KEY`, rows numbered from 0, columns as they were."""
    full = all_columns(actions).reset_index(drop=True)
    order = full.sort_values(list(ACTION_KEY), kind="stable").index
    return actions.iloc[order].reset_index(drop=True)


def clashing(actions: pd.DataFrame) -> pd.Series:
    """Return which rows say something else about an event than a row before them.

    All rows of a ticker on a date count old shares. So a second row must distribute another share,
    or only cash, and a split stands alone: what came first would have to be known.

    Returns
    -------
    Series of bool, indexed like `actions`

    Examples
    --------
    >>> split = pd.DataFrame({"ticker": ["0700.HK"] * 2, "ex_date": pd.Timestamp("2022-01-20"),
    ...                       "ratio": [1.0, 2.0], "cash_hkd": [1.6, 0.0],
    ...                       "in_specie_ticker": ["", "9618.HK"], "in_specie_ratio": [0.0, 0.05]})
    >>> clashing(split).tolist(), clashing(split.assign(ratio=1.0)).tolist()
    ([False, True], [False, False])
    """
    full = all_columns(actions)
    event = [full["ex_date"], full["ticker"]]
    splits = full["ratio"].ne(1.0).groupby(event).transform("any")
    repeated = full.duplicated(list(ACTION_KEY))
    return repeated | (splits & full.duplicated(["ex_date", "ticker"]))


def exact_ratio(ratio: float) -> Fraction:
    """Return the small fraction that a float stands for.

    Examples
    --------
    >>> exact_ratio(1 / 21), exact_ratio(0.1)
    (Fraction(1, 21), Fraction(1, 10))
    """
    return Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR)


_DTYPES = {
    "pay_date": "datetime64[s]",
    "in_specie_ticker": "str",
    "in_specie_ratio": "float64",
    "delivery_date": "datetime64[s]",
}
