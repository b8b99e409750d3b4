"""Days lost to weather, and a calendar that does not know of them yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from markets.calendar import Calendar, announced_calendar


def weather_days(calendar: Calendar, start: date, end: date) -> list[date]:
    """Return the sessions whose decision did not know of a storm: its own, or the next day's.

    The session itself where it opened late or stopped early; the one before where it was lost.
    """
    found = set()
    for day in announced_calendar(start).sessions(start, end):
        if not calendar.is_session(day):
            found.add(calendar.previous_session(day))
        elif calendar.hours(day).irregular is not None:
            found |= {calendar.previous_session(day), day}
    return sorted(found)


@contextmanager
def as_announced(calendar: Calendar, session: date) -> Iterator[None]:
    """Let a calendar say, for a while, what was announced when a session was decided for.

    The very object is changed: parts reach it by import, by argument and through what they keep,
    and there is one of it.
    """
    known = vars(announced_calendar(session))
    kept = dict(vars(calendar))
    vars(calendar).update(known)
    try:
        yield
    finally:
        vars(calendar).update(kept)
