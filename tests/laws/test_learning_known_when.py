"""Law: what happens after an instant changes no bit of what was learned or decided before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from markets.calendar import DecisionClock
from markets.costs import CostSchedule
from markets.round_trip import RoundTrip
from signals.classifiers import ClassifierSettings
from signals.decisions import DecisionSettings, Signal
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame, Row
from signals.features.rows import Reading
from signals.features.testing import Example, example, poison
from signals.features.text import TextSettings
from signals.labels import LabelFrame, LabelSettings
from signals.pipeline import build_features, decide, label, rows_of, walk_forward
from signals.splits import SplitSettings
from signals.training import Predictions

SPLIT = SplitSettings(
    test_window="month", min_train_months=3, min_train_rows=40, embargo_sessions=5
)
TEXT = TextSettings(min_train_rows=60, min_rows_per_term=3)
LABELS = (
    LabelSettings(horizon=3, beta="trailing", beta_sessions=20, dead_band_bp="round_trip"),
    LabelSettings(horizon=5, exit="triple_barrier"),
)
HASHED = TEXT.model_copy(update={"terms": "hashed", "n_hashed": 64})
MODELS = (
    ClassifierSettings(text=TEXT, min_calibration_rows=20),
    ClassifierSettings(
        name="gradient_boosting",
        params={"max_iter": 10},
        text=TEXT,
        min_calibration_rows=20,
        calibration="sigmoid",
    ),
    ClassifierSettings(name="complement_nb", text=HASHED, min_calibration_rows=20),
    ClassifierSettings(
        name="sestm",
        text=TEXT,
        tune={"margin": [0.02, 0.1]},
        min_calibration_rows=20,
    ),
    ClassifierSettings(
        name="stack",
        params={"members": ["linear", "words", "lexicon"]},
        text=TEXT,
        inner_folds=1,
        min_calibration_rows=20,
    ),
)
BESIDE = (0, 3)  # a plain model and a tuned one: baselines cost as much as three more
COSTS = RoundTrip(CostSchedule("none"), slippage_bp=2.0)
Chain = tuple[FeatureFrame, LabelFrame, Predictions, list[Signal]]


def chain(tried: Example, rows: list[Row], market: Any, labels: int, model: int) -> Chain:
    features = build_features(rows, market, FeatureSettings())
    outcomes = label(features, market, tried.calendar, LABELS[labels], costs=COSTS)
    beside = model in BESIDE
    predictions = walk_forward(features, outcomes, SPLIT, MODELS[model], seed=3, baselines=beside)
    decisions = DecisionSettings(
        threshold="edge", min_edge_rows=5, size_down=True, size_down_skill=0.0, size_down_psi=0.1
    )
    return features, outcomes, predictions, decide(predictions, features, tried.calendar, decisions)


CASES = ((0, 0), (1, 0), (0, 1), (1, 2), (0, 3), (0, 4))


@pytest.fixture(scope="module")
def tried() -> Example:
    return example(n_stories=700, end=date(2024, 1, 31))


@pytest.fixture(scope="module")
def whole(tried: Example) -> Callable[[tuple[int, int]], Chain]:
    """Return the chain over all there is, by case: a function, so that failures print short."""
    return cache(lambda case: chain(tried, tried.rows(), tried.market, *case))


def scrambled(tried: Example, cut: date, seed: int) -> list[Row]:
    """Return the rows after every story of a later session got another's text, tickers, events."""
    clock = DecisionClock(tried.calendar)
    draws = np.random.default_rng(seed)
    readings: list[Reading] = list(tried.readings)
    late = [
        at
        for at, (item, _) in enumerate(readings)
        if clock.effective_session(item.available_at) > cut
    ]
    for at, other in zip(late, draws.permutation(late).tolist(), strict=True):
        item, _ = tried.readings[at]
        theirs, (their_event,) = tried.readings[other]
        readings[at] = (
            replace(item, title=f"{theirs.title} again", tickers=theirs.tickers, outlets=9),
            (replace(their_event, polarity=-their_event.polarity, available_at=item.available_at),),
        )
    return rows_of(readings, clock)


@pytest.mark.parametrize("case", CASES)
@given(
    cut=st.dates(date(2023, 6, 1), date(2024, 1, 20)),
    how=st.sampled_from(("truncated", "poisoned", "scrambled")),
    seed=st.integers(0, 99),
)
@settings(max_examples=4, phases=(Phase.explicit, Phase.generate))
def test_the_future_changes_no_bit_before_it(
    tried: Example,
    whole: Callable[[tuple[int, int]], Chain],
    case: tuple[int, int],
    cut: date,
    how: str,
    seed: int,
) -> None:
    features, labels, predictions, signals = whole(case)
    cut = tried.calendar.next_session(cut)
    before = len(tried.rows(cut))
    rows, market = tried.rows(), tried.market
    if how == "truncated":
        rows, market = tried.rows(cut), market.until(tried.calendar.previous_session(cut))
    elif how == "poisoned":
        market = poison(market, cut, seed)
    else:
        rows = scrambled(tried, cut, seed)
    features_now, labels_now, predictions_now, signals_now = chain(tried, rows, market, *case)

    exact: dict[str, Any] = {"check_exact": True}
    pd.testing.assert_frame_equal(
        features.values.iloc[:before], features_now.values.iloc[:before], **exact
    )
    known = labels.values["t1"] < pd.Timestamp(cut)
    known_now = labels_now.values["t1"] < pd.Timestamp(cut)
    pd.testing.assert_frame_equal(labels.values[known], labels_now.values[known_now], **exact)
    answered = int((predictions.positions < before).sum())
    assert answered == int((predictions_now.positions < before).sum())
    pd.testing.assert_frame_equal(
        predictions.values.iloc[:answered], predictions_now.values.iloc[:answered], **exact
    )
    pd.testing.assert_frame_equal(
        predictions.drift.iloc[:answered], predictions_now.drift.iloc[:answered], **exact
    )
    assert signals[:answered] == signals_now[:answered]
    assert predictions.contributions()[:answered] == predictions_now.contributions()[:answered]
    for report, now in zip(predictions.folds, predictions_now.folds, strict=False):
        if report.test_start <= cut:
            assert (report.trials, report.params) == (now.trials, now.params)


def test_answers_do_not_depend_on_the_number_of_threads(tried: Example) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        one = chain(tried, tried.rows(), tried.market, 0, 0)
    two = chain(tried, tried.rows(), tried.market, 0, 0)
    pd.testing.assert_frame_equal(one[2].values, two[2].values, check_exact=True)
    assert one[3] == two[3]
