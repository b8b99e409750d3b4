"""Corporate actions: the columns of their table, and what those that may be left out mean."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd

ACTION_COLUMNS = ("ticker", "ex_date", "ratio", "cash_hkd")
LATER_COLUMNS = ("pay_date", "in_specie_ticker", "in_specie_ratio", "delivery_date")
"""Columns a table may leave out: nothing is paid later, and nothing in specie."""

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
