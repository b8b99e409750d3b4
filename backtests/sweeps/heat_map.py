"""Heat map: the median Sharpe ratio over two values, as SVG of our own."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from backtests.metrics.verdict import decimal
from backtests.reports.terminal import plain
from backtests.sweeps.judged import Heat, name_of

CELL, HEIGHT, LETTER, TOP = 58, 30, 7, 44
WIDEST = 40
"""Columns or rows that are drawn; more are thinned out evenly, since nobody could read them."""


def heat_map(heat: Heat, names: Mapping[str, str]) -> str:
    """Return the map; every foreign word in it is escaped.

    Parameters
    ----------
    heat : Heat
        What to show.
    names : mapping of str to str
        What a key is called on the page.
    """
    shown_x, shown_y = _thinned(len(heat.columns)), _thinned(len(heat.lines))
    known = [abs(v) for row in heat.cells for v in row if v is not None]
    scale = max(known, default=0.0) or 1.0
    across, down = names[heat.across], names.get(heat.down, "")
    labels = ["" if value is None else _short(name_of(value)) for value in heat.lines]
    longest = max(len(label) for label in [down, *labels])
    left = 24 + LETTER * longest
    width = max(left + CELL * len(shown_x), left + LETTER * len(across)) + 10
    height = TOP + HEIGHT * len(shown_y) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{_text(f"Median Sharpe ratio by {across}")}">',
        _label(left, 14, across, "start"),
        _label(left - 8, TOP - 8, down, "end"),
    ]
    for place, x in enumerate(shown_x):
        name = name_of(heat.columns[x])
        parts.append(_label(left + CELL * (place + 0.5), TOP - 8, name, "middle"))
    for number, y in enumerate(shown_y):
        top = TOP + HEIGHT * number
        parts.append(_label(left - 8, top + 19, labels[y], "end"))
        for place, x in enumerate(shown_x):
            cell = _cell(left + CELL * place, top, heat.cells[y][x], scale)
            parts.append(cell if (y, x) != heat.best else cell + _frame(left + CELL * place, top))
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


def _frame(left: int, top: int) -> str:
    return (
        f'<rect class="best" x="{left + 1}" y="{top + 1}" width="{CELL - 2}" '
        f'height="{HEIGHT - 2}"/>'
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{_text(_short(text))}</text>'


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _text(foreign: str) -> str:
    return escape(plain(foreign), quote=True)


def _thinned(count: int) -> list[int]:
    if count <= WIDEST:
        return list(range(count))
    return sorted({round(place * (count - 1) / (WIDEST - 1)) for place in range(WIDEST)})
