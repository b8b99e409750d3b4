"""Event features: what was reported to be coming, how big it is, and what had already moved.

Three groups, so that forward news is never mixed with reports of moves that already happened.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.prices import MarketData
from signals.events.novelty import WINDOW
from signals.events.schema import CERTAINTIES, KINDS, Certainty, Event
from signals.features import FeatureSettings, sessions_in
from signals.features.base import Row
from signals.features.shares import Shares

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
_SIZES = ("pct_up", "pct_down", "amount", "signed_amount")
Floats = NDArray[np.float64]


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
            for _, event, amount in self._forward(row):
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

    def shares(self, row: Row) -> dict[str, Floats]:
        """Return every column divided over the forward events."""
        shares = Shares(row, self.name)
        for place, event, amount in self._forward(row):
            for column in (event.kind, "net"):
                shares.event(column, place, event.polarity * amount)
            shares.event(f"{event.kind}_seen", place, amount)
            shares.event(event.certainty, place, event.novelty)
            shares.event("forward", place, 1.0)
        shares.squash(("net", *KINDS, *(f"{kind}_seen" for kind in KINDS)), math.tanh)
        shares.squash(("forward", *CERTAINTIES), math.log1p)
        return shares.columns

    def _forward(self, row: Row) -> Iterator[tuple[int, Event, float]]:
        """Yield each forward event with its place in the row and its weight."""
        for place, event in enumerate(row.events):
            if is_forward(event):
                yield place, event, weight(event, row.ticker, self.settings)


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
        values = np.zeros((len(rows), len(_SIZES)))
        for at, row in enumerate(rows):
            for column, (_, size) in self._largest(row).items():
                values[at, _SIZES.index(column)] = size
        return _frame(self.name, {name: values[:, i] for i, name in enumerate(_SIZES)})

    def shares(self, row: Row) -> dict[str, Floats]:
        """Return every column as that of the event that attains it, the first of equal ones."""
        shares = Shares(row, self.name)
        for column, (place, size) in self._largest(row).items():
            shares.event(column, place, size)
        return shares.columns

    def _largest(self, row: Row) -> dict[str, tuple[int, float]]:
        """Return each column that an event attains: the event's place and the size."""
        found: dict[str, tuple[int, float]] = {}

        def exceeds(column: str, size: float) -> bool:
            return size > (found[column][1] if column in found else 0.0)

        for place, event in enumerate(row.events):
            if not is_forward(event) or event.negated:
                continue
            if event.magnitude_pct is not None and event.polarity != 0:
                size = min(abs(event.magnitude_pct), _LARGEST_PCT) / 100 * event.novelty
                side = "pct_up" if event.polarity > 0 else "pct_down"
                if exceeds(side, size):
                    found[side] = place, size
            amount = _log_million_hkd(event) * event.novelty
            if exceeds("amount", amount):
                found["amount"] = place, amount
                found["signed_amount"] = place, amount * event.polarity
        return found


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
            for place, share, move in self._reactions(row):
                polarity = row.events[place].polarity
                values[at, 0] += share * max(polarity, 0.0)
                values[at, 1] += share * max(-polarity, 0.0)
                values[at, 2] = move or values[at, 2]
                values[at, 3] += 1.0
            values[at, 3] /= max(len(row.events), 1)
        return _frame(
            self.name,
            {
                "up": np.tanh(values[:, 0]),
                "down": np.tanh(values[:, 1]),
                "pct": values[:, 2],
                "share": values[:, 3],
            },
        )

    def shares(self, row: Row) -> dict[str, Floats]:
        """Return every column divided over the reactions; the largest move is one event's."""
        shares = Shares(row, self.name)
        largest = None
        for place, share, move in self._reactions(row):
            polarity = row.events[place].polarity
            shares.event("up", place, share * max(polarity, 0.0))
            shares.event("down", place, share * max(-polarity, 0.0))
            shares.event("share", place, 1.0 / len(row.events))
            largest = (place, move) if move else largest
        if largest:
            shares.event("pct", *largest)
        shares.squash(("up", "down"), math.tanh)
        return shares.columns

    def _reactions(self, row: Row) -> Iterator[tuple[int, float, float]]:
        """Yield each reaction's place, relevance and stated move: 0 unless larger than before."""
        largest = 0.0
        for place, event in enumerate(row.events):
            if not event.is_reaction:
                continue
            move = 0.0
            if event.magnitude_pct is not None:
                size = min(abs(event.magnitude_pct), _LARGEST_PCT) / 100
                if size > largest:
                    largest = size
                    move = math.copysign(size, event.polarity or event.magnitude_pct)
            yield place, relevance(event, row.ticker, self.settings), move


def _log_million_hkd(event: Event) -> float:
    if event.amount is None or event.amount <= 0:
        return 0.0
    millions = event.amount * ROUGH_HKD.get(event.currency or "HKD", 1.0) / 1e6
    return math.log10(1.0 + millions)


def _frame(name: str, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({f"{name}__{column}": values for column, values in columns.items()})
