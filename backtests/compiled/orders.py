"""Orders in compiled form: written down, cut, ended, and made of a strategy's targets."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.hints import hint
from backtests.compiled.policies import standing
from backtests.compiled.rules import compiled, over, stop


@compiled
def end(order, status, reason):
    """End an order; one that filled in part ends as partial whatever stopped it."""
    order[c.O_STATUS] = c.PARTIAL if order[c.O_FILLED] else status
    order[c.O_REASON] = reason


@compiled
def cut(order, shares, reason):
    """Reduce an order for good; nothing left rejects it."""
    order[c.O_REMAINING] = shares
    order[c.O_CUT] = reason
    if shares == 0:
        end(order, c.REJECTED, reason)
    return shares


@compiled
def new_order(book, state, ticker, side, shares, number, signal, short):
    """Write an order down; return its row, or -1 where there is no room."""
    state[c.N_ORDERS] += 1
    row = state[c.SLOTS]
    if row == len(book.orders):
        stop(state, c.BAD_ROOM, number, ticker)
        return -1
    state[c.SLOTS] = row + 1
    order = book.orders[row]
    order[c.O_TICKER] = ticker
    order[c.O_SIDE] = side
    order[c.O_SHARES] = shares
    order[c.O_SESSION] = number
    order[c.O_SIGNAL] = signal
    order[c.O_STATUS] = c.OPEN
    order[c.O_REASON] = c.NONE
    order[c.O_CUT] = c.NONE
    order[c.O_REMAINING] = shares
    order[c.O_FILLED] = 0
    order[c.O_FILLED_AT] = -1
    order[c.O_ID] = state[c.N_ORDERS]
    order[c.O_SHORT] = short
    order[c.O_FORCED] = 0
    return row


@compiled
def decline(book, state, ticker, side, number, signal, short, reason):
    """Write down an order that was wanted and could not be made."""
    row = new_order(book, state, ticker, side, 0, number, signal, short)
    if row >= 0:
        end(book.orders[row], c.REJECTED, reason)


@compiled
def cancel_waiting(book, state, pending, ticker):
    """Cancel the orders of a ticker that still wait."""
    kept = 0
    for place in range(state[c.PENDING]):
        order = book.orders[pending[place]]
        if order[c.O_TICKER] == ticker:
            end(order, c.CANCELLED, c.REPLACED)
        else:
            pending[kept] = pending[place]
            kept += 1
    state[c.PENDING] = kept


@compiled
def enlist(room, ticker):
    """Put a ticker into the ascending list of those that are held or have an order."""
    if room.desk[ticker, c.BUSY]:
        return
    room.desk[ticker, c.BUSY] = 1
    place = room.state[c.N_BUSY]
    room.state[c.N_BUSY] = place + 1
    while place > 0 and room.busy[place - 1] > ticker:
        room.busy[place] = room.busy[place - 1]
        place -= 1
    room.busy[place] = ticker


@compiled
def changes_of(world, floats, state, number, ticker, weight, held, equity, shorts):
    """Return shares to buy or, negative, to sell, in whole lots unless all is closed.

    From one side to the other takes two orders; else the second is 0.
    """
    lot = world.lots[world.lot_rows[number], ticker]
    if lot <= 0:
        stop(state, c.BAD_LOT, number, ticker)
        return 0, 0
    if weight == 0.0:
        return -held, 0
    budget = int(abs(weight) * float(equity) / floats[c.Q_RESERVED])
    if shorts:
        budget = max(0, budget)
    wanted = over(budget * 100, world.marks[number, ticker] * lot) * lot
    if shorts and weight < 0.0:
        wanted = -wanted
    if shorts and held * weight < 0.0:
        return -held, wanted
    change = wanted - held
    if held == 0:
        return change, 0
    return (over(change, lot) * lot if change > 0 else -(over(-change, lot) * lot)), 0


@compiled
def decide(world, told, ints, floats, book, room, number, wanted, shorts):
    """Turn targets into orders for the open of a session, in the order of the targets."""
    state, pending, names = room.state, room.pending, room.names
    for place in range(wanted):
        if world.foreign[names[place]]:
            stop(state, c.BAD_TICKER, number, names[place])
            return
    equity = state[c.CASH]
    if number > 0:
        equity += book.days[number - 1, c.D_HOLDINGS]  # claims among them
    for place in range(wanted):
        ticker, weight = names[place], room.weights[place]
        mine = room.desk[ticker]
        held, waiting = mine[c.SHARES], mine[c.WAITING]
        signal = -1
        if ints[c.P_FOLLOWS]:
            signal = answers_to(told, room.links, book, mine, world.days[number], number)
        entry = -1 if shorts and weight < 0.0 else 1
        if weight != 0.0 and world.marks[number, ticker] <= 0:
            decline(book, state, ticker, entry, number, signal, entry < 0, c.NO_CLOSE_KNOWN)
            continue
        first, second = changes_of(
            world, floats, state, number, ticker, weight, held, equity, shorts
        )
        if state[c.FAIL]:
            return
        if first + second == waiting and first != 0:
            continue
        if waiting != 0:
            cancel_waiting(book, state, pending, ticker)
        if first != 0:
            short = shorts and (held if held != 0 else first) < 0
            order_change(world, book, room, number, ticker, signal, first, short)
            if shorts and second != 0:
                order_change(world, book, room, number, ticker, signal, second, second < 0)
        elif waiting == 0 and weight != 0.0 and held == 0:
            decline(book, state, ticker, entry, number, signal, entry < 0, c.UNDER_LOT)
        if state[c.FAIL]:
            return


@compiled
def order_change(world, book, room, number, ticker, signal, change, short):
    """Order a change of a holding for the open of a session."""
    state, pending, side = room.state, room.pending, 1 if change > 0 else -1
    if number < world.fed[ticker]:
        decline(book, state, ticker, side, number, signal, short, c.NO_BAR_YET)
        return
    row = new_order(book, state, ticker, side, abs(change), number, signal, short)
    if row < 0 or state[c.PENDING] == len(pending):
        stop(state, c.BAD_ROOM, number, ticker)
        return
    pending[state[c.PENDING]] = row
    state[c.PENDING] += 1
    enlist(room, ticker)
    hint(world.opens, number, ticker)
    hint(world.usual, number, ticker)


@compiled
def answers_to(told, links, book, mine, day, number):
    """Return the signal a ticker's order answers to: of today, else the last that stood."""
    if mine[c.TODAY_AT] == number:
        return mine[c.TODAY]
    head = standing(told, links, mine, day)
    if head >= 0:
        return head
    trip = mine[c.TRIP]
    return book.trips[trip, c.T_SIGNAL] if trip >= 0 else -1
