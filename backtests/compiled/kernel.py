"""The kernel: a run session by session, as `backtests.broker.Broker` and `backtests.loop` do it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from backtests.compiled.layout import (
    A_AFTER,
    A_BEFORE,
    A_CASH,
    A_DIVIDEND,
    A_DUE,
    A_FRACTION,
    A_KIND,
    A_SESSION,
    A_TICKER,
    A_TRIP,
    ACTION,
    BAD_LOT,
    BAD_ROOM,
    BAD_TICKER,
    BAD_WIDTH,
    C_CENTS,
    C_DUE,
    C_TICKER,
    C_TRIP,
    CANCELLED,
    CASH,
    CASH_SHORT,
    CLAIM_WIDTH,
    CLAIMS,
    COMPONENTS,
    COST,
    D_CASH,
    D_COST,
    D_HOLDINGS,
    D_INCOME,
    D_TURNOVER,
    DESK_WIDTH,
    EXPIRED,
    F_COSTS,
    F_ORDER,
    F_SESSION,
    F_SHARES,
    F_SIDE,
    F_SIGNAL,
    F_TICKER,
    F_TRIP,
    F_UNITS,
    F_WORTH,
    FAIL,
    FILLED,
    FRESH_AT,
    HEAD,
    HOLDINGS,
    INCOME,
    LOTS,
    N_ACTIONS,
    N_CLOSED,
    N_FILLS,
    N_ORDERS,
    N_TRIPS,
    N_WON,
    NEVER,
    NO_BAR_YET,
    NO_CLOSE_KNOWN,
    NO_TRADE,
    NONE,
    O_CUT,
    O_FILLED,
    O_FILLED_AT,
    O_ID,
    O_REASON,
    O_REMAINING,
    O_SESSION,
    O_SHARES,
    O_SIDE,
    O_SIGNAL,
    O_STATUS,
    O_TICKER,
    OPEN,
    OWED,
    P_CASH,
    P_FOLLOWS,
    P_WAIT,
    PARTIAL,
    PARTICIPATION,
    PAYMENT,
    PENDING,
    PROCEEDS,
    Q_IMPACT,
    Q_PARTICIPATION,
    Q_RESERVE,
    REJECTED,
    REPLACED,
    RUN_ENDS,
    SAFE,
    SHARES,
    SLOTS,
    SPLIT_AWAY,
    STATE_WIDTH,
    T_BOUGHT,
    T_BOUGHT_SHARES,
    T_COST,
    T_ENTERED,
    T_EXITED,
    T_INCOME,
    T_SIGNAL,
    T_SOLD,
    T_SOLD_SHARES,
    T_TICKER,
    TAKEN,
    TODAY,
    TODAY_AT,
    TRIP,
    TRIP_WIDTH,
    TURNOVER,
    UNDER_LOT,
    WAITING,
    WIDEST,
)
from backtests.compiled.policies import (
    standing,
    targets,
    turn,
)
from backtests.compiled.rules import (
    affordable,
    compiled,
    note,
    price,
    stop,
    times,
    worth,
)


@compiled
def end(order, status, reason):
    """End an order; one that filled in part ends as partial whatever stopped it."""
    order[O_STATUS] = PARTIAL if order[O_FILLED] else status
    order[O_REASON] = reason


@compiled
def cut(order, shares, reason):
    """Reduce an order for good; nothing left rejects it."""
    order[O_REMAINING] = shares
    order[O_CUT] = reason
    if shares == 0:
        end(order, REJECTED, reason)
    return shares


@compiled
def new_order(book, state, ticker, side, shares, number, signal):
    """Write an order down; return its row, or -1 where there is no room."""
    state[N_ORDERS] += 1
    row = state[SLOTS]
    if row == len(book.orders):
        stop(state, BAD_ROOM, number, ticker)
        return -1
    state[SLOTS] += 1
    order = book.orders[row]
    order[O_TICKER] = ticker
    order[O_SIDE] = side
    order[O_SHARES] = shares
    order[O_SESSION] = number
    order[O_SIGNAL] = signal
    order[O_STATUS] = OPEN
    order[O_REASON] = NONE
    order[O_CUT] = NONE
    order[O_REMAINING] = shares
    order[O_FILLED] = 0
    order[O_FILLED_AT] = -1
    order[O_ID] = state[N_ORDERS]
    return row


@compiled
def decline(book, state, ticker, side, number, signal, reason):
    """Write down an order that was wanted and could not be made."""
    row = new_order(book, state, ticker, side, 0, number, signal)
    if row >= 0:
        end(book.orders[row], REJECTED, reason)


@compiled
def cancel_waiting(book, state, pending, ticker):
    """Cancel the orders of a ticker that still wait."""
    kept = 0
    for place in range(state[PENDING]):
        order = book.orders[pending[place]]
        if order[O_TICKER] == ticker:
            end(order, CANCELLED, REPLACED)
        else:
            pending[kept] = pending[place]
            kept += 1
    state[PENDING] = kept


@compiled
def change_of(world, floats, state, number, ticker, weight, held, equity):
    """Return shares to buy or, negative, to sell, in whole lots unless all is sold."""
    lot = world.lots[number, ticker]
    if lot <= 0:
        stop(state, BAD_LOT, number, ticker)
        return 0
    if weight <= 0.0:
        return -held
    budget = int(weight * float(equity) / (1.0 + floats[Q_RESERVE] / 10_000.0))
    wanted = budget * 100 // (world.marks[number, ticker] * lot) * lot
    change = wanted - held
    return change // lot * lot if change > 0 else -(-change // lot * lot)


@compiled
def decide(world, told, ints, floats, links, book, desk, number, wanted, names, weights, state,
           pending):  # fmt: skip
    """Turn targets into orders for the open of a session, in the order of the targets."""
    for place in range(wanted):
        if world.foreign[names[place]]:
            stop(state, BAD_TICKER, number, names[place])
            return
    equity = state[CASH]
    if number > 0:
        equity += book.days[number - 1, D_HOLDINGS]  # claims among them
    for place in range(wanted):
        ticker, weight = names[place], weights[place]
        held, waiting = desk[SHARES, ticker], desk[WAITING, ticker]
        signal = -1
        if ints[P_FOLLOWS]:
            signal = answers_to(told, links, book, desk, ticker, world.days[number], number)
        if weight > 0.0 and world.marks[number, ticker] <= 0:
            decline(book, state, ticker, 1, number, signal, NO_CLOSE_KNOWN)
            continue
        change = change_of(world, floats, state, number, ticker, weight, held, equity)
        if state[FAIL]:
            return
        if change == waiting and change != 0:
            continue
        if waiting != 0:
            cancel_waiting(book, state, pending, ticker)
        side = 1 if change > 0 else -1
        if change != 0 and number == 0 and not world.fed[ticker]:
            decline(book, state, ticker, side, number, signal, NO_BAR_YET)
        elif change != 0:
            row = new_order(book, state, ticker, side, abs(change), number, signal)
            if row < 0 or state[PENDING] == len(pending):
                stop(state, BAD_ROOM, number, ticker)
                return
            pending[state[PENDING]] = row
            state[PENDING] += 1
        elif waiting == 0 and weight > 0.0 and held == 0:
            decline(book, state, ticker, 1, number, signal, UNDER_LOT)


@compiled
def answers_to(told, links, book, desk, ticker, day, number):
    """Return the signal a ticker's order answers to: of today, else the last that stood."""
    if desk[TODAY_AT, ticker] == number:
        return desk[TODAY, ticker]
    head = standing(told, links, desk, ticker, day)
    if head >= 0:
        return head
    trip = desk[TRIP, ticker]
    return book.trips[trip, T_SIGNAL] if trip >= 0 else -1


@compiled
def holdings(marks, shares, state, number):
    """Return all holdings at their last known closes, and what is owed, in cents."""
    total = state[OWED]
    for ticker in range(len(shares)):
        held = shares[ticker]
        if held:
            mark = max(0, marks[ticker])
            if mark and held > SAFE // mark:
                stop(state, BAD_WIDTH, number, ticker)
                return 0
            total += worth(held, mark)
    if total + state[CASH] > WIDEST:
        stop(state, BAD_WIDTH, number, -1)
    return total


@compiled
def act(world, book, desk, state, pending, claims, session, row):
    """Bring holdings and waiting orders onto the basis after a corporate action."""
    action = world.actions[row]
    ticker, above, below = action[0], action[1], action[2]
    before = desk[SHARES, ticker]
    if before:
        if before > WIDEST // above:
            stop(state, BAD_WIDTH, session, ticker)
            return
        after, spare = before * above // below, before * above % below
        whole, left = times(before, action[4], action[5])
        dividend = before * action[3] + whole + (1 if 2 * left >= action[5] else 0)
        whole, left = times(spare, action[7], action[8])
        fraction = spare * action[6] + whole
        trip, due = desk[TRIP, ticker], action[9]
        at_once = fraction + (dividend if due == NEVER else 0)
        if not add_action(
            book, state, session, ticker, trip, before, after, dividend, fraction, ACTION,
            at_once, due,
        ):  # fmt: skip
            return
        if dividend and due != NEVER:
            if state[CLAIMS] == len(claims):
                stop(state, BAD_ROOM, session, ticker)
                return
            claim = claims[state[CLAIMS]]
            claim[C_TICKER], claim[C_TRIP], claim[C_DUE], claim[C_CENTS] = (
                ticker, trip, due, dividend,
            )  # fmt: skip
            state[CLAIMS] += 1
            state[OWED] += dividend
        book.trips[trip, T_INCOME] += dividend + fraction
        state[INCOME] += dividend + fraction
        state[CASH] += at_once
        desk[SHARES, ticker] = after
        if after == 0:
            end_trip(book, desk, state, ticker, session)
    if above != below:
        for place in range(state[PENDING]):
            order = book.orders[pending[place]]
            if order[O_TICKER] == ticker:
                order[O_REMAINING] = order[O_REMAINING] * above // below
                if order[O_REMAINING] == 0:
                    end(order, REJECTED, SPLIT_AWAY)


@compiled
def add_action(
    book, state, session, ticker, trip, before, after, dividend, fraction, kind, cash, due
):  # fmt: skip
    """Write down a corporate action, or what arrived of one; return whether there was room."""
    if book.record:
        if state[N_ACTIONS] == len(book.actions):
            stop(state, BAD_ROOM, session, ticker)
            return False
        entry = book.actions[state[N_ACTIONS]]
        entry[A_SESSION] = session
        entry[A_TICKER] = ticker
        entry[A_TRIP] = trip + 1
        entry[A_BEFORE] = before
        entry[A_AFTER] = after
        entry[A_DIVIDEND] = dividend
        entry[A_FRACTION] = fraction
        entry[A_KIND] = kind
        entry[A_CASH] = cash
        entry[A_DUE] = due
    state[N_ACTIONS] += 1
    return True


@compiled
def settle(world, book, desk, state, claims, session):
    """Pay the dividends that are due by a session's open."""
    kept = 0
    for place in range(state[CLAIMS]):
        claim = claims[place]
        if claim[C_DUE] > world.days[session]:
            for column in range(CLAIM_WIDTH):
                claims[kept, column] = claim[column]
            kept += 1
            continue
        ticker, held = claim[C_TICKER], desk[SHARES, claim[C_TICKER]]
        state[CASH] += claim[C_CENTS]
        state[OWED] -= claim[C_CENTS]
        if not add_action(
            book, state, session, ticker, claim[C_TRIP], held, held, 0, 0, PAYMENT,
            claim[C_CENTS], NEVER,
        ):  # fmt: skip
            return
    state[CLAIMS] = kept


@compiled
def end_trip(book, desk, state, ticker, session):
    """End a round trip."""
    trip = book.trips[desk[TRIP, ticker]]
    trip[T_EXITED] = session
    desk[TRIP, ticker] = -1
    state[N_CLOSED] += 1
    if trip[T_SOLD] + trip[T_INCOME] > trip[T_BOUGHT] + trip[T_COST]:
        state[N_WON] += 1


@compiled
def allowance(world, floats, desk, session, ticker):
    """Return how many more shares of a ticker may trade in the session."""
    share = int(floats[Q_PARTICIPATION] * world.usual[session, ticker])
    return max(0, share - desk[TAKEN, ticker])


@compiled
def size(world, ints, floats, desk, state, session, order, units, costs):
    """Return how many shares fill, and what that costs where it is known by then, else -1.

    Where fewer fill than wanted, note why in the order.
    """
    ticker, side = order[O_TICKER], order[O_SIDE]
    lot = world.lots[session, ticker]
    if lot <= 0:
        stop(state, BAD_LOT, session, ticker)
        return 0, -1
    held = desk[SHARES, ticker]
    shares = order[O_REMAINING]
    if side < 0 and shares > held:
        shares = cut(order, held, HOLDINGS)
    if floats[Q_PARTICIPATION] > 0.0:
        allowed = allowance(world, floats, desk, session, ticker)
        if shares > allowed:
            shares = allowed
            order[O_REASON] = PARTICIPATION
    if shares % lot and not (side < 0 and shares == held):
        whole = shares // lot * lot
        shares = whole if order[O_REASON] == PARTICIPATION else cut(order, whole, LOTS)
    if shares == 0:
        return 0, -1
    if side > 0:
        most, cost = affordable(
            world, session, ticker, units, shares, lot, state[CASH], costs, state
        )
        return (shares if most >= shares else cut(order, most, CASH_SHORT)), cost
    cost = note(world, session, ticker, side, units, shares, costs, state)
    if state[CASH] + worth(shares, units) < cost:
        return cut(order, 0, PROCEEDS), -1
    return shares, cost


@compiled
def execute(world, ints, floats, book, desk, state, session, order, costs):
    """Fill what can be filled of an order at the open; note what it lacks."""
    order[O_REASON] = NONE
    ticker, side = order[O_TICKER], order[O_SIDE]
    if not world.traded[session + 1, ticker] or world.volumes[session, ticker] <= 0.0:
        order[O_REASON] = NO_TRADE
        return
    wanted = 0
    if floats[Q_IMPACT] > 0.0:
        wanted = order[O_REMAINING]
        if side < 0:
            wanted = min(wanted, desk[SHARES, ticker])
        if floats[Q_PARTICIPATION] > 0.0:
            wanted = min(wanted, allowance(world, floats, desk, session, ticker))
        wanted += desk[TAKEN, ticker]
    units = price(world, ints, floats, session, ticker, side, wanted, state)
    if state[FAIL]:
        return
    shares, cost = size(world, ints, floats, desk, state, session, order, units, costs)
    if state[FAIL] or shares == 0:
        return
    if cost < 0:
        cost = note(world, session, ticker, side, units, shares, costs, state)
    value = worth(shares, units)
    trip = trip_of(book, desk, state, session, order)
    if trip < 0:
        return
    record_fill(book, state, session, order, trip, shares, units, value, costs)
    entry = book.trips[trip]
    entry[T_COST] += cost
    if side > 0:
        entry[T_BOUGHT_SHARES] += shares
        entry[T_BOUGHT] += value
    else:
        entry[T_SOLD_SHARES] += shares
        entry[T_SOLD] += value
    state[CASH] -= side * value + cost
    state[COST] += cost
    state[TURNOVER] += value
    desk[SHARES, ticker] += side * shares
    desk[TAKEN, ticker] += shares
    if desk[SHARES, ticker] == 0:
        end_trip(book, desk, state, ticker, session)
    order[O_REMAINING] -= shares
    order[O_FILLED] += shares
    order[O_FILLED_AT] = session
    if order[O_REMAINING] == 0:
        order[O_STATUS] = PARTIAL if order[O_CUT] else FILLED
        order[O_REASON] = order[O_CUT]


@compiled
def trip_of(book, desk, state, session, order):
    """Return the row of the round trip an order belongs to, a new one for a first purchase."""
    ticker = order[O_TICKER]
    if desk[TRIP, ticker] >= 0:
        return desk[TRIP, ticker]
    row = state[N_TRIPS] if book.record else ticker
    if row == len(book.trips):
        stop(state, BAD_ROOM, session, ticker)
        return -1
    state[N_TRIPS] += 1
    desk[TRIP, ticker] = row
    trip = book.trips[row]
    for column in range(TRIP_WIDTH):
        trip[column] = 0
    trip[T_TICKER] = ticker
    trip[T_ENTERED] = session
    trip[T_EXITED] = -1
    trip[T_SIGNAL] = order[O_SIGNAL]
    return row


@compiled
def record_fill(book, state, session, order, trip, shares, units, value, costs):
    """Write a fill down."""
    if book.record:
        if state[N_FILLS] == len(book.fills):
            stop(state, BAD_ROOM, session, order[O_TICKER])
            return
        fill = book.fills[state[N_FILLS]]
        fill[F_ORDER] = order[O_ID]
        fill[F_TRIP] = trip + 1
        fill[F_SESSION] = session
        fill[F_TICKER] = order[O_TICKER]
        fill[F_SIDE] = order[O_SIDE]
        fill[F_SHARES] = shares
        fill[F_UNITS] = units
        fill[F_WORTH] = value
        fill[F_SIGNAL] = order[O_SIGNAL]
        for component in range(COMPONENTS):
            fill[F_COSTS + component] = costs[component]
    state[N_FILLS] += 1


@compiled
def trade(world, ints, floats, book, desk, state, pending, session, costs, claims):
    """Run a session: corporate actions, sales, purchases, then what may wait no longer."""
    for row in range(world.action_starts[session], world.action_starts[session + 1]):
        act(world, book, desk, state, pending, claims, session, row)
    if state[CLAIMS]:
        settle(world, book, desk, state, claims, session)
    if state[PENDING] == 0:
        return
    for ticker in range(desk.shape[1]):
        desk[TAKEN, ticker] = 0
    for side in (-1, 1):
        for place in range(state[PENDING]):
            order = book.orders[pending[place]]
            if order[O_SIDE] == side and order[O_STATUS] == OPEN:
                execute(world, ints, floats, book, desk, state, session, order, costs)
                if state[FAIL]:
                    return
    sessions = len(world.opens)
    kept = 0
    for place in range(state[PENDING]):
        order = book.orders[pending[place]]
        until = order[O_SESSION] + ints[P_WAIT]
        if order[O_STATUS] == OPEN and until < sessions and session >= until:
            end(order, EXPIRED, order[O_REASON])
        if order[O_STATUS] == OPEN:
            pending[kept] = pending[place]
            kept += 1
    state[PENDING] = kept


@compiled
def close_day(world, book, desk, state, session):
    """Write down an account at the close of a session."""
    day = book.days[session]
    day[D_CASH] = state[CASH]
    day[D_HOLDINGS] = holdings(world.marks[session + 1], desk[SHARES], state, session)
    day[D_COST] = state[COST]
    day[D_TURNOVER] = state[TURNOVER]
    day[D_INCOME] = state[INCOME]
    state[COST] = 0
    state[TURNOVER] = 0
    state[INCOME] = 0
    if book.record:
        for ticker in range(desk.shape[1]):
            book.shares[session, ticker] = desk[SHARES, ticker]


@compiled
def count_waiting(book, desk, state, pending):
    """Count the shares of orders that can still fill, by ticker; sales negative."""
    for ticker in range(desk.shape[1]):
        desk[WAITING, ticker] = 0
    for place in range(state[PENDING]):
        order = book.orders[pending[place]]
        desk[WAITING, order[O_TICKER]] += order[O_SIDE] * order[O_REMAINING]


def _run(stamp: int, keep: bool) -> Any:
    @njit(cache=keep, nogil=True, error_model="numpy", _nrt=False)
    def run(world, told, draws, ints, floats, book, room):
        """Run one trial over a world; what it did stands in the book, its state in the room."""
        sessions, tickers = world.opens.shape
        state, desk, ways, links, pending, names, spare, weights, costs, claims = room
        for cell in range(STATE_WIDTH):
            state[cell] = 0
        # The stamp of the sources is part of what is compiled, and so of the cache's key.
        state[CASH] = ints[P_CASH] + stamp * 0
        for row in range(DESK_WIDTH):
            start = -1 if row in (HEAD, TODAY_AT, FRESH_AT, TRIP) else 0
            for ticker in range(tickers):
                desk[row, ticker] = start
        unread, waited = 0, False
        for number in range(sessions + 1):
            if not book.record and state[PENDING] == 0:
                state[SLOTS] = 0
            unread = turn(told, ints, floats, ways, links, desk, unread, world.days[number], number)
            if waited or state[PENDING]:
                count_waiting(book, desk, state, pending)
                waited = state[PENDING] > 0
            if number >= world.ready:
                wanted = targets(
                    world, told, draws, ints, floats, ways, links, book, desk, number, names,
                    weights, spare, state,
                )  # fmt: skip
                if wanted and state[FAIL] == 0:
                    decide(
                        world, told, ints, floats, links, book, desk, number, wanted, names,
                        weights, state, pending,
                    )  # fmt: skip
            if state[FAIL]:
                return
            if number < sessions:
                trade(world, ints, floats, book, desk, state, pending, number, costs, claims)
                close_day(world, book, desk, state, number)
                if state[FAIL]:
                    return
        for place in range(state[PENDING]):
            book.orders[pending[place], O_REASON] = RUN_ENDS

    return run


@cache
def kernel() -> Any:
    """Return the compiled run; the first call of a machine compiles, later ones load.

    numba keeps compiled code beside the source or, where that cannot be written, in the user's own
    cache folder, never in one that others may write to; where neither can be written, it compiles
    anew. It tells old code from new by the file of the function it keeps, and would miss a change
    in a function called from there: so a digest of all sources of the kernel is compiled in.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py"))))
    stamp = int.from_bytes(digest.digest()[:7])
    try:
        return _run(stamp, True)
    except RuntimeError:  # numba found no folder it may write to
        return _run(stamp, False)
