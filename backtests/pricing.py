"""FillPrices: the price an order fills at, slipped and rounded against the trader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from backtests.orders import Order
from backtests.tape import Bar
from markets.rules import tick_table

Phase = Literal["open", "range"]

_ONE = 1_000_000  # in hundredths of a basis point: slippage is applied as an integer


@dataclass(frozen=True, slots=True)
class FillPrices:
    """The price rules of a run.

    Parameters
    ----------
    ticks : int
        Ticks added against the trader, after the basis points.
    bp : float
        Basis points against the trader, to a hundredth.
    adjusted : bool
        Whether prices are adjusted; these lie on no grid of ticks, and nobody ever traded at them.
    kinds : mapping of str to str
        Kind of each ticker's instrument; kinds have their own tables of ticks.
    """

    ticks: int
    bp: float
    adjusted: bool
    kinds: Mapping[str, str]

    def fill(
        self,
        order: Order,
        bar: Bar,
        phase: Phase,
        session: date,
        impact: float = 0.0,
        floor: int = 0,
    ) -> int | None:
        """Return the price an order fills at in a phase of a session, or None if it does not.

        A market order, which trades at the open only, fills there always; a limit or stop order if
        the open is at its price or beyond, a limit order never worse than its limit. In the range
        of the session a limit order fills at its limit if prices went *through* it (others stood at
        it first), a stop order at its price and slippage if they reached it. `impact` is added to
        the basis points of slippage. With a `floor`, below which nothing is sold short, a market
        order is a limit order there, and a limit order one at the higher of both.

        Returns
        -------
        int or None
            Ten-thousandths of a dollar.
        """
        sign = 1 if order.side == "buy" else -1
        at = max(order.price_units, floor)
        if order.kind == "market" and not floor:
            return self.slipped(bar.open, order, session, impact)
        if order.kind != "stop":
            near = bar.open if phase == "open" else bar.low if sign > 0 else bar.high
            if sign * near > sign * at or (phase == "range" and near == at):
                return None
            if phase == "open":
                slipped = self.slipped(bar.open, order, session, impact)
                at = sign * min(sign * slipped, sign * at)
            # A close that is on no tick, as after a dividend, is no price: the one above is.
            return self._tick_above(at, order.ticker, session) if floor else at
        if phase == "range":
            far = bar.high if sign > 0 else bar.low
            return self.slipped(at, order, session, impact) if sign * far >= sign * at else None
        return (
            self.slipped(bar.open, order, session, impact) if sign * bar.open >= sign * at else None
        )

    def slipped(self, units: int, order: Order, session: date, impact: float = 0.0) -> int:
        """Return a price worse by the declared slippage, rounded against the trader to a tick."""
        buys = order.side == "buy"
        hundredths = min(round((self.bp + impact) * 100), _ONE)
        scaled = units * (_ONE + (hundredths if buys else -hundredths))
        worse = -(-scaled // _ONE) if buys else scaled // _ONE
        if self.adjusted:
            return max(1, worse)
        kind = self.kinds[order.ticker]
        table, where = tick_table(kind, session), f"{kind} on {session}"
        tick = table.tick(worse, where)
        moved = max(worse + self.ticks * (tick if buys else -tick), tick)
        tick = table.tick(moved, where)
        return -(-moved // tick) * tick if buys else moved // tick * tick

    def _tick_above(self, units: int, ticker: str, session: date) -> int:
        """Return the lowest price on the grid of ticks that is not below a price."""
        if self.adjusted:
            return units
        kind = self.kinds[ticker]
        tick = tick_table(kind, session).tick(units, f"{kind} on {session}")
        return -(-units // tick) * tick
