"""FillSizes: how many shares of an order fill, by holdings, volume, board lots and cash."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from backtests.account import Account
from backtests.entries import cents
from backtests.orders import (
    CASH,
    HOLDINGS,
    LOTS,
    MARGIN,
    NOT_SHORT,
    OTHER_SIDE,
    PARTICIPATION,
    PROCEEDS,
    Order,
    Side,
)
from backtests.shorts import Shorts
from backtests.tape import Bar, Tape


@dataclass(slots=True)
class FillSizes:
    """The size rules of a run.

    Parameters
    ----------
    participation : float or None
        Largest share of the volume that all orders for a stock may take in a session.
    of_previous, sessions : bool, int
        Whether the volume is the mean of so many bars before the session, or the session's own.
    tape, account : Tape, Account
        The market, and what is held.
    lot : callable
        Board lot of a ticker on a date.
    note : callable
        Cents of a contract note by component; never falling with size.
    shorts : Shorts
        Which cash may be spent, and what of it a short takes.
    """

    participation: float | None
    of_previous: bool
    sessions: int
    tape: Tape
    account: Account
    lot: Callable[[str, date], int]
    note: Callable[[str, Side, date, int, int], tuple[int, ...]]
    shorts: Shorts
    _taken: dict[str, int] = field(default_factory=dict)

    def start_session(self) -> None:
        """Forget what was taken of the volume."""
        self._taken = {}

    def took(self, ticker: str, shares: int) -> None:
        """Count a fill against the session's volume."""
        self._taken[ticker] = self._taken.get(ticker, 0) + shares

    def wanted(self, order: Order, number: int, bar: Bar) -> int:
        """Return the shares of a session by which an order moves its price, at most.

        What holdings and volume allow of it, and what filled before it in the session; the cash is
        not asked, because what it covers depends on the price.
        """
        shares = order.remaining
        if not order.opens:
            shares = min(shares, self._own(order))
        allowed = self._allowance(order.ticker, number, bar)
        shares = shares if allowed is None else min(shares, allowed)
        return shares + self._taken.get(order.ticker, 0)

    def fill(self, order: Order, number: int, bar: Bar, units: int) -> int:
        """Return how many shares fill; where that is fewer than wanted, note why in the order.

        Reasons that waiting cannot mend (holdings, lots, cash) reduce the order for good, and end
        it where nothing is left.

        Parameters
        ----------
        order : Order
            What is asked.
        number : int
            Session of the run.
        bar : Bar
            Of that session.
        units : int
            Price of the fill, ten-thousandths of a dollar.
        """
        session = self.tape.sessions[number]
        lot = self.lot(order.ticker, session)
        own = self._own(order)
        shares = order.remaining
        if order.opens and own < 0:
            order.reason = OTHER_SIDE
            return 0
        if not order.opens and shares > own:
            shares = order.cut_to(max(0, own), NOT_SHORT if order.short else HOLDINGS)
        allowed = self._allowance(order.ticker, number, bar)
        if allowed is not None and shares > allowed:
            shares, order.reason = allowed, PARTICIPATION
        if shares % lot and (order.opens or shares != own):
            whole = shares // lot * lot
            # What the volume allows is cut to lots too, without ending the order for it.
            shares = whole if order.reason == PARTICIPATION else order.cut_to(whole, LOTS)
        if shares == 0:
            return 0
        if order.opens:
            affordable = self._affordable(order, session, units, shares, lot)
            reason = MARGIN if order.short else CASH
            return shares if affordable >= shares else order.cut_to(affordable, reason)
        if order.short:  # what is borrowed must be given back, whatever it takes
            return shares
        cost = sum(self.note(order.ticker, "sell", session, units, shares))
        if max(0, self.account.cash) + cents(shares, units) < cost:
            return order.cut_to(0, PROCEEDS)
        return shares

    def _own(self, order: Order) -> int:
        """Return what is held on the order's side: shares, or shares sold short."""
        held = self.account.shares.get(order.ticker, 0)
        return -held if order.short else held

    def _affordable(self, order: Order, session: date, units: int, shares: int, lot: int) -> int:
        """Return the most whole lots, in shares, that cash covers with their costs.

        A purchase takes its price, a short sale its margin.
        """
        part = self.shorts.margin if order.short else 1

        def need(lots: int) -> int:
            size = lots * lot
            if size == 0:
                return 0
            note = self.note(order.ticker, order.side, session, units, size)
            return ceil(cents(size, units) * part) + sum(note)

        lots, free = shares // lot, self.shorts.free
        if need(lots) <= free:
            return shares
        return max(0, bisect_right(range(lots), free, key=need) - 1) * lot

    def _allowance(self, ticker: str, number: int, bar: Bar) -> int | None:
        """Return how many more shares of a ticker may trade in the session; None if unlimited."""
        if self.participation is None:
            return None
        volume = bar.volume
        if self.of_previous:
            volume = self.tape.usual_volume(ticker, number, self.sessions)
        return max(0, int(self.participation * volume) - self._taken.get(ticker, 0))
