"""The straight line, in order: stories, readings, rows, features, labels, answers, signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from signals.decisions import decide
from signals.events.schema import Event
from signals.features.build import build_features
from signals.features.rows import Reading, rows_of
from signals.labels import label
from signals.news import NewsItem
from signals.training import walk_forward

__all__ = ["build_features", "decide", "label", "read_events", "rows_of", "walk_forward"]


class EventReader(Protocol):
    """What reads the events of one story, knowing nothing of any other."""

    def read(self, item: NewsItem) -> tuple[Event, ...]:
        """Return the story's events, each with novelty 1."""
        ...


class EventTracker(Protocol):
    """What knows the stories so far, and so which events are new."""

    def see(self, item: NewsItem, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return the events with their novelty; called in order of `available_at`."""
        ...


def read_events(
    items: Iterable[NewsItem], reader: EventReader, tracker: EventTracker
) -> list[Reading]:
    """Read every story and set its events against what was known before it.

    Parameters
    ----------
    items : iterable of NewsItem
        In any order: they are seen in order of (available_at, source, item_id).
    reader : EventReader
        Reads one story.
    tracker : EventTracker
        Compares with the stories before.

    Returns
    -------
    list of (NewsItem, tuple of Event)
        In that order. A later story changes nothing of an earlier one.
    """
    ordered = sorted(items, key=lambda item: (item.available_at, item.source, item.item_id))
    return [(item, tracker.see(item, reader.read(item))) for item in ordered]
