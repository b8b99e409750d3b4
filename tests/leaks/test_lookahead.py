"""The audit of look-ahead: it catches every planted leak, and accuses no honest run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from leak_cases import CASES, Case

from backtests.robustness.lookahead import audit_lookahead
from markets.errors import LeakError
from signals.events.schema import Event
from signals.news import NewsItem

Memory = dict[NewsItem, tuple[Event, ...]]


@pytest.fixture(scope="module")
def memory() -> Memory:
    """What stories were read as: read once for all cases."""
    return {}


@pytest.fixture(autouse=True)
def _fresh_parts() -> Iterator[None]:
    yield
    sys.modules.pop("leaky_features", None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_catches(
    case: Case, memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = case.plant(monkeypatch, tmp_path)
    report = audit_lookahead(config, cuts=2, memory=memory, stop_at_first=True)
    assert not report.ok, f"{case.name} ({case.why}) went unseen"
    with pytest.raises(LeakError):
        report.require()


def test_at_least_thirty_leaks_are_planted() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 30
