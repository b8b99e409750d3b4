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
from backtests.own_parts import HOUSE, of_the_line
from backtests.robustness.lookahead_report import Leak, Level

_CODE = (".py", ".pyc", ".so", ".pyd", ".toml")
_EVENTS = ("open", "os.putenv", "sqlite3.connect")
_SHOWN = 3
_Stamp = tuple[int, int] | None
_STAGES = {
    "features": "features",
    "labels": "labels",
    "classifiers": "splits",
    "strategies": "orders",
}
"""Where in the line a part's work shows first, by kind, in order of the line."""


class Watch:
    """Looks on while a block runs.

    Parameters
    ----------
    config : RunConfig
        Whose feature groups, label, classifier and strategy are looked at, where they are the
        user's own. Their sources are there to read.

    Notes
    -----
    Python tells of every file it opens itself, and of databases of SQLite, which are written if
    they have changed; what another library in C opens by itself stays unseen.
    """

    def __init__(self, config: RunConfig) -> None:
        own = {part.kind: part.module.split(".")[0] for part in of_the_line(config)}
        # Of parts in one module the first of the line: whatever it keeps, the others may find.
        self._packages = {own[kind]: _STAGES[kind] for kind in reversed(_STAGES) if kind in own}
        self._active = False
        self.read: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self._databases: dict[str, tuple[str, _Stamp]] = {}

    def __enter__(self) -> Watch:
        self._active = bool(self._packages)
        if self._active:
            sys.addaudithook(self._told)  # there is no taking it off again; it falls silent
        return self

    def __exit__(self, *_: object) -> None:
        self._active = False

    def findings(self) -> Iterator[Leak]:
        """Yield what could carry a longer past from run to run, and notes of files only read."""
        for path, (stage, before) in self._databases.items():
            if before is None and _stamp(path) is None:
                continue  # in memory
            self.read.setdefault(path, stage)
            if _stamp(path) != before:
                self.written.setdefault(path, stage)
        back = {path: stage for path, stage in self.written.items() if path in self.read}
        alone = {path: stage for path, stage in self.read.items() if path not in self.written}
        told: tuple[tuple[Level, dict[str, str], str, str], ...] = (
            (
                "suspect",
                back,
                "file",
                "a part reads a file that it writes itself: every run finds it again",
            ),
            ("suspect", self.variables, "environment", "a part keeps something in the environment"),
            ("note", alone, "file", "a part reads files of its own, which no cut reaches"),
        )
        for level, found, column, message in told:
            if found:
                stage = min(found.values(), key=[*_STAGES.values()].index)
                given = ", ".join([*found][:_SHOWN])
                yield Leak(
                    level, "kept outside", stage, message, column=column, given=given,
                    count=len(found),
                )  # fmt: skip

    def _told(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._active or event not in _EVENTS:
            return
        stage = self._of_part()
        if stage is None:
            return
        if event == "os.putenv":
            self.variables.setdefault(os.fsdecode(arguments[0]), stage)
            return
        if event == "sqlite3.connect":
            name = os.path.abspath(os.fsdecode(arguments[0]))
            self._databases.setdefault(name, (stage, _stamp(name)))
            return
        path, _, flags = arguments
        if isinstance(path, int):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.endswith(_CODE) or not isinstance(flags, int):
            return
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.written.setdefault(name, stage)
        if not flags & os.O_WRONLY:
            self.read.setdefault(name, stage)

    def _of_part(self) -> str | None:
        """Return the stage of the part that called, with no import and none of the house between.

        None if it was no part.
        """
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).split(".")[0]
            if package in self._packages:
                return self._packages[package]
            if package in HOUSE or package in ("importlib", "_frozen_importlib"):
                return None
            frame = frame.f_back
        return None


def _stamp(path: str) -> _Stamp:
    """Return when a file was last changed, in ns, and its size; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
