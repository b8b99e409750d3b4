"""NewsStore: every story that was ever known, in one append-only SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from markets.clock import as_utc
from markets.errors import DataError
from signals.news import NewsItem, Rejection, shorten, told
from signals.records import (
    COLUMNS,
    SCHEMA,
    VERSION,
    conflict,
    item_of,
    micros,
    record_sha256,
    row_of,
    same_story,
)

BATCH, LETTERS = 1_000, 4_000_000
"""Stories, and letters of them, that are committed at once: memory is bounded by both."""

KNOWN_BY = """
    WHERE i.available_at <= :as_of AND NOT EXISTS (
        SELECT 1 FROM items r
        WHERE r.source = i.source AND r.story = i.story AND r.available_at <= :as_of
          AND (r.available_at, r.item_id) > (i.available_at, i.item_id))
"""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the stories that were added.

    Attributes
    ----------
    added : int
        New stories, revisions among them.
    repeated : int
        Stories that were there before, word for word, in the store or in what was added: the first
        one stands.
    revised : int
        New stories that replace another.
    rejections : tuple of Rejection
        What is not in the store and why; notices (``kept``) too, but those of repeats.
    """

    added: int = 0
    repeated: int = 0
    revised: int = 0
    rejections: tuple[Rejection, ...] = ()

    @property
    def rejected(self) -> int:
        """Count of rows that did not become a story; notices are not among them."""
        return sum(not rejection.kept for rejection in self.rejections)

    def __add__(self, other: AddReport) -> AddReport:
        return AddReport.total((self, other))

    @classmethod
    def total(cls, reports: Sequence[AddReport]) -> AddReport:
        """Return the sum of reports, at a cost that grows with what they hold."""
        return cls(
            sum(report.added for report in reports),
            sum(report.repeated for report in reports),
            sum(report.revised for report in reports),
            tuple(chain.from_iterable(report.rejections for report in reports)),
        )


def _close(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.ProgrammingError):  # collected by another thread than that which made it
        connection.close()


class NewsStore:
    """Stories in the order in which they became known; nothing in it is ever changed or removed.

    Parameters
    ----------
    path : Path or str
        SQLite file, made if absent; ``":memory:"`` for one that ends with the object.

    Raises
    ------
    DataError
        If the file is no news store, or is locked by another process for long.

    Notes
    -----
    A story is one row, written in a transaction that is synced to disk: a crash leaves it whole or
    not at all. Instants are kept to the microsecond.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> nine, ten, eleven = (datetime(2025, 9, 12, hour, tzinfo=UTC) for hour in (9, 10, 11))
    >>> store = NewsStore(":memory:")
    >>> first = NewsItem("a", nine, "wire", "Deal near")
    >>> fixed = NewsItem("b", eleven, "wire", "No deal near", revision_of="a")
    >>> report = store.add([first, first, fixed])
    >>> report.added, report.repeated, report.revised
    (2, 1, 1)
    >>> [item.title for item in store.items(as_of=ten)]
    ['Deal near']
    >>> [item.title for item in store.items(as_of=eleven)]
    ['No deal near']
    """

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.path = str(path)
        in_memory = self.path == ":memory:"
        try:
            if not in_memory:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            # A store in memory lives as long as who reads it: nobody else knows when to close it.
            weakref.finalize(self, _close, self._db)
            self._prepare(in_memory=in_memory)
        except (sqlite3.Error, OSError) as error:
            raise DataError(
                f"cannot open the news store: {error}",
                where=self.path,
                wanted="a news store, or a path where none is yet",
            ) from None

    def _prepare(self, *, in_memory: bool) -> None:
        self._db.execute("PRAGMA recursive_triggers = ON")  # REPLACE must meet the triggers too
        if not in_memory:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        # Locked, so that two processes that start at once do not both lay the tables.
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version == 0 and tables == 0:
                for statement in SCHEMA:
                    self._db.execute(statement)
            elif version != VERSION:
                raise DataError(
                    "a database that is no news store of this version",
                    given=f"version {version}",
                    wanted=f"version {VERSION}",
                    where=self.path,
                )

    def add(self, items: Iterable[NewsItem | Rejection], *, where: str | None = None) -> AddReport:
        """Add stories; what a source rejected passes into the report.

        A story is known by (source, id). The same one again is counted, and the first one stands
        with its first clocks. Another text, publication clock, language, address or tickers under a
        known id are rejected: a correction comes as a new id with `revision_of`.

        Parameters
        ----------
        items : iterable of NewsItem or Rejection
            As a source reads them.
        where : str, optional
            What the source is called, for the error.

        Raises
        ------
        DataError
            If one is neither, or the file cannot be written.

        Notes
        -----
        Committed in batches. Where `items` raises midway, all that came before is committed.
        """
        reports: list[AddReport] = []
        batch: list[NewsItem | Rejection] = []
        held = 0
        try:
            for item in told(items, where):
                batch.append(item)
                held += len(item.body) if isinstance(item, NewsItem) else 0
                if len(batch) == BATCH or held > LETTERS:
                    (full, batch), held = (batch, []), 0
                    reports.append(self._add_batch(full))
        finally:
            reports.append(self._add_batch(batch))
        return AddReport.total(reports)

    def _add_batch(self, batch: list[NewsItem | Rejection]) -> AddReport:
        added, repeated, revised = 0, 0, 0
        rejections: list[Rejection] = []
        with self._transaction():
            for item in batch:
                outcome = item if isinstance(item, Rejection) else self._add_one(item)
                if isinstance(outcome, Rejection):
                    if outcome.is_repeat:
                        repeated += 1
                    else:
                        rejections.append(outcome)
                elif outcome:
                    added += 1
                    revised += isinstance(item, NewsItem) and item.revision_of is not None
                else:
                    repeated += 1
        return AddReport(added, repeated, revised, tuple(rejections))

    def _add_one(self, item: NewsItem) -> bool | Rejection:
        """Return True if the story is new, False if it was there, or why it cannot be."""
        where = f"{item.source}/{item.item_id}"
        if item.revision_of == item.item_id:
            return Rejection(
                where, "a story that revises itself", item.item_id, wanted="the id of another"
            )
        try:
            before = self.get(item.source, item.item_id)
            if before is not None:
                return False if same_story(before, item) else conflict(before, item, where)
            row = (*row_of(item), micros(item.available_at), self._story(item), record_sha256(item))
            marks = ", ".join("?" * len(row))
            self._db.execute(
                f"INSERT INTO items ({', '.join(COLUMNS)}, available_at, story, sha256) "  # noqa: S608
                f"VALUES ({marks})",
                row,
            )
        except (UnicodeEncodeError, OverflowError, sqlite3.DataError) as error:
            return Rejection(
                shorten(where), "a story that cannot be stored", shorten(str(error)), "UTF-8 text"
            )
        return True

    def _story(self, item: NewsItem) -> str:
        """Return the id of the first version, which all revisions share."""
        if item.revision_of is None:
            return item.item_id
        found = self._db.execute(
            "SELECT story FROM items WHERE source = ? AND item_id = ?",
            (item.source, item.revision_of),
        ).fetchone()
        return str(found[0]) if found else item.revision_of

    def items(self, as_of: datetime | None = None) -> Iterator[NewsItem]:
        """Yield stories in order of (available_at, source, item_id).

        Parameters
        ----------
        as_of : datetime, optional
            UTC instant: of each story the latest version available by then, as a reader saw it.
            Unset: every version of every story as it became known, replaced ones too, since a
            backtest that skips what was corrected later looks ahead.
        """
        query = f"SELECT {', '.join(COLUMNS)} FROM items i "  # noqa: S608
        known = KNOWN_BY if as_of is not None else ""
        order = " ORDER BY i.available_at, i.source, i.item_id"
        rows = self._db.execute(query + known + order, _bound(as_of))
        yield from map(item_of, rows)

    def get(self, source: str, item_id: str) -> NewsItem | None:
        """Return one story, None if it is not here."""
        row = self._db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM items WHERE source = ? AND item_id = ?",  # noqa: S608
            (source, item_id),
        ).fetchone()
        return item_of(row) if row else None

    def latest(self, item: NewsItem) -> NewsItem:
        """Return the newest version of a story by its clocks; itself if none replaced it."""
        row = self._db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM items WHERE source = ? AND story = ? "  # noqa: S608
            "ORDER BY available_at DESC, item_id DESC LIMIT 1",
            (item.source, self._story(item)),
        ).fetchone()
        return item_of(row) if row else item

    def sha256(self, as_of: datetime | None = None) -> str:
        """Return the hash of all that `items` yields: the identity of a run's news input."""
        digest = hashlib.sha256()
        for item in self.items(as_of):
            digest.update(bytes.fromhex(record_sha256(item)))
        return digest.hexdigest()

    def ids_sha256(self) -> str:
        """Return the hash of the ids of all stories: equal however their columns are mapped."""
        digest = hashlib.sha256()
        for (item_id,) in self._db.execute("SELECT item_id FROM items ORDER BY item_id"):
            digest.update(f"{len(item_id)} {item_id}".encode())
        return digest.hexdigest()

    def check(self) -> None:
        """Read every story again and compare it with the hash taken when it was added.

        Raises
        ------
        DataError
            If the file is damaged or somebody changed a story past the triggers.
        """
        try:
            (state,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
            if state != "ok":
                raise DataError("a damaged news store", given=state, where=self.path)
            for *row, sha256 in self._db.execute(f"SELECT {', '.join(COLUMNS)}, sha256 FROM items"):  # noqa: S608
                item = item_of(row)
                if record_sha256(item) != sha256:
                    raise DataError(
                        "a story that is not as it was added",
                        given=f"{item.source}/{item.item_id}",
                        where=self.path,
                    )
        except sqlite3.DatabaseError as error:
            raise DataError(f"a damaged news store: {error}", where=self.path) from None

    def __len__(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM items").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise DataError(
                f"a damaged news store: {error}",
                given=self.path,
                wanted="a whole news store, or a path where none is yet",
            ) from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise DataError(f"cannot write the news store: {error}", where=self.path) from None


def _bound(as_of: datetime | None) -> dict[str, int]:
    return {} if as_of is None else {"as_of": micros(as_utc(as_of))}
