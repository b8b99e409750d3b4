"""Sessions in compiled form: what happens in one, in the order of `Broker.trade`."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.corporate import act, settle
from backtests.compiled.fills import execute
from backtests.compiled.orders import end
from backtests.compiled.rules import compiled, stop, too_wide, worth
from backtests.compiled.shorts import buy_in, called, pay_borrow


@compiled
def trade(world, ints, floats, book, room, session, shorts):
    """Run a session: corporate actions, sales, purchases, then what may wait no longer.

    With shorts, their borrow before, and their margin call; covers come after sales, then short
    sales.
    """
    state, call = room.state, False
    if shorts and state[c.N_SOLD]:
        call = called(world, ints, room, session)
        if session > 0:
            pay_borrow(world, ints, book, room, session)
    for row in range(world.action_starts[session], world.action_starts[session + 1]):
        act(world, book, room, session, row, shorts)
    if state[c.CLAIMS]:
        settle(world, book, room, session, shorts)
    if call:
        buy_in(book, room, session)
    if state[c.PENDING] == 0 or state[c.FAIL]:
        return
    orders, pending = book.orders, room.pending
    for place in range(state[c.PENDING]):
        room.desk[orders[pending[place], c.O_TICKER], c.TAKEN] = 0
    for turn in range(4):
        opens, side = turn > 1, 2 * (turn % 2) - 1
        if not shorts and opens != (side > 0):
            continue
        for place in range(state[c.PENDING]):
            order = orders[pending[place]]
            if order[c.O_SIDE] != side or order[c.O_STATUS] != c.OPEN:
                continue
            if shorts and order[c.O_SHORT] == (opens == (side > 0)):
                continue
            execute(world, ints, floats, book, room, session, order, shorts)
            if state[c.FAIL]:
                return
    sessions = len(world.opens)
    kept = 0
    for place in range(state[c.PENDING]):
        order = orders[pending[place]]
        if order[c.O_STATUS] != c.OPEN:
            continue
        until = order[c.O_SESSION] + ints[c.P_WAIT]
        if until < sessions and session >= until:
            end(order, c.EXPIRED, order[c.O_REASON])
        else:
            pending[kept] = pending[place]
            kept += 1
    state[c.PENDING] = kept


@compiled
def count_waiting(book, room):
    """Count the shares of orders that can still fill, by ticker; sales negative."""
    state, desk = room.state, room.desk
    if state[c.WAITED]:
        for place in range(state[c.N_BUSY]):
            desk[room.busy[place], c.WAITING] = 0
    for place in range(state[c.PENDING]):
        order = book.orders[room.pending[place]]
        desk[order[c.O_TICKER], c.WAITING] += order[c.O_SIDE] * order[c.O_REMAINING]
    state[c.WAITED] = state[c.PENDING]


@compiled
def close_day(world, book, room, session, shorts):
    """Write down an account at the close of a session; drop tickers with nothing left."""
    state, desk, busy = room.state, room.desk, room.busy
    marks = world.marks[session + 1]
    total, sold, kept = state[c.OWED], 0, 0
    for place in range(state[c.N_BUSY]):
        ticker = busy[place]
        mine = desk[ticker]
        held = mine[c.SHARES]
        if held == 0 and mine[c.WAITING] == 0:
            mine[c.BUSY] = 0
            continue
        busy[kept] = ticker
        kept += 1
        mark = max(0, marks[ticker])
        short = shorts and held < 0
        if too_wide(-held if short else held, mark):
            stop(state, c.BAD_WIDTH, session, ticker)
            return
        if short:
            sold += worth(-held, mark)
        else:
            total += worth(held, mark)
    state[c.N_BUSY] = kept
    total -= sold
    if state[c.GIFTS]:
        total += gifts(world, room, session)
    if max(total + state[c.CASH], sold) > c.WIDEST:
        stop(state, c.BAD_WIDTH, session, -1)
    day = book.days[session]
    day[c.D_CASH] = state[c.CASH]
    day[c.D_HOLDINGS] = total
    day[c.D_COST] = state[c.COST]
    day[c.D_TURNOVER] = state[c.TURNOVER]
    day[c.D_INCOME] = state[c.INCOME]
    if shorts:
        day[c.D_SHORT] = -sold
        day[c.D_BORROW] = state[c.BORROW]
        state[c.BORROW] = 0
    state[c.COST] = 0
    state[c.TURNOVER] = 0
    state[c.INCOME] = 0
    if book.record:
        for ticker in range(len(desk)):
            book.shares[session, ticker] = desk[ticker, c.SHARES]


@compiled
def gifts(world, room, session):
    """Return the worth of shares that are owed, at their last known closes, in cents."""
    total = 0
    for place in range(room.state[c.CLAIMS]):
        claim = room.claims[place]
        if claim[c.C_GIFT]:
            mark = max(0, world.marks[session + 1, claim[c.C_TICKER]])
            if too_wide(claim[c.C_SHARES], mark):
                stop(room.state, c.BAD_WIDTH, session, claim[c.C_TICKER])
                return 0
            total += worth(claim[c.C_SHARES], mark)
    return total
