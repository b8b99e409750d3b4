"""Shares: how the values of a row's columns divide over its stories and events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from signals.features.base import Row

Floats = NDArray[np.float64]


@runtime_checkable
class Divides(Protocol):
    """A feature group that can say what each story and each event put into its columns."""

    def shares(self, row: Row) -> Mapping[str, Floats]:
        """Return the shares of a row, by column.

        Each has one value a story of the row, then one an event, shape (n_items + n_events,), and
        sums to the value that `build` gives the column, to rounding. A column that describes the
        row as a whole (an age, a price) is left out.
        """
        ...


class Shares:
    """Adds up what the stories and events of one row put into columns.

    Parameters
    ----------
    row : Row
        Whose stories and events.
    name : str
        Of the feature group.
    """

    def __init__(self, row: Row, name: str) -> None:
        self._n_items = len(row.items)
        self._n_parts = len(row.items) + len(row.events)
        self._name = name
        self.columns: dict[str, Floats] = {}

    def story(self, column: str, at: int, value: float) -> None:
        """Add what the story at a place of the row puts into a column."""
        self._add(column, at, value)

    def event(self, column: str, at: int, value: float) -> None:
        """Add what the event at a place of the row puts into a column."""
        self._add(column, self._n_items + at, value)

    def squash(self, columns: Iterable[str], by: Callable[[float], float]) -> None:
        """Let columns be functions of their sums, with a slope of 1 at 0.

        Divided in proportion, which for a function of a sum are the Aumann–Shapley values: what
        each part adds on the straight line from none of them to all.
        """
        for column in columns:
            parts = self.columns.get(f"{self._name}__{column}")
            if parts is not None and (total := math.fsum(parts.tolist())):
                parts *= by(total) / total

    def _add(self, column: str, place: int, value: float) -> None:
        name = f"{self._name}__{column}"
        if name not in self.columns:
            self.columns[name] = np.zeros(self._n_parts)
        self.columns[name][place] += value
