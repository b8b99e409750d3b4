"""Progress of a sweep: for a person who watches, and for nobody else."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from backtests.sweeps.progress import progress


def test_a_terminal_is_told_rate_and_time_left() -> None:
    now = [0.0]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, legacy_windows=False)
    with progress(1_000, 100, show=True, console=console, clock=lambda: now[0]) as tell:
        for _ in range(4):
            now[0] += 2.0
            tell(50)
        console.print("here")
    shown = screen.getvalue()
    assert "300/1000" in shown
    assert "25.0/s" in shown
    assert "0:00:28" in shown  # 700 trials at 25 a second
    assert "left" in shown


def test_nobody_else_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(10, 0) as tell:
        tell(10)
    assert capsys.readouterr() == ("", "")
