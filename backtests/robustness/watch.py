"""Watch: what the user's own parts read, write and set beside what they are handed.

A part that keeps what it saw on disk or in the environment finds it again in every run and in
every process: no cut shows that. So the audit looks on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from backtests.config import RunConfig
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.parts import HOUSE, of_the_line

_CODE = (".py", ".pyc", ".so", ".pyd", ".toml")
_SHOWN = 3


class Watch:
    """Looks on while a block runs.

    Parameters
    ----------
    config : RunConfig
        Whose feature groups, label, classifier and strategy are looked at, where they are the
        user's own. Their sources are there to read.

    Notes
    -----
    Python tells of every file it opens itself; what a library in C opens by itself stays unseen.
    """

    def __init__(self, config: RunConfig) -> None:
        self._packages = {part.module.split(".")[0] for part in of_the_line(config)}
        self._active = False
        self.read: dict[str, None] = {}
        self.written: dict[str, None] = {}
        self.variables: dict[str, None] = {}

    def __enter__(self) -> Watch:
        self._active = bool(self._packages)
        if self._active:
            sys.addaudithook(self._told)  # there is no taking it off again; it falls silent
        return self

    def __exit__(self, *_: object) -> None:
        self._active = False

    def findings(self) -> Iterator[Leak]:
        """Yield what could carry a longer past from run to run, and notes of files only read."""
        back = [path for path in self.read if path in self.written]
        for given, column, message in (
            (back, "file", "a part reads a file that it writes itself: every run finds it again"),
            ([*self.variables], "environment", "a part keeps something in the environment"),
        ):
            if given:
                yield Leak(
                    "suspect", "kept outside", "line", message, column=column,
                    given=", ".join(given[:_SHOWN]), count=len(given),
                )  # fmt: skip
        alone = [path for path in self.read if path not in self.written]
        if alone:
            yield Leak(
                "note", "kept outside", "line",
                "a part reads files of its own, which no cut reaches", column="file",
                given=", ".join(alone[:_SHOWN]), count=len(alone),
            )  # fmt: skip

    def _told(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._active or event not in ("open", "os.putenv") or not self._by_part():
            return
        if event == "os.putenv":
            self.variables[os.fsdecode(arguments[0])] = None
            return
        path, _, flags = arguments
        if isinstance(path, int):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.endswith(_CODE) or not isinstance(flags, int):
            return
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.written[name] = None
        if not flags & os.O_WRONLY:
            self.read[name] = None

    def _by_part(self) -> bool:
        """Return whether a part called, with no import and none of the house in between."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).split(".")[0]
            if package in self._packages:
                return True
            if package in HOUSE or package in ("importlib", "_frozen_importlib"):
                return False
            frame = frame.f_back
        return False
