"""Clocks as files write them, into UTC instants: text, dates, datetimes, numbers with a unit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markets.clock import as_utc, end_of_day, parse_instant
from markets.errors import ConfigError, DataError, NaiveTimeError
from signals.news import shorten

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""A clock outside these years is a unit gone wrong, not news."""


class ClockReader:
    """Reads one layout's clocks.

    Parameters
    ----------
    zone : str, optional
        IANA zone of times that state none. Unset: they are an error.
    epoch_unit : str, optional
        ``s``, ``ms`` or ``us`` since 1970 UTC. Unset: a number is an error.

    Raises
    ------
    ConfigError
        If there is no such zone.

    Examples
    --------
    >>> ClockReader(zone="Asia/Hong_Kong").read("2025-09-12T09:30:00").isoformat()
    '2025-09-12T01:30:00+00:00'
    """

    def __init__(self, zone: str | None = None, epoch_unit: str | None = None) -> None:
        self._zone = _zone(zone) if zone else None
        self._unit = MICROSECONDS[epoch_unit] if epoch_unit else None

    def read(self, value: object) -> datetime:
        """Return the UTC instant; for a date alone, the end of that day in Hong Kong.

        Raises
        ------
        NaiveTimeError
            If a time states no zone and none is declared.
        DataError
            If it is no time that exists, or one no news can have.
        """
        try:
            instant = self._instant(value)
        except (OverflowError, ValueError) as error:
            raise DataError(
                f"no such date or time ({error})",
                given=shorten(str(value)),
                wanted="ISO 8601 with a zone, as in 2025-09-12T09:30:00+08:00, or a date",
            ) from None
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise DataError(
                "no news is from that year",
                given=shorten(str(value)),
                wanted=f"a year from {FIRST_YEAR} to {LAST_YEAR}",
            )
        return instant

    def _instant(self, value: object) -> datetime:
        if isinstance(value, datetime):
            return self._of_datetime(value)
        if isinstance(value, date):
            return end_of_day(value)
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._of_number(value)
        raise DataError(
            "no time",
            given=f"{type(value).__name__} {shorten(str(value))}",
            wanted="ISO 8601 with a zone, as in 2025-09-12T09:30:00+08:00, or a date",
        )

    def _of_text(self, text: str) -> datetime:
        try:
            return parse_instant(text)
        except NaiveTimeError:
            if self._zone is None:
                raise
            return self._of_datetime(datetime.fromisoformat(text.strip()))

    def _of_datetime(self, value: datetime) -> datetime:
        if value.tzinfo is not None or self._zone is None:
            return as_utc(value)
        # An hour that a zone's clocks show twice is the later one: never known too early.
        local = value.replace(tzinfo=self._zone)
        return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))

    def _of_number(self, value: float) -> datetime:
        if self._unit is None:
            raise NaiveTimeError(
                "a number is no time without its unit",
                given=value,
                wanted="ISO 8601 with a zone, or news.epoch_unit = s, ms or us",
            )
        return EPOCH + timedelta(microseconds=value * self._unit)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            "no such time zone", given=name, wanted="an IANA name, as in Asia/Hong_Kong"
        ) from None
