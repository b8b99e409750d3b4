"""Feature groups and strategies as users might write them, each with one leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import backtrader as bt
import numpy as np
import pandas as pd
from small_world import market as own_copy_of_prices

from markets.calendar import hong_kong_calendar
from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View

REMEMBERED: dict[str, pd.Series] = {}


class Group:
    """One column from the closes of each ticker: `series` says which."""

    name = "own"
    memory = 1000  # sessions: whatever else they hide, they do not hide that

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def series(self, bars: pd.DataFrame) -> pd.Series:
        """A value for each bar; the row takes that of the last bar before its session."""
        raise NotImplementedError

    def known(self, values: pd.Series, session: pd.Timestamp) -> float:
        before = values[values.index < session]
        return float(before.iloc[-1]) if len(before) else 0.0

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        columns = {ticker: self.series(market.bars[ticker]) for ticker in market.tickers}
        values = [
            self.known(columns[row.ticker], pd.Timestamp(row.session))
            if row.ticker in columns
            else 0.0
            for row in rows
        ]
        return pd.DataFrame({f"{self.name}__value": np.nan_to_num(np.array(values, float))})


class SameSessionClose(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"] / bars["open"] - 1.0

    def known(self, values: pd.Series, session: pd.Timestamp) -> float:
        return float(values.get(session, 0.0))


class MonthEnd(Group):
    """Stamps a figure of the month with its last session, whose close is in it."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"] / bars["close"].shift(20) - 1.0

    def known(self, values: pd.Series, session: pd.Timestamp) -> float:
        if hong_kong_calendar().next_session(session.date()).month != session.month:
            return float(values.get(session, 0.0))
        return super().known(values, session)


class ShiftMinusOne(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"].shift(-1) / bars["close"] - 1.0


class CenteredWindow(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"] / bars["close"].rolling(11, center=True, min_periods=1).mean() - 1.0


class ScaledOnAll(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        returns = bars["close"].pct_change()
        return (returns - returns.mean()) / returns.std()


class RankedOnAll(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["volume"].rank(pct=True)


class TargetEncodedTicker(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        forward = bars["open"].shift(-3) / bars["open"] - 1.0
        return pd.Series(forward.mean(), index=bars.index)


class BackFilledStart(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"].pct_change().rolling(90).std().bfill()


class WeeklyBars(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        weekly = bars["close"].resample("W-MON", label="left", closed="left").last()
        return weekly.reindex(bars.index, method="ffill") / bars["close"] - 1.0


class FutureVolume(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return np.log1p(bars["volume"])

    def known(self, values: pd.Series, session: pd.Timestamp) -> float:
        return float(values.get(session, 0.0))


class Interpolated(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        monthly = bars["close"].where(np.arange(len(bars)) % 21 == 0)
        return monthly.interpolate() / bars["close"] - 1.0


class FilteredBothWays(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        once = bars["close"].ewm(span=10).mean()
        return once[::-1].ewm(span=10).mean()[::-1] / bars["close"] - 1.0


class Remembering(Group):
    """Keeps the first history it is shown in a module, so cutting the input changes nothing."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        for ticker in market.tickers:
            bars = market.bars[ticker]
            REMEMBERED.setdefault(ticker, bars["close"].shift(-1) / bars["close"] - 1.0)
        values = [self.known(REMEMBERED[row.ticker], pd.Timestamp(row.session)) for row in rows]
        return pd.DataFrame({"own__value": np.nan_to_num(values)})


class NextDividend(Group):
    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        dates = market.actions.groupby("ticker")["ex_date"].max()
        values = [
            (dates.get(row.ticker, pd.Timestamp(row.session)) - pd.Timestamp(row.session)).days
            for row in rows
        ]
        return pd.DataFrame({"own__value": np.array(values, float)})


class BusyAgainstAllTime(Group):
    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        usual = np.mean([len(row.items) for row in rows])
        return pd.DataFrame({"own__value": [len(row.items) / usual for row in rows]})


class DaysToNextStory(Group):
    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        nearest: dict[str, float] = {}
        values = []
        for row in reversed(rows):
            now = row.decision_at.timestamp() / 86_400
            values.append(nearest.get(row.ticker, now + 60.0) - now)
            nearest[row.ticker] = now
        return pd.DataFrame({"own__value": values[::-1]})


class IndexOfTheDay(Group):
    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        level = market.indices["SYNTH"]["close"]
        moves = level.pct_change()
        values = [float(moves.get(pd.Timestamp(row.session), 0.0)) for row in rows]
        return pd.DataFrame({"own__value": values})


class OwnFile(Group):
    """Joins a table of its own, in which somebody stored next week's returns."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        prices = own_copy_of_prices()
        opens = {t: prices.forward_adjusted(t)["open"] for t in prices.tickers}
        values = []
        for row in rows:
            at = opens[row.ticker].index.searchsorted(pd.Timestamp(row.session))
            series = opens[row.ticker].to_numpy()
            ok = at + 3 < len(series)
            values.append(series[at + 3] / series[at] - 1.0 if ok else 0.0)
        return pd.DataFrame({"own__value": values})


class LevelOfAdjusted(Group):
    """The level of a price: of back-adjusted prices it knows all later payouts."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return np.log(bars["close"])


class NextClose(bt.Strategy):
    """Buys what closes higher in the next bar: a positive index in backtrader."""

    def next(self) -> None:
        for data in self.datas:
            held = self.getposition(data).size
            if len(data) + 1 >= data.buflen():
                continue
            if data.close[1] > data.close[0] and not held:
                self.buy(data=data, size=1000)
            elif data.close[1] < data.close[0] and held:
                self.sell(data=data, size=held)


class AllTimeLow(bt.Strategy):
    """Buys near the low of the whole array behind a line."""

    def next(self) -> None:
        for data in self.datas:
            low = np.nanmin(np.array(data.close.array))
            if data.close[0] < 1.3 * low and not self.getposition(data).size:
                self.buy(data=data, size=1000)


class Digger(SignalStrategy[NoParams]):
    """Digs the next bars out of the history's private arrays."""

    def targets(self, view: View) -> Mapping[str, float]:
        wanted = {}
        for ticker, columns in view.history._bars.items():
            at = view.history._known(ticker)
            if 0 < at < len(columns["close"]):
                up = columns["close"][at] > columns["close"][at - 1]
                wanted[ticker] = 0.3 if up else 0.0
        return wanted


class VolumeDigger(SignalStrategy[NoParams]):
    """Sizes a purchase by the volume of the session it will fill in."""

    def targets(self, view: View) -> Mapping[str, float]:
        wanted = {}
        for signal in view.signals:
            columns = view.history._bars.get(signal.ticker)
            at = view.history._known(signal.ticker)
            if columns is not None and at < len(columns["volume"]) and signal.direction == 1:
                wanted[signal.ticker] = float(min(0.3, columns["volume"][at] / 1e8))
        return wanted
