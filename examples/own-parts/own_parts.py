"""Five parts of one's own: prices, stories, a feature group, a classifier and a strategy.

Nothing is registered anywhere: `run.toml`, beside this file, names each one as ``own_parts:Class``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.base import BaseEstimator, ClassifierMixin

from markets.clock import HONG_KONG, parse_instant
from markets.errors import DataError, MissingDataError, NewswakeError
from markets.prices import BAR_COLUMNS, MarketData, no_actions
from markets.settings import Settings
from signals.features import FeatureSettings
from signals.features.base import Row
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings
from strategies.base import SignalStrategy, View

HERE = Path(__file__).parent


class Ledger:
    """Prices from a text of one's own: a line ``[TICKER]``, then a line a session below it.

    Parameters
    ----------
    file : str
        Beside this module. It comes from ``[prices.options]`` of the config.
    """

    def __init__(self, file: str = "prices.txt") -> None:
        self.path = HERE / file

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` from `start` to `end`, as `markets.prices.PriceSource`."""
        market = MarketData(self._bars(), no_actions(), source=self.path.name)
        within = market.between(start, end)
        return within.only(within.tickers if tickers is None else tickers)

    def _bars(self) -> dict[str, pd.DataFrame]:
        if not self.path.is_file():
            raise MissingDataError("no such price file", given=self.path.name)
        rows: dict[str, list[list[str]]] = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                ticker = line.strip("[]")
                rows[ticker] = []
            elif line:
                rows[ticker].append(line.split())
        return {ticker: _frame(lines) for ticker, lines in rows.items()}


def _frame(lines: list[list[str]]) -> pd.DataFrame:
    sessions = pd.DatetimeIndex([line[0] for line in lines], name="session").as_unit("s")
    numbers = [[float(cell) for cell in line[1:]] for line in lines]
    return pd.DataFrame(numbers, index=sessions, columns=list(BAR_COLUMNS))


class Diary:
    """Stories from a diary: ``INSTANT | headline``, a line a story.

    Parameters
    ----------
    settings : NewsSettings
        Its `path` is the file, beside this module.
    data_dir : Path
        The run's data folder; not needed here.
    known : collection of str, optional
        Tickers of the universe; not needed here, since the diary names companies, not tickers.
    """

    def __init__(
        self, settings: NewsSettings, data_dir: Path, known: Collection[str] | None = None
    ) -> None:
        self.path = HERE / (settings.path or "diary.txt")

    def read(self) -> Iterator[NewsItem | Rejection]:
        """Yield each line as a story, or as the reason why it is none."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            where = f"{self.path.name}:{number}"
            try:
                yield self._item(line, where)
            except NewswakeError as error:
                yield Rejection.of(error, where)

    @staticmethod
    def _item(line: str, where: str) -> NewsItem:
        clock, bar, title = line.partition(" | ")
        if not bar:
            raise DataError("a line without a bar", given=line, wanted="INSTANT | headline")
        published_at = parse_instant(clock, where=where)  # refuses a time without its zone
        return NewsItem(where, published_at, source="diary", title=title, language="en")


class Hour:
    """Feature group: what part of a row's stories came while the exchange was closed."""

    name = "hour"
    memory = 0  # sessions: it rests on a row's own stories

    def __init__(self, settings: FeatureSettings) -> None:
        pass

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads nothing but the row's own stories."""
        share = [np.mean([_was_closed(item) for item in row.items]) for row in rows]
        return pd.DataFrame({"hour__closed": np.array(share, dtype="float64")})


def _was_closed(item: NewsItem) -> bool:
    told = item.available_at.astimezone(HONG_KONG)
    return not (9, 30) <= (told.hour, told.minute) < (16, 0)


class Centroids(ClassifierMixin, BaseEstimator):
    """Classifier: which class's weighted mean is nearer, in standard deviations.

    Parameters
    ----------
    shrink : float
        Rows of no opinion that each mean is mixed with: more of them, smaller answers.
    """

    def __init__(self, shrink: float = 100.0) -> None:
        self.shrink = shrink

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Centroids:
        """Learn the two means."""
        X, y = np.asarray(X, dtype="float64"), np.asarray(y)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.classes_ = np.unique(y)
        low, high = (self._mean(X[y == label], weight[y == label]) for label in self.classes_)
        self.apart_ = high - low
        self.middle_ = (high + low) / 2
        return self

    def _mean(self, X: Any, weight: Any) -> Any:
        return (weight[:, None] * X).sum(axis=0) / (weight.sum() + self.shrink)

    def decision_function(self, X: Any) -> Any:
        """Return log-odds, as two normal clouds of unit width would have them."""
        return (np.asarray(X, dtype="float64") - self.middle_) @ self.apart_

    def predict(self, X: Any) -> Any:
        """Return the nearer class."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


class BestOnlyParams(Settings):
    """Parameters of `BestOnly`; each one can be set under ``[strategy.params]``."""

    weight: float = Field(default=0.5, gt=0, le=1)
    """Part of equity in each position."""


class BestOnly(SignalStrategy[BestOnlyParams]):
    """Buy the most probable long signal of a session, hold it while one stands, then sell."""

    Params = BestOnlyParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what no long signal holds, then the weight of the best new one."""
        long = {signal.ticker for signal in view.standing if signal.direction == 1}
        targets = dict.fromkeys(sorted(view.engaged - long), 0.0)
        fresh = [
            signal
            for signal in view.signals
            if signal.direction == 1 and signal.ticker not in view.engaged
        ]
        if fresh:
            best = max(fresh, key=lambda signal: (signal.probability, signal.ticker))
            targets[best.ticker] = self.params.weight * best.size
        return targets
