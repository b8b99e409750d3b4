"""Order: what was asked of the broker, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Side = Literal["buy", "sell"]
Kind = Literal["market", "limit", "stop"]
Status = Literal["open", "filled", "partial", "rejected", "expired", "cancelled"]

# Why an order did not fill as wanted; the orders table shows these words.
NO_TRADE = "the stock did not trade in the session"
PARTICIPATION = "no more than the allowed share of the usual volume"
CASH = "cash covers no more whole lots with their costs"
LOTS = "only whole board lots are bought, and sold unless all is sold"
HOLDINGS = "no more is held: no shorts"
PROCEEDS = "the costs exceed the proceeds and the cash"
UNTOUCHED = "the price was not reached"
SPLIT_AWAY = "a corporate action left less than one share"
RUN_ENDS = "the run ends before its session"
NO_BAR_YET = "the stock never traded so far"
REPLACED = "replaced by a newer target"
BY_STRATEGY = "cancelled by the strategy"
# Of the short side.
NOT_DESIGNATED = "not designated for short selling in the session"
TICK_RULE = "tick rule: the open lay below the close before"
STOP_SHORT = "a stop order cannot sell short: the tick rule"
MARGIN = "cash covers the margin of no more whole lots"
NOT_SHORT = "no more is sold short"
OTHER_SIDE = "what is held the other way is closed first"
BUY_IN = "bought in: too little cash stood in for the shorts"


@dataclass(slots=True)
class Order:
    """An order for the open of a session.

    Attributes
    ----------
    order_id : int
        1-based, in order of creation.
    ticker, side : str
        What, and `buy` or `sell`.
    shares : int
        Wanted when it was created; `remaining` is brought onto the basis of later splits.
    effective : date
        Session whose open it is meant for; it was decided after the close before.
    kind : {'market', 'limit', 'stop'}
        With `price_units`, ten-thousandths of a dollar, for the last two.
    until : date or None
        Last session it may wait for; None for a limit or stop order that waits until cancelled.
    short : bool
        Whether it opens or covers a short. An order never crosses from one side to the other.
    forced : str
        Why the broker itself made it, if it did.
    status, reason : str
        What became of it and why.
    cut : str
        Why its shares were reduced for good, if they were.
    """

    order_id: int
    ticker: str
    side: Side
    shares: int
    effective: date
    signal_id: str = ""
    kind: Kind = "market"
    price_units: int = 0
    until: date | None = None
    short: bool = False
    forced: str = ""
    status: Status = "open"
    reason: str = ""
    cut: str = ""
    remaining: int = 0
    filled_shares: int = 0
    filled_session: date | None = None

    def __post_init__(self) -> None:
        self.remaining = self.shares

    @property
    def alive(self) -> bool:
        """Whether it can still fill."""
        return self.status == "open"

    @property
    def opens(self) -> bool:
        """Whether it opens or adds to a position, rather than closing one."""
        return (self.side == "buy") != self.short

    def end(self, status: Status, reason: str) -> None:
        """End the order; one that filled in part ends as `partial` whatever stopped it."""
        self.status = "partial" if self.filled_shares else status
        self.reason = self._said(reason)

    def fill(self, shares: int, session: date) -> None:
        """Count an execution; the last share ends it."""
        self.remaining -= shares
        self.filled_shares += shares
        self.filled_session = session
        if self.remaining == 0:
            self.status = "partial" if self.cut else "filled"
            self.reason = self._said(self.cut)

    def cut_to(self, shares: int, reason: str) -> int:
        """Reduce it for good, to the shares returned; nothing left rejects it."""
        self.remaining = shares
        self.cut = reason
        if shares == 0:
            self.end("rejected", reason)
        return shares

    def _said(self, reason: str) -> str:
        return "; ".join(filter(None, (self.forced, reason)))
