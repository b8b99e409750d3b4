"""Rules of a fill in compiled integers: price, costs, what cash covers, corporate actions.

Compiled twins of `backtests.pricing`, `markets.costs` and `backtests.sizes`.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numba import njit

from backtests.compiled.layout import (
    BAD_COST,
    BAD_PRICE,
    BAD_WIDTH,
    COMPONENTS,
    FAIL,
    FAIL_SESSION,
    FAIL_SHARES,
    FAIL_SIDE,
    FAIL_TICKER,
    FAIL_UNITS,
    P_BP,
    P_TICKS,
    Q_BP,
    Q_IMPACT,
    SAFE,
)

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
    if state[FAIL] == 0:
        state[FAIL] = code
        state[FAIL_SESSION] = session
        state[FAIL_TICKER] = ticker


@compiled
def worth(shares, units):
    """Return shares × price in cents, a half cent rounded up."""
    return (shares * units + 50) // 100


@compiled
def step(world, row, units):
    """Return the tick at a price; 0 where the exchange quotes none."""
    bounds = world.bounds[row]
    if row < 0 or units < _LOWEST:
        return 0
    for place in range(len(bounds)):
        if units <= bounds[place]:
            return world.ticks[row, place]
    return 0


@compiled
def slippage(world, ints, floats, session, ticker, wanted):
    """Return how much worse a fill is than the open, in hundredths of a basis point.

    The square-root law of `backtests.impact`, in the same floats, and the declared slippage.
    """
    volume = world.depth[session, ticker]
    if floats[Q_IMPACT] <= 0.0 or volume <= 0.0 or wanted <= 0:
        return ints[P_BP]
    sigma = world.volatility[session, ticker]
    impact = 10_000.0 * floats[Q_IMPACT] * sigma * math.sqrt(wanted / volume)
    return min(int(np.rint((floats[Q_BP] + impact) * 100)), _ONE)


@compiled
def price(world, ints, floats, session, ticker, side, wanted, state):
    """Return the price of a fill at the open; 0 where the run stops."""
    units = world.opens[session, ticker]
    hundredths = slippage(world, ints, floats, session, ticker, wanted)
    scaled = units * (_ONE + side * hundredths)
    worse = -(-scaled // _ONE) if side > 0 else scaled // _ONE
    if world.adjusted:
        return max(1, worse)
    row, moved = world.tick_rows[session, world.kinds[ticker]], 0
    tick = step(world, row, worse)
    if tick > 0:
        moved = max(worse + side * ints[P_TICKS] * tick, tick)
        tick = step(world, row, moved)
    if tick == 0:
        state[FAIL_SIDE] = side
        state[FAIL_SHARES] = wanted
        stop(state, BAD_PRICE, session, ticker)
        return 0
    return -(-moved // tick) * tick if side > 0 else moved // tick * tick


@compiled
def charge(fees, component, units, fits):
    """Return a component of a note in cents.

    A product that would not fit 64 bits is taken in two parts, of which the larger is exact.
    """
    rate = fees[component, 0]
    part = _PER_HKD if fees[component, 4] else _PER_CENT
    whole, rest = 0, units
    if not fits:
        whole, rest = units // part * rate, units % part
    if fees[component, 4]:
        cents = (whole + (rest * rate + part - 1) // part) * 100
    else:
        cents = whole + (rest * rate + part // 2) // part
    return min(max(cents + fees[component, 1], fees[component, 2]), fees[component, 3])


@compiled
def note(world, session, ticker, side, units, shares, costs, state):
    """Put the components of a note into `costs` and return their sum; -1 where the run stops."""
    row = world.fee_rows[session, world.kinds[ticker]]
    if row < 0:
        state[FAIL_SIDE] = side
        state[FAIL_UNITS] = units
        state[FAIL_SHARES] = shares
        stop(state, BAD_COST, session, ticker)
        return -1
    if shares > SAFE // units:
        stop(state, BAD_WIDTH, session, ticker)
        return -1
    fees = world.fees[row]
    total, fits = 0, shares * units <= world.widest_note
    for component in range(COMPONENTS):
        costs[component] = charge(fees, component, shares * units, fits)
        total += costs[component]
    return total


@compiled
def affordable(world, session, ticker, units, shares, lot, cash, costs, state):
    """Return the most whole lots, in shares, that cash covers with their costs.

    And these costs, where they are those in `costs`, else -1.
    """
    lots = shares // lot
    cost = note(world, session, ticker, 1, units, lots * lot, costs, state)
    if cost < 0:
        return 0, -1
    if worth(lots * lot, units) + cost <= cash:
        return shares, cost
    low, high = 0, lots
    while low < high:
        middle = (low + high) // 2
        size = middle * lot
        need = 0
        if size:
            need = worth(size, units) + note(world, session, ticker, 1, units, size, costs, state)
        if cash < need:
            high = middle
        else:
            low = middle + 1
    return (low - 1) * lot, -1


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
