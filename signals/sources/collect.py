"""Gathering: feeds as they are now and files as they lie, into the store."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from markets.clock import as_utc
from markets.errors import DataError, NetworkError, NewswakeError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings, open_news
from signals.sources.rss import parse_feed
from signals.store import AddReport, NewsStore

TIMEOUT_SECONDS = 30
AGENT = "newswake (feed reader)"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one round over the feeds brought.

    Attributes
    ----------
    reports : mapping of str to AddReport
        By feed.
    failed : mapping of str to NewswakeError
        Feeds that could not be fetched or read; the others were.
    """

    reports: Mapping[str, AddReport]
    failed: Mapping[str, NewswakeError]


def collect(
    feeds: Mapping[str, str],
    store: NewsStore,
    *,
    fetch: Callable[[str], bytes],
    now: Callable[[], datetime],
    settings: NewsSettings | None = None,
) -> Collected:
    """Fetch each feed once and add what is new; call it as often as wanted.

    Parameters
    ----------
    feeds : mapping of str to str
        Address by the name that becomes the stories' source.
    store : NewsStore
        Where they go. What is there stays; an entry whose text changed is added as a revision.
    fetch : callable
        Address to bytes; raises `NetworkError`. `fetch_url` is one.
    now : callable
        UTC clock, read after each fetch: it stamps ``first_seen_at``, so no story is available
        before we had it, whatever the feed says.
    settings : NewsSettings, optional
        Zone, language and limits.

    Raises
    ------
    NetworkError
        If not one feed could be fetched.
    DataError
        If the store cannot be read or written.
    """
    settings = settings or NewsSettings(source="rss")
    reports: dict[str, AddReport] = {}
    failed: dict[str, NewswakeError] = {}
    for name, address in feeds.items():
        try:
            data = fetch(address)
            if len(data) > settings.max_item_kb * 1024:
                raise DataError(
                    "a feed over the size limit",
                    given=f"{len(data) // 1024:,} kB",
                    wanted=f"at most {settings.max_item_kb:,} kB (news.max_item_kb)",
                    where=name,
                )
            entries = list(parse_feed(data, settings, name, as_utc(now())))
        except (NetworkError, DataError) as error:
            failed[name] = error
        else:
            # What a store refuses is no failure of the feed: it ends the round.
            reports[name] = store.add(_revised(entries, store))
    if failed and not reports:
        raise NetworkError(
            "no feed could be read",
            given="; ".join(str(Rejection.of(error, name)) for name, error in failed.items()),
        )
    return Collected(reports, failed)


def import_files(
    settings: NewsSettings,
    data_dir: Path | str,
    store: NewsStore,
    *,
    as_of: datetime | None = None,
    known: Collection[str] | None = None,
) -> AddReport:
    """Add every story of the files that the settings name.

    Their own clocks stand: an archive imported today does not become news of today. So trust in
    ``first_seen_at`` of imported stories is trust in their supplier.

    Parameters
    ----------
    settings, data_dir, as_of, known
        As for `open_news`.
    store : NewsStore
        Where they go.

    Raises
    ------
    MissingDataError, DataError
        If no file fits or one is unreadable; what came before is in the store.
    """
    source = open_news(settings, data_dir, as_of=as_of, known=known)
    return store.add(source.read(), where=settings.source)


def fetch_url(address: str, limit_kb: int = 2_048) -> bytes:
    """Return what an address answers, up to one byte over the limit.

    Raises
    ------
    NetworkError
        If it is no http(s) address, or does not answer.
    """
    if not address.lower().startswith(("http://", "https://")):
        raise NetworkError("no web address", given=address, wanted="http:// or https://")
    request = urllib.request.Request(address, headers={"User-Agent": AGENT})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            data: bytes = answer.read(limit_kb * 1024 + 1)
            return data
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NetworkError(f"cannot fetch a feed: {error}", given=address) from None


def _revised(
    entries: Iterable[NewsItem | Rejection], store: NewsStore
) -> Iterator[NewsItem | Rejection]:
    """Name an entry whose text changed as the revision it is; leave one that did not as it was.

    A text that comes back after another is a revision too. Where a feed gives one id to several
    entries, nobody can say which of them replaces which: each text is then kept once.
    """
    found = list(entries)
    ids = Counter(entry.item_id for entry in found if isinstance(entry, NewsItem))
    for entry in found:
        before = store.get(entry.source, entry.item_id) if isinstance(entry, NewsItem) else None
        if before is None or not isinstance(entry, NewsItem):
            yield entry
            continue
        latest = store.latest(before) if ids[entry.item_id] == 1 else before
        if latest.text == entry.text:
            yield latest
            continue
        version = f"{entry.item_id}#{entry.content_sha256[:12]}"
        known = store.get(entry.source, version)
        if known is not None and ids[entry.item_id] == 1:
            version, known = f"{version}@{entry.available_at:%Y%m%dT%H%M%S.%fZ}", None
        yield known or replace(entry, item_id=version, revision_of=entry.item_id)
