"""Intervals that respect dependence: the stationary bootstrap, alone and paired.

Blocks have geometric lengths and wrap around the end, so autocorrelation within them survives.
Source: Politis and Romano, JASA 89, 1994.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtests.metrics.returns import SESSIONS_PER_YEAR
from backtests.metrics.undefined import Floats, UndefinedMetric, need

FEWEST = 20
"""Values, and sessions that gained or lost, below which no interval is given."""

Statistic = Callable[[Floats], Floats]
"""Resampled series, float64 (draws, n), to one figure a draw, float64 (draws,)."""
Positions = npt.NDArray[np.int64]
"""Places 0..n-1 of resampled values, (draws, n)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval.

    Attributes
    ----------
    estimate : float
        On the series itself.
    low, high : float
        Quantiles of the resampled figures.
    level : float
        Coverage; 0.95 leaves 2.5 % on each side.
    block : float
        Mean block length, in values of the series.
    draws, n : int
        Resamples, and values of the series.
    """

    estimate: float
    low: float
    high: float
    level: float
    block: float
    draws: int
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def block_length(values: npt.ArrayLike, least: float = 1.0) -> float:
    """Return the mean block length for the stationary bootstrap of a mean, in values.

    ``(2 * G**2 / D)**(1/3) * n**(1/3)`` from flat-top estimates of the autocovariances up to twice
    the last lag that stands out, held between `least` and ``min(3 * sqrt(n), n / 3)``. Source:
    Politis and White, Econometric Reviews 23(1), 2004, corrected by Patton, Politis and White,
    28(4), 2009.

    Parameters
    ----------
    values : array of float, shape (n,)
        In order of time.
    least : float
        Floor: the overlap of outcomes is known beforehand and need not be estimated.

    Raises
    ------
    UndefinedMetric
        If there are fewer than 20 values.
    """
    series = np.asarray(values, dtype=np.float64)
    n = len(series)
    need(n >= FEWEST, f"fewer than {FEWEST} values")
    centered = series - series.mean()
    power = float(centered @ centered)
    most = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if power <= 1e-24 * n * max(1.0, float(np.abs(series).max()) ** 2):
        return min(max(1.0, least), most)
    reach = max(5, int(math.log10(n)))
    furthest = min(math.ceil(math.sqrt(n)) + reach, n - 1)
    covariances = np.array([centered[k:] @ centered[: n - k] / n for k in range(furthest + 1)])
    last = _last_lag(covariances[1:] / covariances[0], n, reach)
    kept = min(2 * last, furthest)
    lags = np.arange(1, kept + 1)
    window = np.clip(2.0 * (1.0 - lags / max(kept, 1)), 0.0, 1.0)
    slope = float(2.0 * (window * lags * covariances[1 : kept + 1]).sum())
    long_run = float(covariances[0] + 2.0 * (window * covariances[1 : kept + 1]).sum())
    if long_run <= 0.0 or slope == 0.0:
        return min(max(1.0, least), most)
    length = (slope**2 / long_run**2) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(min(max(length, least, 1.0), most))


def _last_lag(correlations: Floats, n: int, reach: int) -> int:
    """Return the last lag before `reach` in a row that do not stand out."""
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    quiet = np.abs(correlations) < bound
    for lag in range(len(quiet) - reach + 1):
        if quiet[lag : lag + reach].all():
            return max(lag, 1)
    loud = np.flatnonzero(~quiet)
    return int(loud[-1]) + 1 if len(loud) else 1


def interval(
    values: npt.ArrayLike,
    statistic: Statistic,
    *,
    seed: int,
    least_block: float = 1.0,
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Return a percentile interval of a figure of one series.

    Parameters
    ----------
    values : array of float, shape (n,)
        In order of time.
    statistic : callable
        Computed on all resamples at once; what is not finite is left out.
    seed : int
        Same seed, same interval.

    Raises
    ------
    UndefinedMetric
        If there are fewer than 20 values, or the figure is not finite on most resamples.
    """
    series = np.asarray(values, dtype=np.float64)
    block = block_length(series, least_block)
    return _drawn(lambda at: statistic(series[at]), len(series), block, seed, level, draws)


def paired_interval(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    statistic: Statistic,
    *,
    seed: int,
    least_block: float = 1.0,
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Return an interval of ``statistic(left) - statistic(right)``, both drawn at the same times.

    What moves both, the market above all, cancels. The block is that of the pointwise difference.

    Raises
    ------
    UndefinedMetric
        As `interval`; also if the lengths differ.
    """
    first, second = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    need(len(first) == len(second), "the series do not pair")
    block = block_length(first - second, least_block)

    def difference(at: Positions) -> Floats:
        return statistic(first[at]) - statistic(second[at])

    return _drawn(difference, len(first), block, seed, level, draws)


def annual_sharpe(samples: Floats) -> Floats:
    """Return the annual Sharpe ratio of each row of session returns; NaN where they do not vary."""
    deviation = samples.std(axis=1, ddof=1)
    # One column, so that each row is held to its own scale.
    varied = deviation > 1e-12 * np.maximum(np.abs(samples).max(axis=1), 1e-300)
    ratios = samples.mean(axis=1) / np.where(varied, deviation, 1.0)
    return np.where(varied, ratios * math.sqrt(SESSIONS_PER_YEAR), np.nan)


def net_return(samples: Floats) -> Floats:
    """Return the compounded return of each row of session returns; a fraction."""
    return np.asarray(np.prod(1.0 + samples, axis=1) - 1.0)


def mean(samples: Floats) -> Floats:
    """Return the mean of each row."""
    return np.asarray(samples.mean(axis=1))


def interval_of_returns(
    returns: npt.ArrayLike, statistic: Statistic, *, seed: int, draws: int = 2000
) -> Interval:
    """Return a percentile interval of a figure of net session returns.

    A session without a holding returned zero. From a handful of others no interval can be drawn
    that holds what it says: `benchmarks/error_rate.py` measures how often.

    Parameters
    ----------
    returns : array of float, shape (n,)
        In order of session.

    Raises
    ------
    UndefinedMetric
        As `interval`; also if fewer than 20 sessions gained or lost anything.
    """
    series = np.asarray(returns, dtype=np.float64)
    moved = int(np.count_nonzero(series))
    need(moved >= FEWEST, f"fewer than {FEWEST} sessions that gained or lost")
    return interval(series, statistic, seed=seed, draws=draws)


def intervals_of(
    returns: npt.ArrayLike, rank_ic: npt.ArrayLike, *, seed: int, horizon: int, draws: int = 2000
) -> Mapping[str, Interval | str]:
    """Return intervals of the three figures a run is judged by.

    Parameters
    ----------
    returns : array of float, shape (n,)
        Net session returns.
    rank_ic : array of float, shape (m,)
        Daily rank IC, in order of session.
    horizon : int
        Sessions an outcome spans: the least block of the rank IC.

    Returns
    -------
    mapping
        `sharpe`, `net_return`, `rank_ic`: an Interval, or the reason why there is none.
    """
    least = float(horizon)
    wanted: dict[str, Callable[[], Interval]] = {
        "sharpe": lambda: interval_of_returns(returns, annual_sharpe, seed=seed, draws=draws),
        "net_return": lambda: interval_of_returns(returns, net_return, seed=seed, draws=draws),
        "rank_ic": lambda: interval(rank_ic, mean, seed=seed, least_block=least, draws=draws),
    }
    found: dict[str, Interval | str] = {}
    for name, drawn in wanted.items():
        try:
            found[name] = drawn()
        except UndefinedMetric as reason:
            found[name] = reason.problem
    return found


def _drawn(
    figure: Callable[[Positions], Floats], n: int, block: float, seed: int, level: float, draws: int
) -> Interval:
    """Return the interval of a figure of `n` values, given of those at some positions."""
    estimate = float(figure(np.arange(n)[None, :])[0])
    positions = resampled_positions(n, draws=draws, block=block, seed=seed)
    low, high = _quantiles(figure(positions), level)
    return Interval(estimate, low, high, level, block, draws, n)


def _quantiles(figures: Floats, level: float) -> tuple[float, float]:
    known = figures[np.isfinite(figures)]
    need(len(known) > len(figures) / 2, "the figure has no value on most resamples")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return float(low), float(high)


def resampled_positions(n: int, *, draws: int, block: float, seed: int) -> Positions:
    """Return positions 0..n-1 of the stationary bootstrap; int64 (draws, n).

    `block` is the mean length of a block.
    """
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, n, size=(draws, n))
    fresh = generator.random((draws, n)) < 1.0 / block
    fresh[:, 0] = True
    steps = np.arange(n)
    began = np.maximum.accumulate(np.where(fresh, steps, 0), axis=1)
    first = np.take_along_axis(starts, began, axis=1)
    return np.asarray((first + steps - began) % n, dtype=np.int64)
