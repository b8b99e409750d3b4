"""Instants: UTC inside, an exchange zone at the edges, and no naive time anywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from markets.errors import DataError, NaiveTimeError

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_utc(instant: datetime, *, where: str | None = None) -> datetime:
    """Return an instant in UTC.

    Parameters
    ----------
    instant : datetime
        Must know its zone.
    where : str, optional
        File and line, named in the error.

    Raises
    ------
    NaiveTimeError
        If the instant has no zone: guessing one moves news by hours.
    DataError
        If it lies outside the years 1 to 9999 in UTC.

    Examples
    --------
    >>> as_utc(datetime(2025, 9, 12, 9, 30, tzinfo=HONG_KONG)).isoformat()
    '2025-09-12T01:30:00+00:00'
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise NaiveTimeError(
            "a time needs its zone",
            given=instant.isoformat(),
            wanted="an offset or Z, as in 2025-09-12T09:30:00+08:00",
            where=where,
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise DataError(
            "no such date or time in UTC",
            given=instant.isoformat(),
            wanted="the years 1 to 9999",
            where=where,
        ) from None


def parse_instant(text: str, *, where: str | None = None) -> datetime:
    """Read an ISO 8601 instant, or a date, into UTC.

    A date without a time of day is known at the *end* of that day in Hong Kong, never at its start.

    Raises
    ------
    NaiveTimeError
        If there is a time of day but no zone.
    DataError
        If the text is no date or time that exists.

    Examples
    --------
    >>> parse_instant("2025-09-11T23:43:00+08:00").isoformat()
    '2025-09-11T15:43:00+00:00'
    >>> parse_instant("2025-09-12").isoformat()
    '2025-09-12T15:59:59.999999+00:00'
    """
    text = text.strip()
    try:
        if len(text) == 10:
            return end_of_day(date.fromisoformat(text))
        return as_utc(datetime.fromisoformat(text), where=where)
    except (OverflowError, ValueError) as error:  # the end of the last day there is lies beyond
        raise DataError(
            f"no such date or time ({error})",
            given=text,
            wanted="ISO 8601 with a zone, as in 2025-09-12T09:30:00+08:00, or a date",
            where=where,
        ) from None


def end_of_day(day: date) -> datetime:
    """Return the last microsecond of a Hong Kong day, in UTC."""
    next_midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=HONG_KONG)
    return (next_midnight - timedelta(microseconds=1)).astimezone(UTC)


def hong_kong(day: date, at: time) -> datetime:
    """Return the UTC instant of a Hong Kong wall-clock time on a day."""
    return datetime.combine(day, at, tzinfo=HONG_KONG).astimezone(UTC)


def hong_kong_date(instant: datetime) -> date:
    """Return the Hong Kong calendar date of an instant."""
    return as_utc(instant).astimezone(HONG_KONG).date()


def for_people(instant: datetime) -> str:
    """Return an instant as people here read it: Hong Kong time, and says so. Machines get UTC.

    Examples
    --------
    >>> for_people(datetime(2025, 9, 11, 15, 43, tzinfo=UTC))
    '2025-09-11 23:43:00 HKT'
    """
    return f"{as_utc(instant).astimezone(HONG_KONG):%Y-%m-%d %H:%M:%S} HKT"


def epoch_us(instant: datetime, *, where: str | None = None) -> int:
    """Return an instant as whole microseconds since 1970 UTC.

    A nanosecond-bearing instant is rounded *up*: it must never count as known before it was.

    Examples
    --------
    >>> epoch_us(datetime(1970, 1, 1, 8, 0, 1, tzinfo=HONG_KONG))
    1000000
    """
    since = as_utc(instant, where=where) - _EPOCH
    whole = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return whole + (getattr(instant, "nanosecond", 0) > 0)


def epoch_us_array(
    instants: pd.Series | pd.DatetimeIndex, *, where: str | None = None
) -> npt.NDArray[np.int64]:
    """Return many instants as whole microseconds since 1970 UTC, rounded up like `epoch_us`.

    Parameters
    ----------
    instants : Series or DatetimeIndex
        Zone-aware, of any unit.

    Raises
    ------
    NaiveTimeError
        If the type has no zone.
    DataError
        If one is missing; its position is named.
    """
    index = pd.DatetimeIndex(instants)
    if index.tz is None:
        raise NaiveTimeError(
            "times need their zone",
            given=str(index.dtype),
            wanted="datetime64[us, UTC]",
            where=where,
        )
    missing = np.flatnonzero(index.isna())
    if len(missing):
        raise DataError("a time is missing", given=f"position {missing[0]}", where=where)
    micros = index.as_unit("us").asi8
    if index.unit == "ns":
        micros = micros + (index.asi8 % 1_000 > 0)
    return np.asarray(micros, dtype=np.int64)
