"""Fills in compiled form: what an order fills with at the open, and the round trip it belongs to.

Twins of `Broker._execute`, `FillSizes.fill` and `Account.book`.
"""

from __future__ import annotations

import numpy as np

from backtests.compiled import codes as c
from backtests.compiled.orders import cut
from backtests.compiled.rules import affordable, compiled, note, price, stop, worth


@compiled
def allowance(world, floats, mine, session, ticker):
    """Return how many more shares of a ticker may trade in the session."""
    share = int(floats[c.Q_PARTICIPATION] * world.usual[session, ticker])
    return max(0, share - mine[c.TAKEN])


@compiled
def size(world, floats, room, session, order, units):
    """Return how many shares fill, and what that costs where it is known by then, else -1.

    Where fewer fill than wanted, note why in the order.
    """
    ticker, side, state = np.uint32(order[c.O_TICKER]), order[c.O_SIDE], room.state
    lot = world.lots[world.lot_rows[session], ticker]
    if lot <= 0:
        stop(state, c.BAD_LOT, session, ticker)
        return 0, -1
    mine = room.desk[ticker]
    held = mine[c.SHARES]
    shares = order[c.O_REMAINING]
    if side < 0 and shares > held:
        shares = cut(order, held, c.HOLDINGS)
    if floats[c.Q_PARTICIPATION] > 0.0:
        allowed = allowance(world, floats, mine, session, ticker)
        if shares > allowed:
            shares = allowed
            order[c.O_REASON] = c.PARTICIPATION
    if shares % lot and not (side < 0 and shares == held):
        whole = shares // lot * lot
        by_volume = order[c.O_REASON] == c.PARTICIPATION
        shares = whole if by_volume else cut(order, whole, c.LOTS)
    if shares == 0:
        return 0, -1
    if side > 0:
        most, cost = affordable(
            world, session, ticker, units, shares, lot, state[c.CASH], room.costs, state
        )
        return (shares if most >= shares else cut(order, most, c.CASH_SHORT)), cost
    cost = note(world, session, ticker, side, units, shares, room.costs, state)
    if state[c.CASH] + worth(shares, units) < cost:
        return cut(order, 0, c.PROCEEDS), -1
    return shares, cost


@compiled
def wanted_shares(world, floats, mine, session, order):
    """Return the shares by which an order moves its price, at most."""
    wanted = order[c.O_REMAINING]
    if order[c.O_SIDE] < 0:
        wanted = min(wanted, mine[c.SHARES])
    if floats[c.Q_PARTICIPATION] > 0.0:
        wanted = min(wanted, allowance(world, floats, mine, session, order[c.O_TICKER]))
    return wanted + mine[c.TAKEN]


@compiled
def execute(world, ints, floats, book, room, session, order):
    """Fill what can be filled of an order at the open; note what it lacks."""
    order[c.O_REASON] = c.NONE
    ticker, side, state = np.uint32(order[c.O_TICKER]), order[c.O_SIDE], room.state
    mine = room.desk[ticker]
    at_open = world.opens[session, ticker]
    if at_open < 0:
        order[c.O_REASON] = c.NO_TRADE
        return
    wanted = 0
    if floats[c.Q_IMPACT] > 0.0:
        wanted = wanted_shares(world, floats, mine, session, order)
    units = price(world, ints, floats, session, ticker, side, at_open, wanted, state)
    if state[c.FAIL]:
        return
    shares, cost = size(world, floats, room, session, order, units)
    if state[c.FAIL] or shares == 0:
        return
    if cost < 0:
        cost = note(world, session, ticker, side, units, shares, room.costs, state)
    trip = mine[c.TRIP]
    if trip < 0:  # the first purchase of a round trip
        trip = new_trip(book, state, session, ticker, order[c.O_SIGNAL])
        if trip < 0:
            return
        mine[c.TRIP] = trip
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
        end_trip(book, room, ticker, session)
    order[c.O_REMAINING] -= shares
    order[c.O_FILLED] += shares
    order[c.O_FILLED_AT] = session
    if order[c.O_REMAINING] == 0:
        order[c.O_STATUS] = c.PARTIAL if order[c.O_CUT] else c.FILLED
        order[c.O_REASON] = order[c.O_CUT]


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
