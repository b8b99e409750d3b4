"""Tone: how the stories sound, beside what they report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from signals.features.events import is_forward, relevance

_QUESTION = ("?", "？")
_EXCLAMATION = ("!", "！")


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

    def _measure(self, row: Row) -> tuple[float, ...]:
        titles = [item.title or item.body for item in row.items]
        asks = sum(any(mark in title for mark in _QUESTION) for title in titles) / len(titles)
        shouts = sum(any(mark in title for mark in _EXCLAMATION) for title in titles) / len(titles)
        events = [event for event in row.events if is_forward(event)]
        if not events:
            return 0.0, 0.0, 0.0, 0.0, asks, shouts
        weights = [relevance(event, row.ticker, self.settings) for event in events]
        polarities = [0.0 if event.negated else event.polarity for event in events]
        total = sum(weights)
        mean = (
            sum(w * p for w, p in zip(weights, polarities, strict=True)) / total if total else 0.0
        )
        return (
            mean,
            max(polarities) - min(polarities),
            sum(event.hedged for event in events) / len(events),
            sum(event.negated for event in events) / len(events),
            asks,
            shouts,
        )
