"""The report as Markdown, for a pull request or a note."""

from __future__ import annotations

import re

from backtests.reports import sections
from backtests.reports.table import Table
from backtests.reports.terminal import plain
from backtests.view import RunView


def markdown(view: RunView) -> str:
    """Return the report as GitHub-flavored Markdown; foreign text cannot become markup."""
    verdict = view.metrics["verdict"]
    lines = [f"# {escaped(view.name)}", "", f"**{escaped(verdict['headline'])}**", ""]
    lines += [f"- {escaped(sentence)}" for sentence in verdict["sentences"]]
    for table in sections.tables_of(view):
        lines += ["", f"## {escaped(table.title)}", "", *_rows(table)]
        if table.note:
            lines += ["", escaped(table.note)]
    return "\n".join(lines) + "\n"


def escaped(foreign: str) -> str:
    r"""Return text with every sign that means something in Markdown or HTML made plain.

    Examples
    --------
    >>> escaped("a|b <i> [x](y)")
    'a\\|b &lt;i&gt; \\[x\\](y)'
    """
    text = plain(foreign).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text)


def _rows(table: Table) -> list[str]:
    names = [escaped(name.removeprefix("<")) or " " for name in table.columns]
    sides = [":--" if name.startswith("<") else "--:" for name in table.columns]
    rows = [[escaped(cell) for cell in row] for row in table.rows]
    return ["| " + " | ".join(cells) + " |" for cells in (names, sides, *rows)]
