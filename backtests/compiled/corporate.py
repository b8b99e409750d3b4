"""Corporate actions in compiled form: twins of `Account.apply` and `Account.settle`."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.fills import end_trip, new_trip
from backtests.compiled.orders import end, enlist
from backtests.compiled.rules import compiled, stop, times, too_wide, worth


@compiled
def act(world, book, room, session, row):
    """Bring holdings, claims and waiting orders onto the basis after a corporate action."""
    action = world.actions[row]
    above, below = action[c.W_ABOVE], action[c.W_BELOW]
    if above != below and room.state[c.GIFTS]:
        split_claims(room, session, action)
    if action[c.W_MARK] >= 0 and room.desk[action[c.W_TICKER], c.SHARES] > 0:
        entitle(book, room, session, action)
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
def split_claims(room, session, action):
    """Bring shares owed onto the basis after a split; their fractions and dividends lapse."""
    ticker, above = action[c.W_TICKER], action[c.W_ABOVE]
    for place in range(room.state[c.CLAIMS]):
        claim = room.claims[place]
        if claim[c.C_GIFT] and claim[c.C_TICKER] == ticker:
            if claim[c.C_SHARES] > c.WIDEST // above:
                stop(room.state, c.BAD_WIDTH, session, ticker)
                return
            claim[c.C_SHARES] = claim[c.C_SHARES] * above // action[c.W_BELOW]


@compiled
def entitle(book, room, session, action):
    """Book what a holding gets, now or later."""
    state, ticker = room.state, action[c.W_TICKER]
    mine = room.desk[ticker]
    before, trip, due = mine[c.SHARES], mine[c.TRIP], action[c.W_DUE]
    above, below = action[c.W_ABOVE], action[c.W_BELOW]
    if before > c.WIDEST // max(above, action[c.W_OTHER_ABOVE]):
        stop(state, c.BAD_WIDTH, session, ticker)
        return
    after, spare = before * above // below, before * above % below
    whole, left = times(before, action[c.W_CASH_REST], action[c.W_CASH_UNIT])
    dividend = before * action[c.W_CASH] + whole + (1 if 2 * left >= action[c.W_CASH_UNIT] else 0)
    whole, left = times(spare, action[c.W_SPARE_REST], action[c.W_SPARE_UNIT])
    fraction = spare * action[c.W_SPARE] + whole
    received, value, other = 0, 0, action[c.W_OTHER]
    if other >= 0:
        given, close = before * action[c.W_OTHER_ABOVE], action[c.W_OTHER_CLOSE]
        received, spare = given // action[c.W_OTHER_BELOW], given % action[c.W_OTHER_BELOW]
        fraction += spare * close // (action[c.W_OTHER_BELOW] * 100)
        if too_wide(received, close):
            stop(state, c.BAD_WIDTH, session, ticker)
            return
        value = worth(received, close)
    at_once = fraction + (dividend if due == c.NEVER else 0)
    book.trips[trip, c.T_INCOME] += dividend + fraction + value
    state[c.INCOME] += dividend + fraction
    state[c.CASH] += at_once
    mine[c.SHARES] = after
    if dividend and due != c.NEVER:
        state[c.OWED] += dividend
        owe(room, session, ticker, trip, due, dividend, 0, 0)
    if received:
        receive(book, room, session, action, received, value)
    if after == 0:
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
def owe(room, session, ticker, trip, due, cents, gift, shares):
    """Write a claim down."""
    if room.state[c.CLAIMS] == len(room.claims):
        stop(room.state, c.BAD_ROOM, session, ticker)
        return
    claim = room.claims[room.state[c.CLAIMS]]
    claim[c.C_TICKER] = ticker
    claim[c.C_TRIP] = trip
    claim[c.C_DUE] = due
    claim[c.C_CENTS] = cents
    claim[c.C_GIFT] = gift
    claim[c.C_SHARES] = shares
    room.state[c.CLAIMS] += 1


@compiled
def new_entry(book, state, session, ticker, trip, before, after, kind):
    """Write a corporate action down, or what arrived of one; return its row, -1 if unrecorded."""
    if not book.record:
        return -1
    row = state[c.N_ACTIONS]
    if row == len(book.actions):
        stop(state, c.BAD_ROOM, session, ticker)
        return -1
    entry = book.actions[row]
    for column in range(c.ACTION_WIDTH):
        entry[column] = 0
    entry[c.A_SESSION] = session
    entry[c.A_TICKER] = ticker
    entry[c.A_TRIP] = trip + 1
    entry[c.A_BEFORE] = before
    entry[c.A_AFTER] = after
    entry[c.A_KIND] = kind
    entry[c.A_DUE] = c.NEVER
    entry[c.A_OTHER] = -1
    state[c.N_ACTIONS] = row + 1
    return row


@compiled
def settle(world, book, room, session):
    """Pay and deliver what is due by a session's open."""
    state, claims, kept = room.state, room.claims, 0
    for place in range(state[c.CLAIMS]):
        claim = claims[place]
        if claim[c.C_DUE] > world.days[session]:
            for column in range(c.CLAIM_WIDTH):
                claims[kept, column] = claim[column]
            kept += 1
        elif claim[c.C_GIFT]:
            deliver(world, book, room, session, claim)
        else:
            cents, ticker = claim[c.C_CENTS], claim[c.C_TICKER]
            held = room.desk[ticker, c.SHARES]
            state[c.CASH] += cents
            state[c.OWED] -= cents
            row = new_entry(book, state, session, ticker, claim[c.C_TRIP], held, held, c.PAYMENT)
            if row >= 0:
                book.actions[row, c.A_CASH] = cents
        if state[c.FAIL]:
            return
    state[c.CLAIMS] = kept


@compiled
def deliver(world, book, room, session, claim):
    """Make shares that were owed sellable; a round trip that stands already takes them over."""
    state, ticker, shares = room.state, claim[c.C_TICKER], claim[c.C_SHARES]
    mark = max(0, mark_at_open(world, session, ticker))
    if too_wide(shares, mark):
        stop(state, c.BAD_WIDTH, session, ticker)
        return
    mine, trip, value = room.desk[ticker], claim[c.C_TRIP], worth(shares, mark)
    before, stands = mine[c.SHARES], mine[c.TRIP]
    state[c.GIFTS] -= 1
    if stands < 0 and shares:
        mine[c.TRIP] = trip
    else:
        given = book.trips[trip]
        given[c.T_SOLD_SHARES] = shares
        given[c.T_SOLD] = value
        given[c.T_EXITED] = session
        state[c.N_CLOSED] += 1
        if value > given[c.T_BOUGHT]:
            state[c.N_WON] += 1
        if stands >= 0:
            book.trips[stands, c.T_BOUGHT_SHARES] += shares
            book.trips[stands, c.T_BOUGHT] += value
            trip = stands
    if shares:
        mine[c.SHARES] = before + shares
        enlist(room, ticker)
    row = new_entry(book, state, session, ticker, trip, before, before + shares, c.DELIVERY)
    if row >= 0:
        book.actions[row, c.A_OTHER] = ticker
        book.actions[row, c.A_OTHER_SHARES] = shares
        book.actions[row, c.A_OTHER_WORTH] = value


@compiled
def mark_at_open(world, session, ticker):
    """Return the last known close of a ticker on the basis after the actions of a session."""
    mark = world.marks[session, ticker]
    for row in range(world.action_starts[session], world.action_starts[session + 1]):
        if world.actions[row, c.W_TICKER] == ticker and world.actions[row, c.W_MARK] >= 0:
            mark = world.actions[row, c.W_MARK]
    return mark
