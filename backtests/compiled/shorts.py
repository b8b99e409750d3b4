"""Shorts in compiled form: twins of `backtests.shorts` and of `Broker._buy_in`.

They are compiled into a kernel of their own: in the one of runs that sell nothing short, `shorts`
is a constant False, and all that hangs on it is left out.
"""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.claims import new_entry
from backtests.compiled.orders import end, new_order
from backtests.compiled.rules import compiled, mark_at_open, part, part_up, stop, too_wide, worth


@compiled
def sell_first(room, ticker):
    """Put a ticker at the end of those sold short."""
    room.sold[room.state[c.N_SOLD]] = ticker
    room.state[c.N_SOLD] += 1


@compiled
def cover_last(room, ticker):
    """Take a ticker out of those sold short; the others keep their order."""
    kept = 0
    for place in range(room.state[c.N_SOLD]):
        room.sold[kept] = room.sold[place]
        kept += room.sold[place] != ticker
    room.state[c.N_SOLD] = kept


@compiled
def cash_beside(ints, room, cell, value):
    """Return the cash left beside what is owed for shorts worth `value`, and a part of that."""
    state = room.state
    return state[c.CASH] - state[c.DEBTS] - value - part_up(ints, cell, value)


@compiled
def free_cash(world, ints, room, session):
    """Return the cash that may be spent at the open of a session, in cents."""
    value = 0
    for place in range(room.state[c.N_SOLD]):
        ticker = room.sold[place]
        mark = mark_at_open(world, session, ticker)
        value += cost_to_cover(room, session, ticker, mark)
    return cash_beside(ints, room, c.P_MARGIN, value)


@compiled
def cost_to_cover(room, session, ticker, mark):
    """Return what buying a short back would take at a price, in cents."""
    shares = -room.desk[ticker, c.SHARES]
    if too_wide(shares, mark) or worth(shares, mark) > c.WIDEST:
        stop(room.state, c.BAD_WIDTH, session, ticker)
        return 0
    return worth(shares, mark)


@compiled
def called(world, ints, room, session):
    """Return whether too little cash stood in for the shorts at the close before a session."""
    value = 0
    for place in range(room.state[c.N_SOLD]):
        ticker = room.sold[place]
        value += cost_to_cover(room, session, ticker, world.marks[session, ticker])
    return value > 0 and cash_beside(ints, room, c.P_MAINTENANCE, value) < 0


@compiled
def pay_borrow(world, ints, book, room, session):
    """Pay what was borrowed over the nights before a session, before it begins."""
    state = room.state
    nights = world.days[session] - world.days[session - 1]
    for place in range(state[c.N_SOLD]):
        ticker = room.sold[place]
        mine = room.desk[ticker]
        value = cost_to_cover(room, session, ticker, world.marks[session, ticker])
        if value > c.WIDEST // nights:
            stop(state, c.BAD_WIDTH, session, ticker)
        if state[c.FAIL]:
            return
        cost, left = part(ints, c.P_NIGHTLY, value * nights)
        cost += 2 * left >= ints[c.P_NIGHTLY + 2]
        trip, held = mine[c.TRIP], mine[c.SHARES]
        book.trips[trip, c.T_COST] += cost
        state[c.COST] += cost
        state[c.BORROW] += cost
        state[c.CASH] -= cost
        row = new_entry(book, state, session, ticker, trip, held, held, c.BORROWED)
        if row >= 0:
            book.actions[row, c.A_CASH] = -cost


@compiled
def buy_in(book, room, session):
    """Order back every short, in place of what waits for it."""
    state = room.state
    for place in range(state[c.N_SOLD]):
        ticker = room.sold[place]
        for waiting in range(state[c.PENDING]):
            order = book.orders[room.pending[waiting]]
            if order[c.O_TICKER] == ticker and order[c.O_STATUS] == c.OPEN:
                end(order, c.CANCELLED, c.BUY_IN)
        shares = -room.desk[ticker, c.SHARES]
        row = new_order(book, state, ticker, 1, shares, session, -1, 1)
        if row < 0 or state[c.PENDING] == len(room.pending):
            stop(state, c.BAD_ROOM, session, ticker)
            return
        book.orders[row, c.O_FORCED] = 1
        room.pending[state[c.PENDING]] = row
        state[c.PENDING] += 1


@compiled
def refusal(world, session, ticker, mark):
    """Return why a ticker may not be sold short in a session, if it may not."""
    if not world.listed[session, ticker]:
        return c.NOT_DESIGNATED
    return c.NONE if mark > 0 else c.NO_BAR_YET
