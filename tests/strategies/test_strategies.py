"""The built-in strategies: each keeps the laws, and does on small views what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pandas as pd
import pytest

from markets.errors import ConfigError
from markets.settings import Settings
from signals.decisions import Signal
from strategies.base import NoParams, SignalStrategy, View, build_params
from strategies.baselines import (
    BuyAndHold,
    EqualWeight,
    RandomEntries,
    RandomEntriesParams,
    random_like,
)
from strategies.event_hold import EventHold, EventHoldParams
from strategies.testing import check_strategy
from strategies.top_ranked import TopRanked, TopRankedParams
from strategies.trader import check_targets

SESSION, BEFORE = date(2025, 9, 12), date(2025, 9, 11)


def signal(ticker: str, probability: float, direction: int = 1, fresh: bool = True) -> Signal:
    return Signal(
        signal_id=ticker,
        ticker=ticker,
        decided_at=datetime(2025, 9, 11, 1, tzinfo=UTC),
        effective_session=SESSION if fresh else BEFORE,
        expires_session=date(2025, 9, 19),
        direction=direction,  # type: ignore[arg-type]
        probability=probability,
        fold=0,
        model_sha256="",
    )


def view(*signals: Signal, **fields: Any) -> View:
    fresh = tuple(each for each in signals if each.effective_session == SESSION)
    standing = tuple(each for each in signals if each.direction)
    return View(SESSION, BEFORE, 3, signals=fresh, standing=standing, **fields)


CASES: list[tuple[type[SignalStrategy[Any]], Settings]] = [
    (EventHold, EventHoldParams(max_positions=2)),
    (TopRanked, TopRankedParams(k=2)),
    (TopRanked, TopRankedParams(k=3, rebalance=True)),
    (BuyAndHold, NoParams()),
    (EqualWeight, NoParams()),
    (RandomEntries, RandomEntriesParams(entries={date(2024, 1, day): 2 for day in range(2, 30)})),
]


@pytest.mark.parametrize(("strategy", "params"), CASES)
def test_built_in_strategies_keep_the_laws(
    strategy: type[SignalStrategy[Any]], params: Settings
) -> None:
    check_strategy(strategy, params, examples=60)


def test_event_hold_fills_free_slots_with_the_most_probable() -> None:
    strategy = EventHold(EventHoldParams(max_positions=3))
    signals = [signal("A", 0.6), signal("B", 0.9), signal("C", 0.8), signal("D", 0.7)]
    held = {"E": 100, "X": 100}
    targets = strategy.targets(view(*signals, signal("E", 0.5, fresh=False), holdings=held))
    assert list(targets.items()) == [("X", 0.0), ("B", 1 / 3), ("C", 1 / 3)]


def test_event_hold_enters_late_never_and_twice_never() -> None:
    strategy = EventHold(EventHoldParams(weight=0.25))
    assert strategy.targets(view(signal("A", 0.9, fresh=False))) == {}
    assert strategy.targets(view(signal("A", 0.9), holdings={"A": 100})) == {}
    assert strategy.targets(view(signal("A", 0.9), waiting={"A": 100})) == {}
    assert strategy.targets(view(signal("A", 0.9, -1), holdings={"A": 100})) == {"A": 0.0}
    assert strategy.targets(view(signal("A", 0.9))) == {"A": 0.25}


def test_top_ranked_holds_the_best_that_stand() -> None:
    strategy = TopRanked(TopRankedParams(k=2))
    signals = [signal("A", 0.6), signal("B", 0.9, fresh=False), signal("C", 0.6)]
    assert strategy.targets(view(*signals, holdings={"C": 5})) == {"C": 0.0, "B": 0.5, "A": 0.5}
    assert strategy.targets(view(*signals, holdings={"A": 5, "B": 5})) == {}


def test_buy_and_hold_buys_once() -> None:
    known = view(closes={"A": 1.0, "B": 2.0})
    assert BuyAndHold(NoParams()).targets(known) == {"A": 0.5, "B": 0.5}
    assert BuyAndHold(NoParams()).targets(replace(known, holdings={"A": 5})) == {}


def test_equal_weight_turns_over_with_the_month() -> None:
    strategy = EqualWeight(NoParams())
    known = view(closes={"A": 1.0, "B": 2.0}, traded=frozenset("A"), holdings={"A": 5})
    assert strategy.targets(known) == {}
    turned = replace(known, session=date(2025, 10, 2), known_session=date(2025, 9, 30))
    assert strategy.targets(turned) == {"A": 0.5}


def test_random_entries_have_the_habits_of_a_run() -> None:
    trades = pd.DataFrame(
        {
            "side": ["long", "long", "long"],
            "entry_session": pd.to_datetime(["2025-09-12", "2025-09-12", "2025-09-15"]),
            "sessions_held": [2, 4, 90],
            "is_open": [False, False, True],
        }
    )
    settings = random_like(trades, weight=0.2, seed=7, reserve_bp=10.0)
    params = build_params(RandomEntriesParams, settings.params, where="params")
    assert params == RandomEntriesParams(
        entries={SESSION: 2, date(2025, 9, 15): 1}, hold_sessions=3, weight=0.2, seed=7
    )
    assert (settings.name, settings.reserve_bp) == ("random_entries", 10.0)
    pool = frozenset("ABCDEF")
    known = view(traded=pool, holdings={"A": 5, "B": 5}, ages={"A": 3, "B": 2})
    targets = RandomEntries(RandomEntriesParams.model_validate(params.model_dump())).targets(known)
    assert targets.pop("A") == 0.0
    assert set(targets.values()) == {0.2}
    assert len(targets) == 2
    assert set(targets) <= pool - {"A", "B"}


class Forgetful(SignalStrategy[NoParams]):
    """Breaks one law on demand."""

    sin: ClassVar[str] = ""
    calls = 0

    def targets(self, view: View) -> Mapping[str, float]:
        if self.sin == "memory":
            self.calls += 1
            return dict.fromkeys(sorted(view.closes), float(self.calls))
        if self.sin == "change":
            view.holdings.clear()  # type: ignore[attr-defined]
        if self.sin == "future":
            bars = view.history._bars
            return {ticker: float(bars[ticker]["close"][-1] > 50.0) for ticker in sorted(bars)}
        if self.sin == "short":
            return dict.fromkeys(view.holdings, -0.1)
        return {"0001.HK": 1.0} if self.sin == "unknown" else {}


@pytest.mark.parametrize(
    ("sin", "law"),
    [
        ("memory", "remembers"),
        ("change", "changes the view"),
        ("future", "looks ahead"),
        ("short", "sells short what may not be sold short"),
        ("unknown", "nobody named"),
    ],
)
def test_the_check_finds_a_strategy_that_breaks_a_law(sin: str, law: str) -> None:
    sinner = type("Sinner", (Forgetful,), {"sin": sin})
    with pytest.raises(AssertionError, match=law):
        check_strategy(sinner, examples=60)
    check_strategy(Forgetful, examples=10)


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        (["0700.HK"], "no mapping"),
        ({"0070.HK": 0.5}, "has no prices"),
        ({"0700.HK": "all"}, "finite number"),
        ({"0700.HK": None}, "finite number"),
        ({"0700.HK": float("nan")}, "finite number"),
        ({"0700.HK": -0.5}, "short selling is off"),
    ],
)
def test_targets_that_no_broker_could_serve_are_refused(targets: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        check_targets(targets, {"0700.HK": None}, "Mine")
    assert caught.value.where == "Mine"
    check_targets({"0700.HK": Decimal("0.5")}, {"0700.HK": None}, "Mine")
