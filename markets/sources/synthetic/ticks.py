"""Prices on the ticks that were valid on their session, in whole thousandths of a dollar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from markets.dated import Dated
from markets.hk.tables import open_table
from markets.sources.synthetic.draws import Floats, Ints

_LOWEST_THOUSANDTHS = 10


@dataclass(frozen=True, eq=False)
class _Bands:
    """One tick table: a price up to and including ``upto[i]`` moves in steps of ``tick[i]``."""

    upto: Ints
    tick: Ints


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
    rows = [_share_ticks().row_on(session) for session in sessions]
    ticks = np.empty(len(sessions), np.int64)
    for start in {row.valid_from for row in rows}:
        bands = _share_ticks().on(start)
        held = np.array([row.valid_from == start for row in rows], np.bool_)
        ticks[held] = bands.tick[np.searchsorted(bands.upto, thousandths[held], side="left")]
    nearest: Ints = (2 * thousandths + ticks) // (2 * ticks) * ticks
    return np.maximum(nearest, _LOWEST_THOUSANDTHS)


@cache
def _share_ticks() -> Dated[_Bands]:
    return open_table("ticks").dated("shares.rows", _bands)


def _bands(value: Any, _where: str) -> _Bands:
    upto, tick = zip(
        *((_thousandths(bound), _thousandths(step)) for bound, step in value), strict=True
    )
    # The last band is left open above: no price of this market gets there.
    return _Bands(np.array(upto[:-1], np.int64), np.array(tick, np.int64))


def _thousandths(text: str) -> int:
    return int(Decimal(text) * 1000)
