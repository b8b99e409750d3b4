"""Sample weights: how much a row's outcome says that other rows do not already say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def uniqueness(
    groups: NDArray[np.object_], start: Ints, stop: Ints, counted: Ints | None = None
) -> Floats:
    """Return the average uniqueness of each span among the spans of its group.

    Parameters
    ----------
    groups : ndarray of object, shape (n_rows,)
        Ticker: outcomes of different tickers do not overlap.
    start, stop : ndarray of int64, shape (n_rows,)
        Sessions a label spans, as positions in a calendar: `start` included, `stop` excluded and
        greater. A span that has not ended yet stops anywhere after the sessions of interest.
    counted : ndarray of int64, shape (n_rows,), optional
        Where each span stops when others are measured against it; by default where it does.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Mean over the span's sessions of 1 / (spans of the group open in that session), in (0, 1].
        Depends only on spans that began before this one stops: known when its label is.

    Notes
    -----
    López de Prado, Advances in Financial Machine Learning (2018), section 4.4.

    Examples
    --------
    >>> one = np.array(["0700.HK"] * 3, dtype=object)
    >>> uniqueness(one, np.array([0, 1, 5]), np.array([2, 3, 7])).tolist()
    [0.75, 0.75, 1.0]
    """
    result = np.ones(len(start))
    against = stop if counted is None else counted
    for group in sorted(set(groups.tolist())):
        mine = np.flatnonzero(groups == group)
        first = int(start[mine].min())
        last = max(int(stop[mine].max()), int(against[mine].max()))
        steps = np.zeros(last - first + 1, dtype="int64")
        np.add.at(steps, start[mine] - first, 1)
        np.add.at(steps, against[mine] - first, -1)
        open_spans = np.maximum(np.cumsum(steps), 1)
        for row in mine.tolist():
            counts = open_spans[start[row] - first : stop[row] - first].tolist()
            result[row] = sum(1.0 / count for count in counts) / len(counts)
    return np.minimum(result, 1.0)


def day_share(sessions: NDArray[np.datetime64]) -> Floats:
    """Return 1 / (rows of the same session) for each row: a busy day is still one day."""
    _, place, counts = np.unique(sessions, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[place])


def time_decay(
    sessions: NDArray[np.datetime64], now: np.datetime64, half_life_days: float | None
) -> Floats:
    """Return 0.5 ** (calendar days before `now` / half-life); ones without a half-life."""
    if half_life_days is None:
        return np.ones(len(sessions))
    ages = (now - sessions).astype("timedelta64[D]").astype("float64")
    return np.asarray(np.power(0.5, np.maximum(ages, 0.0) / half_life_days))
