"""Hold a user's own part to the laws; generators of stories for tests.

Hypothesis strategies are called generators here. Import this module in tests only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from markets.errors import DataError
from markets.tickers import normalize_ticker
from signals.news import NewsItem, NewsSource, Rejection
from signals.store import NewsStore

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FIRST_INSTANT = datetime(2023, 1, 1, tzinfo=UTC)
LANGUAGE = re.compile(r"^[a-z]{2,3}$")

HEADLINES = (
    "Tencent weighs a bond",
    "Tencent weighs a bond!",
    "Tencent denies that it weighs a bond",
    "Xiaomi liefert mehr Autos aus als je zuvor",
    "小米汽车交付量创下新高",
    "京東：沒有收購計劃",
    "Unrelated weather report",
)


def instants() -> SearchStrategy[datetime]:
    """Generate UTC instants within about a month, often equal ones."""
    minutes = st.integers(min_value=0, max_value=40_000)
    return st.one_of(minutes, st.sampled_from((0, 60, 1_440))).map(
        lambda count: FIRST_INSTANT + timedelta(minutes=count)
    )


def news_items(max_size: int = 10) -> SearchStrategy[list[NewsItem]]:
    """Generate stories with ids that are unique, texts that repeat and clocks that may coincide."""
    fields = st.tuples(
        instants(),
        st.none() | instants(),
        st.sampled_from(("wire", "daily")),
        st.sampled_from(HEADLINES),
        st.sampled_from(("", "Mehr dazu.", "更多")),
        st.integers(min_value=0, max_value=max_size),
        st.sampled_from(((), ("0700.HK",), ("9618.HK", "1810.HK"))),
    )
    return st.lists(fields, max_size=max_size).map(
        lambda rows: [_item(number, *row) for number, row in enumerate(rows)]
    )


def _item(
    number: int,
    published_at: datetime,
    first_seen_at: datetime | None,
    source: str,
    title: str,
    body: str,
    revises: int,
    tickers: tuple[str, ...],
) -> NewsItem:
    return NewsItem(
        item_id=f"n{number}",
        published_at=published_at,
        source=source,
        title=title,
        body=body,
        first_seen_at=first_seen_at,
        # An earlier story of the list, or none where the draw points past it.
        revision_of=f"n{revises}" if revises < number else None,
        tickers=tickers,
        outlets=1 + revises,
    )


def check_news_source(open_source: Callable[[], NewsSource]) -> Sequence[NewsItem]:
    """Hold a news source to what the house relies on, and return its stories.

    Parameters
    ----------
    open_source : callable
        Opens the source anew; called twice.

    Raises
    ------
    DataError
        If two readings differ, an id stands twice, a ticker or language has another spelling than
        the house's, or a story does not come back from a store as it went in.

    Examples
    --------
    >>> class OneStory:
    ...     def read(self):
    ...         yield NewsItem("a", datetime(2025, 9, 12, 1, tzinfo=UTC), "wire", "Cloud grows")
    >>> [item.item_id for item in check_news_source(OneStory)]
    ['a']
    """
    first, second = list(open_source().read()), list(open_source().read())
    if first != second:
        raise DataError("two readings of one source differ")
    items: list[NewsItem] = []
    for item in first:
        if isinstance(item, NewsItem):
            _check_item(item)
            items.append(item)
        elif not isinstance(item, Rejection):
            raise DataError("neither a story nor a rejection", given=type(item).__name__)
    with NewsStore() as store:
        report = store.add(items)
        if report.added != len(items):
            refused = [*report.rejections, "an id that stands twice"][0]
            raise DataError("a story that a store does not take", given=refused)
        if list(store.items()) != sorted(items, key=_order):
            raise DataError("a story does not come back from a store as it went in")
    return items


def _check_item(item: NewsItem) -> None:
    where = f"{item.source}/{item.item_id}"
    for ticker in item.tickers:
        if normalize_ticker(ticker) != ticker:
            raise DataError("a ticker in another spelling", given=ticker, where=where)
    if not LANGUAGE.match(item.language):
        raise DataError("no language", given=item.language, wanted="de, en, zh, und", where=where)
    if not item.item_id or not item.source:
        raise DataError("a story needs an id and a source", where=where)


def _order(item: NewsItem) -> tuple[datetime, str, str]:
    return item.available_at, item.source, item.item_id
