"""The report for a terminal: readable at 80 columns, in a pipe, and without color."""

from __future__ import annotations

import io
import sys
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from backtests.reports import sections
from backtests.view import RunView

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

_GAP = 2
LEVELS = {"error": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}


def text(view: RunView, *, width: int = 80, color: bool = False) -> str:
    """Return the report as text.

    Parameters
    ----------
    view : RunView
        The run.
    width : int
        Columns; lines break there.
    color : bool
        With ANSI colors.
    """
    return written(lambda console: write(console, view), width=width, color=color)


def written(write_on: Callable[[Console], None], *, width: int = 80, color: bool = False) -> str:
    """Return as text what is written on a console of some columns."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
    )
    write_on(console)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def to_stdout(write_on: Callable[[Console], None]) -> None:
    """Write on stdout: in color and to the width of a terminal, plainly into a pipe."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if console.is_terminal:
        write_on(console)
    else:
        sys.stdout.write(written(write_on))


def print_text(view: RunView) -> None:
    """Print the report on stdout."""
    to_stdout(lambda console: write(console, view))


def write(console: Console, view: RunView) -> None:
    """Write the report: verdict first, then figures, then what should be known of them."""
    from rich.text import Text

    verdict = view.metrics["verdict"]
    console.print(Text(plain(view.name), style="bold"))
    console.print(Text(verdict["headline"], style="bold green" if verdict["found"] else "bold"))
    for sentence in verdict["sentences"]:
        console.print(bullet(sentence))
    for table in sections.tables_of(view):
        console.print()
        write_table(console, table)
    if view.folder is not None:
        console.print()
        # A path is for copying: it must stay on one line, however long.
        console.print(Text(f"run folder  {view.folder}"), soft_wrap=True)


def plain(foreign: str) -> str:
    r"""Return text without control and format characters, which could drive a terminal.

    Examples
    --------
    >>> plain("a\x1b[31mb\tc")
    'a[31mb c'
    """
    if foreign.isprintable():
        return foreign
    spaced = foreign.replace("\n", " ").replace("\t", " ")
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp"))


def bullet(sentence: str) -> Padding:
    """Return a sentence as it stands under a headline."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(sentence), (0, 0, 0, 2))


def write_table(console: Console, table: sections.Table) -> None:
    """Write a table with its title and note; what is too wide for the console goes below."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(table.title, style="bold underline"))
    parts = _parts(table, console.width)
    widths = _widths(table, console.width) if len(parts) == 1 else [None] * len(table.columns)
    for part in parts:
        shown = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for at in part:
            left = table.columns[at].startswith("<")
            shown.add_column(
                Text(table.columns[at].removeprefix("<")),
                justify="left" if left else "right",
                overflow="fold",
                no_wrap=not left and widths[at] is None,
                width=widths[at],
            )
        for row in table.rows:
            shown.add_row(*(_cell(row[at]) for at in part))
        console.print(shown)
    if table.note:
        console.print(Text(plain(table.note), style="dim"))


def _parts(table: sections.Table, width: int) -> list[list[int]]:
    """Return the columns of a table, in parts that fit the width; each begins with the labels.

    Text columns fold, figures do not: without this, labels would be folded away to make room.
    """
    from rich.cells import cell_len

    every = list(range(len(table.columns)))
    texts = [at for at in every if table.columns[at].startswith("<")]
    if texts != [0]:
        return [every]
    widths = [
        max(cell_len(plain(cells[at]).removeprefix("<")) for cells in (table.columns, *table.rows))
        for at in every
    ]
    # rich pads the last column too.
    free = width - widths[0] - _GAP
    parts, room = [[0]], free
    for at in every[1:]:
        if widths[at] + _GAP > room and len(parts[-1]) > 1:
            parts.append([0])
            room = free
        parts[-1].append(at)
        room -= widths[at] + _GAP
    return parts


def _widths(table: sections.Table, most: int) -> list[int | None]:
    """Return the width of each column of numbers; None for words, which may break anywhere.

    Where a table is wider than the console, headings break: half a number would be another one.
    """
    columns = list(zip(table.columns, *table.rows, strict=True))
    longest = [max((len(plain(cell)) for cell in cells), default=0) for _, *cells in columns]
    widths: list[int | None] = []
    for lines in range(1, 6):
        widths = [
            None if name.startswith("<") else max(length, -(-len(name) // lines))
            for (name, *_), length in zip(columns, longest, strict=True)
        ]
        words = sum(
            max(length, len(name) - 1)
            for (name, *_), length in zip(columns, longest, strict=True)
            if name.startswith("<")
        )
        if words + sum(width or 0 for width in widths) + 2 * len(widths) <= most:
            break
    return widths


def _cell(cell: str) -> Text:
    from rich.text import Text

    style = LEVELS.get(cell, "red" if cell.startswith("−") else "")
    return Text(plain(cell), style=style)
