"""Whether this installation is sound, and how far its market tables are verified."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from backtests import PACKAGES
from backtests.provenance import revision, versions
from markets.plugins import KINDS, names
from markets.wording import counted

Finding = dict[str, str]


def examine() -> list[Finding]:
    """Return what was found: `name`, `level` (ok, note, warning, error), `message`."""
    found: list[Finding] = []
    for part in (_python, _packages, _home, _plugins, _calendar, _tables):
        found.extend(_held(part))
    return found


def _held(part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Turn a failure of one examination into a finding, so that the others still speak."""
    try:
        yield from part()
    except Exception as error:  # a broken installation can fail in any way
        yield _finding(part.__name__.strip("_"), "error", f"{type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    level = "ok" if (3, 11) <= sys.version_info[:2] <= (3, 13) else "error"
    message = f"{platform.python_version()}; supported are 3.11, 3.12 and 3.13"
    yield _finding("python", level, message)


def _packages() -> Iterator[Finding]:
    missing = [name for name, version in versions().items() if version == "not installed"]
    listed = ", ".join(f"{name} {version}" for name, version in versions().items())
    yield _finding("packages", "error" if missing else "ok", listed)


def _home() -> Iterator[Finding]:
    places = {Path(importlib.import_module(name).__path__[0]).parent for name in PACKAGES}
    level = "ok" if len(places) == 1 else "error"
    where = ", ".join(str(place) for place in sorted(places))
    yield _finding("home", level, f"{', '.join(PACKAGES)} in {where}; revision {revision()}")


def _plugins() -> Iterator[Finding]:
    for kind in KINDS:
        published = names(kind)
        yield _finding("plug-ins", "ok", f"{kind}: {', '.join(published) or 'none published'}")


def _calendar() -> Iterator[Finding]:
    from markets.calendar import hong_kong_calendar

    sessions = hong_kong_calendar().session_array()
    yield _finding("calendar", "ok", f"{len(sessions)} sessions, {sessions[0]} to {sessions[-1]}")


def _tables() -> Iterator[Finding]:
    from markets.reliance import table_counts

    for table in table_counts():
        level = "note" if table.unverified else "ok"
        message = f"{table.table}: {counted(table.rows, 'row')}, {table.unverified} unverified"
        yield _finding("market tables", level, message)


def _finding(name: str, level: str, message: str) -> Finding:
    return {"name": name, "level": level, "message": message}
