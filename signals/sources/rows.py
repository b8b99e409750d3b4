"""One row of a file into one story, or into the reason that it is none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from markets.errors import DataError, MissingDataError, NewswakeError, nearest_name
from markets.tickers import normalize_ticker
from signals.news import NewsItem, Rejection, shorten
from signals.sources import NewsColumns, NewsSettings
from signals.sources.clocks import ClockReader
from signals.text.folding import clean

SURROGATE = re.compile("[\ud800-\udfff]")
BETWEEN_TICKERS = re.compile(r"[\s,;|/]+")
LANGUAGE_TAG = re.compile(r"^([a-z]{2,3})(?:[-_][a-z0-9]+)*$", re.IGNORECASE)
COUNT = re.compile(r"^\s*\d{1,9}(?:\.0*)?\s*$")
CLOCKS = ("published_at", "first_seen_at", "enriched_at", "available_at")


class RowReader:
    """Turns the rows of one layout into stories.

    Parameters
    ----------
    settings : NewsSettings
        Columns, defaults and limits.
    known : collection of str, optional
        Normalized tickers of the universe. Others stay on the story; each is reported once.
    now : datetime, optional
        UTC instant that stands in where ``settings.as_of`` is unset; else each row's own reading.
    """

    def __init__(
        self,
        settings: NewsSettings,
        *,
        known: Collection[str] | None = None,
        now: datetime | None = None,
    ) -> None:
        self._settings = settings
        self._columns: dict[str, tuple[str, ...]] = {
            name: getattr(settings.columns, name) for name in NewsColumns.model_fields
        }
        self._clocks = ClockReader(settings.zone, settings.epoch_unit)
        self._known = None if known is None else frozenset(known)
        self._reported: set[str] = set()
        self._as_of = settings.as_of or now
        self._ahead = timedelta(hours=settings.future_hours)

    def read(self, row: Mapping[str, object], where: str) -> Iterator[NewsItem | Rejection]:
        """Yield the row's story, with a notice for each ticker set aside; or its rejection."""
        try:
            tickers, notices = self._tickers(row, where)
            item = self._item(row, tickers)
        except NewswakeError as error:
            yield Rejection.of(error, where)
            return
        yield from notices
        yield item

    def check_columns(self, names: Collection[str], where: str) -> None:
        """Refuse a table that lacks a column which the settings name, or any clock, or any text.

        Raises
        ------
        MissingDataError
            With the nearest name that is there.
        """
        for field in self._settings.columns.model_fields_set:
            for column in self._columns[field]:
                if column not in names:
                    raise _no_column(f"news.columns.{field}", (column,), names, where)
        for fields in (("published_at", "first_seen_at", "available_at"), ("title", "body")):
            wanted = tuple(name for field in fields for name in self._columns[field])
            if not any(name in names for name in wanted):
                raise _no_column(f"news.columns.{fields[0]}", wanted, names, where)

    def column_names(self) -> frozenset[str]:
        """Return every column that a row is read from."""
        return frozenset(name for names in self._columns.values() for name in names)

    def _item(self, row: Mapping[str, object], tickers: tuple[str, ...]) -> NewsItem:
        title = self._text(row, "title")
        body = self._text(row, "body")
        size_kb = (len(title) + len(body)) / 1024
        if size_kb > self._settings.max_item_kb:
            raise too_long(f"{size_kb:,.0f} kB", self._settings)
        if is_blank(title) and is_blank(body):
            raise DataError(
                "a story needs a title or a body", given="both empty", wanted="words in one of them"
            )
        clocks = self._read_clocks(row)
        source = self._text(row, "source") or self._settings.feed
        return NewsItem(
            item_id=self._item_id(row, source, clocks["published_at"], title, body),
            published_at=clocks["published_at"],
            first_seen_at=clocks.get("first_seen_at"),
            enriched_at=clocks.get("enriched_at"),
            source=source,
            title=title,
            body=body,
            language=language_tag(self._text(row, "language"), self._settings.language),
            url=self._text(row, "url") or None,
            revision_of=self._text(row, "revision_of") or None,
            tickers=tickers,
            outlets=_outlets(self._value(row, "outlets")),
        )

    def _read_clocks(self, row: Mapping[str, object]) -> dict[str, datetime]:
        clocks: dict[str, datetime] = {}
        for name in CLOCKS:
            value = self._value(row, name)
            if value is not None:
                clocks[name] = self._clock(value, name)
        available_at = clocks.pop("available_at", None)
        if available_at is not None:
            self._hold_back(clocks, available_at)
        if "published_at" not in clocks:
            if "first_seen_at" not in clocks:
                raise DataError(
                    "a story needs a clock",
                    given="none",
                    wanted="published_at, ISO 8601 with a zone",
                )
            clocks["published_at"] = clocks["first_seen_at"]
        latest = max(clocks.values())
        as_of = self._as_of or datetime.now(UTC)
        if latest > as_of + self._ahead:
            raise DataError(
                "a clock in the future",
                given=latest.isoformat(),
                wanted=f"at or before {as_of.astimezone(UTC).isoformat()} (news.as_of)",
            )
        return clocks

    @staticmethod
    def _hold_back(clocks: dict[str, datetime], available_at: datetime) -> None:
        """Let the layout's own clock make the story later; it can never make it earlier."""
        if not clocks:
            clocks["published_at"] = available_at
        elif available_at > max(clocks.values()):
            clocks["first_seen_at"] = available_at

    def _clock(self, value: object, name: str) -> datetime:
        try:
            return self._clocks.read(value)
        except DataError as error:
            raise type(error)(
                f"{name}: {error.problem}", given=error.given, wanted=error.wanted
            ) from None

    def _item_id(
        self, row: Mapping[str, object], source: str, published_at: datetime, *text: str
    ) -> str:
        value = self._value(row, "item_id")
        if value is not None:
            return self._text(row, "item_id").strip()
        if any(name in row for name in self._columns["item_id"]):
            raise DataError(
                "a story needs its id", given="an empty one", wanted="an id, or no such column"
            )
        parts = "\0".join((source, published_at.isoformat(), *text))
        return "sha256:" + hashlib.sha256(parts.encode()).hexdigest()[:24]

    def _tickers(
        self, row: Mapping[str, object], where: str
    ) -> tuple[tuple[str, ...], list[Rejection]]:
        value = self._value(row, "tickers")
        if value is None:
            return (), []
        listed = value if isinstance(value, list | tuple) else BETWEEN_TICKERS.split(str(value))
        tickers: dict[str, None] = {}
        notices: list[Rejection] = []
        for text in listed:
            if not str(text).strip():
                continue
            try:
                ticker = normalize_ticker(str(text))
            except NewswakeError as error:
                notices.append(replace(Rejection.of(error, where), kept=True))
                continue
            tickers[ticker] = None
            if self._known is not None and not (ticker in self._known or ticker in self._reported):
                self._reported.add(ticker)
                notices.append(Rejection(where, "a ticker outside the universe", ticker, kept=True))
        return tuple(tickers), notices

    def _value(self, row: Mapping[str, object], field: str) -> object | None:
        for name in self._columns[field]:
            value = row.get(name)
            if value is not None and value != "":
                return value
        return None

    def _text(self, row: Mapping[str, object], field: str) -> str:
        value = self._value(row, field)
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise DataError(
                f"{field} is no text",
                given=f"{type(value).__name__} {shorten(str(value))}",
                wanted="a text",
            )
        if not value.isascii() and SURROGATE.search(value):
            raise DataError(
                f"{field} holds bytes that are not in the declared encoding",
                given=shorten(value),
                wanted=f"{self._settings.encoding}, or set news.encoding",
            )
        return value


def too_long(given: str, settings: NewsSettings) -> DataError:
    """Return the error for a story over the limit."""
    return DataError(
        "a story over the size limit",
        given=given,
        wanted=f"at most {settings.max_item_kb:,} kB (news.max_item_kb)",
    )


def is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen: no letter, or only invisible ones.

    Examples
    --------
    >>> is_blank(" \u200b&nbsp;"), is_blank("!")
    (True, False)
    """
    text = text.strip()
    if not text or (text.isprintable() and "&" not in text and "<" not in text):
        return not text
    return not clean(text).strip()


def language_tag(text: str, default: str) -> str:
    """Return the first part of a language tag in lower case, ``und`` for what is no tag.

    Examples
    --------
    >>> language_tag("zh-Hant", "und"), language_tag("", "de"), language_tag("???", "de")
    ('zh', 'de', 'und')
    """
    if not text.strip():
        return default
    match = LANGUAGE_TAG.match(text.strip())
    return match[1].lower() if match else "und"


def _outlets(value: object | None) -> int:
    text = str(value or 0)
    if not COUNT.match(text):
        raise DataError("outlets is no count", given=shorten(text), wanted="a whole number")
    return max(int(float(text)), 1)  # 0: the supplier does not know; the story itself is one


def _no_column(
    key: str, wanted: tuple[str, ...], names: Collection[str], where: str
) -> MissingDataError:
    return MissingDataError(
        "no such column",
        given=", ".join(sorted(map(str, names))) or "no columns",
        wanted=f"{' or '.join(wanted)} ({key})",
        where=where,
        nearest=nearest_name(wanted[0], map(str, names)),
    )
