"""Tables: an account and its orders as the frames of an EngineResult."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtests.account import Account
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
_WORDS = frozenset({"ticker", "side", "status", "reason", "signal_id", "kind", "other"})


@dataclass(frozen=True, slots=True)
class Day:
    """An account at a close. Cash in cents."""

    cash: int
    holdings: int
    short: int
    cost: int
    borrow: int
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
            short=-account.short_worth,
            cost=moved.cost,
            borrow=moved.borrow,
            turnover=moved.turnover,
            income=moved.income,
            shares=dict(account.shares),
        )


@dataclass(frozen=True, slots=True)
class Records:
    """All that an engine did, in whole numbers: the one form every engine brings its work into.

    Columns are by name, cash in cents, prices in ten-thousandths of a dollar, sessions as numbers
    of the run (-1: never; the number of sessions: the one after it), words as arrays of `str`.

    Attributes
    ----------
    orders, fills, trips, actions, days : mapping of str to ndarray
        One value a row; of a trip `held` is what it still holds and `end` what that is worth.
    shares : ndarray of int64
        Held at the close, sessions × tickers.
    """

    orders: Mapping[str, Column]
    fills: Mapping[str, Column]
    trips: Mapping[str, Column]
    actions: Mapping[str, Column]
    days: Mapping[str, Column]
    shares: Column


def records(core: Broker, days: Sequence[Day]) -> Records:
    """Return all that a broker did; `days` has one for each session of the run."""
    tape, account = core.tape, core.account
    numbers = {day: number for number, day in enumerate(tape.sessions)}
    last = len(tape.sessions)
    shares = np.zeros((len(days), len(tape.tickers)), dtype=np.int64)
    place = {ticker: number for number, ticker in enumerate(tape.tickers)}
    for number, day in enumerate(days):
        for ticker, held in day.shares.items():
            shares[number, place[ticker]] = held
    orders = _fields(
        core.orders, "order_id ticker side short shares status reason filled_shares signal_id"
    )
    orders["effective"] = _integers([numbers.get(order.effective, last) for order in core.orders])
    orders["filled"] = _integers([numbers.get(o.filled_session, -1) for o in core.orders])  # type: ignore[arg-type]
    fills = _fields(
        account.fills,
        "fill_id order_id trade_id number ticker side shares units consideration cost signal_id",
    )
    parts = _integers([fill.costs for fill in account.fills]).reshape(-1, len(COST_COLUMNS))
    fills |= dict(zip(COST_COLUMNS, parts.T, strict=True))
    trips = _fields(
        account.trips,
        "trade_id ticker entered signal_id short bought_shares bought sold_shares sold income cost",
    )
    trips["exited"] = _integers(
        [-1 if trip.exited is None else trip.exited for trip in account.trips]
    )
    trips["held"] = _integers([account.trip_shares(trip) for trip in account.trips])
    trips["end"] = _integers([account.trip_worth(trip) for trip in account.trips])
    actions = _fields(
        account.actions,
        "number ticker trade_id shares_before shares_after dividend fraction kind cash other "
        "other_shares other_worth",
    )
    actions["due"] = np.array([row.due for row in account.actions], dtype="datetime64[s]")
    by_day = _fields(days, "cash holdings short cost borrow turnover income")
    return Records(orders, fills, trips, actions, by_day, shares)


def result(found: Records, around: Sequence[date], tickers: Sequence[str]) -> EngineResult:
    """Return the tables of a run.

    Parameters
    ----------
    found : Records
        What the engine did.
    around : sequence of date
        The session before the run, those of the run, the one after.
    tickers : sequence of str
        Columns of the holdings.
    """
    days = np.array([*around, None], dtype="datetime64[s]")  # number + 1; the last is never
    sessions = pd.DatetimeIndex(days[1:-2], name="session")
    return EngineResult(
        orders=_orders(found.orders, days),
        fills=_fills(found.fills, days),
        trades=_trades(found.trips, days),
        equity=_equity(found.days, sessions),
        holdings=pd.DataFrame(
            found.shares, index=sessions, columns=pd.Index(list(tickers), dtype="str")
        ),
        actions=_actions(found.actions, days),
    )


def _orders(orders: Mapping[str, Column], days: Column) -> pd.DataFrame:
    filled = orders["filled"]
    columns: dict[str, Column | pd.Series] = {
        **{name: orders[name] for name in ("order_id", "shares", "filled_shares")},
        **{
            name: _words(orders[name])
            for name in ("ticker", "side", "status", "reason", "signal_id")
        },
        "short": orders["short"].astype(bool),
        "decided_session": days[orders["effective"]],
        "effective_session": days[orders["effective"] + 1],
        "filled_session": days[np.where(filled < 0, len(days) - 1, filled + 1)],
    }
    return pd.DataFrame(columns)[list(ORDER_COLUMNS)]


def _fills(fills: Mapping[str, Column], days: Column) -> pd.DataFrame:
    columns: dict[str, Column | pd.Series] = {
        **{name: fills[name] for name in ("fill_id", "order_id", "trade_id", "shares")},
        **{name: _words(fills[name]) for name in ("ticker", "side", "signal_id")},
        "session": days[fills["number"] + 1],
        "price_hkd": fills["units"] / UNITS_PER_HKD,
        "consideration_hkd": fills["consideration"] / 100,
        "cost_hkd": fills["cost"] / 100,
        **{name: fills[name] / 100 for name in COST_COLUMNS},
    }
    return pd.DataFrame(columns)[list(FILL_COLUMNS)]


def _trades(trips: Mapping[str, Column], days: Column) -> pd.DataFrame:
    is_open = trips["exited"] < 0
    last = len(days) - 4
    gross = trips["sold"] + trips["end"] + trips["income"] - trips["bought"]
    net = gross - trips["cost"]
    short = trips["short"].astype(bool)
    # A short enters by what is sold, and leaves by what is bought; what it still holds is negative.
    entered = np.where(short, trips["sold_shares"], trips["bought_shares"])
    entry = np.where(short, trips["sold"], trips["bought"])
    left = np.where(short, trips["bought_shares"], trips["sold_shares"]) + abs(trips["held"])
    exit_ = np.where(short, trips["bought"], trips["sold"]) + abs(trips["end"])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Shares in specie of a company that never traded before were worth nothing known.
        net_return = np.where(entry > 0, net / entry, 0.0)
        exit_price = np.where(left > 0, exit_ / 100 / left, np.nan)
    columns: dict[str, Column | pd.Series] = {
        "trade_id": trips["trade_id"],
        **{name: _words(trips[name]) for name in ("ticker", "signal_id")},
        "side": _words(np.where(short, "short", "long")),
        "entry_session": days[trips["entered"] + 1],
        "exit_session": days[np.where(is_open, len(days) - 1, trips["exited"] + 1)],
        "shares": entered,
        "entry_price_hkd": entry / 100 / entered,
        "exit_price_hkd": exit_price,
        "sessions_held": np.where(is_open, last, trips["exited"]) - trips["entered"],
        "gross_pnl_hkd": gross / 100,
        "cost_hkd": trips["cost"] / 100,
        "net_pnl_hkd": net / 100,
        "net_return": net_return,
        "is_open": is_open,
    }
    return pd.DataFrame(columns)[list(TRADE_COLUMNS)]


def _equity(days: Mapping[str, Column], sessions: pd.DatetimeIndex) -> pd.DataFrame:
    columns: dict[str, Column | pd.Series] = {
        "equity_hkd": (days["cash"] + days["holdings"]) / 100,
        **{
            f"{name}_hkd": days[name] / 100
            for name in ("cash", "holdings", "short", "cost", "borrow", "turnover", "income")
        },
        "benchmark": np.full(len(sessions), np.nan),
    }
    return pd.DataFrame(columns, index=sessions)[list(EQUITY_COLUMNS)]


def _actions(rows: Mapping[str, Column], days: Column) -> pd.DataFrame:
    columns: dict[str, Column | pd.Series] = {
        "session": days[rows["number"] + 1],
        "ticker": _words(rows["ticker"]),
        **{name: rows[name] for name in ("trade_id", "shares_before", "shares_after")},
        "dividend_hkd": rows["dividend"] / 100,
        "fraction_hkd": rows["fraction"] / 100,
        "kind": _words(rows["kind"]),
        "cash_hkd": rows["cash"] / 100,
        "in_specie_ticker": _words(rows["other"]),
        "in_specie_shares": rows["other_shares"],
        "in_specie_hkd": rows["other_worth"] / 100,
        "due_date": rows["due"],
    }
    return pd.DataFrame(columns)[list(ACTION_COLUMNS)]


def _fields(rows: Sequence[Any], names: str) -> dict[str, Column]:
    """Return attributes of rows as columns, whole numbers or words."""
    found = {}
    for name in names.split():
        values = [getattr(row, name) for row in rows]
        is_word = name in _WORDS
        found[name] = np.array(values, dtype=object) if is_word else _integers(values)
    return found


def _words(values: Column) -> pd.Series:
    return pd.Series(values, dtype="str")


def _integers(values: Sequence[Any]) -> Column:
    return np.array(values, dtype=np.int64)
