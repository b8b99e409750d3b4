"""Mistakes of people who had never seen the audit, and honest parts that look strange."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import strangers
from leak_cases import GROUPS, own_sources
from small_world import CLASSIFIER, clean_config

from backtests.config import RunConfig
from backtests.robustness.lookahead import audit_lookahead
from backtests.robustness.lookahead_report import LookaheadReport
from signals.events.schema import Event
from signals.news import NewsItem

Memory = dict[NewsItem, tuple[Event, ...]]

FEATURES = (
    "Gradient",
    "WithoutSeason",
    "WithoutNoise",
    "FridaysWeek",
    "BarOfTheStorysDate",
    "OpeningGap",
    "OneWithAnAdr",
    "NewVendor",
    "StillThere",
    "WildDays",
    "MeanSoFar",
    "LeftOneOut",
    "RareKindsPooled",
    "Topics",
)
LABELS = {
    "OutliersCut": "forward_return",
    "BarrierTouched": "",  # a row that is not there yet
    "ClosesAtMonthsEnd": "target",
}
STRATEGIES = ("LaterLine", "OutAtTheEnd")
PRICES = {
    "LentOpens": "lent opens",
    "LateCloses": "lent opens",
    "DrawnBars": "drawn bars",
}
ODD = (
    "OneProduct",
    "ExpandingQuantile",
    "KeptByContent",
    "Constant",
    "SeededNoise",
    "Season",
    "LearnsAsItGoes",
)


@pytest.fixture(scope="module")
def memory() -> Memory:
    """What stories were read as: read once for all cases."""
    return {}


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    strangers.DATABASE.unlink(missing_ok=True)
    yield
    strangers.DATABASE.unlink(missing_ok=True)


def with_group(name: str) -> RunConfig:
    """The small run with one group of a stranger's beside the house's."""
    return clean_config(features={"groups": (*GROUPS, f"strangers:{name}")})


def with_prices(config: RunConfig, name: str) -> RunConfig:
    """The same run on a stranger's prices."""
    prices = config.prices.model_copy(update={"source": f"stranger_parts:{name}"})
    return config.model_copy(update={"prices": prices})


def first_look(config: RunConfig, memory: Memory) -> LookaheadReport:
    """Audit until something is found."""
    return audit_lookahead(config, cuts=2, memory=memory, stop_at_first=True)


@pytest.mark.parametrize("name", FEATURES)
def test_a_strangers_feature_is_named(name: str, memory: Memory) -> None:
    report = first_look(with_group(name), memory)
    assert not report.ok, f"{name} went unseen"
    assert (report.findings[0].stage, report.findings[0].column) == ("features", "own__value")


@pytest.mark.parametrize("name", LABELS)
def test_a_strangers_label_is_named(name: str, memory: Memory) -> None:
    report = first_look(clean_config(label={"name": f"stranger_parts:{name}"}), memory)
    assert not report.ok, f"{name} went unseen"
    assert report.findings[0].stage == "labels"
    assert report.findings[0].column == LABELS[name]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strangers_strategy_is_named(name: str, memory: Memory) -> None:
    report = first_look(clean_config(strategy={"name": f"stranger_parts:{name}"}), memory)
    assert not report.ok, f"{name} went unseen"
    assert report.findings[0].stage == "orders"


@pytest.mark.parametrize("name", PRICES)
def test_prices_that_a_stranger_mended_are_named(name: str, memory: Memory, tmp_path: Path) -> None:
    report = first_look(with_prices(own_sources(tmp_path), name), memory)
    assert not report.ok, f"{name} went unseen"
    assert (report.findings[0].stage, report.findings[0].check) == ("prices", "price check")
    assert PRICES[name] in report.findings[0].message


def test_what_is_kept_in_a_database_is_named_once(memory: Memory) -> None:
    config = with_group("KeptInADatabase")
    first, again = (audit_lookahead(config, cuts=1, days=9, memory=memory) for _ in range(2))
    kept = {leak.check: leak for leak in first.findings}["kept outside"]
    assert (kept.level, kept.given) == ("suspect", str(strangers.DATABASE))
    assert again.ok, "nothing tells a table that was kept from one that was bought"
    noted = {leak.check: leak for leak in again.findings}
    assert noted["kept outside"].given == str(strangers.DATABASE)
    assert noted["foundations"].column == "own__value"


def test_a_table_in_the_code_is_noted(memory: Memory) -> None:
    report = audit_lookahead(with_group("ReportsInTheCode"), cuts=1, days=9, memory=memory)
    noted = [(leak.check, leak.column) for leak in report.findings if leak.level == "note"]
    assert ("foundations", "own__value") in noted


def test_odd_parts_are_accused_of_nothing(memory: Memory, tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "features": {"groups": (*GROUPS, *(f"odd_parts:{name}" for name in ODD))},
        "label": {"name": "odd_parts:AfterTheHalt"},
        "classifier": {**CLASSIFIER, "name": "odd_parts:Neighbors", "params": {}},
        "strategy": {"name": "odd_parts:CoolsDown"},
    }
    config = with_prices(own_sources(tmp_path, **odd), "Halted")
    report = audit_lookahead(config, cuts=1, days=20, memory=memory)
    assert report.ok, report.text()
    noted = {leak.column for leak in report.findings if leak.check == "foundations"}
    assert noted == {"noise__value, season__value"}
