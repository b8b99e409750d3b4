"""Blindfold: a strategy traded over all sessions with nothing of the future within its reach.

A strategy is asked session by session, so one run can cover them all: before each answer whatever
lies later is taken out of what the strategy is handed, and put back afterwards. A cut tries one
session; this tries every one, but only that reach: what a strategy finds elsewhere the cuts show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from backtests import stages
from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.result import EngineResult
from markets.plugins import load
from signals.decisions import Signal
from strategies.base import History, SignalStrategy, View
from strategies.book import SignalBook


def traded_blind(
    config: RunConfig, inputs: Inputs, signals: list[Signal], start: date
) -> EngineResult:
    """Trade signals as a run does, its strategy blindfolded.

    Parameters
    ----------
    config, inputs
        Of the run.
    signals : list of Signal
        What it decided.
    start : date
        First session to trade in.

    Returns
    -------
    EngineResult
        Bit-identical to the run's, unless the strategy reads what is not known yet.
    """
    return stages.trade_one(
        config,
        inputs,
        signals,
        config.strategy,
        start,
        resolve=lambda name: _blindfolded(load("strategies", name, where="strategy.name")),
    )


def _blindfolded(cls: Any) -> Any:
    """Return a strategy's class, each of its answers given without a future."""
    if not isinstance(cls, type):
        return cls
    if issubclass(cls, SignalStrategy):

        def targets(self: Any, view: View) -> Any:
            return cls.targets(self, replace(view, history=_known(view.history)))

        return type(cls.__name__, (cls,), {"targets": targets})

    def hidden(name: str) -> Any:
        def method(self: Any) -> None:
            with _future_hidden(self):
                getattr(cls, name)(self)

        return method

    asked = {name: hidden(name) for name in ("prenext", "nextstart", "next")}
    return type(cls.__name__, (cls,), {**asked, "__module__": cls.__module__})


def _known(history: History) -> History:
    """Return a history that holds what is known and nothing else."""
    counts = {ticker: history._known(ticker) for ticker in history._bars}
    bars = {
        ticker: {name: values[: counts[ticker]].copy() for name, values in columns.items()}
        for ticker, columns in history._bars.items()
    }
    return History(bars, counts.__getitem__)


@contextmanager
def _future_hidden(strategy: Any) -> Iterator[None]:
    """Let backtrader's lines be NaN after their current bar, and the signal book end today."""
    with ExitStack() as put_back:
        for line in _lines(strategy):
            later = np.frombuffer(line.array, dtype=np.float64)[line._idx + 1 :]
            put_back.callback(np.copyto, later, later.copy())
            later[:] = np.nan
        book = getattr(strategy.p, "signals", None)
        if isinstance(book, SignalBook):
            whole = dict(vars(book))
            put_back.callback(vars(book).update, whole)
            pages = {day: page for day, page in book._pages.items() if day <= book._session}
            vars(book).update(_pages=pages, _unread=[])
        yield


def _lines(strategy: Any) -> Iterator[Any]:
    for data in strategy.datas:
        yield from data.lines
    iterators = [*strategy.getindicators()]
    while iterators:
        indicator = iterators.pop()
        yield from indicator.lines
        iterators += indicator.getindicators()
