"""Heat map: the median Sharpe ratio over two values, as SVG of our own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from backtests.metrics.verdict import decimal
from backtests.reports.terminal import plain
from backtests.sweeps.judged import name_of

CELL, HEIGHT, LEFT, TOP = 58, 30, 110, 44
WIDEST = 40
"""Columns or rows that are drawn; more are thinned out evenly, since nobody could read them."""


def heat_map(
    across: str,
    down: str | None,
    columns: Sequence[Any],
    lines: Sequence[Any],
    matrix: Sequence[Sequence[float | None]],
) -> str:
    """Return the map; every foreign word in it is escaped.

    Parameters
    ----------
    across, down : str
        Keys of the columns and rows.
    columns, lines : sequence
        Their values.
    matrix : sequence of sequence of float or None
        A number each pair, by row; None where no trial was.
    """
    shown_x, shown_y = _thinned(len(columns)), _thinned(len(lines))
    known = [abs(v) for row in matrix for v in row if v is not None]
    scale = max(known, default=0.0) or 1.0
    width = LEFT + CELL * len(shown_x) + 10
    height = TOP + HEIGHT * len(shown_y) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{_text(f"Median Sharpe ratio by {across}")}">',
        _label(LEFT, 14, across, "start"),
        _label(LEFT - 8, TOP - 8, down or "", "end"),
    ]
    for place, x in enumerate(shown_x):
        parts.append(_label(LEFT + CELL * (place + 0.5), TOP - 8, name_of(columns[x]), "middle"))
    for number, y in enumerate(shown_y):
        top = TOP + HEIGHT * number
        name = "" if lines[y] is None else name_of(lines[y])
        parts.append(_label(LEFT - 8, top + 19, name, "end"))
        for place, x in enumerate(shown_x):
            parts.append(_cell(LEFT + CELL * place, top, matrix[y][x], scale))
    return "".join([*parts, "</svg>"])


def _cell(left: int, top: int, value: float | None, scale: float) -> str:
    if value is None:
        return ""
    depth = 0.08 + 0.72 * min(1.0, abs(value) / scale)
    kind = "gain" if value >= 0 else "loss"
    return (
        f'<rect class="{kind}" x="{left + 1}" y="{top + 1}" width="{CELL - 2}" '
        f'height="{HEIGHT - 2}" fill-opacity="{depth:.3f}"/>'
        + _label(left + CELL / 2, top + 19, decimal(value), "middle")
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    short = text if len(text) <= 40 else f"{text[:39]}…"
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{_text(short)}</text>'


def _text(foreign: str) -> str:
    return escape(plain(foreign), quote=True)


def _thinned(count: int) -> list[int]:
    if count <= WIDEST:
        return list(range(count))
    return sorted({round(place * (count - 1) / (WIDEST - 1)) for place in range(WIDEST)})
