"""Draw `docs/known-answer.svg` from two runs, as `make docs` does: an edge planted, and none.

Both are the quickstart, so the picture is whatever its own commands give.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PICTURE = DOCS / "known-answer.svg"
PANELS = (("300 bp planted after fresh stories", 300), ("Nothing planted", 0))
SHOWN = ("strategy, net", "benchmark", "equal weight", "random entries")
WIDE, HIGH, LEFT, TOP, GAP, FOOT = 760, 300, 44, 52, 58, 50
STEP = 4
"""Of the sessions each fourth is drawn: the picture is small, and shows no more."""

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #5c636e; } .head { font-weight: 600; font-size: 14px; fill: #1c1f24; }
.grid { stroke: #dedad2; } path { fill: none; stroke-width: 1.3; }
.l0 { stroke: #0b5fa5; stroke-width: 2.2; } .l1 { stroke: #8a8f98; } .l2 { stroke: #7a5ba8; } .l3 { stroke: #b0772b; }
@media (prefers-color-scheme: dark) {
  text { fill: #9aa1ac; } .head { fill: #e8e6e1; } .grid { stroke: #2e333b; }
  .l0 { stroke: #5fb0f5; } .l1 { stroke: #858c97; } .l2 { stroke: #b598e0; } .l3 { stroke: #d9a05b; }
}
"""  # noqa: E501 (a style sheet)


def draw(panels: Sequence[tuple[str, str, Mapping[str, Sequence[float]]]]) -> str:
    """Return the picture.

    Parameters
    ----------
    panels : sequence of tuple
        Heading, what came of it, and by name of each line percent earned since the start.
    """
    values = [value for *_, lines in panels for line in lines.values() for value in line]
    low, high = min(values) // 50 * 50, -(-max(values) // 50) * 50
    label = "Percent earned: " + "; ".join(f"{head}: {came}" for head, came, _ in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" '
        f'role="img" aria-label="{escape(label)}"><style>{STYLE}</style>'
    ]
    for number, panel in enumerate(panels):
        parts += _panel(number, len(panels), panel, (low, high))
    for number, name in enumerate(SHOWN):
        at = LEFT + number * 150
        parts.append(f'<path class="l{number}" d="M{at} {HIGH - 12}h22"/>')
        parts.append(f'<text x="{at + 28}" y="{HIGH - 8}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    number: int,
    panels: int,
    panel: tuple[str, str, Mapping[str, Sequence[float]]],
    span: tuple[float, float],
) -> Iterator[str]:
    head, came, lines = panel
    width = (WIDE - LEFT - GAP * (panels - 1)) / panels - 4
    left, (low, high) = LEFT + number * (width + GAP), span
    height = HIGH - TOP - FOOT

    def down(value: float) -> float:
        return TOP + height * (high - value) / (high - low)

    yield f'<text class="head" x="{left:.0f}" y="18">{escape(head)}</text>'
    yield f'<text x="{left:.0f}" y="36">{escape(came)}</text>'
    for mark in range(int(low), int(high) + 1, 50):
        yield f'<path class="grid" d="M{left:.0f} {down(mark):.1f}h{width:.0f}"/>'
        text = f"{mark}%".replace("-", "−")
        yield f'<text x="{left - 6:.0f}" y="{down(mark) + 4:.1f}" text-anchor="end">{text}</text>'
    for place, name in reversed(list(enumerate(SHOWN))):
        line = lines[name]
        kept = sorted({*range(0, len(line), STEP), len(line) - 1})
        points = (f"{left + width * at / kept[-1]:.1f} {down(line[at]):.1f}" for at in kept)
        yield f'<path class="l{place}" d="M{"L".join(points)}"/>'


def panels() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what is drawn: the quickstart, run with each planted edge."""
    from backtests.config import load_config
    from backtests.folder import read_run
    from backtests.metrics.verdict import decimal, percent
    from backtests.reports.charted import equity_lines
    from backtests.run import run

    with tempfile.TemporaryDirectory(prefix="newswake-picture-") as folder:
        for head, edge in PANELS:
            flags = [f"prices.synthetic.edge_bp={edge}"]
            loaded = load_config(DOCS.parent / "configs" / "quickstart.toml", flags, {})
            view = read_run(run(loaded, Path(folder)))
            earned = percent(view.metrics["performance"]["total_return"])
            rival = view.metrics["baselines"]["equal_weight"]["alpha_t"]
            came = f"{earned} net; alpha over equal weight: t {decimal(rival, 1, sign=True)}"
            yield head, came, {line["name"]: line["values"] for line in equity_lines(view)}


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    PICTURE.write_text(draw(list(panels())), encoding="utf-8", newline="\n")
