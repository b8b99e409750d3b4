"""Stories told lately, by ticker and kind: whether an event was told before, and denied."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from signals.events.minhash import Signature, similarity
from signals.events.schema import Event

MAX_STORIES = 64
"""Stories kept open for one (ticker, kind): the one told last the longest ago makes room."""
SAME_WORDS = 0.5
"""Text similarity from which two events of one ticker and kind are one story without a number."""
AMOUNT_TOLERANCE = 0.05
"""Two amounts agree up to this fraction: one outlet rounds, another does not."""
PERCENT_TOLERANCE = 0.11
"""Two percentages agree up to so many points: 5.9 and 6 do not differ by more than rounding."""
ONE_AT_A_TIME = frozenset({"earnings", "guidance", "index_change"})
"""Kinds of which a company has one in a day: other numbers are other lines of the same report."""
RANKS = {"rumoured": 0, "opinion": 0, "reported": 1, "confirmed": 2, "denied": 0}
CONFIRMED = 2
SAME, PERHAPS, OTHER = 1.0, 0.5, 0.0


@dataclass(slots=True)
class Story:
    """What was told of one ticker under one kind.

    Attributes
    ----------
    event : Event
        The first event, or the first that gave a number.
    shape : Signature
        Text of the first item.
    last_at : datetime
        UTC instant of the latest mention.
    mentions : list of int
        Items that told it, by rank of certainty.
    denials : int
        Items that denied it; once there is one, the story is dead until it is confirmed.
    """

    event: Event
    shape: Signature
    last_at: datetime
    mentions: list[int] = field(default_factory=lambda: [0, 0, 0])
    denials: int = 0

    @property
    def is_open_rumour(self) -> bool:
        """True for what was told but neither confirmed nor denied."""
        return not self.denials and not self.mentions[CONFIRMED]


class Stories:
    """Remembers stories for a window and weighs the earlier mentions of an event.

    Parameters
    ----------
    window : timedelta
        How long a story is remembered after its latest mention.
    day : timedelta
        How near two events must be to be perhaps one story without a number or words in common.
    """

    def __init__(self, window: timedelta, day: timedelta) -> None:
        self._window = window
        self._day = day
        self._open: dict[tuple[str, str], OrderedDict[int, Story]] = {}
        self._next_key = 0
        self._swept_at: datetime | None = None

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def forget(self, at: datetime) -> None:
        """Drop every story that was last told before the window."""
        if self._swept_at is not None and at - self._swept_at < self._day:
            return
        self._swept_at = at
        for key, stories in list(self._open.items()):
            _drop_old(stories, at - self._window)
            if not stories:
                del self._open[key]

    def novelty(self, event: Event, shape: Signature, at: datetime) -> float:
        """Return the event's novelty, 0 to 1: the lowest over its tickers."""
        return min(self._novelty(key, event, shape, at) for key in _keys(event))

    def remember(self, events: Sequence[Event], shape: Signature, at: datetime) -> None:
        """Count one item's events as told; a story is counted once an item."""
        counted: set[int] = set()
        for event in events:
            for key in _keys(event):
                if event.certainty == "denied":
                    self._deny(key, event, shape, at, counted)
                else:
                    self._tell(key, event, shape, at, counted)

    def _novelty(self, key: tuple[str, str], event: Event, shape: Signature, at: datetime) -> float:
        alike = list(self._alike(key, event, at))
        if event.certainty == "denied":
            if any(story.is_open_rumour for _, story in alike):
                return 1.0
            return 1 / (1 + max((story.denials for _, story in alike), default=0))
        rank = RANKS[event.certainty]
        if any(story.denials for _, story in alike):
            return 1.0 if rank == CONFIRMED else 0.0
        found = self._best(key, event, shape, at)
        if found is None:
            return 1.0
        likeness, _, story = found
        mentions = sum(
            count if level >= rank else count / 2 for level, count in enumerate(story.mentions)
        )
        return 1 / (1 + likeness * mentions)

    def _tell(
        self,
        key: tuple[str, str],
        event: Event,
        shape: Signature,
        at: datetime,
        counted: set[int],
    ) -> None:
        rank = RANKS[event.certainty]
        denied = [found for found in self._alike(key, event, at) if found[1].denials]
        if denied and rank < CONFIRMED:
            number, story = denied[-1]
        else:
            for dead, _ in denied:  # what was denied and is confirmed now is a new story
                del self._open[key][dead]
            number, story = self._same_or_new(key, event, shape, at)
        if number not in counted:
            counted.add(number)
            story.mentions[rank] += 1
        if story.event.amount is None and story.event.magnitude_pct is None:
            story.event = event
        story.last_at = at
        self._open[key].move_to_end(number)

    def _same_or_new(
        self, key: tuple[str, str], event: Event, shape: Signature, at: datetime
    ) -> tuple[int, Story]:
        found = self._best(key, event, shape, at)
        if found is None or found[0] < SAME:
            return self._begin(key, event, shape, at)
        return found[1], found[2]

    def _deny(
        self,
        key: tuple[str, str],
        event: Event,
        shape: Signature,
        at: datetime,
        counted: set[int],
    ) -> None:
        hit = [
            (number, story)
            for number, story in self._alike(key, event, at)
            if story.denials or story.is_open_rumour
        ]
        for number, story in hit or [self._begin(key, event, shape, at)]:
            if number not in counted:
                counted.add(number)
                story.denials += 1
            story.last_at = at
            self._open[key].move_to_end(number)

    def _begin(
        self, key: tuple[str, str], event: Event, shape: Signature, at: datetime
    ) -> tuple[int, Story]:
        stories = self._open.setdefault(key, OrderedDict())
        if len(stories) >= MAX_STORIES:
            stories.popitem(last=False)
        number = self._next_key
        self._next_key += 1
        stories[number] = story = Story(event, shape, at)
        return number, story

    def _alike(
        self, key: tuple[str, str], event: Event, at: datetime
    ) -> Iterator[tuple[int, Story]]:
        """Yield the stories of this ticker and kind from which no number tells the event apart."""
        stories = self._open.get(key)
        if not stories:
            return
        _drop_old(stories, at - self._window)
        for number, story in list(stories.items()):
            if not differ(event, story.event):
                yield number, story

    def _best(
        self, key: tuple[str, str], event: Event, shape: Signature, at: datetime
    ) -> tuple[float, int, Story] | None:
        """Return the likeliest story, of equals the latest, with how like it is."""
        stories = self._open.get(key)
        if not stories:
            return None
        _drop_old(stories, at - self._window)
        best: tuple[float, int, Story] | None = None
        for number, story in reversed(stories.items()):
            if story.denials:
                continue
            likeness = self._likeness(event, shape, at, story)
            if likeness > (best[0] if best else OTHER):
                best = (likeness, number, story)
            if likeness == SAME:
                break
        return best

    def _likeness(self, event: Event, shape: Signature, at: datetime, story: Story) -> float:
        near = PERHAPS if at - story.last_at <= self._day else OTHER
        if differ(event, story.event):
            return near if event.kind in ONE_AT_A_TIME else OTHER
        if _agree(event, story.event) or similarity(shape, story.shape) >= SAME_WORDS:
            return SAME
        return near


def _keys(event: Event) -> list[tuple[str, str]]:
    return [(ticker, event.kind) for ticker in event.tickers or ("",)]


def _drop_old(stories: OrderedDict[int, Story], before: datetime) -> None:
    while stories:
        number, story = next(iter(stories.items()))
        if story.last_at >= before:
            return
        del stories[number]


def _agree(one: Event, other: Event) -> bool:
    """Tell whether both give a number and it is the same."""
    return _amounts(one, other) is True or _percents(one, other) is True


def differ(one: Event, other: Event) -> bool:
    """Tell whether a number, or the house that rates, sets them apart."""
    if one.kind == "analyst" and one.source and other.source and one.source != other.source:
        return True
    return not _agree(one, other) and (
        _amounts(one, other) is False or _percents(one, other) is False
    )


def _amounts(one: Event, other: Event) -> bool | None:
    """Compare amounts of one currency; None where they cannot be compared."""
    if one.amount is None or other.amount is None or one.currency != other.currency:
        return None
    largest = max(abs(one.amount), abs(other.amount))
    return abs(one.amount - other.amount) <= AMOUNT_TOLERANCE * largest


def _percents(one: Event, other: Event) -> bool | None:
    if one.magnitude_pct is None or other.magnitude_pct is None:
        return None
    return abs(one.magnitude_pct - other.magnitude_pct) <= PERCENT_TOLERANCE
