"""When one session trades: its continuous segments and its two auctions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Irregular = Literal["late_open", "early_stop"]


@dataclass(frozen=True, slots=True)
class Auction:
    """A call auction; all instants UTC.

    Attributes
    ----------
    input_from, input_until : datetime
        Orders may be entered from the first to the second, both included.
    match_from, match_until : datetime
        The auction price forms at an instant between them, drawn at random where they differ.
    """

    input_from: datetime
    input_until: datetime
    match_from: datetime
    match_until: datetime


@dataclass(frozen=True, slots=True)
class SessionHours:
    """The trading hours of one session; all instants UTC.

    Attributes
    ----------
    session : date
        Exchange date.
    regular_open : datetime
        When continuous trading begins by the rules in force, whatever the weather does that day.
    segments : tuple of (datetime, datetime)
        Continuous trading: start (included) and end (excluded) of each stretch, as it really was.
    opening_auction, closing_auction : Auction or None
        None where none was held.
    half_day : bool
        Morning only, by the calendar.
    irregular : {"late_open", "early_stop"} or None
        What the weather did.
    verified : bool
        False if the hours of this session rest on a row that no public source confirmed.
    """

    session: date
    regular_open: datetime
    segments: tuple[tuple[datetime, datetime], ...]
    opening_auction: Auction | None
    closing_auction: Auction | None
    half_day: bool = False
    irregular: Irregular | None = None
    verified: bool = True

    @property
    def open_at(self) -> datetime:
        """Start of continuous trading, late opens applied."""
        return self.segments[0][0]

    @property
    def close_at(self) -> datetime:
        """End of continuous trading, early stops applied; the closing auction comes after it."""
        return self.segments[-1][1]

    @property
    def order_input_end(self) -> datetime:
        """Last instant at which an order still reaches the session's first price."""
        return self.opening_auction.input_until if self.opening_auction else self.open_at

    @property
    def first_price_at(self) -> datetime:
        """Earliest instant at which the session's first price, a daily bar's open, can form."""
        return self.opening_auction.match_from if self.opening_auction else self.open_at
