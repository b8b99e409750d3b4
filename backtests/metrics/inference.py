"""How far a mean could be luck: the Newey-West t, alone and beyond a share in another's returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtests.metrics.undefined import need


def newey_west_error(values: npt.ArrayLike, lag: int) -> float:
    """Return the standard error of a mean under autocorrelation and changing variance.

    ``sqrt((g_0 + 2 * sum_{k=1..lag} (1 - k / (lag + 1)) * g_k) / n)`` with autocovariances g_k over
    n (Bartlett weights, no small-sample factor). Source: Newey and West, Econometrica 55(3), 1987.

    Raises
    ------
    UndefinedMetric
        If there are fewer than two values, or they do not vary.
    """
    series = np.asarray(values, dtype=np.float64)
    n = len(series)
    need(n > 1, "fewer than 2 values")
    centered = series - series.mean()
    scale = float(np.abs(series).max())
    need(float(np.abs(centered).max()) > 1e-12 * scale, "values do not vary")
    variance = float(centered @ centered)
    for k in range(1, min(lag, n - 1) + 1):
        variance += 2.0 * (1.0 - k / (lag + 1)) * float(centered[k:] @ centered[:-k])
    need(variance > 0, "values do not vary")
    return float(np.sqrt(variance) / n)


def newey_west_t(values: npt.ArrayLike, lag: int) -> float:
    """Return ``mean(values) / newey_west_error(values, lag)``; unitless.

    With outcomes that overlap over h sessions, `lag` = h covers the overlap.
    """
    series = np.asarray(values, dtype=np.float64)
    error = newey_west_error(series, lag)
    return float(series.mean() / error)


@dataclass(frozen=True, slots=True)
class Alpha:
    """What returns earned beyond their share in another's.

    Attributes
    ----------
    alpha : float
        Intercept, a fraction a session.
    beta : float
        Slope: the share in the other's returns.
    t : float
        Newey-West t of the intercept; unitless.
    """

    alpha: float
    beta: float
    t: float


def alpha_over(returns: npt.ArrayLike, other: npt.ArrayLike, lag: int) -> Alpha:
    """Return the regression ``returns = alpha + beta * other + e``, by least squares.

    A strategy that is mostly in cash is compared with its own small share of the market, not with
    all of it. The error of alpha is Newey-West's with Bartlett weights up to `lag`, no small-sample
    factor. Source: Jensen, J. of Finance 23(2), 1968; Newey and West, Econometrica 55(3), 1987.

    Parameters
    ----------
    returns, other : array of float, shape (n,)
        Session returns of the same sessions.

    Raises
    ------
    UndefinedMetric
        If the lengths differ, there are fewer than 3, the other does not vary, or nothing is left
        to explain.
    """
    left, right = np.asarray(returns, dtype=np.float64), np.asarray(other, dtype=np.float64)
    need(len(left) == len(right), "other sessions than the strategy's")
    need(len(left) > 2, "fewer than 3 sessions")
    centered = right - right.mean()
    spread = float(centered @ centered)
    need(spread > 1e-24 * len(right), "the other's returns do not vary")
    beta = float(centered @ left) / spread
    alpha = float(left.mean() - beta * right.mean())
    rest = left - alpha - beta * right
    # The intercept's share of each session: its mean score is exactly zero.
    influence = rest * (1.0 - right.mean() * centered * len(right) / spread)
    scale = float(np.abs(left).max())
    need(float(np.abs(rest).max()) > 1e-12 * scale, "nothing is left to explain")
    return Alpha(alpha, beta, alpha / newey_west_error(influence, lag))
