"""Combinatorial answers: every row asked many times, each time with other blocks held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from markets.errors import DataError
from signals.classifiers import ClassifierSettings
from signals.classifiers.build import wants_inner_folds
from signals.classifiers.inputs import Inputs
from signals.classifiers.model import fit
from signals.features.base import FeatureFrame
from signals.folds import inner_folds
from signals.labels import LabelFrame
from signals.splits import CombinatorialPurged, SplitSettings
from signals.timeline import Timeline
from signals.training import contenders_of, outcomes_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CombinatorialAnswers:
    """Answers of many models to the same rows, laid out as paths through the whole sample.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_answered,)
        Positions in the feature frame: those with a known outcome.
    score : ndarray of float64, shape (n_paths, n_answered)
        Log-odds, not calibrated: they rank the rows that one model answered.
    model : ndarray of int64, shape (n_paths, n_answered)
        Which split's model spoke.
    splits : int
        How many models were fitted.
    """

    rows: Ints
    score: Floats
    model: Ints
    splits: int


def combinatorial_answers(
    features: FeatureFrame,
    labels: LabelFrame,
    split: SplitSettings,
    classifier: ClassifierSettings,
    seed: int,
    inputs: Inputs,
    *,
    blocks: int,
    tested: int,
    params: Mapping[str, Any],
    step: Callable[[], None] = lambda: None,
) -> CombinatorialAnswers:
    """Answer every labeled row with a model of each choice of blocks that leaves it out.

    The j-th path takes, for each block, the model of the j-th split in which it was held out.
    Models learn from what came after their test as well: this is for the spread of a result, and
    nothing may be decided on it.

    Parameters
    ----------
    features, labels, split, classifier, seed
        As for `walk_forward`. Of `split` only the embargo, the stories' length and the fewest
        training rows count.
    inputs : Inputs
        Of these features.
    blocks, tested : int
        As `n_blocks` and `n_test` of `CombinatorialPurged`; blocks choose tested models are fitted.
    params : mapping
        Parameters of the classifier; nothing is tuned here.
    step : callable
        Told when a model is done.

    Raises
    ------
    DataError
        If the embargo around the test blocks leaves a model too few rows.
    LeakError
        If a split breaks its invariant.
    """
    timeline, outcomes = Timeline.of(features, labels), outcomes_of(features, labels)
    # Neither calibration nor decay: with training on both sides no rows are the latest.
    settings, seen = contenders_of(classifier, inputs, ())[""]
    settings = settings.model_copy(
        update={"params": dict(params), "tune": {}, "calibration": "none", "half_life_days": None}
    )
    decisions = features.values.index.get_level_values("decision_at").factorize()[0]
    story = split.story_sessions
    splitter = CombinatorialPurged(timeline, blocks, tested, split.embargo(timeline.memory), story)
    n_splits = splitter.get_n_splits()
    paths = n_splits * tested // blocks
    score, model = np.full((paths, len(timeline)), np.nan), np.full((paths, len(timeline)), -1)
    asked = np.zeros(len(timeline), dtype=np.int64)
    with threadpool_limits(limits=1):
        for number, (train, test) in enumerate(splitter.split()):
            if len(train) < split.min_train_rows:
                raise DataError(
                    "the gaps around the test blocks leave too little to learn from",
                    given=f"{len(train)} rows",
                    wanted=f"{split.min_train_rows} rows; fewer blocks, or a longer time",
                    where="robustness.combinatorial",
                )
            inside = []
            if wants_inner_folds(settings):
                inside = inner_folds(timeline, train, settings, split)
            fitted = fit(settings, seen, outcomes, train, train[:0], decisions, seed, inside)
            score[asked[test], test] = fitted.log_odds(test, decisions)
            model[asked[test], test] = number
            asked[test] += 1
            step()
    rows = np.flatnonzero(asked == paths)
    return CombinatorialAnswers(rows, score[:, rows], model[:, rows], n_splits)
