"""Combinatorial answers: every row once a path, never by a model that saw its outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from markets.errors import DataError
from signals.classifiers import ClassifierSettings
from signals.classifiers.inputs import inputs_of
from signals.combinatorial import CombinatorialAnswers, combinatorial_answers
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame
from signals.features.testing import example
from signals.features.text import TextSettings
from signals.labels import LabelFrame, LabelSettings
from signals.pipeline import build_features, label
from signals.splits import CombinatorialPurged, SplitSettings
from signals.timeline import Timeline

SPLIT = SplitSettings(min_train_rows=60, embargo_sessions=5)
PLAIN = ClassifierSettings(text=TextSettings(enabled=False))
Learned = tuple[FeatureFrame, LabelFrame]


@pytest.fixture(scope="module")
def planted() -> Learned:
    tried = example(edge_bp=400, n_stories=1200)
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    return features, label(features, tried.market, tried.calendar, LabelSettings())


def answers(
    learned: Learned, split: SplitSettings = SPLIT, blocks: int = 6
) -> CombinatorialAnswers:
    features, labels = learned
    return combinatorial_answers(
        features,
        labels,
        split,
        PLAIN,
        1,
        inputs_of(features, PLAIN.text),
        blocks=blocks,
        tested=2,
        params={},
    )


def test_every_labeled_row_is_answered_once_a_path_each_time_by_another_model(
    planted: Learned,
) -> None:
    features, labels = planted
    found = answers(planted)
    assert found.splits == 15
    assert found.score.shape == found.model.shape == (5, len(found.rows))
    assert features.values.index[found.rows].equals(labels.values.index)
    assert np.isfinite(found.score).all()
    assert (np.diff(np.sort(found.model, axis=0), axis=0) > 0).all()


def test_a_model_answers_exactly_the_rows_that_its_split_held_out(planted: Learned) -> None:
    found = answers(planted)
    splitter = CombinatorialPurged(Timeline.of(*planted), 6, 2, 5, SPLIT.story_sessions)
    for number, (train, test) in enumerate(splitter.split()):
        answered = found.rows[(found.model == number).any(axis=0)]
        assert answered.tolist() == test.tolist()
        assert not np.isin(answered, train).any()


def test_an_edge_is_ranked_on_every_path_and_chance_on_none(planted: Learned) -> None:
    features, labels = planted
    target = labels.values["target"].to_numpy()

    def auc(found: CombinatorialAnswers, truth: np.ndarray) -> list[float]:
        ups = truth == 1
        above = found.score[:, ups, None] > found.score[:, None, ~ups]
        return above.mean(axis=(1, 2)).tolist()

    assert min(auc(answers(planted), target)) > 0.58
    drawn = np.random.default_rng(3).integers(0, 2, len(labels))
    chance = replace(labels, values=labels.values.assign(target=drawn))
    assert auc(answers((features, chance)), drawn) == pytest.approx([0.5] * 5, abs=0.05)


def test_gaps_that_leave_too_little_are_refused(planted: Learned) -> None:
    with pytest.raises(DataError, match="too little to learn from"):
        answers(planted, SplitSettings(min_train_rows=60, embargo_sessions=200))
