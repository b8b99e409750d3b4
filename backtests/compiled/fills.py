"""Fills in compiled form: what an order fills with at the open, and the round trip it belongs to.

Twins of `Broker._execute`, `FillSizes.fill` and `Account.book`.
"""

from __future__ import annotations

import numpy as np

from backtests.compiled import codes as c
from backtests.compiled.orders import cut
from backtests.compiled.rules import (
    affordable,
    compiled,
    mark_at_open,
    note,
    price,
    stop,
    worth,
)
from backtests.compiled.shorts import cover_last, free_cash, refusal, sell_first


@compiled
def allowance(world, floats, mine, session, ticker):
    """Return how many more shares of a ticker may trade in the session."""
    share = int(floats[c.Q_PARTICIPATION] * world.usual[session, ticker])
    return max(0, share - mine[c.TAKEN])


@compiled
def side_of(mine, order, shorts):
    """Return whether an order opens, and what is held on its side."""
    if shorts and order[c.O_SHORT]:
        return order[c.O_SIDE] < 0, -mine[c.SHARES]
    return order[c.O_SIDE] > 0, mine[c.SHARES]


@compiled
def size(world, ints, floats, room, session, order, units, shorts):
    """Return how many shares fill, and what that costs where it is known by then, else -1.

    Where fewer fill than wanted, note why in the order.
    """
    ticker, side, state = np.uint32(order[c.O_TICKER]), order[c.O_SIDE], room.state
    lot = world.lots[world.lot_rows[session], ticker]
    if lot <= 0:
        stop(state, c.BAD_LOT, session, ticker)
        return 0, -1
    mine = room.desk[ticker]
    opens, own = side_of(mine, order, shorts)
    shares = order[c.O_REMAINING]
    if shorts and opens and own < 0:
        order[c.O_REASON] = c.OTHER_SIDE
        return 0, -1
    if not opens and shares > own:
        shares = cut(order, max(0, own), c.NOT_SHORT if side > 0 else c.HOLDINGS)
    if floats[c.Q_PARTICIPATION] > 0.0:
        allowed = allowance(world, floats, mine, session, ticker)
        if shares > allowed:
            shares = allowed
            order[c.O_REASON] = c.PARTICIPATION
    if shares % lot and (opens or shares != own):
        whole = shares // lot * lot
        by_volume = order[c.O_REASON] == c.PARTICIPATION
        shares = whole if by_volume else cut(order, whole, c.LOTS)
    if shares == 0:
        return 0, -1
    if opens:
        free, entry = state[c.CASH], 1
        if shorts:
            free, entry = free_cash(world, ints, room, session), side
        most, cost = affordable(
            world, ints, session, ticker, entry, units, shares, lot, free, room.costs, state
        )
        if most >= shares:
            return shares, cost
        return cut(order, most, c.CASH_SHORT if entry > 0 else c.MARGIN), cost
    if shorts and side > 0:
        return shares, -1  # what is borrowed must be given back, whatever it takes
    cost = note(world, session, ticker, side, units, shares, room.costs, state)
    if max(0, state[c.CASH]) + worth(shares, units) < cost:
        return cut(order, 0, c.PROCEEDS), -1
    return shares, cost


@compiled
def wanted_shares(world, floats, mine, session, order, shorts):
    """Return the shares by which an order moves its price, at most."""
    wanted = order[c.O_REMAINING]
    opens, own = side_of(mine, order, shorts)
    if not opens:
        wanted = min(wanted, own)
    if floats[c.Q_PARTICIPATION] > 0.0:
        wanted = min(wanted, allowance(world, floats, mine, session, order[c.O_TICKER]))
    return wanted + mine[c.TAKEN]


@compiled
def execute(world, ints, floats, book, room, session, order, shorts):
    """Fill what can be filled of an order at the open; note what it lacks."""
    order[c.O_REASON] = c.NONE
    ticker, side, state = np.uint32(order[c.O_TICKER]), order[c.O_SIDE], room.state
    mine = room.desk[ticker]
    at_open = world.opens[session, ticker]
    if at_open < 0:
        order[c.O_REASON] = c.NO_TRADE
        return
    floor = 0
    if shorts and order[c.O_SHORT] and side < 0:
        floor = floor_of(world, session, order)
        if order[c.O_REASON] != c.NONE:
            return
    wanted = 0
    if floats[c.Q_IMPACT] > 0.0:
        wanted = wanted_shares(world, floats, mine, session, order, shorts)
    units = price(world, ints, floats, session, ticker, side, at_open, wanted, floor, state)
    if state[c.FAIL]:
        return
    shares, cost = size(world, ints, floats, room, session, order, units, shorts)
    if state[c.FAIL] or shares == 0:
        return
    if cost < 0:
        cost = note(world, session, ticker, side, units, shares, room.costs, state)
        if cost < 0:
            return
    trip = mine[c.TRIP]
    if trip < 0:  # the first fill of a round trip
        trip = new_trip(book, state, session, ticker, order[c.O_SIGNAL])
        if trip < 0:
            return
        mine[c.TRIP] = trip
        if shorts and side < 0:
            book.trips[trip, c.T_SHORT] = 1
            sell_first(room, ticker)
    value = worth(shares, units)
    if book.record:
        record_fill(book, room, session, order, trip, shares, units, value)
    state[c.N_FILLS] += 1
    entry = book.trips[trip]
    entry[c.T_COST] += cost
    if side > 0:
        entry[c.T_BOUGHT_SHARES] += shares
        entry[c.T_BOUGHT] += value
    else:
        entry[c.T_SOLD_SHARES] += shares
        entry[c.T_SOLD] += value
    state[c.CASH] -= side * value + cost
    state[c.COST] += cost
    state[c.TURNOVER] += value
    mine[c.SHARES] += side * shares
    mine[c.TAKEN] += shares
    if mine[c.SHARES] == 0:
        if shorts and side > 0:
            cover_last(room, ticker)
        end_trip(book, room, ticker, session)
    if shorts and state[c.CASH] > c.WIDEST:
        stop(state, c.BAD_WIDTH, session, ticker)
        return
    order[c.O_REMAINING] -= shares
    order[c.O_FILLED] += shares
    order[c.O_FILLED_AT] = session
    if order[c.O_REMAINING] == 0:
        order[c.O_STATUS] = c.PARTIAL if order[c.O_CUT] else c.FILLED
        order[c.O_REASON] = order[c.O_CUT]


@compiled
def floor_of(world, session, order):
    """Return the price below which a short sale may not fill; note why, where it may not at all."""
    ticker = order[c.O_TICKER]
    mark = mark_at_open(world, session, ticker)
    refused = refusal(world, session, ticker, mark)
    if refused != c.NONE:
        cut(order, 0, refused)
    elif world.opens[session, ticker] < mark:
        order[c.O_REASON] = c.TICK_RULE
    return mark


@compiled
def new_trip(book, state, session, ticker, signal):
    """Begin a round trip; return its row, or -1 where there is no room.

    Without a record a ticker has one row, unless shares may be owed beside those held.
    """
    row = state[c.N_TRIPS] if book.sequential else ticker
    if row == len(book.trips):
        stop(state, c.BAD_ROOM, session, ticker)
        return -1
    state[c.N_TRIPS] += 1
    trip = book.trips[row]
    for column in range(c.TRIP_WIDTH):
        trip[column] = 0
    trip[c.T_TICKER] = ticker
    trip[c.T_ENTERED] = session
    trip[c.T_EXITED] = -1
    trip[c.T_SIGNAL] = signal
    return row


@compiled
def end_trip(book, room, ticker, session):
    """End a round trip."""
    trip = book.trips[room.desk[ticker, c.TRIP]]
    trip[c.T_EXITED] = session
    room.desk[ticker, c.TRIP] = -1
    room.state[c.N_CLOSED] += 1
    if trip[c.T_SOLD] + trip[c.T_INCOME] > trip[c.T_BOUGHT] + trip[c.T_COST]:
        room.state[c.N_WON] += 1


@compiled
def record_fill(book, room, session, order, trip, shares, units, value):
    """Write a fill down."""
    row = room.state[c.N_FILLS]
    if row == len(book.fills):
        stop(room.state, c.BAD_ROOM, session, order[c.O_TICKER])
        return
    fill = book.fills[row]
    fill[c.F_ORDER] = order[c.O_ID]
    fill[c.F_TRIP] = trip + 1
    fill[c.F_SESSION] = session
    fill[c.F_TICKER] = order[c.O_TICKER]
    fill[c.F_SIDE] = order[c.O_SIDE]
    fill[c.F_SHARES] = shares
    fill[c.F_UNITS] = units
    fill[c.F_WORTH] = value
    fill[c.F_SIGNAL] = order[c.O_SIGNAL]
    for component in range(c.COMPONENTS):
        fill[c.F_COSTS + component] = room.costs[component]
