"""Law: the compiled engine does what backtrader's path does, to the last bit of every table."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from both_engines import Battery, agree, run
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests import orders
from backtests.broker import BrokerSettings
from backtests.compiled import codes, kernel
from backtests.compiled.check import EngineMismatchError, check_engines, first_difference
from backtests.compiled.dated import require_gentle
from backtests.compiled.engine import CompiledRun
from backtests.compiled.policies import shuffle
from backtests.compiled.short_cases import short_case
from backtests.compiled.testing import STRATEGIES, Case, OddLots, Restless, Weekdays, random_case
from backtests.compiled.trials import Trial
from backtests.engine import run_engine
from markets.costs import CostSchedule
from markets.errors import ConfigError, NewswakeError
from markets.hk.fees import Charge
from markets.prices import MarketData
from signals.decisions import Signal, Thresholds
from strategies.base import NoParams, SignalStrategy, StrategySettings, View
from strategies.baselines import BuyAndHold

SEEDS = st.integers(0, 2**40)


# Of the cases of each strategy: where nothing happens, engines agree on nothing.
OFTEN = {
    "fill": 0.9,
    "partial fill": 0.5,
    "corporate action": 0.2,
    "expiry": 0.1,
    "halt": 0.08,
    "rejection": 0.05,
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_engines_agree(strategy: str) -> None:
    battery = Battery()

    @settings(max_examples=420)
    @given(seed=SEEDS)
    def law(seed: int) -> None:
        battery.agree(random_case(seed, strategy))

    law()
    battery.require(420, OFTEN)


def test_cases_in_which_nothing_happens_are_no_battery() -> None:
    battery = Battery()
    for seed in range(3):
        case = random_case(seed, "event_hold")
        battery.agree(Case(case.arguments | {"signals": []}))
    battery.require(3, {})
    with pytest.raises(AssertionError, match=r"too rare in 3 cases: {'fill': 0"):
        battery.require(3, OFTEN)
    with pytest.raises(AssertionError):
        battery.require(4, {})


def test_the_cases_reach_the_rules() -> None:
    """What the law is worth: every end of an order, actions and odd reasons occur in it."""
    seen: Counter[str] = Counter()
    for seed in range(70):
        for strategy in STRATEGIES:
            result = agree(random_case(seed, strategy))
            if result is not None:
                seen.update(result.orders["status"].tolist())
                seen.update(result.orders["reason"].tolist())
                seen["fraction"] += int((result.actions["fraction_hkd"] > 0).sum())
                seen.update(result.actions["kind"].tolist())
                seen["dividend"] += int((result.actions["dividend_hkd"] > 0).sum())
                seen["in specie"] += int((result.actions["in_specie_hkd"] > 0).sum())
                given = result.trades["signal_id"].eq("") & case_follows(strategy)
                seen["given trade"] += int(given.sum())
    of_shorts = {orders.NOT_DESIGNATED, orders.TICK_RULE, orders.MARGIN, orders.NOT_SHORT}
    of_shorts |= {orders.OTHER_SIDE, orders.BUY_IN, "borrow"}
    wanted = {*codes.STATUSES, *codes.REASONS, *codes.KINDS} - of_shorts
    wanted |= {"fraction", "dividend", "in specie", "given trade"}
    # Three reasons are too rare for 420 cases.
    rare = {orders.HOLDINGS, orders.PROCEEDS, orders.NO_BAR_YET}
    assert wanted - rare <= set(seen)
    assert not of_shorts & set(seen)
    assert seen["filled"] > 200


def case_follows(strategy: str) -> bool:
    return strategy in ("event_hold", "top_ranked")


class HalfAndNothing(SignalStrategy[NoParams]):
    """Half in the first ticker, and nothing of whatever else comes in."""

    def targets(self, view: View) -> Mapping[str, float]:
        return {min(view.closes): 0.5} | dict.fromkeys(sorted(set(view.holdings))[1:], 0.0)


def test_shares_of_a_company_that_never_traded_are_sold_once_it_does() -> None:
    """Delivered before its first bar: backtrader's path has no feed for an order then."""
    days = [day.date() for day in pd.bdate_range("2024-01-15", periods=14)]
    index = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session")
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    bars = pd.DataFrame(prices | {"volume": 1e7}, index=index)
    actions = pd.DataFrame(
        {
            "ticker": pd.Series(["0001.HK"], dtype="str"),
            "ex_date": index[[4]],
            "ratio": 1.0,
            "cash_hkd": 0.0,
            "in_specie_ticker": pd.Series(["0002.HK"], dtype="str"),
            "in_specie_ratio": 0.5,
        }
    )
    market = MarketData({"0001.HK": bars, "0002.HK": bars.iloc[8:]}, actions)
    changed = {
        "market": market,
        "start": days[2],
        "end": days[-3],
        "calendar": Weekdays(tuple(days)),
        "signals": [],
        "universe": None,
        "broker": BrokerSettings(),
        "instruments": OddLots(days[-1], 100),
        "costs": CostSchedule(),
        "resolve": lambda _: HalfAndNothing,
    }
    given = random_case(0, "buy_and_hold").arguments | changed
    result = agree(Case(given | {"strategy": StrategySettings()}))
    assert result is not None
    assert result.actions["kind"].tolist() == ["action", "delivery"]
    sales = result.orders[result.orders["ticker"] == "0002.HK"]
    assert set(sales["reason"]) == {orders.NO_BAR_YET, ""}
    assert sales["status"].tolist()[-1] == "filled"
    assert sales["filled_session"].iloc[-1] == index[9]


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


@pytest.mark.parametrize("shorts", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_sweep_is_its_single_runs(strategy: str, shorts: bool, tmp_path: Path) -> None:
    """Equity and counts of every trial are those of the reference run of the same values."""
    for seed in range(8):
        case = short_case(seed, strategy, tmp_path) if shorts else random_case(seed, strategy)
        broker, settings_ = case.arguments["broker"], case.arguments["strategy"]
        trials = [
            Trial(
                settings_.model_copy(update={"reserve_bp": reserve}),
                broker.model_copy(
                    update={
                        "slippage_ticks": ticks,
                        "max_wait_sessions": wait,
                        "short": broker.short.model_copy(update={"margin_pct": 95.0 + wait}),
                    }
                ),
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
            assert swept.trips[number] == len(single.trades)
            assert swept.won[number] == (closed["net_pnl_hkd"] > 0).sum()
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
    """A user's own policy, built on one the kernel knows: it sees what is asked of it."""

    seen: ClassVar[list[View]] = []

    def targets(self, view: View) -> Mapping[str, float]:
        self.seen.append(view)
        return super().targets(view)


def contents(view: View) -> tuple[Any, ...]:
    """Return all that a view tells, its bars too, mappings in their own order."""
    told = [getattr(view, name) for name in View.__dataclass_fields__ if name != "history"]
    plain = [list(value.items()) if isinstance(value, Mapping) else value for value in told]
    bars = [view.history.last(ticker, "close", 99).tolist() for ticker in sorted(view.closes)]
    return (*plain, bars)


class Watched(Restless):
    """Restless, and keeps what it was shown."""

    seen: ClassVar[list[View]] = []

    def targets(self, view: View) -> Mapping[str, float]:
        self.seen.append(view)
        return super().targets(view)


@pytest.mark.parametrize("shorts", [False, True])
@pytest.mark.parametrize(("policy", "strategy"), [(Own, "buy_and_hold"), (Watched, STRATEGIES[-1])])
def test_a_policy_of_ones_own_is_shown_the_same_views(
    policy: Any, strategy: str, shorts: bool, tmp_path: Path
) -> None:
    compared = held = sold = shortable = 0
    for seed in range(12):
        case = short_case(seed, strategy, tmp_path) if shorts else random_case(seed, strategy)
        case.arguments["resolve"] = lambda _: policy
        views = []
        for engine in ("backtrader", "compiled"):
            policy.seen.clear()
            run(case, engine)
            views.append([contents(view) for view in policy.seen])
            held += sum(bool(view.holdings) for view in policy.seen)
            sold += sum(min(view.holdings.values(), default=0) < 0 for view in policy.seen)
            shortable += sum(bool(view.shortable) for view in policy.seen)
        assert views[0] == views[1]
        compared += len(views[0])
    assert compared > 50
    assert held > 50
    assert bool(shortable) == shorts
    assert bool(sold) == (shorts and policy is Watched)


def test_a_policy_meets_tickers_in_their_order_whatever_was_bought_first() -> None:
    Watched.seen.clear()
    for seed in range(8):
        case = random_case(seed, "backtests.compiled.testing:Restless")
        case.arguments["resolve"] = lambda _: Watched
        for engine in ("backtrader", "compiled"):
            run(case, engine)
    assert sum(len(view.holdings) > 1 for view in Watched.seen) > 10
    for view in Watched.seen:
        for mapping in (view.holdings, view.waiting, view.ages, view.origins, view.closes):
            assert list(mapping) == sorted(mapping)


class Narrow(SignalStrategy[NoParams]):
    """Counts in 32 bits."""

    def targets(self, view: View) -> Mapping[str, float]:
        part = np.float32(0.7) / np.float32(max(1, len(view.closes)))
        return dict.fromkeys(view.closes, part)


def test_weights_of_any_width_buy_the_same() -> None:
    filled = 0
    for seed in range(6):
        case = random_case(seed, "equal_weight")
        case.arguments["resolve"] = lambda _: Narrow
        result = agree(case)
        filled += 0 if result is None else len(result.fills)
    assert filled > 10


class OwnCosts:
    """A user's own costs."""

    def note(self, **_: Any) -> Any:
        return None


def refusal(arguments: dict[str, Any]) -> str:
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**arguments)
    return str(caught.value)


def test_what_is_not_served_is_said() -> None:
    case = random_case(5, "buy_and_hold")
    broker = case.arguments["broker"].model_copy(update={"engine": "compiled"})
    given = case.arguments | {"broker": broker}
    said = refusal(given | {"resolve": lambda _: bt.Strategy})
    assert "a strategy written for backtrader (buy_and_hold)" in said
    assert 'broker.engine = "backtrader"' in said
    assert "OwnCosts" in refusal(given | {"costs": OwnCosts()})
    assert "analyzers" in refusal(given | {"prepare": lambda _: None})
    for key, value in {"cash_hkd": 1e15, "slippage_ticks": 10**7}.items():
        beyond = broker.model_copy(update={key: value})
        assert f"broker.{key}" in refusal(given | {"broker": beyond})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cash_hkd": 1e-21}, "a dividend of HKD 1e-21"),
        (
            {"in_specie_ticker": "0002.HK", "in_specie_ratio": 1 / 9999},
            "shares of 0002.HK in specie",
        ),
        ({"ratio": 2.0**40}, "amounts beyond 64 bits (0001.HK, "),
    ],
)
def test_an_action_beyond_64_bits_is_not_served(changed: dict[str, Any], said: str) -> None:
    days = [day.date() for day in pd.bdate_range("2024-01-15", periods=12)]
    index = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session")
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    bars = pd.DataFrame(prices | {"volume": 1e7}, index=index)
    dear = bars.assign(**dict.fromkeys(prices, 6e8))
    row = {"ticker": "0001.HK", "ex_date": index[6], "ratio": 1.0, "cash_hkd": 0.0} | changed
    case = random_case(5, "buy_and_hold")
    given = case.arguments | {
        "market": MarketData({"0001.HK": bars, "0002.HK": dear}, pd.DataFrame([row])),
        "start": days[2],
        "end": days[-3],
        "calendar": Weekdays(tuple(days)),
        "signals": [],
        "universe": None,
        "instruments": OddLots(days[-1], 100),
        "costs": CostSchedule(),
    }
    broker = BrokerSettings(engine="compiled", cash_hkd=2e9, participation=None)
    assert said in refusal(given | {"broker": broker})


def test_a_steep_charge_rounded_up_to_the_dollar_is_not_served() -> None:
    """No schedule has one: stamp duty alone is rounded so."""
    require_gentle(Charge(rate=4_000_000, rounding="dollar_up"), Charge(rate=90_000_000))
    with pytest.raises(ConfigError, match="does not serve") as caught:
        require_gentle(Charge(rate=4_000_001, rounding="dollar_up"))
    assert "a charge of over 4 %" in str(caught.value)
    assert 'broker.engine = "backtrader"' in str(caught.value)


@pytest.mark.parametrize("engine", ["backtrader", "compiled"])
def test_what_is_no_strategy_is_refused_by_both(engine: str) -> None:
    case = random_case(5, "buy_and_hold")
    case.arguments["resolve"] = lambda _: int
    assert run(case, engine) == ("ConfigError", "this is no strategy")


def test_a_changed_source_is_other_compiled_code(tmp_path: Path) -> None:
    """numba looks at one file only: what is compiled must tell all of them apart itself."""
    sources = [tmp_path / name for name in ("kernel.py", "rules.py")]
    for source in sources:
        source.write_text("fee = 1\n")
    stamp = kernel.stamp_of(sources)
    sources[1].write_text("fee = 2\n")
    changed = kernel.stamp_of(sources)
    assert stamp != changed
    keys = []
    for number in (stamp, stamp, changed):
        run_ = kernel._run(number, True, False)
        keys.append(run_._cache._index_key((), run_.targetctx.codegen()))
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_settings_load_no_compiler() -> None:
    code = "import sys, backtests.engine, backtests.config; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
