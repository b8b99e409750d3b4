"""Event features: what was reported to be coming, how big it is, and what had already moved.

Three groups, so that forward news is never mixed with reports of moves that already happened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from markets.prices import MarketData
from signals.events.novelty import WINDOW
from signals.events.schema import CERTAINTIES, KINDS, Certainty, Event
from signals.features import FeatureSettings, sessions_in
from signals.features.base import Row

CERTAINTY_WEIGHT: dict[Certainty, float] = {
    "confirmed": 1.0,
    "reported": 0.8,
    "rumoured": 0.5,
    "opinion": 0.4,
    "denied": 0.0,
}
ROUGH_HKD = {"HKD": 1.0, "USD": 7.8, "CNY": 1.1, "EUR": 8.5, "JPY": 0.055, "GBP": 10.0}
"""Orders of magnitude only: amounts enter as a logarithm, so a rate off by a tenth is 0.04."""

NOVELTY_SESSIONS = sessions_in(WINDOW.days)
"""An event's novelty rests on the stories of so many sessions."""

_KIND_PLACE = {kind: place for place, kind in enumerate(KINDS)}
_LARGEST_PCT = 100.0


def relevance(event: Event, ticker: str, settings: FeatureSettings) -> float:
    """Return how much of an event concerns a ticker, in [0, 1]."""
    place = 1.0 if event.sentence == 0 else settings.body_relevance
    if ticker not in event.tickers:
        return place * settings.related_relevance
    return place / math.sqrt(len(event.tickers))


def weight(event: Event, ticker: str, settings: FeatureSettings) -> float:
    """Return certainty × novelty × relevance, in [0, 1]; 0 for what is denied or negated."""
    if event.negated:
        return 0.0
    certainty = CERTAINTY_WEIGHT[event.certainty] * (0.7 if event.hedged else 1.0)
    return certainty * event.novelty * relevance(event, ticker, settings)


def is_forward(event: Event) -> bool:
    """Return whether an event could still move a price: no reaction, no history."""
    return not (event.is_reaction or event.is_background)


class EventKinds:
    """Forward events by kind: signed and unsigned weight, and how sure they are.

    Columns: ``events__<kind>`` (sum of polarity × weight), ``events__<kind>_seen`` (sum of weight),
    ``events__net``, ``events__forward`` (count), ``events__<certainty>`` (weight by certainty,
    denials included: they count for the rumor they end), each squashed to be robust to pile-ups.
    """

    name = "events"
    memory = NOVELTY_SESSIONS

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads the row's own events only."""
        kinds = len(KINDS)
        signed = np.zeros((len(rows), kinds))
        seen = np.zeros((len(rows), kinds))
        sure = np.zeros((len(rows), len(CERTAINTIES)))
        count = np.zeros(len(rows))
        for at, row in enumerate(rows):
            for event in row.events:
                if not is_forward(event):
                    continue
                amount = weight(event, row.ticker, self.settings)
                signed[at, _KIND_PLACE[event.kind]] += event.polarity * amount
                seen[at, _KIND_PLACE[event.kind]] += amount
                sure[at, CERTAINTIES.index(event.certainty)] += event.novelty
                count[at] += 1.0
        net = np.zeros(len(rows))
        for place in range(kinds):
            net += signed[:, place]
        columns: dict[str, np.ndarray] = {"net": np.tanh(net), "forward": np.log1p(count)}
        for kind, place in _KIND_PLACE.items():
            columns[kind] = np.tanh(signed[:, place])
            columns[f"{kind}_seen"] = np.tanh(seen[:, place])
        for place, certainty in enumerate(CERTAINTIES):
            columns[certainty] = np.log1p(sure[:, place])
        return _frame(self.name, columns)


class Magnitudes:
    """How big the forward events say they are.

    Columns: ``magnitudes__pct_up``, ``magnitudes__pct_down`` (largest stated percentage of good and
    of bad events, as a fraction, at most 1), ``magnitudes__amount`` (log10 of the largest amount in
    millions of HKD, roughly converted; 0 where none), ``magnitudes__signed_amount`` (× polarity).
    """

    name = "magnitudes"
    memory = NOVELTY_SESSIONS

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads the row's own events only."""
        values = np.zeros((len(rows), 4))
        for at, row in enumerate(rows):
            for event in row.events:
                if not is_forward(event) or event.negated:
                    continue
                if event.magnitude_pct is not None and event.polarity != 0:
                    size = min(abs(event.magnitude_pct), _LARGEST_PCT) / 100 * event.novelty
                    side = 0 if event.polarity > 0 else 1
                    values[at, side] = max(values[at, side], size)
                amount = _log_million_hkd(event) * event.novelty
                if amount > values[at, 2]:
                    values[at, 2:] = amount, amount * event.polarity
        names = ("pct_up", "pct_down", "amount", "signed_amount")
        return _frame(self.name, {name: values[:, i] for i, name in enumerate(names)})


class AlreadyMoved:
    """What the stories say has already happened to the price: never forward news.

    Columns: ``moved__up``, ``moved__down`` (reactions by sign of polarity), ``moved__pct`` (the
    largest stated move, signed by polarity, as a fraction), ``moved__share`` (of all events).
    """

    name = "moved"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads the row's own events only."""
        values = np.zeros((len(rows), 4))
        for at, row in enumerate(rows):
            reactions = [event for event in row.events if event.is_reaction]
            for event in reactions:
                share = relevance(event, row.ticker, self.settings)
                values[at, 0] += share * max(event.polarity, 0.0)
                values[at, 1] += share * max(-event.polarity, 0.0)
                if event.magnitude_pct is not None:
                    size = min(abs(event.magnitude_pct), _LARGEST_PCT) / 100
                    if size > abs(values[at, 2]):
                        values[at, 2] = math.copysign(size, event.polarity or event.magnitude_pct)
            if reactions:
                values[at, 3] = len(reactions) / len(row.events)
        return _frame(
            self.name,
            {
                "up": np.tanh(values[:, 0]),
                "down": np.tanh(values[:, 1]),
                "pct": values[:, 2],
                "share": values[:, 3],
            },
        )


def _log_million_hkd(event: Event) -> float:
    if event.amount is None or event.amount <= 0:
        return 0.0
    millions = event.amount * ROUGH_HKD.get(event.currency or "HKD", 1.0) / 1e6
    return math.log10(1.0 + millions)


def _frame(name: str, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({f"{name}__{column}": values for column, values in columns.items()})
