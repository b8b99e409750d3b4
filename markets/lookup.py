"""Answers to single questions about the market: a note, an instant, a lot, a tick, the members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from markets.calendar import Calendar, ClockSettings, DecisionClock, hong_kong_calendar
from markets.clock import as_utc, hong_kong_date
from markets.costs import CostBreakdown, CostSchedule, Side
from markets.errors import TableError
from markets.gates import Phase
from markets.hours import SessionHours
from markets.instruments import Instruments
from markets.rules import Price, as_hkd, check_lot, check_tick, read_price, round_to_tick, tick_size
from markets.tickers import check_hkd, normalize_ticker

Status = Literal[
    "no_session",
    "before_open",
    "opening_auction",
    "before_trading",
    "open",
    "lunch",
    "closing_auction",
    "after_close",
]


@dataclass(frozen=True, slots=True)
class NoteAnswer:
    """A contract note and the rules its order met."""

    ticker: str
    price: Decimal
    lot: int
    tick: Decimal
    plan: str
    note: CostBreakdown

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields; amounts in HKD."""
        note = self.note
        return {
            "ticker": self.ticker,
            "session": note.session.isoformat(),
            "side": note.side,
            "price_hkd": float(self.price),
            "shares": note.shares,
            "board_lot": self.lot,
            "tick_hkd": float(self.tick),
            "plan": self.plan,
            "consideration_hkd": float(note.consideration),
            **{f"{name}_hkd": float(amount) for name, amount in note.parts.items()},
            "total_hkd": float(note.total),
            "cash_hkd": float(note.cash_hkd),
        }


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """What the market makes of an instant; all instants UTC.

    Attributes
    ----------
    instant : datetime
        Asked for.
    status : str
        What the exchange was doing.
    session : date or None
        The session of that Hong Kong date, if it is one.
    half_day : bool
        Whether that session is a half day.
    irregular : str or None
        What the weather did to it.
    effective_session : date
        Session whose opening the decision clock still reaches.
    decision_at : datetime
        When that decision is made.
    tradable_session, tradable_at, phase
        The first chance to trade within a day.
    daily_session : date
        The first session whose daily open can be reached by an order sent at once.
    """

    instant: datetime
    status: Status
    session: date | None
    half_day: bool
    irregular: str | None
    effective_session: date
    decision_at: datetime
    tradable_session: date
    tradable_at: datetime
    phase: Phase
    daily_session: date

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields; instants and dates in ISO 8601."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in fields.items()
        }


@dataclass(frozen=True, slots=True)
class LotAnswer:
    """The board lot in force, and the row that says so."""

    ticker: str
    on: date
    lot: int
    valid_from: date
    valid_to: date | None
    source: str
    verified: bool

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields."""
        return {
            "ticker": self.ticker,
            "on": self.on.isoformat(),
            "board_lot": self.lot,
            "valid_from": self.valid_from.isoformat(),
            "valid_to": None if self.valid_to is None else self.valid_to.isoformat(),
            "source": self.source,
            "verified": self.verified,
        }


@dataclass(frozen=True, slots=True)
class TickAnswer:
    """The price step at a price, and the grid prices around it."""

    ticker: str
    on: date
    kind: str
    price: Decimal
    tick: Decimal
    below: Decimal
    above: Decimal

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields; prices in HKD."""
        return {
            "ticker": self.ticker,
            "on": self.on.isoformat(),
            "kind": self.kind,
            "price_hkd": float(self.price),
            "tick_hkd": float(self.tick),
            "on_tick": self.below == self.above,
            "below_hkd": float(self.below),
            "above_hkd": float(self.above),
        }


@dataclass(frozen=True, slots=True)
class MembersAnswer:
    """The members of an index on a date."""

    index: str
    on: date
    members: tuple[str, ...]
    since: date
    announced: date | None
    source: str
    verified: bool

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields; `since` is the last change, `verified` false if incomplete."""
        return {
            "index": self.index,
            "on": self.on.isoformat(),
            "count": len(self.members),
            "members": list(self.members),
            "since": self.since.isoformat(),
            "announced": None if self.announced is None else self.announced.isoformat(),
            "source": self.source,
            "verified": self.verified,
        }


def contract_note(
    ticker: str,
    *,
    side: Side,
    price: Price,
    shares: int,
    on: date,
    plan: str = "none",
    instruments: Instruments | None = None,
    calendar: Calendar | None = None,
) -> NoteAnswer:
    """Return the contract note of one order on a date, by default without a broker's part.

    Raises
    ------
    TickerError, MissingDataError
        If the ticker is of another market or currency, or its board lot is not known.
    TableError
        If the date is no session, or lies before the tables.
    DataError
        If the price is not on a tick or the shares are no whole lots.
    """
    table = instruments or Instruments.default()
    ticker = normalize_ticker(ticker)
    check_hkd(ticker)
    (calendar or hong_kong_calendar()).hours(on)
    lot, kind = table.lot(ticker, on), _kind(table, ticker)
    where = f"{ticker} on {on}"
    check_tick(price, on, kind, where=where)
    check_lot(shares, lot, where=where)
    note = CostSchedule(plan).note(session=on, side=side, price=price, shares=shares, kind=kind)
    units = read_price(price, where)
    return NoteAnswer(ticker, as_hkd(units), lot, tick_size(price, on, kind), plan, note)


def session_at(
    instant: datetime,
    latency: timedelta = timedelta(0),
    *,
    clock: DecisionClock | None = None,
) -> SessionAnswer:
    """Return what the market makes of an instant.

    Parameters
    ----------
    instant : datetime
        Zone-aware.
    latency : timedelta
        From the instant until an order stands at the exchange; replaces the decision clock's own.
    clock : DecisionClock, optional
        By default decides 30 minutes before the regular open.
    """
    settings = clock.settings if clock else ClockSettings()
    calendar = clock.calendar if clock else hong_kong_calendar()
    settings = settings.model_copy(update={"latency_seconds": latency.total_seconds()})
    clock = DecisionClock(calendar, settings)
    moment = as_utc(instant)
    day = hong_kong_date(moment)
    hours = calendar.hours(day) if calendar.is_session(day) else None
    effective = clock.effective_session(moment)
    tradable = calendar.first_tradable(moment, latency)
    return SessionAnswer(
        instant=moment,
        status=_status(hours, moment),
        session=None if hours is None else hours.session,
        half_day=hours is not None and hours.half_day,
        irregular=None if hours is None else hours.irregular,
        effective_session=effective,
        decision_at=clock.decision_at(effective),
        tradable_session=tradable.session,
        tradable_at=tradable.at,
        phase=tradable.phase,
        daily_session=calendar.first_tradable(moment, latency, bars="daily").session,
    )


def board_lot(ticker: str, on: date, instruments: Instruments | None = None) -> LotAnswer:
    """Return the board lot of a ticker on a date."""
    ticker = normalize_ticker(ticker)
    lots = (instruments or Instruments.default()).lots(ticker)
    row = lots.row_on(on)
    return LotAnswer(ticker, on, row.value, row.valid_from, row.valid_to, row.source, row.verified)


def tick_at(
    ticker: str, price: Price, on: date, instruments: Instruments | None = None
) -> TickAnswer:
    """Return the tick of a ticker at a price on a date; a ticker not in the tables is a share."""
    ticker = normalize_ticker(ticker)
    kind = _kind(instruments or Instruments.default(), ticker)
    below, above = (round_to_tick(price, on, kind, direction) for direction in ("down", "up"))
    units = read_price(price, ticker)
    return TickAnswer(ticker, on, kind, as_hkd(units), tick_size(price, on, kind), below, above)


def index_members(index: str, on: date, instruments: Instruments | None = None) -> MembersAnswer:
    """Return the members of an index on a date.

    Raises
    ------
    TableError
        If the index was not yet launched.
    """
    membership = (instruments or Instruments.default()).membership(index)
    if on < membership.launch:
        raise TableError(
            "the index was not yet launched",
            given=on.isoformat(),
            wanted=f"from {membership.launch} on",
            where=f"members of {index}",
        )
    row = membership.members.row_on(on)
    announced = {change.effective: change.announced for change in membership.changes}
    return MembersAnswer(
        index=index,
        on=on,
        members=tuple(sorted(row.value)),
        since=row.valid_from,
        announced=announced.get(row.valid_from),
        source=row.source,
        verified=row.verified,
    )


def _kind(instruments: Instruments, ticker: str) -> str:
    known = instruments.get(ticker)
    return "equity" if known is None else known.kind


def _status(hours: SessionHours | None, moment: datetime) -> Status:
    if hours is None:
        return "no_session"
    opening, closing = hours.opening_auction, hours.closing_auction
    if any(start <= moment < end for start, end in hours.segments):
        return "open"
    if moment < hours.open_at:
        if opening is None or moment < opening.input_from:
            return "before_open"
        return "opening_auction" if moment <= opening.match_until else "before_trading"
    if moment < hours.close_at:
        return "lunch"
    if closing is not None and moment <= closing.match_until:
        return "closing_auction"
    return "after_close"
