"""Sessions, their hours, and the first instant or session at which a piece of news can trade."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from markets.clock import epoch_us, epoch_us_array, hong_kong
from markets.errors import DataError, TableError
from markets.gates import Gates, Phase, daily_gates, intraday_gates
from markets.hours import SessionHours
from markets.settings import Settings

if TYPE_CHECKING:
    from markets.hk.timetable import Rulebook

Bars = Literal["intraday", "daily"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tradable:
    """The first chance to trade on something.

    Attributes
    ----------
    session : date
        In which it comes.
    at : datetime
        UTC instant of the first price it can get: the start of a bar, or of an auction's matching.
    phase : {"opening_auction", "morning", "afternoon", "closing_auction"}
        Where in the session.
    """

    session: date
    at: datetime
    phase: Phase


class Calendar:
    """The sessions of one exchange over a fixed span; pure, so the same on every day it is asked.

    Parameters
    ----------
    name : str
        Exchange, named in errors.
    hours : sequence of SessionHours
        Every session of the span, in order.
    first, last : date
        The span; between the sessions given, every other day of it is closed.
    """

    def __init__(self, name: str, hours: Sequence[SessionHours], first: date, last: date) -> None:
        self.name = name
        self.first = first
        self.last = last
        self._hours = {one.session: one for one in hours}
        self._sessions = [one.session for one in hours]
        self._gates: dict[tuple[Bars, bool, int], Gates] = {}

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the sessions from `start` to `end`, both included.

        Raises
        ------
        TableError
            If a bound lies outside the calendar's span.
        """
        low = bisect_left(self._sessions, self._covered(start))
        return self._sessions[low : bisect_right(self._sessions, self._covered(end))]

    def is_session(self, day: date) -> bool:
        """Return whether the exchange traded, or will trade, on a date."""
        return self._covered(day) in self._hours

    def next_session(self, day: date, n: int = 1) -> date:
        """Return the `n`-th session strictly after a date, which need not be a session itself."""
        _positive(n)
        index = bisect_right(self._sessions, self._covered(day)) + n - 1
        return self._session_number(index, f"session {n} after {day}")

    def previous_session(self, day: date, n: int = 1) -> date:
        """Return the `n`-th session strictly before a date, which need not be a session itself."""
        _positive(n)
        index = bisect_left(self._sessions, self._covered(day)) - n
        return self._session_number(index, f"session {n} before {day}")

    def open_at(self, session: date) -> datetime:
        """Return the UTC instant at which continuous trading began, late opens applied."""
        return self.hours(session).open_at

    def close_at(self, session: date) -> datetime:
        """Return the UTC instant at which continuous trading ended, early stops applied."""
        return self.hours(session).close_at

    def hours(self, session: date) -> SessionHours:
        """Return the hours of a session.

        Raises
        ------
        TableError
            If the date is no session.
        """
        day = self._covered(session)
        if day not in self._hours:
            raise TableError(
                "no session on this date",
                given=f"{day} ({day:%A})",
                wanted=f"a session, such as {self.next_session(day)}",
                where=f"{self.name} calendar",
            )
        return self._hours[day]

    def first_tradable(
        self,
        instant: datetime,
        latency: timedelta = timedelta(0),
        *,
        bars: Bars = "intraday",
        closing_auction: bool = False,
        bar_minutes: int = 1,
    ) -> Tradable:
        """Return the first chance to trade on something known from an instant on.

        Parameters
        ----------
        instant : datetime
            Zone-aware; when it became known.
        latency : timedelta
            From then until an order stands at the exchange.
        bars : {"intraday", "daily"}
            With daily bars the only price is a session's first: its opening auction, whose order
            input ends at 09:15, or the resumption after a weather closure.
        closing_auction : bool
            Whether orders may go into the closing auction; its price has no intraday bar.
        bar_minutes : int
            Length of an intraday bar. In continuous trading the first *bar that starts after* the
            order stands is the first whose prices were all free to get.

        Raises
        ------
        NaiveTimeError
            If the instant has no zone.
        TableError
            If it lies outside the calendar's span.
        """
        if latency < timedelta(0):
            raise ValueError(f"latency must not be negative: {latency}")
        reach = epoch_us(instant) + latency // timedelta(microseconds=1)
        gates = self._gates_for(bars, closing_auction, bar_minutes)
        gate, at = gates.through(np.array([self._reachable(reach, gates)]))
        return Tradable(
            session=self._sessions[gates.session[gate[0]]],
            at=_EPOCH + timedelta(microseconds=int(at[0])),
            phase=gates.phase_of(int(gate[0])),
        )

    def first_tradables(
        self,
        instants: pd.Series | pd.DatetimeIndex,
        latency: timedelta = timedelta(0),
        *,
        bars: Bars = "intraday",
        closing_auction: bool = False,
        bar_minutes: int = 1,
    ) -> pd.DataFrame:
        """Return `first_tradable` of many instants at once.

        Returns
        -------
        DataFrame
            Indexed 0 … n-1: `session` (naive ``datetime64[s]`` date), `at` (UTC, microseconds),
            `phase` (categorical); the same answers as the scalar method.
        """
        if latency < timedelta(0):
            raise ValueError(f"latency must not be negative: {latency}")
        reach = epoch_us_array(instants) + latency // timedelta(microseconds=1)
        gates = self._gates_for(bars, closing_auction, bar_minutes)
        if len(reach):
            self._reachable(int(reach.min()), gates)
            self._reachable(int(reach.max()), gates)
        gate, at = gates.through(reach)
        sessions = self.session_array()[gates.session[gate]]
        return pd.DataFrame(
            {
                "session": sessions.astype("datetime64[s]"),
                "at": pd.DatetimeIndex(at.view("datetime64[us]"), tz="UTC"),
                "phase": gates.phases(gate),
            }
        )

    def session_array(self) -> npt.NDArray[np.datetime64]:
        """Return all sessions as a ``datetime64[D]`` array, in order."""
        return np.array(self._sessions, dtype="datetime64[D]")

    def _gates_for(self, bars: Bars, closing_auction: bool, bar_minutes: int) -> Gates:
        key = (bars, closing_auction, bar_minutes)
        if key not in self._gates:
            hours = list(self._hours.values())
            self._gates[key] = (
                daily_gates(hours)
                if bars == "daily"
                else intraday_gates(hours, bar_minutes, closing_auction)
            )
        return self._gates[key]

    def _reachable(self, reach: int, gates: Gates) -> int:
        start = epoch_us(hong_kong(self.first, time()))
        if not start <= reach <= gates.last_entry[-1]:
            given = _EPOCH + timedelta(microseconds=reach)
            raise self._outside(given.isoformat())
        return reach

    def _covered(self, day: date) -> date:
        if isinstance(day, datetime):
            if day.tzinfo is not None or day.time() != time():
                raise DataError(
                    "a session is a date, not an instant", given=day.isoformat(), wanted="a date"
                )
            day = day.date()
        if not self.first <= day <= self.last:
            raise self._outside(day.isoformat())
        return day

    def _session_number(self, index: int, asked: str) -> date:
        if not 0 <= index < len(self._sessions):
            raise self._outside(asked)
        return self._sessions[index]

    def _outside(self, given: str) -> TableError:
        return TableError(
            "outside the calendar",
            given=given,
            wanted=f"{self.first} to {self.last}",
            where=f"{self.name} calendar",
        )


class ClockSettings(Settings):
    """When a decision for the coming session is made."""

    lead_minutes: int = Field(default=30, ge=15, le=900)
    """Minutes from the decision to the regular start of continuous trading. At least 15: the
    opening auction, whose price is a daily bar's open, takes orders until then. At most 900, so
    that the close before is known."""
    latency_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """Seconds from news becoming available to its part in a decision: feed, scoring, order."""

    @property
    def latency(self) -> timedelta:
        """`latency_seconds` as a duration."""
        return timedelta(seconds=self.latency_seconds)


class DecisionClock:
    """Which session's opening auction a piece of news can still reach.

    Everything is derived from the *regular* open of a session: whether a storm will delay it is not
    known when the decision is made.

    Parameters
    ----------
    calendar : Calendar
        The sessions.
    settings : ClockSettings
        Lead and latency.
    """

    def __init__(self, calendar: Calendar, settings: ClockSettings | None = None) -> None:
        self.calendar = calendar
        self.settings = settings or ClockSettings()
        self._sessions = calendar.session_array()
        sessions = calendar.sessions(calendar.first, calendar.last)
        self._cutoffs = np.array([epoch_us(self.cutoff_at(session)) for session in sessions])
        self._start = epoch_us(hong_kong(calendar.first, time()))

    def decision_at(self, session: date) -> datetime:
        """Return the UTC instant of the decision for a session, 09:00 Hong Kong by default."""
        lead = timedelta(minutes=self.settings.lead_minutes)
        return self.calendar.hours(session).regular_open - lead

    def cutoff_at(self, session: date) -> datetime:
        """Return the last UTC instant at which news may become available and still count."""
        return self.decision_at(session) - self.settings.latency

    def effective_session(self, available_at: datetime) -> date:
        """Return the first session whose cut-off is not before an instant.

        Its opening auction lies strictly after the instant.

        Raises
        ------
        NaiveTimeError
            If the instant has no zone.
        TableError
            If it lies outside the calendar's span.
        """
        found: date = self._effective(np.array([epoch_us(available_at)]))[0].item()
        return found

    def effective_sessions(
        self, instants: pd.Series | pd.DatetimeIndex
    ) -> npt.NDArray[np.datetime64]:
        """Return `effective_session` of many instants as a ``datetime64[D]`` array."""
        return self._effective(epoch_us_array(instants))

    def _effective(self, micros: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
        outside = np.flatnonzero((micros < self._start) | (micros > self._cutoffs[-1]))
        if len(outside):
            raise TableError(
                "outside the calendar",
                given=(_EPOCH + timedelta(microseconds=int(micros[outside[0]]))).isoformat(),
                wanted=f"{self.calendar.first} to {self.calendar.last}",
                where=f"{self.calendar.name} calendar"
                + (f", position {outside[0]}" if len(micros) > 1 else ""),
            )
        found: npt.NDArray[np.datetime64] = self._sessions[np.searchsorted(self._cutoffs, micros)]
        return found


@cache
def hong_kong_calendar() -> Calendar:
    """Return the calendar of the Stock Exchange of Hong Kong, 2004-01-02 to 2027-12-31.

    Base days from exchange_calendars XHKG, corrected and given their hours by the project's tables;
    reviewed against other sources from 2010 on.

    Examples
    --------
    >>> hong_kong_calendar().is_session(date(2023, 9, 1))  # typhoon Saola
    False
    """
    rulebook, hours = _timetable()
    return Calendar("XHKG", hours, rulebook.first, rulebook.last)


def announced_calendar(day: date) -> Calendar:
    """Return Hong Kong's calendar as it stood before a day: no storm from then on is in it.

    For whoever counts coming sessions in a feature or a strategy: `hong_kong_calendar` knows days
    that were lost to typhoons and rain, late opens and early stops, and on the evening before
    nobody did. Holidays and half days are announced long before, and are in both.

    Parameters
    ----------
    day : date
        Session that is decided for; whether weather delays it is not known either.

    Examples
    --------
    >>> announced_calendar(date(2023, 8, 31)).is_session(date(2023, 9, 1))  # typhoon Saola
    True
    >>> announced_calendar(date(2023, 9, 4)).is_session(date(2023, 9, 1))
    False
    """
    rulebook, _ = _timetable()
    storms = sorted(day for day, row in rulebook.closures.items() if not row.value.announced)
    return _announced(next((storm for storm in storms if storm >= day), rulebook.last))


@cache
def _announced(storm: date) -> Calendar:
    """Return the calendar without a storm and those after it."""
    from markets.hk.timetable import announced_hours

    rulebook, hours = _timetable()
    known = announced_hours(hours, rulebook, storm)
    return Calendar("XHKG", known, rulebook.first, rulebook.last)


@cache
def _timetable() -> tuple[Rulebook, tuple[SessionHours, ...]]:
    from markets.hk.timetable import read_rulebook, session_hours

    rulebook = read_rulebook()
    return rulebook, tuple(session_hours(rulebook))


def _positive(n: int) -> None:
    if n < 1:
        raise ValueError(f"n counts sessions from 1: {n}")
