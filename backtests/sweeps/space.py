"""Space: which values a sweep tries; counted before anything is built, so that 10^9 is refused."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from backtests.config import parse_value
from markets.errors import ConfigError, MissingDataError, UsageError

MOST = 100_000
"""Trials that a sweep takes without being told that so many are meant."""
IDLE = ("name", "reports", "data_dir")
"""Values that change no result: to sweep over them would count one look many times."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """Numbers from `first` in equal steps to `last`, both included where a step meets it.

    Decimal inside: 0.52:0.60:0.01 has nine values, and the ninth is 0.6.
    """

    first: Decimal
    last: Decimal
    step: Decimal

    def __len__(self) -> int:
        return max(0, int((self.last - self.first) / self.step) + 1) if self._ahead else 0

    def __iter__(self) -> Iterator[int | float]:
        parts = (self.first, self.last, self.step)
        whole = all(
            part == part.to_integral_value() and part.as_tuple().exponent == 0 for part in parts
        )
        for number in range(len(self)):
            value = self.first + number * self.step
            yield int(value) if whole else float(value)

    @property
    def _ahead(self) -> bool:
        return (self.last - self.first) * self.step >= 0


@dataclass(frozen=True, slots=True)
class Axis:
    """All values of one key.

    Attributes
    ----------
    key : str
        Dotted, as in ``--set``.
    pieces : tuple
        Single values and `Steps`, in order.
    """

    key: str
    pieces: tuple[Any, ...]

    def __len__(self) -> int:
        return sum(len(piece) if isinstance(piece, Steps) else 1 for piece in self.pieces)

    def values(self) -> list[Any]:
        """Return the values in order.

        Raises
        ------
        UsageError
            If one stands there twice: it would count as two looks.
        """
        found: list[Any] = []
        for piece in self.pieces:
            found.extend(piece if isinstance(piece, Steps) else [piece])
        seen: set[str] = set()
        for value in found:
            name = json.dumps(value, sort_keys=True, default=str)
            if name in seen:
                raise UsageError("a value stands twice in the grid", given=value, where=self.key)
            seen.add(name)
        return found


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two ends, to be drawn from.

    Attributes
    ----------
    key : str
        Dotted.
    low, high : float
        Ends, both included.
    whole, log : bool
        Whether only whole numbers are drawn; whether equal ratios are equally likely.
    """

    key: str
    low: float
    high: float
    whole: bool
    log: bool

    def draw(self, generator: random.Random) -> int | float:
        """Return one number; to six digits, so that it can be typed again."""
        if self.whole and not self.log:
            return generator.randint(int(self.low), int(self.high))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = low + (high - low) * generator.random()
        value = math.exp(at) if self.log else at
        drawn = min(self.high, max(self.low, float(f"{value:.6g}")))
        return round(drawn) if self.whole else drawn


@dataclass(frozen=True, slots=True)
class Space:
    """What a sweep tries.

    Attributes
    ----------
    axes : tuple of Axis
        Their product is the grid.
    intervals : tuple of Interval
        Drawn from; need `draws`.
    draws : int or None
        How many points are drawn from grid and intervals; all of the grid if None.
    rows : tuple of mapping
        An explicit list, in place of all else.
    """

    axes: tuple[Axis, ...] = ()
    intervals: tuple[Interval, ...] = ()
    draws: int | None = None
    rows: tuple[Values, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that vary, in the order in which they were named."""
        named = [axis.key for axis in self.axes] + [each.key for each in self.intervals]
        return tuple(dict.fromkeys([*named, *(key for row in self.rows for key in row)]))

    def __len__(self) -> int:
        if self.rows:
            return len(self.rows)
        if self.draws is not None:
            return self.draws
        return self._combinations if self.axes else 0

    def points(self, seed: int, most: int = MOST) -> list[dict[str, Any]]:
        """Return the values of every trial, in order.

        Parameters
        ----------
        seed : int
            Of the draws; nothing else depends on it.
        most : int
            More trials than this are refused, before any is made.

        Raises
        ------
        UsageError
            If the space is empty, larger than `most`, or contradicts itself.
        """
        self._check(most)
        if self.rows:
            return [dict(row) for row in self.rows]
        lists = [axis.values() for axis in self.axes]
        if self.draws is None:
            return [self._at(lists, number) for number in range(self._combinations)]
        generator = random.Random(seed)
        if not self.intervals:
            numbers = generator.sample(range(self._combinations), self.draws)
            return [self._at(lists, number) for number in numbers]
        found: dict[str, dict[str, Any]] = {}
        for _ in range(20 * self.draws):
            point = self._at(lists, generator.randrange(self._combinations))
            point |= {each.key: each.draw(generator) for each in self.intervals}
            found.setdefault(json.dumps(point, sort_keys=True, default=str), point)
            if len(found) == self.draws:
                return list(found.values())
        raise UsageError(
            "the intervals do not hold so many different points",
            given=self.draws,
            wanted=f"at most {len(found)} draws",
            where="--draws",
        )

    @property
    def _combinations(self) -> int:
        return math.prod(len(axis) for axis in self.axes)

    def _check(self, most: int) -> None:
        for key in self.keys:
            if key.split(".")[0] in IDLE:
                raise UsageError("this value changes no result", given=key, where="the sweep")
        if len(set(self.keys)) < len(self.axes) + len(self.intervals):
            raise UsageError("a key is named twice", given=", ".join(self.keys))
        if self.rows and (self.axes or self.intervals or self.draws):
            raise UsageError("a list of trials leaves nothing to combine", wanted="--list alone")
        if self.intervals and self.draws is None:
            raise UsageError(
                "an interval has no end of values", wanted="--draws N", where="--range"
            )
        for axis in self.axes:
            if not len(axis):
                raise UsageError("the grid is empty", given=axis.key, wanted="at least one value")
        if not len(self):
            raise UsageError(
                "the grid is empty", wanted="--grid KEY=VALUES, --range with --draws, or --list"
            )
        if len(self) > most:
            raise UsageError(
                f"the sweep has {len(self):,} trials",
                wanted=f"at most {most:,}; --max {len(self)} if so many are meant",
            )
        if self.draws is not None and not self.intervals and self.draws > self._combinations:
            raise UsageError(
                "more draws than combinations",
                given=self.draws,
                wanted=f"at most {self._combinations}",
                where="--draws",
            )

    def _at(self, lists: Sequence[Sequence[Any]], number: int) -> dict[str, Any]:
        """Return a combination by its number; the last axis turns fastest."""
        point: dict[str, Any] = {}
        for axis, values in zip(reversed(self.axes), reversed(lists), strict=True):
            number, place = divmod(number, len(values))
            point[axis.key] = values[place]
        return dict(reversed(point.items()))


def parse_axis(flag: str) -> Axis:
    """Read ``key=a,b,c``, ``key=low:high:step`` or ``key=[…]``, a TOML array.

    Examples
    --------
    >>> parse_axis("label.horizon=1,3,5").values()
    [1, 3, 5]
    >>> parse_axis("decision.long_above=0.52:0.54:0.01,0.6").values()
    [0.52, 0.53, 0.54, 0.6]
    """
    key, text = _split(flag, "--grid")
    if text.startswith("["):
        values = parse_value(text)
        if not isinstance(values, list):
            raise UsageError("the grid is no TOML array", given=text, where=key)
        return Axis(key, tuple(values))
    parts = [part.strip() for part in text.split(",")] if text else []
    return Axis(key, tuple(_piece(part, key) for part in parts if part))


def parse_interval(flag: str) -> Interval:
    """Read ``key=low:high`` or ``key=low:high:log``.

    Examples
    --------
    >>> parse_interval("strategy.params.max_positions=2:12").whole
    True
    """
    key, text = _split(flag, "--range")
    low, _, rest = text.partition(":")
    high, _, scale = rest.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if (
        not (ends[0] < ends[1] < math.inf)
        or scale not in ("", "log")
        or (scale == "log" and ends[0] <= 0)
    ):
        raise UsageError(
            "no interval", given=flag, wanted="KEY=LOW:HIGH or KEY=LOW:HIGH:log, LOW below HIGH"
        )
    whole = all(end.strip().lstrip("+-").isdigit() for end in (low, high))
    return Interval(key, *ends, whole=whole, log=scale == "log")


def read_rows(path: Path) -> tuple[Values, ...]:
    """Read an explicit list: a CSV with dotted keys as header, or JSON lines; a row is a trial.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ConfigError
        If a row is no set of values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MissingDataError(f"cannot read the list of trials: {error}", given=path) from None
    rows: list[Values] = []
    if path.suffix == ".csv":
        for row in csv.DictReader(text.splitlines()):
            rows.append({str(k): parse_value(v) for k, v in row.items() if v not in (None, "")})
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                rows.append(_row(line, f"{path.name}:{number}"))
    if not rows:
        raise UsageError("the grid is empty", given=path, wanted="at least one row")
    return tuple(rows)


def _row(line: str, where: str) -> Values:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigError(f"no JSON: {error}", where=where) from None
    if not isinstance(row, dict):
        raise ConfigError("a trial is an object of keys and values", given=line, where=where)
    return row


def _split(flag: str, option: str) -> tuple[str, str]:
    key, equals, text = flag.partition("=")
    if not equals or not key.strip():
        raise UsageError(
            "a grid needs a key and values", given=flag, wanted=f"{option} label.horizon=1,3,5"
        )
    return key.strip(), text.strip()


def _piece(text: str, key: str) -> Any:
    steps = _steps(text, key)
    return parse_value(text) if steps is None else steps


def _steps(text: str, key: str) -> Steps | None:
    parts = text.split(":")
    if len(parts) != 3:
        return None
    try:
        first, last, step = (Decimal(part) for part in parts)
    except InvalidOperation:
        return None
    if not all(part.is_finite() for part in (first, last, step)) or step == 0:
        raise UsageError("no steps", given=text, wanted="LOW:HIGH:STEP, STEP not 0", where=key)
    return Steps(first, last, step)
