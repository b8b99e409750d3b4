"""Hong Kong's sessions and their hours: the base calendar, corrected by the reviewed tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast, get_args

from markets.dated import Dated, DatedRow
from markets.errors import TableError
from markets.hk.tables import Fields, TableFile, dated_row, open_table, required
from markets.hours import Auction, Irregular, SessionHours

Closure = Literal["closed", "late_open", "early_stop", "half_day"]
Span = tuple[timedelta, timedelta]
# Hong Kong keeps UTC+8 all year; since 1979 there has been no daylight saving.
_OFFSET = timedelta(hours=8)


@dataclass(frozen=True)
class Irregularity:
    """A day that differs from the base calendar; `at` is a wall-clock offset from midnight.

    `announced` ones were known long before; the others are what weather did.
    """

    closure: Closure
    at: timedelta | None = None
    announced: bool = False


@dataclass(frozen=True)
class AuctionTimes:
    """An auction's four times as offsets: from midnight (opening) or from the close (closing)."""

    input: Span
    match: Span

    def on(self, anchor: datetime) -> Auction:
        """Return the auction at UTC instants, its times counted from `anchor`."""
        return Auction(
            anchor + self.input[0],
            anchor + self.input[1],
            anchor + self.match[0],
            anchor + self.match[1],
        )


@dataclass(frozen=True)
class Rulebook:
    """The tables of sessions.toml and closures.toml, parsed."""

    first: date
    reviewed_from: date
    last: date
    hours: Dated[tuple[Span, Span]]
    opening: Dated[AuctionTimes | None]
    closing: Dated[AuctionTimes | None]
    severe_weather: Dated[str]
    closures: Mapping[date, DatedRow[Irregularity]]


def read_rulebook() -> Rulebook:
    """Read the project's own tables of sessions and closures."""
    tables = open_table("sessions")
    coverage = tables.content["coverage"]
    where = "sessions.toml: coverage"
    return Rulebook(
        first=required(coverage, "from", date, where),
        reviewed_from=required(coverage, "reviewed_from", date, where),
        last=required(coverage, "to", date, where),
        hours=tables.dated("hours", _hours),
        opening=tables.dated("opening_auction", lambda value, at: _auction(value, at, _clock)),
        closing=tables.dated("closing_auction", lambda value, at: _auction(value, at, _minutes)),
        severe_weather=tables.dated("severe_weather", lambda value, _: str(value)),
        closures=_closures(open_table("closures")),
    )


def session_hours(rulebook: Rulebook) -> list[SessionHours]:
    """Return the hours of every session the rulebook covers, in order.

    The base calendar is asked for a fixed span, so the answer does not depend on today's date.
    """
    with warnings.catch_warnings():
        # Deprecated calls of its and of pandas, on import or later, concern their authors; under
        # -W error they would fail whoever only asks for a session.
        warnings.simplefilter("ignore")
        import exchange_calendars  # slow to import; only whoever needs sessions pays for it

        base = exchange_calendars.get_calendar("XHKG", start=rulebook.first, end=rulebook.last)
        schedule = base.schedule
    half_days = set(schedule.index[schedule["break_start"].isna()].date)
    found = []
    for session in schedule.index.date:
        row = rulebook.closures.get(session)
        if row is None or row.value.closure != "closed":
            found.append(_hours_of(session, session in half_days, row, rulebook))
    return found


def announced_hours(
    sessions: Iterable[SessionHours], rulebook: Rulebook, day: date
) -> list[SessionHours]:
    """Return the hours of every session as they were announced before a day.

    What weather did from that day on is taken back: days lost to it are sessions, late opens and
    early stops regular. Weather is known as such where the table of closures has it, from 2010 on.
    """
    found = {one.session: one for one in sessions}
    for session, row in rulebook.closures.items():
        if session >= day and not row.value.announced:
            found[session] = _hours_of(session, False, None, rulebook)
    return [found[session] for session in sorted(found)]


def _hours_of(
    session: date, half_day: bool, row: DatedRow[Irregularity] | None, rulebook: Rulebook
) -> SessionHours:
    midnight = datetime.combine(session, time(), tzinfo=UTC) - _OFFSET
    hours = rulebook.hours.row_on(session)
    opening = rulebook.opening.row_on(session)
    closing = rulebook.closing.row_on(session)
    closure = None if row is None else row.value.closure
    half_day = half_day or closure == "half_day"
    spans = _as_traded(hours.value[:1] if half_day else hours.value, row)
    segments = tuple((midnight + start, midnight + end) for start, end in spans)
    # After weather, trading resumed without a pre-opening auction; an early stop was final.
    opens = opening.value if closure != "late_open" else None
    closes = closing.value if closure != "early_stop" else None
    return SessionHours(
        session=session,
        regular_open=midnight + hours.value[0][0],
        segments=segments,
        opening_auction=opens.on(midnight) if opens else None,
        closing_auction=closes.on(segments[-1][1]) if closes else None,
        half_day=half_day,
        irregular=cast(Irregular, closure) if closure in get_args(Irregular) else None,
        verified=all(one is None or one.verified for one in (hours, opening, closing, row)),
    )


def _as_traded(spans: tuple[Span, ...], row: DatedRow[Irregularity] | None) -> tuple[Span, ...]:
    """Return the stretches that were left of a session that began late or stopped early."""
    at = None if row is None else row.value.at
    if row is None or at is None:
        return spans
    if row.value.closure == "late_open":
        return tuple((max(start, at), end) for start, end in spans if end > at)
    return tuple((start, min(end, at)) for start, end in spans if start < at)


def _closures(tables: TableFile) -> dict[date, DatedRow[Irregularity]]:
    found: dict[date, DatedRow[Irregularity]] = {}
    for where, fields in tables.rows("closures"):
        row = dated_row(
            fields,
            lambda value, place, fields=fields: _irregularity(value, fields, place),  # type: ignore[misc]
            where,
            extra=frozenset({"at", "announced"}),
        )
        if row.valid_from in found:
            raise TableError("two rows for one date", given=row.valid_from, where=where)
        if row.valid_to != row.valid_from:
            raise TableError("a closure is one date", given=row.valid_to, where=where)
        found[row.valid_from] = row
    return found


def _irregularity(value: Any, fields: Fields, where: str) -> Irregularity:
    if value not in get_args(Closure):
        wanted = ", ".join(get_args(Closure))
        raise TableError("no such closure", given=value, wanted=wanted, where=where)
    needs_time = value in get_args(Irregular)
    if needs_time != ("at" in fields):
        wanted = "a key `at`" if needs_time else "no key `at`"
        raise TableError(
            "a closure and its time do not fit", given=value, wanted=wanted, where=where
        )
    announced = fields.get("announced", value == "half_day")
    if not isinstance(announced, bool):
        raise TableError("neither announced nor not", given=announced, wanted="true", where=where)
    return Irregularity(value, _clock(fields["at"], where) if needs_time else None, announced)


def _hours(value: Any, where: str) -> tuple[Span, Span]:
    morning, afternoon = (
        [_clock(text, where) for text in required(value, key, list, where)]
        for key in ("morning", "afternoon")
    )
    return (morning[0], morning[1]), (afternoon[0], afternoon[1])


def _auction(value: Fields, where: str, read: Any) -> AuctionTimes | None:
    if value.get("held") is False:
        return None
    keys = ("input_from", "input_until", "match_from", "match_until")
    first, until, match_from, match_until = (
        read(required(value, key, object, where), where) for key in keys
    )
    return AuctionTimes((first, until), (match_from, match_until))


def _clock(text: Any, where: str) -> timedelta:
    try:
        at = time.fromisoformat(text)
    except (TypeError, ValueError):
        raise TableError(
            "no time of day", given=text, wanted='"HH:MM", Hong Kong', where=where
        ) from None
    return timedelta(hours=at.hour, minutes=at.minute)


def _minutes(value: Any, where: str) -> timedelta:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TableError("no whole minutes", given=value, wanted="an integer", where=where)
    return timedelta(minutes=value)
