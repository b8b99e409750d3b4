"""Splits: windows of the calendar, scikit-learn's protocol, and a leak refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from markets.errors import DataError, LeakError
from signals.classifiers import ClassifierSettings
from signals.folds import calibration_block
from signals.splits import CombinatorialPurged, PurgedWalkForward, Split, SplitSettings, check_split
from signals.timeline import Timeline

SETTINGS = SplitSettings(min_train_rows=20)
DAY = np.timedelta64(1, "D")


def daily(days: int = 700, horizon: int = 4) -> Timeline:
    sessions = np.datetime64("2023-01-17") + np.arange(days) * DAY
    return Timeline(sessions, sessions + horizon * DAY, [(str(row),) for row in range(days)])


def test_windows_are_quarters_whatever_day_the_data_begin_or_end() -> None:
    firsts = [str(split.first) for split in PurgedWalkForward(daily(), SETTINGS).splits()]
    assert firsts == ["2023-10-01", "2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"]
    assert firsts[:3] == [
        str(split.first) for split in PurgedWalkForward(daily(450), SETTINGS).splits()
    ]


def test_a_label_known_at_the_first_open_of_the_test_does_not_train() -> None:
    settings = SETTINGS.model_copy(update={"embargo_sessions": 0, "story_sessions": 0})
    timeline = daily()
    split = next(PurgedWalkForward(timeline, settings).splits())
    assert timeline.known[split.train[-1]] == split.first - DAY
    assert split.purged == 4


def test_rolling_windows_forget() -> None:
    settings = SETTINGS.model_copy(update={"train": "rolling", "train_months": 6})
    for split in PurgedWalkForward(daily(), settings).splits():
        assert len(split.train) <= 184


def test_a_row_without_an_outcome_is_tested_and_never_trains() -> None:
    timeline = daily()
    timeline.known[100] = np.datetime64("NaT", "D")
    timeline.known[-3:] = np.datetime64("NaT", "D")
    splits = list(PurgedWalkForward(timeline, SETTINGS).splits())
    assert all(100 not in split.train for split in splits)
    assert splits[-1].test[-1] == len(timeline) - 1


@pytest.mark.parametrize("make", [PurgedWalkForward, CombinatorialPurged])
def test_a_splitter_is_a_cv_argument_of_scikit_learn(make: type) -> None:
    splitter = make(daily())
    draws = np.random.default_rng(0)
    values, target = draws.normal(size=(700, 2)), draws.integers(0, 2, 700)
    scores = cross_val_score(DummyClassifier(), values, target, cv=splitter)
    assert len(scores) == splitter.get_n_splits(values, target)
    with pytest.raises(DataError, match="other rows"):
        list(splitter.split(values[:10]))


def test_a_leak_is_refused_and_names_its_rows() -> None:
    timeline = daily()
    good = next(PurgedWalkForward(timeline, SETTINGS).splits())
    check_split(timeline, good, 5)
    late = replace(good, train=np.r_[good.train, good.test[0] - 1])
    with pytest.raises(LeakError, match="not yet known") as caught:
        check_split(timeline, late, 5)
    assert str(good.test[0] - 1) in str(caught.value)
    known = timeline.known.copy()
    known[good.test[5]] = np.datetime64("2023-02-01")
    with pytest.raises(LeakError, match="both trains and is tested"):
        check_split(
            replace(timeline, known=known), replace(good, train=np.r_[good.train, good.test[5]]), 5
        )


def test_a_story_on_both_sides_is_refused() -> None:
    sessions = np.array(["2023-09-28", "2023-09-29", "2023-10-03"], dtype="datetime64[D]")
    timeline = Timeline(sessions, sessions + DAY, [("chip",), ("bond",), ("chip", "cloud")])
    first, last = np.datetime64("2023-10-01"), np.datetime64("2023-12-31")
    split = Split(np.array([0, 1]), np.array([2]), first, last, purged=0, embargoed=0, embargo=0)
    with pytest.raises(LeakError, match="a story stands"):
        check_split(timeline, split, 5)
    check_split(timeline, split, 1)


def test_rows_out_of_order_are_refused() -> None:
    timeline = daily(10)
    with pytest.raises(DataError, match="order"):
        replace(timeline, sessions=timeline.sessions[::-1])


def test_the_embargo_is_as_long_as_the_slowest_feature_unless_stated() -> None:
    timeline = replace(daily(), memory=61)
    split = next(PurgedWalkForward(timeline, SETTINGS).splits())
    assert split.embargo == 61
    assert timeline.sessions[split.train[-1]] == split.first - 62 * DAY
    stated = SETTINGS.model_copy(update={"embargo_sessions": 7})
    shorter = next(PurgedWalkForward(timeline, stated).splits())
    assert (shorter.embargo, timeline.sessions[shorter.train[-1]]) == (7, split.first - 8 * DAY)
    near = replace(split, train=np.r_[split.train, split.train[-1] + 1])
    with pytest.raises(LeakError, match="inside the embargo"):
        check_split(timeline, near, 5)


def test_the_calibration_block_keeps_the_embargo_too() -> None:
    timeline = replace(daily(), memory=61)
    split = list(PurgedWalkForward(timeline, SETTINGS).splits())[-1]
    early, block = calibration_block(timeline, split, ClassifierSettings(), SETTINGS)
    assert timeline.sessions[block[0]] - timeline.sessions[early[-1]] == np.timedelta64(62, "D")
    assert block[-1] == split.train[-1]
