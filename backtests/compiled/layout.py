"""Layout: the arrays that go into the kernel and come out of it; knows no numba."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtests.compiled import codes as c

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint32]
# Of tables: unsigned, so that no negative place has to be told from the others.
Rows = npt.NDArray[np.uint32]
# As narrow as their values allow: what fits the caches is read several times faster.
Narrow = npt.NDArray[np.int32] | npt.NDArray[np.int64]


class World(NamedTuple):
    """A market over a run as arrays: sessions × tickers, prices in ten-thousandths of a dollar.

    A row `n` of `traded`, `marks`, `lot_rows`, `days` and `month_turns` is what holds when deciding
    for session `n`; there is one for the session after the run. Tickers are sorted; those without
    prices that signals speak of are among them, marked `foreign`.
    """

    opens: Narrow  # -1 where nothing trades
    usual: Floats  # volume that the participation is a share of
    volatility: Floats  # and the volume of the sessions before: what an impact is made of; or empty
    depth: Floats
    members: Flags  # of the universe
    traded: Flags  # had a bar in the session before
    marks: Narrow  # last known close on today's basis; -1 if none
    lot_rows: Ints  # row of `lots`
    lots: Ints  # 0 if not known
    foreign: Flags
    fed: Ints  # first session for which some bar is known, as backtrader would count it
    ready: int  # first session for which anything can be decided
    days: Ints  # since 1970
    month_turns: Flags
    kinds: Ints
    fee_rows: Ints  # by session and kind: row of `fees`; -1 if none
    fees: Ints  # row × component × the columns of a charge
    widest_note: int  # largest consideration whose charges fit 64 bits at one go
    tick_rows: Ints  # by session and kind: row of `bounds`; -1 if none
    bounds: Ints
    ticks: Ints
    adjusted: bool
    action_starts: Ints  # by session: first row of `actions`
    actions: Ints
    gives: bool  # whether some action gives shares of another company
    listed: Flags  # designated for short selling in the session; empty with shorts off


class Told(NamedTuple):
    """Signals in order of effective session, ticker and id, and by session where they begin."""

    days: Narrow
    tickers: Rows
    expires: Narrow
    directions: npt.NDArray[np.int8]
    probabilities: Floats
    sizes: Floats
    starts: Ints  # the first signal a session has not read before
    fresh: Ints  # the first that takes effect at the session itself


class Draws(NamedTuple):
    """Entries of `random_entries` by session, and the random words its choices are made of."""

    entries: Ints
    shorts: Ints  # entries sold short
    rows: Ints
    words: Words


class Book(NamedTuple):
    """What a run writes; without a record only days are kept, and rows of the rest are reused."""

    record: bool
    sequential: bool  # every round trip has a row of its own
    orders: Ints
    fills: Ints
    trips: Ints
    actions: Ints
    days: Ints
    shares: Ints


class Room(NamedTuple):
    """Where a run works: the kernel allocates nothing itself."""

    state: Ints
    desk: Ints  # tickers × columns
    busy: Rows  # tickers held or with an order that can still fill, ascending
    links: Narrow  # by signal: the one before that stands too
    pending: Rows  # rows of orders that can still fill
    names: Rows  # targets; while they are chosen, a turn to the other side stands here twice
    weights: Floats
    young: Rows  # the long signals of the session decided for
    pool: Rows
    spare: Rows
    costs: Ints
    claims: Ints  # what is owed, in order of their ex dates
    sold: Rows  # tickers sold short, in order of their shorts


def new_room(world: World, signals: int, rows: int) -> Room:
    """Return room for a run."""
    tickers = len(world.kinds)

    def row(length: int) -> Any:
        return np.zeros(length, dtype=np.int64)

    def places(length: int) -> Rows:
        return np.zeros(length, dtype=np.uint32)

    return Room(
        state=row(c.STATE_WIDTH),
        desk=np.zeros((tickers, c.DESK_WIDTH), dtype=np.int64),
        busy=places(tickers),
        links=np.zeros(signals, dtype=np.int32),
        pending=places(rows),
        names=places(2 * tickers),
        weights=np.zeros(tickers),
        young=places(signals),
        pool=places(tickers),
        spare=places(tickers),
        costs=row(c.COMPONENTS),
        claims=np.zeros((rows, c.CLAIM_WIDTH), dtype=np.int64),
        sold=places(tickers),
    )


def new_book(world: World, rows: int, *, record: bool) -> Book:
    """Return an empty book with room for some rows of each table."""
    sessions, tickers = len(world.opens), len(world.kinds)

    def table(length: int, width: int) -> Any:
        return np.zeros((length, width), dtype=np.int64)

    return Book(
        record,
        record or world.gives,
        table(rows, c.ORDER_WIDTH),
        table(rows if record else 1, c.FILL_WIDTH),
        table(max(rows, tickers), c.TRIP_WIDTH),
        table(rows if record else 1, c.ACTION_WIDTH),
        table(sessions, c.DAY_WIDTH),
        table(sessions if record else 1, tickers),
    )
