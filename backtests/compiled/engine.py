"""run_compiled and CompiledRun: one run with all its tables, or many with their equity alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings, Costs, Lots
from backtests.compiled import codes as c
from backtests.compiled.columns import columns_of
from backtests.compiled.layout import Book, Floats, Ints, Room, new_book, new_room
from backtests.compiled.own import OwnPolicy
from backtests.compiled.refusals import Stops
from backtests.compiled.told import draws_of, no_draws, told_of
from backtests.compiled.trials import Trial, numbers_of, params_of
from backtests.compiled.world import world_of
from backtests.compiled.written import records_of
from backtests.outlook import Outlook
from backtests.result import EngineResult
from backtests.tables import result
from backtests.tape import Tape
from markets.errors import ConfigError
from markets.plugins import load
from markets.prices import MarketData
from markets.settings import Settings
from signals.decisions import Signal
from strategies.base import StrategySettings
from strategies.baselines import RandomEntries

# Rows a run's tables begin with; a run that needs more is run again with four times as many.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What many trials came to.

    Attributes
    ----------
    equity : ndarray of int64, trials × sessions
        At the close, in cents.
    orders, fills, trips, trades, won : ndarray of int64
        How many by trial; `trips` counts round trips that began, `trades` those of them that ended,
        `won` those that ended and earned.
    cost, turnover : ndarray of int64
        Of the whole run, in cents.
    """

    equity: Ints
    orders: Ints
    fills: Ints
    trips: Ints
    trades: Ints
    won: Ints
    cost: Ints
    turnover: Ints


class CompiledRun:
    """One market and one list of signals, prepared for as many trials as wanted.

    Parameters
    ----------
    market : MarketData
        Raw bars and actions; those before the run are known history.
    signals : sequence of Signal
        In any order.
    around : sequence of date
        The session before the run, those of the run, the one after.
    broker : BrokerSettings
        What `Trial.broker` names holds for all trials.
    lots, costs : Lots, Costs
        Board lots and kinds; contract notes.
    universe : mapping of date to frozenset of str, optional
        By session, the tickers a strategy should choose from.

    Raises
    ------
    ConfigError
        For costs of one's own, which only the other engine serves.
    MissingDataError
        If no session or bar lies in the run.
    """

    def __init__(
        self,
        market: MarketData,
        signals: Sequence[Signal],
        around: Sequence[date],
        *,
        broker: BrokerSettings,
        lots: Lots,
        costs: Costs,
        universe: Mapping[date, frozenset[str]] | None = None,
    ) -> None:
        self.tape = Tape(market, around[1:-1])
        self.around = tuple(around)
        self.columns = columns_of(self.tape, around, signals, lots)
        self.world = world_of(self.tape, self.columns, broker, costs, lots, universe)
        self.told, self.signals = told_of(self.columns, signals)
        outlook = Outlook(self.tape, self.around, universe)
        self._own = OwnPolicy(self.world, self.told, self.columns, self.signals, outlook)
        self._stops = Stops(self.tape, self.columns, self.around, lots, costs)
        self._no_draws = no_draws()
        self._shared = _shared(broker)

    def run(
        self, trial: Trial, *, seed: int = 0, resolve: Callable[[str], Any] | None = None
    ) -> EngineResult:
        """Run one trial; the tables are those of the other engine, bit for bit."""
        rows = _ROWS
        while True:
            book, room = self._places(rows, record=True)
            if self._try(trial, seed, resolve or published, book, room):
                records = records_of(self.world, self.columns, self.signals, book, room)
                return result(records, self.around, self.tape.tickers)
            rows *= 4

    def sweep(
        self,
        trials: Sequence[Trial],
        *,
        seed: int = 0,
        resolve: Callable[[str], Any] | None = None,
    ) -> SweepResult:
        """Run many trials and keep their equity; each is what `run` gives, bit for bit."""
        equity = np.zeros((len(trials), len(self.world.opens)), dtype=np.int64)
        found = np.zeros((len(trials), 7), dtype=np.int64)
        rows = 16 * len(self.columns.tickers)
        book, room = self._places(rows, record=False)
        # Looking a name up among what is installed takes longer than a trial.
        resolve = cache(resolve or published)
        for number, trial in enumerate(trials):
            while not self._try(trial, seed, resolve, book, room):
                rows *= 4
                book, room = self._places(rows, record=False)
            days = book.days
            np.add(days[:, c.D_CASH], days[:, c.D_HOLDINGS], out=equity[number])
            found[number, :5] = room.state[[c.N_ORDERS, c.N_FILLS, c.N_TRIPS, c.N_CLOSED, c.N_WON]]
            found[number, 5:] = days[:, [c.D_COST, c.D_TURNOVER]].sum(axis=0)
        return SweepResult(equity, *np.ascontiguousarray(found.T))

    def _places(self, rows: int, *, record: bool) -> tuple[Book, Room]:
        """Return where a run writes and works."""
        book = new_book(self.world, rows, record=record)
        return book, new_room(self.world, len(self.signals), rows)

    def _try(
        self, trial: Trial, seed: int, resolve: Callable[[str], Any], book: Book, room: Room
    ) -> bool:
        """Run a trial; return whether the book had enough room."""
        from backtests.compiled.kernel import kernel

        run = kernel(trial.broker.short.enabled)
        if _shared(trial.broker) != self._shared:
            raise ConfigError(
                "all trials of a sweep share what their market was prepared for",
                given=_shared(trial.broker),
                wanted=self._shared,
                where="broker.participation_of, .participation_sessions, .impact_sessions, "
                ".short.enabled, .short.designated",
            )
        cls, params = params_of(trial.strategy, seed, resolve)
        numbers = numbers_of(cls, params, trial)
        if numbers[0][c.P_STRATEGY] == c.OWN:
            shorts = trial.broker.short.enabled
            self._own.run(run, cls(params), trial.thresholds, numbers, book, room, shorts=shorts)
        else:
            self._run_known(run, cls, params, numbers, book, room)
        code = int(room.state[c.FAIL])
        if code not in (c.FINE, c.BAD_ROOM):
            self._stops.refuse(room.state, trial.broker, cls.__name__)
        return code == c.FINE

    def _run_known(
        self,
        kernel: Any,
        cls: type[Any],
        params: Settings,
        numbers: tuple[Ints, Floats],
        book: Book,
        room: Room,
    ) -> None:
        """Run a trial of a strategy the kernel knows."""
        draws, rounds, sessions = self._no_draws, 1, len(self.world.days)
        while True:
            if cls is RandomEntries:
                draws = draws_of(self.columns, params, rounds=rounds)  # type: ignore[arg-type]
            kernel(self.world, self.told, draws, *numbers, book, room, -1, sessions)
            if room.state[c.FAIL] != c.BAD_DRAWS:
                return
            rounds *= 2


def run_compiled(
    strategy: StrategySettings,
    market: MarketData,
    signals: Sequence[Signal],
    *,
    around: Sequence[date],
    broker: BrokerSettings,
    instruments: Lots,
    costs: Costs,
    seed: int = 0,
    universe: Mapping[date, frozenset[str]] | None = None,
    resolve: Callable[[str], Any] | None = None,
) -> EngineResult:
    """Run a strategy by the kernel; see `backtests.engine.run_engine`.

    Raises
    ------
    ConfigError
        For a strategy or costs the kernel does not serve: names them and the engine that does.
    """
    params_of(strategy, seed, resolve or published)
    prepared = CompiledRun(
        market,
        signals,
        around,
        broker=broker,
        lots=instruments,
        costs=costs,
        universe=universe,
    )
    return prepared.run(Trial(strategy, broker), seed=seed, resolve=resolve)


def _shared(broker: BrokerSettings) -> tuple[object, ...]:
    """Return what a world was made for."""
    sessions = broker.impact_sessions if broker.impact > 0.0 else 0
    listed = broker.short.designated if broker.short.enabled else None
    return broker.participation_of, broker.participation_sessions, sessions, listed


@cache
def published(name: str) -> Any:
    """Return the strategy class published under a name."""
    return load("strategies", name)
