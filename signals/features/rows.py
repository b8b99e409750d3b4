"""Rows: fresh stories pooled by the session they can still reach and by ticker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from markets.calendar import DecisionClock
from signals.events.schema import Event
from signals.features.base import Row
from signals.news import NewsItem

Reading = tuple[NewsItem, tuple[Event, ...]]
Universe = Callable[[date], frozenset[str]] | Mapping[date, frozenset[str]]


@dataclass(slots=True)
class _Pool:
    items: list[NewsItem] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def rows_of(
    read: Iterable[Reading], clock: DecisionClock, universe: Universe | None = None
) -> list[Row]:
    """Pool stories by (effective session, ticker).

    Parameters
    ----------
    read : iterable of (NewsItem, tuple of Event)
        Stories and what was read in them, in any order.
    clock : DecisionClock
        Says which session a story can still reach.
    universe : callable or mapping, optional
        Session → tickers that may be decided on in it; by default every ticker. A mapping's missing
        session has no tickers.

    Returns
    -------
    list of Row
        Sorted by (decision_at, ticker). A story makes a row for each ticker that one of its events
        is about or that its source names. A later story never changes an earlier row.
    """
    reading = [pair for pair in read if pair[0].tickers or any(e.tickers for e in pair[1])]
    reading.sort(key=lambda pair: (pair[0].available_at, pair[0].source, pair[0].item_id))
    if not reading:
        return []
    instants = pd.DatetimeIndex([item.available_at for item, _ in reading])
    sessions: list[date] = clock.effective_sessions(instants).astype("datetime64[D]").tolist()
    pools: dict[tuple[date, str], _Pool] = {}
    for session, (item, events) in zip(sessions, reading, strict=True):
        members = _members(universe, session)
        for ticker in sorted({*item.tickers, *(t for event in events for t in event.tickers)}):
            if members is not None and ticker not in members:
                continue
            pool = pools.setdefault((session, ticker), _Pool())
            pool.items.append(item)
            pool.events.extend(event for event in events if _names(event, ticker))
    return [
        Row(clock.decision_at(session), session, ticker, tuple(pool.items), tuple(pool.events))
        for (session, ticker), pool in sorted(pools.items(), key=lambda entry: entry[0])
    ]


def _names(event: Event, ticker: str) -> bool:
    return ticker in event.tickers or ticker in event.related_tickers


def _members(universe: Universe | None, session: date) -> frozenset[str] | None:
    if universe is None:
        return None
    if isinstance(universe, Mapping):
        return universe.get(session, frozenset())
    return universe(session)
