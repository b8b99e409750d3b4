"""The audit of look-ahead: it catches every planted leak, and accuses no honest run."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import leaky_labels
import leaky_sources
import numpy as np
import pytest
import sly_parts
from hidden_parts import FILE, KEPT
from leak_cases import CASES, GROUPS, Case, own_sources, with_classifier
from small_world import CLASSIFIER, TICKERS, clean_config

from backtests.config import RunConfig
from backtests.inputs import load_inputs
from backtests.journal import Journal
from backtests.robustness.lookahead import audit_lookahead
from markets.calendar import hong_kong_calendar
from markets.errors import LeakError
from signals.events.schema import Event
from signals.news import NewsItem

Memory = dict[NewsItem, tuple[Event, ...]]
OWN_GROUPS = (*GROUPS, "honest_parts:Weekday")


@pytest.fixture(scope="module")
def memory() -> Memory:
    """What stories were read as: read once for all cases."""
    return {}


@pytest.fixture(autouse=True)
def _fresh_parts() -> Iterator[None]:
    sly_parts.TABLE.unlink(missing_ok=True)
    yield
    for name in ("leaky_features", "hidden_parts", "sibling_state"):
        sys.modules.pop(name, None)
    for name in (KEPT, leaky_labels.KEPT, leaky_sources.KEPT_SCALE, leaky_sources.KEPT_STORIES):
        vars(np).pop(name, None)
    for path in (FILE, sly_parts.COUNTED, sly_parts.TABLE):
        path.unlink(missing_ok=True)
    vars(hong_kong_calendar()).pop("kept", None)
    os.environ.pop(sly_parts.VARIABLE, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_catches(
    case: Case, memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = case.plant(monkeypatch, tmp_path)
    report = audit_lookahead(config, cuts=2, days=case.days, memory=memory, stop_at_first=True)
    assert not report.ok, f"{case.name} ({case.why}) went unseen"
    with pytest.raises(LeakError):
        report.require()
    found, at = report.findings[0], case.at
    assert found.stage == at.stage, found
    assert found.column == at.column or not at.column, found
    about_all_rows = found.level == "suspect" and not found.row
    assert about_all_rows or re.search(at.row, found.row), found


def test_at_least_thirty_leaks_are_planted() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 30


CLEAN: dict[str, Callable[[Path], RunConfig]] = {
    "as it is": lambda folder: clean_config(),
    "another world": lambda folder: clean_config(seed=1),
    "edge thresholds, rolling window": lambda folder: clean_config(
        decision={"threshold": "edge", "min_edge_rows": 5},
        split={
            "min_train_rows": 40,
            "train": "rolling",
            "train_months": 5,
            "min_train_months": 3,
            "embargo_sessions": 5,
        },
        strategy={"name": "top_ranked"},
    ),
    "barriers, trailing beta, dead band, hashed words, another clock": lambda folder: clean_config(
        label={
            "exit": "triple_barrier",
            "beta": "trailing",
            "beta_sessions": 20,
            "horizon": 5,
            "dead_band_bp": "round_trip",
        },
        classifier={**CLASSIFIER, "text": {**CLASSIFIER["text"], "terms": "hashed"}},
        clock={"lead_minutes": 120, "latency_seconds": 600},
    ),
    "trees, orders that wait, slippage": lambda folder: clean_config(
        classifier={"name": "gradient_boosting"},
        broker={"max_wait_sessions": 2, "slippage_ticks": 1, "participation": 0.001},
    ),
    "dividends": lambda folder: own_sources(folder, prices="PayingPrices"),
    "back-adjusted prices": lambda folder: own_sources(folder, prices="AdjustedPrices"),
    "own classifier, own feature": lambda folder: with_classifier("Centered").model_copy(
        update={"features": clean_config(features={"groups": OWN_GROUPS}).features}
    ),
    "own label, holidays as announced, a memory that fades": lambda folder: clean_config(
        label={"name": "leaky_labels:ThreeOpens"},
        features={"groups": (*GROUPS, "sly_parts:HolidayAhead", "sly_parts:Faded")},
    ),
}


TICKS = "prices are adjusted: they never lay on ticks"
OWN = "a label of one's own"
UNSEEN = {
    "barriers, trailing beta, dead band, hashed words, another clock": {
        "label benchmarks": "a trailing beta is not estimated again"
    },
    "back-adjusted prices": {"adjusted in secret": TICKS, "averaged opens": TICKS},
    "own label, holidays as announced, a memory that fades": dict.fromkeys(
        ("label values", "label benchmarks"), OWN
    ),
}
"""What has nothing to look at, but for too few entries and a source that is not asked again."""


@pytest.mark.parametrize("name", CLEAN)
def test_accuses_no_honest_run(name: str, memory: Memory, tmp_path: Path) -> None:
    report = audit_lookahead(CLEAN[name](tmp_path), cuts=2, memory=memory)
    assert report.ok, report.text()
    assert report.compared > 10_000
    first, second = (date.fromisoformat(cut) for cut in report.cuts)
    assert first.day > 5, "one cut lies inside a test window"
    unseen = {one.check: one.unseen for one in report.done if one.held is None}
    few, asked = unseen.pop("entries that know", None), unseen.pop("prices as of", None)
    assert few in (None, "fewer than 30 entries")
    assert (asked is None) == (name in ("dividends", "back-adjusted prices"))
    assert unseen == UNSEEN.get(name, {})
    assert second.month % 3 == 1, "the other at the start of one"
    assert second.day < 15


def test_a_report_names_stage_column_row_and_both_values(memory: Memory) -> None:
    groups = (*GROUPS, "leaky_features:RankedOnAll")
    journal = Journal()
    config = clean_config(features={"groups": groups})
    report = audit_lookahead(config, cuts=2, memory=memory, journal=journal, stop_at_first=True)
    found = report.findings[0]
    assert (found.level, found.stage, found.column) == ("leak", "features", "own__value")
    assert found.row.endswith(TICKERS)
    assert found.cut
    assert float(found.expected) != float(found.given)
    assert report.verdict.startswith("Look-ahead, first in features")
    assert json.loads(json.dumps(report.as_dict()))["findings"][0]["column"] == "own__value"
    assert all(part in report.text() for part in (found.row, found.expected, found.given))
    assert "row clocks" in journal.seconds
    with pytest.raises(LeakError, match="features day by day") as caught:
        report.require()
    assert caught.value.exit_code == 5


def test_two_audits_are_equal(memory: Memory) -> None:
    inputs = load_inputs(clean_config())
    groups = (*GROUPS, "leaky_features:ScaledOnAll")
    config = clean_config(features={"groups": groups})
    one, other = (
        audit_lookahead(config, inputs, cuts=1, memory=memory, stop_at_first=True).as_dict()
        for _ in range(2)
    )
    assert one == other
