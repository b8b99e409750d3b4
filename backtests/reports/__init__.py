"""Reports: one RunView as text, Markdown, JSON or a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from markets.settings import Settings

if TYPE_CHECKING:
    from backtests.view import RunView


class ReportSettings(Settings):
    """What the report shows."""

    html: bool = True
    """Write `report.html` into the run folder."""
    extra: tuple[str, ...] = ()
    """Further reports, by published name or ``module:function``: a `RunView` in, a text out."""
    stories_per_session: int = Field(default=4, ge=0, le=50)
    """Titles kept a session and ticker in the price charts; the rest is counted."""
    trades_shown: int = Field(default=1000, ge=1, le=100_000)
    """Rows of the trades table; earlier trades stand in `trades.csv`."""


def text(view: RunView, *, width: int = 80, color: bool = False) -> str:
    """Return the report for a terminal; see `backtests.reports.text`."""
    from backtests.reports.text import text as make

    return make(view, width=width, color=color)


def print_text(view: RunView) -> None:
    """Print the report for a terminal on stdout."""
    from backtests.reports.text import print_text as make

    make(view)
