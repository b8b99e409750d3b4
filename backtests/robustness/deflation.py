"""How much of a Sharpe ratio is left once its shape, its length and the number of tries count.

Sharpe ratios in this module are of one session, not annual, unless a name says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtests.metrics.returns import SESSIONS_PER_YEAR, sharpe
from backtests.metrics.undefined import need

EULER = 0.5772156649015329
"""The Euler-Mascheroni constant, of the expected maximum of many draws."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the error of a Sharpe ratio depends on.

    Attributes
    ----------
    sharpe : float
        Mean over standard deviation of one session's excess returns.
    skewness, kurtosis : float
        Third and fourth standardized moments, not bias-corrected; a normal has 0 and 3.
    sessions : int
        Number of returns.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    sessions: int


def shape_of(
    returns: npt.ArrayLike, risk_free: float = 0.0, per_year: int = SESSIONS_PER_YEAR
) -> Shape:
    """Return the Sharpe ratio and the shape of session returns.

    Raises
    ------
    UndefinedMetric
        If there are fewer than 3 returns, or they do not vary.
    """
    values = np.asarray(returns, dtype=np.float64)
    need(len(values) > 2, "fewer than 3 sessions")
    ratio = sharpe(values, risk_free, per_year) / math.sqrt(per_year)
    centered = values - values.mean()
    variance = float(np.mean(centered**2))
    skewness = float(np.mean(centered**3)) / variance**1.5
    kurtosis = float(np.mean(centered**4)) / variance**2
    return Shape(ratio, skewness, kurtosis, len(values))


def sharpe_error(shape: Shape) -> float:
    """Return the standard error of a session's Sharpe ratio.

    ``sqrt((1 - skewness * SR + (kurtosis - 1) / 4 * SR**2) / (n - 1))``; returns need not be
    normal, but independent. Source: Mertens 2002; Bailey and López de Prado, J. of Risk 15(2),
    2012.

    Raises
    ------
    UndefinedMetric
        If the moments leave no variance.
    """
    need(shape.sessions > 1, "fewer than 2 sessions")
    spread = 1.0 - shape.skewness * shape.sharpe + (shape.kurtosis - 1.0) / 4.0 * shape.sharpe**2
    need(spread > 0, "the moments leave no variance")
    return math.sqrt(spread / (shape.sessions - 1))


def probabilistic_sharpe(shape: Shape, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio lies above `benchmark`; in [0, 1].

    ``Phi((SR - benchmark) / sharpe_error)``. Source: Bailey and López de Prado, J. of Risk 15(2),
    2012.
    """
    return _normal((shape.sharpe - benchmark) / sharpe_error(shape))


def minimum_track_record(shape: Shape, benchmark: float = 0.0, level: float = 0.95) -> float:
    """Return how many sessions it takes until the Sharpe ratio stands above `benchmark`.

    ``1 + (1 - skewness * SR + (kurtosis - 1) / 4 * SR**2) * (z(level) / (SR - benchmark))**2``:
    from that length on `probabilistic_sharpe` is at least `level`, should the shape stay. Source:
    Bailey and López de Prado, J. of Risk 15(2), 2012.

    Raises
    ------
    UndefinedMetric
        If the Sharpe ratio is not above the benchmark: then no length is enough.
    """
    need(shape.sharpe > benchmark, "the Sharpe ratio is not above the benchmark")
    spread = sharpe_error(shape) ** 2 * (shape.sessions - 1)
    return 1.0 + spread * (_quantile(level) / (shape.sharpe - benchmark)) ** 2


def expected_best(variance: float, trials: int) -> float:
    """Return the Sharpe ratio that the best of `trials` tries without skill is expected to show.

    ``sqrt(variance) * ((1 - g) * z(1 - 1/N) + g * z(1 - 1/(N*e)))`` with Euler's g; 0 for a single
    try. Source: Bailey and López de Prado, J. of Portfolio Management 40(5), 2014.

    Parameters
    ----------
    variance : float
        Of the tries' Sharpe ratios.
    trials : int
        How many independent tries there were.
    """
    need(trials >= 1, "no trial")
    if trials == 1:
        return 0.0
    near = _quantile(1.0 - 1.0 / trials)
    far = _quantile(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER) * near + EULER * far)


def deflated_sharpe(shape: Shape, variance: float, trials: int) -> float:
    """Return the probability that the true Sharpe ratio lies above what luck makes of `trials`.

    `probabilistic_sharpe` against `expected_best`. Source: Bailey and López de Prado, J. of
    Portfolio Management 40(5), 2014.
    """
    return probabilistic_sharpe(shape, expected_best(variance, trials))


@dataclass(frozen=True, slots=True)
class Deflation:
    """One Sharpe ratio and everything that takes from it.

    Attributes
    ----------
    sharpe : float
        Annual; never to be shown without the rest.
    trials : int
        Different configurations tried on the same inputs, this one included.
    variance : float
        Of the trials' session Sharpe ratios.
    variance_from : str
        "trials", or "null" where fewer than two trials have a figure: then the variance that the
        Sharpe ratio of an equally long run without skill has, 1 / (n - 1).
    expected_best : float
        Annual Sharpe ratio that the best of so many tries without skill is expected to show.
    probabilistic, deflated : float
        Probability that the true ratio is above zero; above `expected_best`.
    minimum_sessions : float or None
        Track record from which the ratio stands above zero at 95 %; None if it is not positive.
    sessions : int
        Track record there is.
    skewness, kurtosis : float
        Of session returns.
    """

    sharpe: float
    trials: int
    variance: float
    variance_from: str
    expected_best: float
    probabilistic: float
    deflated: float
    minimum_sessions: float | None
    sessions: int
    skewness: float
    kurtosis: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def deflation_of(
    returns: npt.ArrayLike,
    tried: Sequence[float | None],
    risk_free: float = 0.0,
    per_year: int = SESSIONS_PER_YEAR,
) -> Deflation:
    """Return a run's Sharpe ratio, deflated by the other configurations that were tried.

    Parameters
    ----------
    returns : array of float, shape (n,)
        Session returns of the run.
    tried : sequence of float or None
        Annual Sharpe ratio of each *other* configuration tried on the same inputs; None for one
        that failed or showed none: it was a look at the data all the same.
    risk_free : float
        A fraction a year.
    """
    shape = shape_of(returns, risk_free, per_year)
    scale = math.sqrt(per_year)
    known = [ratio / scale for ratio in tried if ratio is not None]
    ratios = np.array([shape.sharpe, *known])
    variance = float(ratios.var(ddof=1)) if known else 1.0 / (shape.sessions - 1)
    trials = 1 + len(tried)
    return Deflation(
        sharpe=shape.sharpe * scale,
        trials=trials,
        variance=variance,
        variance_from="trials" if known else "null",
        expected_best=expected_best(variance, trials) * scale,
        probabilistic=probabilistic_sharpe(shape),
        deflated=deflated_sharpe(shape, variance, trials),
        minimum_sessions=minimum_track_record(shape) if shape.sharpe > 0 else None,
        sessions=shape.sessions,
        skewness=shape.skewness,
        kurtosis=shape.kurtosis,
    )


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _quantile(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(level)
