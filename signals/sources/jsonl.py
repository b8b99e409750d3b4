"""JSON lines: one story a line, with the keys of `NewsColumns` (``id``, ``title``, ``text``, …)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from markets.errors import DataError
from signals.news import NewsItem, Rejection, shorten
from signals.sources import NewsSettings
from signals.sources.files import FileNews, encoding_of, lines
from signals.sources.rows import RowReader, too_long


class JsonlNews(FileNews):
    """Stories from ``.jsonl`` files (``.gz`` too), one object a line; blank lines are passed over.

    Examples
    --------
    >>> line = '{"id": "a", "title": "Cloud grows", "published_at": "2025-09-11T23:43:00+08:00"}'
    >>> next(JsonLines(NewsSettings()).read(line, "stdin:1")).available_at.isoformat()
    '2025-09-11T15:43:00+00:00'
    """

    endings = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")

    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield each line's object with its place, or why it is none."""
        encoding = encoding_of(path, self.settings)
        for number, line in lines(path, self.settings):
            where = f"{path.name}:{number}"
            if isinstance(line, Rejection):
                yield where, line
                continue
            try:
                row = parse_line(decode_line(line, encoding))
            except DataError as error:
                yield where, Rejection.of(error, where)
                continue
            if row is not None:
                yield where, row


class JsonLines:
    """Reads single lines of any stream (standard input, a socket) by the same rules as a file.

    Parameters
    ----------
    settings : NewsSettings
        Columns, defaults and limits.
    known : collection of str, optional
        Normalized tickers of the universe: others are reported once each.
    """

    def __init__(self, settings: NewsSettings, *, known: Collection[str] | None = None) -> None:
        self._settings = settings
        self._rows = RowReader(settings, known=known)
        self._limit = settings.max_item_kb * 1024

    def read(self, line: str | bytes, where: str) -> Iterator[NewsItem | Rejection]:
        """Yield the line's story after its notices, or its rejection; nothing for a blank line."""
        try:
            if len(line) > self._limit:
                raise too_long(f"{len(line) // 1024:,} kB", self._settings)
            row = parse_line(line if isinstance(line, str) else decode_line(line, "utf-8"))
        except DataError as error:
            yield Rejection.of(error, where)
            return
        if row is not None:
            yield from self._rows.read(row, where)


def parse_line(text: str) -> dict[str, object] | None:
    """Return the object of one line, None for a blank one.

    Raises
    ------
    DataError
        If it is not JSON, not an object, or names a key twice.
    """
    text = text.removeprefix("\ufeff").strip()
    if not text:
        return None
    try:
        row = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise DataError(
            "JSON nested too deep", given=shorten(text, 60), wanted="one flat object a line"
        ) from None
    except ValueError as error:
        raise DataError(
            f"broken JSON: {error}", given=shorten(text, 60), wanted="one JSON object a line"
        ) from None
    if not isinstance(row, dict):
        raise DataError("no JSON object", given=type(row).__name__, wanted="one JSON object a line")
    return row


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError("a key that stands twice", given=shorten(twice), wanted="each key once")
    return row


def decode_line(line: bytes, encoding: str) -> str:
    """Return a line as text.

    Raises
    ------
    DataError
        If it holds bytes that are not in the encoding.
    """
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"bytes that are not {encoding}",
            given=f"{line[error.start : error.start + 4].hex(' ')} at byte {error.start + 1}",
            wanted=f"{encoding}, or set news.encoding (gb18030, big5, detect)",
        ) from None
