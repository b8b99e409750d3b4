"""Account: cash in integer cents, whole shares, and round trips; every change leaves a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from backtests.orders import Order
from backtests.tape import Action
from markets.errors import NewswakeError
from markets.rules import UNITS_PER_HKD

UNITS_PER_CENT = UNITS_PER_HKD // 100


def cents(shares: int, units: int) -> int:
    """Return shares × price in cents, a half cent rounded up.

    Examples
    --------
    >>> cents(100, 1_511_000), cents(1, 50), cents(1, 49)
    (1511000, 1, 0)
    """
    return (shares * units + UNITS_PER_CENT // 2) // UNITS_PER_CENT


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution.

    Attributes
    ----------
    fill_id, order_id, trade_id : int
        1-based; the trade is the round trip it opens, adds to, reduces or closes.
    number : int
        Session of the run.
    shares, units : int
        How many, at which price in ten-thousandths of a dollar.
    consideration, costs : int, tuple of int
        In cents; costs by component in the order of `backtests.result.COST_COLUMNS`.
    """

    fill_id: int
    order_id: int
    trade_id: int
    number: int
    ticker: str
    side: str
    shares: int
    units: int
    consideration: int
    costs: tuple[int, ...]
    signal_id: str

    @property
    def cost(self) -> int:
        """Sum of the cost components, cents."""
        return sum(self.costs)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A corporate action that met a holding. Cash in cents."""

    number: int
    ticker: str
    trade_id: int
    shares_before: int
    shares_after: int
    dividend: int
    fraction: int


@dataclass(slots=True)
class RoundTrip:
    """A position from flat to flat. Cash in cents."""

    trade_id: int
    ticker: str
    entered: int
    signal_id: str
    bought_shares: int = 0
    bought: int = 0
    sold_shares: int = 0
    sold: int = 0
    income: int = 0
    cost: int = 0
    exited: int | None = None

    def add(self, fill: Fill) -> None:
        """Add an execution to it."""
        self.cost += fill.cost
        if fill.side == "buy":
            self.bought_shares += fill.shares
            self.bought += fill.consideration
        else:
            self.sold_shares += fill.shares
            self.sold += fill.consideration


@dataclass(slots=True)
class Day:
    """What moved in one session, in cents."""

    cost: int = 0
    turnover: int = 0
    income: int = 0


@dataclass(slots=True)
class Account:
    """Cash, holdings and their history. Refuses what would make either negative.

    Parameters
    ----------
    cash : int
        In cents.
    """

    cash: int
    shares: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)  # last known close, ten-thousandths
    fills: list[Fill] = field(default_factory=list)
    actions: list[ActionRow] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    open_trips: dict[str, RoundTrip] = field(default_factory=dict)
    today: Day = field(default_factory=Day)

    def book(
        self, number: int, order: Order, shares: int, units: int, costs: Sequence[int]
    ) -> Fill:
        """Book an execution; the last share sold ends the round trip.

        Parameters
        ----------
        number : int
            Session of the run.
        order : Order
            What is executed.
        shares, units : int
            How many, at which price in ten-thousandths of a dollar.
        costs : sequence of int
            Cents, by component.
        """
        buys = order.side == "buy"
        trip = self._trip(order, number) if buys else self.open_trips[order.ticker]
        fill = Fill(
            fill_id=len(self.fills) + 1,
            order_id=order.order_id,
            trade_id=trip.trade_id,
            number=number,
            ticker=order.ticker,
            side=order.side,
            shares=shares,
            units=units,
            consideration=cents(shares, units),
            costs=tuple(costs),
            signal_id=order.signal_id,
        )
        sign = 1 if buys else -1
        self._move(order.ticker, sign * shares, -sign * fill.consideration - fill.cost)
        self.fills.append(fill)
        trip.add(fill)
        self.today.cost += fill.cost
        self.today.turnover += fill.consideration
        if order.ticker not in self.shares:
            self._end(order.ticker, number)
        return fill

    def apply(self, number: int, action: Action) -> ActionRow | None:
        """Book a corporate action on what is held, and bring the last known close onto its basis.

        The dividend is cash per old share. A fraction of a new share is paid out at the last known
        close less the dividend, rounded down to the cent.
        """
        close = self.marks.get(action.ticker)
        if close is None:
            return None
        ex_dividend = max(Fraction(0), close - action.cash * UNITS_PER_HKD)
        self.marks[action.ticker] = round(ex_dividend / action.ratio)
        before = self.shares.get(action.ticker, 0)
        if before == 0:
            return None
        exact = before * action.ratio
        after = int(exact)
        dividend = floor(before * action.cash * 100 + Fraction(1, 2))
        spare: Fraction = (exact - after) / action.ratio  # in old shares
        fraction = floor(spare * ex_dividend / UNITS_PER_CENT)
        trip = self.open_trips[action.ticker]
        trip.income += dividend + fraction
        self.today.income += dividend + fraction
        self._move(action.ticker, after - before, dividend + fraction)
        if after == 0:
            self._end(action.ticker, number)
        row = ActionRow(number, action.ticker, trip.trade_id, before, after, dividend, fraction)
        self.actions.append(row)
        return row

    def close_day(self) -> Day:
        """Return what moved since the last call."""
        day, self.today = self.today, Day()
        return day

    def worth(self, ticker: str) -> int:
        """Return a holding at its last known close, in cents."""
        return cents(self.shares.get(ticker, 0), self.marks.get(ticker, 0))

    @property
    def holdings(self) -> int:
        """All holdings at their last known closes, in cents."""
        return sum(self.worth(ticker) for ticker in self.shares)

    @property
    def equity(self) -> int:
        """Cash and holdings, in cents."""
        return self.cash + self.holdings

    def _trip(self, order: Order, number: int) -> RoundTrip:
        trip = self.open_trips.get(order.ticker)
        if trip is None:
            trip = RoundTrip(len(self.trips) + 1, order.ticker, number, order.signal_id)
            self.trips.append(trip)
            self.open_trips[order.ticker] = trip
        return trip

    def _move(self, ticker: str, shares: int, cash: int) -> None:
        left = self.shares.get(ticker, 0) + shares
        if left < 0 or self.cash + cash < 0:
            raise NewswakeError(
                "the account would go negative: the broker let an order through it must not",
                given=f"{left} shares, {self.cash + cash} cents",
                where=ticker,
            )
        self.cash += cash
        if left:
            self.shares[ticker] = left
        else:
            self.shares.pop(ticker, None)

    def _end(self, ticker: str, number: int) -> None:
        self.open_trips.pop(ticker).exited = number
