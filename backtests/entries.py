"""Entries: what an account writes down: fills, actions, claims, round trips, days; whole cents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from markets.rules import UNITS_PER_HKD

UNITS_PER_CENT = UNITS_PER_HKD // 100


def cents(shares: int, units: int) -> int:
    """Return shares × price in cents, a half cent rounded away from zero.

    Examples
    --------
    >>> cents(100, 1_511_000), cents(1, 50), cents(1, 49), cents(-1, 50)
    (1511000, 1, 0, -1)
    """
    worth = (abs(shares) * units + UNITS_PER_CENT // 2) // UNITS_PER_CENT
    return worth if shares >= 0 else -worth


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
    """A corporate action that met a holding, or what it was owed and now got. Cash in cents.

    Attributes
    ----------
    kind : {'action', 'payment', 'delivery', 'borrow'}
        What the holding was entitled to, its dividend paid later, its shares delivered later; what
        the borrow of a short cost since the session before.
    shares_before, shares_after : int
        Of `ticker`, sellable; negative where sold short.
    dividend, fraction : int
        What the holder is entitled to, and what is paid at once for fractions of a share. A short
        owes both, so they are negative, and pays for shares in specie as for a fraction.
    cash : int
        What arrived as cash, or left if negative.
    other, other_shares, other_worth : str, int, int
        Shares received in specie, and their worth at their last known close.
    due : date or None
        When dividend or shares arrive, if later.
    """

    number: int
    ticker: str
    trade_id: int
    shares_before: int
    shares_after: int
    dividend: int = 0
    fraction: int = 0
    kind: Literal["action", "payment", "delivery", "borrow"] = "action"
    cash: int = 0
    other: str = ""
    other_shares: int = 0
    other_worth: int = 0
    due: date | None = None


@dataclass(slots=True)
class Claim:
    """What is owed from an ex date on: cash of `trade_id` (by a short: negative), or shares."""

    ticker: str
    trade_id: int
    due: date
    cash: int = 0
    trip: RoundTrip | None = None
    shares: int = 0


@dataclass(slots=True)
class RoundTrip:
    """A position from flat to flat. Cash in cents."""

    trade_id: int
    ticker: str
    entered: int
    signal_id: str
    short: bool = False
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
    borrow: int = 0
