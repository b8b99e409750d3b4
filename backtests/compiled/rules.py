"""Rules of a fill in compiled integers: price, costs, what cash covers.

Compiled twins of `backtests.pricing`, `markets.costs` and `backtests.sizes`.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numba import njit

from backtests.compiled import codes as c

# The kernel allocates nothing, so that arrays need no counting of who refers to them: that would
# cost more than all the rest. No division here is by zero, so that none need be able to raise.
compiled = partial(njit, error_model="numpy", forceinline=True, _nrt=False)
_ONE = 1_000_000
_LOWEST = 100
_PER_CENT = 10**10
_PER_HKD = 10**12


@compiled
def stop(state, code, session, ticker):
    """Note why a run cannot go on."""
    if state[c.FAIL] == 0:
        state[c.FAIL] = code
        state[c.FAIL_SESSION] = session
        state[c.FAIL_TICKER] = ticker


@compiled
def over(amount, part):
    """Return amount // part for what is not negative: unsigned, it is a multiplication."""
    return np.int64(np.uint64(amount) // np.uint64(part))


@compiled
def worth(shares, units):
    """Return shares × price in cents, a half cent rounded up."""
    return over(shares * units + 50, 100)


@compiled
def too_wide(count, units):
    """Return whether a product of two numbers, neither negative, might not fit 64 bits."""
    return (count | units) >> 30 != 0 and units > 0 and count > c.SAFE // units


@compiled
def step(world, row, units):
    """Return the tick at a price; 0 where the exchange quotes none."""
    if row < 0 or units < _LOWEST:
        return 0
    band = 0
    for place in range(world.bounds.shape[1]):
        band += units > world.bounds[row, place]
    return world.ticks[row, band]


@compiled
def slippage(world, ints, floats, session, ticker, wanted):
    """Return how much worse a fill is than the open, in hundredths of a basis point.

    The square-root law of `backtests.impact`, in the same floats, and the declared slippage.
    """
    if floats[c.Q_IMPACT] <= 0.0 or wanted <= 0:
        return ints[c.P_BP]
    volume = world.depth[session, ticker]
    if volume <= 0.0:
        return ints[c.P_BP]
    sigma = world.volatility[session, ticker]
    impact = 10_000.0 * floats[c.Q_IMPACT] * sigma * math.sqrt(wanted / volume)
    return min(int(np.rint((floats[c.Q_BP] + impact) * 100)), _ONE)


@compiled
def price(world, ints, floats, session, ticker, side, units, wanted, floor, state):
    """Return the price of a fill at an open of `units`; 0 where the run stops.

    With a `floor`, below which nothing is sold short, the lowest tick not below it, or better.
    """
    hundredths = slippage(world, ints, floats, session, ticker, wanted)
    worse = units
    if hundredths:
        scaled = units * (_ONE + side * hundredths)
        worse = -(-scaled // _ONE) if side > 0 else scaled // _ONE
    if world.adjusted:
        return max(1, worse, floor)
    row, moved = world.tick_rows[session, world.kinds[ticker]], worse
    tick = step(world, row, worse)
    if tick > 0:
        moved = max(worse + side * ints[c.P_TICKS] * tick, tick)
        if moved != worse:
            tick = step(world, row, moved)
    if floor and tick > 0:
        moved = max(over(moved, tick) * tick, floor)
        tick = step(world, row, moved)
    if tick == 0:
        state[c.FAIL_SIDE] = side
        state[c.FAIL_UNITS] = floor
        state[c.FAIL_SHARES] = wanted
        stop(state, c.BAD_PRICE, session, ticker)
        return 0
    up = side > 0 or floor > 0
    return over(moved + tick - 1, tick) * tick if up else over(moved, tick) * tick


@compiled
def charge(fees, component, units, fits):
    """Return a component of a note in cents.

    A product that would not fit 64 bits is taken in two parts, of which the larger is exact.
    """
    rate = fees[component, c.G_RATE]
    dollar_up = fees[component, c.G_DOLLAR_UP] != 0
    whole, rest = 0, units
    if not fits:
        part = _PER_HKD if dollar_up else _PER_CENT
        whole, rest = over(units, part) * rate, units % part
    if dollar_up:
        cents = (whole + over(rest * rate + _PER_HKD - 1, _PER_HKD)) * 100
    else:
        cents = whole + over(rest * rate + _PER_CENT // 2, _PER_CENT)
    cents = max(cents + fees[component, c.G_AMOUNT], fees[component, c.G_MINIMUM])
    return min(cents, fees[component, c.G_MAXIMUM])


@compiled
def note(world, session, ticker, side, units, shares, costs, state):
    """Put the components of a note into `costs` and return their sum; -1 where the run stops."""
    row = world.fee_rows[session, world.kinds[ticker]]
    if row < 0:
        state[c.FAIL_SIDE] = side
        state[c.FAIL_UNITS] = units
        state[c.FAIL_SHARES] = shares
        stop(state, c.BAD_COST, session, ticker)
        return -1
    if too_wide(shares, units):
        stop(state, c.BAD_WIDTH, session, ticker)
        return -1
    fees = world.fees[row]
    total, fits = 0, shares * units <= world.widest_note
    for component in range(c.COMPONENTS):
        cents = charge(fees, component, shares * units, fits)
        costs[component] = cents
        total += cents
    return total


@compiled
def affordable(world, ints, session, ticker, side, units, shares, lot, cash, costs, state):
    """Return the most whole lots, in shares, that cash covers with their costs.

    And these costs, where they are those in `costs`, else -1. `shares` are whole lots. A purchase
    takes its price, a short sale its margin.
    """
    cost = note(world, session, ticker, side, units, shares, costs, state)
    if cost < 0:
        return 0, -1
    if side < 0 and worth(shares, units) > c.WIDEST:
        stop(state, c.BAD_WIDTH, session, ticker)
        return 0, -1
    if taken(ints, side, worth(shares, units)) + cost <= cash:
        return shares, cost
    low, high = 0, shares // lot
    while low < high:
        middle = (low + high) // 2
        size = middle * lot
        need = 0
        if size:
            need = taken(ints, side, worth(size, units))
            need += note(world, session, ticker, side, units, size, costs, state)
        if cash < need:
            high = middle
        else:
            low = middle + 1
    return max(0, low - 1) * lot, -1


@compiled
def taken(ints, side, value):
    """Return the cash that what opens takes: its price, or the margin of a short sale."""
    return value if side > 0 else part_up(ints, c.P_MARGIN, value)


@compiled
def part(ints, cell, amount):
    """Return a part of an amount rounded down, and what is left, exactly.

    The part is whole + rest / unit, three cells of a trial; the amount no larger than `WIDEST`.
    """
    rest, unit = ints[cell + 1], ints[cell + 2]
    if too_wide(amount, rest):
        quotient, left = times(amount, rest, unit)
    else:
        quotient, left = over(amount * rest, unit), amount * rest % unit
    return amount * ints[cell] + quotient, left


@compiled
def part_up(ints, cell, amount):
    """Return a part of an amount, rounded up."""
    quotient, left = part(ints, cell, amount)
    return quotient + (left > 0)


@compiled
def mark_at_open(world, session, ticker):
    """Return the last known close of a ticker on the basis after the actions of a session."""
    mark = world.marks[session, ticker]
    for row in range(world.action_starts[session], world.action_starts[session + 1]):
        if world.actions[row, c.W_TICKER] == ticker and world.actions[row, c.W_MARK] >= 0:
            mark = world.actions[row, c.W_MARK]
    return mark


@compiled
def times(count, rest, unit):
    """Return count × rest / unit rounded down, and what is left, for rest < unit, exactly.

    Bit by bit: the product itself would not fit 64 bits.
    """
    quotient, left = 0, 0
    for bit in range(52, -1, -1):
        quotient *= 2
        left *= 2
        if (count >> bit) & 1:
            left += rest
        while left >= unit:
            left -= unit
            quotient += 1
    return quotient, left
