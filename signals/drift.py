"""Drift: how far what a model meets has moved from what it learned, and how it has done of late.

PSI, the population stability index, compares shares by quantile bins: below 0.1 is calm, above 0.25
is a shift (rules of thumb; chance alone gives about bins / rows of the smaller side).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]

LAST = 60
"""Decisions that a trailing figure looks back on."""
_BINS = 10
_TRAILING_BINS = 5


def psi(expected: Floats, actual: Floats, bins: int = _BINS) -> float:
    """Return the population stability index of two samples; not negative, 0 for equal shares.

    Bins are quantiles of `expected`; equal values share a bin. Half a row is added to every bin of
    either side, so that an empty one does not make it infinite. NaN if a sample is empty.

    Parameters
    ----------
    expected, actual : ndarray of float64
        What was learned from, and what was met.
    bins : int
        At most so many.

    Examples
    --------
    >>> even = np.arange(100.0)
    >>> psi(even, even), round(psi(even, even + 50.0), 1)
    (0.0, 2.3)
    """
    if not len(expected) or not len(actual):
        return math.nan
    return _psi(np.sort(expected), actual, bins)


def _psi(ordered: Floats, actual: Floats, bins: int) -> float:
    """Return the PSI of a sample against one that is sorted and not empty."""
    edges = np.array(sorted({ordered[k * (len(ordered) - 1) // bins] for k in range(1, bins)}))
    # Of a sorted sample the places of the edges are its counts.
    ends = [0, *np.searchsorted(ordered, edges, side="right").tolist(), len(ordered)]
    known = np.array([end - begin for begin, end in pairwise(ends)])
    met = np.bincount(np.searchsorted(edges, actual, side="left"), minlength=len(known))
    before = (known + 0.5) / (len(ordered) + 0.5 * len(known))
    now = (met + 0.5) / (len(actual) + 0.5 * len(known))
    return math.fsum(((now - before) * np.log(now / before)).tolist())


def drift_of_groups(
    expected: Floats,
    actual: Floats,
    columns: tuple[str, ...],
    groups: Mapping[str, tuple[str, ...]],
) -> dict[str, float]:
    """Return the mean PSI over the columns of each feature group, as ``psi_<group>``.

    Parameters
    ----------
    expected, actual : ndarray of float64, shape (n_rows, n_columns)
        Features of the training rows and of the test rows.
    columns : tuple of str
        Names of the columns.
    groups : mapping of str to tuple of str
        Columns by group.
    """
    found: dict[str, float] = {}
    if not len(expected) or not len(actual):
        return found
    ordered, met = np.sort(expected.T, axis=1), np.ascontiguousarray(actual.T)
    for group, names in groups.items():
        each = [_psi(ordered[at], met[at], _BINS) for at in map(columns.index, names)]
        if each:
            found[f"psi_{group}"] = math.fsum(each) / len(each)
    return found


def trailing_scores(
    sessions: Days,
    known: Days,
    probability: Floats,
    target: Floats,
    base_rate: Floats,
    last: int = LAST,
) -> pd.DataFrame:
    """Return how the last answers had done, as known at each decision.

    An outcome is known before the decision for a session if its `t1` lies before that session.

    Parameters
    ----------
    sessions, known : ndarray of datetime64[D], shape (n_rows,)
        Effective session of each answer, ascending, and its `t1`; NaT where not known by now.
    probability, target, base_rate : ndarray of float64, shape (n_rows,)
        What was answered, what came, and the share of gains that the fold had learned from.
    last : int
        How many known answers are looked back on.

    Returns
    -------
    DataFrame
        One row an answer: `brier` of the last known answers, NaN while fewer than `last` are known;
        `skill`, 1 less that over the Brier score of the base rates. Nothing later changes a bit.
    """
    order = np.lexsort((np.arange(len(known)), known))
    order = order[~np.isnat(known[order])]
    error = (probability - target)[order] ** 2
    plain = (base_rate - target)[order] ** 2
    days, place = np.unique(sessions, return_inverse=True)
    ends = np.searchsorted(known[order], days, side="left").tolist()
    values = np.full((len(days), 2), np.nan)
    for at, end in enumerate(ends):
        if end >= last:
            score = math.fsum(error[end - last : end].tolist()) / last
            naive = math.fsum(plain[end - last : end].tolist()) / last
            values[at] = score, (1.0 - score / naive if naive > 0 else math.nan)
    return pd.DataFrame(values[place.reshape(-1)], columns=["brier", "skill"])


def trailing_psi(
    decisions: Ints, folds: Ints, probability: Floats, samples: Mapping[int, Floats]
) -> Floats:
    """Return the PSI of a fold's last answers against its calibration block, as of each decision.

    Parameters
    ----------
    decisions, folds : ndarray of int64, shape (n_rows,)
        A number for each decision instant, ascending, and the fold of each answer.
    probability : ndarray of float64, shape (n_rows,)
        The answers.
    samples : mapping of int to ndarray of float64
        Probabilities of the calibration block by fold; empty where there was none.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Over the last 60 answers of the fold up to the decision, its own included; NaN before that.
    """
    found = np.full(len(decisions), np.nan)
    ordered = {fold: np.sort(sample) for fold, sample in samples.items()}
    ends = np.flatnonzero(np.r_[np.diff(decisions) != 0, True]) + 1
    begin = 0
    for end in ends.tolist():
        fold = int(folds[end - 1])
        first = int(np.searchsorted(folds, fold, side="left"))
        if end - first >= LAST and len(ordered[fold]):
            found[begin:end] = _psi(ordered[fold], probability[end - LAST : end], _TRAILING_BINS)
        begin = end
    return found
