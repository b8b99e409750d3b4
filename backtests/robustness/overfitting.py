"""Probability of backtest overfitting: whether the best configuration stays good elsewhere."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtests.metrics.undefined import Floats, need


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What combinatorially symmetric cross-validation found.

    Attributes
    ----------
    probability : float
        Share of splits in which the configuration that was best in one half of the blocks ranked at
        or below the median in the other; one half says that choosing was worth nothing.
    loss_probability : float
        Share of splits in which it lost money in the other half.
    configurations, blocks, splits, sessions : int
        What it was measured on.
    """

    probability: float
    loss_probability: float
    configurations: int
    blocks: int
    splits: int
    sessions: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def backtest_overfitting(returns: npt.ArrayLike, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting by CSCV, with the Sharpe ratio as the measure.

    Sessions are cut into `blocks` equal blocks (what is left over at the start is dropped); every
    half of the blocks is the sample once and the complement the test. ``logit = ln(w / (1 - w))``
    of the best one's relative rank w = rank / (N + 1) in the test; the probability is the share of
    logits ≤ 0, equal ranks shared. Source: Bailey, Borwein, López de Prado and Zhu, J. of
    Computational Finance 20(4), 2017.

    Parameters
    ----------
    returns : array of float, shape (n_sessions, n_configurations)
        Session returns of all configurations over the same sessions.
    blocks : int
        Even, at least 2; 16 make 12,870 splits.

    Raises
    ------
    UndefinedMetric
        If there are fewer than two configurations, or fewer than two sessions a block.
    """
    matrix = np.asarray(returns, dtype=np.float64)
    need(blocks >= 2 and blocks % 2 == 0, "the number of blocks must be even")
    need(matrix.ndim == 2 and matrix.shape[1] >= 2, "fewer than two configurations were tried")
    size = len(matrix) // blocks
    need(size >= 2, "fewer than two sessions a block")
    kept = matrix[len(matrix) - size * blocks :].reshape(blocks, size, -1)
    sums, squares = kept.sum(axis=1), (kept**2).sum(axis=1)
    chosen = np.zeros((_n_splits(blocks), blocks))
    for row, half in enumerate(itertools.combinations(range(blocks), blocks // 2)):
        chosen[row, list(half)] = 1.0
    half_sums = chosen @ sums
    inside = _ratios(half_sums, chosen @ squares, size * blocks // 2)
    # Halves come in lexicographic order: the complement of the k-th is the k-th from the end.
    outside, outside_sums = inside[::-1], half_sums[::-1]
    best = inside.argmax(axis=1)
    rows = np.arange(len(best))
    reached = outside[rows, best][:, None]
    rank = (outside < reached).sum(axis=1) + ((outside == reached).sum(axis=1) + 1) / 2.0
    share = rank / (matrix.shape[1] + 1)
    return Overfitting(
        probability=float(np.mean(share <= 0.5)),
        loss_probability=float(np.mean(outside_sums[rows, best] < 0)),
        configurations=matrix.shape[1],
        blocks=blocks,
        splits=len(chosen),
        sessions=size * blocks,
    )


def _n_splits(blocks: int) -> int:
    from math import comb

    return comb(blocks, blocks // 2)


def _ratios(sums: Floats, squares: Floats, n: int) -> Floats:
    """Return mean over deviation from sums; 0 where returns do not vary (a run always in cash)."""
    mean = sums / n
    variance = squares / n - mean**2
    varied = variance > 1e-14 * np.maximum(squares / n, 1e-300)
    return np.where(varied, mean / np.sqrt(np.where(varied, variance, 1.0)), 0.0)
