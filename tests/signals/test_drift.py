"""Drift: what has moved, measured against known answers, and known when it is used."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from signals.classifiers import ClassifierSettings
from signals.drift import LAST, drift_of_groups, psi, trailing_psi, trailing_scores
from signals.features import FeatureSettings
from signals.features.testing import example
from signals.features.text import TextSettings
from signals.labels import LabelSettings
from signals.pipeline import build_features, label, walk_forward
from signals.splits import SplitSettings


def test_psi_of_two_shares_is_the_textbook_sum() -> None:
    before, now = np.repeat([0.0, 1.0], [5000, 5000]), np.repeat([0.0, 1.0], [7000, 3000])
    known = (0.7 - 0.5) * math.log(0.7 / 0.5) + (0.3 - 0.5) * math.log(0.3 / 0.5)
    assert psi(before, now) == pytest.approx(known, rel=1e-3)
    assert psi(before, before) == 0.0
    assert math.isnan(psi(before, now[:0]))


def test_psi_of_the_same_law_is_what_chance_gives() -> None:
    draws = np.random.default_rng(0)
    found = [psi(draws.normal(size=4000), draws.normal(size=500)) for _ in range(60)]
    # Nine degrees of freedom, over the harmonic size of both samples.
    assert np.mean(found) == pytest.approx(9 * (1 / 4000 + 1 / 500), rel=0.25)


def test_the_group_that_moved_is_named() -> None:
    draws = np.random.default_rng(0)
    expected, actual = draws.normal(size=(900, 3)), draws.normal(size=(400, 3))
    actual[:, 2] += 1.0
    found = drift_of_groups(
        expected, actual, ("a", "b", "c"), {"calm": ("a", "b"), "moved": ("c",)}
    )
    assert found["psi_calm"] < 0.1 < 0.5 < found["psi_moved"]


def test_trailing_scores_count_only_outcomes_known_before_the_session() -> None:
    day = np.timedelta64(1, "D")
    days = np.datetime64("2025-01-01") + np.arange(10) * day
    known = days + 2 * day
    known[3] = np.datetime64("NaT", "D")
    target = np.ones(10)
    said = np.linspace(0.0, 0.9, 10)
    found = trailing_scores(days, known, said, target, np.full(10, 0.5), last=2)
    # At day 5 the outcomes of days 0 to 2 are known: that of day 3 never, that of day 4 on day 6.
    assert found["brier"].isna().tolist() == [True] * 4 + [False] * 6
    assert found["brier"][4] == pytest.approx((1.0 + 0.9**2) / 2)
    assert found["brier"][5] == pytest.approx((0.9**2 + 0.8**2) / 2)
    assert found["brier"][6] == found["brier"][5]
    assert found["brier"][7] == pytest.approx((0.8**2 + 0.6**2) / 2)
    assert found["skill"][7] == pytest.approx(1 - found["brier"][7] / 0.25)


def test_trailing_psi_starts_again_with_every_fold() -> None:
    folds = np.repeat([0, 1], [100, 80])
    decisions = np.arange(180) // 2
    draws = np.random.default_rng(0)
    said = np.r_[draws.uniform(size=100), draws.uniform(0.8, 1.0, size=80)]
    samples = {0: draws.uniform(size=300), 1: draws.uniform(size=300)}
    found = trailing_psi(decisions, folds, said, samples)
    known = np.flatnonzero(~np.isnan(found))
    assert known.tolist() == [*range(LAST - 2, 100), *range(100 + LAST - 2, 180)]
    assert np.nanmax(found[:100]) < 0.5 < 1.0 < np.nanmin(found[100:])
    without = trailing_psi(decisions, folds, said, {**samples, 1: samples[1][:0]})
    assert np.isnan(without[100:]).all()


def test_a_fold_reports_its_drift_and_its_trials() -> None:
    tried = example(n_stories=700)
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    labels = label(features, tried.market, tried.calendar, LabelSettings())
    classifier = ClassifierSettings(
        text=TextSettings(min_train_rows=60, min_rows_per_term=3),
        min_calibration_rows=20,
        tune={"C": [0.0001, 0.001]},
    )
    answers = walk_forward(
        features, labels, SplitSettings(min_train_rows=60), classifier, 1, baselines=False
    )
    last = answers.folds[-1]
    groups = {f"psi_{group}" for group in features.groups}
    others = {"psi_probability", "unseen_terms", "unseen_terms_train", "brier_60"}
    assert set(last.drift) == groups | others
    assert last.trials == 2 == last.metrics["trials"] == answers.trials
    assert last.params["C"] in (0.0001, 0.001)
    assert last.as_dict()["drift"] == dict(last.drift)
    assert last.drift["brier_60"] == answers.drift["brier"].iloc[-1]

    joined = answers.values.join(labels.values).assign(session=features.sessions)
    at = joined.index[-1]
    before = joined[joined["t1"] < joined["session"].loc[at]]
    before = before.sort_values("t1", kind="stable").iloc[-LAST:]
    by_hand = ((before["probability"] - before["target"]) ** 2).mean()
    assert answers.drift["brier"].iloc[-1] == pytest.approx(by_hand)
    assert isinstance(answers.drift, pd.DataFrame)
    assert answers.drift.index.equals(answers.values.index)
