"""Feeds: each entry at its own clock; entities refused; gathering that can be repeated."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from markets.errors import DataError, NetworkError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings, open_news
from signals.sources.collect import collect, fetch_url, import_files
from signals.sources.rss import feed_rows, parse_feed
from signals.store import AddReport, NewsStore

SEEN = datetime(2025, 9, 12, 3, tzinfo=UTC)

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Tech wire</title><language>zh-cn</language>
<item><guid>1</guid><title>小米 &amp;amp; 汽车</title><link>https://example.org/1</link>
  <description>&lt;p&gt;第一&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;p&gt;第二&lt;/p&gt;</description>
  <pubDate>Fri, 12 Sep 2025 09:30:00 +0800</pubDate></item>
<item><guid>2</guid><title>No clock</title></item>
<item><guid>3</guid><title>No zone</title><pubDate>Fri, 12 Sep 2025 09:30:00</pubDate></item>
<item><guid>4</guid><title>Date alone</title><pubDate>11 Sep 2025</pubDate></item>
<item><guid>5</guid><title></title><pubDate>Fri, 12 Sep 2025 09:30:00 GMT</pubDate></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Blatt</title>
<entry><id>tag:a</id><title>Baidu stellt Chip vor</title>
  <published>2025-09-11T23:43:00+08:00</published><updated>2025-09-12T01:00:00+08:00</updated>
  <content type="html">&lt;b&gt;Mehr&lt;/b&gt; dazu</content></entry></feed>"""

LAUGHS = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<rss version="2.0"><channel><title>x</title><item><title>&b;</title></item></channel></rss>"""

OUTSIDE = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<rss version="2.0"><channel><title>x</title><item><title>&f;</title></item></channel></rss>"""


def read(data: str | bytes, **settings: object) -> list[NewsItem | Rejection]:
    raw = data.encode() if isinstance(data, str) else data
    return list(parse_feed(raw, NewsSettings(**settings), "wire", SEEN))


def test_entries_keep_their_clocks_and_lose_their_markup() -> None:
    rows = read(RSS)
    first, second, third, fourth, fifth = rows
    assert isinstance(first, NewsItem)
    assert (first.item_id, first.title, first.body) == ("1", "小米 & 汽车", "第一\n第二")
    assert first.published_at == datetime(2025, 9, 12, 1, 30, tzinfo=UTC)
    assert first.available_at == SEEN
    assert (first.source, first.language, first.url) == ("wire", "zh", "https://example.org/1")
    assert isinstance(second, NewsItem)
    assert second.published_at == SEEN
    assert isinstance(third, Rejection)
    assert "needs its zone" in third.problem
    assert third.where == "wire: entry 3"
    assert isinstance(fourth, NewsItem)
    assert fourth.published_at == datetime(2025, 9, 11, 15, 59, 59, 999_999, tzinfo=UTC)
    assert isinstance(fifth, Rejection)
    zoned = read(RSS, zone="Asia/Hong_Kong")[2]
    assert isinstance(zoned, NewsItem)


def test_a_saved_feed_is_available_from_its_last_change(tmp_path: Path) -> None:
    (tmp_path / "blatt.atom").write_text(ATOM)
    (item,) = open_news(NewsSettings(source="rss"), tmp_path).read()
    assert isinstance(item, NewsItem)
    assert item.published_at == datetime(2025, 9, 11, 15, 43, tzinfo=UTC)
    assert item.available_at == datetime(2025, 9, 11, 17, tzinfo=UTC)
    assert (item.source, item.language, item.body) == ("Blatt", "de", "Mehr dazu")


@pytest.mark.parametrize(
    ("stated", "hour"),
    [("HKT", 1), ("CEST", 7), ("-0000", 9), ("GMT+8", 1), ("UTC-03:30", 13), ("EST", 14)],
)
def test_a_zone_in_words_is_kept_whatever_zone_is_declared(stated: str, hour: int) -> None:
    feed = RSS.replace("+0800", stated)
    assert stated in feed
    for zone in (None, "Asia/Tokyo"):
        first = next(item for item in read(feed, zone=zone) if isinstance(item, NewsItem))
        assert (first.published_at.hour, first.published_at.utcoffset()) == (hour, timedelta())


def test_a_zone_nobody_knows_is_refused_not_replaced() -> None:
    rows = read(RSS.replace("+0800", "QQT"), zone="Asia/Hong_Kong")
    assert any("no such date or time" in row.problem for row in rows if isinstance(row, Rejection))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("bomb", [LAUGHS, OUTSIDE, LAUGHS.replace("</rss>", "<broken")])
def test_declared_entities_are_refused(bomb: str, encoding: str) -> None:
    with pytest.raises(DataError, match="declares entities"):
        read(bomb.encode(encoding))


@pytest.mark.parametrize("data", [b"", b"hello", b"<html><p>x</p></html>", b"/etc/hostname"])
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        list(feed_rows(data, NewsSettings()))


def test_a_feed_over_the_limit_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(ATOM)
    (tmp_path / "big.xml").write_bytes(gzip.compress(b" " * 5_000_000))
    rows = list(open_news(NewsSettings(source="rss"), tmp_path).read())
    assert [row.where for row in rows if isinstance(row, Rejection)] == ["big.xml"]


class Web:
    """A web of feeds that a test writes, and a clock that a test sets."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.at = SEEN

    def fetch(self, address: str) -> bytes:
        if address not in self.pages:
            raise NetworkError("no answer", given=address)
        return self.pages[address]

    def now(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def test_collecting_again_adds_nothing_and_keeps_the_first_clock() -> None:
    web, store = Web(), NewsStore()
    web.pages["u"] = RSS.encode()
    feeds = {"wire": "u"}
    first = collect(feeds, store, fetch=web.fetch, now=web.now).reports["wire"]
    assert (first.added, first.rejected) == (3, 2)
    before = list(store.items())
    again = collect(feeds, store, fetch=web.fetch, now=web.now).reports["wire"]
    assert (again.added, again.repeated) == (0, 3)
    assert list(store.items()) == before
    assert {item.first_seen_at for item in before} == {SEEN + timedelta(minutes=1)}


def test_a_changed_entry_is_a_revision_from_when_we_saw_it() -> None:
    web, store = Web(), NewsStore()
    web.pages["u"] = ATOM.encode()
    collect({"blatt": "u"}, store, fetch=web.fetch, now=web.now)
    web.pages["u"] = ATOM.replace("Chip vor", "Chip nicht vor").encode()
    for _ in range(2):
        collect({"blatt": "u"}, store, fetch=web.fetch, now=web.now)
    assert [item.title for item in store.items(SEEN + timedelta(minutes=1))] == [
        "Baidu stellt Chip vor"
    ]
    assert [item.title for item in store.items(web.at)] == ["Baidu stellt Chip nicht vor"]
    assert len(store) == 2


def test_a_text_that_comes_back_is_a_revision_too_each_time() -> None:
    web, store = Web(), NewsStore()
    texts = ("Chip vor", "Chip nicht vor", "Chip vor", "Chip nicht vor", "Chip nicht vor")
    for text in texts:
        web.pages["u"] = ATOM.replace("Chip vor", text).encode()
        collect({"blatt": "u"}, store, fetch=web.fetch, now=web.now)
        shown = [item.title for item in store.items(web.at)]
        assert shown == [f"Baidu stellt {text}"]
    assert len(store) == 4  # the last fetch brought nothing new


def test_an_id_given_to_two_entries_keeps_both_and_grows_no_further() -> None:
    web, store = Web(), NewsStore()
    start, end = ATOM.index("<entry"), ATOM.index("</entry>") + len("</entry>")
    entry = ATOM[start:end]
    twice = ATOM.replace(entry, entry + entry.replace("Chip vor", "Auto vor"))
    web.pages["u"] = twice.encode()
    for _ in range(3):
        collect({"blatt": "u"}, store, fetch=web.fetch, now=web.now)
    assert sorted(item.title for item in store.items()) == [
        "Baidu stellt Auto vor",
        "Baidu stellt Chip vor",
    ]


def test_one_feed_that_fails_does_not_stop_the_others() -> None:
    web, store = Web(), NewsStore()
    web.pages |= {"good": ATOM.encode(), "bad": LAUGHS.encode(), "big": b" " * 3_000_000}
    feeds = {"a": "gone", "b": "bad", "c": "good", "d": "big"}
    done = collect(feeds, store, fetch=web.fetch, now=web.now)
    assert sorted(done.failed) == ["a", "b", "d"]
    assert done.reports["c"].added == 1
    with pytest.raises(NetworkError, match="no feed") as error:
        collect({"a": "gone"}, store, fetch=web.fetch, now=web.now)
    assert error.value.exit_code == 7


def test_a_store_that_refuses_is_no_failure_of_a_feed() -> None:
    class Full(NewsStore):
        def add(self, items: Iterable[NewsItem | Rejection]) -> AddReport:
            raise DataError("no room", given=[item.source for item in items])

    web = Web()
    web.pages["u"] = ATOM.encode()
    with pytest.raises(DataError, match="no room") as caught:
        collect({"wire": "u"}, Full(), fetch=web.fetch, now=web.now)
    assert (caught.value.given, caught.value.exit_code) == (["wire"], 4)


def test_imported_files_keep_their_own_clocks(tmp_path: Path) -> None:
    (tmp_path / "blatt.atom").write_text(ATOM)
    with NewsStore(tmp_path / "news.sqlite") as store:
        for expected in ((1, 0), (0, 1)):
            report = import_files(NewsSettings(source="rss"), tmp_path, store)
            assert (report.added, report.repeated) == expected
        (item,) = store.items()
    assert item.available_at == datetime(2025, 9, 11, 17, tzinfo=UTC)


@pytest.mark.parametrize("address", ["file:///etc/hostname", "/etc/hostname", "ftp://x", ""])
def test_only_the_web_is_fetched(address: str) -> None:
    with pytest.raises(NetworkError, match="no web address"):
        fetch_url(address)
