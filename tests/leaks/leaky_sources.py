"""Price and news sources as users might write them: honest ones, and ones with one leak each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from small_world import market, small_world, talkative_world

from markets.calendar import hong_kong_calendar
from markets.clock import hong_kong, hong_kong_date
from markets.instruments import Instruments
from markets.prices import PRICE_COLUMNS, MarketData
from markets.sources.synthetic import World
from signals.news import NewsItem
from signals.sources import NewsSettings
from signals.sources.synthetic import SyntheticNews

KEPT_SCALE, KEPT_STORIES = "_scale_kept_by_a_user", "_stories_kept_by_a_user"


class HonestPrices:
    """The small world's bars, cut as asked."""

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        part = self.changed(market().between(start, end))
        return part if tickers is None else part.only([t for t in tickers if t in part.bars])

    def changed(self, data: MarketData) -> MarketData:
        return data

    def each(self, data: MarketData, change: Any) -> MarketData:
        return replace(data, bars={t: change(frame) for t, frame in data.bars.items()})


class BackFilledPrices(HonestPrices):
    """Fills every tenth session from the next one, as `bfill` does on a grid with holes."""

    def changed(self, data: MarketData) -> MarketData:
        def fill(frame: pd.DataFrame) -> pd.DataFrame:
            changed = frame.copy()
            changed.iloc[4:-1:10] = frame.iloc[5::10].to_numpy()[: len(frame.iloc[4:-1:10])]
            return changed

        return self.each(data, fill)


class CloseNowAndThen(HonestPrices):
    """Closes one session in seventeen where the next one opens, within the day's range."""

    def changed(self, data: MarketData) -> MarketData:
        def fill(frame: pd.DataFrame) -> pd.DataFrame:
            following = frame["open"].shift(-1).clip(frame["low"], frame["high"])
            chosen = [stamp.toordinal() * 7919 % 17 == 0 for stamp in frame.index]
            changed = frame.copy()
            changed["close"] = frame["close"].mask(np.array(chosen) & following.notna(), following)
            return changed

        return self.each(data, fill)


class SecretlyAdjusted(HonestPrices):
    """Prices scaled by all payouts up to the last day of the file, and no word of it."""

    def changed(self, data: MarketData) -> MarketData:
        def scale(frame: pd.DataFrame) -> pd.DataFrame:
            changed = frame.copy()
            for column in PRICE_COLUMNS:
                changed[column] = frame[column] * 0.973131
            return changed

        return self.each(data, scale)


class NormalizedByTheLast(HonestPrices):
    """Every ticker scaled to end at 100: another end of the file, other prices of the past."""

    def changed(self, data: MarketData) -> MarketData:
        def scale(frame: pd.DataFrame) -> pd.DataFrame:
            changed = frame.copy()
            for column in PRICE_COLUMNS:
                changed[column] = (frame[column] * 100.0 / frame["close"].iloc[-1]).round(4)
            return changed

        return self.each(data, scale)


class KeptScale(HonestPrices):
    """The same by the last close of what was asked for first, kept in a module of others."""

    def changed(self, data: MarketData) -> MarketData:
        last = {ticker: float(frame["close"].iloc[-1]) for ticker, frame in data.bars.items()}
        kept = vars(np).setdefault(KEPT_SCALE, last)

        def scaled(ticker: str, frame: pd.DataFrame) -> pd.DataFrame:
            factor = 2.0 ** np.round(np.log2(100.0 / kept[ticker]))
            return frame.assign(**{column: frame[column] * factor for column in PRICE_COLUMNS})

        return replace(data, bars={t: scaled(t, frame) for t, frame in data.bars.items()})


class PayingPrices(HonestPrices):
    """Honest prices, with dividends all through the year."""

    def changed(self, data: MarketData) -> MarketData:
        days = ("2023-03-15", "2023-06-15", "2023-09-14", "2023-12-14")
        rows = [(ticker, day) for day in days for ticker in sorted(data.bars)]
        actions = pd.DataFrame(
            {
                "ticker": pd.Series([ticker for ticker, _ in rows], dtype="str"),
                "ex_date": np.array([day for _, day in rows], dtype="datetime64[s]"),
                "ratio": 1.0,
                "cash_hkd": 0.25,
            }
        )
        inside = actions["ex_date"].between(*(data.sessions()[at] for at in (0, -1)))
        return replace(data, actions=actions[inside].reset_index(drop=True))


class TalkativePrices(HonestPrices):
    """Bars of the market with more companies and stories."""

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        part = talkative_world().market.between(start, end)
        return part if tickers is None else part.only(list(tickers))


class SmoothedPrices(HonestPrices):
    """Replaces outliers by a median centered on them."""

    def changed(self, data: MarketData) -> MarketData:
        def smooth(frame: pd.DataFrame) -> pd.DataFrame:
            changed = frame.copy()
            middle = frame["close"].rolling(5, center=True, min_periods=1).median()
            changed["close"] = middle.clip(frame["low"], frame["high"])
            return changed

        return self.each(data, smooth)


class WeeklyLeft(HonestPrices):
    """Weekly bars stamped with the first session of their week."""

    def changed(self, data: MarketData) -> MarketData:
        def weekly(frame: pd.DataFrame) -> pd.DataFrame:
            week = frame.index.to_period("W")
            groups = frame.groupby(week)
            made = groups.agg(
                {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
            )
            made.index = pd.DatetimeIndex(
                pd.Series(frame.index, index=frame.index).groupby(week).first().to_numpy(),
                name="session",
            )
            return made

        return self.each(data, weekly)


class SessionEarly(HonestPrices):
    """Each bar under the date of the session before: a shift by one in a file."""

    def changed(self, data: MarketData) -> MarketData:
        def shifted(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.iloc[1:].set_axis(frame.index[:-1], axis=0)

        return self.each(data, shifted)


class DayEarly(HonestPrices):
    """Each bar under the calendar day before: midnight in Hong Kong read as UTC."""

    def changed(self, data: MarketData) -> MarketData:
        return self.each(data, lambda frame: frame.set_axis(frame.index - pd.Timedelta("1D")))


class AdjustedPrices(HonestPrices):
    """Back-adjusted prices that say so: honest for returns, not for levels."""

    def changed(self, data: MarketData) -> MarketData:
        return replace(data, adjusted=True, actions=data.actions.iloc[:0])


class TodaysMembers(HonestPrices):
    """Bars for the stocks that are in an index today, whatever they were then."""

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        frames = list(market().between(start, end).bars.values())
        named = sorted(Instruments.default().members("hstech", date(2024, 1, 31)))
        bars = {ticker: frames[place % len(frames)] for place, ticker in enumerate(named)}
        return replace(market().between(start, end), bars=bars, actions=market().actions.iloc[:0])


class HonestNews:
    """The small world's stories."""

    def __init__(self, settings: NewsSettings, data_dir: Path, *, known: Any = None) -> None:
        self.settings = settings

    def read(self) -> Iterator[NewsItem]:
        for item in SyntheticNews(self.world()).read():
            yield from self.told(item)

    def world(self) -> World:
        return small_world()

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield item

    def stamped(self, item: NewsItem, at: datetime) -> NewsItem:
        return replace(item, published_at=at, first_seen_at=None, enriched_at=None)


class TalkativeNews(HonestNews):
    """Stories of the market that has more of them."""

    def world(self) -> World:
        return talkative_world()


class CreatedAt(TalkativeNews):
    """Takes the clock of the story's cluster, made one to three days before this report of it."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        days = 1 + int(item.item_id[-2:]) % 3
        yield self.stamped(item, item.available_at - timedelta(days=days))


class DatedToMidnight(TalkativeNews):
    """Keeps the date of a story and loses its time."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield self.stamped(item, hong_kong(hong_kong_date(item.available_at), time()))


class DatedToMorning(TalkativeNews):
    """The same, with a default hour of the feed: 08:00 of the day."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield self.stamped(item, hong_kong(hong_kong_date(item.available_at), time(8)))


class NaiveZone(TalkativeNews):
    """Times written in UTC without a zone, read as Hong Kong's: eight hours early."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield self.stamped(item, item.available_at - timedelta(hours=8))


class SessionLed(TalkativeNews):
    """Every story a session early: a join on the date of the bar it moved."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        calendar = hong_kong_calendar()
        day = calendar.previous_session(hong_kong_date(item.available_at))
        yield self.stamped(item, hong_kong(day, time(8, 30)))


class RevisedInPlace(HonestNews):
    """Keeps the last text of a story under the clock of its first."""

    def read(self) -> Iterator[NewsItem]:
        last = self.settings.as_of
        found: dict[str, NewsItem] = {}
        for item in SyntheticNews(small_world()).read():
            if last is not None and item.available_at > last:
                continue
            first = found.get(item.revision_of or "")
            if first is not None:
                found[first.item_id] = replace(first, title=item.title, body=item.body)
            else:
                found[item.item_id] = item
        yield from found.values()


class KeptRevisions(RevisedInPlace):
    """The same, and asked again it tells what it once told, from a module of others."""

    def read(self) -> Iterator[NewsItem]:
        last = self.settings.as_of
        kept = vars(np).setdefault(KEPT_STORIES, list(super().read()))
        yield from (item for item in kept if last is None or item.available_at <= last)


class Syndicated(HonestNews):
    """Every story comes again, word for word, six days later from another outlet."""

    def told(self, item: NewsItem) -> Iterator[NewsItem]:
        yield item
        at = item.available_at + timedelta(days=6)
        if at.date() < date(2024, 1, 31) and item.revision_of is None:
            again = replace(item, item_id=f"again-{item.item_id}", source="copies")
            yield self.stamped(again, at)
