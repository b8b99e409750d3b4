"""Saved HTML pages, one story each: text by trafilatura, clocks from what the page declares."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from markets.errors import DataError
from signals.news import Rejection
from signals.sources import NewsSettings
from signals.sources.files import FileNews, read_whole
from signals.sources.markup import decode_page, web_clock
from signals.sources.rss import plain_columns

ARTICLES = frozenset(
    {
        "Article",
        "NewsArticle",
        "ReportageNewsArticle",
        "AnalysisNewsArticle",
        "OpinionNewsArticle",
        "BlogPosting",
        "LiveBlogPosting",
        "PressRelease",
        "Report",
        "WebPage",
    }
)
PUBLISHED = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "parsely-pub-date",
    "dc.date.issued",
    "dcterms.issued",
    "pubdate",
    "publishdate",
    "publish-date",
    "date",
)
MODIFIED = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified")


class HtmlNews(FileNews):
    """Stories from saved pages, one a file.

    The clock is what the page declares for machines (JSON-LD, meta tags, ``<time itemprop>``), with
    its zone, never what its running text says. A page that was changed later is available from its
    last change: it is the changed text that we hold.
    """

    endings = (".html", ".htm")

    def __init__(
        self, settings: NewsSettings, data_dir: Path, *, known: Collection[str] | None = None
    ) -> None:
        super().__init__(plain_columns(settings), data_dir, known=known)

    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield the page's one story."""
        try:
            row = page_row(read_whole(path, self.settings), self.settings)
            row["id"] = row["url"] or path.stem
            yield path.name, row
        except DataError as error:
            yield path.name, Rejection.of(error, path.name)


def page_row(data: bytes, settings: NewsSettings) -> dict[str, object]:
    """Return a page as a row with newswake's own column names; ``id`` is left to the caller.

    Raises
    ------
    DataError
        If the bytes do not fit the charset, or are no HTML.
    """
    import trafilatura  # heavy; only pages need it
    from lxml import html

    try:
        text = decode_page(data, settings.encoding)
        tree = html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8"))
        body = trafilatura.extract(text, include_comments=False, include_tables=False) or ""
    except UnicodeDecodeError as error:
        raise DataError(
            f"bytes that are not {error.encoding}",
            given=f"byte {error.start + 1}",
            wanted="the page's own charset, or set news.encoding",
        ) from None
    except Exception as error:
        # Neither library names what it raises on what is no page: whatever it is, it is the page's.
        raise DataError(
            f"a page that cannot be read: {type(error).__name__}: {error}", wanted="HTML"
        ) from None
    stated, meta = _linked_data(tree), _meta(tree)
    published = stated.get("datePublished") or _first(meta, PUBLISHED) or _time_tag(tree)
    modified = stated.get("dateModified") or _first(meta, MODIFIED)
    return {
        "title": stated.get("headline") or meta.get("og:title") or _title(tree),
        "body": body,
        "published_at": web_clock(published) if published else None,
        # A change alone is no publication: without `published` the row is rejected for its clock.
        "available_at": web_clock(modified) if published and modified else None,
        "url": _canonical(tree) or meta.get("og:url"),
        "language": tree.get("lang") or stated.get("inLanguage") or "",
        "source": stated.get("publisher") or meta.get("og:site_name") or "",
    }


def _linked_data(tree: Any) -> dict[str, str]:
    """Return the plain fields of the page's own article in JSON-LD; of several the first."""
    for script in tree.xpath('//script[@type="application/ld+json"]'):
        try:
            found = json.loads(script.text or "", strict=False)  # many break lines in a string
        except (ValueError, RecursionError):
            continue
        for thing in _things(found):
            kinds = thing.get("@type")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if "datePublished" in thing and any(str(kind) in ARTICLES for kind in kinds):
                fields = {name: value for name, value in thing.items() if isinstance(value, str)}
                publisher = thing.get("publisher")
                if isinstance(publisher, dict) and isinstance(publisher.get("name"), str):
                    fields["publisher"] = publisher["name"]
                return fields
    return {}


def _things(found: object) -> Iterator[dict[str, Any]]:
    """Yield the objects at the top: what is nested deeper is about other pages."""
    for thing in found if isinstance(found, list) else [found]:
        if isinstance(thing, dict):
            yield thing
            graph = thing.get("@graph")
            yield from (
                (part for part in graph if isinstance(part, dict))
                if isinstance(graph, list)
                else ()
            )


def _meta(tree: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tree.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        if tag.get("content"):
            found.setdefault(name.lower(), tag.get("content").strip())
    return found


def _first(meta: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((meta[name] for name in names if meta.get(name)), None)


def _time_tag(tree: Any) -> str | None:
    found = tree.xpath('//time[@itemprop="datePublished" or @pubdate]/@datetime')
    return str(found[0]) if found else None


def _title(tree: Any) -> str:
    found = tree.findtext(".//title") or tree.findtext(".//h1") or ""
    return " ".join(found.split())


def _canonical(tree: Any) -> str | None:
    found = tree.xpath('//link[@rel="canonical"]/@href')
    return str(found[0]).strip() if found else None
