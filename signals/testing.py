"""Hold a user's own part to the laws; generators of stories for tests.

Hypothesis strategies are called generators here. Import this module in tests only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from markets.errors import DataError, LeakError
from markets.prices import MarketData
from markets.tickers import normalize_ticker
from markets.what_if import halved_before, opened, pays_around
from signals.features.testing import example
from signals.labels import LabelSettings
from signals.news import NewsItem, NewsSource, told
from signals.own_labels import measured
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
    first, second = (list(told(open_source().read())) for _ in range(2))
    if first != second:
        raise DataError("two readings of one source differ")
    items: list[NewsItem] = []
    for item in first:
        if isinstance(item, NewsItem):
            _check_item(item)
            items.append(item)
    with NewsStore() as store:
        report = store.add(items)
        if report.added != len(items):
            refused = [*report.rejections, "an id that stands twice"][0]
            raise DataError("a story that a store does not take", given=refused)
        if list(store.items()) != sorted(items, key=_order):
            raise DataError("a story does not come back from a store as it went in")
    return items


def check_labeler(labeler: type[Any], settings: LabelSettings | None = None) -> None:
    """Hold a label of one's own to its promises, on an example.

    Outcomes of decisions that were asked for, none before its entry and none without a bar to enter
    at; the same bits when asked again; known from the open of `t1` on, so that nothing later moves
    them; and from the open of `t0` on, so that halving all prices before it moves nothing either.

    Parameters
    ----------
    labeler : type
        Called with the LabelSettings, as a run does.
    settings : LabelSettings, optional
        What it is called with.

    Raises
    ------
    DataError, LeakError
        Naming what is broken, and for which decision.
    """
    chosen = settings or LabelSettings()
    tried = example()
    rows = tried.rows()
    index = pd.MultiIndex.from_tuples(
        [(row.decision_at, row.ticker) for row in rows], names=("decision_at", "ticker")
    )
    entries = pd.Series([pd.Timestamp(row.session) for row in rows], index=index)

    def ask(some: pd.Series, market: MarketData) -> pd.DataFrame:
        return measured(labeler(chosen), some, market, tried.calendar, chosen).values

    whole = ask(entries, tried.market)
    _same_outcomes(whole, ask(entries, tried.market), "it is asked again")
    for share in (0.2, 0.5, 0.8):
        day = whole["t1"].iloc[int(len(whole) * share)]
        known = ask(entries[entries <= day], opened(tried.market, day.date()))
        later = "all but the open is taken away from the session it is known in"
        _same_outcomes(whole[whole["t1"] <= day], known[known["t1"] <= day], later)
        day = whole["t0"].iloc[int(len(whole) * share)]
        if not pays_around(tried.market, day.date()):
            other = ask(entries, halved_before(tried.market, day.date()))
            columns = ["target", "forward_return", "raw_return"]
            mine, theirs = (one.loc[one["t0"] == day, columns] for one in (whole, other))
            _same_outcomes(mine, theirs, "all prices before its entry are halved")


def _same_outcomes(expected: pd.DataFrame, given: pd.DataFrame, when: str) -> None:
    if len(expected) == len(given) and expected.index.equals(given.index):
        other = expected.ne(given) & ~(expected.isna() & given.isna())
        if not other.to_numpy().any():
            return
        row, column = np.argwhere(other.to_numpy())[0].tolist()
        at, ticker = expected.index[row]
        where = f"{expected.columns[column]}, row {at:%Y-%m-%d %H:%M} {ticker}"
        raise LeakError(
            f"an outcome changes when {when}",
            given=given.iloc[row, column],
            wanted=expected.iloc[row, column],
            where=where,
        )
    raise LeakError(
        f"other decisions have an outcome when {when}", given=len(given), wanted=len(expected)
    )


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
