"""Walk-forward on the known-answer market: finds what is there, finds nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from markets.errors import ConfigError, DataError
from signals.classifiers import BASELINES, ClassifierSettings
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame
from signals.features.testing import Example, example
from signals.features.text import TextSettings
from signals.labels import LabelFrame, LabelSettings
from signals.pipeline import build_features, label, walk_forward
from signals.splits import SplitSettings
from signals.training import Predictions

SPLIT = SplitSettings(min_train_rows=100, min_train_months=4)
PLAIN = ClassifierSettings(text=TextSettings(enabled=False))


def learned(tried: Example) -> tuple[FeatureFrame, LabelFrame]:
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    return features, label(features, tried.market, tried.calendar, LabelSettings())


def auc(predictions: Predictions, labels: LabelFrame) -> float:
    both = predictions.values.join(labels.values, how="inner")
    target, ranks = both["target"].to_numpy(), rankdata(both["probability"])
    ups = int(target.sum())
    return float((ranks[target == 1].sum() - ups * (ups + 1) / 2) / (ups * (len(target) - ups)))


@pytest.fixture(scope="module")
def planted() -> tuple[FeatureFrame, LabelFrame]:
    return learned(example(edge_bp=400, n_stories=1500))


@pytest.fixture(scope="module")
def empty() -> tuple[FeatureFrame, LabelFrame]:
    return learned(example(edge_bp=0, n_stories=1500))


def test_a_planted_edge_is_found_and_a_missing_one_is_not(
    planted: tuple[FeatureFrame, LabelFrame], empty: tuple[FeatureFrame, LabelFrame]
) -> None:
    assert auc(walk_forward(*planted, SPLIT, PLAIN, 1, baselines=False), planted[1]) > 0.6
    assert auc(walk_forward(*empty, SPLIT, PLAIN, 1, baselines=False), empty[1]) == pytest.approx(
        0.5, abs=0.08
    )


def test_random_outcomes_give_an_auc_about_one_half(
    planted: tuple[FeatureFrame, LabelFrame],
) -> None:
    features, labels = planted
    found = []
    for seed in range(8):
        draws = np.random.default_rng(seed)
        values = labels.values.assign(target=draws.integers(0, 2, len(labels)))
        random = replace(labels, values=values)
        answers = walk_forward(features, random, SPLIT, PLAIN, seed, baselines=False)
        found.append(auc(answers, random))
    # Each has a standard error of about 0.02.
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


def test_baselines_stand_beside_and_every_row_of_a_window_is_answered(
    planted: tuple[FeatureFrame, LabelFrame],
) -> None:
    features, labels = planted
    predictions = walk_forward(features, labels, SPLIT, ClassifierSettings(), 1)
    values = predictions.values
    answered = [name for name in values if name.startswith("probability")]
    assert answered == ["probability", *(f"probability_{name}" for name in BASELINES)]
    for column in answered:
        assert values[column].between(0, 1).all()
    first = pd.Timestamp(predictions.folds[0].test_start)
    assert len(values) == int((features.sessions >= first).sum())
    assert values.index.equals(features.values.index[predictions.positions])
    assert values["fold"].is_monotonic_increasing
    assert list(values["model_sha256"].unique()) == [r.model_sha256 for r in predictions.folds]


def test_reports_say_what_was_learned_from(planted: tuple[FeatureFrame, LabelFrame]) -> None:
    predictions = walk_forward(*planted, SPLIT, ClassifierSettings(), 1)
    for report in predictions.folds:
        assert report.train_end < report.test_start
        assert report.calibration_rows == len(report.calibration_sample)
        assert report.train_rows > 0
        assert {"auc", "brier", "dummy_brier"} <= set(report.metrics)
        assert "calibration_sample" not in report.as_dict()
    assert sum(report.test_rows for report in predictions.folds) == len(predictions)


def test_what_stands_beside_changes_no_answer(planted: tuple[FeatureFrame, LabelFrame]) -> None:
    beside, alone = (walk_forward(*planted, SPLIT, PLAIN, 1, baselines=b) for b in (True, False))
    assert beside.values[alone.values.columns].equals(alone.values)
    assert set(alone.values.columns) == {"fold", "probability", "model_sha256"}


def test_prices_alone_are_the_prices_whatever_groups_the_model_sees() -> None:
    tried = example(edge_bp=400, n_stories=1500)
    answers = {}
    for groups in (("events", "tone", "prices"), ("events", "tone")):
        chosen = FeatureSettings(groups=groups)
        features = build_features(tried.rows(), tried.market, chosen)
        labels = label(features, tried.market, tried.calendar, LabelSettings())
        split = SPLIT.model_copy(update={"embargo_sessions": 61})
        assert ("prices" in features.memory) == ("prices" in groups)
        answers[groups] = walk_forward(features, labels, split, PLAIN, 1).values
    with_them, without = answers.values()
    alone = without["probability_prices_only"]
    np.testing.assert_array_equal(alone, with_them["probability_prices_only"])
    assert (alone != without["probability_dummy"]).any()
    assert (without["probability"] != with_them["probability"]).any()


def test_shuffled_news_keep_their_prices(planted: tuple[FeatureFrame, LabelFrame]) -> None:
    settings = ClassifierSettings(groups=("prices",), text=TextSettings(enabled=False))
    values = walk_forward(*planted, SPLIT, settings, 1).values
    np.testing.assert_array_equal(values["probability"], values["probability_text_shuffled"])


def test_contributions_of_an_answer_add_up(planted: tuple[FeatureFrame, LabelFrame]) -> None:
    predictions = walk_forward(*planted, SPLIT, ClassifierSettings(), 1)
    probability = predictions.values["probability"].to_numpy()
    for at, parts in enumerate(predictions.contributions()):
        assert parts is not None
        assert 1 / (1 + np.exp(-sum(parts.values()))) == pytest.approx(probability[at], abs=1e-12)


def test_too_little_to_learn_from_is_said(planted: tuple[FeatureFrame, LabelFrame]) -> None:
    with pytest.raises(DataError, match="no test window"):
        walk_forward(*planted, SplitSettings(min_train_months=60), PLAIN, 1)
    unknown: dict[str, Any] = {"groups": ("evnts",)}
    with pytest.raises(ConfigError, match="no such feature group"):
        walk_forward(*planted, SPLIT, PLAIN.model_copy(update=unknown), 1)
