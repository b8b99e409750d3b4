"""Law: the compiled engine does what backtrader's path does, to the last bit of every table."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests import orders
from backtests.compiled import layout
from backtests.compiled.check import EngineMismatchError, check_engines, first_difference
from backtests.compiled.engine import CompiledRun
from backtests.compiled.policies import shuffle
from backtests.compiled.testing import STRATEGIES, Case, random_case
from backtests.compiled.trials import Trial
from backtests.engine import run_engine
from backtests.result import EngineResult
from markets.errors import ConfigError, NewswakeError
from signals.decisions import Signal, Thresholds
from strategies.baselines import BuyAndHold

SEEDS = st.integers(0, 2**40)


def run(case: Case, engine: str) -> EngineResult | tuple[str, str]:
    """Return what an engine did, or what it refused and how."""
    broker = case.arguments["broker"].model_copy(update={"engine": engine})
    try:
        return run_engine(**case.arguments | {"broker": broker})
    except NewswakeError as error:
        return type(error).__name__, error.problem


def agree(case: Case) -> EngineResult | None:
    """Demand that both engines do, or refuse, the same; return what they did."""
    reference, compiled = run(case, "backtrader"), run(case, "compiled")
    if isinstance(reference, tuple) or isinstance(compiled, tuple):
        assert reference == compiled
        return None
    assert first_difference(reference, compiled) is None
    return reference


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=420)
@given(seed=SEEDS)
def test_the_engines_agree(strategy: str, seed: int) -> None:
    agree(random_case(seed, strategy))


def test_the_cases_reach_the_rules() -> None:
    """What the law is worth: every end of an order, actions and odd reasons occur in it."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        for strategy in STRATEGIES:
            result = agree(random_case(seed, strategy))
            if result is not None:
                seen.update(result.orders["status"].tolist())
                seen.update(result.orders["reason"].tolist())
                seen["fraction"] += int((result.actions["fraction_hkd"] > 0).sum())
                seen.update(result.actions["kind"].tolist())
                seen["dividend"] += int((result.actions["dividend_hkd"] > 0).sum())
    wanted = {*layout.STATUSES, *layout.REASONS, *layout.KINDS, "fraction", "dividend"}
    # Three reasons are too rare for 200 cases.
    rare = {orders.HOLDINGS, orders.PROCEEDS, orders.NO_BAR_YET}
    assert wanted - rare <= set(seen)
    assert seen["filled"] > 200


def prepared(case: Case, signals: list[Signal] | None = None) -> CompiledRun:
    given, calendar = case.arguments, case.arguments["calendar"]
    sessions = case.sessions
    return CompiledRun(
        given["market"],
        given["signals"] if signals is None else signals,
        [
            calendar.previous_session(sessions[0]),
            *sessions,
            calendar.next_session(sessions[-1]),
        ],
        broker=given["broker"],
        lots=given["instruments"],
        costs=given["costs"],
        universe=given["universe"],
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_sweep_is_its_single_runs(strategy: str) -> None:
    """Equity and counts of every trial are those of the reference run of the same values."""
    for seed in range(8):
        case = random_case(seed, strategy)
        broker, settings_ = case.arguments["broker"], case.arguments["strategy"]
        trials = [
            Trial(
                settings_.model_copy(update={"reserve_bp": reserve}),
                broker.model_copy(update={"slippage_ticks": ticks, "max_wait_sessions": wait}),
                Thresholds(above, 0.3),
            )
            for reserve, ticks, wait, above in [
                (0.0, 0, 0, 0.5),
                (80.0, 2, 3, 0.9),
                (9.5, 1, 1, 0.6),
            ]
        ]
        try:
            swept = prepared(case).sweep(trials, seed=case.arguments["seed"])
        except NewswakeError:
            continue
        for number, trial in enumerate(trials):
            cut = trial.thresholds
            assert cut is not None
            decided = [
                replace(each, direction=cut.direction(each.probability))
                for each in case.arguments["signals"]
            ]
            changed = {"strategy": trial.strategy, "broker": trial.broker, "signals": decided}
            single = run_engine(**case.arguments | changed)
            wanted = np.rint(single.equity["equity_hkd"].to_numpy() * 100).astype(np.int64)
            assert swept.equity[number].tolist() == wanted.tolist()
            assert swept.orders[number] == len(single.orders)
            assert swept.fills[number] == len(single.fills)
            assert swept.trades[number] == (~single.trades["is_open"]).sum()
            closed = single.trades[~single.trades["is_open"]]
            assert swept.won[number] == (closed["net_pnl_hkd"] > 0).sum()
            assert swept.trips[number] == len(single.trades)
            assert swept.cost[number] == round(single.equity["cost_hkd"].sum() * 100)


def test_random_entries_draw_what_numpy_draws() -> None:
    """The kernel's choices are rebuilt from raw words: a numpy that draws otherwise shows here."""
    draws_checked = 0
    for seed in range(30):
        for size in (1, 2, 3, 7, 8, 9, 33, 64, 65, 300):
            raw = np.random.PCG64([seed, 738000]).random_raw(2 * size + 64)
            words = np.empty(2 * len(raw), dtype=np.uint32)
            words[0::2], words[1::2] = raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)
            pool = np.arange(size)
            assert shuffle(pool, size, words)
            wanted = np.random.default_rng([seed, 738000]).permutation(size)
            assert pool.tolist() == wanted.tolist()
            draws_checked += 1
    assert draws_checked == 300


def test_a_check_names_the_first_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = (random_case(seed, "event_hold") for seed in range(100))
    case, result = next(
        (case, result)
        for case in cases
        if (result := agree(case)) is not None and not result.fills.empty
    )
    pd.testing.assert_frame_equal(check_engines(**case.arguments).fills, result.fills)
    dearer = result.fills.assign(cost_hkd=result.fills["cost_hkd"] + 0.01)
    found = first_difference(result, replace(result, fills=dearer))
    assert found is not None
    assert (found.table, found.row, found.column) == ("fills", "fill 1", "cost_hkd")
    shorter = replace(result, orders=result.orders.iloc[:-1])
    found = first_difference(result, shorter)
    assert found is not None
    assert (found.table, found.column) == ("orders", "rows")
    monkeypatch.setattr("backtests.compiled.engine.run_compiled", lambda *_, **__: shorter)
    with pytest.raises(EngineMismatchError, match="differ in 'rows' of order") as caught:
        check_engines(**case.arguments)
    assert caught.value.exit_code == 1


class Own(BuyAndHold):
    """A user's own policy."""


class OwnCosts:
    """A user's own costs."""

    def note(self, **_: Any) -> Any:
        return None


def test_what_is_not_served_is_said() -> None:
    given = random_case(5, "buy_and_hold").arguments
    broker = given["broker"].model_copy(update={"engine": "compiled"})
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**given | {"broker": broker, "resolve": lambda _: Own})
    assert "strategy 'buy_and_hold'" in str(caught.value)
    assert 'broker.engine = "backtrader"' in str(caught.value)
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**given | {"broker": broker, "costs": OwnCosts()})
    assert "OwnCosts" in str(caught.value)
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**given | {"broker": broker, "prepare": lambda _: None})
    assert "analyzers" in str(caught.value)
    market = given["market"]
    ex_date = pd.DatetimeIndex([given["start"]]).astype("datetime64[s]")
    first, other = market.tickers[0], f"{market.tickers[0][:3]}9.HK"
    table = pd.DataFrame(
        {
            "ticker": pd.Series([first], dtype="str"),
            "ex_date": ex_date,
            "ratio": 1.0,
            "cash_hkd": 0.0,
            "in_specie_ticker": pd.Series([other], dtype="str"),
            "in_specie_ratio": 0.1,
        }
    )
    bars = {**market.bars, other: market.bars[first]}
    distributing = replace(market, bars=bars, actions=table, adjusted=False)
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**given | {"broker": broker, "market": distributing})
    assert f"shares of {other} in specie" in str(caught.value)


def test_settings_load_no_compiler() -> None:
    code = "import sys, backtests.engine, backtests.config; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
