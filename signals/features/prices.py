"""Price features: what the bars before the row's session said.

Every value is computed forward, from forward-adjusted bars, one lag at a time: bars that come later
cannot change a bit of it, whatever number of them there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row

_RETURN_SESSIONS = (1, 5, 20)
_MOST_SESSIONS_STALE = 60.0
_DAY = "datetime64[D]"


class Prices:
    """Trailing returns, volatility, gap, volume surprise and beta, known at the close before.

    Columns: ``prices__return_<n>`` (total return over n bars), ``prices__relative_<n>`` (less the
    equal-weight mean of all tickers), ``prices__gap``, ``prices__intraday`` (of the last bar),
    ``prices__volatility`` (daily, fraction), ``prices__volume`` (log of the last volume over its
    trailing mean), ``prices__beta`` (against that mean), ``prices__stale`` (log of sessions since
    the last bar), ``prices__short`` (1 where the history is too short for a column, which is then
    0, or 1 for beta).
    """

    name = "prices"

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings
        longest = max(
            *_RETURN_SESSIONS,
            settings.volatility_sessions,
            settings.beta_sessions,
            int(_MOST_SESSIONS_STALE),
        )
        # A return needs the close before. Counted in bars: after a halt they reach further back.
        self.memory = longest + 1

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads bars of sessions before the row's only."""
        sessions = np.array([row.session for row in rows], dtype=_DAY)
        tickers = np.array([row.ticker for row in rows], dtype=object)
        grid = market.sessions().to_numpy().astype(_DAY)
        average = _market_returns(market, grid)
        names = self._names()
        values = np.full((len(rows), len(names)), np.nan)
        stale = np.full(len(rows), _MOST_SESSIONS_STALE)
        for ticker in sorted(set(tickers.tolist()) & set(market.bars)):
            mine = np.flatnonzero(tickers == ticker)
            known = market.bars[ticker].index.to_numpy().astype(_DAY)
            last = np.searchsorted(known, sessions[mine], side="left") - 1
            mine, last = mine[last >= 0], last[last >= 0]
            columns = self._columns(market, ticker, average[np.searchsorted(grid, known)])
            values[mine] = columns[last]
            missed = np.searchsorted(grid, sessions[mine]) - 1 - np.searchsorted(grid, known[last])
            stale[mine] = np.minimum(missed, _MOST_SESSIONS_STALE)
        frame = pd.DataFrame(values, columns=names)
        short = np.isnan(values).any(axis=1).astype("float64")
        frame = frame.fillna({name: 1.0 if name == "beta" else 0.0 for name in names})
        frame["stale"] = np.log1p(stale)
        frame["short"] = short
        return frame.add_prefix("prices__")

    def _names(self) -> list[str]:
        returns = [f"return_{n}" for n in _RETURN_SESSIONS]
        relative = [f"relative_{n}" for n in _RETURN_SESSIONS]
        return [*returns, *relative, "gap", "intraday", "volatility", "volume", "beta"]

    def _columns(self, market: MarketData, ticker: str, average: np.ndarray) -> np.ndarray:
        """Return (n_bars, n_columns): the value of each column once that bar is complete."""
        frame = market.forward_adjusted(ticker)
        opens, closes = frame["open"].to_numpy(), frame["close"].to_numpy()
        returns = trailing_return(closes, 1)
        relative = returns - average
        volume = np.log1p(frame["volume"].to_numpy())
        window = self.settings.volatility_sessions
        return np.column_stack(
            [
                *(trailing_return(closes, n) for n in _RETURN_SESSIONS),
                *(trailing_sum(relative, n) for n in _RETURN_SESSIONS),
                opens / lagged(closes, 1) - 1.0,
                closes / opens - 1.0,
                trailing_volatility(returns, window),
                volume - lagged(trailing_sum(volume, window), 1) / window,
                trailing_beta(returns, average, self.settings.beta_sessions),
            ]
        )


def lagged(values: np.ndarray, by: int) -> np.ndarray:
    """Return the values `by` places earlier; NaN where there are none."""
    earlier = np.full(values.shape, np.nan)
    if by < len(values):
        earlier[by:] = values[: len(values) - by]
    return earlier


def trailing_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Return the sum of the last `window` values; NaN until there are that many.

    Added lag by lag, so that the bits of a sum do not depend on how many values follow.
    """
    total = values.copy()
    for by in range(1, window):
        total = total + lagged(values, by)
    return total


def trailing_return(prices: np.ndarray, window: int) -> np.ndarray:
    """Return the fraction gained over the last `window` bars."""
    return np.asarray(prices / lagged(prices, window) - 1.0)


def trailing_volatility(returns: np.ndarray, window: int) -> np.ndarray:
    """Return the standard deviation of the last `window` returns, as a fraction a bar."""
    mean = trailing_sum(returns, window) / window
    square = trailing_sum(returns * returns, window) / window
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def trailing_beta(returns: np.ndarray, market: np.ndarray, window: int) -> np.ndarray:
    """Return the slope of returns on market returns over the last `window`, within [-1, 3]."""
    mean, mean_market = (
        trailing_sum(returns, window) / window,
        trailing_sum(market, window) / window,
    )
    shared = trailing_sum(returns * market, window) / window - mean * mean_market
    spread = trailing_sum(market * market, window) / window - mean_market * mean_market
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(spread > 1e-12, shared / spread, np.nan)
    return np.clip(slope, -1.0, 3.0)


def _market_returns(market: MarketData, grid: np.ndarray) -> np.ndarray:
    """Return the mean close-to-close return of the tickers with a bar, by session; 0 without."""
    total, count = np.zeros(len(grid)), np.zeros(len(grid))
    for ticker in market.tickers:
        frame = market.forward_adjusted(ticker)
        places = np.searchsorted(grid, frame.index.to_numpy().astype(_DAY))
        returns = trailing_return(frame["close"].to_numpy(), 1)
        known = ~np.isnan(returns)
        total[places[known]] += returns[known]
        count[places[known]] += 1.0
    return np.asarray(total / np.maximum(count, 1.0))
