"""Law: whatever the bytes, a reader yields stories and rejections, or raises our error."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.errors import NewswakeError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings, open_news
from signals.sources.jsonl import JsonLines
from signals.store import NewsStore

ENDINGS = {"jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet", "rss": ".xml", "html": ".html"}
GOOD = '{"id": "%s", "title": "Cloud grows", "published_at": "2025-09-11T23:43:00+08:00"}'
SEEDS = [
    b"id,title,published_at\na,b,2025-09-12\n",
    (GOOD % "a").encode(),
    b"PAR1\x15\x04\x15\x00PAR1",
    b"<rss version='2.0'><channel><item><title>x</title></item></channel></rss>",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]><feed xmlns='http://www.w3.org/2005/Atom'><entry>",
    b"<html><head><meta charset=utf-7><script type='application/ld+json'>[{}, [",
    "\ufeff<p>中文</p>".encode("utf-16"),
    b'"' * 99,
    b"<" * 3000,
    gzip.compress(b"id,title\n" * 50),
]
RAW = st.one_of(
    st.binary(max_size=400),
    st.tuples(st.sampled_from(SEEDS), st.integers(0, 60), st.binary(max_size=8)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
    ),
)
FUZZ = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("source", ENDINGS)
@pytest.mark.parametrize("encoding", ["utf-8", "detect"])
@FUZZ
@given(raw=RAW)
def test_any_bytes_are_stories_rejections_or_our_error(
    tmp_path: Path, source: str, encoding: str, raw: bytes
) -> None:
    (tmp_path / f"x{ENDINGS[source]}").write_bytes(raw)
    try:
        rows = list(open_news(NewsSettings(source=source, encoding=encoding), tmp_path).read())
    except NewswakeError:
        return
    assert all(isinstance(row, NewsItem | Rejection) for row in rows)
    NewsStore().add(rows)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(("2025-09-12", "2025-09-12T09:30:00Z", "0001-01-01", "9999-12-31", "700")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = (
    "id",
    "title",
    "text",
    "published_at",
    "first_seen_at",
    "available_at",
    "tickers",
    "outlets",
)


@FUZZ
@given(row=st.dictionaries(st.sampled_from((*KEYS, "language", "source", "url")), VALUES))
def test_any_object_is_a_story_or_a_rejection(row: dict[str, object]) -> None:
    reader = JsonLines(NewsSettings(epoch_unit="us", zone="Asia/Hong_Kong"))
    found = list(reader.read(json.dumps(row), "stdin:1"))
    stories = [item for item in found if isinstance(item, NewsItem)]
    refused = [item for item in found if isinstance(item, Rejection) and not item.kept]
    assert len(stories) + len(refused) == 1
    assert NewsStore().add(stories).added == len(stories)


@FUZZ
@given(bad=st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=8))
def test_good_lines_are_kept_whatever_stands_between(tmp_path: Path, bad: list[bytes]) -> None:
    lines = [part for n, line in enumerate(bad) for part in (line, (GOOD % n).encode())]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join([(GOOD % "first").encode(), *lines]))
    rows = list(open_news(NewsSettings(source="jsonl"), tmp_path).read())
    kept = [row.item_id for row in rows if isinstance(row, NewsItem)]
    assert kept == ["first", *map(str, range(len(bad)))]
    assert len(rows) <= 1 + 2 * len(bad)
