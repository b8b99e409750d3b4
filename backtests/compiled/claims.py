"""Claims in compiled form: what is owed from an ex date on, and the rows that say what came."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.rules import compiled, stop


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
    """Write down a corporate action, what arrived of one, or a borrow; return its row.

    -1 where nothing is recorded.
    """
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
