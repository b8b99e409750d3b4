"""Gates: the points at which an order still gets in, as arrays for a million look-ups at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from markets.clock import epoch_us
from markets.hours import SessionHours

Phase = Literal["opening_auction", "morning", "afternoon", "closing_auction"]
PHASES: tuple[Phase, ...] = get_args(Phase)
Ints = npt.NDArray[np.int64]
_MINUTE = 60_000_000
# 12:30 Hong Kong, in UTC hours: what starts before belongs to the morning, also in the old hours.
_NOON_UTC = 4.75


@dataclass(frozen=True, eq=False)
class Gates:
    """Ways into the market in order of time; all instants in microseconds since 1970 UTC.

    Attributes
    ----------
    last_entry : int64 array, strictly increasing
        Last instant at which an order that stands gets in here.
    start : int64 array
        First instant at which it can then trade.
    step : int64 array
        Length of a bar in continuous trading, else 0: an auction or a daily bar has one price.
    session, phase : int64 arrays
        Position of the session in its calendar, and of the phase in `PHASES`.
    """

    last_entry: Ints
    start: Ints
    step: Ints
    session: Ints
    phase: Ints

    def through(self, reach: Ints) -> tuple[Ints, Ints]:
        """Return the gate each instant gets in by, and when it can trade there."""
        gate = np.searchsorted(self.last_entry, reach).astype(np.int64)
        start, step = self.start[gate], self.step[gate]
        bars_gone = (reach - start) // np.maximum(step, 1) + 1
        at = np.where((step > 0) & (reach >= start), start + bars_gone * step, start)
        return gate, at

    def phase_of(self, gate: int) -> Phase:
        """Return the phase of one gate."""
        return PHASES[int(self.phase[gate])]

    def phases(self, gate: Ints) -> pd.Series:
        """Return the phases of many gates, as a categorical column."""
        codes = self.phase[gate].astype(np.int8)
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(PHASES)))


def intraday_gates(hours: Sequence[SessionHours], bar_minutes: int, closing_auction: bool) -> Gates:
    """Return the gates of intraday trading: opening auction, each stretch, closing auction.

    A stretch is entered by the last bar that starts after the order stands.
    """
    if bar_minutes < 1:
        raise ValueError(f"a bar lasts at least one minute: {bar_minutes}")
    step = bar_minutes * _MINUTE
    rows: list[tuple[int, int, int, int, int]] = []
    for number, one in enumerate(hours):
        if one.opening_auction:
            until, match = one.opening_auction.input_until, one.opening_auction.match_from
            rows.append((epoch_us(until), epoch_us(match), 0, number, 0))
        for start, end in one.segments:
            first, last = epoch_us(start), epoch_us(end)
            last_bar = first + (last - 1 - first) // step * step
            morning = start.hour + start.minute / 60 < _NOON_UTC
            rows.append((last_bar - 1, first, step, number, 1 if morning else 2))
        if one.closing_auction and closing_auction:
            until, match = one.closing_auction.input_until, one.closing_auction.match_from
            rows.append((epoch_us(until), epoch_us(match), 0, number, 3))
    return _gates(rows)


def daily_gates(hours: Sequence[SessionHours]) -> Gates:
    """Return the gates of daily trading: each session's first price and nothing else."""
    rows: list[tuple[int, int, int, int, int]] = []
    for number, one in enumerate(hours):
        first = epoch_us(one.first_price_at)
        if one.opening_auction:
            rows.append((epoch_us(one.order_input_end), first, 0, number, 0))
        else:
            morning = one.open_at.hour + one.open_at.minute / 60 < _NOON_UTC
            rows.append((first - 1, first, 0, number, 1 if morning else 2))
    return _gates(rows)


def _gates(rows: Iterable[tuple[int, int, int, int, int]]) -> Gates:
    table = np.array(list(rows), dtype=np.int64)
    return Gates(*(np.ascontiguousarray(column) for column in table.T))
