"""Reports: one RunView as text, Markdown, JSON or a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from markets.settings import Settings

if TYPE_CHECKING:
    from backtests.view import RunView

Report = Callable[["RunView"], str]
"""A report: a finished run in, a document out; held to its contract by `testing.check_report`."""


class ReportSettings(Settings):
    """What the report shows."""

    html: bool = True
    """Write `report.html` into the run folder."""
    extra: tuple[str, ...] = ()
    """Further reports, by published name or ``module:function``; each writes ``report.<name>``."""
    stories_per_session: int = Field(default=4, ge=0, le=50)
    """Titles kept a session and ticker in the price charts; the rest is counted."""
    trades_shown: int = Field(default=1000, ge=1, le=100_000)
    """Rows of the trades table; earlier trades stand in `trades.csv`."""


def text(view: RunView, *, width: int = 80, color: bool = False) -> str:
    """Return the report as text of some columns; see `backtests.reports.terminal`."""
    from backtests.reports.terminal import text as made

    return made(view, width=width, color=color)


def print_text(view: RunView) -> None:
    """Print the report on stdout: in color on a terminal, plainly into a pipe."""
    from backtests.reports.terminal import print_text as made

    made(view)


def markdown(view: RunView) -> str:
    """Return the report as Markdown; see `backtests.reports.markdown_page`."""
    from backtests.reports.markdown_page import markdown as made

    return made(view)


def html(view: RunView, settings: ReportSettings | None = None) -> str:
    """Return the report as one self-contained page; see `backtests.reports.html_page`."""
    from backtests.reports.html_page import html as made

    return made(view, settings)


def json_text(view: RunView) -> str:
    """Return metrics, checks and folds as one JSON document."""
    from backtests.folder import to_json

    return to_json({"metrics": view.metrics, "checks": view.checks, "folds": view.folds})


def write_reports(folder: Path, view: RunView, settings: ReportSettings) -> None:
    """Write the reports the settings ask for into a run folder.

    Raises
    ------
    ConfigError
        If a further report is not found.
    """
    from markets.plugins import load

    if settings.html:
        page = html(view, settings)
        (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")
    for name in settings.extra:
        report: Report = load("reports", name)
        ending = name.rpartition(":")[2]
        (folder / f"report.{ending}").write_text(report(view), encoding="utf-8", newline="\n")
