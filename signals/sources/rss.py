"""RSS and Atom feeds, as saved files or as bytes just fetched."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from markets.errors import DataError
from signals.news import NewsItem, Rejection, shorten
from signals.sources import NewsColumns, NewsSettings
from signals.sources.files import FileNews, read_whole
from signals.sources.markup import plain_text, web_clock
from signals.sources.rows import RowReader

ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf|channel)\b", re.IGNORECASE)
ROOT_WITHIN = 16_384
"""A feed begins within so many bytes: declarations, comments and style sheets stand before."""
FEEDS = "RSS 0.9 to 2.0, RDF or Atom"


class RssNews(FileNews):
    """Stories from saved feeds.

    The clock is the entry's own, with its zone. An entry that was changed later is available from
    its last change: it is the changed text that we hold.
    """

    endings = (".rss", ".atom", ".xml")

    def __init__(
        self, settings: NewsSettings, data_dir: Path, *, known: Collection[str] | None = None
    ) -> None:
        super().__init__(plain_columns(settings), data_dir, known=known)

    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield each entry with its number from 1."""
        try:
            entries = list(feed_rows(read_whole(path, self.settings), self.settings))
        except DataError as error:
            yield path.name, Rejection.of(error, path.name)
            return
        for number, row in enumerate(entries, start=1):
            yield f"{path.name}: entry {number}", row


def parse_feed(
    data: bytes, settings: NewsSettings, name: str, seen_at: datetime
) -> Iterator[NewsItem | Rejection]:
    """Yield the entries of a feed that was fetched just now.

    Parameters
    ----------
    data : bytes
        RSS or Atom.
    settings : NewsSettings
        Zone, language and limits. ``feed`` and ``columns`` do not count here.
    name : str
        Source of the stories.
    seen_at : datetime
        UTC instant at which we fetched it: no story is available before it.

    Raises
    ------
    DataError
        If it is no feed, declares entities, or is over the size limit.
    """
    settings = plain_columns(settings).model_copy(update={"feed": name, "as_of": seen_at})
    reader = RowReader(settings)
    for number, row in enumerate(feed_rows(data, settings, named=True), start=1):
        yield from reader.read({**row, "first_seen_at": seen_at}, f"{name}: entry {number}")


def plain_columns(settings: NewsSettings) -> NewsSettings:
    """Return the settings with newswake's own column names, which feeds and pages are read into."""
    return settings.model_copy(update={"columns": NewsColumns()})


def feed_rows(
    data: bytes, settings: NewsSettings, *, named: bool = False
) -> Iterator[dict[str, object]]:
    """Yield each entry as a row with newswake's own column names.

    Parameters
    ----------
    data : bytes
        RSS or Atom.
    settings : NewsSettings
        Limits.
    named : bool
        True if the source is ``settings.feed``, else the feed's own title where it has one.

    Raises
    ------
    DataError
        If it is no feed, declares entities, or is over the size limit.
    """
    import feedparser  # heavy; only feeds need it

    refuse_entities(data)
    # The loose parser is slow on what is no feed at all, so a root element must be in sight.
    if not ROOT.search(data[:ROOT_WITHIN].replace(b"\0", b"")):
        raise DataError("no RSS or Atom feed", given=_begun(data), wanted=FEEDS)
    try:
        # As a stream: given text, the library would take what looks like an address or a path
        # for one, and open it.
        feed = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        # The library promises not to raise; where a broken feed makes it, that is the feed's fault.
        raise DataError(
            "a feed that cannot be read", given=f"{type(error).__name__}: {error}", wanted=FEEDS
        ) from None
    if not feed.get("version") and not feed.get("entries"):
        raise DataError("no RSS or Atom feed", given=_begun(data), wanted=FEEDS)
    named = named or "feed" in settings.model_fields_set
    source = "" if named else _text(feed["feed"], "title")
    language = str(feed["feed"].get("language") or "")
    for entry in feed["entries"]:
        yield _row(entry, source, language)


def _begun(data: bytes) -> str:
    """Return how a document begins, for a message."""
    return shorten(data[:60].decode("utf-8", "replace").strip()) or "an empty document"


def refuse_entities(data: bytes) -> None:
    """Refuse XML that declares entities: the way to external files and to billions of laughs.

    Raises
    ------
    DataError
        If it does.
    """
    from xml.sax.handler import ContentHandler

    from defusedxml.common import DefusedXmlException, ExternalReferenceForbidden
    from defusedxml.sax import parseString

    try:
        parseString(data, ContentHandler(), forbid_external=True)
    except ExternalReferenceForbidden as error:
        raise DataError(
            "a feed that points to a file outside it",
            given=error.sysid,
            wanted="a feed without an outside DTD or entity",
        ) from None
    except DefusedXmlException as error:
        raise DataError(
            "a feed that declares entities",
            given=f"{type(error).__name__}: {error}",
            wanted="a feed without <!ENTITY …>",
        ) from None
    except Exception:
        # Not well formed, or in a charset the parser does not know: feedparser reads those too,
        # but with a looser parser. What looks like a declaration is refused on sight.
        if b"<!ENTITY" in data.replace(b"\0", b"").upper():
            raise DataError(
                "a feed that declares entities", wanted="a feed without <!ENTITY …>"
            ) from None


def _row(entry: Any, source: str, language: str) -> dict[str, object]:
    clocks = {
        name: web_clock(str(entry[name])) for name in ("published", "updated") if name in entry
    }
    contents = entry.get("content") or [entry.get("summary_detail") or {}]
    return {
        "id": entry.get("id") or entry.get("link") or None,
        "title": _text(entry, "title"),
        "body": "\n".join(filter(None, (_plain(part) for part in contents))),
        "published_at": clocks.get("published", clocks.get("updated")),
        "available_at": clocks.get("updated"),
        "url": entry.get("link"),
        "language": str((entry.get("title_detail") or {}).get("language") or language),
        "source": source,
    }


def _text(fields: Any, name: str) -> str:
    return _plain(fields.get(f"{name}_detail") or {"value": fields.get(name, "")})


def _plain(part: Any) -> str:
    value = str(part.get("value") or "")
    return value.strip() if part.get("type") == "text/plain" else plain_text(value)
