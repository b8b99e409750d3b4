"""When planned stories come out: at night, before the open, in trading, at lunch, on days off."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from markets.clock import end_of_day, hong_kong
from markets.sources.synthetic.draws import Stream

# Slots of the window between two cut-offs: (weight, from, to) in minutes of the Hong Kong day. All
# but the last lie on the day of the session before; the weights are parts of 100.
_BEFORE_OPEN_LATE = (4, 9 * 60 + 2, 9 * 60 + 28)
_MORNING = (14, 9 * 60 + 30, 12 * 60)
_LUNCH = (7, 12 * 60, 13 * 60)
_AFTERNOON = (17, 13 * 60, 16 * 60)
_EVENING = (30, 16 * 60 + 8, 23 * 60 + 59)
_NIGHT = (28, 5, 8 * 60 + 40)
_DAY_SLOTS = (_BEFORE_OPEN_LATE, _MORNING, _LUNCH, _AFTERNOON, _EVENING, _NIGHT)
# A reaction cannot come out before there was a move to report.
_REACTION_SLOTS = (_LUNCH, _AFTERNOON, _EVENING, _NIGHT)

_DAY_OFF_PERCENT = 30
_DATE_ONLY_PERCENT = 5
_SEEN_LATER_PERCENT = 25
_ENRICHED_PERCENT = 8
_LONGEST_DELAY_MINUTES = 150


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of one story, UTC; `available_at` is the latest of them."""

    published_at: datetime
    available_at: datetime
    first_seen_at: datetime | None = None
    enriched_at: datetime | None = None
    date_only: bool = False


class Timetable:
    """Draws clocks that make a story effective in a wanted session.

    Parameters
    ----------
    seed : int
        The world's seed.
    name : str
        Names the stream of draws.
    sessions : sequence of date
        The sessions of the world.
    """

    def __init__(self, seed: int, name: str, sessions: Sequence[date]) -> None:
        self._stream = Stream(seed, f"timing/{name}")
        self._sessions = sessions

    def clocks(self, position: int, *, reaction: bool = False) -> Clocks:
        """Return clocks whose latest lies between the cut-offs of two neighboring sessions.

        Parameters
        ----------
        position : int
            Position of the wanted effective session, at least 1.
        reaction : bool
            True for a report of the move of the session before it.
        """
        draws = self._stream.integers(7, below=10_000).tolist()
        before, effective = self._sessions[position - 1], self._sessions[position]
        days_off = (effective - before).days - 1
        if draws[0] % 100 < _DATE_ONLY_PERCENT:
            day = before + timedelta(days=draws[1] % (days_off + 1))
            return Clocks(
                published_at=end_of_day(day), available_at=end_of_day(day), date_only=True
            )
        if days_off and draws[2] % 100 < _DAY_OFF_PERCENT:
            day, minutes = before + timedelta(days=1 + draws[1] % days_off), draws[3] % 1440
        else:
            slots = _REACTION_SLOTS if reaction else _DAY_SLOTS
            slot = slots[_pick([weight for weight, _, _ in slots], draws[4])]
            minutes = slot[1] + draws[3] % (slot[2] - slot[1])
            day = effective if slot is _NIGHT else before
        clock = time(minutes // 60, minutes % 60, draws[5] % 60)
        return _with_delays(hong_kong(day, clock), draws[6], draws[5], reaction)


def _with_delays(available_at: datetime, draw: int, length: int, reaction: bool) -> Clocks:
    """Let the outlet's own stamp lie before the instant at which the story was to be had."""
    delay = timedelta(minutes=1 + length % _LONGEST_DELAY_MINUTES)
    kind = draw % 100
    if reaction or kind >= _SEEN_LATER_PERCENT + _ENRICHED_PERCENT:
        return Clocks(published_at=available_at, available_at=available_at)
    published_at = available_at - delay
    if kind < _SEEN_LATER_PERCENT:
        return Clocks(published_at, available_at, first_seen_at=available_at)
    return Clocks(published_at, available_at, published_at + delay / 4, available_at)


def _pick(weights: Sequence[int], draw: int) -> int:
    bounds = list(accumulate(weights))
    return bisect_right(bounds, draw % bounds[-1])
