"""Progress: how far a sweep is, how fast, and how long it still takes; for a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Tell = Callable[[int], None]
"""Called with how many more trials are done."""


@contextmanager
def progress(
    total: int,
    done: int,
    *,
    show: bool | None = None,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Tell]:
    """Show a bar on stderr where a person watches; say nothing elsewhere.

    Parameters
    ----------
    total, done : int
        Trials in all; those that an earlier sweep finished.
    show : bool, optional
        By default whether stderr is a terminal.
    console : Console, optional
        Where it is shown; stderr by default.
    clock : callable
        Seconds, of which rate and time left are made.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Trials a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.1f}/s" if speed else "–/s")

    bar = Progress(
        TextColumn("trials"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console or Console(stderr=True),
        get_time=clock,
    )
    with bar:
        task = bar.add_task("trials", total=total, completed=done)
        yield lambda more: bar.advance(task, more)
