"""Corporate actions in compiled form: twins of `Account.apply` and `Account.settle`."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.claims import new_entry, owe, split_claims
from backtests.compiled.fills import end_trip, new_trip
from backtests.compiled.orders import end, enlist
from backtests.compiled.rules import compiled, mark_at_open, over, stop, times, too_wide, worth
from backtests.compiled.shorts import cover_last


@compiled
def act(world, book, room, session, row, shorts):
    """Bring holdings, claims and waiting orders onto the basis after a corporate action."""
    action = world.actions[row]
    above, below = action[c.W_ABOVE], action[c.W_BELOW]
    if above != below and room.state[c.GIFTS]:
        split_claims(room, session, action)
    if action[c.W_MARK] >= 0 and room.desk[action[c.W_TICKER], c.SHARES] != 0:
        entitle(book, room, session, action, shorts)
    if above == below:
        return
    for place in range(room.state[c.PENDING]):
        order = book.orders[room.pending[place]]
        if order[c.O_TICKER] == action[c.W_TICKER]:
            if order[c.O_REMAINING] > c.WIDEST // above:
                stop(room.state, c.BAD_WIDTH, session, order[c.O_TICKER])
                return
            order[c.O_REMAINING] = order[c.O_REMAINING] * above // below
            if order[c.O_REMAINING] == 0:
                end(order, c.REJECTED, c.SPLIT_AWAY)


@compiled
def entitle(book, room, session, action, shorts):
    """Book what a holding gets, or a short owes, now or later.

    A short owes as much; fractions are against it, and it pays for shares in specie at once.
    """
    state, ticker = room.state, action[c.W_TICKER]
    mine = room.desk[ticker]
    before, trip, due = mine[c.SHARES], mine[c.TRIP], action[c.W_DUE]
    short = shorts and before < 0
    if short:
        before = -before
    above, below = action[c.W_ABOVE], action[c.W_BELOW]
    if before > c.WIDEST // max(above, action[c.W_OTHER_ABOVE]):
        stop(state, c.BAD_WIDTH, session, ticker)
        return
    after, spare = before * above // below, before * above % below
    whole, left = times(before, action[c.W_CASH_REST], action[c.W_CASH_UNIT])
    dividend = before * action[c.W_CASH] + whole + (1 if 2 * left >= action[c.W_CASH_UNIT] else 0)
    whole, left = times(spare, action[c.W_SPARE_REST], action[c.W_SPARE_UNIT])
    fraction = spare * action[c.W_SPARE] + whole + (short and left > 0)
    received, value, other = 0, 0, action[c.W_OTHER]
    if other >= 0:
        given, close = before * action[c.W_OTHER_ABOVE], action[c.W_OTHER_CLOSE]
        received, spare = given // action[c.W_OTHER_BELOW], given % action[c.W_OTHER_BELOW]
        if too_wide(received, close):
            stop(state, c.BAD_WIDTH, session, ticker)
            return
        if short:
            fraction += paid_for(received, spare, action[c.W_OTHER_BELOW], close)
            received = 0
        else:
            fraction += spare * close // (action[c.W_OTHER_BELOW] * 100)
            value = worth(received, close)
    if short:
        before, after, dividend, fraction = -before, -after, -dividend, -fraction
    at_once = fraction + (dividend if due == c.NEVER else 0)
    book.trips[trip, c.T_INCOME] += dividend + fraction + value
    state[c.INCOME] += dividend + fraction
    state[c.CASH] += at_once
    mine[c.SHARES] = after
    if dividend and due != c.NEVER:
        state[c.OWED] += dividend
        if short:
            state[c.DEBTS] -= dividend
        owe(room, session, ticker, trip, due, dividend, 0, 0)
    if received:
        receive(book, room, session, action, received, value)
    if after == 0:
        if short:
            cover_last(room, ticker)
        end_trip(book, room, ticker, session)
    if state[c.FAIL]:
        return
    entry = new_entry(book, state, session, ticker, trip, before, after, c.ACTION)
    if entry >= 0:
        written = book.actions[entry]
        written[c.A_DIVIDEND] = dividend
        written[c.A_FRACTION] = fraction
        written[c.A_CASH] = at_once
        written[c.A_DUE] = action[c.W_DELIVERED] if received else due
        written[c.A_OTHER] = other if received else -1
        written[c.A_OTHER_SHARES] = received
        written[c.A_OTHER_WORTH] = value


@compiled
def paid_for(shares, spare, below, close):
    """Return what shares in specie and `spare` / `below` of one cost at a close, rounded up."""
    units = shares * close + over(spare * close, below)
    return over(units + 99 + (spare * close % below > 0 and units % 100 == 0), 100)


@compiled
def receive(book, room, session, action, shares, value):
    """Open a round trip of its own for shares in specie, bought at their worth."""
    ticker, due = action[c.W_OTHER], action[c.W_DELIVERED]
    trip = new_trip(book, room.state, session, ticker, -1)
    if trip < 0:
        return
    book.trips[trip, c.T_BOUGHT_SHARES] = shares
    book.trips[trip, c.T_BOUGHT] = value
    room.state[c.GIFTS] += 1
    due = c.AT_ONCE if due == c.NEVER else due
    owe(room, session, ticker, trip, due, 0, 1, shares)


@compiled
def settle(world, book, room, session, shorts):
    """Pay and deliver what is due by a session's open."""
    state, claims, kept = room.state, room.claims, 0
    for place in range(state[c.CLAIMS]):
        claim = claims[place]
        if claim[c.C_DUE] > world.days[session]:
            for column in range(c.CLAIM_WIDTH):
                claims[kept, column] = claim[column]
            kept += 1
        elif claim[c.C_GIFT]:
            deliver(world, book, room, session, claim, shorts)
        else:
            cents, ticker = claim[c.C_CENTS], claim[c.C_TICKER]
            held = room.desk[ticker, c.SHARES]
            state[c.CASH] += cents
            state[c.OWED] -= cents
            if shorts and cents < 0:
                state[c.DEBTS] += cents
            row = new_entry(book, state, session, ticker, claim[c.C_TRIP], held, held, c.PAYMENT)
            if row >= 0:
                book.actions[row, c.A_CASH] = cents
        if state[c.FAIL]:
            return
    state[c.CLAIMS] = kept


@compiled
def deliver(world, book, room, session, claim, shorts):
    """Make shares that were owed sellable; a round trip that stands already takes them over.

    Of what meets a short, that is what covers it.
    """
    state, ticker, shares = room.state, claim[c.C_TICKER], claim[c.C_SHARES]
    mark = max(0, mark_at_open(world, session, ticker))
    if too_wide(shares, mark):
        stop(state, c.BAD_WIDTH, session, ticker)
        return
    mine, trip, given = room.desk[ticker], claim[c.C_TRIP], book.trips[claim[c.C_TRIP]]
    before, stands, moved = mine[c.SHARES], mine[c.TRIP], 0
    state[c.GIFTS] -= 1
    if stands >= 0:
        moved = min(shares, -before) if shorts and before < 0 else shares
        given[c.T_SOLD_SHARES] = moved
        given[c.T_SOLD] = worth(moved, mark)
        book.trips[stands, c.T_BOUGHT_SHARES] += moved
        book.trips[stands, c.T_BOUGHT] += given[c.T_SOLD]
    if shares:
        mine[c.SHARES] = before + shares
        enlist(room, ticker)
    if shorts and before < 0 and mine[c.SHARES] >= 0:
        cover_last(room, ticker)
        end_trip(book, room, ticker, session)
    if moved < shares:
        mine[c.TRIP] = trip
    else:
        given[c.T_EXITED] = session
        state[c.N_CLOSED] += 1
        if given[c.T_SOLD] > given[c.T_BOUGHT]:
            state[c.N_WON] += 1
        trip = stands if stands >= 0 else trip
    row = new_entry(book, state, session, ticker, trip, before, before + shares, c.DELIVERY)
    if row >= 0:
        book.actions[row, c.A_OTHER] = ticker
        book.actions[row, c.A_OTHER_SHARES] = shares
        book.actions[row, c.A_OTHER_WORTH] = worth(shares, mark)
