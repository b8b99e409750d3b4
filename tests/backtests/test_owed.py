"""Dividends paid later, distributions in specie, and the impact of an order, by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from backtests import orders as why
from backtests.broker import Broker, BrokerSettings
from backtests.engine import run_engine
from backtests.tape import Tape
from markets.calendar import hong_kong_calendar
from markets.costs import CostSchedule
from markets.hk.actions import with_known_actions
from markets.instruments import Instruments
from markets.prices import MarketData, no_actions
from strategies.base import StrategySettings

SESSIONS = tuple(date(2025, 9, day) for day in (10, 11, 12, 15, 16))
ALIBABA, BAIDU, TENCENT = "9988.HK", "9888.HK", "0700.HK"


def bars(prices: list[float], sessions: tuple[date, ...] = SESSIONS, volume: float = 1e8) -> Any:
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), dtype=float)
    index = pd.DatetimeIndex(np.array(sessions, dtype="datetime64[s]"), name="session")
    return frame.assign(volume=volume).set_axis(index)


def action(
    ticker: str, day: date, cash: float = 0.0, ratio: float = 1.0, **later: Any
) -> dict[str, Any]:
    row = {"ticker": ticker, "ex_date": pd.Timestamp(day), "ratio": ratio, "cash_hkd": cash}
    return row | {
        name: pd.Timestamp(value) if isinstance(value, date) else value
        for name, value in later.items()
    }


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    nothing = {"pay_date": pd.NaT, "in_specie_ticker": "", "in_specie_ratio": 0.0}
    made = pd.DataFrame([{**nothing, "delivery_date": pd.NaT, **row} for row in rows])
    days = dict.fromkeys(("ex_date", "pay_date", "delivery_date"), "datetime64[s]")
    columns = [*no_actions().columns, *nothing, "delivery_date"]
    return made.astype({"ticker": "str", "in_specie_ticker": "str", **days})[columns]


def held(market: dict[str, pd.DataFrame], happened: pd.DataFrame, **settings: Any) -> Broker:
    """Return a broker after the first session, in which it bought 2,000 Alibaba at 150."""
    broker = Broker(
        BrokerSettings(participation=None, cash_hkd=400_000.0, **settings),
        Tape(MarketData(market, happened), SESSIONS),
        CostSchedule("none"),
        Instruments.default(),
    )
    place(broker, 0, ALIBABA, "buy", 2_000)
    broker.trade(0)
    assert broker.account.shares == {ALIBABA: 2_000}
    return broker


def place(broker: Broker, number: int, ticker: str, side: Any, shares: int) -> Any:
    return broker.place(ticker, side, shares, effective=SESSIONS[number])


def test_a_dividend_belongs_to_the_holder_of_the_ex_date_and_is_paid_on_its_date() -> None:
    happened = table(action(ALIBABA, SESSIONS[1], cash=2.0, pay_date=SESSIONS[3]))
    broker = held({ALIBABA: bars([150.0] + [148.0] * 4)}, happened)
    account = broker.account
    cash, equity = account.cash, account.equity
    broker.trade(1)
    assert (account.cash, account.equity) == (cash, equity)
    assert account.open_trips[ALIBABA].income == 400_000
    sale = place(broker, 2, ALIBABA, "sell", 2_000)
    broker.trade(2)
    assert sale.status == "filled"
    assert account.equity - account.cash == 400_000  # still owed, although all is sold
    before = account.cash
    broker.trade(3)
    assert account.cash == before + 400_000
    assert [(row.kind, row.cash) for row in account.actions] == [
        ("action", 0),
        ("payment", 400_000),
    ]
    assert not account.claims


def test_owed_cash_buys_nothing() -> None:
    happened = table(action(ALIBABA, SESSIONS[1], cash=100.0, pay_date=SESSIONS[3]))
    broker = held({ALIBABA: bars([150.0] + [50.0] * 4)}, happened)
    wish = place(broker, 1, ALIBABA, "buy", 4_000)
    broker.trade(1)
    assert (wish.status, wish.reason, wish.filled_shares) == ("partial", why.CASH, 1_900)


def test_shares_in_specie_are_worth_something_at_once_and_sellable_when_delivered() -> None:
    # 2,000 × 1/20 = 100 shares of Baidu at 120: HKD 12,000 owed, Alibaba falls by 6 to 144.
    happened = table(
        action(
            ALIBABA,
            SESSIONS[1],
            in_specie_ticker=BAIDU,
            in_specie_ratio=1 / 20,
            delivery_date=date(2025, 9, 14),  # a Sunday
        )
    )
    market = {
        ALIBABA: bars([150.0, 144.0, 144.0, 144.0, 144.0]),
        BAIDU: bars([120.0, 120.0, 130.0, 125.0, 125.0]),
    }
    broker = held(market, happened)
    account = broker.account
    equity = account.equity
    for number, worth in ((1, 1_200_000), (2, 1_300_000)):
        sale = place(broker, number, BAIDU, "sell", 100)
        broker.trade(number)
        assert (sale.status, sale.reason) == ("rejected", why.HOLDINGS)
        assert account.equity == equity + worth - 1_200_000
        assert BAIDU not in account.shares
    sale = place(broker, 3, BAIDU, "sell", 100)
    broker.trade(3)
    assert (sale.status, account.fills[-1].units) == ("filled", 1_250_000)
    rows = [(r.kind, r.ticker, r.other, r.other_shares, r.other_worth) for r in account.actions]
    assert rows == [
        ("action", ALIBABA, BAIDU, 100, 1_200_000),
        ("delivery", BAIDU, BAIDU, 100, 1_300_000),
    ]
    alibaba, baidu = account.trips
    assert (alibaba.income, baidu.bought, baidu.bought_shares) == (1_200_000, 1_200_000, 100)
    assert (baidu.entered, baidu.exited, baidu.sold) == (1, 3, 1_250_000)


def test_one_filing_may_distribute_shares_of_two_companies() -> None:
    # 2,000 shares: 100 of Baidu at 120, 200 of Tencent at 600, HKD 2,000 in cash.
    happened = table(
        action(ALIBABA, SESSIONS[1], cash=1.0, pay_date=SESSIONS[3]),
        action(ALIBABA, SESSIONS[1], in_specie_ticker=TENCENT, in_specie_ratio=0.1,
               delivery_date=SESSIONS[2]),
        action(ALIBABA, SESSIONS[1], in_specie_ticker=BAIDU, in_specie_ratio=0.05,
               delivery_date=SESSIONS[3]),
    )  # fmt: skip
    market = {
        ALIBABA: bars([150.0] + [83.0] * 4), BAIDU: bars([120.0] * 5), TENCENT: bars([600.0] * 5)
    }  # fmt: skip
    broker = held(market, happened)
    account = broker.account
    equity = account.equity
    broker.trade(1)
    assert account.equity == equity  # 83 + 1 + 60 + 6 = 150
    assert account.open_trips[ALIBABA].income == 200_000 + 12_000_000 + 1_200_000
    broker.trade(2)
    assert account.shares == {ALIBABA: 2_000, TENCENT: 200}
    broker.trade(3)
    assert account.shares == {ALIBABA: 2_000, TENCENT: 200, BAIDU: 100}
    assert account.equity == equity
    assert not account.claims


def test_shares_in_specie_join_those_already_held() -> None:
    happened = table(
        action(ALIBABA, SESSIONS[1], in_specie_ticker=BAIDU, in_specie_ratio=0.05,
               delivery_date=SESSIONS[3])
    )  # fmt: skip
    broker = held({ALIBABA: bars([150.0] * 5), BAIDU: bars([120.0] * 5)}, happened)
    place(broker, 1, BAIDU, "buy", 50)
    for number in (1, 2, 3):
        broker.trade(number)
    account = broker.account
    assert account.shares[BAIDU] == 150
    own = account.open_trips[BAIDU]
    assert (own.bought_shares, own.bought) == (150, 1_800_000)
    assert next(trip for trip in account.trips if trip.signal_id == "" and trip.sold).exited == 3


@pytest.mark.parametrize(("ratio", "shares"), [(2.0, 200), (0.1, 10), (0.001, 0)])
def test_shares_owed_follow_their_own_split(ratio: float, shares: int) -> None:
    happened = table(
        action(ALIBABA, SESSIONS[1], in_specie_ticker=BAIDU, in_specie_ratio=0.05,
               delivery_date=SESSIONS[3]),
        action(BAIDU, SESSIONS[2], ratio=ratio),
    )  # fmt: skip
    after = [120.0 / ratio] * 3
    broker = held({ALIBABA: bars([150.0] * 5), BAIDU: bars([120.0, 120.0, *after])}, happened)
    for number in (1, 2, 3, 4):
        broker.trade(number)
    assert broker.account.shares.get(BAIDU, 0) == shares
    assert not broker.account.claims


def test_a_fraction_of_a_share_in_specie_is_paid_in_cash() -> None:
    # 2,000 / 21 = 95 and 5/21 of a share at 120: 28.57.
    happened = table(action(ALIBABA, SESSIONS[1], in_specie_ticker=BAIDU, in_specie_ratio=1 / 21))
    broker = held({ALIBABA: bars([150.0] * 5), BAIDU: bars([120.0] * 5)}, happened)
    cash = broker.account.cash
    broker.trade(1)
    assert broker.account.shares[BAIDU] == 95
    assert broker.account.cash == cash + 2_857


def test_without_prices_of_the_other_company_nothing_is_received() -> None:
    happened = table(action(ALIBABA, SESSIONS[1], in_specie_ticker=BAIDU, in_specie_ratio=1.0))
    broker = held({ALIBABA: bars([150.0] * 5)}, happened)
    broker.trade(1)
    assert broker.account.shares == {ALIBABA: 2_000}


def test_an_order_waiting_through_a_split_counts_in_new_shares() -> None:
    happened = table(action(ALIBABA, SESSIONS[2], ratio=3.0))
    market = bars([150.0, 150.0, 50.0, 50.0, 50.0]).drop(pd.Timestamp(SESSIONS[1]))
    broker = held({ALIBABA: market}, happened, max_wait_sessions=2)
    order = place(broker, 1, ALIBABA, "sell", 1_000)
    broker.trade(1)
    assert order.alive
    broker.trade(2)
    assert (order.status, order.filled_shares) == ("filled", 3_000)
    assert broker.account.shares == {ALIBABA: 3_000}


class BuyThenSell(bt.Strategy):
    """Buys Alibaba at the first open, and sells Baidu whenever it holds some."""

    def next(self) -> None:
        first, other = self.getdatabyname(ALIBABA), self.getdatabyname(BAIDU)
        if not self.getposition(first).size and len(self) < 3:
            self.buy(data=first, size=2_000)
        if self.getposition(other).size:
            self.sell(data=other, size=self.getposition(other).size)


@pytest.mark.parametrize("traded_from", [0, 3])
def test_backtrader_sees_what_was_delivered(traded_from: int) -> None:
    """Its trades earn what ours do, also where the shares are of a stock that never traded yet."""
    happened = table(
        action(ALIBABA, SESSIONS[2], in_specie_ticker=BAIDU, in_specie_ratio=0.05,
               delivery_date=SESSIONS[2])
    )  # fmt: skip
    baidu = bars([120.0, 120.0, 130.0, 125.0, 126.0]).iloc[traded_from:]
    market = MarketData({ALIBABA: bars([150.0] * 5), BAIDU: baidu}, happened)
    kept: list[Any] = []

    def prepare(cerebro: Any) -> None:
        cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
        kept.append(cerebro)

    result = run_engine(
        StrategySettings(name="plain"),
        market,
        [],
        start=SESSIONS[0],
        end=SESSIONS[-1],
        broker=BrokerSettings(participation=None, cash_hkd=400_000.0),
        instruments=Instruments.default(),
        calendar=hong_kong_calendar(),
        costs=CostSchedule("none"),
        resolve=lambda _: BuyThenSell,
        prepare=prepare,
    )
    sale = result.fills[result.fills["ticker"] == BAIDU].iloc[0]
    assert sale["session"].date() == SESSIONS[4 if traded_from else 3]
    trades = kept[0].runningstrats[0].analyzers.trades.get_analysis()
    ours = result.trades[(result.trades["ticker"] == BAIDU) & ~result.trades["is_open"]]
    assert trades["total"]["closed"] == len(ours) == 1
    assert trades["pnl"]["net"]["total"] == pytest.approx(ours["net_pnl_hkd"].sum(), abs=0.01)


def test_tencent_gave_jd_on_its_dates() -> None:
    """2,100 shares of Tencent held on 2022-01-19 become 100 of JD, sellable on 2022-03-25."""
    calendar = hong_kong_calendar()
    sessions = tuple(calendar.sessions(date(2022, 1, 18), date(2022, 3, 28)))
    prices = {
        "0700.HK": bars([480.0] * len(sessions), sessions),
        "9618.HK": bars([300.0] * len(sessions), sessions),
    }
    tape = Tape(with_known_actions(MarketData(prices, no_actions())), sessions)
    settings = BrokerSettings(participation=None, cash_hkd=2_000_000.0)
    broker = Broker(settings, tape, CostSchedule("none"), Instruments.default())
    broker.place("0700.HK", "buy", 2_100, effective=sessions[0])
    sellable = {}
    for number, session in enumerate(sessions):
        broker.trade(number)
        sellable[session] = broker.account.shares.get("9618.HK", 0)
    assert sellable[date(2022, 3, 24)] == 0
    assert sellable[date(2022, 3, 25)] == 100
    first = broker.account.actions[0]
    assert sessions[first.number] == date(2022, 1, 20)
    assert (first.other, first.other_shares, first.due) == ("9618.HK", 100, date(2022, 3, 25))


def impact_fill(coefficient: float, shares: int, closes: list[float], volume: float) -> int:
    """Return the price at which a purchase of the last session fills at an open of 150."""
    market = {ALIBABA: bars([*closes, 150.0], volume=volume)}
    broker = Broker(
        BrokerSettings(participation=None, cash_hkd=1e9, impact=coefficient, impact_sessions=4),
        Tape(MarketData(market, no_actions()), SESSIONS),
        CostSchedule("none"),
        Instruments.default(),
    )
    for number in range(4):
        broker.trade(number)
    place(broker, 4, ALIBABA, "buy", shares)
    broker.trade(4)
    return broker.account.fills[0].units


def test_the_impact_is_the_square_root_of_the_share_of_volume_times_volatility() -> None:
    # Returns ln 1.02, -ln 1.02, ln 1.02: σ = ln 1.02 × √(4/3); Q/V = 0.01: 0.2287 % of 150 is
    # 0.343, so 150.343, up to the tick: 150.40.
    closes = [147.0, 149.94, 147.0, 149.94]
    sigma = math.log(1.02) * math.sqrt(4 / 3)
    assert 150 * (1 + sigma * 0.1) == pytest.approx(150.343, abs=0.001)
    assert impact_fill(1.0, 1_000, closes, 100_000.0) == 1_504_000
    assert impact_fill(0.0, 1_000, closes, 100_000.0) == 1_500_000
    assert impact_fill(1.0, 1_000, closes, 400_000.0) == 1_502_000  # a quarter of it: 0.171
    assert impact_fill(4.0, 1_000, closes, 100_000.0) == 1_514_000  # 1.372


def test_the_impact_knows_nothing_of_its_own_session() -> None:
    """The volume and the prices of the session of the fill leave it alone; so does no history."""
    closes = [147.0, 149.94, 147.0, 149.94]
    market = bars([*closes, 150.0], volume=100_000.0)
    for changed in (market.assign(volume=[100_000.0] * 4 + [1.0]), market):
        tape = Tape(MarketData({ALIBABA: changed}, no_actions()), SESSIONS)
        assert tape.usual_volatility(ALIBABA, 4, 4) == pytest.approx(
            math.log(1.02) * math.sqrt(4 / 3)
        )
        assert tape.usual_volume(ALIBABA, 4, 4) == 100_000.0
    assert tape.usual_volatility(ALIBABA, 0, 4) == 0.0
    assert tape.usual_volatility(ALIBABA, 2, 4) == 0.0


def test_volatility_undoes_splits() -> None:
    happened = table(action(ALIBABA, SESSIONS[2], ratio=2.0))
    market = {ALIBABA: bars([100.0, 110.0, 50.0, 55.0, 55.0])}
    tape = Tape(MarketData(market, happened), SESSIONS)
    expected = np.log([1.1, 100 / 110, 1.1]).std(ddof=1)
    assert tape.usual_volatility(ALIBABA, 4, 20) == pytest.approx(expected)


def test_a_halted_stock_is_worth_less_by_what_it_distributed() -> None:
    """Without a bar on the ex date its last close less the distribution is its mark."""
    happened = table(
        action(ALIBABA, SESSIONS[1], cash=1.0, in_specie_ticker=BAIDU, in_specie_ratio=0.05,
               pay_date=SESSIONS[3], delivery_date=SESSIONS[4])
    )  # fmt: skip
    halted = bars([150.0] * 5).drop(pd.Timestamp(SESSIONS[1]))
    broker = held({ALIBABA: halted, BAIDU: bars([120.0] * 5)}, happened)
    equity = broker.account.equity
    broker.trade(1)
    assert broker.account.marks[ALIBABA] == 1_430_000
    assert broker.account.equity == equity
