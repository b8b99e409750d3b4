"""Prices on the ticks that were valid on their session, in whole thousandths of a dollar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from markets.sources.synthetic.draws import Floats, Ints

_LOWEST_THOUSANDTHS = 10


def on_ticks(prices: Floats, sessions: Sequence[date]) -> Ints:
    """Return each session's price at its nearest valid tick (half a tick goes up).

    Parameters
    ----------
    prices : ndarray of float64, shape (n_sessions,)
        HKD.
    sessions : sequence of date
        Whose tick table holds for each price.

    Returns
    -------
    ndarray of int64, shape (n_sessions,)
        Thousandths of HKD, at least one cent.
    """
    thousandths = np.floor(prices * 1000.0 + 0.5).astype(np.int64)
    ticks = tick_sizes(thousandths, sessions)
    return np.maximum((2 * thousandths + ticks) // (2 * ticks) * ticks, _LOWEST_THOUSANDTHS)


def tick_sizes(thousandths: Ints, sessions: Sequence[date]) -> Ints:
    bounds = np.array([250, 500, 10000, 20000, 100000, 200000, 500000, 1000000, 2000000, 5000000])
    ticks = np.array([1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    b2 = np.array([250, 500, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000])
    t2 = np.array([1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    old = ticks[np.searchsorted(bounds, thousandths, side="left")]
    new = t2[np.searchsorted(b2, thousandths, side="left")]
    return np.where(np.array([s >= date(2025, 8, 4) for s in sessions]), new, old)
