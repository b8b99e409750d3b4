"""A story as a row of the store: its columns, its hash, and what makes two rows one story."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from signals.news import NewsItem, Rejection, shorten
from signals.sources.clocks import EPOCH

VERSION = 1
MICROSECOND = timedelta(microseconds=1)

COLUMNS = (
    "source",
    "item_id",
    "published_at",
    "first_seen_at",
    "enriched_at",
    "language",
    "title",
    "body",
    "url",
    "revision_of",
    "tickers",
    "outlets",
)

SCHEMA = (
    """CREATE TABLE items (
        seq INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        item_id TEXT NOT NULL,
        published_at INTEGER NOT NULL,
        first_seen_at INTEGER,
        enriched_at INTEGER,
        language TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        url TEXT,
        revision_of TEXT,
        tickers TEXT NOT NULL,
        outlets INTEGER NOT NULL,
        available_at INTEGER NOT NULL,
        story TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        UNIQUE (source, item_id))""",
    "CREATE INDEX by_clock ON items (available_at, source, item_id)",
    "CREATE INDEX by_story ON items (source, story, available_at, item_id)",
    """CREATE TRIGGER no_update BEFORE UPDATE ON items
        BEGIN SELECT RAISE(ABORT, 'the news store is append-only'); END""",
    """CREATE TRIGGER no_delete BEFORE DELETE ON items
        BEGIN SELECT RAISE(ABORT, 'the news store is append-only'); END""",
    f"PRAGMA user_version = {VERSION}",
)


def record_sha256(item: NewsItem) -> str:
    """Return the hash of a story with its clocks and names: equal for equal records only."""
    return hashlib.sha256(json.dumps(row_of(item), ensure_ascii=False).encode()).hexdigest()


def same_story(before: NewsItem, item: NewsItem) -> bool:
    """Tell whether it is the same story, seen again or by more outlets."""
    return before == replace(
        item,
        first_seen_at=before.first_seen_at,
        enriched_at=before.enriched_at,
        outlets=before.outlets,
    )


def conflict(before: NewsItem, item: NewsItem, where: str) -> Rejection:
    """Return why a second story under a known id is refused: the fields that differ."""
    names = [name for name in COLUMNS if getattr(before, name) != getattr(item, name)]
    return Rejection(
        shorten(where),
        "an id that was given to another story before",
        shorten(f"other {', '.join(names)}: {item.title or item.body}"),
        "one text and clock under one id; a new id with revision_of for a correction",
    )


def row_of(item: NewsItem) -> tuple[str | int | None, ...]:
    """Return the values of `COLUMNS`, instants as microseconds since 1970 UTC."""
    return (
        item.source,
        item.item_id,
        micros(item.published_at),
        None if item.first_seen_at is None else micros(item.first_seen_at),
        None if item.enriched_at is None else micros(item.enriched_at),
        item.language,
        item.title,
        item.body,
        item.url,
        item.revision_of,
        json.dumps(item.tickers),
        item.outlets,
    )


def item_of(row: Sequence[Any]) -> NewsItem:
    """Return the story of a row of `COLUMNS`."""
    fields: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in ("published_at", "first_seen_at", "enriched_at"):
        if fields[name] is not None:
            fields[name] = EPOCH + fields[name] * MICROSECOND
    fields["tickers"] = tuple(json.loads(fields["tickers"]))
    return NewsItem(**fields)


def micros(instant: datetime) -> int:
    """Return an instant as microseconds since 1970 UTC."""
    return (instant - EPOCH) // MICROSECOND
