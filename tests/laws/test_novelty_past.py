"""Law: novelty depends on the past alone, and lies between 0 and 1."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from signals.events.novelty import NoveltyTracker, Sighting
from signals.events.schema import CERTAINTIES, Certainty, Event, Kind
from signals.news import NewsItem
from signals.testing import news_items

EVENTS = st.tuples(
    st.sampled_from(("mna", "earnings", "analyst")),
    st.sampled_from(((), ("0700.HK",), ("0700.HK", "9618.HK"))),
    st.sampled_from(CERTAINTIES),
    st.sampled_from((None, 1e9, 1.02e9, 5e9)),
    st.sampled_from((None, 5.9, 6.0, -20.0)),
    st.sampled_from((None, "Jefferies", "Nomura")),
)


def tapes() -> st.SearchStrategy[list[tuple[NewsItem, list[Event]]]]:
    """Stories in order of their clocks, each with up to two events that often share keys."""
    events = st.lists(st.lists(EVENTS, max_size=2), min_size=10, max_size=10)
    return st.tuples(news_items(), events).map(lambda parts: _tape(*parts))


def _tape(items: list[NewsItem], drawn: list[list[Any]]) -> list[tuple[NewsItem, list[Event]]]:
    items = sorted(items, key=lambda item: (item.available_at, item.source, item.item_id))
    return [
        (item, [_event(item, number, *fields) for number, fields in enumerate(rows)])
        for item, rows in zip(items, drawn, strict=False)
    ]


def _event(
    item: NewsItem,
    number: int,
    kind: Kind,
    tickers: tuple[str, ...],
    certainty: Certainty,
    amount: float | None,
    percent: float | None,
    source: str | None,
) -> Event:
    return Event(
        event_id=f"{item.item_id}-{number}",
        item_id=item.item_id,
        sentence=number,
        kind=kind,
        tickers=tickers,
        polarity=0.0,
        certainty=certainty,
        available_at=item.available_at,
        rule_id="en:mna:law",
        amount=amount,
        currency="USD",
        magnitude_pct=percent,
        source=source,
    )


def _sight(tape: list[tuple[NewsItem, list[Event]]]) -> list[Sighting]:
    tracker = NoveltyTracker(timedelta(days=5))
    return [tracker.sight(item, events) for item, events in tape]


@given(tapes(), st.integers(min_value=0, max_value=10))
def test_what_comes_later_never_changes_novelty(tape, cut) -> None:
    assert _sight(tape)[:cut] == _sight(tape[:cut])


@given(tapes())
def test_novelty_is_a_share_and_the_first_report_is_new(tape) -> None:
    told: set[tuple[str, str]] = set()
    for (_, events), sighting in zip(tape, _sight(tape), strict=True):
        for before, after in zip(events, sighting.events, strict=True):
            assert 0.0 <= after.novelty <= 1.0
            assert after == replace(before, novelty=after.novelty)
            keys = {(ticker, before.kind) for ticker in before.tickers or ("",)}
            if sighting.copy_of is None and not keys & told:
                assert after.novelty == 1.0
        told |= {(ticker, event.kind) for event in events for ticker in event.tickers or ("",)}
