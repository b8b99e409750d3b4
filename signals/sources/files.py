"""Files on disk: found by pattern, unpacked and cut into lines within declared limits."""

from __future__ import annotations

import glob
import gzip
import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from markets.errors import ConfigError, DataError, MissingDataError
from signals.news import NewsItem, Rejection, shorten
from signals.sources import NewsSettings
from signals.sources.encodings import detect_encoding
from signals.sources.pooling import Placed, pooled, unique
from signals.sources.rows import RowReader, too_long

MEGABYTE = 1024 * 1024
CHUNK = 64 * 1024
CUT_WANTED = "a whole .gz file"
OTHER_CONTAINERS = {b"PK\x03\x04": "a zip archive", b"PAR1": "a Parquet file", b"\xfd7zXZ": "xz"}


class FileNews(ABC):
    """A source of one or more files: each row is a story or the reason that it is none.

    Parameters
    ----------
    settings : NewsSettings
        Path, columns, limits.
    data_dir : Path
        Folder that a relative path starts from.
    known : collection of str, optional
        Normalized tickers of the universe: others are reported once each.
    """

    endings: tuple[str, ...] = ()
    pools = False

    def __init__(
        self, settings: NewsSettings, data_dir: Path, *, known: Collection[str] | None = None
    ) -> None:
        self.settings = settings
        self._data_dir = data_dir
        self._known = known

    def read(self) -> Iterator[NewsItem | Rejection]:
        """Yield each row as a story or as the reason it is none, in the order of files and rows.

        Raises
        ------
        MissingDataError
            If no file fits, or a column is absent.
        DataError
            If a file is unreadable, or there is no story in any of them.
        """
        rows = self._placed()
        if self.pools and self.settings.pool_rows:
            rows = pooled(rows, self.settings.pool_rows)
        stories, refused, first = 0, 0, None
        for item in unique(rows):
            if isinstance(item, NewsItem):
                stories += 1
            elif not item.kept:
                refused, first = refused + 1, first or item
            yield item
        if not stories:
            raise DataError(
                "no story could be read",
                given=f"{refused:,} rejected, the first: {first or 'no rows'}",
                wanted="at least one row with a text and a clock",
                where=first.where if first else self.settings.path,
            )

    def files(self) -> list[Path]:
        """Return every file that is read, in order.

        Raises
        ------
        MissingDataError
            If there is none.
        """
        return find_files(self.settings, self._data_dir, self.endings)

    @abstractmethod
    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield each row of one file with its place."""

    def _placed(self) -> Iterator[Placed]:
        reader = RowReader(self.settings, known=self._known)
        for path in self.files():
            try:
                yield from self._read_file(path, reader)
            except OSError as error:
                raise DataError(
                    "cannot read the file",
                    given=(error.strerror or str(error)).lower(),
                    wanted="a file that can be read",
                    where=path.name,
                ) from None

    def _read_file(self, path: Path, reader: RowReader) -> Iterator[Placed]:
        if path.stat().st_size == 0:
            yield path.name, Rejection(path.name, "an empty file", "0 bytes", "at least one story")
            return
        for where, row in self.rows(path):
            if isinstance(row, Rejection):
                yield where, row
                continue
            for item in reader.read(row, where):
                yield where, item


def find_files(settings: NewsSettings, data_dir: Path, endings: tuple[str, ...]) -> list[Path]:
    """Return the files that fit the path, in order of their names.

    Raises
    ------
    MissingDataError
        If there is none.
    """
    patterns = [settings.path] if settings.path else [f"*{ending}" for ending in endings]
    found: set[Path] = set()
    for pattern in patterns:
        exact = data_dir / pattern
        names = [str(exact)] if exact.is_file() else glob.glob(str(exact), recursive=True)
        found.update(path for path in map(Path, names) if path.is_file())
    if not found:
        raise MissingDataError(
            "no news file",
            given=" or ".join(patterns),
            wanted="a file or pattern, relative to the data folder (news.path)",
            where=str(data_dir),
        )
    return sorted(found, key=lambda path: (path.name, str(path)))


def lines(path: Path, settings: NewsSettings) -> Iterator[tuple[int, bytes | Rejection]]:
    """Yield (line number from 1, bytes without the line end), unpacking ``.gz``; blank lines too.

    A line over ``max_item_kb`` is passed over without being held in memory.

    Raises
    ------
    DataError
        If the file is another container, or is longer than ``max_file_mb`` when unpacked.
    """
    with _open(path) as stream:
        yield from lines_in(stream, path.name, settings, settings.max_file_mb * MEGABYTE)


def lines_in(
    stream: BinaryIO, name: str, settings: NewsSettings, budget: float = math.inf
) -> Iterator[tuple[int, bytes | Rejection]]:
    """Yield the lines of an open stream as `lines` does; it may hold `budget` bytes."""
    limit = settings.max_item_kb * 1024
    number, read = 0, 0
    while True:
        try:
            line = stream.readline(limit + 2)
            whole = len(line) <= limit or line.endswith(b"\n")
            size = len(line) if whole else len(line) + _skip(stream, budget - read)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            where = f"{name}:{number + 1}"
            yield number + 1, Rejection(where, "the file is cut off", str(error), CUT_WANTED)
            return
        if not line:
            return
        number += 1
        read += size
        if read > budget:
            raise DataError(
                "a file over the size limit",
                given=f"more than {settings.max_file_mb:,} MB when unpacked",
                wanted="smaller files, or a higher news.max_file_mb",
                where=f"{name}:{number}",
            )
        if whole:
            yield number, line.rstrip(b"\r\n")
        else:
            refused = too_long(f"{size // 1024:,} kB", settings)
            yield number, Rejection.of(refused, f"{name}:{number}")


def read_whole(path: Path, settings: NewsSettings) -> bytes:
    """Return a feed or page, unpacked.

    Raises
    ------
    DataError
        If it is over ``max_item_kb``, cut off, or another container.
    """
    limit = settings.max_item_kb * 1024
    with _open(path) as stream:
        try:
            data = stream.read(limit + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                "the file is cut off", given=str(error), wanted=CUT_WANTED, where=path.name
            ) from None
    if len(data) > limit:
        raise too_long(f"more than {settings.max_item_kb:,} kB", settings)
    return data


def encoding_of(path: Path, settings: NewsSettings) -> str:
    """Return the codec of a text file: the declared one, or the one its first bytes show.

    Raises
    ------
    ConfigError
        If the declared one does not exist or is not made of single bytes for ASCII.
    """
    if settings.encoding == "detect":
        with _open(path) as stream:
            try:
                return detect_encoding(stream.read(4 * CHUNK))
            except (EOFError, zlib.error, gzip.BadGzipFile):
                return "utf-8"
    return checked_encoding(settings.encoding)


def checked_encoding(name: str) -> str:
    """Return the name of a codec that text files can have.

    Raises
    ------
    ConfigError
        If it does not exist or is not made of single bytes for ASCII.
    """
    try:
        plain = b"{1}\n".decode(name) == "{1}\n"
    except (LookupError, ValueError):
        plain = False
    if not plain:
        raise ConfigError(
            "no encoding that news files can have",
            given=shorten(name),
            wanted="utf-8, gb18030, big5, latin-1 or another that keeps ASCII; or detect",
            where="news.encoding",
        )
    return name


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        start = stream.read(6)
    for magic, kind in OTHER_CONTAINERS.items():
        if start.startswith(magic):
            raise DataError(
                f"{kind}, not a text file",
                given=path.name,
                wanted="plain text or .gz",
                where=path.name,
            )
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def _skip(stream: BinaryIO, budget: float) -> int:
    """Read to the end of a line without keeping it; stop once the budget is spent."""
    skipped = 0
    while skipped <= budget:
        part = stream.readline(CHUNK)
        skipped += len(part)
        if not part or part.endswith(b"\n"):
            break
    return skipped
