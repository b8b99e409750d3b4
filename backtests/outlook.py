"""Outlook: what is known for a coming open, as the `View` a strategy may see; for every engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from backtests.tape import Tape
from strategies.base import History, View
from strategies.book import SignalBook

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Standing:
    """An account after a close.

    Attributes
    ----------
    shares, waiting, ages : mapping of str to int
        By ticker: held; of orders that can still fill, sales negative; sessions since the first
        purchase of what is held.
    origins : mapping of str to str
        By ticker held: the signal its first purchase answered to, if any.
    closes : mapping of str to float
        Last known closes, HKD.
    cash, equity : int
        In cents.
    shortable : frozenset of str
        What may be sold short at the coming open.
    """

    shares: Mapping[str, int]
    waiting: Mapping[str, int]
    ages: Mapping[str, int]
    origins: Mapping[str, str]
    closes: Mapping[str, float]
    cash: int
    equity: int
    shortable: frozenset[str] = frozenset()


class Outlook:
    """What a run knows after each close.

    Parameters
    ----------
    tape : Tape
        The market.
    around : tuple of date
        The session before the run, those of the run, the one after.
    universe : mapping of date to frozenset of str, optional
        By session, the tickers a strategy should choose from.
    """

    def __init__(
        self,
        tape: Tape,
        around: tuple[date, ...],
        universe: Mapping[date, frozenset[str]] | None,
    ) -> None:
        self.around = around
        self._tape = tape
        self._universe = universe
        self._columns = {ticker: track.columns for ticker, track in tape.tracks.items()}

    def view(self, number: int, book: SignalBook, standing: Standing) -> View:
        """Return what is known for the open after session `number` (-1: before the run).

        Every mapping is ordered by ticker: a policy that goes through one meets the same order
        whatever happened before, and in every engine.
        """
        tape, coming, known = self._tape, self.around[number + 2], self.around[number + 1]
        if number >= 0:
            traded = frozenset(tape.closes[number])
        else:
            traded = frozenset(t for t in tape.tickers if tape.traded_on(t, known))
        return View(
            session=coming,
            known_session=known,
            number=number + 1,
            signals=book.effective,
            standing=book.standing,
            holdings=_by_ticker(standing.shares),
            waiting=_by_ticker(standing.waiting),
            ages=_by_ticker(standing.ages),
            origins=_by_ticker(standing.origins),
            closes=_by_ticker(standing.closes),
            traded=traded,
            cash_hkd=standing.cash / 100,
            equity_hkd=standing.equity / 100,
            shortable=standing.shortable,
            universe=None if self._universe is None else self._universe[coming],
            history=History(self._columns, lambda ticker: tape.known(ticker, number)),
        )


def _by_ticker(values: Mapping[str, _Value]) -> dict[str, _Value]:
    return dict(sorted(values.items()))
