"""A feature group and a strategy as a user might write them, without a leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import backtrader as bt
import pandas as pd

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View


class Weekday:
    """The day of the week of a row's session."""

    name = "own"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return pd.DataFrame({"own__weekday": [float(row.session.weekday()) for row in rows]})


class HoldsLong(SignalStrategy[NoParams]):
    """A fifth of equity in whatever stands long."""

    def targets(self, view: View) -> Mapping[str, float]:
        long = {signal.ticker for signal in view.standing if signal.direction == 1}
        return {ticker: 0.2 if ticker in long else 0.0 for ticker in sorted(view.engaged | long)}


class CrossesItsMean(bt.Strategy):
    """Holds what stands above its mean of ten bars, and rose over five; sells by a stop, too."""

    params = (("signals", None),)

    def __init__(self) -> None:
        self.means = {feed: bt.ind.SMA(feed.close, period=10) for feed in self.datas}

    def next(self) -> None:
        told = {signal.ticker for signal in self.p.signals.effective}
        for feed in self.datas:
            held = self.getposition(feed).size
            rises = feed.close[0] > self.means[feed][0] and feed.close[0] > feed.close[-5]
            if rises and not held and feed._name not in told:
                self.buy(data=feed, size=1000)
                self.sell(data=feed, size=1000, exectype=bt.Order.Stop, price=feed.close[0] * 0.9)
            elif held and not rises:
                self.sell(data=feed, size=held)


class AboveItsMean(SignalStrategy[NoParams]):
    """The same by targets, from the history of the view."""

    def targets(self, view: View) -> Mapping[str, float]:
        wanted = {}
        for ticker in sorted(view.closes):
            last = view.history.last(ticker, "close", 10)
            wanted[ticker] = 0.2 if len(last) == 10 and last[-1] > last.mean() else 0.0
        return wanted
