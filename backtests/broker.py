"""Broker: the rules by which orders fill at an open, exact to the cent; knows no backtrader."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from backtests.account import Account
from backtests.entries import ActionRow, Fill
from backtests.impact import SquareRootImpact
from backtests.orders import (
    BUY_IN,
    NO_TRADE,
    RUN_ENDS,
    SPLIT_AWAY,
    TICK_RULE,
    UNTOUCHED,
    Kind,
    Order,
    Side,
)
from backtests.pricing import FillPrices, Phase
from backtests.result import COST_COLUMNS
from backtests.shorts import Shorts, ShortSettings
from backtests.sizes import FillSizes
from backtests.tape import Action, Bar, Tape
from markets.costs import CostSchedule
from markets.rules import UNITS_PER_HKD
from markets.settings import Settings

_COMPONENTS = tuple(column.removesuffix("_hkd") for column in COST_COLUMNS)


class BrokerSettings(Settings):
    """How orders are executed."""

    engine: Literal["backtrader", "compiled"] = "backtrader"
    """"backtrader" runs every strategy; "compiled" every one that decides by signals alone, with
    the same fills to the cent: built-in ones hundreds of times faster, one's own a few times."""

    cash_hkd: float = Field(default=1_000_000.0, gt=0.0)
    """Cash at the start."""

    costs: str = "ibkr_hk_tiered"
    """Broker plan of the cost schedule; levies and duties come from the dated tables."""

    costs_tier: int = Field(default=1, ge=1)
    """Volume tier of the plan: what one trades in a month elsewhere counts too, so it is stated."""

    costs_file: str | None = None
    """TOML file of the user's own broker plans; they win over the built-in ones. Relative
    paths as in `instruments`."""

    slippage_ticks: int = Field(default=0, ge=0)
    """Ticks by which a market order fills worse than the open (a half-spread)."""

    slippage_bp: float = Field(default=0.0, ge=0.0)
    """Basis points by which a market order fills worse than the open, before rounding to ticks."""

    impact: float = Field(default=0.0, ge=0.0)
    """Coefficient Y of the square-root law: a market or stop order fills worse than the open by
    Y · σ · √(Q / V), with σ the standard deviation of daily returns and V the mean daily volume of
    the sessions before, known when deciding, and Q the shares of the stock wanted in the session.
    Measured values lie near 1; 0 is no impact."""

    impact_sessions: int = Field(default=20, ge=3)
    """How many sessions before make up σ and V of the impact."""

    participation: float | None = Field(default=0.1, gt=0.0, le=1.0)
    """Largest share of the volume that all one's orders for a stock may take in a session."""

    participation_of: Literal["previous", "session"] = "previous"
    """Of the mean volume of the sessions before, known when deciding, or of the session's own."""

    participation_sessions: int = Field(default=20, ge=1)
    """How many sessions before make up the mean volume."""

    max_wait_sessions: int = Field(default=0, ge=0)
    """Sessions a market order waits after its own, if the stock did not trade or not enough."""

    short: ShortSettings = ShortSettings()
    """Selling borrowed stock."""

    def schedule(self) -> CostSchedule:
        """Return the contract notes of the plan.

        Raises
        ------
        ConfigError
            If there is no such plan or tier.
        """
        path = None if self.costs_file is None else Path(self.costs_file)
        return CostSchedule(self.costs, tier=self.costs_tier, plans_file=path)


class Costs(Protocol):
    """What a contract note costs; `markets.costs.CostSchedule` is one."""

    def note(
        self, *, session: date, side: Any, price: Any, shares: int, kind: Any = "equity"
    ) -> Any:
        """Return the parts of a note in dollars: a field for each of `COST_COLUMNS`."""


class Lots(Protocol):
    """Board lots by date, and the kind of each ticker; `markets.instruments.Instruments` is one."""

    def lot(self, ticker: str, day: date) -> int:
        """Return the shares of a board lot on a date."""

    def get(self, ticker: str) -> Any:
        """Return the instrument, of which `kind` is read, or None if only its lots are known."""


class Broker:
    """Executes orders at the open of each session of a tape.

    In each session, in this order: the borrow of shorts is paid; corporate actions meet holdings
    and waiting orders; dividends and shares due arrive (`deliveries` holds these shares); sales
    fill, then covers of shorts, short sales and purchases, each in order of creation, at the open
    and slippage; then limit and stop orders that the session's range reaches, in the same turn;
    then holdings are marked at the close. So what is closed pays for what is opened at the same
    open, whichever was ordered first.

    Parameters
    ----------
    settings : BrokerSettings
        How orders are executed.
    tape : Tape
        The market.
    costs : Costs
        Contract notes.
    lots : Lots
        Board lots and kinds.
    """

    def __init__(self, settings: BrokerSettings, tape: Tape, costs: Costs, lots: Lots) -> None:
        self.settings = settings
        self.tape = tape
        self.account = Account(cash=round(settings.cash_hkd * 100))
        self.shorts = Shorts(settings.short, self.account)
        self.orders: list[Order] = []
        self.pending: list[Order] = []
        self._costs = costs
        self._noted: tuple[tuple[Any, ...], tuple[int, ...]] = ((), ())
        self._lots = lots
        self._kinds = {ticker: kind_of(lots, ticker) for ticker in tape.tickers}
        self._prices = FillPrices(
            ticks=settings.slippage_ticks,
            bp=settings.slippage_bp,
            adjusted=tape.adjusted,
            kinds=self._kinds,
        )
        self._sizes = FillSizes(
            participation=settings.participation,
            of_previous=settings.participation_of == "previous",
            sessions=settings.participation_sessions,
            tape=tape,
            account=self.account,
            lot=lots.lot,
            note=self.note,
            shorts=self.shorts,
        )
        self._impact = SquareRootImpact(settings.impact, settings.impact_sessions, tape)
        self.deliveries: list[ActionRow] = []
        for ticker in tape.tickers:
            close = tape.close_before(ticker)
            if close is not None:
                self.account.marks[ticker] = close

    def place(
        self,
        ticker: str,
        side: Side,
        shares: int,
        *,
        effective: date,
        signal_id: str = "",
        kind: Kind = "market",
        price_units: int = 0,
        until: date | None = None,
        short: bool = False,
        forced: str = "",
    ) -> Order:
        """Take an order for the open of `effective`."""
        if kind == "market" and until is None:
            until = self._last_wait(effective)
        order = Order(
            order_id=len(self.orders) + 1,
            ticker=ticker,
            side=side,
            shares=shares,
            effective=effective,
            signal_id=signal_id,
            kind=kind,
            price_units=price_units,
            until=until,
            short=short,
            forced=forced,
        )
        self.orders.append(order)
        self.pending.append(order)
        return order

    def cancel(self, order: Order, reason: str) -> bool:
        """Cancel an order that can still fill; return whether it could."""
        if not order.alive:
            return False
        order.end("cancelled", reason)
        self.pending.remove(order)
        return True

    def decline(
        self,
        ticker: str,
        side: Side,
        reason: str,
        *,
        effective: date,
        signal_id: str = "",
        short: bool = False,
    ) -> None:
        """Record an order that was wanted and could not be made."""
        number = len(self.orders) + 1
        order = Order(number, ticker, side, 0, effective, signal_id, short=short)
        order.end("rejected", reason)
        self.orders.append(order)

    def waiting(self) -> dict[str, int]:
        """Return shares of orders that can still fill, by ticker; sales negative."""
        found: dict[str, int] = {}
        for order in self.pending:
            sign = 1 if order.side == "buy" else -1
            found[order.ticker] = found.get(order.ticker, 0) + sign * order.remaining
        return found

    def note(
        self, ticker: str, side: Side, session: date, units: int, shares: int
    ) -> tuple[int, ...]:
        """Return what a contract note costs, in cents, in the order of `COST_COLUMNS`."""
        asked = (ticker, side, session, units, shares)
        # A fill asks twice for the same note: whether cash covers it, and when it is booked.
        if asked != self._noted[0]:
            self._noted = asked, self._note(*asked)
        return self._noted[1]

    def _note(
        self, ticker: str, side: Side, session: date, units: int, shares: int
    ) -> tuple[int, ...]:
        kind = self._kinds[ticker]
        if isinstance(self._costs, CostSchedule):
            return self._costs.cents(session=session, kind=kind, units=units * shares)
        note = self._costs.note(
            session=session,
            side=side,
            price=Decimal(units) / UNITS_PER_HKD,
            shares=shares,
            kind=kind,
        )
        return tuple(int(getattr(note, name).scaleb(2)) for name in _COMPONENTS)

    def lot(self, ticker: str, day: date) -> int:
        """Return the shares of a board lot on a date."""
        return self._lots.lot(ticker, day)

    def trade(self, number: int) -> tuple[list[Action], list[tuple[Order, Fill | None]]]:
        """Run session `number` and mark holdings at its close.

        Returns
        -------
        actions : list of Action
            Corporate actions of the session.
        outcomes : list of (Order, Fill or None)
            Fills in order, then orders that ended without one in this session.
        """
        session, called = self.tape.sessions[number], self.shorts.called
        if number:
            self.shorts.charge(number, (session - self.tape.sessions[number - 1]).days)
        actions = list(self.tape.actions.get(number, ()))
        for action in actions:
            self._apply(number, action)
        arrived = self.account.settle(number, session)
        self.deliveries = [row for row in arrived if row.kind == "delivery"]
        if called:
            self._buy_in(session)
        self._sizes.start_session()
        bars = {order.ticker: self.tape.bar(order.ticker, number) for order in self.pending}
        outcomes: list[tuple[Order, Fill | None]] = []
        for phase, order in self._turns():
            if order.alive and order.remaining:
                fill = self._execute(order, number, bars[order.ticker], phase)
                if fill is not None:
                    outcomes.append((order, fill))
        outcomes += [(order, None) for order in self._sweep(number)]
        self.account.marks.update(self.tape.closes[number])
        return actions, outcomes

    def end(self) -> None:
        """Close the run: what still waits stays open, and says why."""
        for order in self.pending:
            order.reason = RUN_ENDS

    def _buy_in(self, session: date) -> None:
        """Order back every short, in place of what waits for it."""
        for ticker in self.account.sold_short:
            for order in self.pending:
                if order.ticker == ticker and order.alive:
                    order.end("cancelled", BUY_IN)
            shares = -self.account.shares[ticker]
            self.place(ticker, "buy", shares, effective=session, short=True, forced=BUY_IN)

    def _turns(self) -> Iterator[tuple[Phase, Order]]:
        """Yield orders in turn: the open before the range, and in each closing ones, sales first.

        Of what opens, short sales go before purchases.
        """
        turns = sorted(self.pending, key=lambda order: (order.opens, order.side == "buy"))
        for order in turns:
            yield "open", order
        for order in turns:
            if order.kind != "market":
                yield "range", order

    def _last_wait(self, effective: date) -> date | None:
        """Return the last session a market order may wait for; None if the run ends before it."""
        sessions = self.tape.sessions
        last = bisect_left(sessions, effective) + self.settings.max_wait_sessions
        return sessions[last] if last < len(sessions) else None

    def _execute(self, order: Order, number: int, bar: Bar | None, phase: Phase) -> Fill | None:
        """Fill what can be filled of an order in a phase of the session; note what it lacks."""
        order.reason = ""
        if bar is None or bar.volume <= 0.0:
            order.reason = NO_TRADE
            return None
        session = self.tape.sessions[number]
        floor = self._floor(order, session)
        if not order.alive:
            return None
        impact = 0.0
        if self._impact.coefficient:
            wanted = self._sizes.wanted(order, number, bar)
            impact = self._impact.bp(order.ticker, number, wanted)
        units = self._prices.fill(order, bar, phase, session, impact, floor)
        if units is None:
            order.reason = TICK_RULE if floor and order.kind == "market" else UNTOUCHED
            return None
        shares = self._sizes.fill(order, number, bar, units)
        if shares == 0:
            return None
        costs = self.note(order.ticker, order.side, session, units, shares)
        fill = self.account.book(number, order, shares, units, costs)
        self._sizes.took(order.ticker, shares)
        order.fill(shares, session)
        return fill

    def _floor(self, order: Order, session: date) -> int:
        """Return the price below which an order may not sell short; end one that may not at all."""
        if not order.short or not order.opens:
            return 0
        refusal = self.shorts.refusal(order, session)
        if refusal:
            order.cut_to(0, refusal)
            return 0
        return self.account.marks[order.ticker]

    def _apply(self, number: int, action: Action) -> None:
        """Bring holdings and waiting orders onto the basis after a corporate action."""
        self.account.apply(number, action)
        if action.ratio == 1:
            return
        for order in self.pending:
            if order.ticker == action.ticker:
                order.remaining = int(order.remaining * action.ratio)
                order.price_units = round(order.price_units / action.ratio)
                if order.remaining == 0:
                    order.end("rejected", SPLIT_AWAY)

    def _sweep(self, number: int) -> list[Order]:
        """Let orders expire that may wait no longer; return those that ended in this session."""
        session = self.tape.sessions[number]
        for order in self.pending:
            if order.alive and order.until is not None and session >= order.until:
                order.end("expired", order.reason)
        ended = [order for order in self.pending if not order.alive]
        self.pending = [order for order in self.pending if order.alive]
        return [order for order in ended if order.status != "filled"]


def kind_of(lots: Lots, ticker: str) -> str:
    """Return an instrument's kind; one of which only the lots are known is taken for a share."""
    instrument = lots.get(ticker)
    return "equity" if instrument is None else str(instrument.kind)
