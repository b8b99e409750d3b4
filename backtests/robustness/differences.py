"""The first value that differs between two runs, bit by bit, in the order of the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtests.robustness.traces import STAGES, Table

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Moved:
    """The first difference of two runs.

    Attributes
    ----------
    stage, column, row : str
        Where.
    expected, given : str
        The value of the full run and of the other, floats as exact as they are.
    count : int
        Values of the stage that differ; rows, where rows are missing or new.
    """

    stage: str
    column: str
    row: str
    expected: str
    given: str
    count: int


def first_difference(
    expected: Mapping[str, Table],
    given: Mapping[str, Table],
    stages: Sequence[str] = STAGES,
) -> Moved | None:
    """Return the first difference, None if every bit is the same."""
    for stage in stages:
        moved = _difference(stage, expected[stage].values, given[stage].values)
        if moved is not None:
            return moved
    return None


def values_in(tables: Mapping[str, Table]) -> int:
    """Return how many values a comparison looks at."""
    return sum(table.values.size for table in tables.values())


def _difference(stage: str, expected: pd.DataFrame, given: pd.DataFrame) -> Moved | None:
    if list(expected.columns) != list(given.columns):
        apart = sorted({*expected.columns} ^ {*given.columns}) or ["their order"]
        return Moved(
            stage,
            str(apart[0]),
            "",
            str(len(expected.columns)),
            str(len(given.columns)),
            len(apart),
        )
    names, others = expected.index.tolist(), given.index.tolist()
    alike = _alike(names, others)
    first: tuple[int, int] | None = None
    count = 0
    for place, column in enumerate(expected.columns):
        left, right = (table[column].to_numpy()[:alike] for table in (expected, given))
        differing = _differs(left, right)
        count += int(differing.sum())
        if differing.any():
            here = (int(np.argmax(differing)), place)
            first = here if first is None else min(first, here)
    if first is not None:
        row, place = first
        was, now = _shown(expected.iloc[row, place], given.iloc[row, place])
        return Moved(stage, str(expected.columns[place]), str(names[row]), was, now, count)
    if names == others:
        return None
    return _other_row(stage, names, others, alike)


def _alike(names: Sequence[Any], others: Sequence[Any]) -> int:
    """Return how many rows come first in both, in order of time."""
    for place, (name, other) in enumerate(zip(names, others, strict=False)):
        if name != other:
            return place
    return min(len(names), len(others))


def _other_row(stage: str, names: list[Any], others: list[Any], place: int) -> Moved:
    """Return the row at which one table goes on otherwise than the other."""
    apart = max(len({*names} ^ {*others}), 1)
    if place < len(names) and names[place] not in {*others}:
        return Moved(stage, "", str(names[place]), "a row", "no row", apart)
    if place < len(others) and others[place] not in {*names}:
        return Moved(stage, "", str(others[place]), "no row", "a row", apart)
    return Moved(stage, "", str(names[place]), "its order", "another order", apart)


def _differs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return where two columns differ; NaN equals NaN, and floats are compared as bits."""
    if left.dtype.kind == "f" and right.dtype.kind == "f":
        bits = (np.ascontiguousarray(side, dtype="<f8").view("<i8") for side in (left, right))
        one, other = bits
        both_nan = np.isnan(left.astype("float64")) & np.isnan(right.astype("float64"))
        return np.asarray((one != other) & ~both_nan)
    if left.dtype.kind == "M":
        left, right = (side.astype("datetime64[s]").astype("int64") for side in (left, right))
    return np.array([a != b for a, b in zip(left.tolist(), right.tolist(), strict=True)], bool)


def _shown(expected: Any, given: Any) -> tuple[str, str]:
    """Return both values as text; of long ones the part where they begin to differ."""
    was, now = (
        repr(float(value)) if isinstance(value, float | np.floating) else str(value)
        for value in (expected, given)
    )
    shared = 0
    while shared < min(len(was), len(now)) and was[shared] == now[shared]:
        shared += 1
    begin = max(0, shared - 40) if max(len(was), len(now)) > _LONGEST else 0
    return _cut(was, begin), _cut(now, begin)


def _cut(text: str, begin: int) -> str:
    part = text[begin : begin + _LONGEST]
    return ("…" if begin else "") + part + ("…" if begin + _LONGEST < len(text) else "")
