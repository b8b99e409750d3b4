"""Pages: the clock they declare for machines, never what their text says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from markets.errors import DataError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings, open_news
from signals.sources.html import page_row
from signals.sources.markup import plain_text

PROSE = (
    "<p>The company opened a data center near Penang, its third this year, and hired four hundred"
    " engineers to run it. On 3 January 2020 at 10:00 it had none.</p>"
    "<p>Managers said that orders for the coming quarters would fill both halls by spring.</p>"
)


def page(head: str = "", body: str = PROSE, lang: str = "en") -> str:
    return (
        f'<html lang="{lang}"><head><title>Center  opens</title>{head}</head>'
        f"<body><nav><a href=/>Home</a></nav><article><h1>Center opens</h1>{body}</article>"
        "<footer>Imprint</footer></body></html>"
    )


def meta(name: str, value: str, key: str = "property") -> str:
    return f'<meta {key}="{name}" content="{value}">'


LINKED = (
    '<script type="application/ld+json">{"@graph": [{"@type": "Organization", "name": "x"},'
    '{"@type": ["NewsArticle"], "headline": "Hall opens", "datePublished":'
    ' "2025-09-11T23:43:00+08:00", "publisher": {"name": "The Paper"}}]}</script>'
)


def read(folder: Path, *pages: str | bytes, **settings: object) -> list[NewsItem | Rejection]:
    for number, text in enumerate(pages):
        raw = text.encode() if isinstance(text, str) else text
        (folder / f"page{number}.html").write_bytes(raw)
    return list(open_news(NewsSettings(source="html", **settings), folder).read())


def available(folder: Path, head: str) -> datetime:
    (item,) = read(folder, page(head))
    assert isinstance(item, NewsItem)
    return item.available_at


def test_a_page_is_one_story(tmp_path: Path) -> None:
    link = '<link rel="canonical" href="https://example.org/hall">'
    (item,) = read(tmp_path, page(LINKED + link))
    assert isinstance(item, NewsItem)
    assert (item.title, item.source, item.language) == ("Hall opens", "The Paper", "en")
    assert item.item_id == item.url == "https://example.org/hall"
    assert "The company opened a data center near Penang" in item.body
    assert "Imprint" not in item.body
    assert item.available_at == datetime(2025, 9, 11, 15, 43, tzinfo=UTC)


@pytest.mark.parametrize(
    "head",
    [
        meta("article:published_time", "2025-09-11T23:43:00+08:00"),
        meta("datePublished", "2025-09-11T15:43:00Z", "itemprop"),
        meta("pubdate", "2025-09-11 23:43:00 +0800", "name"),
        meta("date", "Thu, 11 Sep 2025 23:43:00 +0800", "name"),
        '<time itemprop="datePublished" datetime="2025-09-11T23:43+08:00">long ago</time>',
        '<script type="application/ld+json">{broken</script>'
        + meta("article:published_time", "2025-09-11T23:43:00+08:00"),
    ],
)
def test_the_clock_is_what_the_page_declares(tmp_path: Path, head: str) -> None:
    assert available(tmp_path, head) == datetime(2025, 9, 11, 15, 43, tzinfo=UTC)


def test_linked_data_with_a_line_break_in_a_text_is_read(tmp_path: Path) -> None:
    assert "Hall opens" in LINKED
    broken = LINKED.replace("Hall opens", "Hall\nopens")
    assert available(tmp_path, broken) == datetime(2025, 9, 11, 15, 43, tzinfo=UTC)


def test_linked_data_of_other_pages_is_no_clock(tmp_path: Path) -> None:
    others = LINKED.replace("@graph", "itemListElement")
    assert available(tmp_path, others + meta("date", "2025-09-12", "name")) == datetime(
        2025, 9, 12, 15, 59, 59, 999_999, tzinfo=UTC
    )


def test_a_changed_page_is_available_from_its_change(tmp_path: Path) -> None:
    changed = meta("article:modified_time", "2025-09-13T00:00:00Z")
    assert available(tmp_path, LINKED + changed) == datetime(2025, 9, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("", "a story needs a clock"),
        (meta("article:published_time", "2025-09-11T23:43:00"), "needs its zone"),
        (meta("article:published_time", "yesterday"), "no such date or time"),
        (meta("article:modified_time", "2025-09-11T23:43:00Z"), "a story needs a clock"),
    ],
)
def test_a_page_without_an_honest_clock_is_rejected(
    tmp_path: Path, head: str, problem: str
) -> None:
    good, bad = read(tmp_path, page(LINKED), page(head))
    assert isinstance(good, NewsItem)
    assert isinstance(bad, Rejection)
    assert problem in bad.problem
    assert bad.where == "page1.html"


@pytest.mark.parametrize(
    ("charset", "codec", "title"),
    [("gb2312", "gb18030", "腾讯開発"), ("Big5", "big5hkscs", "騰訊"), ("utf-8", "utf-8", "Zölle")],
)
def test_a_page_is_read_in_its_own_charset(charset: str, codec: str, title: str) -> None:
    head = f'<meta charset="{charset}">' + meta("og:title", title)
    assert page_row(page(head).encode(codec), NewsSettings())["title"] == title


def test_bytes_that_do_not_fit_the_charset_are_refused() -> None:
    with pytest.raises(DataError, match="bytes that are not"):
        page_row(page().encode() + b"\xff\xfe", NewsSettings())


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("A &amp; B", "A & B"),
        ("plain < text", "plain < text"),
        ("<b>Bold</b>ly", "Boldly"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<!-- x -->&#x4e2d;&nbsp;&zwj;", "中 \u200d"),
        ("<style>p {}</style><p>a</p><p>b", "a\nb"),
        ("<script>alert(1)</script>", ""),
        ("<?xml version='1.0' encoding='utf-8'?><p>x</p>", "x"),
        ("<", "<"),
    ],
)
def test_markup_becomes_plain_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text
