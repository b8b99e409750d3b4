"""Panel: opens and closes by session and ticker, as labels are measured on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.calendar import Calendar
from markets.prices import MarketData
from signals.features.prices import trailing_return, trailing_volatility

_DAY = "datetime64[D]"
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panel:
    """Opens and closes by calendar session and ticker; NaN without a bar."""

    sessions: NDArray[np.datetime64]
    opens: Floats
    closes: Floats
    columns: dict[str, int]

    @classmethod
    def of(cls, entries: pd.Series, market: MarketData, calendar: Calendar) -> Panel:
        """Return the panel from the first bar, or the first entry session, to the last bar."""
        traded = market.sessions()
        first, last = traded[0].date(), traded[-1].date()
        wanted = entries.min().date()
        days: list[date] = calendar.sessions(min(first, wanted), last)
        index = pd.DatetimeIndex(days)
        return cls(
            sessions=np.array(days, dtype=_DAY),
            opens=market.matrix("open", index, forward_adjusted=True).to_numpy(),
            closes=market.matrix("close", index, forward_adjusted=True).to_numpy(),
            columns={ticker: place for place, ticker in enumerate(market.tickers)},
        )

    def next_open(self) -> Ints:
        """Return, by session and ticker, the first session from it on with a bar; else the end."""
        n = len(self.sessions)
        at = np.where(np.isnan(self.opens), n, np.arange(n)[:, None])
        return np.asarray(np.minimum.accumulate(at[::-1], axis=0)[::-1])

    def volatility(self, window: int) -> Floats:
        """Return trailing daily volatility after each close, from the ticker's own bars."""
        values = np.full(self.closes.shape, np.nan)
        for place in range(self.closes.shape[1]):
            traded = np.flatnonzero(~np.isnan(self.closes[:, place]))
            returns = trailing_return(self.closes[traded, place], 1)
            values[traded, place] = trailing_volatility(returns, window)
        return values


def before(values: Floats, start: Ints, column: Ints) -> Floats:
    """Return each row's last value before its entry session, 0 where there is none."""
    filled = pd.DataFrame(values).ffill().to_numpy()
    place = np.clip(start - 1, 0, max(len(filled) - 1, 0))
    found = filled[place, column]
    return np.where((start > 0) & (column >= 0) & ~np.isnan(found), found, 0.0)


def scaled(
    earned: Floats, panel: Panel, window: int, horizon: int, start: Ints, column: Ints
) -> Floats:
    """Return returns in trailing volatilities of a horizon, known before each row's entry.

    A stock that has none yet is measured by the median of those that do; NaN where none does.
    """
    volatility = panel.volatility(window)
    typical = pd.DataFrame(volatility).ffill().median(axis=1).to_numpy()[:, None]
    own = before(volatility, start, column)
    scale = np.where(own > 0, own, before(typical, start, np.zeros_like(column)))
    return np.asarray(earned / np.where(scale > 0, scale, np.nan) / math.sqrt(horizon))


def has_entry(
    panel: Panel, sessions: NDArray[np.datetime64], start: Ints, column: Ints
) -> NDArray[np.bool_]:
    """Return whether each row's stock has an open in its entry session."""
    inside = (start < len(panel.sessions)) & (column >= 0)
    inside[inside] = panel.sessions[start[inside]] == sessions[inside]
    inside[inside] = ~np.isnan(panel.opens[start[inside], column[inside]])
    return inside
