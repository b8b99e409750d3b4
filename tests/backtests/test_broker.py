"""The broker's rules, one small market each; amounts worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import orders as why
from backtests.broker import Broker, BrokerSettings
from backtests.orders import Order
from backtests.tape import Tape
from markets.costs import CostSchedule
from markets.errors import DataError, MissingDataError
from markets.instruments import Instruments
from markets.prices import MarketData, no_actions

SESSIONS = tuple(date(2025, 9, day) for day in (10, 11, 12, 15, 16))
ALIBABA, BAIDU = "9988.HK", "9888.HK"


def bars(
    opens: list[float | None],
    *,
    sessions: tuple[date, ...] = SESSIONS,
    volume: float = 1e8,
    **columns: list[float],
) -> pd.DataFrame:
    """Return bars that open and close at a price; None is a session without a bar."""
    prices = np.array([np.nan if price is None else price for price in opens])
    frame = pd.DataFrame(
        {"open": prices, "high": prices, "low": prices, "close": prices, "volume": volume},
        index=pd.DatetimeIndex(np.array(sessions, dtype="datetime64[s]"), name="session"),
    )
    return frame.assign(**columns)[~np.isnan(prices)]


def actions(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """Return (ticker, ex date, ratio, cash) as an actions table."""
    table = pd.DataFrame(rows, columns=["ticker", "ex_date", "ratio", "cash_hkd"])
    return table.astype({"ticker": "str", "ex_date": "datetime64[s]"})


def make_broker(
    market: dict[str, pd.DataFrame],
    *,
    happened: pd.DataFrame | None = None,
    adjusted: bool = False,
    costs: Any = None,
    **settings: Any,
) -> Broker:
    data = MarketData(market, no_actions() if happened is None else happened, adjusted=adjusted)
    return Broker(
        BrokerSettings(**{"participation": None, **settings}),
        Tape(data, SESSIONS),
        costs or CostSchedule("none"),
        Instruments.default(),
    )


def place(
    broker: Broker, number: int, ticker: str, side: Any, shares: int, **options: Any
) -> Order:
    return broker.place(ticker, side, shares, effective=SESSIONS[number], **options)


def test_a_purchase_costs_what_the_contract_note_says() -> None:
    # 100 shares at 151.10: HKD 15,110 and 17.91 of duty, levies and fees (see the known answers).
    broker = make_broker({ALIBABA: bars([151.1] * 5)}, cash_hkd=20_000.0)
    order = place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    assert order.status == "filled"
    assert broker.account.cash == 2_000_000 - 1_511_000 - 1_791
    assert broker.account.equity == 2_000_000 - 1_791


@pytest.mark.parametrize(("cash_hkd", "filled"), [(15_127.91, 100), (15_127.90, 0)])
def test_cash_must_cover_the_costs_to_the_cent(cash_hkd: float, filled: int) -> None:
    broker = make_broker({ALIBABA: bars([151.1] * 5)}, cash_hkd=cash_hkd)
    order = place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    assert order.filled_shares == filled
    assert order.status == ("filled" if filled else "rejected")
    assert order.reason == ("" if filled else why.CASH)


def test_a_purchase_is_reduced_to_the_lots_that_cash_covers() -> None:
    broker = make_broker({ALIBABA: bars([151.1] * 5)}, cash_hkd=50_000.0)
    order = place(broker, 0, ALIBABA, "buy", 1000)
    broker.trade(0)
    assert (order.status, order.reason, order.filled_shares) == ("partial", why.CASH, 300)
    assert not broker.pending


def test_a_sale_pays_for_a_purchase_of_the_same_open_whichever_came_first() -> None:
    broker = make_broker({ALIBABA: bars([100.0] * 5), BAIDU: bars([100.0] * 5)}, cash_hkd=10_100.0)
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    purchase = place(broker, 1, BAIDU, "buy", 50)
    sale = place(broker, 1, ALIBABA, "sell", 100)
    broker.trade(1)
    assert purchase.status == sale.status == "filled"
    assert broker.account.shares == {BAIDU: 50}


def test_cash_goes_to_the_first_of_two_purchases() -> None:
    broker = make_broker({ALIBABA: bars([100.0] * 5), BAIDU: bars([100.0] * 5)}, cash_hkd=10_100.0)
    first = place(broker, 0, BAIDU, "buy", 100)
    second = place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    assert (first.status, second.status, second.reason) == ("filled", "rejected", why.CASH)


def test_the_fill_is_at_the_open_never_at_the_close_before_or_after() -> None:
    # The day of the chip report: previous close 143.30, open 151.7, close 151.1.
    market = bars([142.0, 141.9, 151.7, 153.0, 155.0], close=[142.9, 143.3, 151.1, 153.0, 155.0])
    broker = make_broker({ALIBABA: market})
    for number in range(2):
        broker.trade(number)
    place(broker, 2, ALIBABA, "buy", 100)
    broker.trade(2)
    assert broker.account.fills[0].units == 1_517_000
    assert broker.account.holdings == 1_511_000


@pytest.mark.parametrize(
    ("settings", "side", "price"),
    [
        ({"slippage_ticks": 1}, "buy", 151.8),
        ({"slippage_ticks": 2}, "sell", 151.5),
        ({"slippage_bp": 10.0}, "buy", 151.9),  # 151.8517, up
        ({"slippage_bp": 10.0}, "sell", 151.5),  # 151.5483, down
        ({"slippage_bp": 10.0, "slippage_ticks": 1}, "buy", 152.0),  # 151.9517, up
        ({"adjusted": True, "slippage_bp": 10.0, "slippage_ticks": 1}, "buy", 151.8517),
    ],
)
def test_slippage_goes_against_the_trader_onto_a_tick(
    settings: dict[str, Any], side: str, price: float
) -> None:
    # Between 100 and 200 dollars the tick is 0.10.
    broker = make_broker({ALIBABA: bars([151.7] * 5)}, **settings)
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    place(broker, 1, ALIBABA, "sell", 100)
    broker.trade(1)
    assert broker.account.fills[side == "sell"].units == round(price * 10_000)


def test_a_halted_stock_never_trades_on_its_stale_close() -> None:
    broker = make_broker({ALIBABA: bars([100.0, None, 90.0, 91.0, 92.0])})
    broker.trade(0)
    order = place(broker, 1, ALIBABA, "buy", 100)
    broker.trade(1)
    assert (order.status, order.reason) == ("expired", why.NO_TRADE)
    assert not broker.account.fills


def test_an_order_may_wait_for_its_stock_to_trade_again() -> None:
    broker = make_broker(
        {ALIBABA: bars([100.0, None, None, 91.0, 92.0]), BAIDU: bars([100.0] * 5)},
        max_wait_sessions=2,
    )
    broker.trade(0)
    order = place(broker, 1, ALIBABA, "buy", 100)
    for number in (1, 2):
        broker.trade(number)
        assert order.status == "open"
        assert broker.waiting() == {ALIBABA: 100}
    broker.trade(3)
    assert (order.status, order.filled_session) == ("filled", SESSIONS[3])
    assert broker.account.fills[0].units == 910_000


def test_a_bar_without_volume_fills_nothing() -> None:
    market = bars([100.0] * 5, volume=0.0)
    broker = make_broker({ALIBABA: market})
    order = place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    assert (order.status, order.reason) == ("expired", why.NO_TRADE)


def test_participation_counts_the_usual_volume_before_the_session() -> None:
    market = bars([100.0] * 5, volume=[1000.0, 3000.0, 9e9, 9e9, 9e9])  # type: ignore[arg-type]
    broker = make_broker(
        {ALIBABA: market}, participation=0.25, participation_sessions=2, max_wait_sessions=1
    )
    broker.trade(0)
    broker.trade(1)
    order = place(broker, 2, ALIBABA, "buy", 800)
    other = place(broker, 2, ALIBABA, "buy", 100)
    broker.trade(2)
    # A quarter of 2,000 is 500; what is over waits, and the second order finds nothing left.
    assert (order.filled_shares, order.status, other.filled_shares) == (500, "open", 0)
    assert order.reason == other.reason == why.PARTICIPATION
    broker.trade(3)
    assert (order.status, other.status) == ("filled", "filled")


def test_participation_may_count_the_volume_of_the_session() -> None:
    market = bars([100.0] * 5, volume=1000.0)
    broker = make_broker({ALIBABA: market}, participation=0.25, participation_of="session")
    order = place(broker, 0, ALIBABA, "buy", 800)
    broker.trade(0)
    assert (order.filled_shares, order.status) == (200, "partial")


def test_lots() -> None:
    broker = make_broker({ALIBABA: bars([100.0] * 5)})
    odd = place(broker, 0, ALIBABA, "buy", 250)
    tiny = place(broker, 0, ALIBABA, "buy", 99)
    broker.trade(0)
    assert (odd.filled_shares, odd.status, odd.reason) == (200, "partial", why.LOTS)
    assert (tiny.filled_shares, tiny.status, tiny.reason) == (0, "rejected", why.LOTS)
    reduction = place(broker, 1, ALIBABA, "sell", 150)
    broker.trade(1)
    assert (reduction.filled_shares, reduction.reason) == (100, why.LOTS)


def test_nobody_sells_what_is_not_held() -> None:
    broker = make_broker({ALIBABA: bars([100.0] * 5)})
    place(broker, 0, ALIBABA, "buy", 100)
    early = place(broker, 0, ALIBABA, "sell", 100)
    broker.trade(0)
    assert (early.status, early.reason) == ("rejected", why.HOLDINGS)
    late = place(broker, 1, ALIBABA, "sell", 500)
    broker.trade(1)
    assert (late.status, late.reason, late.filled_shares) == ("partial", why.HOLDINGS, 100)


def test_a_split_changes_holdings_waiting_orders_and_the_mark() -> None:
    market = bars([100.0, 100.0, None, 21.0, 21.0])
    broker = make_broker(
        {ALIBABA: market, BAIDU: bars([50.0] * 5)},
        happened=actions((ALIBABA, "2025-09-12", 5.0, 0.0)),
        max_wait_sessions=1,
    )
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    broker.trade(1)
    before = broker.account.equity
    order = place(broker, 2, ALIBABA, "sell", 100)
    broker.trade(2)
    assert broker.account.shares == {ALIBABA: 500}
    assert broker.account.equity == before
    broker.trade(3)
    assert (order.shares, order.filled_shares, order.status) == (100, 500, "filled")


def test_a_fraction_of_a_share_is_paid_and_the_odd_lot_can_be_sold() -> None:
    # 100 old shares become 18/17 × 100 = 105.88: 105, and 15/17 of a new share in cash, worth
    # 15/18 of an old one at 100.00.
    broker = make_broker(
        {ALIBABA: bars([100.0] * 5)}, happened=actions((ALIBABA, "2025-09-11", 18 / 17, 0.0))
    )
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    sale = place(broker, 1, ALIBABA, "sell", 1000)
    broker.trade(1)
    assert broker.account.actions[0].fraction == 8_333
    assert (sale.filled_shares, broker.account.shares) == (105, {})


def test_a_dividend_comes_on_the_ex_date_and_belongs_to_the_trade() -> None:
    broker = make_broker(
        {ALIBABA: bars([100.0] * 5)}, happened=actions((ALIBABA, "2025-09-11", 1.0, 0.9875))
    )
    place(broker, 0, ALIBABA, "buy", 200)
    broker.trade(0)
    cash = broker.account.cash
    place(broker, 1, ALIBABA, "buy", 200)
    broker.trade(1)
    bought = broker.account.fills[1]
    assert broker.account.cash == cash + 19_750 - bought.consideration - bought.cost
    assert broker.account.trips[0].income == 19_750


def test_adjusted_prices_hold_their_actions_already() -> None:
    broker = make_broker(
        {ALIBABA: bars([100.0] * 5)},
        happened=actions((ALIBABA, "2025-09-11", 2.0, 3.0)),
        adjusted=True,
    )
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    broker.trade(1)
    assert broker.account.shares == {ALIBABA: 100}
    assert not broker.account.actions


def test_a_sale_that_would_cost_more_than_there_is_does_not_happen() -> None:
    # A consolidation leaves one share of ten cents; its note alone costs a dollar of duty.
    broker = make_broker(
        {ALIBABA: bars([0.1, 0.1, 0.1, 0.1, 0.1])},
        happened=actions((ALIBABA, "2025-09-11", 0.01, 0.0)),
        cash_hkd=11.03,
    )
    place(broker, 0, ALIBABA, "buy", 100)
    broker.trade(0)
    assert broker.account.shares == {ALIBABA: 100}
    sale = place(broker, 1, ALIBABA, "sell", 1)
    broker.trade(1)
    assert broker.account.shares == {ALIBABA: 1}
    assert (sale.status, sale.reason) == ("rejected", why.SPLIT_AWAY)
    again = place(broker, 2, ALIBABA, "sell", 1)
    broker.trade(2)
    assert (again.status, again.reason) == ("rejected", why.PROCEEDS)


def test_limit_orders_fill_at_the_open_or_through_their_price_only() -> None:
    market = bars([100.0, 98.0, 100.0, 100.0, 100.0], low=[99.0, 97.0, 99.0, 98.9, 99.0])
    broker = make_broker({ALIBABA: market}, slippage_ticks=3)
    touched = place(broker, 0, ALIBABA, "buy", 100, kind="limit", price_units=990_000)
    broker.trade(0)
    assert (touched.status, touched.reason) == ("open", why.UNTOUCHED)
    broker.trade(1)
    assert broker.account.fills[0].units == 981_500  # the open, and three ticks of 0.05
    through = place(broker, 2, ALIBABA, "buy", 100, kind="limit", price_units=990_000)
    broker.trade(2)
    broker.trade(3)
    assert (through.filled_session, broker.account.fills[1].units) == (SESSIONS[3], 990_000)


def test_a_stop_order_fills_at_its_price_or_at_a_worse_open() -> None:
    market = bars([100.0, 100.0, 95.0, 95.0, 95.0], low=[100.0, 97.0, 95.0, 95.0, 95.0])
    broker = make_broker({ALIBABA: market})
    place(broker, 0, ALIBABA, "buy", 200)
    broker.trade(0)
    place(broker, 1, ALIBABA, "sell", 100, kind="stop", price_units=980_000)
    place(broker, 1, ALIBABA, "sell", 100, kind="stop", price_units=960_000)
    broker.trade(1)
    broker.trade(2)
    assert [fill.units for fill in broker.account.fills[1:]] == [980_000, 950_000]


def test_a_limit_order_ends_with_its_last_session_and_others_when_cancelled() -> None:
    broker = make_broker({ALIBABA: bars([100.0] * 5)})
    dated = place(
        broker, 0, ALIBABA, "buy", 100, kind="limit", price_units=900_000, until=SESSIONS[1]
    )
    lasting = place(broker, 0, ALIBABA, "buy", 100, kind="limit", price_units=900_000)
    broker.trade(0)
    broker.trade(1)
    assert (dated.status, lasting.status) == ("expired", "open")
    assert broker.cancel(lasting, why.BY_STRATEGY)
    assert not broker.cancel(lasting, why.BY_STRATEGY)
    assert (lasting.status, broker.pending) == ("cancelled", [])


def test_a_bar_outside_the_sessions_is_an_error() -> None:
    holiday = bars([100.0], sessions=(date(2025, 9, 13),))
    with pytest.raises(DataError, match="no session"):
        make_broker({ALIBABA: holiday})


def test_a_run_without_any_bar_is_an_error() -> None:
    with pytest.raises(MissingDataError, match="no bar"):
        make_broker({ALIBABA: bars([100.0], sessions=(date(2025, 9, 5),))})
