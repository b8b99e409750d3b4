"""Stories as the data check wants them: their clocks, and what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator

from backtests.inputs import Inputs
from markets.news_clocks import NewsClock
from signals.pipeline import EventReader


def news_clocks(inputs: Inputs, reader: EventReader) -> Iterator[NewsClock]:
    """Yield every story's clocks; one that only reports a move carries the hint ``reaction``."""
    for item in inputs.store.items():
        events = reader.read(item)
        only_reacts = bool(events) and all(event.is_reaction for event in events)
        yield NewsClock(
            item.item_id,
            item.published_at,
            item.first_seen_at,
            item.title,
            frozenset({"reaction"}) if only_reacts else frozenset(),
        )
