"""Laws of execution on random markets: nothing is lost, looks ahead or is impossible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.broker import BrokerSettings
from backtests.compiled.testing import Weekdays
from backtests.engine import run_engine
from backtests.result import COST_COLUMNS, EngineResult
from markets.prices import MarketData, no_actions
from markets.rules import round_to_tick, tick_size
from signals.decisions import Signal
from strategies.base import NoParams, SignalStrategy, StrategySettings, View
from strategies.baselines import EqualWeight, RandomEntries
from strategies.event_hold import EventHold
from strategies.top_ranked import TopRanked

DAYS = [day.date() for day in pd.bdate_range("2023-12-01", "2024-03-29")]
CENT = Decimal("0.01")


class Costs:
    """Fees that round unhandily: a dollar duty, a cent levy, a minimum that hurts odd lots."""

    def note(
        self, *, session: date, side: str, price: Any, shares: int, kind: str = "equity"
    ) -> Any:
        worth = (Decimal(price) * shares).quantize(CENT, ROUND_HALF_UP)
        parts = dict.fromkeys([name.removesuffix("_hkd") for name in COST_COLUMNS], Decimal("0.00"))
        parts["stamp_duty"] = (worth / 1000).quantize(Decimal(1), ROUND_CEILING)
        parts["sfc_levy"] = (worth * Decimal("0.000027")).quantize(CENT, ROUND_HALF_UP)
        parts["commission"] = max(Decimal("18.00"), (worth * Decimal("0.0005")).quantize(CENT))
        return SimpleNamespace(**parts)


class Lots:
    """Lots that differ by ticker and double in the middle of the run."""

    def lot(self, ticker: str, day: date) -> int:
        return int(ticker[0]) * 100 * (2 if day >= date(2024, 1, 15) else 1)

    def get(self, ticker: str) -> Any:
        return SimpleNamespace(kind="equity")


class Restless(SignalStrategy[NoParams]):
    """Wants other weights every day, up to more than cash can pay, by all it may know."""

    def targets(self, view: View) -> Mapping[str, float]:
        known = sum(view.history.last(ticker, "close", 3).sum() for ticker in view.closes)
        seen = [round(known * 100), len(view.traded), round(view.equity_hkd * 100)]
        draws = np.random.default_rng([view.session.toordinal(), *seen])
        return {
            ticker: float(draws.choice([0.0, 0.1, 0.45, 0.9]))
            for ticker in sorted(view.closes)
            if draws.random() < 0.5
        }


STRATEGIES: dict[str, Any] = {
    "event_hold": EventHold,
    "top_ranked": TopRanked,
    "equal_weight": EqualWeight,
    "random_entries": RandomEntries,
    "restless": Restless,
}


@dataclass(frozen=True)
class Case:
    """A market, signals, and how to trade them."""

    market: MarketData
    signals: tuple[Signal, ...]
    broker: BrokerSettings
    strategy: str
    sessions: tuple[date, ...]

    def run(self, market: MarketData | None = None, **changes: Any) -> EngineResult:
        params: dict[str, Any] = {}
        if self.strategy == "random_entries":
            params = {"entries": dict.fromkeys(self.sessions, 1), "hold_sessions": 2, "weight": 0.4}
        elif self.strategy == "top_ranked":
            params = {"k": 2}
        return run_engine(
            StrategySettings(name=self.strategy, params=params),
            market or self.market,
            changes.get("signals", self.signals),
            start=self.sessions[0],
            end=self.sessions[-1],
            broker=self.broker,
            instruments=Lots(),
            calendar=Weekdays(tuple(DAYS)),
            costs=Costs(),
            resolve=STRATEGIES.__getitem__,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Markets with late listings, halts, empty volume, splits, odd ratios and dividends."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = draw(st.integers(10, 25))
    sessions = tuple(DAYS[first : first + draw(st.integers(1, 25))])
    history = draw(st.integers(0, 10))
    days = DAYS[first - history : first + len(sessions) + 3]
    halts = draw(st.sampled_from([0.0, 0.1, 0.4]))
    tickers = [f"{number + 1}000.HK" for number in range(draw(st.integers(1, 4)))]
    bars = {ticker: _bars(rng, days, halts) for ticker in tickers}
    # One stock trades in every session, so that no run is without any bar.
    bars[tickers[0]] = _bars(rng, days, 0.0)
    actions = _actions(rng, tickers, days) if draw(st.booleans()) else no_actions()
    broker = BrokerSettings(
        cash_hkd=draw(st.sampled_from([3_000.0, 40_000.01, 1_000_000.0])),
        slippage_ticks=draw(st.integers(0, 2)),
        slippage_bp=draw(st.sampled_from([0.0, 3.5, 40.0])),
        impact=draw(st.sampled_from([0.0, 0.0, 1.5])),
        impact_sessions=draw(st.integers(3, 6)),
        participation=draw(st.sampled_from([None, 0.1, 1.0])),
        participation_of=draw(st.sampled_from(["previous", "session"])),
        participation_sessions=draw(st.integers(1, 5)),
        max_wait_sessions=draw(st.integers(0, 2)),
    )
    signals = tuple(_signals(rng, tickers, sessions))
    strategy = draw(st.sampled_from(sorted(STRATEGIES)))
    return Case(MarketData(bars, actions), signals, broker, strategy, sessions)


def _bars(rng: np.random.Generator, days: list[date], halts: float) -> pd.DataFrame:
    count = len(days)
    close = np.maximum(0.01, np.round(20 * np.exp(np.cumsum(rng.normal(0, 0.05, count))), 2))
    opens = np.maximum(0.01, np.round(close * np.exp(rng.normal(0, 0.03, count)), 2))
    frame = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close),
            "low": np.minimum(opens, close),
            "close": close,
            "volume": np.round(rng.uniform(0, 60_000, count)) * (rng.random(count) >= halts / 4),
        },
        index=pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session"),
    )
    kept = rng.random(count) >= halts
    if halts:
        kept[: rng.integers(0, count)] = False
    return frame[kept]


def _actions(rng: np.random.Generator, tickers: list[str], days: list[date]) -> pd.DataFrame:
    """Splits, dividends paid at once or later, shares of others delivered at once or later."""
    count = int(rng.integers(1, 6))
    table = pd.DataFrame(
        {
            "ticker": pd.Series(
                [str(ticker) for ticker in rng.choice(tickers, count)], dtype="str"
            ),
            "ex_date": np.sort(np.array(rng.choice(days, count), dtype="datetime64[s]")),
            "ratio": rng.choice([1.0, 2.0, 5.0, 0.1, 18 / 17, 1 / 3], count),
            "cash_hkd": rng.choice([0.0, 0.37, 1.005], count),
        }
    )

    def later(chance: float) -> pd.Series:
        waits = pd.to_timedelta(rng.integers(0, 12, count), unit="D")
        return (table["ex_date"] + waits).where(rng.random(count) < chance)

    table["pay_date"] = later(0.5)
    others = [str(rng.choice(tickers)) for _ in range(count)]
    given = rng.choice([1 / 21, 0.1, 3.0], count) * (rng.random(count) < 0.6)
    given *= table["ticker"] != others
    table["in_specie_ticker"] = pd.Series(others, dtype="str").where(given > 0, "")
    table["in_specie_ratio"] = given
    table["delivery_date"] = later(0.7).where(given > 0)
    return table


def _signals(
    rng: np.random.Generator, tickers: list[str], sessions: tuple[date, ...]
) -> list[Signal]:
    found = []
    for number, session in enumerate(sessions):
        for ticker in tickers:
            if rng.random() < 0.4:
                expires = DAYS[DAYS.index(session) + int(rng.integers(1, 6))]
                found.append(
                    Signal(
                        signal_id=f"{number}-{ticker}",
                        ticker=ticker,
                        decided_at=datetime(
                            session.year, session.month, session.day, 1, tzinfo=UTC
                        ),
                        effective_session=session,
                        expires_session=expires,
                        direction=int(rng.choice([-1, 0, 1, 1, 1])),  # type: ignore[arg-type]
                        probability=float(rng.random()),
                        fold=0,
                        model_sha256="",
                    )
                )
    return found


def cents(values: Any) -> list[int]:
    """Return HKD as integer cents, and insist that they are whole."""
    scaled = np.asarray(values, dtype="float64") * 100
    assert np.abs(scaled - np.rint(scaled)).max(initial=0.0) < 1e-4
    return np.rint(scaled).astype(np.int64).tolist()


@settings(max_examples=70)
@given(cases())
def test_every_cent_is_accounted_for(case: Case) -> None:
    """Cash moves by fills, costs and income alone, holdings by fills and splits; none below 0."""
    result = case.run()
    fills, equity = result.fills, result.equity
    assert (
        cents(fills["cost_hkd"])
        == np.sum([cents(fills[name]) for name in COST_COLUMNS], axis=0, dtype=np.int64).tolist()
        or fills.empty
    )
    cash = round(case.broker.cash_hkd * 100)
    shares = dict.fromkeys(case.market.tickers, 0)
    for session in equity.index:
        today = result.actions[result.actions["session"] == session]
        for row in today.itertuples():
            assert shares[row.ticker] == row.shares_before
            shares[row.ticker] = row.shares_after
            assert row.cash_hkd >= 0
            if row.kind == "action" and pd.isna(row.due_date):
                assert cents([row.cash_hkd]) == cents([row.dividend_hkd + row.fraction_hkd])
            cash += cents([row.cash_hkd])[0]
        turnover = cost = 0
        for row in fills[fills["session"] == session].itertuples():
            sign = 1 if row.side == "buy" else -1
            price = Fraction(round(row.price_hkd * 10**4), 100)
            worth = int(price * row.shares + Fraction(1, 2))
            assert cents([row.consideration_hkd]) == [worth]
            shares[row.ticker] += sign * row.shares
            cost += cents([row.cost_hkd])[0]
            turnover += worth
            cash -= sign * worth + cents([row.cost_hkd])[0]
            assert cash >= 0
            assert shares[row.ticker] >= 0
        assert cents([equity.loc[session, "cash_hkd"]]) == [cash]
        assert cents([equity.loc[session, "cost_hkd"]]) == [cost]
        assert cents([equity.loc[session, "turnover_hkd"]]) == [turnover]
        assert result.holdings.loc[session].to_dict() == shares
    total = cents(equity["cash_hkd"] + equity["holdings_hkd"])
    assert cents(equity["equity_hkd"]) == total


@settings(max_examples=45)
@given(cases())
def test_round_trips_add_up_to_the_change_in_equity(case: Case) -> None:
    result = case.run()
    gained = cents([result.equity["equity_hkd"].iloc[-1]])[0] - round(case.broker.cash_hkd * 100)
    assert sum(cents(result.trades["net_pnl_hkd"])) == gained
    assert sum(cents(result.trades["cost_hkd"])) == sum(cents(result.fills["cost_hkd"]))
    came = set(result.actions.loc[result.actions["in_specie_shares"] > 0, "in_specie_ticker"])
    bought = result.trades[~result.trades["ticker"].isin(came)]
    assert (
        set(bought["trade_id"]) <= set(result.fills["trade_id"]) <= set(result.trades["trade_id"])
    )


@settings(max_examples=45)
@given(cases())
def test_holdings_are_marked_at_the_last_known_close(case: Case) -> None:
    """Where no corporate action interferes, equity is cash and shares at the last bar's close."""
    case = replace(case, market=replace(case.market, actions=no_actions()))
    result = case.run()
    for session, row in result.holdings.iterrows():
        worth = Decimal(0)
        for ticker, held in row.items():
            if held:
                close = case.market.bars[ticker].loc[:session, "close"].iloc[-1]
                worth += (Decimal(str(close)) * held).quantize(CENT, ROUND_HALF_UP)
        assert Decimal(str(result.equity.loc[session, "holdings_hkd"])) == worth


@settings(max_examples=70)
@given(cases())
def test_fills_are_possible(case: Case) -> None:
    """A fill has a bar with volume, the open's price worse by the slippage, and whole lots."""
    result = case.run()
    shares = dict.fromkeys(case.market.tickers, 0)
    events = [
        (row.session, 0, row.ticker, row.shares_after, row) for row in result.actions.itertuples()
    ]
    events += [(row.session, row.fill_id, row.ticker, 0, row) for row in result.fills.itertuples()]
    last_sale: dict[Any, int] = {}
    first_buy: dict[Any, int] = {}
    for session, fill_id, ticker, after, row in sorted(events, key=lambda event: event[:2]):
        if fill_id == 0:
            shares[ticker] = after
            continue
        bar = case.market.bars[ticker].loc[session]
        assert bar["volume"] > 0
        expected = _expected_price(bar["open"], row.side, session.date(), case.broker)
        if case.broker.impact == 0.0:
            assert row.price_hkd == expected
        elif row.side == "buy":
            assert row.price_hkd >= expected
        else:
            assert row.price_hkd <= expected
        assert row.price_hkd == float(round_to_tick(row.price_hkd, session.date()))
        lot = Lots().lot(ticker, session.date())
        if row.side == "buy":
            assert row.shares % lot == 0
            first_buy.setdefault(session, fill_id)
            shares[ticker] += row.shares
        else:
            assert row.shares % lot == 0 or row.shares == shares[ticker]
            last_sale[session] = fill_id
            shares[ticker] -= row.shares
    for session in set(last_sale) & set(first_buy):
        assert last_sale[session] < first_buy[session]


def _expected_price(open_hkd: float, side: str, day: date, broker: BrokerSettings) -> float:
    sign = 1 if side == "buy" else -1
    price = Decimal(str(open_hkd)) * (1 + sign * Decimal(str(broker.slippage_bp)) / 10_000)
    # Prices are kept to 0.0001, the rest against the trader.
    price = price.quantize(Decimal("0.0001"), "ROUND_CEILING" if sign > 0 else "ROUND_FLOOR")
    tick = tick_size(price, day)
    moved = max(price + sign * broker.slippage_ticks * tick, tick)
    return float(round_to_tick(moved, day, direction="up" if sign > 0 else "down"))


@settings(max_examples=45)
@given(cases())
def test_participation_is_capped(case: Case) -> None:
    case = replace(case, market=replace(case.market, actions=no_actions()))
    if case.broker.participation is None:
        return
    taken = case.run().fills.groupby(["session", "ticker"])["shares"].sum()
    for (session, ticker), shares in taken.items():
        volume = case.market.bars[ticker]["volume"]
        if case.broker.participation_of == "session":
            allowed = volume.loc[session]
        else:
            before = volume[volume.index < session].tail(case.broker.participation_sessions)
            allowed = before.mean()
        assert shares <= case.broker.participation * allowed + 1e-6


@settings(max_examples=45)
@given(cases())
def test_every_order_has_one_end(case: Case) -> None:
    result = case.run()
    orders = result.orders
    assert orders["order_id"].tolist() == list(range(1, len(orders) + 1))
    assert (orders["decided_session"] < orders["effective_session"]).all()
    filled = result.fills.groupby("order_id")["shares"].sum()
    assert (
        orders.set_index("order_id")["filled_shares"][lambda s: s > 0].to_dict() == filled.to_dict()
    )
    for row in orders.itertuples():
        assert (row.status == "filled") == (row.reason == "")
        if row.status in ("rejected", "expired"):
            assert row.filled_shares == 0
        if row.status == "open":
            assert row.effective_session > result.equity.index[-1] or case.broker.max_wait_sessions
        if row.filled_shares:
            assert row.effective_session <= row.filled_session
            wait = result.equity.loc[row.effective_session : row.filled_session]
            assert len(wait) - 1 <= case.broker.max_wait_sessions


@settings(max_examples=70)
@given(cases(), st.integers(0, 40), st.sampled_from(["scramble", "delete"]), st.data())
def test_nothing_later_matters(case: Case, at: int, how: str, data: st.DataObject) -> None:
    """Bars, actions and signals after a session change no order, fill or equity up to its open."""
    cut = case.sessions[min(at, len(case.sessions) - 1)]
    seed = data.draw(st.integers(0, 2**32 - 1))
    original, changed = case.run(), case.run(_changed_from(case.market, cut, how, seed))
    stamp = pd.Timestamp(cut)
    _same_until(original, changed, stamp, decided=True)
    later = tuple(each for each in case.signals if each.effective_session <= cut)
    _same_until(original, case.run(signals=later), stamp, decided=True)


def _changed_from(market: MarketData, cut: date, how: str, seed: int) -> MarketData:
    """Return the market with the bars of `cut` and all later ones scrambled or gone."""
    rng = np.random.default_rng(seed)
    stamp = pd.Timestamp(cut)
    bars = {}
    for number, (ticker, frame) in enumerate(market.bars.items()):
        before, after = frame[frame.index < stamp], frame[frame.index >= stamp]
        if how == "scramble" or number == 0:
            factor = np.exp(rng.normal(0, 0.5, (len(after), 1)))
            prices = np.maximum(0.01, np.round(after.iloc[:, :4] * factor, 2))
            after = after.assign(**{name: prices[name] for name in prices}, volume=77_777.0)
        else:
            after = after.iloc[:0]
        bars[ticker] = pd.concat([before, after])
    kept = market.actions[market.actions["ex_date"] <= stamp]
    return replace(market, bars=bars, actions=kept.reset_index(drop=True))


def _same_until(
    left: EngineResult, right: EngineResult, stamp: pd.Timestamp, *, decided: bool
) -> None:
    """Demand that both did the same before a session, and decided the same for its open."""
    pd.testing.assert_frame_equal(
        left.equity[left.equity.index < stamp], right.equity[right.equity.index < stamp]
    )
    pd.testing.assert_frame_equal(
        left.fills[left.fills["session"] < stamp], right.fills[right.fills["session"] < stamp]
    )
    fixed = ["order_id", "ticker", "side", "shares", "decided_session", "signal_id"]
    pd.testing.assert_frame_equal(
        left.orders.loc[left.orders["effective_session"] <= stamp, fixed],
        right.orders.loc[right.orders["effective_session"] <= stamp, fixed],
    )


@settings(max_examples=40)
@given(cases())
def test_corporate_actions_meet_every_holding(case: Case) -> None:
    """Shares become their ratio rounded down, the rest is owed per old share, on the ex date."""
    result = case.run()
    rows = list(result.actions[result.actions["kind"] == "action"].itertuples())
    held_before = result.holdings.shift(1, fill_value=0)
    if case.market.actions.empty:
        return
    table = case.market.actions.sort_values(
        ["ex_date", "in_specie_ratio", "ticker"], kind="stable", ignore_index=True
    )
    for session in result.equity.index:
        held = held_before.loc[session].to_dict()
        for action in table[table["ex_date"] == session].itertuples():
            if not held[action.ticker]:
                continue
            row = rows.pop(0)
            exact = held[action.ticker] * Fraction(action.ratio).limit_denominator(100)
            assert (row.ticker, row.shares_before) == (action.ticker, held[action.ticker])
            assert row.shares_after == int(exact)
            paid = Decimal(str(action.cash_hkd)) * row.shares_before
            assert Decimal(str(row.dividend_hkd)) == paid.quantize(CENT, ROUND_HALF_UP)
            share = Fraction(action.in_specie_ratio).limit_denominator(100) * row.shares_before
            assert row.in_specie_shares == int(share)
            assert (row.in_specie_ticker != "") == (int(share) > 0)
            assert (row.fraction_hkd > 0) <= (exact != int(exact) or share != int(share))
            held[action.ticker] = row.shares_after
    assert not rows


@settings(max_examples=60)
@given(cases())
def test_what_is_owed_arrives_once_and_not_before_its_date(case: Case) -> None:
    """Cash and shares of an ex date arrive at the first session from their date on, whole."""
    case = replace(case, market=replace(case.market, actions=_without_splits(case.market.actions)))
    result = case.run()
    rows, sessions = result.actions, result.equity.index
    arrivals = [
        (row.session, row.kind, row.ticker, *cents([row.cash_hkd]), row.in_specie_shares)
        for row in rows[rows["kind"] != "action"].itertuples()
    ]
    for row in rows[rows["kind"] == "action"].itertuples():
        action = case.market.actions.iloc[
            np.flatnonzero(
                (case.market.actions["ticker"] == row.ticker)
                & (case.market.actions["ex_date"] == row.session)
            )[0]
        ]
        owed = []
        if not pd.isna(action["pay_date"]) and row.dividend_hkd:
            owed.append((action["pay_date"], "payment", row.ticker, row.dividend_hkd, 0))
        if row.in_specie_shares:
            other, shares = row.in_specie_ticker, row.in_specie_shares
            delivered = action["delivery_date"]
            due = row.session if pd.isna(delivered) else delivered
            owed.append((due, "delivery", other, 0.0, shares))
        for due, kind, ticker, cash, shares in owed:
            later = sessions[sessions >= due]
            if len(later):
                arrivals.remove((later[0], kind, ticker, *cents([cash]), shares))
    assert not arrivals


def _without_splits(actions: pd.DataFrame) -> pd.DataFrame:
    """Return one action a ticker and date, none of which changes the shares that are owed."""
    return actions.assign(ratio=1.0).drop_duplicates(["ticker", "ex_date"], ignore_index=True)


@settings(max_examples=40)
@given(cases())
def test_orders_answer_to_their_signals(case: Case) -> None:
    """event_hold buys at the open its signal can reach; baselines cite no signals."""
    orders = case.run().orders
    if case.strategy not in ("event_hold", "top_ranked", "restless"):
        assert (orders["signal_id"] == "").all()
    by_id = {signal.signal_id: signal for signal in case.signals}
    for row in orders[orders["side"] == "buy"].itertuples():
        assert row.shares % Lots().lot(row.ticker, row.effective_session.date()) == 0
        if case.strategy == "event_hold":
            signal = by_id[row.signal_id]
            assert (signal.ticker, signal.direction) == (row.ticker, 1)
            assert signal.effective_session == row.effective_session.date()


@settings(max_examples=15)
@given(cases())
def test_same_inputs_same_bits(case: Case) -> None:
    first, second = case.run(), case.run()
    for name in ("orders", "fills", "trades", "equity", "holdings", "actions"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)


@pytest.mark.parametrize("strategy", ["event_hold", "top_ranked"])
@settings(max_examples=10)
@given(case=cases())
def test_without_signals_nothing_happens(strategy: str, case: Case) -> None:
    result = replace(case, strategy=strategy).run(signals=())
    assert result.orders.empty
    assert (result.equity["equity_hkd"] == case.broker.cash_hkd).all()
