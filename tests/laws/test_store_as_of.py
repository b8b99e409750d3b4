"""Law: what was known at an instant never changes when later stories are added."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signals.news import NewsItem
from signals.store import NewsStore
from signals.testing import instants, news_items


@given(news_items(), instants(), st.randoms(use_true_random=False))
def test_later_stories_never_change_what_was_known(items, as_of, shuffler) -> None:
    shuffler.shuffle(items)
    before = NewsStore()
    before.add(item for item in items if item.available_at <= as_of)
    known = list(before.items(as_of))
    before.add(item for item in items if item.available_at > as_of)
    assert list(before.items(as_of)) == known


@given(news_items(), instants())
def test_only_the_latest_version_of_what_was_available_is_known(items, as_of) -> None:
    store = NewsStore()
    report = store.add(items)
    assert report.added == len(items)
    known = list(store.items(as_of))
    assert all(item.available_at <= as_of for item in known)
    assert known == sorted(known, key=lambda item: (item.available_at, item.source, item.item_id))
    # A second, slower way to the same answer: walk the stories' revisions by hand.
    assert {item.item_id for item in known} == _latest(items, as_of)


def _latest(items: list[NewsItem], as_of) -> set[str]:
    story: dict[tuple[str, str], str] = {}
    for item in items:
        origin = item.revision_of or item.item_id
        story[item.source, item.item_id] = story.get((item.source, origin), origin)
    latest: dict[tuple[str, str], NewsItem] = {}
    for item in sorted(items, key=lambda item: (item.available_at, item.item_id)):
        if item.available_at <= as_of:
            latest[item.source, story[item.source, item.item_id]] = item
    return {item.item_id for item in latest.values()}


@given(news_items())
def test_adding_twice_is_adding_once(items) -> None:
    store = NewsStore()
    store.add(items)
    once = store.sha256()
    assert store.add(items).repeated == len(items)
    assert store.sha256() == once
