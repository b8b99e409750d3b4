"""The engine: strategies on backtrader over real sessions, late listings, halts, wrong input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from backtests.broker import BrokerSettings
from backtests.compiled.testing import Weekdays
from backtests.engine import run_engine
from backtests.result import (
    ACTION_COLUMNS,
    EQUITY_COLUMNS,
    FILL_COLUMNS,
    ORDER_COLUMNS,
    TRADE_COLUMNS,
    EngineResult,
)
from markets.costs import CostSchedule
from markets.errors import ConfigError, LeakError, MissingDataError
from markets.instruments import Instruments
from markets.prices import MarketData, no_actions
from signals.decisions import Signal
from strategies.base import StrategySettings

# Weekdays but the first of July, a public holiday.
CALENDAR = Weekdays(
    tuple(
        day.date()
        for day in pd.bdate_range("2025-06-16", "2025-07-18")
        if day != pd.Timestamp("2025-07-01")
    )
)
DAYS = CALENDAR.sessions(date(2025, 6, 23), date(2025, 7, 8))
ALIBABA, BAIDU, TENCENT = "9988.HK", "9888.HK", "0700.HK"


def bars(days: list[date], price: float = 100.0, step: float = 1.0) -> pd.DataFrame:
    close = price + step * np.arange(len(days))
    frame = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e8}
    index = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session")
    return pd.DataFrame(frame, index=index)


def signal(ticker: str, number: int, direction: int = 1, hold: int = 3, p: float = 0.7) -> Signal:
    session = DAYS[number]
    return Signal(
        signal_id=f"{ticker}@{session}",
        ticker=ticker,
        decided_at=datetime(session.year, session.month, session.day, 1, tzinfo=UTC),
        effective_session=session,
        expires_session=DAYS[min(number + hold, len(DAYS) - 1)],
        direction=direction,  # type: ignore[arg-type]
        probability=p,
        fold=0,
        model_sha256="",
    )


def run(
    market: dict[str, pd.DataFrame],
    signals: list[Signal] | None = None,
    strategy: Any = None,
    *,
    name: str = "event_hold",
    params: dict[str, Any] | None = None,
    start: date = DAYS[1],
    end: date = DAYS[-1],
    prepare: Callable[[Any], None] | None = None,
    **broker: Any,
) -> EngineResult:
    return run_engine(
        StrategySettings(name=name, params=params or {}),
        MarketData(market, no_actions()),
        signals or [],
        start=start,
        end=end,
        broker=BrokerSettings(**broker),
        instruments=Instruments.default(),
        calendar=CALENDAR,
        costs=CostSchedule("none"),
        resolve=None if strategy is None else lambda _: strategy,
        prepare=prepare,
    )


def test_event_hold_enters_and_leaves_at_its_opens() -> None:
    result = run({ALIBABA: bars(DAYS)}, [signal(ALIBABA, 1), signal(ALIBABA, 6, hold=2)])
    assert result.fills["session"].dt.date.tolist() == [DAYS[1], DAYS[4], DAYS[6], DAYS[8]]
    assert result.fills["price_hkd"].tolist() == [101.0, 104.0, 106.0, 108.0]
    assert result.trades["sessions_held"].tolist() == [3, 2]
    assert result.trades["signal_id"].tolist() == [
        signal(ALIBABA, 1).signal_id,
        signal(ALIBABA, 6).signal_id,
    ]
    # A tenth of a million, less the reserve, at the close of 100 before: 900 of 995.02 shares.
    assert result.fills["shares"].tolist()[0] == 900


def test_the_tables_have_the_declared_columns_and_types() -> None:
    busy, idle = run({ALIBABA: bars(DAYS)}, [signal(ALIBABA, 1)]), run({ALIBABA: bars(DAYS)})
    columns = {
        "orders": ORDER_COLUMNS,
        "fills": FILL_COLUMNS,
        "trades": TRADE_COLUMNS,
        "equity": EQUITY_COLUMNS,
        "actions": ACTION_COLUMNS,
    }
    for name, wanted in columns.items():
        table = getattr(busy, name)
        assert tuple(table.columns) == wanted
        pd.testing.assert_series_equal(table.dtypes, getattr(idle, name).dtypes)
    assert busy.equity.index.name == busy.holdings.index.name == "session"
    assert busy.equity.index.date.tolist() == DAYS[1:]
    assert busy.orders["signal_id"].dtype == "str"
    assert busy.orders["effective_session"].dtype == "datetime64[s]"


def test_a_fresh_signal_extends_and_an_opposite_one_ends() -> None:
    market = {ALIBABA: bars(DAYS), BAIDU: bars(DAYS)}
    signals = [
        signal(ALIBABA, 1, hold=2),
        signal(ALIBABA, 2, hold=3),
        signal(BAIDU, 1, hold=6),
        signal(BAIDU, 3, direction=-1),
    ]
    trades = run(market, signals).trades.set_index("ticker")
    assert trades.loc[ALIBABA, "exit_session"].date() == DAYS[5]
    assert trades.loc[BAIDU, "exit_session"].date() == DAYS[3]


def test_the_first_open_of_the_run_can_be_traded_and_the_last_order_stays_open() -> None:
    result = run({ALIBABA: bars(DAYS)}, [signal(ALIBABA, 1)], end=DAYS[3])
    assert result.fills["session"].dt.date.tolist() == [DAYS[1]]
    last = result.orders.iloc[-1]
    assert (last["side"], last["status"]) == ("sell", "open")
    assert last["effective_session"].date() == DAYS[4]
    assert result.trades["is_open"].tolist() == [True]
    assert result.trades["exit_price_hkd"].tolist() == [103.0]
    assert pd.isna(result.trades["exit_session"]).all()


def test_a_late_listing_freezes_nobody_and_a_halt_waits_for_its_stock() -> None:
    halted = bars(DAYS).drop(pd.Timestamp(DAYS[4]))
    market = {ALIBABA: halted, BAIDU: bars(DAYS[6:])}
    result = run(market, [signal(ALIBABA, 1), signal(BAIDU, 6), signal(BAIDU, 7, hold=2)])
    alibaba = result.fills[result.fills["ticker"] == ALIBABA]
    assert alibaba["session"].dt.date.tolist() == [DAYS[1], DAYS[5]]
    baidu = result.orders[result.orders["ticker"] == BAIDU]
    assert baidu["reason"].tolist()[0] == "no close known to size it with"
    assert baidu["filled_session"].dt.date.tolist()[1] == DAYS[7]


@pytest.mark.parametrize("name", ["buy_and_hold", "equal_weight"])
def test_baselines_invest_at_the_first_open(name: str) -> None:
    result = run({ALIBABA: bars(DAYS), BAIDU: bars(DAYS, 50.0)}, name=name)
    assert result.fills["session"].dt.date.tolist()[:2] == [DAYS[1], DAYS[1]]
    # Equal weight turns over at the first open of July, buy and hold never again.
    assert (len(result.fills) > 2) == (name == "equal_weight")
    assert (result.orders["signal_id"] == "").all()


class Crossing(bt.Strategy):
    """A user's own: indicators, a sizer, a limit order, and it looks at what it must not."""

    params = (("period", 3), ("signals", None))

    def __init__(self) -> None:
        self.averages = {data: bt.ind.SMA(data.close, period=self.p.period) for data in self.datas}
        self.dates: list[date] = []
        self.before_listing: list[float] = []
        self.events: list[str] = []
        self.closed = 0
        self.leak: LeakError | None = None
        self.told: list[str] = []

    def next(self) -> None:
        self.dates.append(self.datetime.date(0))
        late = self.getdatabyname(BAIDU)
        if not len(late):
            self.before_listing += [late.close[0], late.close[-2], self.averages[late][0]]
        data = self.getdatabyname(ALIBABA)
        assert data.datetime.date(0) == self.datetime.date(0)
        if len(self.dates) == 1:
            self.buy(data)
            self.sell(data, size=100, exectype=bt.Order.Limit, price=data.close[0] + 4.5)
        elif len(self.dates) == 7:
            self.close(data)
        if self.p.signals is not None:
            known = self.p.signals.on(CALENDAR.next_session(self.dates[-1]))
            self.told += [each.signal_id for each in known]
            try:
                self.p.signals.on(DAYS[-1])
            except LeakError as error:
                self.leak = error

    def notify_order(self, order: Any) -> None:
        self.events.append(order.getstatusname())

    def notify_trade(self, trade: Any) -> None:
        self.closed += trade.isclosed


def test_a_plain_backtrader_strategy_with_analyzers_and_sizer() -> None:
    kept: list[Any] = []

    def prepare(cerebro: Any) -> None:
        kept.append(cerebro)
        cerebro.addsizer(bt.sizers.FixedSize, stake=300)
        cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
        cerebro.addanalyzer(bt.analyzers.TimeReturn, _name="returns")
        cerebro.addobserver(bt.observers.Value)

    market = {ALIBABA: bars(DAYS), BAIDU: bars(DAYS[6:])}
    result = run(market, [signal(ALIBABA, 1)], Crossing, params={"period": 1}, prepare=prepare)
    strategy = kept[0].runningstrats[0]
    assert strategy.dates == DAYS
    assert np.isnan(strategy.before_listing).all()
    assert len(strategy.before_listing) == 3 * 6
    assert strategy.leak is not None
    assert strategy.told == [signal(ALIBABA, 1).signal_id]
    assert result.fills["shares"].tolist() == [300, 100, 200]
    assert result.fills["price_hkd"].tolist() == [101.0, 104.5, 107.0]
    events = ["Accepted", "Accepted", "Completed", "Completed", "Accepted", "Completed"]
    assert strategy.events == events
    analysis = strategy.analyzers.trades.get_analysis()
    assert (analysis.total.closed, strategy.closed) == (1, 1)
    assert analysis.pnl.net.total == pytest.approx(result.trades["net_pnl_hkd"].sum())
    returns = strategy.analyzers.returns.get_analysis()
    growth = np.prod([1 + value for value in returns.values()])
    assert growth * 1_000_000 == pytest.approx(result.equity["equity_hkd"].iloc[-1])


class Unservable(bt.Strategy):
    """Asks for an order that is not served."""

    def next(self) -> None:
        self.buy(exectype=bt.Order.StopTrail, trailamount=1.0)


def test_what_is_wrong_is_said() -> None:
    market = {ALIBABA: bars(DAYS)}
    with pytest.raises(ConfigError, match="not served"):
        run(market, strategy=Unservable)
    with pytest.raises(ConfigError, match="unknown parameter") as caught:
        run(market, params={"max_position": 3})
    assert caught.value.nearest == "max_positions"
    with pytest.raises(ConfigError, match="does not fit"):
        run(market, params={"max_positions": 0})
    with pytest.raises(ConfigError, match="unknown parameter") as caught:
        run(market, strategy=Crossing, params={"periods": 3})
    assert caught.value.nearest == "period"
    with pytest.raises(ConfigError, match="no strategy"):
        run(market, strategy=dict)
    with pytest.raises(ConfigError, match="no such part"):
        run(market, name="event_hld")
    with pytest.raises(MissingDataError, match="no session"):
        run(market, start=date(2025, 7, 1), end=date(2025, 7, 1))


def test_settings_do_not_load_backtrader() -> None:
    code = (
        "import sys, backtests.engine, backtests.broker, strategies.event_hold, strategies.base;"
        "sys.exit('backtrader' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "backtrader.plot" not in sys.modules
