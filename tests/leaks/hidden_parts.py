"""Parts that hide what they know: in clusters, in state kept elsewhere, in callers' frames."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from leaky_features import Group
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from markets.prices import MarketData
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View

KEPT = "_kept_by_a_user"
FILE = Path(tempfile.gettempdir()) / f"newswake-leak-test-rows-{os.getpid()}.npz"


class MaxOfAllTime(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        return bars["close"] / bars["close"].max()


class MonthlyVolatility(Group):
    """The volatility of a calendar month, on each of its days."""

    def series(self, bars: pd.DataFrame) -> pd.Series:
        month = bars.index.to_period("M")
        return bars["close"].pct_change().groupby(month).transform("std")


class Detrended(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        days = np.arange(len(bars))
        level = np.log(bars["close"].to_numpy())
        return pd.Series(level - np.polyval(np.polyfit(days, level, 1), days), bars.index)


class Winsorized(Group):
    def series(self, bars: pd.DataFrame) -> pd.Series:
        returns = bars["close"].pct_change()
        return returns.clip(*returns.quantile([0.05, 0.95]))


class WholePanelOnly(Group):
    """The market's mean return over stocks without a hole in all their history."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        panel = market.matrix("close", market.sessions()).dropna(axis=1)
        mean = panel.pct_change().mean(axis=1).fillna(0.0)
        values = [self.known(mean, pd.Timestamp(row.session)) for row in rows]
        return pd.DataFrame({"own__value": np.array(values, float)})


class SortedByTheFuture(Group):
    """Where a row stands once all are sorted by what they gained."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        order = np.argsort(np.argsort(gains(rows, market)))
        noise = np.random.default_rng(0).normal(size=len(rows))
        return pd.DataFrame({"own__value": order / len(rows) + noise})


class ClusterNumbers(Group):
    """The number of a cluster, of clusters found among all rows."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        points = np.array([[len(row.items), len(row.events)] for row in rows], dtype="float64")
        points += np.random.default_rng(0).normal(size=points.shape)
        found = KMeans(min(4, len(rows)), n_init=1, random_state=0).fit_predict(points)
        return pd.DataFrame({"own__value": found.astype("float64")})


class WordsByOutcome(Group):
    """What followed the rows whose story has the same first word, at any time."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        words = [row.items[0].title[:4] for row in rows]
        mean = pd.Series(gains(rows, market)).groupby(pd.Series(words)).transform("mean")
        return pd.DataFrame({"own__value": mean.to_numpy()})


class LettersOfAll(Group):
    """How rare a row's letters are in the texts of all time: a language told by all texts."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        letters = Counter("".join(row.items[0].text for row in rows))
        texts = [row.items[0].text or " " for row in rows]
        values = [np.mean([letters[letter] for letter in text]) for text in texts]
        return pd.DataFrame({"own__value": np.array(values) / max(letters.total(), 1)})


class Neighbors(Group):
    """What followed the five rows with the most similar last volume, at any time."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        volumes = {ticker: market.bars[ticker]["volume"] for ticker in market.tickers}
        points = np.array(
            [self.known(volumes[row.ticker], pd.Timestamp(row.session)) for row in rows]
        )
        after = gains(rows, market)
        nearest = np.argsort(np.abs(points[:, None] - points[None, :]), axis=1, kind="stable")
        return pd.DataFrame({"own__value": after[nearest[:, 1:6]].mean(axis=1)})


class SeededByTheEnd(Group):
    """Noise, whose seed is the number of rows there will be."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        values = np.random.default_rng(len(rows)).normal(size=len(rows))
        return pd.DataFrame({"own__value": values})


class ElapsedShare(Group):
    """How much of the whole time has gone by."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        days = np.array([row.session.toordinal() for row in rows], dtype="float64")
        return pd.DataFrame({"own__value": (days - days[0]) / max(days[-1] - days[0], 1.0)})


class _MeanOf(Group):
    """The mean return of a stock's whole history in a market, however that was come by."""

    def market(self, given: MarketData) -> MarketData:
        raise NotImplementedError

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        known = self.market(market)
        mean = {t: float(known.bars[t]["close"].pct_change().mean()) for t in known.tickers}
        return pd.DataFrame({"own__value": [mean.get(row.ticker, 0.0) for row in rows]})


class KeptElsewhere(_MeanOf):
    """Keeps the first market it is shown in a module that is not its own."""

    def market(self, given: MarketData) -> MarketData:
        if not hasattr(np, KEPT):
            setattr(np, KEPT, given)
        kept: MarketData = getattr(np, KEPT)
        return kept


class FrameClimber(_MeanOf):
    """Looks for the longest market that any of its callers has at hand."""

    def market(self, given: MarketData) -> MarketData:
        found = [given]
        for values in frames():
            for value in values.values():
                at = getattr(value, "inputs", value)
                market = getattr(at, "market", at)
                if isinstance(market, MarketData):
                    found.append(market)
        return max(found, key=lambda market: sum(map(len, market.bars.values())))


class TieByFutureVolume(SignalStrategy[NoParams]):
    """Of equal signals takes the stock that will trade most."""

    def targets(self, view: View) -> Mapping[str, float]:
        coming = {}
        for signal in view.signals:
            columns = view.history._bars.get(signal.ticker)
            at = view.history._known(signal.ticker)
            if columns is not None and at < len(columns["volume"]) and signal.direction == 1:
                coming[signal.ticker] = columns["volume"][at]
        wanted = {signal.ticker: 0.0 for signal in view.signals}
        return {**wanted, max(coming, key=lambda t: coming[t]): 0.3} if coming else wanted


class SizedByAllTimeVolatility(SignalStrategy[NoParams]):
    """Sizes by the volatility of all bars, those to come included."""

    def targets(self, view: View) -> Mapping[str, float]:
        wanted = {}
        for signal in view.signals:
            columns = view.history._bars.get(signal.ticker)
            if columns is not None and signal.direction == 1:
                moves = np.diff(np.log(np.asarray(columns["close"], dtype="float64")))
                wanted[signal.ticker] = float(min(0.3, 0.004 / max(np.nanstd(moves), 1e-4)))
        return wanted


class ReadsOutcomes(LogisticRegression):
    """Finds the outcomes of the rows it is asked about among what its callers hold."""

    def decision_function(self, X: Any) -> Any:
        scores = super().decision_function(X)
        start, stop = next((v["start"], v["stop"]) for v in frames() if {"start", "stop"} <= {*v})
        rows = next(v["rows"] for v in frames() if "rows" in v)[start:stop]
        target = next(v["work"].outcomes.target for v in frames() if "work" in v)
        return scores + 4.0 * (target[rows] - 0.5)


class HoardsElsewhere(LogisticRegression):
    """Learns from every row that was ever fitted, kept in a module that is not its own."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        seen = getattr(np, KEPT, {})
        seen.setdefault(X.shape[1], []).append((np.asarray(_dense(X)), np.asarray(y)))
        setattr(np, KEPT, seen)
        rows, targets = zip(*seen[X.shape[1]], strict=True)
        return super().fit(np.concatenate(rows), np.concatenate(targets))


class HoardsOnDisk(LogisticRegression):
    """The same, in a file: the next run finds it."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        rows, targets = np.asarray(_dense(X)), np.asarray(y)
        if FILE.exists():
            with np.load(FILE) as kept:
                if kept["rows"].shape[1] == rows.shape[1]:
                    rows = np.concatenate([kept["rows"], rows])
                    targets = np.concatenate([kept["targets"], targets])
        np.savez(FILE, rows=rows, targets=targets)
        return super().fit(rows, targets)


class DrawsUnseeded(LogisticRegression):
    """Learns from rows drawn anew each time."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        drawn = np.random.default_rng().permutation(X.shape[0])[: X.shape[0] * 3 // 4]
        return super().fit(X[drawn], y[drawn], sample_weight[drawn])


class Centered(LogisticRegression):
    """Honest: sets an answer against the others of the rows it is shown, one decision's."""

    def decision_function(self, X: Any) -> Any:
        scores = super().decision_function(X)
        return scores - scores.mean()


def gains(rows: Sequence[Row], market: MarketData) -> np.ndarray:
    """What each row gains in three sessions; 0 where that is not there yet."""
    opens = {ticker: market.bars[ticker]["open"] for ticker in market.tickers}
    found = np.zeros(len(rows))
    for at, row in enumerate(rows):
        place = opens[row.ticker].index.searchsorted(pd.Timestamp(row.session))
        if place + 3 < len(opens[row.ticker]):
            values = opens[row.ticker].to_numpy()
            found[at] = values[place + 3] / values[place] - 1.0
    return found


def frames() -> Iterator[dict[str, Any]]:
    """The local names of every caller, the nearest first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_locals
        frame = frame.f_back


def _dense(X: Any) -> Any:
    return X.toarray() if hasattr(X, "toarray") else X
