"""Policies in compiled form: twins of the built-in strategies, and of the signal book they read."""

from __future__ import annotations

import numpy as np

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
def conviction(told, ints, floats, signal, shorts):
    """Return the probability of what a signal's direction says: of a fall, if it is -1."""
    probability = told.probabilities[signal]
    if shorts and direction(told, ints, floats, signal) == -1:
        return 1.0 - probability
    return probability


@compiled
def turn(told, ints, floats, room, number, shorts):
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
            young += (way == 1) | shorts
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
def stance(mine, shorts):
    """Return the side, 1 or -1, a ticker is held on or an order that waits is to open; else 0."""
    held, waiting = mine[c.SHARES], mine[c.WAITING]
    if not shorts:
        return 1 * ((held > 0) | (waiting > 0))
    counts = held if held != 0 else waiting
    return (counts > 0) - 1 * (counts < 0)


@compiled
def shortable(world, number, ticker):
    """Return whether a ticker may be sold short at the open of a session."""
    return world.listed[number, ticker] and world.marks[number, ticker] >= 0


@compiled
def wanted_side(world, told, links, mine, number, ticker, shorts):
    """Return the side that signals want of a ticker: 1, or -1 where it can be had; else 0."""
    standing(told, links, mine, world.days[number])
    way = mine[c.WAY]
    if not shorts:
        return 1 * (way == 1)
    had = way > 0 or shortable(world, number, ticker) or stance(mine, shorts) < 0
    return way if had else 0


@compiled
def ranked(told, ints, floats, chosen, count, room, signal, ticker, signals, shorts):
    """Insert a ticker by falling conviction, then by ticker; return how many there are now."""
    sure = conviction(told, ints, floats, signal, shorts)
    place = count
    # Tickers come in ascending order: an equal one stays behind.
    while place > 0 and conviction(told, ints, floats, signals[place - 1], shorts) < sure:
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
def event_hold(world, told, ints, floats, room, number, shorts):
    """Put what `strategies.event_hold` wants into names and weights; return how many."""
    desk, names, weights = room.desk, room.names, room.weights
    found, kept = 0, 0
    for place in range(room.state[c.N_BUSY]):
        ticker = room.busy[place]
        mine = desk[ticker]
        holds = stance(mine, shorts)
        right = wanted_side(world, told, room.links, mine, number, ticker, shorts) == holds
        names[found] = ticker
        weights[found] = 0.0
        found += (holds != 0) & (not right)
        kept += (holds != 0) & right
    free = max(0, ints[c.P_COUNT] - kept)
    if free == 0:
        return found
    count = entries(world, told, ints, floats, room, number, names[found:], free, shorts)
    exits, chosen = found, names[found:]
    for place in range(count):
        ticker, at, entered = chosen[place], room.spare[place], found
        if shorts and stance(desk[ticker], shorts) != 0:
            # From one side to the other: it keeps the place of its exit.
            entered = 0
            while entered < exits and names[entered] != ticker:
                entered += 1
        names[entered] = ticker
        weights[entered] = floats[c.Q_WEIGHT] * told.sizes[at]
        if shorts:
            weights[entered] *= direction(told, ints, floats, at)
        found += entered == found
    return found


@compiled
def entries(world, told, ints, floats, room, number, chosen, free, shorts):
    """Choose the best signals that take effect into free slots; return how many."""
    count, place, young = 0, 0, room.state[c.N_YOUNG]
    while place < young:
        ticker, last = told.tickers[room.young[place]], np.int64(-1)
        mine = room.desk[ticker]
        side = wanted_side(world, told, room.links, mine, number, ticker, shorts)
        # Of several signals of the side that is wanted, the last counts.
        while place < young and told.tickers[room.young[place]] == ticker:
            at = np.int64(room.young[place])
            if not shorts or direction(told, ints, floats, at) == side:
                last = at
            place += 1
        if last >= 0 and side != 0 and stance(mine, shorts) != side:
            count = ranked(
                told, ints, floats, chosen, count, free, last, ticker, room.spare, shorts
            )
    return count


@compiled
def top_ranked(world, told, ints, floats, room, number, shorts):
    """Put what `strategies.top_ranked` wants into names and weights; return how many."""
    desk, best = room.desk, room.pool
    tickers = len(desk)
    most = min(ints[c.P_COUNT], tickers)
    count = 0
    for ticker in range(tickers):
        mine = desk[ticker]
        mine[c.BEST] = 0
        if wanted_side(world, told, room.links, mine, number, ticker, shorts) != 0:
            count = ranked(
                told, ints, floats, best, count, most, mine[c.HEAD], ticker, room.spare, shorts
            )
    for place in range(count):
        desk[best[place], c.BEST] = 1
    found = 0
    for place in range(room.state[c.N_BUSY]):
        ticker = room.busy[place]
        if stance(desk[ticker], shorts) != 0 and desk[ticker, c.BEST] == 0:
            room.names[found] = ticker
            room.weights[found] = 0.0
            found += 1
    for place in range(count):
        mine = desk[best[place]]
        if ints[c.P_REBALANCE] or stance(mine, shorts) != (mine[c.WAY] if shorts else 1):
            room.names[found] = best[place]
            room.weights[found] = told.sizes[room.spare[place]] / ints[c.P_COUNT]
            if shorts:
                room.weights[found] *= mine[c.WAY]
            found += 1
    return found


@compiled
def equal_parts(world, ints, room, number, shorts):
    """Put what `buy_and_hold` or `equal_weight` wants into names and weights; return how many."""
    desk = room.desk
    rebalances = ints[c.P_STRATEGY] == c.EQUAL_WEIGHT
    if not (rebalances and world.month_turns[number]):
        for place in range(room.state[c.N_BUSY]):
            if stance(desk[room.busy[place]], shorts) != 0:
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
def random_entries(world, draws, ints, floats, book, room, number, shorts):
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
    if draws.entries[number] == 0 and (not shorts or draws.shorts[number] == 0):
        return found
    for ticker in range(len(desk)):
        open_to_all = world.traded[number, ticker] and world.members[number, ticker]
        if open_to_all and stance(desk[ticker], shorts) == 0:
            pool[size] = ticker
            size += 1
    count = min(draws.entries[number], size)
    if size == 0 or (count == 0 and not shorts):
        return found
    if not shuffle(pool, size, draws.words[draws.rows[number]]):
        stop(room.state, c.BAD_DRAWS, number, -1)
        return found
    # A negative count leaves out as many at the end, as a slice does.
    longs = count if count >= 0 else max(0, size + count)
    for place in range(longs):
        room.names[found] = pool[place]
        room.weights[found] = floats[c.Q_WEIGHT]
        found += 1
    if not shorts:
        return found
    sold = 0
    for place in range(longs, size):
        if shortable(world, number, pool[place]):
            room.names[found + sold] = pool[place]
            room.weights[found + sold] = -floats[c.Q_WEIGHT]
            sold += 1
    count = draws.shorts[number]
    return found + (min(count, sold) if count >= 0 else max(0, sold + count))


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
def targets(world, told, draws, ints, floats, book, room, number, shorts):
    """Put the strategy's targets for a session into names and weights; return how many."""
    strategy = ints[c.P_STRATEGY]
    if strategy == c.EVENT_HOLD:
        return event_hold(world, told, ints, floats, room, number, shorts)
    if strategy == c.TOP_RANKED:
        return top_ranked(world, told, ints, floats, room, number, shorts)
    if strategy in (c.BUY_AND_HOLD, c.EQUAL_WEIGHT):
        return equal_parts(world, ints, room, number, shorts)
    if strategy == c.OWN:
        return room.state[c.WANTED]
    return random_entries(world, draws, ints, floats, book, room, number, shorts)
