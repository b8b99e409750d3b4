"""run_compiled and Sweep: one run with all its tables, or many with their equity alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings, Costs, Lots
from backtests.compiled import layout
from backtests.compiled.layout import Book, Draws, Ints, Told, World, new_book, new_room
from backtests.compiled.trials import Trial, numbers_of, params_of
from backtests.compiled.world import Columns, columns_of, draws_of, told_of, unserved, world_of
from backtests.impact import SquareRootImpact
from backtests.orders import Order, Side
from backtests.pricing import FillPrices
from backtests.result import COST_COLUMNS, EngineResult
from backtests.tables import Records, result
from backtests.tape import Tape
from markets.errors import ConfigError, NewswakeError, nearest_name
from markets.plugins import load
from markets.prices import MarketData
from markets.rules import UNITS_PER_HKD
from signals.decisions import Signal
from strategies.base import StrategySettings
from strategies.baselines import RandomEntries

_NO_DRAWS = Draws(
    np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.zeros((1, 2), dtype=np.uint32)
)
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
        self.columns: Columns = columns_of(self.tape, around, signals, lots)
        self.world: World = world_of(self.tape, self.columns, broker, costs, lots, universe)
        self.told: Told
        self.told, self.signals = told_of(self.columns, signals)
        self._lots = lots
        self._costs = costs
        self._shared = _shared(broker)

    def run(
        self, trial: Trial, *, seed: int = 0, resolve: Callable[[str], Any] | None = None
    ) -> EngineResult:
        """Run one trial; the tables are those of the other engine, bit for bit."""
        sessions, tickers = self.world.opens.shape
        rows = _ROWS
        while True:
            book = new_book(sessions, tickers, rows, record=True)
            state = self._try(trial, seed, resolve, book)
            if state is not None:
                return result(self._records(book, state), self.around, self.tape.tickers)
            rows *= 4

    def sweep(
        self,
        trials: Sequence[Trial],
        *,
        seed: int = 0,
        resolve: Callable[[str], Any] | None = None,
    ) -> SweepResult:
        """Run many trials and keep their equity; each is what `run` gives, bit for bit."""
        sessions, tickers = self.world.opens.shape
        equity = np.zeros((len(trials), sessions), dtype=np.int64)
        found = np.zeros((len(trials), 7), dtype=np.int64)
        rows = 16 * tickers
        book = new_book(sessions, tickers, rows, record=False)
        # Looking a name up among what is installed takes longer than a trial.
        resolve = cache(resolve or published)
        for number, trial in enumerate(trials):
            state = self._try(trial, seed, resolve, book)
            while state is None:
                rows *= 4
                book = new_book(sessions, tickers, rows, record=False)
                state = self._try(trial, seed, resolve, book)
            np.add(book.days[:, layout.D_CASH], book.days[:, layout.D_HOLDINGS], out=equity[number])
            found[number, :5] = state[
                [layout.N_ORDERS, layout.N_FILLS, layout.N_TRIPS, layout.N_CLOSED, layout.N_WON]
            ]
            found[number, 5:] = book.days[:, [layout.D_COST, layout.D_TURNOVER]].sum(axis=0)
        return SweepResult(equity, *np.ascontiguousarray(found.T))

    def _try(
        self, trial: Trial, seed: int, resolve: Callable[[str], Any] | None, book: Book
    ) -> Ints | None:
        """Run a trial into a book; return its state, or None if the book has too little room."""
        from backtests.compiled.kernel import kernel

        if _shared(trial.broker) != self._shared:
            raise ConfigError(
                "all trials of a sweep share what their volumes are made of",
                given=_shared(trial.broker),
                wanted=self._shared,
                where="broker.participation_of, .participation_sessions, .impact_sessions",
            )
        cls, params = params_of(trial.strategy, seed, resolve or published)
        ints, floats = numbers_of(cls, params, trial)
        draws, rounds = _NO_DRAWS, 1
        room = new_room(self.world.opens.shape[1], len(self.signals), len(book.orders))
        while True:
            if cls is RandomEntries:
                draws = draws_of(self.columns, params.entries, params.seed, rounds=rounds)  # type: ignore[attr-defined]
            kernel()(self.world, self.told, draws, ints, floats, book, room)
            state = room.state
            code = int(state[layout.FAIL])
            if code == layout.BAD_DRAWS:
                rounds *= 2
                continue
            if code == layout.BAD_ROOM:
                return None
            if code != layout.FINE:
                self._refuse(code, state, trial, cls.__name__)
            return state

    def _records(self, book: Book, state: Ints) -> Records:
        """Return what a book says as columns with words."""
        tickers = np.array(self.columns.tickers, dtype=object)
        ids = np.array([*(signal.signal_id for signal in self.signals), ""], dtype=object)
        orders = book.orders[: state[layout.N_ORDERS]].T
        fills = book.fills[: state[layout.N_FILLS]].T
        trips = book.trips[: state[layout.N_TRIPS]].T
        actions = book.actions[: state[layout.N_ACTIONS]].T
        marks = self.world.marks[-1][trips[layout.T_TICKER]]
        is_open = trips[layout.T_EXITED] < 0
        held = np.where(is_open, book.shares[-1][trips[layout.T_TICKER]], 0)
        due = actions[layout.A_DUE].astype("datetime64[D]").astype("datetime64[s]")
        none = np.zeros(actions.shape[1], dtype=np.int64)
        names = ("cash", "holdings", "cost", "turnover", "income")
        return Records(
            orders={
                "order_id": orders[layout.O_ID],
                "ticker": tickers[orders[layout.O_TICKER]],
                "side": _sides(orders[layout.O_SIDE]),
                "shares": orders[layout.O_SHARES],
                "status": np.array(layout.STATUSES, dtype=object)[orders[layout.O_STATUS]],
                "reason": np.array(layout.REASONS, dtype=object)[orders[layout.O_REASON]],
                "filled_shares": orders[layout.O_FILLED],
                "signal_id": ids[orders[layout.O_SIGNAL]],
                "effective": orders[layout.O_SESSION],
                "filled": orders[layout.O_FILLED_AT],
            },
            fills={
                "fill_id": np.arange(1, fills.shape[1] + 1),
                "order_id": fills[layout.F_ORDER],
                "trade_id": fills[layout.F_TRIP],
                "number": fills[layout.F_SESSION],
                "ticker": tickers[fills[layout.F_TICKER]],
                "side": _sides(fills[layout.F_SIDE]),
                "shares": fills[layout.F_SHARES],
                "units": fills[layout.F_UNITS],
                "consideration": fills[layout.F_WORTH],
                "cost": fills[layout.F_COSTS :].sum(axis=0),
                "signal_id": ids[fills[layout.F_SIGNAL]],
                **dict(zip(COST_COLUMNS, fills[layout.F_COSTS :], strict=True)),
            },
            trips={
                "trade_id": np.arange(1, trips.shape[1] + 1),
                "ticker": tickers[trips[layout.T_TICKER]],
                "entered": trips[layout.T_ENTERED],
                "exited": trips[layout.T_EXITED],
                "signal_id": ids[trips[layout.T_SIGNAL]],
                "bought_shares": trips[layout.T_BOUGHT_SHARES],
                "bought": trips[layout.T_BOUGHT],
                "sold_shares": trips[layout.T_SOLD_SHARES],
                "sold": trips[layout.T_SOLD],
                "income": trips[layout.T_INCOME],
                "cost": trips[layout.T_COST],
                "held": held,
                # Only one round trip of a ticker is open: what it still holds is what is held.
                "end": (held * marks + 50) // 100,
            },
            actions={
                "number": actions[layout.A_SESSION],
                "ticker": tickers[actions[layout.A_TICKER]],
                "trade_id": actions[layout.A_TRIP],
                "shares_before": actions[layout.A_BEFORE],
                "shares_after": actions[layout.A_AFTER],
                "dividend": actions[layout.A_DIVIDEND],
                "fraction": actions[layout.A_FRACTION],
                "kind": np.array(layout.KINDS, dtype=object)[actions[layout.A_KIND]],
                "cash": actions[layout.A_CASH],
                "other": np.full(len(none), "", dtype=object),
                "other_shares": none,
                "other_worth": none,
                "due": np.where(
                    actions[layout.A_DUE] == layout.NEVER, np.datetime64("NaT"), due
                ).astype("datetime64[s]"),
            },
            days=dict(zip(names, book.days.T, strict=True)),
            shares=np.ascontiguousarray(book.shares[:, list(self.columns.places)]),
        )

    def _impact(self, broker: BrokerSettings, ticker: str, number: int, shares: int) -> float:
        law = SquareRootImpact(broker.impact, broker.impact_sessions, self.tape)
        return law.bp(ticker, number, shares) if broker.impact else 0.0

    def _refuse(self, code: int, state: Ints, trial: Trial, name: str) -> None:
        """Raise what the other engine raises where the kernel stopped."""
        number = int(state[layout.FAIL_SESSION])
        session = self.around[number + 1]
        ticker = self.columns.tickers[int(state[layout.FAIL_TICKER])]
        side: Side = "buy" if state[layout.FAIL_SIDE] > 0 else "sell"
        kinds = dict(zip(self.columns.tickers, self.columns.kinds, strict=True))
        if code == layout.BAD_LOT:
            self._lots.lot(ticker, session)
        elif code == layout.BAD_PRICE:
            broker = trial.broker
            prices = FillPrices(
                broker.slippage_ticks, broker.slippage_bp, self.tape.adjusted, kinds
            )
            bar = self.tape.bar(ticker, number)
            if bar is not None:
                prices.slipped(
                    bar.open,
                    Order(1, ticker, side, 1, session, session),
                    session,
                    self._impact(broker, ticker, number, int(state[layout.FAIL_SHARES])),
                )
        elif code == layout.BAD_COST:
            self._costs.note(
                session=session,
                side=side,
                price=int(state[layout.FAIL_UNITS]) / UNITS_PER_HKD,
                shares=int(state[layout.FAIL_SHARES]),
                kind=kinds[ticker],
            )
        elif code == layout.BAD_TICKER:
            raise ConfigError(
                "the strategy wants a ticker that has no prices",
                given=ticker,
                where=name,
                nearest=nearest_name(ticker, self.tape.tickers),
            )
        elif code == layout.BAD_WIDTH:
            raise unserved(f"amounts beyond 64 bits ({ticker}, {session})", "smaller amounts")
        raise NewswakeError(
            "the compiled engine stopped where the other would not", given=code, where=ticker
        )


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
        For a strategy or costs the kernel does not know: names them and the engine that does.
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


def _shared(broker: BrokerSettings) -> tuple[str, int, int]:
    """Return what a world was made for."""
    sessions = broker.impact_sessions if broker.impact > 0.0 else 0
    return broker.participation_of, broker.participation_sessions, sessions


def published(name: str) -> Any:
    """Return the strategy class published under a name."""
    return load("strategies", name)


def _sides(codes: Ints) -> Any:
    return np.array(["sell", "", "buy"], dtype=object)[codes + 1]
