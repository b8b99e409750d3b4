"""run_engine: signals and a market through a strategy and an engine, into fills and equity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from backtests import tables
from backtests.broker import Broker, BrokerSettings, Costs, Lots
from backtests.orders import REPLACED
from backtests.outlook import Outlook, Standing
from backtests.result import EngineResult
from backtests.tape import Tape
from markets.errors import ConfigError, MissingDataError
from markets.plugins import load
from markets.prices import MarketData
from markets.rules import UNITS_PER_HKD
from markets.settings import Settings
from markets.validation import require_known
from signals.decisions import Signal
from strategies.base import (
    SignalStrategy,
    StrategySettings,
    View,
    build_params,
)
from strategies.book import SignalBook
from strategies.sizing import Wish

if TYPE_CHECKING:
    from backtests.bridge import BridgeBroker
    from backtests.loop import SessionCerebro


class Sessions(Protocol):
    """The exchange calendar; `markets.calendar.Calendar` is one."""

    def sessions(self, start: date, end: date) -> list[date]:
        """Return all sessions from `start` to `end`, both included."""

    def next_session(self, day: date, n: int = 1) -> date:
        """Return the n-th session strictly after a day."""

    def previous_session(self, day: date, n: int = 1) -> date:
        """Return the n-th session strictly before a day."""


def sessions_around(calendar: Sessions, start: date, end: date) -> tuple[date, ...]:
    """Return the session before a run, those of the run, and the one after.

    Raises
    ------
    MissingDataError
        If the run has none.
    """
    sessions = calendar.sessions(start, end)
    if not sessions:
        raise MissingDataError("the run has no session", wanted="a start before the end")
    return (
        calendar.previous_session(sessions[0]),
        *sessions,
        calendar.next_session(sessions[-1]),
    )


def run_engine(
    strategy: StrategySettings,
    market: MarketData,
    signals: Sequence[Signal],
    *,
    start: date,
    end: date,
    broker: BrokerSettings,
    instruments: Lots,
    calendar: Sessions,
    costs: Costs,
    seed: int = 0,
    universe: Mapping[date, frozenset[str]] | None = None,
    resolve: Callable[[str], Any] | None = None,
    prepare: Callable[[Any], None] | None = None,
) -> EngineResult:
    """Run a strategy over the sessions from `start` to `end`.

    Orders are decided after the close of the session before and meant for the open; the first are
    decided before the first session. Nothing decided or filled in a session depends on a bar, an
    action or a signal of a later one.

    Parameters
    ----------
    strategy : StrategySettings
        Its class and parameters.
    market : MarketData
        Raw bars and actions; those before `start` are known history.
    signals : sequence of Signal
        In any order.
    start, end : date
        First and last day of the run.
    broker : BrokerSettings
        How orders are executed.
    instruments : Lots
        Board lots by date, and kinds.
    calendar : Sessions
        The exchange's sessions.
    costs : Costs
        Contract notes.
    seed : int
        For strategies that draw: those whose parameters have a `seed` left at its default.
    universe : mapping of date to frozenset of str, optional
        By session, the tickers a strategy should choose from, as its view shows them.
    resolve : callable, optional
        Returns the class a name stands for; by default `markets.plugins.load`.
    prepare : callable, optional
        Gets the backtrader cerebro before it runs: to add analyzers, sizers or observers. Whoever
        keeps it finds their results in `cerebro.runningstrats` afterwards.

    Returns
    -------
    EngineResult
        Bit-identical for identical arguments.

    Raises
    ------
    ConfigError
        If the strategy's name or parameters are wrong, or it wants what no broker could serve.
    MissingDataError
        If no session or bar lies in the run.
    """
    around = sessions_around(calendar, start, end)
    if broker.engine == "compiled":
        # Imported here: it has a compiler in it, and this module is on the config's path.
        from backtests.compiled.engine import run_compiled
        from backtests.compiled.refusals import unserved

        if prepare is not None:
            raise unserved("analyzers, sizers and observers", "a run without `prepare`")
        return run_compiled(
            strategy,
            market,
            signals,
            around=around,
            broker=broker,
            instruments=instruments,
            costs=costs,
            seed=seed,
            universe=universe,
            resolve=resolve,
        )
    tape = Tape(market, around[1:-1])
    core = Broker(broker, tape, costs, instruments)
    desk = _Desk(core, SignalBook(signals), around, universe, quiet=prepare is None)
    cls, params = checked_strategy(strategy, seed, resolve)
    cerebro = _cerebro(desk)
    _add_strategy(cerebro, desk, cls, params, strategy)
    if prepare is not None:
        prepare(cerebro)
    cerebro.run()
    core.end()
    return tables.result(tables.records(core, desk.days), around, tape.tickers)


def checked_strategy(
    settings: StrategySettings, seed: int, resolve: Callable[[str], Any] | None = None
) -> tuple[Any, Settings | None]:
    """Return a strategy's class, and its parameters if it decides by signals alone.

    Parameters
    ----------
    settings, seed, resolve
        As `run_engine` takes them.

    Raises
    ------
    ConfigError
        If there is no such class, or it is no strategy, or a parameter does not fit.
    """
    cls = (resolve or _published)(settings.name)
    where = f"strategy.params of {settings.name}"
    if isinstance(cls, type) and issubclass(cls, SignalStrategy):
        values = dict(settings.params)
        if "seed" in cls.Params.model_fields:
            values.setdefault("seed", seed)
        return cls, build_params(cls.Params, values, where=where)
    # Imported here: backtrader takes a third of a second, and this module is on the config's path.
    import backtrader as bt

    if not (isinstance(cls, type) and issubclass(cls, bt.Strategy)):
        raise ConfigError(
            "this is no strategy",
            given=settings.name,
            wanted="a subclass of strategies.base.SignalStrategy or backtrader.Strategy",
        )
    keys = cls.params._getkeys()  # type: ignore[attr-defined]
    require_known(settings.params, keys, part="strategy", where=where)
    return cls, None


def _published(name: str) -> Any:
    return load("strategies", name, where="strategy.name")


def _cerebro(desk: _Desk) -> SessionCerebro:
    from backtests.bridge import BridgeBroker
    from backtests.loop import SessionCerebro, backtrader_day
    from strategies.feed import SessionFeed

    bridge = BridgeBroker(broker=desk.core, calendar=desk.around)
    desk.bridge = bridge
    days = tuple(backtrader_day(session) for session in desk.around[:-1])
    cerebro = SessionCerebro(days=days, turn=desk.turn)
    cerebro.setbroker(bridge)
    for ticker, track in desk.core.tape.tracks.items():
        cerebro.adddata(SessionFeed(days=track.days, columns=track.columns), name=ticker)
    return cerebro


def _add_strategy(
    cerebro: SessionCerebro,
    desk: _Desk,
    cls: Any,
    params: Settings | None,
    settings: StrategySettings,
) -> None:
    """Add a `SignalStrategy` behind its trader, or a backtrader strategy as it is."""
    from strategies.trader import SignalTrader

    if params is not None:
        cerebro.addstrategy(
            SignalTrader, policy=cls(params), desk=desk, reserve_bp=settings.reserve_bp
        )
        return
    book = {"signals": desk.book} if "signals" in cls.params._getkeys() else {}
    cerebro.addstrategy(cls, **settings.params, **book)


class _Desk:
    """What a run knows after each close, as the `View` a strategy may see."""

    def __init__(
        self,
        core: Broker,
        book: SignalBook,
        around: tuple[date, ...],
        universe: Mapping[date, frozenset[str]] | None,
        *,
        quiet: bool,
    ) -> None:
        # A policy hears of no order; analyzers and observers, which `prepare` may add, do.
        self.quiet = quiet
        self.core = core
        self.book = book
        self.around = around  # the session before the run, those of the run, the one after
        self.bridge: BridgeBroker
        self.days: list[tables.Day] = []
        self._outlook = Outlook(core.tape, around, universe)

    def turn(self) -> None:
        """Record the session that closed, and open the signal book at the coming one."""
        if self.bridge.number >= 0:
            self.days.append(tables.Day.of(self.core.account))
        self.book.turn_to(self.bridge.coming)

    def view(self) -> View:
        """Return what is known for the coming open."""
        account, number = self.core.account, self.bridge.number
        trips = account.open_trips
        standing = Standing(
            shares=account.shares,
            waiting=self.core.waiting(),
            ages={ticker: number + 1 - trip.entered for ticker, trip in trips.items()},
            origins={ticker: trip.signal_id for ticker, trip in trips.items() if trip.signal_id},
            closes={ticker: units / UNITS_PER_HKD for ticker, units in account.marks.items()},
            cash=account.cash,
            equity=account.equity,
            shortable=self.core.shorts.listed.on(self.bridge.coming, account.marks),
        )
        return self._outlook.view(number, self.book, standing)

    def lot(self, ticker: str) -> int:
        """Return the board lot in the coming session."""
        return self.core.lot(ticker, self.bridge.coming)

    @property
    def shorts(self) -> bool:
        """Whether stock may be sold short."""
        return self.core.shorts.enabled

    def place(self, wish: Wish, signal_id: str) -> None:
        """Give an order straight to the broker."""
        self.bridge.place_core(wish.ticker, wish.side, wish.shares, wish.short, signal_id)

    def cancel_waiting(self, ticker: str) -> None:
        """Cancel orders of a ticker that still wait."""
        for order in [each for each in self.core.pending if each.ticker == ticker]:
            self.bridge.cancel_core(order, REPLACED)

    def decline(self, wish: Wish, signal_id: str) -> None:
        """Record an order that was wanted and could not be made."""
        self.core.decline(
            wish.ticker,
            wish.side,
            wish.reason,
            effective=self.bridge.coming,
            signal_id=signal_id,
            short=wish.short,
        )
