"""Run what a page shows: `python docs/play.py PAGE…` checks it, with `--write` puts in the output.

The fenced blocks of a page run in order, in one temporary folder beside links to `configs` and
`examples`:

- ``toml file=NAME``, any language: written to that file
- ``python``: executed; all of a page share their names
- ``pycon``: a doctest with those names
- ``console``: each line after ``$`` is run by the shell, and the lines below it must be what it
  prints; with ``console numbers`` the figures may differ, and a ``console sample`` is what a run
  came to when the page was written: it must succeed and print something
- anything else is only shown
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "two-clocks.md",
    ROOT / "docs" / "extending.md",
)
FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_FOLDER = re.compile(r"\d{8}T\d{6}Z_([\w.-]+)_[0-9a-f]{8}")
HASH = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b")
FIGURE = re.compile(r"[+\-−]?\d[\d,.]*")
FRAME = re.compile(r"[\s│├└─━┏┓┗┛┃┡┩┳╇┴]+")


class PageError(Exception):
    """A block of a page does not do what the page says."""


@dataclass
class Player:
    """One page being played: its folder, and the names that its Python blocks share."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})

    def play(self, info: str, text: str) -> str:
        """Run a block and return it as it should stand on the page."""
        language, *options = info.split()
        files = [option.removeprefix("file=") for option in options if option.startswith("file=")]
        if files:
            (self.folder / files[0]).write_text(text, encoding="utf-8")
        elif language == "python":
            with chdir(self.folder):
                exec(compile(text, "<page>", "exec"), self.names)  # noqa: S102 (our own pages)
        elif language == "pycon":
            self._doctest(text)
        elif language == "console":
            return "".join(self._console(text, strict="sample" in options))
        return text

    def _doctest(self, text: str) -> None:
        test = doctest.DocTestParser().get_doctest(text, self.names, "page", None, 0)
        told: list[str] = []
        with chdir(self.folder):
            found = doctest.DocTestRunner(verbose=False).run(
                test, out=told.append, clear_globs=False
            )
        if found.failed:
            raise PageError("".join(told))
        self.names = test.globs

    def _console(self, text: str, *, strict: bool) -> Iterator[str]:
        for line in text.splitlines(keepends=True):
            if line.startswith("$ "):
                yield line
                yield self._shell(line[2:], strict=strict)

    def _shell(self, command: str, *, strict: bool) -> str:
        """Run a command as on a terminal 80 columns wide; both streams, in order."""
        done = subprocess.run(  # noqa: S603 (our own pages)
            ["/bin/bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if strict and (done.returncode or not done.stdout.strip()):
            raise PageError(f"{command} ended with {done.returncode}\n{done.stdout}")
        printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        return printed.replace(str(self.folder), ".")

    def _environment(self) -> dict[str, str]:
        """Return an environment in which `newswake` and `python` are those of this tree."""
        doors = self.folder / ".doors"
        if not doors.exists():
            doors.mkdir()
            for name, call in (("newswake", "-m backtests"), ("python", "")):
                door = doors / name
                door.write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
                door.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NEWSWAKE", "PYTEST"))}
        path = f"{doors}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        own = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "80"}
        return {**kept, **own, "NO_COLOR": "1"}


def played(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield (info, text on the page, text as it should stand) of each block of a page.

    Raises
    ------
    PageError
        If a doctest fails; whatever a Python block raises.
    """
    with tempfile.TemporaryDirectory(prefix="newswake-page-") as name:
        player = Player(Path(name).resolve())
        for folder in ("configs", "examples"):
            (player.folder / folder).symlink_to(ROOT / folder)
        for block in FENCE.finditer(page):
            yield block["info"], block["text"], player.play(block["info"], block["text"])


def differs(info: str, shown: str, given: str) -> bool:
    """Return whether a block's output is another than the page shows."""
    options = info.split()
    if "sample" in options:
        return not given.strip()
    if "numbers" in options:
        return _shape(shown) != _shape(given)
    return shown != given


def _shape(text: str) -> str:
    """Return a text without its figures, hashes and frames: what must not change by rounding."""
    text = RUN_FOLDER.sub(r"RUN_\1", text)
    return FRAME.sub(" ", FIGURE.sub("#", HASH.sub("#", text))).strip()


def check(page: Path) -> None:
    """Raise unless every block of a page does what the page says.

    Raises
    ------
    PageError
        With what the page shows and what came.
    """
    for info, shown, given in played(page.read_text(encoding="utf-8")):
        if differs(info, shown, given):
            raise PageError(f"{page.name} shows\n{shown}\nbut now it is\n{given}\n`make docs`")


def write(page: Path) -> None:
    """Put the output of each console block into a page."""
    text = page.read_text(encoding="utf-8")
    blocks = iter([given for _, _, given in played(text)])
    fresh = FENCE.sub(lambda block: f"```{block['info']}\n{next(blocks)}```", text)
    page.write_text(fresh, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    chosen = [Path(name) for name in sys.argv[1:] if not name.startswith("--")]
    for chosen_page in chosen or PAGES:
        (write if "--write" in sys.argv else check)(chosen_page)
