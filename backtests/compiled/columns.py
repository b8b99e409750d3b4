"""Columns: the order of sessions and tickers in the kernel's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from backtests.broker import Lots, kind_of
from backtests.compiled.layout import Ints
from backtests.tape import Tape
from signals.decisions import Signal


@dataclass(frozen=True, slots=True)
class Columns:
    """The order of sessions and tickers in the arrays, and who has prices."""

    sessions: tuple[date, ...]  # of the run
    known: date  # the session before
    coming: date  # the session after
    tickers: tuple[str, ...]  # sorted, those without prices among them
    places: tuple[int, ...]  # of the tickers that have prices
    kinds: tuple[str, ...]  # of all tickers

    def table(self, kind: Any, extra: int = 0, fill: int = 0) -> Any:
        """Return an array of sessions (and some more) × tickers."""
        return np.full((len(self.sessions) + extra, len(self.tickers)), fill, dtype=kind)


def columns_of(
    tape: Tape, around: Sequence[date], signals: Sequence[Signal], lots: Lots
) -> Columns:
    """Return the order of sessions and tickers.

    Parameters
    ----------
    tape : Tape
        The market.
    around : sequence of date
        The session before the run, those of the run, the one after.
    signals : sequence of Signal
        Their tickers count too.
    lots : Lots
        For kinds.
    """
    tickers = tuple(sorted({*tape.tickers, *(signal.ticker for signal in signals)}))
    at = {ticker: place for place, ticker in enumerate(tickers)}
    return Columns(
        sessions=tape.sessions,
        known=around[0],
        coming=around[-1],
        tickers=tickers,
        places=tuple(at[ticker] for ticker in tape.tickers),
        kinds=tuple(kind_of(lots, ticker) for ticker in tickers),
    )


def days_of(dates: Sequence[date]) -> Ints:
    """Return dates as days since 1970."""
    return np.array(dates, dtype="datetime64[D]").astype(np.int64)
