"""Policies in compiled form: twins of the built-in strategies, and of the signal book they read."""

from __future__ import annotations

from backtests.compiled import codes as c
from backtests.compiled.rules import compiled, stop


@compiled
def direction(told, ints, floats, signal):
    """Return a signal's direction: its own, or what the trial's thresholds make of it."""
    if ints[c.P_THRESHOLDS] == 0:
        return told.directions[signal]
    if told.probabilities[signal] >= floats[c.Q_ABOVE]:
        return 1
    return -1 if told.probabilities[signal] <= floats[c.Q_BELOW] else 0


@compiled
def turn(told, ints, floats, room, number):
    """Open the signal book at a session.

    The signals that stand for a ticker all have one direction and are linked from the latest back:
    whoever expired is dropped when asked for.
    """
    desk, fresh, young = room.desk, told.fresh[number], 0
    for at in range(told.starts[number], told.starts[number + 1]):
        way = direction(told, ints, floats, at)
        if way == 0:
            continue
        mine = desk[told.tickers[at]]
        if at >= fresh:
            mine[c.TODAY] = at
            mine[c.TODAY_AT] = number
            # No branch: which way a signal points is what a processor cannot foresee.
            room.young[young] = at
            young += way == 1
        head = mine[c.HEAD]
        if (way == 1) & (mine[c.WAY] == -1) & (head >= first_of_day(told, at, fresh)):
            continue
        room.links[at] = head if mine[c.WAY] == way else -1
        mine[c.HEAD] = at
        mine[c.WAY] = way
        mine[c.UNTIL] = told.expires[at]
    room.state[c.N_YOUNG] = young


@compiled
def first_of_day(told, at, fresh):
    """Return the first signal of the day of a signal."""
    if at >= fresh:
        return fresh
    while at > 0 and told.days[at - 1] == told.days[at]:
        at -= 1
    return at


@compiled
def standing(told, links, mine, day):
    """Return the latest signal that stands for a ticker, or -1."""
    head = mine[c.HEAD]
    if mine[c.UNTIL] > day:
        return head
    while head >= 0 and told.expires[head] <= day:
        head = links[head]
    mine[c.HEAD] = head
    mine[c.UNTIL] = told.expires[head] if head >= 0 else c.AT_ONCE
    if head < 0:
        mine[c.WAY] = 0
    return head


@compiled
def stands_long(told, links, mine, day):
    """Return whether a long signal stands for a ticker."""
    standing(told, links, mine, day)
    return mine[c.WAY] == 1


@compiled
def engaged(mine):
    """Return whether a ticker is held or a purchase of it waits."""
    return (mine[c.SHARES] > 0) | (mine[c.WAITING] > 0)


@compiled
def ranked(told, chosen, count, room, signal, ticker, signals):
    """Insert a ticker by falling probability, then by ticker; return how many there are now."""
    probability = told.probabilities[signal]
    place = count
    # Tickers come in ascending order: an equal one stays behind.
    while place > 0 and told.probabilities[signals[place - 1]] < probability:
        place -= 1
    if place >= room:
        return count
    last = min(count, room - 1)
    for row in range(last, place, -1):
        chosen[row] = chosen[row - 1]
        signals[row] = signals[row - 1]
    chosen[place] = ticker
    signals[place] = signal
    return min(count + 1, room)


@compiled
def event_hold(world, told, ints, floats, room, number):
    """Put what `strategies.event_hold` wants into names and weights; return how many."""
    desk, names, day = room.desk, room.names, world.days[number]
    found, kept = 0, 0
    for place in range(room.state[c.N_BUSY]):
        ticker = room.busy[place]
        mine = desk[ticker]
        holds, long = engaged(mine), stands_long(told, room.links, mine, day)
        names[found] = ticker
        room.weights[found] = 0.0
        found += holds & (not long)
        kept += holds & long
    free = max(0, ints[c.P_COUNT] - kept)
    if free == 0:
        return found
    count, young = 0, room.state[c.N_YOUNG]
    for place in range(young):
        at = room.young[place]
        ticker = told.tickers[at]
        if place + 1 < young and told.tickers[room.young[place + 1]] == ticker:
            continue  # a later long signal of the ticker counts
        mine = desk[ticker]
        if not engaged(mine) and stands_long(told, room.links, mine, day):
            count = ranked(told, names[found:], count, free, at, ticker, room.spare)
    for place in range(count):
        room.weights[found + place] = floats[c.Q_WEIGHT] * told.sizes[room.spare[place]]
    return found + count


@compiled
def top_ranked(world, told, ints, room, number):
    """Put what `strategies.top_ranked` wants into names and weights; return how many."""
    desk, best, day = room.desk, room.pool, world.days[number]
    tickers = len(desk)
    most = min(ints[c.P_COUNT], tickers)
    count = 0
    for ticker in range(tickers):
        mine = desk[ticker]
        mine[c.BEST] = 0
        if stands_long(told, room.links, mine, day):
            count = ranked(told, best, count, most, mine[c.HEAD], ticker, room.spare)
    for place in range(count):
        desk[best[place], c.BEST] = 1
    found = 0
    for place in range(room.state[c.N_BUSY]):
        ticker = room.busy[place]
        if engaged(desk[ticker]) and desk[ticker, c.BEST] == 0:
            room.names[found] = ticker
            room.weights[found] = 0.0
            found += 1
    for place in range(count):
        if ints[c.P_REBALANCE] or not engaged(desk[best[place]]):
            room.names[found] = best[place]
            room.weights[found] = told.sizes[room.spare[place]] / ints[c.P_COUNT]
            found += 1
    return found


@compiled
def equal_parts(world, ints, room, number):
    """Put what `buy_and_hold` or `equal_weight` wants into names and weights; return how many."""
    desk = room.desk
    rebalances = ints[c.P_STRATEGY] == c.EQUAL_WEIGHT
    if not (rebalances and world.month_turns[number]):
        for place in range(room.state[c.N_BUSY]):
            if engaged(desk[room.busy[place]]):
                return 0
    exits, eligible = 0, 0
    for ticker in range(len(desk)):
        if world.members[number, ticker] and world.marks[number, ticker] >= 0:
            eligible += 1
        elif rebalances and desk[ticker, c.SHARES] > 0 and world.traded[number, ticker]:
            room.names[exits] = ticker
            room.weights[exits] = 0.0
            exits += 1
    found = exits
    for ticker in range(len(desk)):
        chosen = world.members[number, ticker] and world.marks[number, ticker] >= 0
        if chosen and (world.traded[number, ticker] or not rebalances):
            room.names[found] = ticker
            room.weights[found] = 1.0 / eligible
            found += 1
    return found


@compiled
def random_entries(world, draws, ints, floats, book, room, number):
    """Put what `random_entries` wants into names and weights; return how many."""
    desk, pool = room.desk, room.pool
    found, size = 0, 0
    for place in range(room.state[c.N_BUSY]):
        ticker = room.busy[place]
        trip = desk[ticker, c.TRIP]
        if trip >= 0 and number - book.trips[trip, c.T_ENTERED] >= ints[c.P_HOLD]:
            room.names[found] = ticker
            room.weights[found] = 0.0
            found += 1
    if draws.entries[number] == 0:
        return found
    for ticker in range(len(desk)):
        open_to_all = world.traded[number, ticker] and world.members[number, ticker]
        if open_to_all and not engaged(desk[ticker]):
            pool[size] = ticker
            size += 1
    count = min(draws.entries[number], size)
    if count == 0:
        return found
    if not shuffle(pool, size, draws.words[draws.rows[number]]):
        stop(room.state, c.BAD_DRAWS, number, -1)
        return found
    # A negative count leaves out as many at the end, as a slice does.
    for place in range(count if count > 0 else max(0, size + count)):
        room.names[found] = pool[place]
        room.weights[found] = floats[c.Q_WEIGHT]
        found += 1
    return found


@compiled
def shuffle(pool, size, words):
    """Permute as `numpy.random.Generator.permutation` does; False if the words do not suffice."""
    at = 0
    for last in range(size - 1, 0, -1):
        mask = last
        for shift in (1, 2, 4, 8, 16):
            mask |= mask >> shift
        place = last + 1
        while place > last:
            if at == len(words):
                return False
            place = words[at] & mask
            at += 1
        pool[last], pool[place] = pool[place], pool[last]
    return True


@compiled
def targets(world, told, draws, ints, floats, book, room, number):
    """Put the strategy's targets for a session into names and weights; return how many."""
    strategy = ints[c.P_STRATEGY]
    if strategy == c.EVENT_HOLD:
        return event_hold(world, told, ints, floats, room, number)
    if strategy == c.TOP_RANKED:
        return top_ranked(world, told, ints, room, number)
    if strategy in (c.BUY_AND_HOLD, c.EQUAL_WEIGHT):
        return equal_parts(world, ints, room, number)
    if strategy == c.OWN:
        return room.state[c.WANTED]
    return random_entries(world, draws, ints, floats, book, room, number)
