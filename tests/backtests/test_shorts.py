"""Short selling, one small market each; amounts worked out by hand."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from backtests import orders as why
from backtests.broker import Broker, BrokerSettings
from backtests.config import load_config
from backtests.engine import run_engine
from backtests.orders import Order
from backtests.result import EngineResult
from backtests.shorts import ShortSettings
from backtests.tape import Tape
from markets.calendar import hong_kong_calendar
from markets.costs import CostSchedule
from markets.errors import ConfigError
from markets.instruments import Instruments
from markets.prices import MarketData, no_actions
from signals.decisions import Signal
from strategies.base import StrategySettings

ANSWERS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[1] / "answers" / "short_selling.toml").read_text(encoding="utf-8")
)
SESSIONS = tuple(date(2025, 9, day) for day in (10, 11, 12, 15, 16))
ALIBABA, BAIDU = "9988.HK", "9888.HK"
ENGINES = pytest.mark.parametrize("engine", ["backtrader", "compiled"])
ALWAYS = f"ticker,valid_from\n{ALIBABA},2020-01-01\n{BAIDU},2020-01-01\n"


def bars(opens: list[float], closes: list[float] | None = None, **columns: Any) -> pd.DataFrame:
    """Return bars that open, and by default close, at a price."""
    first, last = np.array(opens), np.array(closes or opens)
    frame = pd.DataFrame(
        {
            "open": first,
            "high": np.maximum(first, last),
            "low": np.minimum(first, last),
            "close": last,
            "volume": 1e8,
        },
        index=pd.DatetimeIndex(np.array(SESSIONS, dtype="datetime64[s]"), name="session"),
    )
    return frame.assign(**columns)


def happened(*rows: tuple[str, date, float, float]) -> pd.DataFrame:
    """Return (ticker, ex date, ratio, cash) as an actions table."""
    table = pd.DataFrame(rows, columns=["ticker", "ex_date", "ratio", "cash_hkd"])
    return table.astype({"ticker": "str", "ex_date": "datetime64[s]"})


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Broker]:
    def made(
        market: dict[str, pd.DataFrame],
        *,
        listed: str = ALWAYS,
        actions: pd.DataFrame | None = None,
        cash_hkd: float = 1_000_000.0,
        wait: int = 0,
        **short: Any,
    ) -> Broker:
        path = tmp_path / "listed.csv"
        path.write_text(listed, encoding="utf-8")
        settings = {"enabled": True, "designated": str(path), "borrow_rate_pct": 0.0, **short}
        data = MarketData(market, no_actions() if actions is None else actions)
        return Broker(
            BrokerSettings(
                participation=None,
                cash_hkd=cash_hkd,
                max_wait_sessions=wait,
                short=ShortSettings(**settings),
            ),
            Tape(data, SESSIONS),
            CostSchedule("none"),
            Instruments.default(),
        )

    return made


def short(broker: Broker, number: int, shares: int, ticker: str = ALIBABA, **more: Any) -> Order:
    return broker.place(ticker, "sell", shares, effective=SESSIONS[number], short=True, **more)


def cover(broker: Broker, number: int, shares: int, ticker: str = ALIBABA, **more: Any) -> Order:
    return broker.place(ticker, "buy", shares, effective=SESSIONS[number], short=True, **more)


def known(broker: Broker, close_hkd: float, ticker: str = ALIBABA) -> Broker:
    """Let a close be known before the first session."""
    broker.account.marks[ticker] = round(close_hkd * 10_000)
    return broker


def cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


def test_a_short_is_paid_for_cent_by_cent(make: Callable[..., Broker]) -> None:
    rows = ANSWERS["sessions"]
    broker = make(
        {ALIBABA: bars([row["open"] for row in rows], [row["close"] for row in rows])},
        actions=happened((ALIBABA, SESSIONS[2], 1.0, float(ANSWERS["dividend_hkd"]))),
        cash_hkd=float(ANSWERS["cash_hkd"]),
        borrow_rate_pct=ANSWERS["borrow_rate_pct"],
        margin_pct=ANSWERS["margin_pct"],
    )
    known(broker, 99.0)
    sale = short(broker, 0, ANSWERS["shares"])
    for number, row in enumerate(rows):
        if number == 4:
            bought = cover(broker, 4, ANSWERS["shares"])
        broker.trade(number)
        account = broker.account
        day = account.close_day()
        notes = sum(fill.cost for fill in account.fills if fill.number == number)
        assert (row["session"], notes) == (SESSIONS[number], cents(row["note"]))
        assert (day.borrow, day.cost) == (cents(row["borrow"]), cents(row["borrow"]) + notes)
        assert (account.cash, account.equity) == (cents(row["cash"]), cents(row["equity"]))
    assert (sale.status, bought.status) == ("filled", "filled")
    (trip,) = broker.account.trips
    assert (trip.short, trip.exited, trip.income) == (True, 4, -cents(ANSWERS["dividend"]))
    gross = trip.sold - trip.bought + trip.income
    wanted = ANSWERS["trade"]
    assert (gross, trip.cost) == (cents(wanted["gross"]), cents(wanted["cost"]))
    assert gross - trip.cost == cents(wanted["net"])


@pytest.mark.parametrize("row", ANSWERS["margins"])
def test_a_short_takes_its_margin_and_its_costs(
    make: Callable[..., Broker], row: dict[str, Any]
) -> None:
    broker = known(make({ALIBABA: bars([100.0] * 5)}, cash_hkd=float(row["cash_hkd"])), 100.0)
    order = short(broker, 0, 1000)
    broker.trade(0)
    assert order.filled_shares == row["shares"]
    assert order.reason == ("" if row["shares"] == 1000 else why.MARGIN)


@pytest.mark.parametrize("row", ANSWERS["calls"])
def test_a_close_that_leaves_too_little_buys_the_short_in(
    make: Callable[..., Broker], row: dict[str, Any]
) -> None:
    closes = [100.0, row["close"], 130.0, 130.0, 130.0]
    market = {ALIBABA: bars([100.0, 110.0, 129.0, 130.0, 130.0], closes)}
    broker = known(make(market, cash_hkd=float(ANSWERS["cash_hkd"])), 100.0)
    short(broker, 0, 1000)
    for number in range(2):
        broker.trade(number)
    waits = short(broker, 2, 100)
    broker.trade(2)
    forced = [order for order in broker.orders if order.forced]
    assert bool(forced) == row["called"]
    if forced:
        (order,) = forced
        assert (order.status, order.reason) == ("filled", why.BUY_IN)
        assert broker.account.fills[-1].units == 1_290_000
        assert (waits.status, waits.reason) == ("cancelled", why.BUY_IN)
        assert not broker.account.shares


def test_a_short_that_cannot_be_bought_in_is_tried_again(make: Callable[..., Broker]) -> None:
    market = {ALIBABA: bars([100.0, 150.0, 150.0, 160.0, 160.0], volume=[1e8, 1e8, 0, 1e8, 1e8])}
    broker = known(make(market, cash_hkd=60_000.0), 100.0)
    short(broker, 0, 1000)
    for number in range(4):
        broker.trade(number)
    first, second = (order for order in broker.orders if order.forced)
    assert (first.status, first.reason) == ("expired", f"{why.BUY_IN}; {why.NO_TRADE}")
    assert (second.status, second.filled_session) == ("filled", SESSIONS[3])
    # 159,887.30 less 160,000.00 and 180.32 of charges: what is borrowed is given back all the same.
    assert broker.account.cash == 15_988_730 - 16_000_000 - 18_032


def test_short_proceeds_buy_nothing(make: Callable[..., Broker]) -> None:
    broker = make({ALIBABA: bars([100.0] * 5), BAIDU: bars([100.0] * 5)}, cash_hkd=100_000.0)
    known(broker, 100.0)
    short(broker, 0, 1000)
    wish = broker.place(BAIDU, "buy", 1000, effective=SESSIONS[0])
    broker.trade(0)
    # 100,000 less a margin of 50,000 and HKD 112.70: nine lots of 50 at HKD 5,000 and their costs.
    assert (wish.filled_shares, wish.reason) == (450, why.CASH)


@pytest.mark.parametrize(
    ("opened", "price", "reason"),
    [(99.95, None, why.TICK_RULE), (100.0, 100.0, ""), (103.0, 103.0, "")],
)
def test_no_short_is_sold_below_the_close_before(
    make: Callable[..., Broker], opened: float, price: float | None, reason: str
) -> None:
    broker = known(make({ALIBABA: bars([opened] * 5)}), 100.0)
    order = short(broker, 0, 100)
    broker.trade(0)
    assert order.reason == reason
    assert [fill.units for fill in broker.account.fills] == ([round(price * 1e4)] if price else [])


def test_slippage_stops_at_the_close_before(make: Callable[..., Broker]) -> None:
    broker = known(make({ALIBABA: bars([100.2] * 5)}), 100.0)
    broker._prices = type(broker._prices)(
        ticks=5, bp=0.0, adjusted=False, kinds=broker._prices.kinds
    )
    short(broker, 0, 100)
    broker.trade(0)
    assert broker.account.fills[0].units == 1_000_000


def test_a_short_waits_for_an_open_it_may_be_sold_at(make: Callable[..., Broker]) -> None:
    broker = known(make({ALIBABA: bars([98.0, 98.5, 99.0, 99.0, 99.0])}, wait=1), 100.0)
    order = short(broker, 0, 100)
    broker.trade(0)
    assert (order.status, order.reason) == ("open", why.TICK_RULE)
    broker.trade(1)
    assert (order.status, order.filled_session) == ("filled", SESSIONS[1])


@pytest.mark.parametrize(
    ("high", "limit", "price"),
    [(102.0, 101.0, 101.0), (102.0, 99.0, 100.0), (100.0, 99.0, None), (101.0, 101.0, None)],
)
def test_a_limit_order_sells_short_where_prices_went_through_it(
    make: Callable[..., Broker], high: float, limit: float, price: float | None
) -> None:
    frame = bars([98.0] * 5).assign(high=high)
    broker = known(make({ALIBABA: frame}), 100.0)
    short(broker, 0, 100, kind="limit", price_units=round(limit * 1e4))
    broker.trade(0)
    assert [fill.units for fill in broker.account.fills] == ([round(price * 1e4)] if price else [])


def test_a_stop_order_sells_nothing_short(make: Callable[..., Broker]) -> None:
    broker = known(make({ALIBABA: bars([100.0] * 5)}), 100.0)
    order = short(broker, 0, 100, kind="stop", price_units=1_000_000)
    broker.trade(0)
    assert (order.status, order.reason) == ("rejected", why.STOP_SHORT)


def test_a_stock_that_leaves_the_list_is_covered_and_not_added_to(
    make: Callable[..., Broker],
) -> None:
    listed = f"ticker,valid_from,valid_to\n{ALIBABA},2025-09-11,2025-09-11\n"
    broker = known(make({ALIBABA: bars([100.0] * 5)}, listed=listed), 100.0)
    early = short(broker, 0, 100)
    broker.trade(0)
    on_time = short(broker, 1, 300)
    broker.trade(1)
    late, some = short(broker, 2, 100), cover(broker, 2, 100)
    broker.trade(2)
    assert (early.status, early.reason) == ("rejected", why.NOT_DESIGNATED)
    assert (on_time.status, some.status) == ("filled", "filled")
    assert (late.status, late.reason) == ("rejected", why.NOT_DESIGNATED)
    assert broker.account.shares == {ALIBABA: -200}


def test_an_order_never_crosses_from_one_side_to_the_other(make: Callable[..., Broker]) -> None:
    broker = known(make({ALIBABA: bars([100.0] * 5)}), 100.0)
    broker.place(ALIBABA, "buy", 200, effective=SESSIONS[0])
    broker.trade(0)
    early = short(broker, 1, 100)
    broker.trade(1)
    assert (early.status, early.reason) == ("expired", why.OTHER_SIDE)
    sale = broker.place(ALIBABA, "sell", 300, effective=SESSIONS[2])
    turned = short(broker, 2, 100)
    broker.trade(2)
    assert (sale.filled_shares, sale.reason) == (200, why.HOLDINGS)
    assert (turned.status, broker.account.shares) == ("filled", {ALIBABA: -100})
    bought = cover(broker, 3, 300)
    broker.trade(3)
    assert (bought.filled_shares, bought.reason) == (100, why.NOT_SHORT)
    assert [(trip.short, trip.exited) for trip in broker.account.trips] == [(False, 2), (True, 3)]


def test_a_cover_pays_for_a_purchase_of_the_same_open(make: Callable[..., Broker]) -> None:
    broker = make({ALIBABA: bars([100.0] * 5), BAIDU: bars([100.0] * 5)}, cash_hkd=51_000.0)
    known(broker, 100.0)
    short(broker, 0, 1000)
    broker.trade(0)
    wish = broker.place(BAIDU, "buy", 500, effective=SESSIONS[1])
    cover(broker, 1, 1000)
    broker.trade(1)
    assert (wish.status, broker.account.shares) == ("filled", {BAIDU: 500})


def test_splits_and_dividends_meet_a_short(make: Callable[..., Broker]) -> None:
    # 100 × 18/17 = 105.88: 105 shares are owed, 0.88 of a new one, 0.8333 of an old one, is paid at
    # 100.00 - 0.50, rounded up: HKD 82.92; and HKD 50.00 of dividend.
    actions = happened((ALIBABA, SESSIONS[1], 18 / 17, 0.5))
    broker = known(make({ALIBABA: bars([100.0, 94.0, 94.0, 94.0, 94.0])}, actions=actions), 100.0)
    short(broker, 0, 100)
    broker.trade(0)
    before = broker.account.cash
    broker.trade(1)
    assert broker.account.shares == {ALIBABA: -105}
    row = broker.account.actions[-1]
    assert (row.dividend, row.fraction) == (-5_000, -8_292)
    assert broker.account.cash == before - 5_000 - 8_292


def test_a_short_owes_a_later_dividend_and_may_not_spend_it(make: Callable[..., Broker]) -> None:
    actions = happened((ALIBABA, SESSIONS[1], 1.0, 2.0))
    actions["pay_date"] = pd.to_datetime([SESSIONS[3]]).astype("datetime64[s]")
    broker = known(make({ALIBABA: bars([100.0, 98.0, 98.0, 98.0, 98.0])}, actions=actions), 100.0)
    short(broker, 0, 1000)
    broker.trade(0)
    cash = broker.account.cash
    broker.trade(1)
    assert (broker.account.cash, broker.account.debts) == (cash, 200_000)
    assert broker.account.equity == cash - 9_800_000 - 200_000
    free = broker.shorts.free
    cover(broker, 2, 1000)
    broker.trade(2)
    assert broker.shorts.free == broker.account.cash - 200_000 > free
    after = broker.account.cash
    broker.trade(3)
    assert (broker.account.cash, broker.account.debts) == (after - 200_000, 0)


def test_a_short_pays_shares_in_specie_in_cash(make: Callable[..., Broker]) -> None:
    # 1,000 / 20 = 50 shares of Baidu at 120.00: HKD 6,000, at the open of the ex date.
    actions = happened((ALIBABA, SESSIONS[1], 1.0, 0.0))
    actions["in_specie_ticker"], actions["in_specie_ratio"] = BAIDU, 1 / 20
    actions["delivery_date"] = pd.to_datetime([SESSIONS[3]]).astype("datetime64[s]")
    market = {ALIBABA: bars([100.0, 94.0, 94.0, 94.0, 94.0]), BAIDU: bars([120.0] * 5)}
    broker = known(make(market, actions=actions), 100.0)
    short(broker, 0, 1000)
    broker.trade(0)
    cash, equity = broker.account.cash, broker.account.equity
    broker.trade(1)
    assert broker.account.cash == cash - 600_000
    assert broker.account.equity == equity
    assert not broker.account.claims


@pytest.mark.parametrize(("sold", "left"), [(100, 0), (150, -50), (50, 50)])
def test_shares_in_specie_cover_a_short_of_the_same_stock(
    make: Callable[..., Broker], sold: int, left: int
) -> None:
    actions = happened((ALIBABA, SESSIONS[1], 1.0, 0.0))
    actions["in_specie_ticker"], actions["in_specie_ratio"] = BAIDU, 1 / 20
    actions["delivery_date"] = pd.to_datetime([SESSIONS[3]]).astype("datetime64[s]")
    market = {ALIBABA: bars([100.0, 94.0, 94.0, 94.0, 94.0]), BAIDU: bars([120.0] * 5)}
    broker = known(make(market, actions=actions), 120.0, BAIDU)
    broker.place(ALIBABA, "buy", 2000, effective=SESSIONS[0])
    short(broker, 0, sold, BAIDU)
    for number in range(3):
        broker.trade(number)
    equity = broker.account.equity
    broker.trade(3)
    assert broker.account.equity == equity
    assert broker.account.shares.get(BAIDU, 0) == left
    trips = {trip.trade_id: trip for trip in broker.account.trips}
    gained = sum(
        trip.sold + broker.account.trip_worth(trip) + trip.income - trip.bought - trip.cost
        for trip in trips.values()
    )
    assert gained == broker.account.equity - 100_000_000
    standing = broker.account.open_trips.get(BAIDU)
    assert (standing.short if standing else None) == (None if not left else left < 0)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("enabled = true\nborrow_rate_pct = 3.0", "only designated securities"),
        ('enabled = true\ndesignated = "listed.csv"', "borrow_rate_pct"),
        ("margin_pct = 10.0", "maintenance_pct must not lie above"),
    ],
)
def test_what_shorts_need_is_said(tmp_path: Path, lines: str, wanted: str) -> None:
    path = tmp_path / "run.toml"
    head = "start = 2024-01-02\nend = 2024-06-28\n[broker.short]\n"
    path.write_text(head + lines, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, environment={})
    assert wanted in str(caught.value)
    assert "broker.short" in str(caught.value)


def signal(ticker: str, number: int, direction: int, hold: int = 2) -> Signal:
    session = SESSIONS[number]
    return Signal(
        signal_id=f"{ticker}@{session}",
        ticker=ticker,
        decided_at=datetime(session.year, session.month, session.day, 1, tzinfo=UTC),
        effective_session=session,
        expires_session=SESSIONS[min(number + hold, 4)],
        direction=direction,  # type: ignore[arg-type]
        probability=0.5 + 0.2 * direction,
        fold=0,
        model_sha256="",
    )


def run(
    folder: Path,
    strategy: Any,
    signals: list[Signal] | None = None,
    *,
    prepare: Any = None,
    params: dict[str, Any] | None = None,
    broker: dict[str, Any] | None = None,
    **settings: Any,
) -> EngineResult:
    (folder / "listed.csv").write_text(ALWAYS, encoding="utf-8")
    values = {
        "enabled": True,
        "designated": str(folder / "listed.csv"),
        "borrow_rate_pct": 3.65,
        **settings,
    }
    before = pd.DatetimeIndex(["2025-09-09"], name="session").astype("datetime64[s]")
    prices = {ALIBABA: [100.0, 101.0, 99.0, 98.0, 97.0], BAIDU: [100.0, 101.0, 102.0, 103.0, 104.0]}
    market = {
        ticker: pd.concat([bars(opens).iloc[:1].set_axis(before), bars(opens)])
        for ticker, opens in prices.items()
    }
    chosen = BrokerSettings(
        **{"participation": None, "short": ShortSettings(**values)} | (broker or {})
    )
    return run_engine(
        StrategySettings(name="x", params=params or {}),
        MarketData(market, no_actions()),
        signals or [],
        start=SESSIONS[0],
        end=SESSIONS[-1],
        broker=chosen,
        instruments=Instruments.default(),
        calendar=hong_kong_calendar(),
        costs=CostSchedule("none"),
        resolve=lambda _: strategy,
        prepare=prepare,
    )


@ENGINES
def test_event_hold_sells_short_what_a_signal_says_and_covers_when_it_ends(
    tmp_path: Path, engine: str
) -> None:
    from strategies.event_hold import EventHold

    said = [signal(ALIBABA, 1, -1)]
    result = run(tmp_path, EventHold, said, params={"weight": 0.1}, broker={"engine": engine})
    orders = result.orders
    assert orders[["side", "short", "shares"]].to_numpy().tolist() == [
        ["sell", True, 900],
        ["buy", True, 900],
    ]
    (trade,) = result.trades.to_dict("records")
    assert (trade["side"], trade["shares"], trade["signal_id"]) == (
        "short",
        900,
        f"{ALIBABA}@2025-09-11",
    )
    assert (trade["entry_price_hkd"], trade["exit_price_hkd"]) == (101.0, 98.0)
    assert trade["gross_pnl_hkd"] == 2_700.0
    assert trade["net_return"] == trade["net_pnl_hkd"] / 90_900.0
    # 900 × 101 for a night, 900 × 99 for the three of a weekend.
    assert result.equity["borrow_hkd"].tolist() == [0.0, 0.0, 9.09, 26.73, 0.0]
    assert result.equity["short_hkd"].tolist() == [0.0, -90_900.0, -89_100.0, 0.0, 0.0]
    assert result.equity["cost_hkd"].sum() == pytest.approx(trade["cost_hkd"])


@ENGINES
def test_a_reversal_is_two_orders_and_two_notes(tmp_path: Path, engine: str) -> None:
    from strategies.top_ranked import TopRanked

    said = [signal(BAIDU, 0, 1, 4), signal(BAIDU, 2, -1, 1), signal(BAIDU, 3, 1)]
    chosen = {"cash_hkd": 100_000.0, "engine": engine}
    result = run(tmp_path, TopRanked, said, params={"k": 1}, broker=chosen)
    there = result.orders[result.orders["effective_session"] == "2025-09-12"]
    assert there[["side", "short"]].to_numpy().tolist() == [["sell", False], ["sell", True]]
    back = result.orders[result.orders["effective_session"] == "2025-09-15"]
    assert back[["side", "short"]].to_numpy().tolist() == [["buy", True], ["buy", False]]
    assert result.trades["side"].tolist() == ["long", "short", "long"]
    assert (result.fills["cost_hkd"] > 0).all()
    # The last one leaves at the end of its horizon.
    assert len(result.fills) == 6


class Bear(bt.Strategy):
    """Sells short, buys back too much, in backtrader's own words."""

    def next(self) -> None:
        data, number = self.datas[0], len(self.datas[0])
        if number == 1:
            self.sell(data=data, size=500)
        elif number == 3:
            self.close(data=data)
            self.buy(data=data, size=200)


def test_a_backtrader_strategy_sells_short_and_its_analyzer_agrees(tmp_path: Path) -> None:
    kept: list[Any] = []

    def prepare(cerebro: Any) -> None:
        cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
        kept.append(cerebro)

    result = run(tmp_path, Bear, prepare=prepare)
    assert result.orders["short"].tolist() == [True, True, False]
    assert result.holdings[BAIDU].tolist() == [-500, -500, 200, 200, 200]
    told = kept[0].runningstrats[0].analyzers.trades.get_analysis()
    trade = result.trades.iloc[0]
    assert told["short"]["total"] == 1
    assert told["pnl"]["gross"]["total"] == pytest.approx(trade["gross_pnl_hkd"])
    borrow = result.equity["borrow_hkd"].sum()
    assert told["pnl"]["net"]["total"] == pytest.approx(trade["net_pnl_hkd"] + borrow)


class Doomed(bt.Strategy):
    """Sells short all that its margin allows, and looks away."""

    def next(self) -> None:
        if len(self.datas[0]) == 1:
            self.sell(data=self.datas[0], size=100_000)


def test_backtrader_hears_of_a_short_that_is_bought_in(tmp_path: Path) -> None:
    kept: list[Any] = []
    result = run(
        tmp_path,
        Doomed,
        prepare=kept.append,
        margin_pct=1.0,
        maintenance_pct=1.0,
        broker={"cash_hkd": 150_000.0},
    )
    forced = result.orders[result.orders["reason"].str.startswith(why.BUY_IN)]
    assert len(forced) == 1
    assert result.holdings[BAIDU].tolist()[-1] == 0
    broker = kept[0].broker
    assert all(not position.size for position in broker.positions.values())


def test_a_negative_target_without_shorts_is_an_error_that_says_how(tmp_path: Path) -> None:
    from strategies.base import NoParams, SignalStrategy

    class Pessimist(SignalStrategy[NoParams]):
        def targets(self, view: Any) -> Any:
            return {BAIDU: -0.1}

    with pytest.raises(ConfigError, match="short selling is off") as caught:
        run(tmp_path, Pessimist, broker={"short": ShortSettings()})
    assert "broker.short.enabled" in str(caught.value)
    assert run(tmp_path, Pessimist).holdings[BAIDU].iloc[0] < 0
