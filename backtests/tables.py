"""Tables: an account and its orders as the frames of an EngineResult."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtests.account import Account, RoundTrip
from backtests.broker import Broker
from backtests.result import (
    ACTION_COLUMNS,
    COST_COLUMNS,
    EQUITY_COLUMNS,
    FILL_COLUMNS,
    ORDER_COLUMNS,
    TRADE_COLUMNS,
    EngineResult,
)
from markets.rules import UNITS_PER_HKD

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Day:
    """An account at a close. Cash in cents."""

    cash: int
    holdings: int
    cost: int
    turnover: int
    income: int
    shares: dict[str, int]

    @classmethod
    def of(cls, account: Account) -> Day:
        """Return an account as it is now, and what moved since the last time."""
        moved = account.close_day()
        return cls(
            cash=account.cash,
            holdings=account.holdings,
            cost=moved.cost,
            turnover=moved.turnover,
            income=moved.income,
            shares=dict(account.shares),
        )


def result(core: Broker, days: Sequence[Day]) -> EngineResult:
    """Return all that a broker did.

    Parameters
    ----------
    core : Broker
        After its last session.
    days : sequence of Day
        One for each session of the run.
    """
    sessions = core.tape.sessions
    return EngineResult(
        orders=_orders(core),
        fills=_fills(core.account, sessions),
        trades=_trades(core.account, sessions),
        equity=_equity(days, sessions),
        holdings=_holdings(days, sessions, core.tape.tickers),
        actions=_actions(core.account, sessions),
    )


def _orders(core: Broker) -> pd.DataFrame:
    orders = core.orders
    columns: dict[str, Column | pd.Series] = {
        "order_id": _integers([order.order_id for order in orders]),
        "ticker": _words([order.ticker for order in orders]),
        "side": _words([order.side for order in orders]),
        "shares": _integers([order.shares for order in orders]),
        "decided_session": _dates([order.decided for order in orders]),
        "effective_session": _dates([order.effective for order in orders]),
        "status": _words([order.status for order in orders]),
        "reason": _words([order.reason for order in orders]),
        "filled_shares": _integers([order.filled_shares for order in orders]),
        "filled_session": _dates([order.filled_session for order in orders]),
        "signal_id": _words([order.signal_id for order in orders]),
    }
    return pd.DataFrame(columns)[list(ORDER_COLUMNS)]


def _fills(account: Account, sessions: Sequence[date]) -> pd.DataFrame:
    fills = account.fills
    columns: dict[str, Column | pd.Series] = {
        "fill_id": _integers([fill.fill_id for fill in fills]),
        "order_id": _integers([fill.order_id for fill in fills]),
        "trade_id": _integers([fill.trade_id for fill in fills]),
        "session": _dates([sessions[fill.number] for fill in fills]),
        "ticker": _words([fill.ticker for fill in fills]),
        "side": _words([fill.side for fill in fills]),
        "shares": _integers([fill.shares for fill in fills]),
        "price_hkd": _floats([fill.units for fill in fills], UNITS_PER_HKD),
        "consideration_hkd": _floats([fill.consideration for fill in fills], 100),
        "cost_hkd": _floats([fill.cost for fill in fills], 100),
        "signal_id": _words([fill.signal_id for fill in fills]),
    }
    for place, name in enumerate(COST_COLUMNS):
        columns[name] = _floats([fill.costs[place] for fill in fills], 100)
    return pd.DataFrame(columns)[list(FILL_COLUMNS)]


def _trades(account: Account, sessions: Sequence[date]) -> pd.DataFrame:
    trips = account.trips
    ends = [account.trip_worth(trip) for trip in trips]
    gross = [
        trip.sold + end + trip.income - trip.bought for trip, end in zip(trips, ends, strict=True)
    ]
    net = [pnl - trip.cost for pnl, trip in zip(gross, trips, strict=True)]
    last = len(sessions) - 1
    columns: dict[str, Column | pd.Series] = {
        "trade_id": _integers([trip.trade_id for trip in trips]),
        "ticker": _words([trip.ticker for trip in trips]),
        "entry_session": _dates([sessions[trip.entered] for trip in trips]),
        "exit_session": _dates(
            [None if trip.exited is None else sessions[trip.exited] for trip in trips]
        ),
        "shares": _integers([trip.bought_shares for trip in trips]),
        "entry_price_hkd": _floats([trip.bought / 100 / trip.bought_shares for trip in trips]),
        "exit_price_hkd": _floats([_exit_price(account, trip) for trip in trips]),
        "sessions_held": _integers(
            [(last if trip.exited is None else trip.exited) - trip.entered for trip in trips]
        ),
        "gross_pnl_hkd": _floats(gross, 100),
        "cost_hkd": _floats([trip.cost for trip in trips], 100),
        "net_pnl_hkd": _floats(net, 100),
        # Shares in specie of a company that never traded before were worth nothing known.
        "net_return": _floats(
            [
                pnl / trip.bought if trip.bought else 0.0
                for pnl, trip in zip(net, trips, strict=True)
            ]
        ),
        "signal_id": _words([trip.signal_id for trip in trips]),
        "is_open": np.array([trip.exited is None for trip in trips], dtype="bool"),
    }
    return pd.DataFrame(columns)[list(TRADE_COLUMNS)]


def _exit_price(account: Account, trip: RoundTrip) -> float:
    """Return the mean price of what was sold and of what is still held, at its last close."""
    shares = trip.sold_shares + account.trip_shares(trip)
    worth = trip.sold + account.trip_worth(trip)
    return worth / 100 / shares if shares else float("nan")


def _equity(days: Sequence[Day], sessions: Sequence[date]) -> pd.DataFrame:
    columns: dict[str, Column | pd.Series] = {
        "equity_hkd": _floats([day.cash + day.holdings for day in days], 100),
        "cash_hkd": _floats([day.cash for day in days], 100),
        "holdings_hkd": _floats([day.holdings for day in days], 100),
        "cost_hkd": _floats([day.cost for day in days], 100),
        "turnover_hkd": _floats([day.turnover for day in days], 100),
        "income_hkd": _floats([day.income for day in days], 100),
        "benchmark": np.full(len(days), np.nan),
    }
    return pd.DataFrame(columns, index=_index(sessions))[list(EQUITY_COLUMNS)]


def _holdings(
    days: Sequence[Day], sessions: Sequence[date], tickers: Sequence[str]
) -> pd.DataFrame:
    place = {ticker: number for number, ticker in enumerate(tickers)}
    shares = np.zeros((len(days), len(tickers)), dtype=np.int64)
    for number, day in enumerate(days):
        for ticker, held in day.shares.items():
            shares[number, place[ticker]] = held
    return pd.DataFrame(
        shares, index=_index(sessions), columns=pd.Index(list(tickers), dtype="str")
    )


def _actions(account: Account, sessions: Sequence[date]) -> pd.DataFrame:
    rows = account.actions
    columns: dict[str, Column | pd.Series] = {
        "session": _dates([sessions[row.number] for row in rows]),
        "ticker": _words([row.ticker for row in rows]),
        "trade_id": _integers([row.trade_id for row in rows]),
        "shares_before": _integers([row.shares_before for row in rows]),
        "shares_after": _integers([row.shares_after for row in rows]),
        "dividend_hkd": _floats([row.dividend for row in rows], 100),
        "fraction_hkd": _floats([row.fraction for row in rows], 100),
        "kind": _words([row.kind for row in rows]),
        "cash_hkd": _floats([row.cash for row in rows], 100),
        "in_specie_ticker": _words([row.other for row in rows]),
        "in_specie_shares": _integers([row.other_shares for row in rows]),
        "in_specie_hkd": _floats([row.other_worth for row in rows], 100),
        "due_date": _dates([row.due for row in rows]),
    }
    return pd.DataFrame(columns)[list(ACTION_COLUMNS)]


def _index(sessions: Sequence[date]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.array(sessions, dtype="datetime64[s]"), name="session")


def _dates(values: Sequence[date | None]) -> Column:
    return np.array(values, dtype="datetime64[s]")


def _words(values: Sequence[str]) -> pd.Series:
    return pd.Series(list(values), dtype="str")


def _integers(values: Sequence[int]) -> Column:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float], unit: int = 1) -> Column:
    """Return counts of a unit as float64: the nearest to the exact value, so that cents print."""
    return np.array(values, dtype=np.float64) / unit
