"""The store: append-only, idempotent, read as of an instant, whole after a crash."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from markets.errors import DataError, NaiveTimeError
from signals.news import NewsItem, Rejection
from signals.store import AddReport, NewsStore

NINE = datetime(2025, 9, 12, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def story(item_id: str = "a", title: str = "Deal near", **fields: object) -> NewsItem:
    return NewsItem(
        **{"item_id": item_id, "published_at": NINE, "source": "wire", "title": title} | fields
    )


def titles(store: NewsStore, as_of: datetime | None = None) -> list[str]:
    return [item.title for item in store.items(as_of)]


def test_a_story_comes_back_as_it_went_in() -> None:
    item = story(
        body="„Text“ 文字\0\nmore",
        language="de",
        first_seen_at=NINE + timedelta(microseconds=1),
        enriched_at=NINE + HOUR,
        url="https://example.org",
        tickers=("0700.HK", "9988.HK"),
        outlets=4,
    )
    store = NewsStore()
    store.add([item])
    assert list(store.items()) == [item]
    assert store.get("wire", "a") == item
    assert store.get("other", "a") is None
    assert len(store) == 1


def test_the_same_again_is_counted_and_the_first_stands() -> None:
    store = NewsStore()
    first = story(first_seen_at=NINE + HOUR)
    store.add([first])
    report = store.add([first, replace(first, first_seen_at=NINE, outlets=9)])
    assert report == AddReport(repeated=2)
    assert list(store.items()) == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Deal off"},
        {"published_at": NINE - HOUR},
        {"tickers": ("0700.HK",)},
        {"revision_of": "z"},
    ],
)
def test_another_story_under_a_known_id_is_reported(change: dict[str, object]) -> None:
    store = NewsStore()
    report = store.add([story(), story(**change)])
    assert (report.added, report.rejected) == (1, 1)
    assert next(iter(change)) in report.rejections[0].given
    assert list(store.items()) == [story()]


def test_long_stories_are_committed_before_they_fill_the_memory() -> None:
    store = NewsStore()
    committed = []

    def long_ones() -> Iterator[NewsItem]:
        for number in range(12):
            committed.append(len(store))
            yield story(str(number), body="x" * 1_000_000)

    store.add(long_ones())
    assert committed[-1] >= 5  # in transactions of some MB, not all at the end
    assert len(store) == 12


def test_a_story_told_again_is_a_count_not_a_rejection() -> None:
    repeat = Rejection.repeat(story(), "news.jsonl:2")
    assert NewsStore().add([story(), repeat, repeat]) == AddReport(added=1, repeated=2)


def test_rejections_of_the_source_pass_into_the_report() -> None:
    notice = Rejection("news.jsonl:1", "a ticker outside the universe", "0001.HK", kept=True)
    refused = Rejection("news.jsonl:2", "broken JSON")
    report = NewsStore().add([notice, refused, story()])
    assert report == AddReport(added=1, rejections=(notice, refused))
    assert report.rejected == 1


def test_revisions_replace_from_their_own_clock_on() -> None:
    store = NewsStore()
    chain = [
        story("a", "first"),
        story("b", "second", revision_of="a", published_at=NINE + HOUR),
        story("c", "third", revision_of="b", published_at=NINE + 2 * HOUR),
        story("d", "fourth", revision_of="a", published_at=NINE + 3 * HOUR),
    ]
    assert store.add(chain).revised == 3
    for hours, item in enumerate(chain):
        assert titles(store, NINE + hours * HOUR) == [item.title]
    assert titles(store, NINE - HOUR) == []
    # A replay needs what was believed then, so the whole history is not cleaned up.
    assert titles(store) == ["first", "second", "third", "fourth"]


def test_revisions_of_another_source_or_of_nothing_replace_nothing() -> None:
    store = NewsStore()
    store.add([story("a"), story("b", "other", source="daily", revision_of="a")])
    store.add([story("x", "alone", revision_of="never seen")])
    assert sorted(titles(store, NINE)) == ["Deal near", "alone", "other"]
    report = store.add([story("self", revision_of="self")])
    assert report.rejected == 1


def test_stories_come_in_order_of_clock_source_and_id() -> None:
    store = NewsStore()
    late = story("0", published_at=NINE + HOUR)
    store.add([late, story("b"), story("a"), story("c", source="daily")])
    order = [(item.available_at, item.source, item.item_id) for item in store.items()]
    assert order == sorted(order)
    assert len(order) == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE items SET title = 'x'",
        "DELETE FROM items",
        "INSERT OR REPLACE INTO items SELECT * FROM items",
        "REPLACE INTO items SELECT * FROM items",
    ],
)
def test_nothing_is_changed_or_removed(statement: str, tmp_path: Path) -> None:
    with NewsStore(tmp_path / "news.sqlite") as store:
        store.add([story()])
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            store._db.execute(statement)
        assert list(store.items()) == [story()]


def test_a_change_past_the_triggers_is_found(tmp_path: Path) -> None:
    path = tmp_path / "news.sqlite"
    with NewsStore(path) as store:
        store.add([story()])
        store.check()
    other = sqlite3.connect(path)
    other.execute("DROP TRIGGER no_update")
    other.execute("UPDATE items SET available_at = 0, published_at = 0")
    other.commit()
    other.close()
    with NewsStore(path) as store, pytest.raises(DataError, match="not as it was added"):
        store.check()


def test_the_hash_is_of_what_was_known() -> None:
    one, two = NewsStore(), NewsStore()
    one.add([story("a"), story("b")])
    two.add([story("b"), story("a"), story("c", published_at=NINE + HOUR)])
    assert one.sha256() == two.sha256(NINE)
    assert one.sha256() != two.sha256()


def test_files_are_logged_ahead_and_reopened(tmp_path: Path) -> None:
    path = tmp_path / "made" / "news.sqlite"
    with NewsStore(path) as store:
        store.add([story()])
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with NewsStore(path) as store:
        assert store.add([story(), story("b")]) == AddReport(added=1, repeated=1)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.raises(DataError, match="cannot open the news store"):
        NewsStore(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE trades (id)")
    other.commit()
    other.close()
    with pytest.raises(DataError, match="no news store of this version"):
        NewsStore(tmp_path / "other.sqlite")


def test_naive_instants_are_refused() -> None:
    with pytest.raises(NaiveTimeError):
        list(NewsStore().items(datetime(2025, 9, 12)))  # noqa: DTZ001


def test_text_that_cannot_be_stored_is_rejected() -> None:
    report = NewsStore().add([story("a", "half \ud83d"), story("b")])
    assert (report.added, report.rejected) == (1, 1)


def test_what_came_before_a_source_broke_is_in_the_store() -> None:
    def broken() -> object:
        yield story("a")
        raise DataError("the file is gone")

    store = NewsStore()
    with pytest.raises(DataError, match="gone"):
        store.add(broken())
    assert len(store) == 1


WRITER = """
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from signals.news import NewsItem
from signals.store import NewsStore
store = NewsStore(sys.argv[1])
at = datetime(2025, 9, 12, 9, tzinfo=UTC)
for start in range(0, 1_000_000, 50):
    numbers = range(start, start + 50)
    items = [NewsItem(f"{n:07d}", at, "wire", f"title {n}", "body " * 200) for n in numbers]
    store.add(items)
    print(start + 50, flush=True)
"""


@pytest.mark.parametrize("committed", [1, 7, 40])
def test_a_crash_loses_no_committed_story_and_leaves_no_half_one(
    tmp_path: Path, committed: int
) -> None:
    path = tmp_path / "news.sqlite"
    root = Path(__file__).resolve().parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert writer.stdout is not None
    for _ in range(committed):
        told = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    told = max([told, *map(int, writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    with NewsStore(path) as store:
        store.check()
        ids = [int(item.item_id) for item in store.items()]
        assert ids == list(range(len(ids)))
        assert len(ids) >= told
        assert len(ids) % 50 == 0
        assert all(item.body == "body " * 200 for item in store.items())


def test_a_store_that_lost_its_table_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "news.sqlite"
    NewsStore(path).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE items")
    with pytest.raises(DataError, match="damaged news store") as caught, NewsStore(path) as store:
        store.get("wire", "1")
    assert (caught.value.exit_code, str(caught.value.given)) == (4, str(path))


@pytest.mark.parametrize(
    ("read", "given", "where"),
    [
        (None, "NoneType", "mine:Own"),
        (7, "int", "mine:Own"),
        ([{"id": "a"}], "dict", "mine:Own: item 1"),
        ([story(), None], "NoneType", "mine:Own: item 2"),
        ("news", "str", "mine:Own: item 1"),
    ],
)
def test_what_is_neither_a_story_nor_a_rejection_is_refused(
    read: Any, given: str, where: str
) -> None:
    store = NewsStore()
    with pytest.raises(DataError) as caught:
        store.add(read, where="mine:Own")
    assert (caught.value.given, caught.value.where) == (given, where)
    assert "NewsItem" in str(caught.value.wanted)
    assert len(store) == where.endswith("2")  # what came before it stands
