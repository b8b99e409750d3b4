"""What went unseen when outsiders' parts were audited, and honest parts close beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from leak_cases import GROUPS, own_sources
from small_world import TALKATIVE, clean_config
from test_strangers import Memory, first_look

from backtests.config import RunConfig
from backtests.robustness.lookahead import audit_lookahead

TALKING: dict[str, Any] = {"news": "TalkativeNews", "universe": TALKATIVE}

PRICES = {
    "MonthsVolume": ("invented bars", "volume"),
    "HaltsFilledBack": ("invented bars", "close"),
    "AveragedOpens": ("averaged opens", "open"),
    "BlendedCloses": ("closes that know", "close"),
    "OneVendorEarly": ("ahead of the index", "session"),
    "EarlySinceSeptember": ("ahead of the index", "session"),
}
ASKED_AGAIN = {
    "BusyAmongAll": ("OfAddedColumn", "busy"),
    "NotedDrift": ("OfNotes", "attrs"),
    "IndexEndsAtHundred": ("OfTheIndexLevel", "open"),
    "PaidInTodaysShares": ("OfPayouts", "cash_hkd"),
}


@pytest.fixture(scope="module")
def memory() -> Memory:
    """What stories were read as: read once for all cases."""
    return {}


def with_source(folder: Path, kind: str, name: str, **changes: Any) -> RunConfig:
    """The small run on an outsider's prices or news."""
    config = own_sources(folder, **changes)
    chosen = getattr(config, kind).model_copy(update={"source": f"outsider_parts:{name}"})
    return config.model_copy(update={kind: chosen})


def with_group(name: str) -> dict[str, Any]:
    """The feature groups of a run with one of an outsider's."""
    return {"features": {"groups": (*GROUPS, f"outsider_parts:{name}")}}


@pytest.mark.parametrize("name", PRICES)
def test_prices_that_say_when_they_were_made_are_named(
    name: str, memory: Memory, tmp_path: Path
) -> None:
    other = TALKING if name in ("OneVendorEarly", "EarlySinceSeptember") else {}
    report = first_look(with_source(tmp_path, "prices", name, **other), memory)
    assert not report.ok, f"{name} went unseen"
    first = report.findings[0]
    assert (first.stage, first.check, first.column) == ("prices", *PRICES[name])


@pytest.mark.parametrize("name", ASKED_AGAIN)
def test_what_a_source_adds_to_bars_is_asked_again(
    name: str, memory: Memory, tmp_path: Path
) -> None:
    group, column = ASKED_AGAIN[name]
    report = first_look(with_source(tmp_path, "prices", name, **with_group(group)), memory)
    assert not report.ok, f"{name} went unseen"
    first = report.findings[0]
    assert (first.stage, first.check, first.column) == ("prices", "prices as of", column)


def test_an_address_of_later_is_named(memory: Memory, tmp_path: Path) -> None:
    report = first_look(with_source(tmp_path, "news", "TouchedLater"), memory)
    assert not report.ok
    first = report.findings[0]
    assert (first.stage, first.check, first.column) == ("stories", "late stamps", "url")


def test_a_count_of_the_end_is_named(memory: Memory, tmp_path: Path) -> None:
    config = with_source(tmp_path, "news", "CountedAtTheEnd", **with_group("OfOutlets"))
    report = first_look(config, memory)
    assert not report.ok
    assert (report.findings[0].stage, report.findings[0].check) == (
        "features",
        "features that know",
    )
    assert "size of" in report.findings[0].message


def test_an_ex_date_is_looked_at(memory: Memory, tmp_path: Path) -> None:
    config = own_sources(tmp_path, prices="PayingPrices", **with_group("BarOfTheExDay"))
    report = audit_lookahead(config, cuts=1, days=1, memory=memory, stop_at_first=True)
    assert not report.ok
    first = report.findings[0]
    assert (first.check, first.column) == ("features day by day", "own__value")


def test_an_indicator_that_is_computed_at_once_is_named(memory: Memory) -> None:
    config = clean_config(strategy={"name": "outsider_parts:BelowItsMeanAhead"})
    report = first_look(config, memory)
    assert not report.ok
    assert (report.findings[0].stage, report.findings[0].check) == ("orders", "orders day by day")


def test_honest_parts_beside_them_are_accused_of_nothing(memory: Memory, tmp_path: Path) -> None:
    groups = (*GROUPS, "outsider_parts:OfAddedColumn")
    config = own_sources(
        tmp_path,
        features={"groups": groups},
        strategy={"name": "outsider_parts:BelowItsMean"},
    )
    sources = {
        kind: getattr(config, kind).model_copy(update={"source": f"outsider_parts:{name}"})
        for kind, name in (("prices", "SoFar"), ("news", "PlainlyStamped"))
    }
    config = config.model_copy(update=sources)
    report = audit_lookahead(config, cuts=1, days=9, memory=memory)
    assert report.ok, report.text()


def test_an_honest_note_is_no_future(memory: Memory, tmp_path: Path) -> None:
    config = with_source(tmp_path, "prices", "SoFar", **with_group("OfNotes"))
    report = audit_lookahead(config, cuts=1, days=3, memory=memory)
    assert report.ok, report.text()


def test_a_label_of_a_column_more_is_named(memory: Memory, tmp_path: Path) -> None:
    label = {"name": "outsider_parts:SoldAtTheAverage"}
    report = first_look(with_source(tmp_path, "prices", "WithAverages", label=label), memory)
    assert not report.ok
    first = report.findings[0]
    assert (first.check, first.column) == ("labels day by day", "target")
