"""Combinatorial paths: how far a ranking hangs on which part of the past was held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

import numpy as np

from backtests.metrics.predictions import auc
from backtests.metrics.undefined import Floats, UndefinedMetric, need
from backtests.robustness.ground import Ground, session_rank_ic
from backtests.robustness.rounds import progress
from backtests.robustness.settings import CombinatorialSettings
from markets.errors import DataError


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all paths.

    Attributes
    ----------
    mean, low, high : float
        Mean, 5 % and 95 % quantile.
    values : tuple of float
        By path.
    """

    mean: float
    low: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Combinatorial:
    """Figures over all paths of combinatorial purged splits.

    Attributes
    ----------
    paths, splits, blocks, tested : int
        Paths through the whole sample, models that were fitted, blocks of sessions, and how many of
        them each model was tested on.
    rank_ic, auc : Spread
        Mean daily rank IC; AUC, rows compared with those that the same model answered.
    """

    paths: int
    splits: int
    blocks: int
    tested: int
    rank_ic: Spread
    auc: Spread

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def combinatorial(
    ground: Ground,
    params: Mapping[str, Any],
    settings: CombinatorialSettings,
    *,
    show: bool = False,
) -> Combinatorial:
    """Return how the figures of a run's model spread over combinatorial purged paths.

    Source: López de Prado, Advances in Financial Machine Learning (2018), chapter 12.

    Parameters
    ----------
    ground : Ground
        The run: features, labels and counted terms are its own, nothing is computed again.
    params : mapping
        What the run's last fold settled on; nothing is tuned.
    settings : CombinatorialSettings
        How many blocks.
    show : bool
        Whether to show progress on stderr.

    Raises
    ------
    UndefinedMetric
        If it is switched off, or the sample is too short for the gaps around the blocks.
    """
    from signals.combinatorial import combinatorial_answers

    need(settings.blocks > 0, "robustness.combinatorial.blocks is 0")
    config, blocks, tested = ground.config, settings.blocks, settings.tested
    try:
        with progress("combinatorial splits", comb(blocks, tested), show) as step:
            answers = combinatorial_answers(
                ground.features,
                ground.labels,
                config.split,
                config.classifier,
                config.seed,
                ground.counted,
                blocks=blocks,
                tested=tested,
                params=params,
                step=step,
            )
    except DataError as error:
        raise UndefinedMetric(error.problem) from None
    index = ground.features.values.index[answers.rows]
    known = ground.labels.values.reindex(index)
    outcome = known["forward_return"].to_numpy(dtype=np.float64)
    target = known["target"].to_numpy(dtype=np.float64)
    session = index.get_level_values("decision_at").factorize()[0].astype(np.int64)
    ranked = [_mean(session_rank_ic(session, path, outcome)) for path in answers.score]
    told = [
        _auc_by_model(target, path, model)
        for path, model in zip(answers.score, answers.model, strict=True)
    ]
    return Combinatorial(
        paths=len(answers.score),
        splits=answers.splits,
        blocks=blocks,
        tested=tested,
        rank_ic=_spread(ranked),
        auc=_spread(told),
    )


def _mean(values: Floats) -> float:
    need(len(values) > 0, "no session has enough stocks with news to rank")
    return float(values.mean())


def _auc_by_model(target: Floats, score: Floats, model: Any) -> float:
    """Return the share of pairs in order, each pair answered by one model: scales may differ."""
    in_order = pairs = 0.0
    for number in np.unique(model):
        here = model == number
        ups = float(target[here].sum())
        count = ups * (float(here.sum()) - ups)
        if count:
            in_order += auc(target[here], score[here]) * count
            pairs += count
    need(pairs > 0, "only one class")
    return in_order / pairs


def _spread(values: list[float]) -> Spread:
    low, high = np.quantile(values, [0.05, 0.95])
    return Spread(float(np.mean(values)), float(low), float(high), tuple(values))
