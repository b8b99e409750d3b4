"""Speed of the rulebook: a million notes against the scalar path, a million calendar look-ups.

Run with ``python benchmarks/rulebook.py``; exits 1 if a promise is broken.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd

from markets.calendar import DecisionClock, hong_kong_calendar
from markets.costs import COMPONENTS, CostSchedule

N = 1_000_000
# The scalar path is timed on a sample: its cost is a constant per note.
SAMPLE = 20_000
REPEATS = 3


def best(run: Callable[[], object]) -> float:
    """Return the shortest of a few runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def notes_ratio() -> float:
    """Return how many times faster a million notes are together than one by one."""
    generator = np.random.default_rng(20250912)
    sessions = np.datetime64("2010-01-01") + generator.integers(0, 6_000, N)
    prices = np.round(generator.uniform(1, 600, N), 2)
    shares = generator.integers(1, 100, N) * 100
    schedule = CostSchedule()
    together = best(lambda: schedule.notes(sessions=sessions, prices=prices, shares=shares))
    rows = list(
        zip(
            sessions[:SAMPLE].tolist(),
            prices[:SAMPLE].tolist(),
            shares[:SAMPLE].tolist(),
            strict=True,
        )
    )

    def one_by_one() -> list[object]:
        return [
            schedule.note(session=session, side="buy", price=price, shares=count)
            for session, price, count in rows
        ]

    alone = best(one_by_one) * N / SAMPLE
    found = schedule.notes(
        sessions=sessions[:SAMPLE], prices=prices[:SAMPLE], shares=shares[:SAMPLE]
    )
    notes = one_by_one()
    for name in COMPONENTS:
        cents = [int(getattr(note, name) * 100) for note in notes]
        assert cents == getattr(found, name).tolist(), name
    print(
        f"notes      {together:7.3f} s together  {alone:7.3f} s one by one  x{alone / together:.0f}"
    )
    return alone / together


def look_up_seconds() -> float:
    """Return the slower of the two vectorized look-ups of a million instants, in seconds."""
    generator = np.random.default_rng(20250912)
    micros = generator.integers(1_262_304_000_000_000, 1_798_761_600_000_000, N)
    instants = pd.DatetimeIndex(micros.view("datetime64[us]"), tz="UTC")
    calendar = hong_kong_calendar()
    clock = DecisionClock(calendar)
    calendar.first_tradables(instants[:1])
    effective = best(lambda: clock.effective_sessions(instants))
    tradable = best(lambda: calendar.first_tradables(instants, timedelta(seconds=60)))
    print(f"sessions   {effective:7.3f} s effective  {tradable:7.3f} s first tradable")
    return max(effective, tradable)


def main() -> int:
    """Print the measures; return 1 if a promise is broken."""
    ratio, seconds = notes_ratio(), look_up_seconds()
    kept = ratio >= 100 and seconds <= 1
    print("promises kept" if kept else "a promise is broken: notes x100, look-ups 1 s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
