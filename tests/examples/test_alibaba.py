"""The worked case says what its facts say: clocks, events, returns, and the refusal."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from markets.calendar import ClockSettings, DecisionClock, hong_kong_calendar
from markets.costs import CostSchedule
from markets.errors import LeakError
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import Event
from signals.linking import Linker

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "alibaba-2025-09-12"
FRIDAY, MONDAY = date(2025, 9, 12), date(2025, 9, 15)


@pytest.fixture(scope="module")
def case() -> ModuleType:
    spec = spec_from_file_location("alibaba_show", FOLDER / "show.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def events(case: ModuleType) -> dict[str, tuple[Event, ...]]:
    reader = Reader(Linker(Instruments.default()))
    return {item.item_id: reader.read(item) for item in case.stories()}


def test_the_prices_are_those_of_the_day(case: ModuleType) -> None:
    figures = {
        ticker: {name: str(price) for name, price in row.items()}
        for ticker, row in case.prices().items()
    }
    assert figures == {
        "9988.HK": {"previous_close": "143.30", "open": "151.7", "high": "153.8", "close": "151.1"},
        "9888.HK": {"previous_close": "106.5", "open": "110.5", "close": "115.1"},
    }


def test_the_honest_trade_loses_what_the_naive_one_books(case: ModuleType) -> None:
    alibaba, baidu, naive = case.trades()
    # By hand: 151.1 / 151.7 − 1, 115.1 / 110.5 − 1, 151.1 / 143.3 − 1.
    assert f"{alibaba.gross:.4%}" == "-0.3955%"
    assert f"{baidu.gross:.4%}" == "4.1629%"
    assert f"{naive.gross:.4%}" == "5.4431%"
    costs = CostSchedule()
    for trade in (alibaba, baidu, naive):
        assert trade.net(costs) < trade.gross


def test_the_news_reaches_friday_and_the_article_about_it_monday(case: ModuleType) -> None:
    clock = DecisionClock(hong_kong_calendar(), ClockSettings())
    reached = {item.item_id: clock.effective_session(item.available_at) for item in case.stories()}
    assert reached == {
        "bond-de": FRIDAY,
        "chips-night": FRIDAY,
        "qwen-zh": FRIDAY,
        "headline-de": MONDAY,
    }


def test_three_languages_are_told(case: ModuleType) -> None:
    assert {item.language for item in case.stories()} == {"de", "en", "zh"}


def test_the_bond_and_the_spending_are_read_with_their_sums(
    events: dict[str, tuple[Event, ...]],
) -> None:
    stated = {(event.kind, event.currency, event.amount) for event in events["bond-de"]}
    assert ("financing", "USD", 3.2e9) in stated
    assert ("capex", "USD", 53e9) in stated
    assert {event.tickers for event in events["bond-de"]} == {("9988.HK",)}


def test_the_chips_concern_both_companies_and_are_reported(
    events: dict[str, tuple[Event, ...]],
) -> None:
    (chips,) = events["chips-night"]
    assert (chips.kind, chips.certainty) == ("chip_selfdev", "reported")
    assert set(chips.tickers) == {"9988.HK", "9888.HK"}


def test_the_model_is_a_product_launch(events: dict[str, tuple[Event, ...]]) -> None:
    assert [(event.kind, event.tickers) for event in events["qwen-zh"]] == [
        ("product_launch", ("9988.HK",))
    ]


def test_the_moves_are_never_forward_news(events: dict[str, tuple[Event, ...]]) -> None:
    moves = events["headline-de"]
    assert {event.kind for event in moves} == {"price_move"}
    assert not any(event.is_fresh_forward for event in moves)
    stated = {(event.tickers, event.magnitude_pct) for event in moves}
    assert {(("9988.HK",), 5.9), (("9888.HK",), 8.5)} <= stated


def test_newswake_refuses_the_naive_backtest(case: ModuleType) -> None:
    refusal = case.refusal()
    assert isinstance(refusal, LeakError)
    assert refusal.exit_code == 5
    assert "not yet known" in str(refusal)


def test_the_readme_shows_what_the_script_prints() -> None:
    shown = subprocess.run(
        [sys.executable, str(FOLDER / "show.py")],
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=FOLDER.parents[1],
        env={"PYTHONPATH": str(FOLDER.parents[1]), "PYTHONIOENCODING": "utf-8"},
    )
    assert shown.stdout.strip() in (FOLDER / "README.md").read_text(encoding="utf-8")
