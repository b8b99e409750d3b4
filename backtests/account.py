"""Account: cash in integer cents, whole shares, and round trips; every change leaves a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor

from backtests.entries import UNITS_PER_CENT, ActionRow, Claim, Day, Fill, RoundTrip, cents
from backtests.orders import Order
from backtests.tape import Action
from markets.errors import NewswakeError
from markets.rules import UNITS_PER_HKD


@dataclass(slots=True)
class Account:
    """Cash, holdings, claims and their history; a short is a negative holding.

    Refuses an execution that takes a position across zero, or spends cash that is not there: only
    what a short costs may. A claim is a dividend not yet paid, or shares in specie not yet
    delivered: it belongs to the equity from the ex date on, and can neither be spent nor sold.

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
    claims: list[Claim] = field(default_factory=list)
    today: Day = field(default_factory=Day)

    def book(
        self, number: int, order: Order, shares: int, units: int, costs: Sequence[int]
    ) -> Fill:
        """Book an execution; the last share sold, or covered, ends the round trip.

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
        trip = self._trip(order, number) if order.opens else self.open_trips[order.ticker]
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
        sign = 1 if order.side == "buy" else -1
        self._move(order.ticker, sign * shares, -sign * fill.consideration - fill.cost)
        self._check(order)
        self.fills.append(fill)
        trip.add(fill)
        self.today.cost += fill.cost
        self.today.turnover += fill.consideration
        if order.ticker not in self.shares:
            self._end(order.ticker, number)
        return fill

    def apply(self, number: int, action: Action) -> ActionRow | None:
        """Book a corporate action on what is held, and bring the last known close onto its basis.

        The dividend is cash per old share, the distribution in specie shares of another company per
        old share. A fraction of a share is paid out at the last known close (of the stock itself:
        less what it distributed), rounded down to the cent. What arrives later becomes a claim.
        A short owes what a holder is owed, and pays the worth of shares in specie at once.
        """
        self._split_claims(number, action)
        close = self.marks.get(action.ticker)
        if close is None:
            return None
        other_close = self.marks.get(action.other, 0)
        given = action.cash * UNITS_PER_HKD + action.other_ratio * other_close
        ex_rights = max(Fraction(0), close - given)
        self.marks[action.ticker] = round(ex_rights / action.ratio)
        before = self.shares.get(action.ticker, 0)
        if before == 0:
            return None
        exact = before * action.ratio
        after = int(exact)
        dividend = floor(abs(before) * action.cash * 100 + Fraction(1, 2))
        dividend = dividend if before > 0 else -dividend
        spare: Fraction = (exact - after) / action.ratio  # in old shares
        fraction = floor(spare * ex_rights / UNITS_PER_CENT)
        received = before * action.other_ratio
        whole = max(0, int(received))
        fraction += floor((received - whole) * other_close / UNITS_PER_CENT)
        worth = cents(whole, other_close)
        at_once = fraction if action.paid else dividend + fraction
        trip = self.open_trips[action.ticker]
        trip.income += dividend + fraction + worth
        self.today.income += dividend + fraction
        self._move(action.ticker, after - before, at_once)
        if action.paid and dividend:
            self.claims.append(Claim(action.ticker, trip.trade_id, action.paid, dividend))
        if whole:
            self._receive(number, action, whole, worth)
        if after == 0:
            self._end(action.ticker, number)
        row = ActionRow(
            number,
            action.ticker,
            trip.trade_id,
            before,
            after,
            dividend,
            fraction,
            cash=at_once,
            other=action.other if whole else "",
            other_shares=whole,
            other_worth=worth,
            due=action.delivered if whole else action.paid,
        )
        self.actions.append(row)
        return row

    def settle(self, number: int, session: date) -> list[ActionRow]:
        """Pay and deliver what is due by a session's open; return what arrived."""
        due = [claim for claim in self.claims if claim.due <= session]
        self.claims = [claim for claim in self.claims if claim.due > session]
        rows = [self._arrive(number, claim) for claim in due]
        self.actions.extend(rows)
        return rows

    def pay_borrow(self, number: int, ticker: str, cost: int) -> None:
        """Pay for the borrow of a short, in cents, as a cost of its round trip."""
        trip, held = self.open_trips[ticker], self.shares[ticker]
        trip.cost += cost
        self.today.cost += cost
        self.today.borrow += cost
        self.cash -= cost
        self.actions.append(
            ActionRow(number, ticker, trip.trade_id, held, held, kind="borrow", cash=-cost)
        )

    def close_day(self) -> Day:
        """Return what moved since the last call."""
        day, self.today = self.today, Day()
        return day

    def worth(self, ticker: str) -> int:
        """Return a holding at its last known close, in cents."""
        return cents(self.shares.get(ticker, 0), self.marks.get(ticker, 0))

    def trip_worth(self, trip: RoundTrip) -> int:
        """Return what a round trip still holds at its last known close, in cents."""
        return cents(self.trip_shares(trip), self.marks.get(trip.ticker, 0))

    def trip_shares(self, trip: RoundTrip) -> int:
        """Return the shares a round trip still holds, delivered or owed."""
        if trip.exited is not None:
            return 0
        owed = next((claim for claim in self.claims if claim.trip is trip), None)
        return self.shares.get(trip.ticker, 0) if owed is None else owed.shares

    @property
    def sold_short(self) -> list[str]:
        """Tickers sold short, in order of their shorts."""
        return [ticker for ticker, held in self.shares.items() if held < 0]

    @property
    def short_worth(self) -> int:
        """What buying all shorts back would take at the last known closes, in cents."""
        return -sum(self.worth(ticker) for ticker in self.sold_short)

    @property
    def debts(self) -> int:
        """Dividends owed to lenders and not yet paid, in cents."""
        return -sum(claim.cash for claim in self.claims if claim.cash < 0)

    @property
    def holdings(self) -> int:
        """All holdings at their last known closes, and all claims, in cents."""
        held = sum(self.worth(ticker) for ticker in self.shares)
        return held + sum(self._owed(claim) for claim in self.claims)

    @property
    def equity(self) -> int:
        """Cash, holdings and claims, in cents."""
        return self.cash + self.holdings

    def _owed(self, claim: Claim) -> int:
        return claim.cash + cents(claim.shares, self.marks.get(claim.ticker, 0))

    def _receive(self, number: int, action: Action, shares: int, worth: int) -> None:
        """Open a round trip of its own for shares in specie, bought at their worth."""
        trip = RoundTrip(len(self.trips) + 1, action.other, number, "")
        trip.bought_shares, trip.bought = shares, worth
        self.trips.append(trip)
        due = action.delivered or date.min  # without a date: at once
        self.claims.append(Claim(action.other, trip.trade_id, due, trip=trip, shares=shares))

    def _split_claims(self, number: int, action: Action) -> None:
        """Bring shares owed onto the basis after a split; their fractions and dividends lapse."""
        if action.ratio == 1:
            return
        for claim in [each for each in self.claims if each.ticker == action.ticker and each.trip]:
            claim.shares = int(claim.shares * action.ratio)

    def _arrive(self, number: int, claim: Claim) -> ActionRow:
        before = self.shares.get(claim.ticker, 0)
        if claim.trip is None:
            self.cash += claim.cash
            return ActionRow(
                number,
                claim.ticker,
                claim.trade_id,
                before,
                before,
                kind="payment",
                cash=claim.cash,
            )
        trip, after = claim.trip, before + claim.shares
        standing = self.open_trips.get(claim.ticker)
        moved = 0
        if standing is not None:
            # Two trips of one stock become one: what came in specie moves over at its worth. Of
            # what meets a short, that is what covers it.
            moved = min(claim.shares, -before) if before < 0 else claim.shares
            trip.sold_shares, trip.sold = moved, cents(moved, self.marks.get(claim.ticker, 0))
            standing.bought_shares += moved
            standing.bought += trip.sold
        self._move(claim.ticker, claim.shares, 0)
        if before < 0 <= after:
            self._end(claim.ticker, number)
        if moved < claim.shares:
            self.open_trips[claim.ticker] = trip
        else:
            trip.exited = number
        return ActionRow(
            number,
            claim.ticker,
            self.open_trips.get(claim.ticker, standing or trip).trade_id,
            before,
            after,
            kind="delivery",
            other=claim.ticker,
            other_shares=claim.shares,
            other_worth=self._owed(claim),
        )

    def _trip(self, order: Order, number: int) -> RoundTrip:
        trip = self.open_trips.get(order.ticker)
        if trip is None:
            trip = RoundTrip(
                len(self.trips) + 1, order.ticker, number, order.signal_id, order.short
            )
            self.trips.append(trip)
            self.open_trips[order.ticker] = trip
        return trip

    def _move(self, ticker: str, shares: int, cash: int) -> None:
        left = self.shares.get(ticker, 0) + shares
        self.cash += cash
        if left:
            self.shares[ticker] = left
        else:
            self.shares.pop(ticker, None)

    def _check(self, order: Order) -> None:
        held = self.shares.get(order.ticker, 0)
        if (held > 0 if order.short else held < 0) or (self.cash < 0 and order.opens):
            raise NewswakeError(
                "the account would go negative: the broker let an order through it must not",
                given=f"{held} shares, {self.cash} cents",
                where=order.ticker,
            )

    def _end(self, ticker: str, number: int) -> None:
        self.open_trips.pop(ticker).exited = number
