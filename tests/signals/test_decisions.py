"""Decisions: thresholds, abstention, expiry, identity."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from markets.errors import ConfigError
from signals.classifiers import ClassifierSettings
from signals.decisions import DecisionSettings, decide, thresholds_of
from signals.events.schema import Event
from signals.features import FeatureSettings
from signals.features.testing import example
from signals.labels import LabelSettings
from signals.news import NewsItem
from signals.pipeline import build_features, label, read_events, walk_forward
from signals.splits import SplitSettings


def report(probability: list[float], forward_return: list[float]) -> Any:
    sample = pd.DataFrame(
        {"probability": probability, "forward_return": forward_return, "cost": 0.003}
    )
    return SimpleNamespace(calibration_sample=sample, fold=0)


def test_fixed_thresholds_include_their_value() -> None:
    past = report([0.9, 0.8], [-0.1, -0.1])
    settings = DecisionSettings(threshold="fixed", long_above=0.6, short_below=0.4)
    cut = thresholds_of(past, settings)
    assert [cut.direction(p) for p in (0.6, 0.59, 0.5, 0.41, 0.4)] == [1, 0, 0, 0, -1]


def test_a_fold_without_a_calibration_block_keeps_the_thresholds_of_the_settings() -> None:
    cut = thresholds_of(report([], []), DecisionSettings(long_above=0.6, short_below=0.4))
    assert (cut.long_above, cut.short_below) == (0.6, 0.4)


def test_an_edge_threshold_is_where_the_past_earned_most_after_costs() -> None:
    past = report([0.9, 0.8, 0.7, 0.6, 0.55], [0.05, 0.04, 0.01, -0.05, -0.05])
    settings = DecisionSettings(threshold="edge", min_edge_rows=1, cost_bp=50)
    cut = thresholds_of(past, settings)
    assert cut.long_above == 0.7
    assert cut.short_below == -math.inf or cut.short_below < 0.5
    dearer = settings.model_copy(update={"cost_bp": 150.0})
    assert thresholds_of(past, dearer).long_above == 0.8


def test_an_edge_is_net_of_what_a_round_trip_cost_on_its_own_date() -> None:
    past = report([0.9, 0.8, 0.7], [0.05, 0.01, 0.01])
    settings = DecisionSettings(threshold="edge", min_edge_rows=1)
    assert thresholds_of(past, settings).long_above == 0.7
    past.calibration_sample["cost"] = [0.003, 0.003, 0.02]
    assert thresholds_of(past, settings).long_above == 0.8
    past.calibration_sample["cost"] = np.nan
    with pytest.raises(ConfigError, match="what a round trip costs"):
        thresholds_of(past, settings)


def test_a_side_that_earned_nothing_abstains() -> None:
    past = report([0.9, 0.8, 0.2, 0.1], [-0.01, -0.02, 0.01, 0.03])
    cut = thresholds_of(past, DecisionSettings(threshold="edge", min_edge_rows=1))
    assert cut.direction(0.99) == 0 == cut.direction(0.01)


def test_an_edge_needs_rows_to_speak_for_it() -> None:
    past = report([0.9, 0.8], [0.1, 0.1])
    settings = DecisionSettings(threshold="edge", min_edge_rows=3)
    assert thresholds_of(past, settings).long_above == math.inf


def test_thresholds_that_cross_are_refused() -> None:
    with pytest.raises(ValidationError, match="must lie above"):
        DecisionSettings(long_above=0.5, short_below=0.5)


def test_every_answer_becomes_one_signal_that_expires_with_its_horizon() -> None:
    tried = example(n_stories=1200)
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    labels = label(features, tried.market, tried.calendar, LabelSettings(horizon=4))
    predictions = walk_forward(
        features, labels, SplitSettings(min_train_rows=60), ClassifierSettings(), 1, baselines=False
    )
    signals = decide(predictions, features, tried.calendar, DecisionSettings(threshold="fixed"))
    assert len(signals) == len(predictions) == len({signal.signal_id for signal in signals})
    assert {signal.direction for signal in signals} == {-1, 0, 1}
    sessions = features.sessions.iloc[predictions.positions]
    for signal, session in zip(signals, sessions, strict=True):
        assert signal.effective_session == session.date()
        assert signal.decided_at < tried.calendar.open_at(signal.effective_session)
        assert signal.expires_session == tried.calendar.next_session(session.date(), 4)
        assert signal.event_ids
    assert [s.probability for s in signals] == predictions.values["probability"].tolist()
    later = decide(
        predictions, features, tried.calendar, DecisionSettings(threshold="fixed", horizon=9)
    )
    assert later[0].expires_session == tried.calendar.next_session(later[0].effective_session, 9)

    assert {signal.size for signal in signals} == {1.0}
    cautious = DecisionSettings(
        threshold="fixed", size_down=True, size_down_to=0.25, size_down_skill=0.9
    )
    sizes = [signal.size for signal in decide(predictions, features, tried.calendar, cautious)]
    drifts = (predictions.drift["skill"] < 0.9) | (predictions.drift["psi"] > 0.25)
    assert sizes == np.where(drifts, 0.25, 1.0).tolist()
    assert set(sizes) == {0.25, 1.0}


def test_stories_are_read_in_the_order_in_which_they_became_known() -> None:
    tried = example(n_stories=200)
    truth = {item.item_id: events for item, events in tried.readings}
    seen: list[str] = []

    class Reading:
        def read(self, item: NewsItem) -> tuple[Event, ...]:
            return truth[item.item_id]

    class Watching:
        def see(self, item: NewsItem, events: tuple[Event, ...]) -> tuple[Event, ...]:
            seen.append(item.item_id)
            return events

    order = np.random.default_rng(0).permutation(len(tried.readings))
    items = [tried.readings[at][0] for at in order.tolist()]
    read = read_events(items, Reading(), Watching())
    clocks = [item.available_at for item, _ in read]
    assert clocks == sorted(clocks)
    assert seen == [item.item_id for item, _ in read]
    assert all(events == truth[item.item_id] for item, events in read)
