"""Signals and draws as the kernel reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtests.compiled.columns import Columns, days_of
from backtests.compiled.layout import Draws, Told
from signals.decisions import Signal
from strategies.baselines import RandomEntriesParams

# Draws of `random_entries` are kept for pools of any size: twice the words they need on average.
_SPARE_WORDS = 64


def told_of(columns: Columns, signals: Sequence[Signal]) -> tuple[Told, list[Signal]]:
    """Return signals as arrays, and in the order of these."""
    ordered = sorted(
        signals, key=lambda each: (each.effective_session, each.ticker, each.signal_id)
    )
    at = {ticker: place for place, ticker in enumerate(columns.tickers)}
    days = days_of([signal.effective_session for signal in ordered])
    decided = days_of([*columns.sessions, columns.coming])
    told = Told(
        days=days.astype(np.int32),
        tickers=np.array([at[signal.ticker] for signal in ordered], dtype=np.uint32),
        expires=days_of([signal.expires_session for signal in ordered]).astype(np.int32),
        directions=np.array([signal.direction for signal in ordered], dtype=np.int8),
        probabilities=np.array([signal.probability for signal in ordered], dtype=np.float64),
        sizes=np.array([signal.size for signal in ordered], dtype=np.float64),
        starts=np.append(0, np.searchsorted(days, decided, side="right")).astype(np.int64),
        fresh=np.searchsorted(days, decided).astype(np.int64),
    )
    return told, ordered


def no_draws() -> Draws:
    """Return the draws of a strategy that makes none."""
    nothing = np.zeros(1, dtype=np.int64)
    return Draws(nothing, nothing, nothing, np.zeros((1, 2), dtype=np.uint32))


def draws_of(columns: Columns, params: RandomEntriesParams, *, rounds: int = 1) -> Draws:
    """Return the entries of `random_entries` by session and the words behind its choices.

    Parameters
    ----------
    columns : Columns
        The sessions.
    params : RandomEntriesParams
        Stocks to buy and to sell short by session, and the seed of the draws.
    rounds : int
        How many times the usual number of words.
    """
    sessions = (*columns.sessions, columns.coming)
    counts, shorts = (
        np.array([entries.get(session, 0) for session in sessions], dtype=np.int64)
        for entries in (params.entries, params.short_entries)
    )
    drawn = (counts != 0) | (shorts != 0)
    rows = np.cumsum(drawn) - 1
    size = (len(columns.tickers) + _SPARE_WORDS) * rounds
    words = np.zeros((max(1, int(rows[-1]) + 1), 2 * size), dtype=np.uint32)
    for number in np.flatnonzero(drawn).tolist():
        generator = np.random.PCG64([params.seed, sessions[number].toordinal()])
        raw = generator.random_raw(size)
        words[rows[number], 0::2] = raw & np.uint64(0xFFFFFFFF)
        words[rows[number], 1::2] = raw >> np.uint64(32)
    return Draws(counts, shorts, rows.astype(np.int64), words)
