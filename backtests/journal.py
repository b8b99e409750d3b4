"""Journal: what a run is doing, shown while it runs and kept without clocks in its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Journal:
    """Stages of a run, each with what came of it.

    Parameters
    ----------
    show : bool
        Whether to show progress on stderr; only where a person watches.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each stage. Kept apart from the lines, which hold no clock, so that equal runs
        write equal logs.
    """

    def __init__(self, *, show: bool = False) -> None:
        self._lines: list[dict[str, Any]] = []
        self._show = show
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a stage; what the block puts into the mapping it gets is written down."""
        found: dict[str, Any] = {}
        began = time.perf_counter()
        with self._spinner(name):
            yield found
        self.seconds[name] = round(time.perf_counter() - began, 3)
        self._lines.append({"stage": name, **found})

    def lines(self) -> str:
        """Return the journal as JSON lines."""
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self._lines)

    @contextmanager
    def _spinner(self, name: str) -> Iterator[None]:
        if not self._show:
            yield
            return
        from rich.console import Console

        console = Console(stderr=True)
        began = time.perf_counter()
        with console.status(name):
            yield
        console.print(f"[dim]{name:<24} {time.perf_counter() - began:6.1f} s[/dim]")
