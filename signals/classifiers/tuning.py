"""Tuning: parameters chosen on purged inner folds of a training window; every trial is counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.classifiers import ClassifierSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning came to.

    Attributes
    ----------
    params : mapping of str to any
        Parameters of the classifier that were chosen, those not tuned included.
    trials : int
        Combinations tried; 1 where nothing was tuned.
    losses : tuple of float
        Weighted mean log-loss of each combination over the inner folds, in order of the grid.
    """

    params: Mapping[str, Any]
    trials: int
    losses: tuple[float, ...] = ()


def grid(settings: ClassifierSettings) -> list[dict[str, Any]]:
    """Return every combination of the tuned parameters, laid over the fixed ones.

    Examples
    --------
    >>> grid(ClassifierSettings(params={"max_iter": 9}, tune={"C": [0.1, 1.0]}))
    [{'max_iter': 9, 'C': 0.1}, {'max_iter': 9, 'C': 1.0}]
    """
    names = sorted(settings.tune)
    return [
        {**settings.params, **dict(zip(names, values, strict=True))}
        for values in itertools.product(*(settings.tune[name] for name in names))
    ]


def tune(
    settings: ClassifierSettings,
    inner_folds: int,
    loss: Callable[[ClassifierSettings, int], tuple[Floats, Floats]],
) -> Tuned:
    """Return the combination with the least log-loss over the inner folds, the first of equals.

    Parameters
    ----------
    settings : ClassifierSettings
        With what is to be tuned.
    inner_folds : int
        How many there are. Without any, or without a choice, the first combination is taken.
    loss : callable
        Settings and the number of an inner fold into losses and weights of its rows.
    """
    tried = grid(settings)
    if len(tried) == 1 or not inner_folds:
        return Tuned(tried[0], 1)
    losses = []
    for params in tried:
        one = settings.model_copy(update={"params": params, "tune": {}})
        parts = [loss(one, at) for at in range(inner_folds)]
        values = np.concatenate([part[0] for part in parts])
        weights = np.concatenate([part[1] for part in parts])
        losses.append(float((values * weights).sum() / weights.sum()))
    return Tuned(tried[int(np.argmin(losses))], len(tried), tuple(losses))
