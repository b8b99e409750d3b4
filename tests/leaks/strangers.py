"""Feature groups as well-meaning strangers wrote them, each with one mistake."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from leaky_features import Group
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from small_world import small_world

from markets.clock import hong_kong_date
from markets.prices import MarketData
from signals.features.base import Row

# The same in every process of a test, and another in tests beside it.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
DATABASE = Path(tempfile.gettempdir()) / f"newswake-leak-test-means-{WORKER}.sqlite"


class OfRow(Group):
    """One column, a value for each row from the bars of its stock."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        """From a row, its bars, and the place of the first bar that is not known yet."""
        raise NotImplementedError

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        values = []
        for row in rows:
            bars = market.bars.get(row.ticker)
            at = 0 if bars is None else int(bars.index.searchsorted(pd.Timestamp(row.session)))
            values.append(self.value(row, bars, at) if bars is not None and at > 0 else 0.0)
        return pd.DataFrame({"own__value": np.nan_to_num(np.array(values, dtype="float64"))})


def moved(bars: pd.DataFrame, start: int, end: int) -> float:
    """Return the move from the close of one bar to that of another."""
    closes = bars["close"].to_numpy()
    return float(closes[end] / closes[start] - 1.0) if 0 <= start < end < len(closes) else 0.0


def earned(bars: pd.DataFrame, at: int) -> float:
    """Return what three sessions from an open earned, NaN while they are not over."""
    opens = bars["open"].to_numpy()
    return float(opens[at + 3] / opens[at] - 1.0) if at + 3 < len(opens) else float("nan")


class Gradient(Group):
    """The slope of the log price by numpy.gradient: a central difference."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return pd.Series(np.gradient(np.log(bars["close"].to_numpy())), bars.index)


class WithoutSeason(Group):
    """Volume less the mean of its calendar month, in all years there are."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        volume = np.log1p(bars["volume"])
        return volume - volume.groupby(bars.index.month).transform("mean")


class WithoutNoise(Group):
    """The price against its trend, without the fast part of its Fourier transform."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        values = np.log(bars["close"].to_numpy())
        slow = np.fft.rfft(values)
        slow[12:] = 0
        return pd.Series(values - np.fft.irfft(slow, len(values)), bars.index)


class FridaysWeek(OfRow):
    """The week's move by closes of Fridays, joined with those up to the session itself."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        weekly = bars["close"].resample("W-FRI").last().dropna()
        known = weekly[weekly.index <= pd.Timestamp(row.session)]
        return float(known.iloc[-1] / known.iloc[-2] - 1.0) if len(known) > 1 else 0.0


class BarOfTheStorysDate(OfRow):
    """The bar of the date of the last story: before the open there is none yet."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        day = pd.Timestamp(hong_kong_date(row.items[-1].available_at))
        last = int(bars.index.searchsorted(day, side="right")) - 1
        return moved(bars, last - 1, last)


class OpeningGap(OfRow):
    """The gap of the very auction that the decision is for."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        if at >= len(bars) or bars.index[at] != pd.Timestamp(row.session):
            return 0.0
        return float(bars["open"].iloc[at] / bars["close"].iloc[at - 1] - 1.0)


class OneWithAnAdr(OfRow):
    """The night's move in New York, joined on its date: of the one stock that trades there."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        return moved(bars, at - 1, at) if row.ticker == "99002.HK" else 0.0


class NewVendor(OfRow):
    """From November on bars of another vendor, who stamps them with the day before."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        late = row.session >= date(2023, 11, 1)
        return moved(bars, at - 1, at) if late else moved(bars, at - 2, at - 1)


class StillThere(OfRow):
    """A month's move, 0 where no quarter of bars follows: so that an outcome is there."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        return moved(bars, at - 21, at - 1) if at + 60 < len(bars) else 0.0


class WildDays(Group):
    """The index of the day before; of the day itself, where it moves more than 2 %."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        moves = next(iter(market.indices.values()))["close"].pct_change()
        values = []
        for row in rows:
            day = pd.Timestamp(row.session)
            today = float(moves.get(day, 0.0))
            before = moves[moves.index < day]
            values.append(today if abs(today) > 0.022 or before.empty else float(before.iloc[-1]))
        return pd.DataFrame({"own__value": np.nan_to_num(np.array(values))})


class MeanSoFar(Group):
    """The mean of what a stock's rows earned until now: the latest are not over."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        known: dict[str, list[float]] = defaultdict(list)
        values = []
        for row in rows:
            values.append(float(np.mean(known[row.ticker])) if known[row.ticker] else 0.0)
            bars = market.bars.get(row.ticker)
            if bars is not None:
                outcome = earned(bars, int(bars.index.searchsorted(pd.Timestamp(row.session))))
                known[row.ticker] += [] if np.isnan(outcome) else [outcome]
        return pd.DataFrame({"own__value": np.array(values)})


class LeftOneOut(Group):
    """Target encoding: the mean outcome of a kind, but for the row's own, at any time."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        kinds = pd.Series([row.events[0].kind if row.events else "" for row in rows])
        outcomes = []
        for row in rows:
            bars = market.bars[row.ticker]
            outcomes.append(earned(bars, int(bars.index.searchsorted(pd.Timestamp(row.session)))))
        outcome = pd.Series(outcomes)
        groups = outcome.groupby(kinds)
        others = groups.transform("sum") - outcome.fillna(0.0)
        count = groups.transform("count") - outcome.notna()
        return pd.DataFrame({"own__value": (others / count.clip(lower=1)).astype("float64")})


class RareKindsPooled(Group):
    """The kind of a row's event, those with fewer than ten rows as one."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        kinds = pd.Series([row.events[0].kind if row.events else "" for row in rows])
        pooled = kinds.where(kinds.map(kinds.value_counts()) >= 10, "other")
        return pd.DataFrame({"own__value": pooled.map(lambda kind: float(sum(kind.encode()) % 97))})


class Topics(Group):
    """The first topic of all texts."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        texts = [" ".join(item.text for item in row.items) for row in rows]
        topics = TruncatedSVD(3, random_state=0).fit_transform(
            TfidfVectorizer().fit_transform(texts)
        )
        return pd.DataFrame({"own__value": topics[:, 0].astype("float64")})


class KeptInADatabase(Group):
    """A mean that is slow to compute, kept in SQLite by ticker."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        with closing(sqlite3.connect(DATABASE)) as kept, kept:
            kept.execute("create table if not exists means (ticker text primary key, value real)")
            known = dict(kept.execute("select ticker, value from means").fetchall())
            for ticker in sorted({row.ticker for row in rows} - known.keys()):
                known[ticker] = float(market.bars[ticker]["close"].pct_change().tail(60).mean())
                kept.execute("insert into means values (?, ?)", (ticker, known[ticker]))
        return pd.DataFrame({"own__value": [known[row.ticker] for row in rows]})


REPORTS = json.dumps(
    {
        ticker: sorted(
            str(story.published_at.date())
            for story in small_world().plan
            if ticker in story.tickers and story.kind == "earnings"
        )
        for ticker in small_world().market.tickers
    }
)


class ReportsInTheCode(OfRow):
    """Days to the next report, by a table in the code of when they came."""

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        days = [date.fromisoformat(day) for day in json.loads(REPORTS)[row.ticker]]
        return float(min([60, *((day - row.session).days for day in days if day >= row.session)]))
