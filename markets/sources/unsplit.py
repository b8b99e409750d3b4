"""Raw bars from Yahoo's: the splits it divided past prices by, multiplied back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from markets.errors import DataError

HKD_DECIMALS = 3  # the smallest tick is 0.001


def flatten(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the frame with one level of columns: yfinance adds the ticker when it is asked so.

    Raises
    ------
    DataError
        If more than one ticker is in it, or a column is missing.
    """
    if frame.columns.nlevels == 2:
        fields = next(
            (level for level in (0, 1) if "Close" in frame.columns.get_level_values(level)), 0
        )
        if len(set(frame.columns.get_level_values(1 - fields))) > 1:
            raise DataError("a snapshot holds one ticker", given=list(frame.columns), where=name)
        frame = frame.set_axis(frame.columns.get_level_values(fields), axis=1)
    absent = {"Open", "High", "Low", "Close", "Volume"} - set(frame.columns)
    if absent:
        raise DataError(
            "Yahoo's table lacks columns",
            given=", ".join(map(str, frame.columns)),
            wanted=", ".join(sorted(absent)),
            where=name,
        )
    return frame


def undo_splits(frame: pd.DataFrame, ticker: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was traded, and the actions, from Yahoo's split-adjusted history.

    Parameters
    ----------
    frame : DataFrame
        yfinance's, ``auto_adjust=False, actions=True``, to the present; index zone-aware dates.
    ticker : str
        Written into the actions.

    Returns
    -------
    bars : DataFrame
        Columns `date, open, high, low, close, volume`: prices times the product of the ratios of
        all later splits, rounded to the exchange's three decimals; volumes divided by it.
    actions : DataFrame
        As `MarketData.actions`. Yahoo states a dividend in shares of today, so it is multiplied by
        the splits from its own date on.
    """
    _refuse_capital_gains(frame, ticker)
    split = frame["Stock Splits"].to_numpy(float) if "Stock Splits" in frame else 0.0
    split = np.where(np.nan_to_num(np.broadcast_to(split, len(frame))) > 0, split, 1.0)
    cash = frame["Dividends"].to_numpy(float) if "Dividends" in frame else np.zeros(len(frame))
    cash = np.nan_to_num(np.broadcast_to(cash, len(frame)))
    from_here = np.multiply.accumulate(split[::-1])[::-1]
    later = from_here / split
    bars = pd.DataFrame({"date": frame.index})
    for name in ("Open", "High", "Low", "Close"):
        bars[name.lower()] = np.round(frame[name].to_numpy(float) * later, HKD_DECIMALS)
    bars["volume"] = np.round(frame["Volume"].to_numpy(float) / later)
    dates = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    happened = (split != 1.0) | (cash > 0)
    actions = pd.DataFrame(
        {
            "ticker": pd.Series([ticker] * int(happened.sum()), dtype="str"),
            "ex_date": dates[happened].to_numpy().astype("datetime64[s]"),
            "ratio": split[happened],
            "cash_hkd": np.round(cash[happened] * from_here[happened], 6),
        }
    )
    return bars, actions


def _refuse_capital_gains(frame: pd.DataFrame, ticker: str) -> None:
    """Refuse what funds elsewhere pay: it is cash that neither bars nor dividends show here."""
    if "Capital Gains" not in frame:
        return
    paid = np.flatnonzero(np.nan_to_num(frame["Capital Gains"].to_numpy(float)))
    if len(paid):
        raise DataError(
            "a distribution of capital gains",
            given=f"{frame['Capital Gains'].iloc[paid[0]]:g} on {frame.index[paid[0]]:%Y-%m-%d}",
            wanted="dividends and splits; or the prices and actions of another source",
            where=ticker,
        )
