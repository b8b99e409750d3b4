"""Probability of backtest overfitting: whether the best configuration stays good elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

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


FEW = 10
"""Configurations below which the best's place among the others is a rough figure."""


def caution(deflated: float | None, found: Overfitting) -> str:
    """Return what must be said where deflation and overfitting do not say the same; else nothing.

    Deflation asks whether the best is better than luck, overfitting whether choosing it was worth
    anything: configurations that are all about as good pass the first and fail the second.
    """
    few = (
        f" With {found.configurations} configurations, each place in their order is a large step:"
        " a rough figure."
        if found.configurations < FEW
        else ""
    )
    if deflated is None or deflated < 0.95 or found.probability <= 0.5:
        return few
    return (
        " Deflation does not clear the best of that: what led in one half of the time was mostly"
        " below the median in the other, so its lead over the rest may be luck, whatever all of"
        f" them have in common.{few}"
    )


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
    inside = np.empty((len(chosen), matrix.shape[1]))
    best, share = np.empty(len(chosen), dtype=np.int64), np.empty(len(chosen))
    with threadpool_limits(1):  # the products are so small that threads would wait for each other
        for part in _parts(len(chosen)):
            halves = chosen[part]
            inside[part] = _ratios(halves @ sums, halves @ squares, size * blocks // 2)
            best[part] = inside[part].argmax(axis=1)
    # Halves come in lexicographic order: the complement of the k-th is the k-th from the end.
    outside, others = inside[::-1], chosen[::-1]
    for part in _parts(len(chosen)):
        tested = outside[part]
        reached = np.take_along_axis(tested, best[part, None], axis=1)
        ties = np.count_nonzero(tested == reached, axis=1)
        share[part] = np.count_nonzero(tested < reached, axis=1) + (ties + 1) / 2.0
    share /= matrix.shape[1] + 1
    return Overfitting(
        probability=float(np.mean(share <= 0.5)),
        loss_probability=float(np.mean((others * sums.T[best]).sum(axis=1) < 0)),
        configurations=matrix.shape[1],
        blocks=blocks,
        splits=len(chosen),
        sessions=size * blocks,
    )


def _n_splits(blocks: int) -> int:
    from math import comb

    return comb(blocks, blocks // 2)


def _parts(rows: int, size: int = 256) -> Iterator[slice]:
    """Yield slices so short that what is computed on them stays near the processor."""
    return (slice(start, start + size) for start in range(0, rows, size))


def _ratios(sums: Floats, squares: Floats, n: int) -> Floats:
    """Return mean over deviation from sums; 0 where returns do not vary (a run always in cash)."""
    mean = sums / n
    variance = squares / n - mean**2
    varied = variance > 1e-14 * np.maximum(squares / n, 1e-300)
    return np.where(varied, mean / np.sqrt(np.where(varied, variance, 1.0)), 0.0)
