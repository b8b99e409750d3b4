"""A policy of one's own on the kernel: asked in Python between two sessions, traded compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from backtests.compiled import codes as c
from backtests.compiled.columns import Columns
from backtests.compiled.layout import Book, Floats, Ints, Room, Told, World
from backtests.compiled.told import no_draws
from backtests.outlook import Outlook, Standing
from markets.rules import UNITS_PER_HKD
from signals.decisions import Signal, Thresholds
from strategies.base import SignalStrategy
from strategies.book import SignalBook


class OwnPolicy:
    """Runs a `SignalStrategy` that the kernel does not know.

    Parameters
    ----------
    world, told, columns, signals
        As `CompiledRun` prepares them.
    outlook : Outlook
        Makes the views.
    """

    def __init__(
        self,
        world: World,
        told: Told,
        columns: Columns,
        signals: Sequence[Signal],
        outlook: Outlook,
    ) -> None:
        self._world = world
        self._told = told
        self._columns = columns
        self._signals = signals
        self._outlook = outlook
        self._places = {ticker: place for place, ticker in enumerate(columns.tickers)}
        priced = [columns.tickers[place] for place in columns.places]
        self._priced = dict.fromkeys(priced)

    def run(
        self,
        kernel: Any,
        policy: SignalStrategy[Any],
        thresholds: Thresholds | None,
        numbers: tuple[Ints, Floats],
        book: Book,
        room: Room,
        *,
        shorts: bool,
    ) -> None:
        """Run one trial into a book, as the kernel does for the policies it knows."""
        # Imported here: it has backtrader in it, which only this needs.
        from strategies.trader import check_targets

        arguments = (self._world, self._told, no_draws(), *numbers, book, room)
        pages = SignalBook(decided(self._signals, thresholds))
        state, name = room.state, type(policy).__name__
        kernel(*arguments, -1, 0)
        for number, session in enumerate(self._outlook.around[1:]):
            pages.turn_to(session)
            wanted: Mapping[str, float] = {}
            if number >= self._world.ready:
                standing = self._standing(number, book, room)
                wanted = policy.targets(self._outlook.view(number - 1, pages, standing))
                check_targets(wanted, self._priced, name, shorts=shorts)
            for place, (ticker, weight) in enumerate(wanted.items()):
                room.names[place] = self._places[ticker]
                room.weights[place] = float(weight)
            state[c.WANTED] = len(wanted)
            kernel(*arguments, number, number + 1)
            if state[c.FAIL]:
                return

    def _standing(self, number: int, book: Book, room: Room) -> Standing:
        """Return the account when deciding for session `number`."""
        state, tickers = room.state, self._columns.tickers
        busy = room.busy[: state[c.N_BUSY]]
        desk = room.desk[busy].tolist()
        names = [tickers[place] for place in busy.tolist()]
        rows = list(zip(names, desk, strict=True))
        held = [(name, row) for name, row in rows if row[c.SHARES]]
        trips = {name: book.trips[row[c.TRIP]].tolist() for name, row in held}
        marks = self._world.marks[number]
        known = np.flatnonzero(marks >= 0)
        listed = self._world.listed
        shortable = known[listed[number, known]].tolist() if listed.size else []
        closes = (marks[known] / UNITS_PER_HKD).tolist()
        cash = int(state[c.CASH])
        return Standing(
            shares={name: row[c.SHARES] for name, row in held},
            waiting={
                n: row[c.WAITING] for n, row in zip(names, desk, strict=True) if row[c.WAITING]
            },
            ages={name: number - trip[c.T_ENTERED] for name, trip in trips.items()},
            origins={
                name: self._signals[trip[c.T_SIGNAL]].signal_id
                for name, trip in trips.items()
                if trip[c.T_SIGNAL] >= 0 and self._signals[trip[c.T_SIGNAL]].signal_id
            },
            closes=dict(zip([tickers[place] for place in known.tolist()], closes, strict=True)),
            cash=cash,
            equity=cash + (int(book.days[number - 1, c.D_HOLDINGS]) if number else 0),
            shortable=frozenset(tickers[place] for place in shortable),
        )


def decided(signals: Sequence[Signal], thresholds: Thresholds | None) -> Sequence[Signal]:
    """Return signals with the directions that a trial's thresholds make of them."""
    if thresholds is None:
        return signals
    return [
        replace(signal, direction=thresholds.direction(signal.probability)) for signal in signals
    ]
