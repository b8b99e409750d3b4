"""Layout: the arrays that go into the kernel and come out of it; knows no numba."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtests import orders as words
from strategies.sizing import NO_CLOSE, UNDER_ONE_LOT

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint32]

# Codes of what the tables show as words; the kernel knows the numbers alone.
STATUSES = ("open", "filled", "partial", "rejected", "expired", "cancelled")
OPEN, FILLED, PARTIAL, REJECTED, EXPIRED, CANCELLED = range(6)
REASONS = (
    "",
    words.NO_TRADE,
    words.PARTICIPATION,
    words.CASH,
    words.LOTS,
    words.HOLDINGS,
    words.PROCEEDS,
    words.SPLIT_AWAY,
    words.RUN_ENDS,
    words.NO_BAR_YET,
    words.REPLACED,
    NO_CLOSE,
    UNDER_ONE_LOT,
)
(
    NONE,
    NO_TRADE,
    PARTICIPATION,
    CASH_SHORT,
    LOTS,
    HOLDINGS,
    PROCEEDS,
    SPLIT_AWAY,
    RUN_ENDS,
    NO_BAR_YET,
    REPLACED,
    NO_CLOSE_KNOWN,
    UNDER_LOT,
) = range(13)

# Columns of an order: side is 1 or -1, sessions are numbers of the run, signals rows of `Told`.
(O_TICKER, O_SIDE, O_SHARES, O_SESSION, O_SIGNAL, O_STATUS, O_REASON) = range(7)
(O_CUT, O_REMAINING, O_FILLED, O_FILLED_AT, O_ID) = range(7, 12)
ORDER_WIDTH = 12
# Columns of a fill; its costs follow, in the order of `COST_COLUMNS`.
(F_ORDER, F_TRIP, F_SESSION, F_TICKER, F_SIDE, F_SHARES, F_UNITS, F_WORTH, F_SIGNAL, F_COSTS) = (
    range(10)
)
COMPONENTS = 8
FILL_WIDTH = F_COSTS + COMPONENTS
# Columns of a round trip; `T_EXITED` is -1 while it is open.
(T_TICKER, T_ENTERED, T_EXITED, T_SIGNAL, T_BOUGHT_SHARES) = range(5)
(T_BOUGHT, T_SOLD_SHARES, T_SOLD, T_INCOME, T_COST) = range(5, 10)
TRIP_WIDTH = 10
# Columns of a corporate action that met a holding.
(A_SESSION, A_TICKER, A_TRIP, A_BEFORE, A_AFTER, A_DIVIDEND, A_FRACTION) = range(7)
(A_KIND, A_CASH, A_DUE) = range(7, 10)
ACTION_WIDTH = 10
KINDS = ("action", "payment")
ACTION, PAYMENT = range(2)
NEVER = -1
# Columns of a dividend that is owed.
(C_TICKER, C_TRIP, C_DUE, C_CENTS) = range(4)
CLAIM_WIDTH = 4
# Columns of a day: cash and holdings at the close, and what moved, in cents.
(D_CASH, D_HOLDINGS, D_COST, D_TURNOVER, D_INCOME) = range(5)
DAY_WIDTH = 5

# Cells of the state of a run.
(CASH, COST, TURNOVER, INCOME, PENDING, SLOTS) = range(6)
(N_ORDERS, N_FILLS, N_TRIPS, N_CLOSED, N_WON, N_ACTIONS) = range(6, 12)
(FAIL, FAIL_SESSION, FAIL_TICKER, FAIL_SIDE, FAIL_UNITS, FAIL_SHARES) = range(12, 18)
(CLAIMS, OWED) = range(18, 20)
STATE_WIDTH = 20

# Rows of a desk: what is kept by ticker. `HEAD` is the latest signal that may stand, `TRIP` the
# open round trip; FRESH and TODAY count only where their session is the one decided for.
(SHARES, WAITING, HEAD, TODAY, TODAY_AT, FRESH, FRESH_AT, TRIP, TAKEN, BEST, POOL) = range(11)
DESK_WIDTH = 11

# Why a run stopped: the first five are what the other engine would refuse at the same place.
(FINE, BAD_LOT, BAD_PRICE, BAD_COST, BAD_TICKER, BAD_WIDTH, BAD_ROOM, BAD_DRAWS) = range(8)

# Strategies the kernel knows.
(EVENT_HOLD, TOP_RANKED, BUY_AND_HOLD, EQUAL_WEIGHT, RANDOM_ENTRIES) = range(5)

# Cells of a trial: whole numbers, then others.
(P_STRATEGY, P_COUNT, P_REBALANCE, P_HOLD, P_FOLLOWS, P_CASH) = range(6)
(P_TICKS, P_BP, P_WAIT, P_THRESHOLDS) = range(6, 10)
INTS_WIDTH = 10
(Q_WEIGHT, Q_RESERVE, Q_PARTICIPATION, Q_ABOVE, Q_BELOW) = range(5)
(Q_BP, Q_IMPACT) = range(5, 7)
FLOATS_WIDTH = 7

# Larger amounts of cents would not fit a float's 53 bits, larger products not the kernel's 64.
WIDEST = 2**52
SAFE = 2**62


class World(NamedTuple):
    """A market over a run as arrays: sessions × tickers, prices in ten-thousandths of a dollar.

    A row `n` of `known`, `marks`, `lots`, `days` and `month_turns` is what holds when deciding for
    session `n`; there is one for the session after the run. Tickers are sorted; those without
    prices that signals speak of are among them, marked `foreign`.
    """

    opens: Ints
    volumes: Floats  # of the session; 0 without a bar
    usual: Floats  # that the participation is a share of
    volatility: Floats  # and the volume of the sessions before: what an impact is made of
    depth: Floats
    members: Flags  # of the universe
    traded: Flags  # had a bar in the session before
    marks: Ints  # last known close on today's basis; -1 if none
    lots: Ints  # 0 if not known
    foreign: Flags
    fed: Flags  # has a bar that backtrader would know before the first session
    ready: int  # first session for which anything can be decided
    days: Ints  # since 1970
    month_turns: Flags
    kinds: Ints
    fee_rows: Ints  # by session and kind: row of `fees`; -1 if none
    fees: Ints  # row × component × (rate, amount, minimum, maximum, rounds up to the dollar)
    widest_note: int  # largest consideration whose charges fit 64 bits at one go
    tick_rows: Ints  # by session and kind: row of `bounds`; -1 if none
    bounds: Ints
    ticks: Ints
    adjusted: bool
    action_starts: Ints  # by session: first row of `actions`
    actions: Ints  # ticker, ratio; cash, then the price of a fraction: whole, rest, unit; due


class Told(NamedTuple):
    """Signals in order of effective session, ticker and id."""

    days: Ints
    tickers: Ints
    expires: Ints
    directions: Ints
    probabilities: Floats


class Draws(NamedTuple):
    """Entries of `random_entries` by session, and the random words its choices are made of."""

    entries: Ints
    rows: Ints
    words: Words


class Book(NamedTuple):
    """What a run writes; without a record only days are kept, and rows of the rest are reused."""

    record: bool
    orders: Ints
    fills: Ints
    trips: Ints
    actions: Ints
    days: Ints
    shares: Ints


class Room(NamedTuple):
    """Where a run works: the kernel allocates nothing itself."""

    state: Ints
    desk: Ints
    ways: Ints  # by signal: its direction in this trial
    links: Ints  # by signal: the one before that stands too
    pending: Ints  # rows of orders that can still fill
    names: Ints
    spare: Ints
    weights: Floats
    costs: Ints
    claims: Ints  # dividends that are owed, in order of their ex dates


def new_room(tickers: int, signals: int, rows: int) -> Room:
    """Return room for a run."""
    return Room(
        state=np.zeros(STATE_WIDTH, dtype=np.int64),
        desk=np.zeros((DESK_WIDTH, tickers), dtype=np.int64),
        ways=np.zeros(signals, dtype=np.int64),
        links=np.zeros(signals, dtype=np.int64),
        pending=np.zeros(rows, dtype=np.int64),
        names=np.zeros(tickers, dtype=np.int64),
        spare=np.zeros(tickers, dtype=np.int64),
        weights=np.zeros(tickers),
        costs=np.zeros(COMPONENTS, dtype=np.int64),
        claims=np.zeros((rows, CLAIM_WIDTH), dtype=np.int64),
    )


def new_book(sessions: int, tickers: int, rows: int, *, record: bool) -> Book:
    """Return an empty book with room for some rows of each table."""

    def table(length: int, width: int) -> Any:
        return np.zeros((length, width), dtype=np.int64)

    return Book(
        record,
        table(rows, ORDER_WIDTH),
        table(rows if record else 1, FILL_WIDTH),
        table(rows if record else tickers, TRIP_WIDTH),
        table(rows if record else 1, ACTION_WIDTH),
        table(sessions, DAY_WIDTH),
        table(sessions if record else 1, tickers),
    )
