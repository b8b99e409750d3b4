"""How good the probabilities were, out of sample: ranking, decisions, calibration.

Targets are 0 or 1, probabilities in [0, 1], both shape (n,). No threshold is fitted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from backtests.metrics.undefined import Floats, need


def auc(target: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the area under the ROC curve; in [0, 1], 0.5 is no skill.

    P(score of a 1 > score of a 0) + half of P(tie): Mann-Whitney U over n_1 * n_0. Source:
    Hanley and McNeil, Radiology 143, 1982.

    Raises
    ------
    UndefinedMetric
        If only one class is present.
    """
    truth = np.asarray(target) == 1
    positives = int(truth.sum())
    negatives = len(truth) - positives
    need(positives > 0 and negatives > 0, "only one class")
    rank_sum = float(average_ranks(np.asarray(score, dtype=np.float64))[truth].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def mcc(target: npt.ArrayLike, probability: npt.ArrayLike, threshold: float = 0.5) -> float:
    """Return Matthews' correlation coefficient of the decisions with the target; in [-1, 1].

    A decision is ``probability >= threshold``, the coefficient
    ``(TP*TN - FP*FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))``. Source: Matthews, BBA 405, 1975.

    Raises
    ------
    UndefinedMetric
        If targets or decisions are all the same.
    """
    truth = np.asarray(target) == 1
    said = np.asarray(probability, dtype=np.float64) >= threshold
    hits, rejections = float((truth & said).sum()), float((~truth & ~said).sum())
    alarms, misses = float((~truth & said).sum()), float((truth & ~said).sum())
    need(hits + misses > 0 and alarms + rejections > 0, "only one class")
    need(hits + alarms > 0 and misses + rejections > 0, "every decision is the same")
    scale = (hits + alarms) * (hits + misses) * (rejections + alarms) * (rejections + misses)
    return float((hits * rejections - alarms * misses) / np.sqrt(scale))


def brier(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the mean of ``(probability - target)**2``; in [0, 1], lower is better.

    Source: Brier, Monthly Weather Review 78, 1950 (the half of it that binary outcomes need).

    Raises
    ------
    UndefinedMetric
        If there is no prediction.
    """
    truth = np.asarray(target, dtype=np.float64)
    need(len(truth) > 0, "no prediction")
    return float(np.mean((np.asarray(probability, dtype=np.float64) - truth) ** 2))


def log_loss(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return ``-mean(y*log(p) + (1-y)*log(1-p))`` in nats; lower is better, ln 2 is a coin.

    Probabilities are held one float64 epsilon (2.2e-16) away from 0 and 1.

    Raises
    ------
    UndefinedMetric
        If there is no prediction.
    """
    truth = np.asarray(target, dtype=np.float64)
    need(len(truth) > 0, "no prediction")
    epsilon = float(np.finfo(np.float64).eps)
    held = np.clip(np.asarray(probability, dtype=np.float64), epsilon, 1.0 - epsilon)
    return float(-np.mean(truth * np.log(held) + (1.0 - truth) * np.log1p(-held)))


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of the calibration table.

    Attributes
    ----------
    low, high : float
        Smallest and largest probability in it.
    n : int
        Predictions.
    mean_probability, observed : float
        Mean probability, and share of targets that were 1.
    observed_low, observed_high : float
        95 % Wilson interval of `observed`.
    """

    low: float
    high: float
    n: int
    mean_probability: float
    observed: float
    observed_low: float
    observed_high: float


def calibration(
    target: npt.ArrayLike, probability: npt.ArrayLike, bins: int = 10
) -> tuple[Bin, ...]:
    """Return the reliability table over bins of about equal count.

    Equal probabilities stay in one bin. Bins of equal width would put nearly every honest
    probability, close to the base rate, into one.

    Raises
    ------
    UndefinedMetric
        If there is no prediction.
    """
    truth = np.asarray(target, dtype=np.float64)
    values = np.asarray(probability, dtype=np.float64)
    need(len(truth) > 0, "no prediction")
    rows = []
    numbers = bin_numbers(values, bins)
    for number in np.unique(numbers):
        inside = numbers == number
        n, share = int(inside.sum()), float(truth[inside].mean())
        low, high = wilson_interval(share, n)
        chosen = values[inside]
        mean = float(chosen.mean())
        rows.append(Bin(float(chosen.min()), float(chosen.max()), n, mean, share, low, high))
    return tuple(rows)


def bin_numbers(values: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Return the bin of each value: by quantile, equal values always in the same one."""
    edges = np.quantile(values, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="lower")
    return np.asarray(np.searchsorted(np.unique(edges), values, side="right"), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Brier score = reliability - resolution + uncertainty + within_bins, exactly.

    Attributes
    ----------
    reliability : float
        How far the bins' probabilities are from what was observed; ≥ 0, lower is better.
    resolution : float
        How far what was observed differs between bins; ≥ 0, higher is better.
    uncertainty : float
        ``base * (1 - base)``: what the base rate alone scores.
    within_bins : float
        What the spread of probabilities inside the bins adds.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def brier_parts(target: npt.ArrayLike, probability: npt.ArrayLike, bins: int = 10) -> BrierParts:
    """Return Murphy's decomposition over the bins of `calibration`.

    Source: Murphy, J. Applied Meteorology 12, 1973; the term for probabilities that differ within a
    bin: Stephenson, Coelho and Jolliffe, Weather and Forecasting 23, 2008.

    Raises
    ------
    UndefinedMetric
        If there is no prediction.
    """
    table = calibration(target, probability, bins)
    base = float(np.asarray(target, dtype=np.float64).mean())
    total = sum(row.n for row in table)
    reliability = sum(r.n * (r.mean_probability - r.observed) ** 2 for r in table) / total
    resolution = sum(r.n * (r.observed - base) ** 2 for r in table) / total
    uncertainty = base * (1.0 - base)
    rest = brier(target, probability) - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, rest)


def calibration_error(target: npt.ArrayLike, probability: npt.ArrayLike, bins: int = 10) -> float:
    """Return the expected calibration error: |mean probability - observed|, averaged by count."""
    table = calibration(target, probability, bins)
    gaps = sum(row.n * abs(row.mean_probability - row.observed) for row in table)
    return float(gaps / sum(row.n for row in table))


def rank_ic_by_session(
    session: npt.ArrayLike,
    score: npt.ArrayLike,
    outcome: npt.ArrayLike,
    min_names: int = 3,
) -> tuple[npt.NDArray[np.datetime64], Floats]:
    """Return each session's Spearman correlation of score and outcome over its tickers.

    Pearson correlation of average ranks. Sessions with fewer than `min_names` rows, or where score
    or outcome is the same for all, have none and are left out.

    Returns
    -------
    sessions : array of datetime64, shape (m,)
    values : array of float, shape (m,), in [-1, 1]
    """
    days = np.asarray(session)
    order = np.argsort(days, kind="stable")
    days = days[order]
    scores = np.asarray(score, dtype=np.float64)[order]
    outcomes = np.asarray(outcome, dtype=np.float64)[order]
    kept: list[int] = []
    values: list[float] = []
    turns = np.flatnonzero(days[1:] != days[:-1]) + 1
    for start, stop in pairwise([0, *turns.tolist(), len(days)]):
        if stop - start < min_names:
            continue
        left = average_ranks(scores[start:stop])
        right = average_ranks(outcomes[start:stop])
        left, right = left - left.mean(), right - right.mean()
        power = float(left @ left) * float(right @ right)
        if power > 0:
            kept.append(start)
            values.append(float(left @ right) / power**0.5)
    return days[kept] if kept else days[:0], np.asarray(values, dtype=np.float64)


def average_ranks(values: Floats) -> Floats:
    """Return ranks from 1; equal values share the mean of their ranks."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[group], dtype=np.float64)


def wilson_interval(share: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of n. Source: Wilson, JASA 22, 1927."""
    need(n > 0, "no observation")
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    # Rounding must not push a bound past the share itself.
    return max(0.0, min(share, center - reach)), min(1.0, max(share, center + reach))
