"""The report for a terminal: readable at 80 columns, in a pipe, and without color."""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from backtests.reports import sections
from backtests.reports.table import Table
from backtests.view import RunView

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

_GAP = 2
NARROWEST = 40
"""Columns that a report needs; a pipe that asks for fewer gets these."""
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
    """Write on stdout: in color and to the width of a terminal, plainly into a pipe.

    Lines of a pipe break at 80 columns, or where the variable ``COLUMNS`` says.
    """
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if console.is_terminal:
        write_on(console)
    else:
        asked = os.environ.get("COLUMNS", "")
        width = max(int(asked), NARROWEST) if asked.isdecimal() else 80
        sys.stdout.write(written(write_on, width=width))


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


def write_table(console: Console, table: Table) -> None:
    """Write a table with its title and note; what is too wide for the console goes below."""
    from rich.table import Table as Grid
    from rich.text import Text

    console.print(Text(table.title, style="bold underline"))
    for part in _parts(table, console.width):
        shown = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for at, width in part.items():
            left = table.columns[at].startswith("<")
            shown.add_column(
                Text(_broken(plain(table.columns[at]).removeprefix("<"), width)),
                justify="left" if left else "right",
                overflow="fold",
                width=width,
            )
        for row in table.rows:
            shown.add_row(*(_cell(row[at], label=not at) for at in part))
        console.print(shown)
    if table.note:
        console.print(Text(plain(table.note), style="dim"))


def _parts(table: Table, width: int) -> list[dict[int, int]]:
    """Return the columns of a table with their widths, in parts that fit; each begins with labels.

    Where a table is too wide, words of text go on the next line, and so do those of headings unless
    labels alone name the rows; what still has no room goes below. A number never breaks: half of
    one would be another. Nor does a word that has room, or a short label.
    """
    texts = [at for at, name in enumerate(table.columns) if name.startswith("<")]
    columns = list(zip(table.columns, *table.rows, strict=True))
    sizes = [_sizes(cells, width, label=not at) for at, cells in enumerate(columns)]
    gaps = _GAP * len(sizes)
    if texts == [0] or sum(most for *_, most in sizes) + gaps <= width:
        spans = [
            (least if at in texts else most, most) for at, (_, least, most) in enumerate(sizes)
        ]
    elif not texts and sum(least for _, least, _ in sizes) + gaps > width:
        # Nothing would name a row that goes on below: rather half a heading than that.
        return [_widened(range(len(sizes)), [(filled, least) for filled, least, _ in sizes], width)]
    else:
        spans = [(least, most) for _, least, most in sizes]
    parts, room = [[0]], width - spans[0][0] - _GAP
    for at, (least, _) in list(enumerate(spans))[1:]:
        if least + _GAP > room and len(parts[-1]) > 1:
            parts.append([0])
            room = width - spans[0][0] - _GAP
        parts[-1].append(at)
        room -= least + _GAP
    return [_widened(part, spans, width) for part in parts]


def _sizes(cells: Sequence[str], width: int, *, label: bool) -> tuple[int, int, int]:
    """Return how wide a column of a table is: without its heading, with words broken off, whole."""
    from rich.cells import cell_len

    heading, *values = (plain(cell).removeprefix("<") for cell in cells)
    filled = max(map(cell_len, values), default=0)
    most = max(cell_len(heading), filled)
    if label and most <= width // 3:
        return filled, most, most
    words = max((cell_len(word.rstrip()) for word in _words(heading)), default=0)
    if not cells[0].startswith("<"):
        return filled, max(words, filled), most
    longest = max((cell_len(word) for text in values for word in text.split()), default=0)
    return filled, min(max(words, longest), width // 3), most


def _words(heading: str) -> list[str]:
    """Return the parts of a heading that stay together: a key of a config has several."""
    return re.findall(r"[^\s._]+[._]*\s?|[._]+", heading)


def _broken(heading: str, width: int) -> str:
    """Return a heading in lines of some width, broken between its words."""
    from rich.cells import cell_len

    lines = [""]
    for word in _words(heading):
        if lines[-1] and cell_len((lines[-1] + word).rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.rstrip() for line in lines)


def _widened(part: Sequence[int], sizes: Sequence[tuple[int, int]], width: int) -> dict[int, int]:
    """Return the widths of a part's columns: the room that is left goes to where most is missing.

    rich pads the last column too.
    """
    found = {at: sizes[at][0] for at in part}
    left = width - sum(found.values()) - _GAP * len(part)
    while left > 0:
        at = max(part, key=lambda place: (sizes[place][1] - found[place], -place))
        if found[at] >= sizes[at][1]:
            break
        found[at] += 1
        left -= 1
    return found


def _cell(cell: str, *, label: bool) -> Text:
    from rich.text import Text

    # A label is no loss, whatever its sign.
    style = LEVELS.get(cell, "red" if cell.startswith("−") and not label else "")
    return Text(plain(cell), style=style)
