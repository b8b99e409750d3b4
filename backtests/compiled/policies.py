"""Policies in compiled form: twins of the built-in strategies, and of the signal book they read."""

from __future__ import annotations

from backtests.compiled.layout import (
    BAD_DRAWS,
    BEST,
    BUY_AND_HOLD,
    EQUAL_WEIGHT,
    EVENT_HOLD,
    FRESH,
    FRESH_AT,
    HEAD,
    P_COUNT,
    P_HOLD,
    P_REBALANCE,
    P_STRATEGY,
    P_THRESHOLDS,
    POOL,
    Q_ABOVE,
    Q_BELOW,
    Q_WEIGHT,
    SHARES,
    T_ENTERED,
    TODAY,
    TODAY_AT,
    TOP_RANKED,
    TRIP,
    WAITING,
)
from backtests.compiled.rules import compiled, stop


@compiled
def direction(told, ints, floats, signal):
    """Return a signal's direction: its own, or what the trial's thresholds make of it."""
    if ints[P_THRESHOLDS] == 0:
        return told.directions[signal]
    if told.probabilities[signal] >= floats[Q_ABOVE]:
        return 1
    return -1 if told.probabilities[signal] <= floats[Q_BELOW] else 0


@compiled
def turn(told, ints, floats, ways, links, desk, at, day, number):
    """Open the signal book at a day; return the first signal not read yet.

    The signals that stand for a ticker all have one direction and are linked from the latest back:
    whoever expired is dropped when asked for.
    """
    while at < len(told.days) and told.days[at] <= day:
        ticker = told.tickers[at]
        way = direction(told, ints, floats, at)
        ways[at] = way
        if way != 0:
            if told.days[at] == day:
                desk[TODAY, ticker] = at
                desk[TODAY_AT, ticker] = number
                if way == 1:
                    desk[FRESH, ticker] = at
                    desk[FRESH_AT, ticker] = number
            head = desk[HEAD, ticker]
            opposite = head >= 0 and ways[head] != way
            if not (opposite and way == 1 and told.days[head] == told.days[at]):
                links[at] = -1 if opposite else head
                desk[HEAD, ticker] = at
        at += 1
    return at


@compiled
def standing(told, links, desk, ticker, day):
    """Return the latest signal that stands for a ticker, or -1."""
    head = desk[HEAD, ticker]
    while head >= 0 and told.expires[head] <= day:
        head = links[head]
    desk[HEAD, ticker] = head
    return head


@compiled
def stands_long(told, ways, links, desk, ticker, day):
    """Return whether a long signal stands for a ticker."""
    head = standing(told, links, desk, ticker, day)
    return head >= 0 and ways[head] == 1


@compiled
def engaged(desk, ticker):
    """Return whether a ticker is held or a purchase of it waits."""
    return desk[SHARES, ticker] > 0 or desk[WAITING, ticker] > 0


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
def event_hold(told, ints, floats, ways, links, desk, day, number, names, weights, spare):
    """Put what `strategies.event_hold` wants into names and weights; return how many."""
    tickers = desk.shape[1]
    found, kept = 0, 0
    for ticker in range(tickers):
        if engaged(desk, ticker):
            if stands_long(told, ways, links, desk, ticker, day):
                kept += 1
            else:
                names[found] = ticker
                weights[found] = 0.0
                found += 1
    free = max(0, ints[P_COUNT] - kept)
    if free == 0:
        return found
    count = 0
    for ticker in range(tickers):
        fresh = desk[FRESH_AT, ticker] == number and not engaged(desk, ticker)
        if fresh and stands_long(told, ways, links, desk, ticker, day):
            signal = desk[FRESH, ticker]
            count = ranked(told, names[found:], count, free, signal, ticker, spare)
    for place in range(found, found + count):
        weights[place] = floats[Q_WEIGHT]
    return found + count


@compiled
def top_ranked(told, ints, ways, links, desk, day, names, weights, spare):
    """Put what `strategies.top_ranked` wants into names and weights; return how many."""
    tickers = desk.shape[1]
    room = min(ints[P_COUNT], tickers)
    count = 0
    best = desk[POOL]
    for ticker in range(tickers):
        desk[BEST, ticker] = 0
        if stands_long(told, ways, links, desk, ticker, day):
            count = ranked(told, best, count, room, desk[HEAD, ticker], ticker, spare)
    for place in range(count):
        desk[BEST, best[place]] = 1
    found = 0
    for ticker in range(tickers):
        if engaged(desk, ticker) and desk[BEST, ticker] == 0:
            names[found] = ticker
            weights[found] = 0.0
            found += 1
    for place in range(count):
        if ints[P_REBALANCE] or not engaged(desk, best[place]):
            names[found] = best[place]
            weights[found] = 1.0 / ints[P_COUNT]
            found += 1
    return found


@compiled
def equal_parts(world, ints, desk, number, names, weights):
    """Put what `buy_and_hold` or `equal_weight` wants into names and weights; return how many."""
    tickers = desk.shape[1]
    rebalances = ints[P_STRATEGY] == EQUAL_WEIGHT
    if not (rebalances and world.month_turns[number]):
        for ticker in range(tickers):
            if engaged(desk, ticker):
                return 0
    exits, eligible = 0, 0
    for ticker in range(tickers):
        if world.members[number, ticker] and world.marks[number, ticker] >= 0:
            eligible += 1
        elif rebalances and desk[SHARES, ticker] > 0 and world.traded[number, ticker]:
            names[exits] = ticker
            weights[exits] = 0.0
            exits += 1
    found = exits
    for ticker in range(tickers):
        chosen = world.members[number, ticker] and world.marks[number, ticker] >= 0
        if chosen and (world.traded[number, ticker] or not rebalances):
            names[found] = ticker
            weights[found] = 1.0 / eligible
            found += 1
    return found


@compiled
def random_entries(world, draws, ints, floats, book, desk, number, names, weights, state):
    """Put what `random_entries` wants into names and weights; return how many."""
    tickers = desk.shape[1]
    found, size = 0, 0
    pool = desk[POOL]
    for ticker in range(tickers):
        trip = desk[TRIP, ticker]
        if trip >= 0 and number - book.trips[trip, T_ENTERED] >= ints[P_HOLD]:
            names[found] = ticker
            weights[found] = 0.0
            found += 1
        open_to_all = world.traded[number, ticker] and world.members[number, ticker]
        if open_to_all and not engaged(desk, ticker):
            pool[size] = ticker
            size += 1
    count = min(draws.entries[number], size)
    if count == 0:
        return found
    if not shuffle(pool, size, draws.words[draws.rows[number]]):
        stop(state, BAD_DRAWS, number, -1)
        return found
    # A negative count leaves out as many at the end, as a slice does.
    for place in range(count if count > 0 else max(0, size + count)):
        names[found] = pool[place]
        weights[found] = floats[Q_WEIGHT]
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
def targets(
    world, told, draws, ints, floats, ways, links, book, desk, number, names, weights, spare, state
):
    """Put the strategy's targets for a session into names and weights; return how many."""
    strategy = ints[P_STRATEGY]
    day = world.days[number]
    if strategy == EVENT_HOLD:
        return event_hold(told, ints, floats, ways, links, desk, day, number, names, weights, spare)
    if strategy == TOP_RANKED:
        return top_ranked(told, ints, ways, links, desk, day, names, weights, spare)
    if strategy in (BUY_AND_HOLD, EQUAL_WEIGHT):
        return equal_parts(world, ints, desk, number, names, weights)
    return random_entries(world, draws, ints, floats, book, desk, number, names, weights, state)
