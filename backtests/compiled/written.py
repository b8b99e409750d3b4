"""What a run wrote, in words and numbers: the kernel's book as the records every engine makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backtests.compiled import codes as c
from backtests.compiled.columns import Columns
from backtests.compiled.layout import Book, Ints, Room, World
from backtests.orders import BUY_IN
from backtests.result import COST_COLUMNS
from backtests.tables import Records
from signals.decisions import Signal


def records_of(
    world: World, columns: Columns, signals: Sequence[Signal], book: Book, room: Room
) -> Records:
    """Return what a book says as columns with words.

    Parameters
    ----------
    world, columns, signals
        As `CompiledRun` prepares them.
    book, room : Book, Room
        After the run.
    """
    state = room.state
    tickers = np.array([*columns.tickers, ""], dtype=object)  # the last: no other
    ids = np.array([*(signal.signal_id for signal in signals), ""], dtype=object)
    orders = book.orders[: state[c.N_ORDERS]].T
    fills = book.fills[: state[c.N_FILLS]].T
    names = ("cash", "holdings", "cost", "turnover", "income", "short", "borrow")
    return Records(
        orders={
            "order_id": orders[c.O_ID],
            "ticker": tickers[orders[c.O_TICKER]],
            "side": _sides(orders[c.O_SIDE]),
            "short": orders[c.O_SHORT] != 0,
            "shares": orders[c.O_SHARES],
            "status": np.array(c.STATUSES, dtype=object)[orders[c.O_STATUS]],
            "reason": _reasons(orders),
            "filled_shares": orders[c.O_FILLED],
            "signal_id": ids[orders[c.O_SIGNAL]],
            "effective": orders[c.O_SESSION],
            "filled": orders[c.O_FILLED_AT],
        },
        fills={
            "fill_id": np.arange(1, fills.shape[1] + 1),
            "order_id": fills[c.F_ORDER],
            "trade_id": fills[c.F_TRIP],
            "number": fills[c.F_SESSION],
            "ticker": tickers[fills[c.F_TICKER]],
            "side": _sides(fills[c.F_SIDE]),
            "shares": fills[c.F_SHARES],
            "units": fills[c.F_UNITS],
            "consideration": fills[c.F_WORTH],
            "cost": fills[c.F_COSTS :].sum(axis=0),
            "signal_id": ids[fills[c.F_SIGNAL]],
            **dict(zip(COST_COLUMNS, fills[c.F_COSTS :], strict=True)),
        },
        trips=_trips(world, tickers, ids, book, room),
        actions=_actions(tickers, book.actions[: state[c.N_ACTIONS]].T),
        days=dict(zip(names, book.days.T, strict=True)),
        shares=np.ascontiguousarray(book.shares[:, list(columns.places)]),
    )


def _trips(world: World, tickers: Any, ids: Any, book: Book, room: Room) -> dict[str, Any]:
    trips = book.trips[: room.state[c.N_TRIPS]].T
    # Only one round trip of a ticker is open: what it still holds is what is held. Others wait for
    # shares that are owed.
    is_open = trips[c.T_EXITED] < 0
    held = np.where(is_open, book.shares[-1][trips[c.T_TICKER]], 0)
    claims = room.claims[: room.state[c.CLAIMS]]
    gifts = claims[claims[:, c.C_GIFT] == 1]
    held[gifts[:, c.C_TRIP]] = gifts[:, c.C_SHARES]
    marks = np.maximum(world.marks[-1][trips[c.T_TICKER]], 0)
    return {
        "trade_id": np.arange(1, trips.shape[1] + 1),
        "ticker": tickers[trips[c.T_TICKER]],
        "short": trips[c.T_SHORT] != 0,
        "entered": trips[c.T_ENTERED],
        "exited": trips[c.T_EXITED],
        "signal_id": ids[trips[c.T_SIGNAL]],
        "bought_shares": trips[c.T_BOUGHT_SHARES],
        "bought": trips[c.T_BOUGHT],
        "sold_shares": trips[c.T_SOLD_SHARES],
        "sold": trips[c.T_SOLD],
        "income": trips[c.T_INCOME],
        "cost": trips[c.T_COST],
        "held": held,
        "end": np.sign(held) * ((abs(held) * marks + 50) // 100),
    }


def _actions(tickers: Any, actions: Ints) -> dict[str, Any]:
    due = actions[c.A_DUE].astype("datetime64[D]").astype("datetime64[s]")
    never = np.datetime64("NaT", "s")
    return {
        "number": actions[c.A_SESSION],
        "ticker": tickers[actions[c.A_TICKER]],
        "trade_id": actions[c.A_TRIP],
        "shares_before": actions[c.A_BEFORE],
        "shares_after": actions[c.A_AFTER],
        "dividend": actions[c.A_DIVIDEND],
        "fraction": actions[c.A_FRACTION],
        "kind": np.array(c.KINDS, dtype=object)[actions[c.A_KIND]],
        "cash": actions[c.A_CASH],
        "other": tickers[actions[c.A_OTHER]],
        "other_shares": actions[c.A_OTHER_SHARES],
        "other_worth": actions[c.A_OTHER_WORTH],
        "due": np.where(actions[c.A_DUE] == c.NEVER, never, due),
    }


def _reasons(orders: Ints) -> Any:
    """Return why orders came to what they did; a buy-in says first what it was."""
    found = np.array(c.REASONS, dtype=object)[orders[c.O_REASON]]
    forced = (orders[c.O_FORCED] != 0) & (orders[c.O_STATUS] != c.OPEN)
    found[forced] = ["; ".join(filter(None, (BUY_IN, reason))) for reason in found[forced]]
    return found


def _sides(codes: Ints) -> Any:
    return np.array(["sell", "", "buy"], dtype=object)[codes + 1]
