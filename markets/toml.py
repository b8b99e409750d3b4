"""TOML that people write: a text that cannot be read is refused by its line, and a key has one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markets.errors import ConfigError, nearest_file

MOST_LINES = 2_000
"""Of a longer file no line is named: looking for one would take longer than the run."""

_PLACE = re.compile(r"(?P<problem>.*) \(at line (?P<line>\d+), column \d+\)", re.DOTALL)


def read_toml(path: Path, what: str) -> tuple[dict[str, Any], str]:
    """Return the values of a file, and its text.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it is to the person who wrote it, as in "config", for the error.

    Raises
    ------
    ConfigError
        If it is not there, no file, or no TOML in UTF-8; with the line, and the nearest file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except FileNotFoundError:
        raise ConfigError(
            f"no such {what} file",
            given=path,
            wanted="a TOML file",
            nearest=nearest_file(path.with_suffix(path.suffix or ".toml")),
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"the {what} cannot be read: {reason}", given=path, wanted="a TOML file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the {what} is not UTF-8", given=path, wanted="a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise _broken(str(error), text, path, what) from None


def line_of(text: str, key: str) -> int | None:
    r"""Return the line of a TOML text on which a dotted key is set, or None where it is not.

    Where a value goes over several lines, the first of them.

    Examples
    --------
    >>> line_of('name = "a"\n\n[label]\nhorizon = 3\n', "label.horizon")
    4
    >>> line_of('name = "a"\n', "label.horizon") is None
    True
    """
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        return None
    first = 1
    # A text parses up to a line exactly where that line ends a statement.
    for last in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:last]))
        except tomllib.TOMLDecodeError:
            continue
        if _holds(values, key):
            return first
        first = last + 1
    return None


def placed(path: Path, text: str, key: str) -> str:
    """Return where a person finds a key: file, line and key; the empty key is the whole file.

    Examples
    --------
    >>> placed(Path("run.toml"), "seed = 7", "seed")
    'run.toml: line 1: seed'
    """
    line = line_of(text, key) if key else None
    return ": ".join([str(path), *([f"line {line}"] if line else []), *([key] if key else [])])


def _holds(values: Any, key: str) -> bool:
    """Return whether a key is set; what lies in an array has the array's place."""
    for part in key.split("."):
        if not isinstance(values, Mapping):
            return True
        if part not in values:
            return False
        values = values[part]
    return True


def _broken(message: str, text: str, path: Path, what: str) -> ConfigError:
    found = _PLACE.fullmatch(message)
    if found is None:
        return ConfigError(f"the {what} is no TOML: {message}", where=str(path))
    number = int(found["line"])
    line = text.split("\n")[number - 1].strip()
    return ConfigError(
        f"the {what} is no TOML: {found['problem']}",
        where=f"{path}: line {number}",
        given=line[:60] or None,
        wanted='lines such as key = "value", under headings such as [section]',
    )
