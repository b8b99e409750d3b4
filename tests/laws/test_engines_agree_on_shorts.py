"""Law: with short selling on, the compiled engine does what backtrader's path does, bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from both_engines import Battery, agree, run
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests import orders
from backtests.broker import BrokerSettings
from backtests.compiled import codes, rules, trials
from backtests.compiled.check import check_engines
from backtests.compiled.short_cases import short_case
from backtests.compiled.testing import STRATEGIES, Case, OddLots, Weekdays
from backtests.engine import run_engine
from backtests.orders import BUY_IN
from backtests.result import EngineResult
from backtests.shorts import ShortSettings
from markets.costs import CostSchedule
from markets.errors import ConfigError
from markets.prices import MarketData, no_actions
from markets.settings import Settings
from signals.decisions import Signal
from strategies.base import SignalStrategy, StrategySettings, View

SEEDS = st.integers(0, 2**40)
BASELINES = ("buy_and_hold", "equal_weight")
SHORT_SELLERS = tuple(name for name in STRATEGIES if name not in BASELINES)


@pytest.fixture(scope="session")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every case writes its list, in place of the one before."""
    return tmp_path_factory.mktemp("lists")


# Of the cases of each strategy; what sells nothing short is there for the kernel it runs on.
OFTEN = {
    "fill": 0.85,
    "short": 0.4,
    "partial fill": 0.25,
    "rejection": 0.2,
    "expiry": 0.15,
    "corporate action": 0.15,
    "halt": 0.08,
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_engines_agree_on_shorts(strategy: str, lists: Path) -> None:
    battery, seller = Battery(), strategy in SHORT_SELLERS
    cases = 300 if seller else 40

    @settings(max_examples=cases)
    @given(seed=SEEDS)
    def law(seed: int) -> None:
        battery.agree(short_case(seed, strategy, lists))

    law()
    battery.require(cases, OFTEN if seller else {"fill": 0.9})


def test_the_cases_reach_the_rules(lists: Path) -> None:
    """What the law is worth: every rule of the short side has a say in it."""
    seen: Counter[str] = Counter()
    for seed in range(100, 200):
        for strategy in SHORT_SELLERS:
            result = agree(short_case(seed, strategy, lists))
            if result is None:
                continue
            reasons, actions = result.orders["reason"], result.actions
            short = actions["shares_before"] < 0
            seen.update(result.orders["status"].tolist())
            seen.update(reasons.tolist())
            seen.update(actions["kind"].tolist())
            seen[f"short of {strategy}"] += int(result.trades["side"].eq("short").sum())
            seen["closed short"] += int(
                (result.trades["side"].eq("short") & ~result.trades["is_open"]).sum()
            )
            seen["bought in"] += int(reasons.str.startswith(BUY_IN).sum())
            seen["split short"] += int(
                (short & (actions["shares_after"] != actions["shares_before"])).sum()
            )
            seen["fraction"] += int((short & (actions["fraction_hkd"] < 0)).sum())
            seen["owed at once"] += int(
                (short & (actions["dividend_hkd"] < 0) & actions["due_date"].isna()).sum()
            )
            paid = actions["kind"].eq("payment") & (actions["cash_hkd"] < 0)
            seen["owed later"] += int(paid.sum())
            held = np.sign(result.holdings.to_numpy())
            seen["reversal"] += int((held[1:] * held[:-1] < 0).sum())
    wanted = {*codes.STATUSES, *codes.KINDS, "closed short", "bought in", "split short"}
    wanted |= {"fraction", "owed at once", "owed later", "reversal"}
    wanted |= {f"short of {strategy}" for strategy in SHORT_SELLERS}
    wanted |= {orders.NOT_DESIGNATED, orders.TICK_RULE, orders.MARGIN, orders.OTHER_SIDE}
    assert {name for name in wanted if not seen[name]} == set()


class PlanParams(Settings):
    """Parameters of `Planned`."""

    plan: Mapping[int, Mapping[str, float]] = {}
    """Targets by number of the session."""


class Planned(SignalStrategy[PlanParams]):
    """Wants what it is told, whatever happens."""

    Params: ClassVar[type[Settings]] = PlanParams

    def targets(self, view: View) -> Mapping[str, float]:
        return self.params.plan.get(view.number, {})


DAYS = [day.date() for day in pd.bdate_range("2024-01-15", periods=12)]
INDEX = pd.DatetimeIndex(np.array(DAYS, dtype="datetime64[s]"), name="session")
FIRST, SECOND = "0001.HK", "0002.HK"


def bars(closes: list[float], **columns: Any) -> pd.DataFrame:
    """Return bars that open at the close before."""
    opens = [closes[0], *closes[:-1]]
    frame = pd.DataFrame({"open": opens, "close": closes, "volume": 1e8}, index=INDEX)
    frame["high"], frame["low"] = frame.max(axis=1), frame.min(axis=1)
    return frame.assign(high=np.maximum(opens, closes), low=np.minimum(opens, closes), **columns)


def planned(
    lists: Path,
    market: dict[str, pd.DataFrame],
    plan: dict[int, dict[str, float]],
    *,
    actions: pd.DataFrame | None = None,
    broker: dict[str, Any] | None = None,
    **short: Any,
) -> EngineResult:
    """Return what both engines do with a plan in a small market where all may be sold short."""
    path = lists / "all.csv"
    path.write_text(f"ticker,valid_from\n{FIRST},2020-01-01\n{SECOND},2020-01-01\n")
    rules = {"enabled": True, "designated": str(path), "borrow_rate_pct": 3.65} | short
    settings_ = {"participation": None, "short": ShortSettings(**rules)} | (broker or {})
    result = agree(
        Case(
            {
                "strategy": StrategySettings(params={"plan": plan}),
                "market": MarketData(market, no_actions() if actions is None else actions),
                "signals": [],
                "start": DAYS[1],
                "end": DAYS[-2],
                "broker": BrokerSettings(**settings_),
                "instruments": OddLots(DAYS[-1], 100),
                "calendar": Weekdays(tuple(DAYS)),
                "costs": CostSchedule(),
                "resolve": lambda _: Planned,
            }
        )
    )
    assert result is not None
    return result


def gift(day: int, ratio: float) -> pd.DataFrame:
    """Return a distribution of shares of the second stock to holders of the first."""
    return pd.DataFrame(
        {
            "ticker": pd.Series([FIRST], dtype="str"),
            "ex_date": INDEX[[day]],
            "ratio": 1.0,
            "cash_hkd": 0.0,
            "in_specie_ticker": pd.Series([SECOND], dtype="str"),
            "in_specie_ratio": ratio,
            "delivery_date": INDEX[[day + 2]],
        }
    )


@pytest.mark.parametrize("ratio", [0.05, 1.0, 3.0, 1 / 21])
def test_shares_in_specie_cover_a_short_in_them(lists: Path, ratio: float) -> None:
    """Less than it, all of it, more than it; and a cover ordered for the same open is cut."""
    flat = bars([40.0] * 12)
    plan = {0: {FIRST: 0.2, SECOND: -0.2}, 5: {SECOND: 0.0}}
    result = planned(lists, {FIRST: flat, SECOND: flat}, plan, actions=gift(4, ratio))
    assert result.actions["kind"].tolist().count("delivery") == 1
    short = result.trades[result.trades["side"] == "short"].iloc[0]
    assert not short["is_open"]
    cover = result.orders[(result.orders["side"] == "buy") & result.orders["short"]].iloc[0]
    assert cover["status"] in ("partial", "rejected")
    assert cover["reason"] == orders.NOT_SHORT


def test_a_short_pays_for_shares_in_specie_and_rounds_against_itself(lists: Path) -> None:
    flat = bars([40.01] * 12)
    plan = {0: {FIRST: -0.2}}
    result = planned(lists, {FIRST: flat, SECOND: flat}, plan, actions=gift(4, 1 / 21))
    row = result.actions[result.actions["kind"] == "action"].iloc[0]
    assert row["in_specie_shares"] == 0
    exact = -row["shares_before"] / 21 * 40.01
    assert exact <= -row["cash_hkd"] < exact + 0.01


def test_a_buy_in_waits_for_trade_and_says_what_it_is(lists: Path) -> None:
    """Called by a jump; the stock is halted, the buy-in expires, and is made again."""
    jump = bars([40.0] * 4 + [75.0] * 8)
    halted = jump.assign(volume=np.where(np.arange(12) == 5, 0.0, 1e8))
    plan = {0: {FIRST: -1.2}}
    short = {"margin_pct": 30.0, "maintenance_pct": 30.0}
    result = planned(lists, {FIRST: halted, SECOND: jump}, plan, **short)
    forced = result.orders[result.orders["reason"].str.startswith(BUY_IN)]
    assert forced["status"].tolist() == ["expired", "filled"]
    assert forced["reason"].tolist() == [f"{BUY_IN}; {orders.NO_TRADE}", BUY_IN]
    assert result.holdings[FIRST].iloc[-1] == 0


def test_a_loss_beyond_all_cash_leaves_nothing_to_size_with(lists: Path) -> None:
    """Covering takes cash below zero; then no target becomes an order, of either side."""
    jump = bars([40.0] * 4 + [400.0] * 8)
    plan = {0: {FIRST: -1.0}} | {day: {FIRST: -0.5, SECOND: 0.5} for day in (6, 7)}
    short = {"margin_pct": 10.0, "maintenance_pct": 10.0}
    result = planned(lists, {FIRST: jump, SECOND: bars([40.0] * 12)}, plan, **short)
    assert result.equity["cash_hkd"].iloc[-1] < 0.0
    late = result.orders[result.orders["effective_session"] >= INDEX[7]]
    assert len(late) == 4
    assert set(late["shares"]) == {0}


def test_every_position_may_turn_to_the_other_side_at_once(lists: Path) -> None:
    """Then each is chosen beside its exit, and there are more of both than tickers."""
    path = lists / "all.csv"
    path.write_text(f"ticker,valid_from\n{FIRST},2020-01-01\n{SECOND},2020-01-01\n")
    signals = [
        Signal(
            signal_id=f"{number} {ticker}",
            ticker=ticker,
            decided_at=datetime(day.year, day.month, day.day, 1, tzinfo=UTC),
            effective_session=day,
            expires_session=DAYS[-1],
            direction=1 if number % 2 else -1,
            probability=0.5,
            fold=0,
            model_sha256="",
        )
        for number, day in enumerate(DAYS[2:-2])
        for ticker in (FIRST, SECOND)
    ]
    flat = bars([40.0] * 12)
    short = ShortSettings(enabled=True, designated=str(path), borrow_rate_pct=3.65)
    given = short_case(5, "event_hold", lists).arguments | {
        "strategy": StrategySettings(name="event_hold", params={"max_positions": 2}),
        "market": MarketData({FIRST: flat, SECOND: flat}, no_actions()),
        "signals": signals,
        "start": DAYS[1],
        "end": DAYS[-2],
        "broker": BrokerSettings(short=short),
        "instruments": OddLots(DAYS[-1], 100),
        "calendar": Weekdays(tuple(DAYS)),
        "costs": CostSchedule(),
        "universe": None,
    }
    result = agree(Case(given))
    assert result is not None
    held = np.sign(result.holdings.to_numpy())
    assert (held[1:] * held[:-1] < 0).all(axis=1).sum() >= 5


@settings(max_examples=300)
@given(
    percent=st.integers(0, 9_999_999).map(lambda thousandths: thousandths / 1000),
    amount=st.integers(0, codes.WIDEST),
)
def test_parts_of_an_amount_are_exact(percent: float, amount: int) -> None:
    ints = np.array(trials.part_of(percent, 1, "margin_pct"), dtype=np.int64)
    exact = amount * Fraction(str(percent)) / 100
    assert rules.part_up(ints, 0, amount) == ceil(exact)
    quotient, left = rules.part(ints, 0, amount)
    assert quotient + Fraction(int(left), int(ints[2])) == exact


def test_what_a_short_owes_is_no_free_cash(lists: Path) -> None:
    """From the ex date until it is paid a dividend buys nothing."""
    flat = bars([40.0] * 12)
    dividend = pd.DataFrame(
        {
            "ticker": pd.Series([FIRST], dtype="str"),
            "ex_date": INDEX[[3]],
            "ratio": 1.0,
            "cash_hkd": 5.0,
            "pay_date": INDEX[[8]],
        }
    )
    plan = {0: {FIRST: -0.5}, 4: {SECOND: 1.5}}
    free = planned(lists, {FIRST: flat, SECOND: flat}, plan)
    owing = planned(lists, {FIRST: flat, SECOND: flat}, plan, actions=dividend)
    bought = [
        result.fills.loc[result.fills["side"] == "buy", "shares"].sum() for result in (free, owing)
    ]
    owed = -owing.actions["dividend_hkd"].sum()
    assert owed > 0.0
    assert bought[0] - bought[1] >= owed / 40.0 // 200 * 200
    assert owing.actions["kind"].tolist().count("payment") == 1


def test_a_check_serves_shorts(lists: Path) -> None:
    case = next(
        case
        for seed in range(50)
        if (result := agree(case := short_case(seed, "event_hold", lists))) is not None
        and result.trades["side"].eq("short").any()
    )
    found = check_engines(**case.arguments)
    assert found.trades["side"].eq("short").any()


@pytest.mark.parametrize("key", ["margin_pct", "borrow_rate_pct"])
@pytest.mark.parametrize("value", [1e9, 1.234567890123e-11])
def test_rates_beyond_the_kernel_are_refused_by_name(lists: Path, key: str, value: float) -> None:
    case = short_case(5, "event_hold", lists)
    broker = case.arguments["broker"]
    short = broker.short.model_copy(update={"maintenance_pct": 0.0, key: value})
    broker = broker.model_copy(update={"engine": "compiled", "short": short})
    with pytest.raises(ConfigError, match="does not serve") as caught:
        run_engine(**case.arguments | {"broker": broker})
    assert f"broker.short.{key}" in str(caught.value)


def test_a_list_that_cannot_be_read_is_refused_alike(tmp_path: Path) -> None:
    case = short_case(5, "event_hold", tmp_path)
    (tmp_path / "designated.csv").write_text("ticker,valid_from\n0001.HK,soon\n")
    refused = run(case, "backtrader")
    assert isinstance(refused, tuple)
    assert run(case, "compiled") == refused
