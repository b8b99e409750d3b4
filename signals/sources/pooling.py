"""Rows of one story (one per ticker) pooled into one item; the same id with other text refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from signals.news import NewsItem, Rejection, shorten
from signals.sources.digests import Digests

Placed = tuple[str, NewsItem | Rejection]
"""A story, or the reason that there is none, with its place (file:line)."""


def pooled(rows: Iterable[Placed], window: int) -> Iterator[Placed]:
    """Yield stories in the order of their first row, each with the tickers of all its rows.

    Parameters
    ----------
    rows : iterable of (where, NewsItem or Rejection)
        In the order of the file. Rejections pass at once.
    window : int
        How many stories are held open at most: memory is bounded by it. 0 pools nothing.

    Notes
    -----
    Rows are one story if all but `tickers` agrees; one that adds no ticker is a repeat. Pooling
    never moves a clock.
    """
    held: dict[tuple[str, str], tuple[str, NewsItem]] = {}
    for where, item in rows:
        if isinstance(item, Rejection):
            yield where, item
            continue
        key = (item.source, item.item_id)
        before = held.get(key)
        if before is not None and _same_but_tickers(before[1], item):
            more = tuple(ticker for ticker in item.tickers if ticker not in before[1].tickers)
            if more:
                tickers = (*before[1].tickers, *more)
                held[key] = (before[0], replace(before[1], tickers=tickers))
            else:
                yield where, Rejection.repeat(item, where)
        elif before is not None:
            yield where, item  # the same id with another text: left for `unique` to refuse
        else:
            held[key] = (where, item)
            if len(held) > window:
                yield held.pop(next(iter(held)))
    yield from held.values()


def _same_but_tickers(one: NewsItem, other: NewsItem) -> bool:
    return replace(one, tickers=()) == replace(other, tickers=())


def unique(rows: Iterable[Placed]) -> Iterator[NewsItem | Rejection]:
    """Yield each story once; refuse a second one with the same source and id.

    A later text under an old id is refused unless it comes as a new id with `revision_of`: history
    is never rewritten. An exact repeat is set aside with a notice, since nothing is lost by it.

    Notes
    -----
    Keeps two 8-byte hashes a story, at most 64 MB for a million.
    """
    names, stories = Digests(), Digests()
    for where, item in rows:
        if isinstance(item, Rejection):
            yield item
            continue
        if names.add(f"{item.source}\0{item.item_id}"):
            stories.add(repr(item))
            yield item
        else:
            yield _second(item, where, same=repr(item) in stories)


def _second(item: NewsItem, where: str, *, same: bool) -> Rejection:
    if same:
        return Rejection.repeat(item, where)
    return Rejection(
        where,
        "an id that was given to another story before",
        shorten(f"{item.item_id}: {item.title or item.body}"),
        "one text and clock under one id; a new id with revision_of for a correction",
    )
