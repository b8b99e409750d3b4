"""Cut: an instant at which the audit takes the future away, and what was decided before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from backtests.inputs import Inputs
from signals.training import FoldReport


@dataclass(frozen=True, slots=True)
class Cut:
    """A decision, and the last things that were known when it was taken.

    Attributes
    ----------
    session : date
        Decisions for this session, and all before, are compared.
    known_session : date
        The last session whose bars were known: the one before.
    instant : datetime
        UTC cut-off of the session: the last instant at which a story still counts.
    """

    session: date
    known_session: date
    instant: datetime


def cut_at(inputs: Inputs, session: date) -> Cut:
    """Return the cut of a session's decision."""
    calendar = inputs.calendar
    return Cut(session, calendar.previous_session(session), inputs.clock.cutoff_at(session))


def choose_cuts(
    inputs: Inputs, sessions: Sequence[date], folds: Sequence[FoldReport], count: int, seed: int
) -> tuple[Cut, ...]:
    """Choose cuts spread over the out-of-sample span.

    Every other one is the first decision of a test window, where a training row whose outcome was
    not known in time would show; the rest lie inside a window, where anything fitted on the
    window's own later rows would. Seeded.

    Parameters
    ----------
    inputs : Inputs
        Of the run.
    sessions : sequence of date
        Sessions with out-of-sample decisions, ascending.
    folds : sequence of FoldReport
        Test windows.
    count, seed : int
        How many, and which.
    """
    draws = np.random.default_rng([seed, 101])
    windows = []
    for fold in folds:
        inside = [day for day in sessions if fold.test_start <= day <= fold.test_end]
        if inside:
            windows.append(inside)
    places = np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int)
    found: set[date] = set()
    for number, place in enumerate(places.tolist()):
        inside = windows[place]
        if number % 2 or len(windows) == 1:
            found.add(inside[0])
        else:
            low, high = len(inside) // 3, max(len(inside) // 3 + 1, 2 * len(inside) // 3)
            found.add(inside[int(draws.integers(low, min(high, len(inside))))])
    while len(found) < min(count, len(sessions)):
        found.add(sessions[int(draws.integers(len(sessions)))])
    return tuple(cut_at(inputs, day) for day in sorted(found))


def drawn_days(days: Sequence[date], count: int, seed: int) -> list[date]:
    """Return one day drawn from each of `count` equal parts of `days`; all if there are no more.

    Evenly spread days would miss what comes evenly spread itself; see `chance_of_meeting`.

    Parameters
    ----------
    days : sequence of date
        Ascending, without repeats.
    count, seed : int
        How many, and which. A day on the border of two parts may be drawn for both.
    """
    if count >= len(days):
        return list(days)
    within = np.random.default_rng([seed, 103]).random(count)
    places = (np.arange(count) + within) * len(days) / count
    return sorted({days[place] for place in places.astype(int).tolist()})


def chance_of_meeting(share: float, count: int, among: int) -> float:
    """Return the least chance that one of `drawn_days` is a day of a leak.

    ``1 - (1 - share)**count``, whatever the days are, so they were fixed before the draw: with a
    share q_i of the i-th part the leak is missed with the product of all 1 - q_i, which is largest
    where all q_i are equal. 1 where every day is compared.

    Parameters
    ----------
    share : float
        Of the days, in [0, 1], on which the leak acts.
    count, among : int
        Days that are drawn, and from how many.

    Examples
    --------
    >>> round(chance_of_meeting(1 / 20, 59, 700), 3), chance_of_meeting(1 / 20, 59, 40)
    (0.952, 1.0)
    """
    return 1.0 if count >= among else 1.0 - (1.0 - share) ** count
