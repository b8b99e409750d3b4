"""Tone: how the stories sound, beside what they report."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from signals.features.events import is_forward, relevance
from signals.features.shares import Shares

_MARKS = {"question": ("?", "？"), "exclamation": ("!", "！")}


class Tone:
    """Mean polarity and disagreement of the forward events; how hedged and how loud they are.

    Columns: ``tone__mean`` (relevance-weighted mean polarity, [-1, 1]), ``tone__spread`` (largest
    less smallest polarity), ``tone__hedged``, ``tone__negated`` (shares of events),
    ``tone__question``, ``tone__exclamation`` (shares of titles).
    """

    name = "tone"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads the row's own stories and events only."""
        values = np.array([self._measure(row) for row in rows]).reshape(len(rows), 6)
        names = ("mean", "spread", "hedged", "negated", "question", "exclamation")
        return pd.DataFrame({f"tone__{name}": values[:, i] for i, name in enumerate(names)})

    def shares(self, row: Row) -> dict[str, NDArray[np.float64]]:
        """Return every column divided over events or titles; a mean by its terms.

        The spread is what the best event has, the first of equal ones, less what the worst has.
        """
        shares = Shares(row, self.name)
        for column, marks in _MARKS.items():
            for at, marked in enumerate(_marked(row, marks)):
                shares.story(column, at, marked / len(row.items))
        heard = self._heard(row)
        total = sum(weight for _, weight, _ in heard)
        for place, weight, polarity in heard:
            shares.event("mean", place, weight * polarity / total if total else 0.0)
            shares.event("hedged", place, row.events[place].hedged / len(heard))
            shares.event("negated", place, row.events[place].negated / len(heard))
        if heard:
            best, worst = (pick(heard, key=itemgetter(2)) for pick in (max, min))
            shares.event("spread", best[0], best[2])
            shares.event("spread", worst[0], -worst[2])
        return shares.columns

    def _measure(self, row: Row) -> tuple[float, ...]:
        asks, shouts = (sum(_marked(row, marks)) / len(row.items) for marks in _MARKS.values())
        heard = self._heard(row)
        if not heard:
            return 0.0, 0.0, 0.0, 0.0, asks, shouts
        total = sum(weight for _, weight, _ in heard)
        mean = sum(weight * polarity for _, weight, polarity in heard) / total if total else 0.0
        polarities = [polarity for _, _, polarity in heard]
        return (
            mean,
            max(polarities) - min(polarities),
            sum(row.events[place].hedged for place, _, _ in heard) / len(heard),
            sum(row.events[place].negated for place, _, _ in heard) / len(heard),
            asks,
            shouts,
        )

    def _heard(self, row: Row) -> list[tuple[int, float, float]]:
        """Return place, relevance and polarity of each forward event; 0 of what is negated."""
        return [
            (
                place,
                relevance(event, row.ticker, self.settings),
                0.0 if event.negated else event.polarity,
            )
            for place, event in enumerate(row.events)
            if is_forward(event)
        ]


def _marked(row: Row, marks: tuple[str, ...]) -> list[bool]:
    """Return of each story whether its title has one of some marks."""
    return [any(mark in (item.title or item.body) for mark in marks) for item in row.items]
