"""Laws of short selling on random markets: covered, designated, and paid for to the cent."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests import orders as why
from backtests.broker import Broker, BrokerSettings
from backtests.compiled.short_cases import as_csv, random_list
from backtests.compiled.testing import OddLots, random_case
from backtests.engine import run_engine
from backtests.orders import BUY_IN
from backtests.result import COST_COLUMNS, EngineResult
from backtests.shorts import ShortSettings
from backtests.tape import Tape
from markets.designated import DesignatedList, Spell
from markets.prices import MarketData, no_actions
from markets.rules import round_to_tick
from strategies.base import NoParams, SignalStrategy, StrategySettings, View
from strategies.baselines import RandomEntries
from strategies.event_hold import EventHold
from strategies.top_ranked import TopRanked

CENT = Decimal("0.01")
RATE, MARGIN, MAINTENANCE = 7.3, 12.0, 10.0  # 7.3 % a year is 2 bp a night
SEEDS = st.integers(0, 2**40)


class Free:
    """Contract notes of nothing."""

    def note(self, **_: Any) -> Any:
        parts = (name.removesuffix("_hkd") for name in COST_COLUMNS)
        return SimpleNamespace(**dict.fromkeys(parts, Decimal("0.00")))


class Restless(SignalStrategy[NoParams]):
    """Wants other weights of either sign every day, designated or not, by all it may know."""

    def targets(self, view: View) -> Mapping[str, float]:
        draws = np.random.default_rng(
            [view.session.toordinal(), round(view.equity_hkd * 100) % 997]
        )
        return {
            ticker: float(draws.choice([-9.0, -0.45, -0.1, 0.0, 0.3, 0.8]))
            for ticker in sorted(view.closes)
            if draws.random() < 0.5
        }


STRATEGIES: dict[str, Any] = {
    "event_hold": EventHold,
    "top_ranked": TopRanked,
    "random_entries": RandomEntries,
    "restless": Restless,
}


class Drawn:
    """A random run with shorts on and a random list, and what it did."""

    def __init__(self, seed: int, strategy: str, *, actions: bool = True) -> None:
        drawn = "event_hold" if strategy == "restless" else strategy
        self.arguments = random_case(seed, drawn).arguments
        self.sessions: list[date] = self.arguments["calendar"].sessions(
            self.arguments["start"], self.arguments["end"]
        )
        rng = np.random.default_rng([seed, 7])
        market: MarketData = self.arguments["market"]
        prices = ["open", "high", "low", "close"]
        bars = {
            # Within the prices that the exchange quotes, slipped ones too; so no impact either.
            ticker: frame.assign(**{name: frame[name].clip(0.2, 5000.0) for name in prices})
            for ticker, frame in market.bars.items()
        }
        self.market = replace(market, bars=bars)
        if not actions:
            self.market = replace(self.market, actions=no_actions())
        elif not self.market.adjusted:
            self.market = replace(self.market, actions=_with_gifts(rng, self.market))
        self.signals = [
            replace(each, direction=-each.direction) if rng.random() < 0.5 else each
            for each in self.arguments["signals"]
            if each.ticker in self.market.tickers
        ]
        self.rows = random_list(rng, self.market.tickers, self.sessions)
        self.listed = DesignatedList(self.rows)
        params = self.arguments["strategy"].params
        if strategy == "random_entries":
            params = params | {"short_entries": params["entries"]}
        self.strategy = StrategySettings(name=strategy, params=params if strategy == drawn else {})

    @property
    def broker(self) -> BrokerSettings:
        broker: BrokerSettings = self.arguments["broker"]
        # Restless shall be able to sell short all that its margin allows.
        eager = {"participation": None} if self.strategy.name == "restless" else {}
        return broker.model_copy(update={"impact": 0.0, **eager})

    def run(self, **changes: Any) -> EngineResult:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "listed.csv"
            path.write_text(as_csv(changes.pop("rows", self.rows)), encoding="utf-8")
            short = ShortSettings(
                enabled=True,
                designated=str(path),
                borrow_rate_pct=RATE,
                margin_pct=MARGIN,
                maintenance_pct=MAINTENANCE,
            )
            given_ = self.arguments | {
                "market": self.market,
                "signals": self.signals,
                "strategy": self.strategy,
                "broker": self.broker.model_copy(update={"short": short}),
                "resolve": STRATEGIES.__getitem__,
            }
            return run_engine(**given_ | changes)


def _with_gifts(rng: np.random.Generator, market: MarketData) -> pd.DataFrame:
    """Let some actions distribute shares of another stock of the market."""
    table = market.actions.reset_index(drop=True)
    if table.empty:
        return table
    others = pd.Series([str(rng.choice(market.tickers)) for _ in range(len(table))], dtype="str")
    ratio = rng.choice([1 / 21, 0.1, 3.0], len(table)) * (rng.random(len(table)) < 0.5)
    ratio *= np.asarray(others != table["ticker"])
    waits = pd.to_timedelta(rng.integers(0, 12, len(table)), unit="D")
    table["in_specie_ticker"] = others.where(ratio > 0, "")
    table["in_specie_ratio"] = ratio
    table["delivery_date"] = (table["ex_date"] + waits).where(ratio > 0)
    return table


def cents(values: Any) -> list[int]:
    """Return HKD as integer cents, and insist that they are whole."""
    scaled = np.asarray(values, dtype="float64") * 100
    assert (np.abs(scaled - np.rint(scaled)) <= 1e-4 + 1e-15 * np.abs(scaled)).all()
    return np.rint(scaled).astype(np.int64).tolist()


def flagged(result: EngineResult) -> list[Any]:
    """Return the fills in order, each with whether its order was one of the short side."""
    short = result.orders.set_index("order_id")["short"]
    fills = result.fills.assign(short=result.fills["order_id"].map(short).astype(bool))
    return list(fills.itertuples())


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_every_cent_and_share_is_accounted_for(strategy: str, seed: int) -> None:
    """Cash moves by fills, notes, borrow and actions alone; no execution crosses zero."""
    drawn = Drawn(seed, strategy)
    result = drawn.run()
    equity, fills = result.equity, flagged(result)
    cash = round(drawn.broker.cash_hkd * 100)
    shares = dict.fromkeys(drawn.market.tickers, 0)
    for session in equity.index:
        borrow = cost = 0
        for row in result.actions[result.actions["session"] == session].itertuples():
            assert shares[row.ticker] == row.shares_before
            shares[row.ticker] = row.shares_after
            cash += cents([row.cash_hkd])[0]
            if row.kind == "borrow":
                assert row.shares_before < 0
                borrow -= cents([row.cash_hkd])[0]
            elif row.shares_before < 0 and row.kind == "action":
                assert row.dividend_hkd <= 0
                assert row.fraction_hkd <= 0
                assert row.in_specie_shares == 0
        for row in [fill for fill in fills if fill.session == session]:
            sign = 1 if row.side == "buy" else -1
            before, after = shares[row.ticker], shares[row.ticker] + sign * row.shares
            assert (max(before, after) <= 0) if row.short else (min(before, after) >= 0)
            shares[row.ticker] = after
            paid = cents([row.cost_hkd])[0]
            cost += paid
            cash -= sign * cents([row.consideration_hkd])[0] + paid
        assert cents([equity.loc[session, "cash_hkd"]]) == [cash]
        assert cents([equity.loc[session, "borrow_hkd"]]) == [borrow]
        assert cents([equity.loc[session, "cost_hkd"]]) == [cost + borrow]
        assert result.holdings.loc[session].to_dict() == shares
    assert cents(equity["equity_hkd"]) == cents(equity["cash_hkd"] + equity["holdings_hkd"])
    gained = cents([equity["equity_hkd"].iloc[-1]])[0] - round(drawn.broker.cash_hkd * 100)
    assert sum(cents(result.trades["net_pnl_hkd"])) == gained
    assert sum(cents(result.trades["cost_hkd"])) == sum(cents(equity["cost_hkd"]))
    entered = {row.trade_id: row.short for row in reversed(fills)}
    sides = result.trades.set_index("trade_id")["side"]
    assert all((sides[trade] == "short") == short for trade, short in entered.items())


@pytest.mark.parametrize("strategy", ["event_hold", "restless"])
@settings(max_examples=80)
@given(seed=SEEDS)
def test_equity_is_cash_and_every_position_at_its_close(strategy: str, seed: int) -> None:
    """Where no corporate action interferes; and the borrow is its rate, night by night."""
    drawn = Drawn(seed, strategy, actions=False)
    result = drawn.run()
    worth_before: dict[str, Decimal] = {}
    day_before = None
    for session, row in result.holdings.iterrows():
        nightly = Decimal(str(RATE)) / 100 / 365
        for ticker, worth in worth_before.items():
            assert day_before is not None
            due = (-worth * nightly * (session - day_before).days).quantize(CENT, ROUND_HALF_UP)
            table = result.actions
            paid = table[(table["session"] == session) & (table["ticker"] == ticker)]["cash_hkd"]
            assert Decimal(str(-paid.sum())).quantize(CENT) == due
        worths = {}
        for ticker, held in row.items():
            if held:
                close = Decimal(str(drawn.market.bars[ticker].loc[:session, "close"].iloc[-1]))
                worths[str(ticker)] = (close * int(held)).quantize(CENT, ROUND_HALF_UP)
        worth_before = {ticker: worth for ticker, worth in worths.items() if worth < 0}
        day_before = session
        told = result.equity.loc[session]
        assert Decimal(str(told["holdings_hkd"])) == sum(worths.values())
        assert Decimal(str(told["short_hkd"])) == sum(worth_before.values())


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=60)
@given(seed=SEEDS)
def test_nothing_is_short_that_was_not_designated(strategy: str, seed: int) -> None:
    """A short is opened and added to on dates of the list alone, so none exists before it."""
    drawn = Drawn(seed, strategy)
    result = drawn.run()
    for fill in flagged(result):
        if fill.short and fill.side == "sell":
            assert drawn.listed.has(fill.ticker, fill.session.date())
    for ticker, held in result.holdings.items():
        for session in held.index[held < 0]:
            spells = drawn.rows.get(str(ticker), [])
            assert any(spell.valid_from <= session.date() for spell in spells)


@pytest.mark.parametrize("strategy", ["event_hold", "restless"])
@settings(max_examples=80)
@given(seed=SEEDS)
def test_short_sales_keep_the_tick_rule_and_their_margin(strategy: str, seed: int) -> None:
    """None fills below the close before, or with less free cash than its margin takes."""
    drawn = Drawn(seed, strategy, actions=False)
    result = drawn.run()
    fills, cash = flagged(result), round(drawn.broker.cash_hkd * 100)
    shares = dict.fromkeys(drawn.market.tickers, 0)
    for session in result.equity.index:
        closes = {
            ticker: bars["close"][bars.index < session].iloc[-1]
            for ticker, bars in drawn.market.bars.items()
            if (bars.index < session).any()
        }
        cash -= cents([result.equity.loc[session, "borrow_hkd"]])[0]
        for fill in [each for each in fills if each.session == session]:
            sign = 1 if fill.side == "buy" else -1
            shares[fill.ticker] += sign * fill.shares
            cash -= sign * cents([fill.consideration_hkd])[0] + cents([fill.cost_hkd])[0]
            if fill.short and sign < 0:
                opened = drawn.market.bars[fill.ticker].loc[session, "open"]
                close = closes[fill.ticker]
                assert fill.price_hkd >= close
                # Opens are drawn off the ticks, too.
                lowest = round_to_tick(close, session.date(), "equity", "up")
                assert fill.price_hkd <= opened or fill.price_hkd <= float(lowest) + 1e-9
            if (sign > 0) != fill.short:
                worth = _short_worth(shares, closes)
                assert cash - worth - math.ceil(worth * Fraction(str(MARGIN)) / 100) >= 0


def _short_worth(shares: Mapping[str, int], closes: Mapping[str, float]) -> int:
    sold = [(-held, closes[ticker]) for ticker, held in shares.items() if held < 0]
    return sum(
        int((Decimal(str(close)) * held * 100).quantize(Decimal(1), ROUND_HALF_UP))
        for held, close in sold
    )


@settings(max_examples=80)
@given(seed=SEEDS)
def test_a_short_without_its_maintenance_is_bought_in_and_said(seed: int) -> None:
    drawn = Drawn(seed, "restless", actions=False)
    result = drawn.run()
    forced = result.orders[result.orders["reason"].str.startswith(BUY_IN)]
    asked = set(zip(forced["effective_session"], forced["ticker"], strict=True))
    wanted = set()
    for place, session in enumerate(result.equity.index[:-1]):
        told = result.equity.loc[session]
        worth = -cents([told["short_hkd"]])[0]
        kept = worth + math.ceil(worth * Fraction(str(MAINTENANCE)) / 100)
        if worth and cents([told["cash_hkd"]])[0] < kept:
            held = result.holdings.loc[session]
            wanted |= {(result.equity.index[place + 1], str(t)) for t in held.index[held < 0]}
    replaced = forced[forced["side"] == "sell"]
    assert wanted <= asked
    assert {key for key in asked if key not in wanted} <= set(
        zip(replaced["effective_session"], replaced["ticker"], strict=True)
    )


@pytest.mark.parametrize("strategy", ["event_hold", "top_ranked", "random_entries"])
@settings(max_examples=50)
@given(seed=SEEDS)
def test_a_list_that_names_nothing_is_short_selling_off(strategy: str, seed: int) -> None:
    """Every table is the same to the bit, signals of direction -1 included."""
    drawn = Drawn(seed, strategy)
    other = {"9999.HK": [Spell(date(2000, 1, 1), date(2100, 1, 1), "1")]}
    on, off = drawn.run(rows=other), drawn.run(broker=drawn.broker)
    for table in ("orders", "fills", "trades", "equity", "holdings", "actions"):
        pd.testing.assert_frame_equal(getattr(on, table), getattr(off, table), check_exact=True)


@settings(max_examples=80)
@given(seed=SEEDS, at=st.integers(0, 30))
def test_nothing_later_matters(seed: int, at: int) -> None:
    """Bars and actions from a session on change nothing that was done before it."""
    drawn = Drawn(seed, "restless")
    cut = pd.Timestamp(drawn.sessions[min(at, len(drawn.sessions) - 1)])
    later = {
        ticker: pd.concat([bars[bars.index < cut], bars[bars.index >= cut] * 1.25])
        for ticker, bars in drawn.market.bars.items()
    }
    actions = drawn.market.actions
    market = replace(drawn.market, bars=later, actions=actions[actions["ex_date"] < cut])
    left, right = drawn.run(), drawn.run(market=market)
    pd.testing.assert_frame_equal(
        left.equity[left.equity.index < cut], right.equity[right.equity.index < cut]
    )
    sized = ["order_id", "ticker", "side", "short", "shares", "decided_session"]
    mine, theirs = (
        result.orders.loc[
            (result.orders["effective_session"] <= cut)
            & ~result.orders["reason"].str.startswith(BUY_IN),
            sized[1:],
        ].reset_index(drop=True)
        for result in (left, right)
    )
    pd.testing.assert_frame_equal(mine, theirs)


@settings(max_examples=80)
@given(seed=SEEDS)
def test_a_short_mirrors_a_holding(seed: int) -> None:
    """At no cost a short loses what a holding of as many shares gains, close by close."""
    rng = np.random.default_rng(seed)
    days = [day.date() for day in pd.bdate_range("2024-01-15", periods=15)]
    ratio, ex_day = float(rng.choice([1.0, 2.0, 5.0])), int(rng.integers(2, 14))
    prices = 40.0 * np.cumprod(1.0 + rng.uniform(0.005, 0.06, 30))
    prices[2 * ex_day :] /= ratio
    # Opens lie above the close before, and on every tick: the rules that treat sides differently,
    # against the trader each, have nothing to do.
    closes = np.round(prices[1::2] * rng.uniform(0.97, 1.0, 15), 2)
    opens = np.ceil(prices[::2])
    bars = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1e9,
        },
        index=pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session"),
    )
    table = pd.DataFrame(
        {
            "ticker": pd.Series(["0001.HK"], dtype="str"),
            "ex_date": np.array([days[ex_day]], dtype="datetime64[s]"),
            "ratio": [ratio],
            "cash_hkd": [float(rng.choice([0.0, 0.005, 0.123]))],
            "pay_date": np.array(
                [days[min(14, ex_day + int(rng.integers(0, 4)))]], "datetime64[s]"
            ),
        }
    )
    enter = int(rng.integers(1, 8))
    leave = int(rng.integers(enter + 1, 15))
    lots = 100 * int(rng.integers(1, 30))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "listed.csv"
        path.write_text("ticker,valid_from\n1,2020-01-01\n", encoding="utf-8")
        short = ShortSettings(enabled=True, designated=str(path), borrow_rate_pct=0.0)
        broker_settings = BrokerSettings(participation=None, cash_hkd=5e6, short=short)
        brokers = [
            Broker(
                broker_settings,
                Tape(MarketData({"0001.HK": bars}, table), days),
                Free(),
                OddLots(date(2030, 1, 1), 100),
            )
            for _ in range(2)
        ]
    for number in range(15):
        for broker, is_short in zip(brokers, (False, True), strict=True):
            if number == enter:
                side = "sell" if is_short else "buy"
                broker.place("0001.HK", side, lots, effective=days[number], short=is_short)  # type: ignore[arg-type]
            if number == leave:
                side = "buy" if is_short else "sell"
                held = abs(broker.account.shares["0001.HK"])
                broker.place("0001.HK", side, held, effective=days[number], short=is_short)  # type: ignore[arg-type]
            broker.trade(number)
        long, sold = (broker.account for broker in brokers)
        assert long.equity - 500_000_000 == 500_000_000 - sold.equity
        assert long.shares.get("0001.HK", 0) == -sold.shares.get("0001.HK", 0)
    assert [order.status for broker in brokers for order in broker.orders] == ["filled"] * 4


def test_the_cases_reach_the_rules() -> None:
    """What the laws are worth: every reason of the short side, buy-ins and gifts occur in them."""
    reasons: set[str] = set()
    seen = dict.fromkeys(("shorts", "borrow", "split short", "forced", "reversal"), 0)
    for seed in range(50):
        for strategy in STRATEGIES:
            result = Drawn(seed, strategy).run()
            reasons |= set(result.orders["reason"])
            acts = result.actions
            seen["shorts"] += int((result.trades["side"] == "short").sum())
            seen["borrow"] += int((acts["kind"] == "borrow").sum())
            seen["split short"] += int(
                (
                    (acts["shares_before"] < 0) & (acts["shares_after"] != acts["shares_before"])
                ).sum()
            )
            seen["forced"] += int(result.orders["reason"].str.startswith(BUY_IN).sum())
            held = np.sign(result.holdings.to_numpy())
            seen["reversal"] += int((held[1:] * held[:-1] < 0).sum())
    assert all(seen.values()), seen
    assert {why.NOT_DESIGNATED, why.TICK_RULE, why.MARGIN, why.OTHER_SIDE} <= reasons
