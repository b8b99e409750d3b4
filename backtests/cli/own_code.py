"""What a person reads when a part of their own fails: their file, their line, their message."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path

from backtests.own_parts import is_house, is_installed, published_by_others
from markets.errors import PartError

_PYTHON = Path(traceback.__file__).resolve().parent
_HOME = Path(__file__).resolve().parents[1]
_SHOWN = 5


def part_error(error: Exception) -> PartError | None:
    """Return an error as one of the user's own code; None where none of it took part.

    The innermost place that is theirs is named, with the text of its line; the places that led
    there stand below it.
    """
    theirs = [
        (frame.f_code, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_theirs(str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename)
    ]
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename and _is_theirs("", error.filename):
        where = f"{error.filename}, line {error.lineno}"
        text = (error.text or "").strip()
        return PartError(f"a part of your own cannot be read: {told}", where=where, given=text)
    if not theirs:
        return None
    spots = [f"{code.co_filename}, line {line}, in {code.co_name}" for code, line in theirs]
    text = linecache.getline(theirs[-1][0].co_filename, theirs[-1][1]).strip()
    also = [f"called from {spot}" for spot in reversed(spots[:-1])][:_SHOWN]
    return PartError(f"a part of your own fails: {told}", where=spots[-1], given=text, also=also)


def _is_theirs(module: str, file: str) -> bool:
    """Return whether code is a user's: not newswake's, Python's or a library's."""
    if is_house(module) or not Path(file).is_file():
        return False
    if is_installed(file):
        tops = {each.partition(".")[0] for each in published_by_others().values()}
        return module.partition(".")[0] in tops
    place = Path(file).resolve()
    return _PYTHON not in place.parents and _HOME not in place.parents
