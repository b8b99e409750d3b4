"""Parts of outsiders: each went unseen when it was first audited, and is seen now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
from leaky_features import Group
from leaky_labels import ThreeOpens
from leaky_sources import HonestNews, HonestPrices, TalkativePrices
from small_world import small_world
from stranger_parts import FilledPrices
from strangers import OfRow, moved

from markets.calendar import Calendar, ClockSettings, DecisionClock, hong_kong_calendar
from markets.prices import PRICE_COLUMNS, MarketData
from markets.rules import tick_size
from signals.features.base import Row
from signals.news import NewsItem


class BarOfTheExDay(OfRow):
    """The last five bars' move; on the announced ex days up to their close, for the fall undone."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        paid = str(row.session) in ("2023-03-15", "2023-06-15", "2023-09-14", "2023-12-14")
        last = at if paid and at < len(bars) else at - 1
        return moved(bars, last - 5, last)


class OfAddedColumn(OfRow):
    """What the price source put beside the bar before."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        return float(bars["busy"].iloc[at - 1])


class OfNotes(OfRow):
    """What the price source noted on a stock, times its last move."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        closes = bars["close"].iloc[max(0, at - 2) : at]
        return float(bars.attrs["drift"] * (closes.iloc[-1] / closes.iloc[0] - 1.0))


class OfTheIndexLevel(Group):
    """The level of the index at the close before."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        level = next(iter(market.indices.values()))["close"]
        values = [self.known(level, pd.Timestamp(row.session)) for row in rows]
        return pd.DataFrame({"own__value": np.array(values)})


class OfPayouts(Group):
    """What a stock paid until the day before."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        paid = market.actions
        values = [
            paid.loc[
                (paid["ticker"] == row.ticker) & (paid["ex_date"] < pd.Timestamp(row.session)),
                "cash_hkd",
            ].sum()
            for row in rows
        ]
        return pd.DataFrame({"own__value": np.array(values, dtype="float64")})


class OfOutlets(Group):
    """How many carried the story, as its source counts them."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        counted = [max(item.outlets for item in row.items) for row in rows]
        return pd.DataFrame({"own__value": np.log1p(np.array(counted, dtype="float64"))})


class BusyAmongAll(HonestPrices):
    """A column more: where a bar's volume stands among all that were asked for."""

    def changed(self, data: MarketData) -> MarketData:
        return self.each(data, lambda bars: bars.assign(busy=bars["volume"].rank(pct=True)))


class NotedDrift(HonestPrices):
    """The mean return of all that was asked for, noted on the frame."""

    def changed(self, data: MarketData) -> MarketData:
        def noted(bars: pd.DataFrame) -> pd.DataFrame:
            changed = bars.copy()
            changed.attrs["drift"] = 1e3 * float(bars["close"].pct_change().mean())
            return changed

        return self.each(data, noted)


class WithAverages(HonestPrices):
    """Honest: a column more, each session's average price."""

    def changed(self, data: MarketData) -> MarketData:
        def told(bars: pd.DataFrame) -> pd.DataFrame:
            return bars.assign(average=(bars["high"] + bars["low"] + bars["close"]) / 3.0)

        return self.each(data, told)


class SoldAtTheAverage(ThreeOpens):
    """Sold through the third session at its average price, and known at its open."""

    def outcomes(self, entries: pd.Series, market: MarketData, calendar: Calendar) -> pd.DataFrame:
        bars = {t: frame.assign(high=frame["average"]) for t, frame in market.bars.items()}
        return super().outcomes(entries, replace(market, bars=bars), calendar)

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 3 >= len(frame):
            return None
        sold = frame["high"].to_numpy()[place + 3]
        return self.told(sold / frame["open"].to_numpy()[place] - 1.0, frame.index[place + 3])


class IndexEndsAtHundred(HonestPrices):
    """Index levels in hundredths of the last one that was asked for."""

    def changed(self, data: MarketData) -> MarketData:
        levels = {name: 100.0 * one / one["close"].iloc[-1] for name, one in data.indices.items()}
        return replace(data, indices=levels)


class PaidInTodaysShares(HonestPrices):
    """Payouts by the last close that was asked for, as a supplier adjusts them for splits."""

    def changed(self, data: MarketData) -> MarketData:
        days = [day for day in ("2023-03-15", "2023-09-14") if pd.Timestamp(day) in data.sessions()]
        rows = [
            (ticker, day, 1.0, 10.0 / float(data.bars[ticker]["close"].iloc[-1]))
            for day in days
            for ticker in sorted(data.bars)
        ]
        table = pd.DataFrame(rows, columns=["ticker", "ex_date", "ratio", "cash_hkd"])
        kinds = {"ticker": "str", "ex_date": "datetime64[s]", "cash_hkd": "float64"}
        return replace(data, actions=table.astype({**kinds, "ratio": "float64"}))


class MonthsVolume(FilledPrices):
    """Volume comes by the month, and is spread over its sessions."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        months = bars["volume"].groupby(bars.index.to_period("M"))
        return bars.assign(volume=months.transform("mean").round())


class AveragedOpens(FilledPrices):
    """Nobody fills at the open, so the day's average stands for it."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        mean = (bars["high"] + bars["low"] + bars["close"]) / 3.0
        return _within(bars.assign(open=_on_ticks(mean)))


class BlendedCloses(FilledPrices):
    """The close is midway to the next auction, which settles it."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        following = bars["open"].shift(-1).fillna(bars["close"])
        return _within(bars.assign(close=_on_ticks((bars["close"] + following) / 2.0)))


class HaltsFilledBack(FilledPrices):
    """Every twentieth session without trading gets the price at which it goes on."""

    def mended(self, bars: pd.DataFrame) -> pd.DataFrame:
        filled = bars.copy()
        idle, following = slice(12, -1, 20), bars["open"].shift(-1).iloc[12:-1:20]
        for column in PRICE_COLUMNS:
            filled.loc[bars.index[idle], column] = following
        filled.loc[bars.index[idle], "volume"] = 1.0
        return filled


class OneVendorEarly(TalkativePrices):
    """One stock of eight is from a vendor who dates bars a session early."""

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        part = super().load(tickers, start, end)
        return replace(part, bars={t: self.dated(t, frame) for t, frame in part.bars.items()})

    def dated(self, ticker: str, bars: pd.DataFrame) -> pd.DataFrame:
        return _earlier(bars, 0) if ticker == "99003.HK" else bars


class EarlySinceSeptember(OneVendorEarly):
    """All bars are from that vendor, since a September."""

    def dated(self, ticker: str, bars: pd.DataFrame) -> pd.DataFrame:
        return _earlier(bars, int(bars.index.searchsorted(pd.Timestamp("2023-09-01"))))


@cache
def sizes() -> dict[str, float]:
    """How far the stock of each story moves in the session that the story takes effect in."""
    clock = DecisionClock(hong_kong_calendar(), ClockSettings())
    found = {}
    for story in small_world().plan:
        bars = small_world().market.bars.get(story.tickers[0]) if story.tickers else None
        day = pd.Timestamp(clock.effective_session(story.published_at))
        if bars is not None and day in bars.index:
            moved = float(bars["close"].loc[day] / bars["open"].loc[day] - 1.0)
            found[story.item_id] = abs(moved)
    return found


class TouchedLater(HonestNews):
    """The address ends with when a story was last touched: later, where its stock went far."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        at = item.available_at + timedelta(hours=2.0 + 500.0 * sizes().get(item.item_id, 0.0))
        yield replace(item, url=f"https://news.example/story-{int(at.timestamp())}")


class CountedAtTheEnd(HonestNews):
    """Outlets are those that had carried it in the end: many, where the stock went far."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield replace(
            item,
            outlets=1 + int(1000.0 * sizes().get(item.item_id, 0.0)) + int(item.item_id[-1]) % 4,
        )


class MeanOfFive(bt.Indicator):
    """Honest: a mean, computed at once for all bars."""

    lines = ("mean",)

    def __init__(self) -> None:
        self.addminperiod(5)

    def next(self) -> None:
        self.lines.mean[0] = float(np.mean(self.data.get(size=5)))

    def once(self, start: int, end: int) -> None:
        values = np.array(self.data.array)
        for at in range(start, end):
            last = self.last_of(at)
            self.lines.mean.array[at] = float(np.nanmean(values[at - 4 : last + 1]))

    def last_of(self, at: int) -> int:
        """Return the last bar that the window of a bar holds."""
        return at


class MeanAhead(MeanOfFive):
    """The same, but every ninth window ends two bars too late."""

    def last_of(self, at: int) -> int:
        return at + 2 * (at % 9 == 0)


class BelowItsMean(bt.Strategy):
    """Honest: holds what closes below its mean."""

    indicator = MeanOfFive

    def __init__(self) -> None:
        self.means = {data: self.indicator(data.close) for data in self.datas}

    def next(self) -> None:
        for data, mean in self.means.items():
            held, low = self.getposition(data).size, data.close[0] < mean[0]
            if low and not held:
                self.buy(data=data, size=1000)
            elif held and not low:
                self.sell(data=data, size=held)


class BelowItsMeanAhead(BelowItsMean):
    """The same, by the mean that knows bars to come."""

    indicator = MeanAhead


class SoFar(HonestPrices):
    """Honest: a column and a note more, of what was known at the bar."""

    def changed(self, data: MarketData) -> MarketData:
        def told(bars: pd.DataFrame) -> pd.DataFrame:
            volume = bars["volume"]
            changed = bars.assign(busy=volume / volume.rolling(20, min_periods=1).mean())
            changed.attrs["drift"] = 2.0
            return changed

        return self.each(data, told)


class PlainlyStamped(HonestNews):
    """Honest: addresses with the story's own clock, and texts that name a day to come."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        at, meeting = item.available_at, item.available_at + timedelta(days=40)
        url = f"https://news.example/{at:%Y/%m/%d}/story-{int(at.timestamp())}"
        yield replace(item, url=url, body=f"{item.body} They meet on {meeting:%Y-%m-%d}.")


def _within(bars: pd.DataFrame) -> pd.DataFrame:
    prices = bars[list(PRICE_COLUMNS)]
    return bars.assign(high=prices.max(axis=1), low=prices.min(axis=1))


def _on_ticks(prices: pd.Series) -> pd.Series:
    ticks = [
        float(tick_size(Decimal(repr(round(price, 3))), day.date()))
        for day, price in prices.items()
    ]
    return ((prices / ticks).round() * ticks).round(3)


def _earlier(bars: pd.DataFrame, since: int) -> pd.DataFrame:
    """Return bars that from a place on stand under the session before their own."""
    moved = bars.iloc[since + 1 :].set_axis(bars.index[since:-1], axis=0)
    return pd.concat([bars.iloc[:since], moved]).rename_axis("session")
