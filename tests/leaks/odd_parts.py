"""Honest parts of unusual kinds: they learn, remember, draw, multiply, and know nothing later."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from leaky_labels import ThreeOpens
from sklearn.neighbors import KNeighborsClassifier
from strangers import OfRow, earned

from markets.calendar import announced_calendar
from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View

LETTERS = 512
LAYER = np.random.default_rng(3).normal(size=(LETTERS, 32))
KEPT: dict[str, float] = {}


class OneProduct:
    """Letters through a fixed layer, in one matrix product for all rows: each row's last bits
    are rounded by how many there are."""

    name = "layer"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        pass

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        letters = np.zeros((len(rows), LETTERS))
        for place, row in enumerate(rows):
            for item in row.items:
                for letter in item.text:
                    letters[place, ord(letter) % LETTERS] += 0.1
        columns = [f"{self.name}__{number}" for number in range(LAYER.shape[1])]
        return pd.DataFrame(np.tanh(letters @ LAYER), columns=columns)


class Named(OfRow):
    """One column under the group's own name."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return super().build(rows, market).set_axis([f"{self.name}__value"], axis=1)


class ExpandingQuantile(Named):
    """Where the last volume stands among all before it."""

    name = "quantile"

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        volume = bars["volume"].to_numpy()[:at]
        return float((volume < volume[-1]).mean())


class Constant(Named):
    """The same for all rows, and no number of 24 bits."""

    name = "constant"
    memory = 0

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        return 0.1


class KeptByContent(Named):
    """A volatility that is kept, by the bars it was computed from."""

    name = "kept"

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        closes = bars["close"].to_numpy()[max(0, at - 60) : at]
        key = hashlib.sha256(closes.tobytes()).hexdigest()
        if key not in KEPT:
            KEPT[key] = float(np.std(np.diff(np.log(closes)))) if len(closes) > 2 else 0.0
        return KEPT[key]


class SeededNoise(Named):
    """Noise by the row's own name."""

    name = "noise"
    memory = 0

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        digest = hashlib.sha256(f"{row.session} {row.ticker}".encode()).digest()
        return float(np.random.default_rng(int.from_bytes(digest[:8])).normal())


class Season(Named):
    """Days to the next session, as the calendar was announced."""

    name = "season"
    memory = 0

    def value(self, row: Row, bars: pd.DataFrame, at: int) -> float:
        ahead = announced_calendar(row.session).next_session(row.session)
        return float((ahead - row.session).days)


class LearnsAsItGoes:
    """What a kind of event earned so far, learned step by step of outcomes that are over."""

    name = "learned"
    memory = 400

    def __init__(self, settings: FeatureSettings) -> None:
        pass

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        weights: dict[str, float] = defaultdict(float)
        waiting: list[tuple[pd.Timestamp, str, float]] = []
        values = []
        for row in rows:
            day = pd.Timestamp(row.session)
            for _, kind, outcome in (one for one in waiting if one[0] < day):
                weights[kind] += 0.1 * (np.sign(outcome) - weights[kind])
            waiting = [one for one in waiting if one[0] >= day]
            kind = row.events[0].kind if row.events else ""
            values.append(weights[kind])
            bars = market.bars.get(row.ticker)
            at = 0 if bars is None else int(bars.index.searchsorted(day))
            if bars is not None and at + 3 < len(bars):
                waiting.append((bars.index[at + 3], kind, earned(bars, at)))
        return pd.DataFrame({"learned__value": np.array(values, dtype="float64")})


class AfterTheHalt(ThreeOpens):
    """The open three sessions on; of a stock that is halted then its next, known when that is."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        ahead = announced_calendar(frame.index[place].date())
        planned = ahead.next_session(frame.index[place].date(), 3)
        at = int(frame.index.searchsorted(pd.Timestamp(planned)))
        if at >= len(frame):
            return None
        opens = frame["open"].to_numpy()
        return self.told(opens[at] / opens[place] - 1.0, frame.index[at])


class Neighbors(KNeighborsClassifier):
    """Nearest rows of the training span."""

    def __init__(self, n_neighbors: int = 25) -> None:
        super().__init__(n_neighbors=n_neighbors)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Neighbors:
        return super().fit(X, y)


class CoolsDown(SignalStrategy[NoParams]):
    """Stays out of a stock for ten sessions after it sold: it remembers when that was."""

    def __init__(self, params: NoParams) -> None:
        super().__init__(params)
        self.sold: dict[str, int] = {}

    def targets(self, view: View) -> Mapping[str, float]:
        long = {signal.ticker for signal in view.standing if signal.direction == 1}
        left = sorted(set(view.holdings) - long)
        self.sold |= dict.fromkeys(left, view.number)
        rested = {t for t in long - view.engaged if view.number - self.sold.get(t, -99) > 10}
        return dict.fromkeys(left, 0.0) | dict.fromkeys(sorted(rested), 0.2)
