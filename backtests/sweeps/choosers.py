"""Choosers: who says which points a sweep tries: a list made beforehand, or Optuna as it goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

from backtests.sweeps.book import Row
from backtests.sweeps.space import Space


class Chooser(Protocol):
    """Says wave by wave what is tried next."""

    def ask(self) -> list[dict[str, Any]]:
        """Return the next points; none when the sweep is over."""
        ...

    def tell(self, rows: Sequence[Row]) -> None:
        """Take in what the points of the last wave came to, in their order."""
        ...

    def identity(self, shas: Sequence[str]) -> dict[str, Any]:
        """Return what tells this sweep from others; `shas` are the hashes of the first wave."""
        ...


class Listed:
    """All points at once, whatever they come to."""

    def __init__(self, space: Space, seed: int, most: int) -> None:
        self._keys = space.keys
        self._points: list[dict[str, Any]] = space.points(seed, most)

    def ask(self) -> list[dict[str, Any]]:
        """Return every point, once."""
        points, self._points = self._points, []
        return points

    def tell(self, rows: Sequence[Row]) -> None:
        """Nothing is chosen by what came out."""

    def identity(self, shas: Sequence[str]) -> dict[str, Any]:
        """Return the values of every trial."""
        told = hashlib.sha256(json.dumps(list(shas)).encode()).hexdigest()
        return {"keys": list(self._keys), "trials": len(shas), "trials_sha256": told}


def chooser_of(space: Space, seed: int, most: int) -> Chooser:
    """Return who chooses the points of a space.

    Raises
    ------
    UsageError
        If the space is empty, larger than `most`, or contradicts itself.
    ConfigError
        If Optuna is asked for and not installed.
    """
    if space.method != "optuna":
        return Listed(space, seed, most)
    space.check(most)
    from backtests.sweeps.tpe import OptunaChooser

    return OptunaChooser(space, seed)
