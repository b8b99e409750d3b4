"""The one tree of errors, with the exit code each of them means on the command line.

::

    NewswakeError                1   anything newswake itself refuses
    ├── PartError                1   a part of the user's own fails
    ├── UsageError               2   the command line is off
    ├── ConfigError              3   a config is invalid
    ├── DataError                4   data are missing, corrupt or of another kind than declared
    │   ├── MissingDataError     4   a file or column that was asked for is not there
    │   ├── NaiveTimeError       4   an instant without a zone
    │   ├── TickerError          4   no Hong Kong ticker
    │   └── TableError           4   a dated table has a gap, an overlap or no row for a date
    ├── LeakError                5   something looked ahead
    ├── GateError                6   a metric missed the bound it was held to
    └── NetworkError             7   a remote source failed or limited its rate
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

INTERRUPTED = 130
"""How a command ends that was interrupted, as a shell says it of SIGINT."""


class NewswakeError(Exception):
    """A refusal that a person can act on.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence.
    given : object, optional
        What was found.
    wanted : object, optional
        What would have been right.
    where : str, optional
        File and line, or key, or row.
    nearest : str, optional
        The right name nearest to a wrong one.
    also : sequence of str, optional
        What else is wrong in the same place, a line each.

    Examples
    --------
    >>> print(ConfigError("unknown key", given="horizn", where="run.toml", nearest="horizon"))
    unknown key
      where    run.toml
      given    horizn
      nearest  horizon
    """

    exit_code = 1

    def __init__(
        self,
        problem: str,
        *,
        given: object | None = None,
        wanted: object | None = None,
        where: str | None = None,
        nearest: str | None = None,
        also: Sequence[str] = (),
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.given = given
        self.wanted = wanted
        self.where = where
        self.nearest = nearest
        self.also = tuple(also)

    @classmethod
    def no_such(
        cls, problem: str, given: str, known: Iterable[str], where: str | None = None
    ) -> Self:
        """Return the refusal of a name that is none of those known; tells them, and the nearest.

        Examples
        --------
        >>> print(TableError.no_such("unknown key", "valu", ("value", "source"), "row 3"))
        unknown key
          where    row 3
          given    valu
          wanted   value, source
          nearest  value
        """
        names = tuple(known)
        return cls(
            problem,
            given=given,
            wanted=", ".join(names) or None,
            where=where,
            nearest=nearest_name(given, names),
        )

    def __str__(self) -> str:
        details = {
            "where": self.where,
            "given": self.given,
            "wanted": self.wanted,
            "nearest": self.nearest,
        }
        lines = [f"  {name:<8} {value}" for name, value in details.items() if value is not None]
        lines += [f"  {'also':<8} {line}" for line in self.also]
        return "\n".join([self.problem, *lines])

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-ready fields: kind, problem, where, given, wanted, nearest, also."""
        fields: dict[str, object] = {"error": type(self).__name__, "problem": self.problem}
        for name in ("where", "given", "wanted", "nearest"):
            value = getattr(self, name)
            if value is not None:
                fields[name] = str(value)
        if self.also:
            fields["also"] = list(self.also)
        return fields


class PartError(NewswakeError):
    """A part of the user's own fails, at a line of their code."""


class UsageError(NewswakeError):
    """The command line is off."""

    exit_code = 2


class ConfigError(NewswakeError):
    """A config is invalid."""

    exit_code = 3


class DataError(NewswakeError):
    """Data are missing, corrupt or of another kind than declared."""

    exit_code = 4


class MissingDataError(DataError):
    """A file or column that was asked for is not there."""


class NaiveTimeError(DataError):
    """An instant came without a zone."""


class TickerError(DataError):
    """A text is no Hong Kong ticker."""


class TableError(DataError):
    """A dated table has a gap, an overlap, or no row for a date."""


class LeakError(NewswakeError):
    """Something looked ahead."""

    exit_code = 5


class GateError(NewswakeError):
    """A metric missed the bound it was held to."""

    exit_code = 6


class NetworkError(NewswakeError):
    """A remote source failed or limited its rate."""

    exit_code = 7


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None where none is close.

    Examples
    --------
    >>> nearest_name("horizn", ["horizon", "benchmark"]), nearest_name("c", ["C", "tol"])
    ('horizon', 'C')
    """
    known = list(names)
    folded = {one.casefold(): one for one in reversed(known)}
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return found[0] if found else folded.get(name.casefold())


def nearest_file(path: Path) -> str | None:
    """Return the name of the file beside `path` most like it, or None where none is close.

    Of the same ending, by stems: an ending that all of them share would make every file near.
    """
    near = sorted(path.parent.glob(f"*{path.suffix}"))
    beside = (other for other in near if other.is_file() and other != path)
    others = {other.stem: other.name for other in beside}
    found = nearest_name(path.stem, others)
    return others[found] if found else None
