"""Labels, strategies and prices as well-meaning strangers wrote them, each with one mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
from leaky_labels import ThreeOpens
from leaky_sources import HonestPrices
from small_world import small_world

from markets.calendar import hong_kong_calendar
from markets.prices import MarketData


class OutliersCut(ThreeOpens):
    """What lies beyond the first and the last percent of all outcomes is cut off."""

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        low, high = table["forward_return"].quantile([0.01, 0.99])
        cut = table.assign(forward_return=table["forward_return"].clip(low, high))
        return super().judged(cut)


class BarrierTouched(ThreeOpens):
    """Left where a high or a low touches 4 %, and known at the open of that very session."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        entry = frame["open"].iloc[place]
        for at in range(place, min(place + 5, len(frame) - 1)):
            known = frame.index[max(at, place + 1)]
            if frame["high"].iloc[at] >= entry * 1.04:
                return self.told(0.04, known)
            if frame["low"].iloc[at] <= entry * 0.96:
                return self.told(-0.04, known)
        return super().outcome(frame, place)


class ClosesAtMonthsEnd(ThreeOpens):
    """The third open; at the end of a month the books close, so its close."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 3 >= len(frame):
            return None
        end = frame.index[place + 3]
        last = hong_kong_calendar().next_session(end.date()).month != end.month
        price = frame["close" if last else "open"].iloc[place + 3]
        return self.told(price / frame["open"].iloc[place] - 1.0, end)


class LaterLine(bt.Strategy):
    """Compares a line with itself five bars on: the sign of a delay the wrong way round."""

    def __init__(self) -> None:
        self.later = {data: data.close(5) for data in self.datas}

    def next(self) -> None:
        for data, later in self.later.items():
            held = self.getposition(data).size
            if later[0] > data.close[0] and not held:
                self.buy(data=data, size=1000)
            elif later[0] < data.close[0] and held:
                self.sell(data=data, size=held)


class OutAtTheEnd(bt.Strategy):
    """Sells everything before the data end."""

    def next(self) -> None:
        for data in self.datas:
            held, last = self.getposition(data).size, len(data) >= data.buflen() - 2
            if held and last:
                self.sell(data=data, size=held)
            elif not held and not last:
                self.buy(data=data, size=1000)


class FilledPrices(HonestPrices):
    """Bars of a file that was mended as a whole, before anybody asked for a part of it."""

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        part = self.each(small_world().market, self.mended).between(start, end)
        return part if tickers is None else part.only([t for t in tickers if t in part.bars])

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        raise NotImplementedError


class LentOpens(FilledPrices):
    """Opens that the vendor does not have are the close before."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        return _within(bars.assign(open=bars["close"].shift().fillna(bars["open"])))


class LateCloses(FilledPrices):
    """Closes are read after the next auction."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        return _within(bars.assign(close=bars["open"].shift(-1).fillna(bars["close"])))


class DrawnBars(FilledPrices):
    """Every fifteenth bar was missing, and lies on the line between its neighbors."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        holes = bars.astype("float64")
        holes.iloc[7:-1:15] = np.nan
        return holes.interpolate().round(2)


def _within(bars: pd.DataFrame) -> pd.DataFrame:
    prices = bars[["open", "high", "low", "close"]]
    return bars.assign(high=prices.max(axis=1), low=prices.min(axis=1))


class Halted(HonestPrices):
    """Honest: each stock is halted eight times, for four sessions."""

    def changed(self, data: MarketData) -> MarketData:
        bars, idle = {}, {}
        for place, ticker in enumerate(sorted(data.bars)):
            days = small_world().market.bars[ticker].index
            begins = 25 + 11 * place + 36 * np.arange(8)
            halted = days[(begins[:, None] + np.arange(4)).ravel()]
            own = data.bars[ticker]
            idle[ticker] = own.index.intersection(halted)
            bars[ticker] = own.drop(idle[ticker])
        return replace(data, bars=bars, untraded=idle)
