"""Space: which values a sweep tries; counted before anything is built, so that 10^9 is refused."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markets.errors import UsageError, nearest_name

MOST = 100_000
"""Trials that a sweep takes without being told that so many are meant."""
IDLE = ("name", "reports", "data_dir")
"""Values that change no result: to sweep over them would count one look many times."""

METHODS = ("random", "optuna")
OBJECTIVES = (
    "sharpe",
    "net_return",
    "gross_return",
    "max_drawdown",
    "hit_rate",
    "rank_ic",
    "final_equity_hkd",
)
"""Figures of which more is better; a drawdown is negative."""

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
        """Return one number."""
        if self.whole and not self.log:
            return generator.randint(int(self.low), int(self.high))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = low + (high - low) * generator.random()
        return self.typed(math.exp(at) if self.log else at)

    def typed(self, value: float) -> int | float:
        """Return a number as it can be typed again: whole, or to six digits."""
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
    method : str
        How draws are chosen, of `METHODS`: by chance, or by Optuna from what earlier ones showed.
    objective : str
        What Optuna makes as large as it can, of `OBJECTIVES`.
    """

    axes: tuple[Axis, ...] = ()
    intervals: tuple[Interval, ...] = ()
    draws: int | None = None
    rows: tuple[Values, ...] = ()
    method: str = "random"
    objective: str = "sharpe"

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
        self.check(most)
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

    def check(self, most: int) -> None:
        """Hold the space to what makes sense, without building it.

        Raises
        ------
        UsageError
            If it is empty, larger than `most`, or contradicts itself.
        """
        self._check_keys()
        self._check_method()
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

    @property
    def _combinations(self) -> int:
        return math.prod(len(axis) for axis in self.axes)

    def _check_keys(self) -> None:
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

    def _check_method(self) -> None:
        for given, known, option in (
            (self.method, METHODS, "--method"),
            (self.objective, OBJECTIVES, "--objective"),
        ):
            if given not in known:
                raise UsageError(
                    "no such choice",
                    given=given,
                    wanted=f"one of {', '.join(known)}",
                    where=option,
                    nearest=nearest_name(given, known),
                )
        if self.method == "optuna" and self.draws is None:
            raise UsageError(
                "Optuna has to be told how many trials", wanted="--draws N", where="--method"
            )

    def _at(self, lists: Sequence[Sequence[Any]], number: int) -> dict[str, Any]:
        """Return a combination by its number; the last axis turns fastest."""
        point: dict[str, Any] = {}
        for axis, values in zip(reversed(self.axes), reversed(lists), strict=True):
            number, place = divmod(number, len(values))
            point[axis.key] = values[place]
        return dict(reversed(point.items()))
