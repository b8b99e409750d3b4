"""Law: what stories and events add, and what belongs to none, is the log-odds: no more, no less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.errors import DataError
from markets.prices import MarketData
from signals.attribution import Attribution, attributions
from signals.classifiers import ClassifierSettings
from signals.classifiers.model import by_group
from signals.events.schema import CERTAINTIES, KINDS, Event
from signals.features import BUILT_IN_GROUPS, FeatureSettings
from signals.features.base import Row
from signals.features.build import build_features, group_of
from signals.features.events import EventKinds
from signals.features.shares import Divides
from signals.features.testing import Example, check_feature_group, check_shares, example
from signals.features.text import TextSettings
from signals.labels import LabelSettings
from signals.news import NewsItem
from signals.pipeline import label, walk_forward
from signals.splits import SplitSettings
from signals.training import Predictions

SPLIT = SplitSettings(
    test_window="month", min_train_months=3, min_train_rows=40, embargo_sessions=5
)
Calibrated = Literal["temperature", "sigmoid", "none"]
TITLES = ("Alibaba beats!", "Alibaba beats!", "Misst die Bank?", "阿里巴巴发布新芯片", "…")


@cache
def tried() -> Example:
    return example(n_stories=500, end=date(2023, 12, 29))


@cache
def example_rows() -> list[Row]:
    return tried().rows()


def events_of(items: Sequence[NewsItem], draws: np.random.Generator) -> tuple[Event, ...]:
    """Return events of any kind; some cancel each other, some are far from all others."""
    found: list[Event] = []
    for number in range(int(draws.integers(0, 9))):
        item = items[int(draws.integers(len(items)))]
        event = Event(
            event_id=f"{item.item_id}-{number}",
            item_id=item.item_id,
            sentence=int(draws.integers(0, 3)),
            kind=KINDS[int(draws.integers(len(KINDS)))],
            tickers=("9988.HK",),
            polarity=float(draws.choice([-1.0, -0.5, 0.0, 0.3, 1.0])),
            certainty=CERTAINTIES[int(draws.integers(len(CERTAINTIES)))],
            available_at=item.available_at,
            rule_id="drawn",
            magnitude_pct=float(draws.choice([-40.0, 3.0, 900.0]))
            if draws.random() < 0.5
            else None,
            amount=float(draws.choice([5e6, 9e15])) if draws.random() < 0.4 else None,
            novelty=float(draws.choice([0.0, 0.1, 1.0])),
            is_reaction=bool(draws.random() < 0.2),
            is_background=bool(draws.random() < 0.1),
            negated=bool(draws.random() < 0.1),
            hedged=bool(draws.random() < 0.3),
        )
        found.append(event)
        if draws.random() < 0.4:
            found.append(replace(event, event_id=f"{event.event_id}-c", polarity=-event.polarity))
    return tuple(found)


def drawn_row(row: Row, seed: int) -> Row:
    """Return a row whose stories say something else, the same thing twice at times."""
    draws = np.random.default_rng(seed)
    items = [
        replace(
            row.items[0],
            item_id=f"{row.items[0].item_id}-{number}",
            title=str(draws.choice(TITLES)),
            body=str(draws.choice(["", "Ein Satz mehr. The end"])),
            outlets=int(draws.choice([1, 3, 10**9])),
        )
        for number in range(int(draws.integers(1, 6)))
    ]
    return replace(row, items=tuple(items), events=events_of(items, draws))


@given(seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
@settings(max_examples=60)
def test_shares_sum_to_their_columns(seeds: list[int]) -> None:
    # Divisible columns of a row do not depend on the rows beside it.
    rows = [drawn_row(example_rows()[0], seed) for seed in seeds]
    for name in BUILT_IN_GROUPS:
        group = group_of(name, FeatureSettings())
        assert isinstance(group, Divides) == (name != "prices")
        if isinstance(group, Divides):
            check_shares(group, rows, group.build(rows, tried().market))


@cache
def explained(
    seed: int,
    calibration: Calibrated = "temperature",
    name: str = "logistic",
    terms: Literal["vocabulary", "hashed"] = "vocabulary",
) -> tuple[list[Row], Predictions, list[Attribution | None]]:
    """Return a walk-forward over an example in which every third row was drawn."""
    rows = [
        drawn_row(row, seed * 10_000 + at) if at % 3 == 0 else row
        for at, row in enumerate(example_rows())
    ]
    chosen = FeatureSettings()
    features = build_features(rows, tried().market, chosen)
    labels = label(features, tried().market, tried().calendar, LabelSettings())
    model = ClassifierSettings(
        name=name,
        # Weights a thousand times as large as by default: rounding would show.
        params={"C": 1.0} if name == "logistic" else {"max_iter": 5},
        calibration=calibration,
        # So few buckets that each holds several words.
        text=TextSettings(min_train_rows=60, min_rows_per_term=3, terms=terms, n_hashed=8),
        min_calibration_rows=20,
    )
    predictions = walk_forward(features, labels, SPLIT, model, 1, baselines=False)
    return rows, predictions, attributions(predictions, rows, features, chosen)


def logits_of(predictions: Predictions) -> np.ndarray:
    """Return the calibrated log-odds; probabilities near 1 have lost half their digits."""
    found = np.empty(len(predictions))
    for fold, model in predictions.models.items():
        here = (predictions.values["fold"] == fold).to_numpy()
        rows = predictions.positions.to_numpy()[here]
        found[here] = model.calibration.log_odds(model.log_odds(rows, predictions.decisions))
    return found


@pytest.mark.parametrize("calibration", get_args(Calibrated))
@given(seed=st.integers(0, 99), terms=st.sampled_from(["vocabulary", "hashed"]))
@settings(max_examples=4)
def test_attributions_add_up(
    calibration: Calibrated, seed: int, terms: Literal["vocabulary", "hashed"]
) -> None:
    rows, predictions, found = explained(seed, calibration, terms=terms)
    logits = logits_of(predictions)
    told = predictions.contributions()
    assert len(found) == len(predictions) > 50
    parts = 0
    for at, one in enumerate(found):
        row, columns = rows[predictions.positions.iloc[at]], told[at]
        assert one is not None
        assert columns is not None
        assert (len(one.stories), len(one.events)) == (len(row.items), len(row.events))
        by = [*one.stories, *one.events, one.none]
        size = 1.0 + math.fsum(abs(value) for part in by for value in part.values())
        assert math.fsum(v for part in by for v in part.values()) == pytest.approx(
            logits[at], abs=1e-12 * size
        )
        for group, summed in by_group(columns).items():
            mine = math.fsum(part.get(group, 0.0) for part in by)
            assert mine == pytest.approx(summed, abs=1e-12 * size)
        assert one.none.keys() <= by_group(columns).keys()
        parts += sum(map(bool, one.events))
    assert parts > 20


@pytest.mark.parametrize("group", ["events", "magnitudes", "moved", "tone", "text"])
def test_of_what_divides_wholly_only_the_zeros_belong_to_none(group: str) -> None:
    # So a column's whole way from 0 is given to events: cut values, and sums near 0, too.
    _, predictions, found = explained(2, terms="hashed")
    for _, answers in predictions.values.assign(at=range(len(found))).groupby("fold"):
        left = [found[at].none.get(group, 0.0) for at in answers["at"]]  # type: ignore[union-attr]
        assert left == pytest.approx([left[0]] * len(left), abs=1e-9)


def test_only_what_an_event_says_counts_for_it() -> None:
    rows, predictions, found = explained(0)
    seen = {"forward": 0, "reaction": 0, "neither": 0, "told again": 0}
    for at, one in enumerate(found):
        assert one is not None
        row = rows[predictions.positions.iloc[at]]
        for event, added in zip(row.events, one.events, strict=True):
            if event.is_reaction and not event.is_background:
                seen["reaction"] += set(added) == {"moved"}
            if event.is_background and not event.is_reaction:
                assert added == {}
                seen["neither"] += 1
            if not (event.is_reaction or event.is_background):
                assert set(added) <= {"events", "magnitudes", "tone"}
                seen["forward"] += bool(added)
        texts = [item.text for item in row.items]
        for place, added in enumerate(one.stories):
            assert set(added) <= {"text", "tone", "flow"}
            if texts[place] in texts[:place]:
                assert "text" not in added
                seen["told again"] += 1
        assert {"bias", "prices"} <= one.none.keys()
    assert min(seen.values()) > 3, seen


def test_events_that_cancel_are_both_shown() -> None:
    # The columns of their sums are 0; what each of them says is not.
    rows, predictions, found = explained(1)
    group = EventKinds(FeatureSettings())
    shown = 0
    for at, one in enumerate(found):
        row = rows[predictions.positions.iloc[at]]
        net = group.shares(row).get("events__net", np.zeros(1))
        if one is None or not net.any() or abs(net.sum()) > 1e-12:
            continue
        signs = np.sign(net[len(row.items) :])
        for kind in {event.kind for event in row.events}:
            here = [of.kind == kind for of in row.events]
            told = np.array([added.get("events", 0.0) for added in one.events])
            if set(signs[here]) >= {-1.0, 1.0}:
                assert np.ptp(told[here]) > 0.0
                shown += 1
    assert shown > 5


def test_what_is_not_linear_has_no_attribution() -> None:
    _, predictions, found = explained(0, name="gradient_boosting")
    assert found == [None] * len(predictions)


class Counts:
    """Counts stories, and says of each that it is one half: too little of two."""

    name = "counts"
    memory = 0
    half = 0.5

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return pd.DataFrame({"counts__stories": [float(len(row.items)) for row in rows]})

    def shares(self, row: Row) -> dict[str, np.ndarray]:
        return {
            "counts__stories": np.r_[np.full(len(row.items), self.half), np.zeros(len(row.events))]
        }


def test_shares_of_ones_own_are_held_to_their_sum() -> None:
    with pytest.raises(DataError, match="do not sum"):
        check_feature_group(Counts)
    check_feature_group(type("Whole", (Counts,), {"half": 1.0}))
