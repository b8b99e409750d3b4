"""The report as one HTML page: offline, no foreign code, light and dark, screen and print."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtests.metrics.verdict import decimal, percent
from backtests.reports import ReportSettings, formats, learned, sections
from backtests.reports.charted import chart_data
from backtests.reports.formats import interval_95
from backtests.reports.table import Table
from backtests.reports.terminal import plain
from backtests.view import RunView

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")

CLOCK_ENDINGS = ("_at", "seconds", "_mb")
"""Keys of the manifest that differ between equal runs: left out, so that the page does not."""


def html(view: RunView, settings: ReportSettings | None = None) -> str:
    """Return the page.

    Style, script and data stand inside it; the policy in its head lets nothing else load or run.
    Every foreign text is escaped twice over: by the template, or inside the data block, and then
    set as text, never as markup. The same view gives the same bytes.

    Parameters
    ----------
    view : RunView
        The run.
    settings : ReportSettings, optional
        How much of the stories and trades is shown.
    """
    settings = settings or ReportSettings()
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    shown = {table.key: table for table in sections.tables_of(view)}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            metrics=view.metrics,
            figures=figures(view.metrics),
            tables=shown,
            trades=sections.trades(view, settings.trades_shown),
            folds=learned.folds(view),
            config=formats.flat(view.config),
            provenance=formats.flat(without_clocks(view.manifest)),
            undefined=view.metrics["undefined"],
            style=style,
            script=script,
            policy=policy(style, script),
            data=data_block(chart_data(view, settings.stories_per_session)),
        )
    )


def figures(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the headline figures: name, value, and what stands beside it."""
    own, risk, costs = metrics["performance"], metrics["risk"], metrics["costs"]
    model = metrics["predictions"].get("model", {})
    benchmark = metrics["benchmark"]
    return [
        (
            "Net return",
            percent(own["total_return"]),
            f"benchmark {percent(benchmark['total_return'])}" if benchmark else "no benchmark",
        ),
        ("CAGR", percent(own["cagr"]), f"gross return {percent(own['gross_total_return'])}"),
        ("Sharpe ratio", decimal(risk["sharpe"]), interval_95(risk["sharpe_interval_95"]) or "–"),
        (
            "Maximum drawdown",
            percent(risk["max_drawdown"]),
            f"{risk['max_drawdown_sessions']} sessions" if risk["max_drawdown_sessions"] else "–",
        ),
        (
            "Daily rank IC",
            decimal(model.get("rank_ic"), 3, sign=True),
            f"t {decimal(model.get('rank_ic_t'), sign=True)}",
        ),
        (
            "Break-even cost",
            f"{decimal(costs['break_even_bp'], 1)} bp",
            f"paid {decimal(costs['paid_bp'], 1)} bp a side",
        ),
    ]


def judged_html(
    brand: str,
    name: str,
    headline: str,
    sentences: Sequence[str],
    tables: Sequence[Table],
    *,
    found: bool = False,
    heat: str = "",
    more_style: str = "",
) -> str:
    """Return a judgment and the tables behind it as a page that loads nothing and runs nothing.

    Parameters
    ----------
    brand : str
        What made it: ``sweep`` or ``audit``.
    name, headline, sentences, tables
        Whose it is, what was found, in more words, and the figures; the template escapes them all.
    found : bool
        Whether it is a good one.
    heat : str
        A picture as SVG, escaped already; empty for none.
    more_style : str
        CSS beside the reports' own.
    """
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8") + more_style
    return (
        _environment()
        .get_template("judged.html.j2")
        .render(
            brand=brand,
            name=name,
            headline=headline,
            sentences=sentences,
            tables=tables,
            found=found,
            heat=heat,
            style=style,
            policy=policy(style, ""),
        )
    )


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    return environment


def policy(style: str, script: str) -> str:
    """Return the content security policy: only this very style and this very script."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )


def data_block(data: Mapping[str, Any]) -> str:
    r"""Return JSON that may stand inside a script element: no ``<``, ``>`` or ``&`` is left in it.

    Examples
    --------
    >>> data_block({"title": "</script>"})
    '{"title":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def without_clocks(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested mapping without the keys that tell when or how fast."""
    return {
        str(key): without_clocks(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not str(key).endswith(CLOCK_ENDINGS)
    }


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
