"""The kernel: a run session by session, as `backtests.broker.Broker` and `backtests.loop` do it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from backtests.compiled import codes as c
from backtests.compiled.orders import decide
from backtests.compiled.policies import targets, turn
from backtests.compiled.rules import compiled
from backtests.compiled.sessions import close_day, count_waiting, trade


@compiled
def begin(ints, room):
    """Clear the room for a run."""
    for cell in range(c.STATE_WIDTH):
        room.state[cell] = 0
    room.state[c.CASH] = ints[c.P_CASH]
    for ticker in range(len(room.desk)):
        for column in range(c.DESK_WIDTH):
            room.desk[ticker, column] = 0
        room.desk[ticker, c.HEAD] = -1
        room.desk[ticker, c.UNTIL] = c.AT_ONCE
        room.desk[ticker, c.TODAY_AT] = -1
        room.desk[ticker, c.TRIP] = -1


def _run(stamp: int, keep: bool, shorts: bool) -> Any:
    @njit(cache=keep, nogil=True, error_model="numpy", _nrt=False)
    def run(world, told, draws, ints, floats, book, room, first, last):
        """Run the sessions `first` to `last` (left out) of a trial; -1 begins it.

        What a trial did stands in the book, its state in the room: it can go on from there. The
        session after the run, which is decided for only, is one of its sessions.
        """
        sessions, state = len(world.opens), room.state
        if first < 0:
            # The stamp of the sources is part of what is compiled, and so of the cache's key.
            begin(ints, room)
            state[c.CASH] += stamp * 0
        for number in range(max(0, first), last):
            if not book.record and state[c.PENDING] == 0:
                state[c.SLOTS] = 0
            turn(told, ints, floats, room, number, shorts)
            if number >= world.ready:
                wanted = targets(world, told, draws, ints, floats, book, room, number, shorts)
                if wanted and state[c.FAIL] == 0:
                    decide(world, told, ints, floats, book, room, number, wanted, shorts)
            if number < sessions and state[c.FAIL] == 0:
                trade(world, ints, floats, book, room, number, shorts)
                if state[c.PENDING] or state[c.WAITED]:
                    count_waiting(book, room)
                close_day(world, book, room, number, shorts)
            if state[c.FAIL]:
                return
        if last > sessions:
            for place in range(state[c.PENDING]):
                book.orders[room.pending[place], c.O_REASON] = c.RUN_ENDS

    return run


@cache
def kernel(shorts: bool) -> Any:
    """Return the compiled run; the first call of a machine compiles, later ones load.

    `shorts` is a constant in it: what sells nothing short pays for no rule of short sales.

    numba keeps compiled code beside the source or, where that cannot be written, in the user's own
    cache folder, never in one that others may write to; where neither can be written, it compiles
    anew. It tells old code from new by the file of the function it keeps, and would miss a change
    in a function called from another: so a digest of all sources of the kernel is compiled in.
    """
    stamp = stamp_of(sorted(Path(__file__).parent.glob("*.py")))
    try:
        return _run(stamp, True, shorts)
    except RuntimeError:  # numba found no folder it may write to
        return _run(stamp, False, shorts)


def stamp_of(sources: Iterable[Path]) -> int:
    """Return a number that differs where one byte of the sources does."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources))
    return int.from_bytes(digest.digest()[:7])
