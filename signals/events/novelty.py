"""How new an event is: near copies, retellings of the same story, and rumours that were denied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from markets.errors import LeakError
from signals.events.copies import Copies, Text
from signals.events.schema import Event
from signals.events.stories import Stories, differ
from signals.news import NewsItem

WINDOW = timedelta(days=7)
"""How long a story stays known after it was last told."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the tracker says of one item, from earlier items alone.

    Attributes
    ----------
    events : tuple of Event
        The item's events with their novelty.
    copy_of : str or None
        Id of the first item with nearly this text, None if this is the first.
    copies : int
        Earlier items with nearly this text.
    age : timedelta
        Since the first of them became available; zero for a first one.
    outlets : int
        Outlets that carried it so far, this one among them.
    """

    events: tuple[Event, ...]
    copy_of: str | None
    copies: int
    age: timedelta
    outlets: int


class NoveltyTracker:
    """Sees stories in the order in which they became available and says how new their events are.

    An event's novelty is ``1 / (1 + w)``, with `w` the weight of its earlier mentions by other
    items in the window. A mention weighs 1 if it told the same story with as much certainty; half
    if it was less certain (a rumour, before its confirmation); and half again if it may be another
    story (same ticker and kind within a day, other words, no number in common). So a first report
    has 1, its first repeat 0.5, its second 0.33, the confirmation of one rumour 0.67.

    - Same story: same ticker and kind, and an amount or percentage agrees, or the words do.
    - A near copy of an earlier text repeats what that text said of the same tickers, whatever kind
      it is read as, unless a number changed or one of the two denies it.
    - A denial cancels the open rumours of its ticker and kind. From then on rumours and reports
      that no number sets apart from them have novelty 0, and a confirmation has 1. The denial
      itself is as new as the denials before it leave it.

    Parameters
    ----------
    window : timedelta
        How long a story stays known after it was last told. Memory is bounded by it.
    day : timedelta
        How near two events of one ticker and kind must be to be perhaps one story without a number
        or words in common.
    threshold : float
        Text similarity (Jaccard, estimated) from which two texts are near copies.

    Notes
    -----
    Only earlier items matter: what comes later never changes an answer. The cost of an item does
    not grow with the number of items before it.

    Examples
    --------
    >>> from datetime import UTC
    >>> def told(title, hour, certainty):
    ...     at = datetime(2025, 9, 1, hour, tzinfo=UTC)
    ...     event = Event(title, title, 0, "mna", ("9999.HK",), 0.5, certainty, at, "")
    ...     return NewsItem(title, at, "wire", title), [event]
    >>> tracker = NoveltyTracker()
    >>> for story in (told("Talks", 1, "rumoured"), told("No talks", 2, "denied"),
    ...               told("Talks go on", 3, "rumoured"), told("Signed", 4, "confirmed")):
    ...     print(tracker.see(*story)[0].novelty)
    1.0
    1.0
    0.0
    1.0
    """

    def __init__(
        self,
        window: timedelta = WINDOW,
        *,
        day: timedelta = timedelta(days=1),
        threshold: float = 0.7,
    ) -> None:
        self._copies = Copies(window, threshold)
        self._stories = Stories(window, day)
        self._last_at: datetime | None = None

    def see(self, item: NewsItem, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return the item's events with their novelty.

        Raises
        ------
        LeakError
            If the item became available before one that was seen already.
        """
        return self.sight(item, events).events

    def sight(self, item: NewsItem, events: Sequence[Event]) -> Sighting:
        """Return the item's events with their novelty, and what is known of its text.

        Raises
        ------
        LeakError
            If the item became available before one that was seen already.
        """
        at = self._advance(item)
        text = self._copies.see(item)
        judged = tuple(replace(event, novelty=self._novelty(event, text, at)) for event in events)
        self._stories.remember(judged, text.shape, at)
        if not text.copies:
            text.events = judged
        return Sighting(
            judged,
            copy_of=text.item_id if text.copies else None,
            copies=text.copies,
            age=at - text.first_at,
            outlets=text.outlets,
        )

    def _advance(self, item: NewsItem) -> datetime:
        at = item.available_at
        if self._last_at is not None and at < self._last_at:
            raise LeakError(
                "novelty needs stories in the order in which they became available",
                given=f"{item.item_id}, available at {at.isoformat()}",
                wanted=f"at or after {self._last_at.isoformat()}",
            )
        self._last_at = at
        self._stories.forget(at)
        return at

    def _novelty(self, event: Event, text: Text, at: datetime) -> float:
        told = self._stories.novelty(event, text.shape, at)
        if text.copies and any(_repeats(event, before) for before in text.events):
            return min(told, 1 / (1 + text.copies))
        return told


def _repeats(event: Event, before: Event) -> bool:
    """Tell whether an event in a near copy is what the first text said."""
    denial = (event.certainty == "denied") != (before.certainty == "denied")
    shared = set(event.tickers) & set(before.tickers) or not (event.tickers or before.tickers)
    return bool(shared) and not denial and not differ(event, before)
