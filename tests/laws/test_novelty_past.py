"""Law: novelty depends on the past alone, and lies between 0 and 1."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from signals.events.novelty import NoveltyTracker, Sighting
from signals.events.schema import CERTAINTIES, Event
from signals.news import NewsItem
from signals.testing import news_items


@st.composite
def tapes(draw: st.DrawFn) -> list[tuple[NewsItem, list[Event]]]:
    """Stories in order of their clocks, each with up to three events that often share keys."""
    items = draw(news_items(max_size=25))
    items.sort(key=lambda item: (item.available_at, item.source, item.item_id))
    return [
        (item, [_event(draw, item, n) for n in range(draw(st.integers(0, 3)))]) for item in items
    ]


def _event(draw: st.DrawFn, item: NewsItem, number: int) -> Event:
    return Event(
        event_id=f"{item.item_id}-{number}",
        item_id=item.item_id,
        sentence=number,
        kind=draw(st.sampled_from(("mna", "earnings", "analyst"))),
        tickers=draw(st.sampled_from(((), ("0700.HK",), ("0700.HK", "9618.HK")))),
        polarity=0.0,
        certainty=draw(st.sampled_from(CERTAINTIES)),
        available_at=item.available_at,
        rule_id="en:mna:law",
        amount=draw(st.sampled_from((None, 1e9, 1.02e9, 5e9))),
        currency="USD",
        magnitude_pct=draw(st.sampled_from((None, 5.9, 6.0, -20.0))),
        source=draw(st.sampled_from((None, "Jefferies", "Nomura"))),
    )


def _sight(tape: list[tuple[NewsItem, list[Event]]]) -> list[Sighting]:
    tracker = NoveltyTracker(timedelta(days=5))
    return [tracker.sight(item, events) for item, events in tape]


@given(tapes(), st.integers(min_value=0, max_value=25))
def test_what_comes_later_never_changes_novelty(tape, cut) -> None:
    assert _sight(tape)[:cut] == _sight(tape[:cut])


@given(tapes())
def test_novelty_is_a_share_and_the_first_report_is_new(tape) -> None:
    told: set[tuple[str, str]] = set()
    for (_, events), sighting in zip(tape, _sight(tape), strict=True):
        for before, after in zip(events, sighting.events, strict=True):
            assert 0.0 <= after.novelty <= 1.0
            keys = {(ticker, before.kind) for ticker in before.tickers or ("",)}
            if sighting.copy_of is None and not keys & told:
                assert after.novelty == 1.0
        told |= {(ticker, event.kind) for event in events for ticker in event.tickers or ("",)}


@given(tapes())
def test_only_novelty_is_set(tape) -> None:
    for (_, events), sighting in zip(tape, _sight(tape), strict=True):
        for before, after in zip(events, sighting.events, strict=True):
            assert {**before.as_dict(), "novelty": 0} == {**after.as_dict(), "novelty": 0}
