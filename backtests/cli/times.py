"""Dates and instants of the command line: a text that is neither is a wrong call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from markets.errors import DataError, UsageError


def read_date(text: str, where: str = "--on") -> date:
    """Return a date.

    Raises
    ------
    UsageError
        If there is no such date; names the option.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"no such date ({error})", given=text, wanted="as in 2025-09-12", where=where
        ) from None


def read_instant(text: str, where: str, read: Callable[[str], datetime] | None = None) -> datetime:
    """Return an instant in UTC, as `read` makes it of the text; by default ISO 8601 with a zone.

    Raises
    ------
    UsageError
        If there is no such instant, or it states no zone; names the option.
    """
    from markets.clock import parse_instant

    try:
        return (read or parse_instant)(text)
    except DataError as error:
        raise UsageError(error.problem, given=text, wanted=error.wanted, where=where) from None
