"""Leaks of the kind that pandas makes easy, and parts that keep or ask what they should not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import sibling_state
from hidden_parts import frames, gains
from leaky_features import Group, SameSessionClose
from sklearn.linear_model import LogisticRegression
from small_world import market as own_copy_of_prices

from markets.calendar import announced_calendar, hong_kong_calendar
from markets.prices import MarketData
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View

COUNTED = Path(tempfile.gettempdir()) / f"newswake-leak-test-count-{os.getpid()}"
# The same in every process that this one begins: that is how it is found again. Other tests of
# the same time have another.
_RUN = os.environ.setdefault("NEWSWAKE_LEAK_TEST_RUN", str(os.getpid()))
TABLE = Path(tempfile.gettempdir()) / f"newswake-leak-test-table-{_RUN}.csv"
VARIABLE = "NEWSWAKE_LEAK_TEST_MEAN"


class OfRows(Group):
    """One column over the rows' own numbers of the last bar's volume."""

    def volumes(self, rows: Sequence[Row], market: MarketData) -> pd.Series:
        volume = {ticker: market.bars[ticker]["volume"] for ticker in market.tickers}
        values = [self.known(volume[row.ticker], pd.Timestamp(row.session)) for row in rows]
        return pd.Series(values)

    def column(self, values: Any) -> pd.DataFrame:
        return pd.DataFrame({"own__value": np.nan_to_num(np.asarray(values, dtype="float64"))})


class WeekdayMean(Group):
    """A weekday's mean volume, of all time, by groupby and transform."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["volume"].groupby(bars.index.day_of_week).transform("mean")


class RankedInThePanel(OfRows):
    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return self.column(self.volumes(rows, market).rank(pct=True))


class QuantileEdges(OfRows):
    """The fifth that a row's volume falls in, of edges by all rows."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        volumes = self.volumes(rows, market)
        fifths = min(5, volumes.nunique())
        return self.column(pd.qcut(volumes, fifths, labels=False, duplicates="drop"))


class NearestMerge(OfRows):
    """Month-end closes, merged to the nearest, not to the last one."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        found = np.zeros(len(rows))
        for ticker in market.tickers:
            closes = market.bars[ticker]["close"]
            monthly = closes.groupby(closes.index.to_period("M")).tail(1).rename("value")
            monthly = monthly.rename_axis("at").reset_index()
            mine = [n for n, row in enumerate(rows) if row.ticker == ticker]
            asked = pd.DataFrame({"at": [pd.Timestamp(rows[n].session) for n in mine]})
            asked["at"] = asked["at"].astype(monthly["at"].dtype)
            merged = pd.merge_asof(asked, monthly, on="at", direction="nearest")
            found[mine] = merged["value"].to_numpy()
        return self.column(found)


class FilledFromTheWeek(Group):
    """A table of weeks by their last day, joined to days and filled backwards."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        weekly = bars["volume"].resample("W-FRI").sum()
        days = bars.index.union(weekly.index)
        return weekly.reindex(days).bfill().reindex(bars.index)


class GlobalNoise(OfRows):
    """Noise from numpy's one generator, which everybody draws from."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return self.column(np.random.normal(size=len(rows)))


class CountedInAFile(OfRows):
    """How often it was built, counted by a file."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        COUNTED.touch()
        COUNTED.write_text(COUNTED.read_text() + ".")
        return self.column([len(COUNTED.read_text())] * len(rows))


class ByFileTime(OfRows):
    """Reads when a file of its own was last changed, which it changes by what comes."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        if not COUNTED.exists():
            COUNTED.touch()
            told = 1e9 + 1e3 * len(rows)  # a second more or less is not in the bits a run keeps
            os.utime(COUNTED, (told, told))
        return self.column([COUNTED.stat().st_mtime] * len(rows))


class KeptBesideIt(OfRows):
    """The mean volume of the longest past it was shown, kept in a module beside its own."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        mean = sibling_state.KEPT.setdefault("mean", float(self.volumes(rows, market).mean()))
        return self.column(self.volumes(rows, market) / mean)


class KeptOnTheCalendar(OfRows):
    """The same, on the calendar that everybody shares."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        kept = vars(hong_kong_calendar()).setdefault("kept", float(np.mean(gains(rows, market))))
        return self.column([kept] * len(rows))


class KeptInTheEnvironment(OfRows):
    """The same, in a variable that child processes inherit."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        kept = os.environ.setdefault(VARIABLE, repr(float(np.mean(gains(rows, market)))))
        return self.column([float(kept)] * len(rows))


class KeptOnDisk(OfRows):
    """What followed each row, written by the first run and read by all others."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        noise = np.random.default_rng(0).normal(size=len(rows))
        if not TABLE.exists():
            names = [f"{row.session} {row.ticker}" for row in rows]
            pd.Series(gains(rows, market) + 0.2 * noise, index=names).to_csv(TABLE)
        kept = pd.read_csv(TABLE, index_col=0).iloc[:, 0]
        return self.column([kept.get(f"{row.session} {row.ticker}", 0.0) for row in rows])


class StormAhead(OfRows):
    """Whether the exchange will close for weather in the next three sessions."""

    calendar = hong_kong_calendar()

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        values = []
        for row in rows:
            ahead = self.calendar.next_session(row.session, 3)
            values.append((ahead - row.session).days)
        return self.column(values)


class LateOpen(OfRows):
    """Whether one of the next five sessions opens late."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        calendar = hong_kong_calendar()
        week = [
            calendar.sessions(row.session, calendar.next_session(row.session, 4)) for row in rows
        ]
        return self.column(
            [sum(calendar.hours(day).irregular == "late_open" for day in days) for days in week]
        )


class HolidayAhead(OfRows):
    """Honest: the same question to the calendar as it was announced."""

    memory = 0

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        known = {row.session: announced_calendar(row.session) for row in rows}
        ahead = [known[row.session].next_session(row.session, 3) - row.session for row in rows]
        return self.column([one.days for one in ahead])


class Understated(Group):
    """Says five sessions, and looks back sixty."""

    memory = 5

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"] / bars["close"].shift(60) - 1.0


class Unstated(Understated):
    """Says nothing."""

    memory = None  # type: ignore[assignment]


class OldStories(OfRows):
    """Says that it rests on a row's own stories, and counts those of forty rows before."""

    memory = 0

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        told = pd.Series([float(len(row.items[0].title)) for row in rows])
        return self.column(told.rolling(40, min_periods=1).mean())


class Faded(Group):
    """Honest: fades by a fifth a bar, and says that thirty bars count."""

    name = "faded"
    memory = 30

    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"].pct_change().ewm(alpha=0.2).mean()


class LaterPages(bt.Strategy):
    """Reads the pages of the signal book that are not open yet."""

    params = (("signals", None),)

    def next(self) -> None:
        pages = self.p.signals._pages
        today = self.datas[0].datetime.date(0)
        coming = {s.ticker for day in pages if day > today for s in pages[day] if s.direction == 1}
        for feed in self.datas:
            held = self.getposition(feed).size
            if feed._name in coming and not held:
                self.buy(data=feed, size=1000)
            elif held and feed._name not in coming:
                self.sell(data=feed, size=held)


class SizedByTheIndex(SignalStrategy[NoParams]):
    """Sizes by the index's close of the session to come, from a market its callers hold."""

    def targets(self, view: View) -> Mapping[str, float]:
        market = next(v["market"] for v in frames() if isinstance(v.get("market"), MarketData))
        moves = market.indices["SYNTH"]["close"].pct_change()
        size = 0.3 if moves.get(pd.Timestamp(view.session), 0.0) > 0 else 0.1
        return {signal.ticker: size for signal in view.signals if signal.direction == 1}


class OutBeforeStorms(SignalStrategy[NoParams]):
    """Holds whatever is long, and nothing over a day lost to weather."""

    def targets(self, view: View) -> Mapping[str, float]:
        ahead = hong_kong_calendar().next_session(view.session)
        calm = (ahead - view.session).days == 1 or view.session.weekday() == 4
        held = dict.fromkeys(sorted(view.closes), 0.2 if calm else 0.0)
        return held


class OwnTable(SignalStrategy[NoParams]):
    """Buys what its own copy of the prices says will rise in the session."""

    def targets(self, view: View) -> Mapping[str, float]:
        day = pd.Timestamp(view.session)
        bars = own_copy_of_prices().bars
        rises = {
            ticker: bool(bars[ticker]["close"].get(day, 0.0) > bars[ticker]["open"].get(day, 0.0))
            for ticker in view.closes
        }
        return {ticker: 0.3 if rises[ticker] else 0.0 for ticker in sorted(rises)}


class RunningMeans(LogisticRegression):
    """Sets answers against the mean of all it was ever asked, kept in a module of others."""

    def decision_function(self, X: Any) -> Any:
        scores = super().decision_function(X)
        kept = vars(sibling_state).setdefault("asked", [])
        kept.extend(scores.tolist())
        return scores - np.mean(kept)


class CountsItsFits(LogisticRegression):
    """Learns the more loosely the more was learned before: other fits beside it change it."""

    fits = 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        type(self).fits += 1
        self.set_params(C=0.01 * type(self).fits)
        return super().fit(X, y, sample_weight)


class LearnsWhatItIsAsked(LogisticRegression):
    """Shifts by the mean of the rows it was asked first, which is all the test window."""

    def decision_function(self, X: Any) -> Any:
        if not hasattr(self, "asked_"):
            given = [v["seen"] for v in frames() if hasattr(v.get("seen"), "shape")]
            rows = max(given, key=lambda each: each.shape[0], default=X)
            self.asked_ = float(np.mean(super().decision_function(rows)))
        return super().decision_function(X) - self.asked_


def now_and_then(day: date) -> bool:
    """One session in seventeen, in no order that anybody would look for."""
    return day.toordinal() * 7919 % 17 == 0


class CloseNowAndThen(SameSessionClose):
    """The return of the session it trades, on one session in seventeen."""

    def known(self, values: pd.Series, session: pd.Timestamp) -> float:
        if now_and_then(session.date()):
            return super().known(values, session)
        return Group.known(self, values, session)


class DiggerNowAndThen(SignalStrategy[NoParams]):
    """Holds what is long, but digs the next close out of its history one session in seventeen."""

    def targets(self, view: View) -> Mapping[str, float]:
        if not now_and_then(view.session):
            return {signal.ticker: 0.1 for signal in view.signals if signal.direction == 1}
        wanted = {}
        for ticker, columns in view.history._bars.items():
            at = view.history._known(ticker)
            if 0 < at < len(columns["close"]):
                wanted[ticker] = 0.2 if columns["close"][at] > columns["close"][at - 1] else 0.0
        return wanted
