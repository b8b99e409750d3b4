"""NewsItem: one story as one outlet published it, with its three clocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from markets.clock import as_utc
from markets.errors import DataError, NewswakeError
from markets.prices import RejectedRow

SAME_AGAIN = "the same story again"


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One story, immutable.

    Attributes
    ----------
    item_id : str
        Unique within its source.
    published_at : datetime
        UTC instant the source states. A date without a time of day is the end of that day.
    first_seen_at, enriched_at : datetime or None
        UTC instants our own feed first saw it and another service scored it, where known.
    source : str
        Outlet or feed.
    language : str
        ``de``, ``en``, ``zh``, or ``und`` where nobody said.
    title, body : str
        The text; either may be empty, not both.
    url : str or None
        Where it stands.
    revision_of : str or None
        `item_id` of the item this one replaces from its own clocks on.
    tickers : tuple of str
        Tickers the source itself names (normalized); added to what linking finds.
    outlets : int
        How many outlets carried it by `available_at`, where the source says; 1 otherwise.
    """

    item_id: str
    published_at: datetime
    source: str
    title: str
    body: str = ""
    language: str = "und"
    first_seen_at: datetime | None = None
    enriched_at: datetime | None = None
    url: str | None = None
    revision_of: str | None = None
    tickers: tuple[str, ...] = ()
    outlets: int = 1

    def __post_init__(self) -> None:
        where = f"item {self.item_id}"
        for name in ("published_at", "first_seen_at", "enriched_at"):
            clock = getattr(self, name)
            if clock is not None:
                object.__setattr__(self, name, as_utc(clock, where=f"{where}: {name}"))
        if not (self.title.strip() or self.body.strip()):
            raise DataError(
                "a story needs a title or a body", given="both empty", wanted="words", where=where
            )

    @property
    def available_at(self) -> datetime:
        """UTC instant from which the story may be used: the latest of its clocks."""
        clocks = (self.published_at, self.first_seen_at, self.enriched_at)
        return max(clock for clock in clocks if clock is not None)

    @property
    def text(self) -> str:
        """Title and body, a newline between."""
        return "\n".join(part for part in (self.title, self.body) if part)

    @property
    def content_sha256(self) -> str:
        """Hash of the text: equal for the same words, whoever carried them."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rejection(RejectedRow):
    """A row that could not become a story, kept and counted so that nothing is lost silently.

    Attributes
    ----------
    where : str
        File and line (or row).
    problem, given, wanted : str
        What was wrong, what stood there, what would have been right.
    kept : bool
        True for a notice: the story stands, a part of its row was set aside (an unknown ticker).
    """

    kept: bool = False

    @classmethod
    def repeat(cls, item: NewsItem, where: str) -> Rejection:
        """Return the notice that a row tells a story again, word for word."""
        return cls(where, SAME_AGAIN, shorten(item.item_id), kept=True)

    @property
    def is_repeat(self) -> bool:
        """True for the notice of a story told again: nothing is lost, so a count is enough."""
        return self.kept and self.problem == SAME_AGAIN

    @classmethod
    def of(cls, error: NewswakeError, where: str) -> Rejection:
        """Return the rejection that an error means for one row; long values are cut short."""
        given, wanted = (
            "" if part is None else shorten(str(part)) for part in (error.given, error.wanted)
        )
        return cls(error.where or where, error.problem, given, wanted)


def shorten(text: str, limit: int = 120) -> str:
    r"""Return a text fit for a message: printable, and no longer than `limit` characters.

    Examples
    --------
    >>> shorten("a" * 200, limit=8)
    'aaaaaaa…'
    >>> shorten("red" + chr(27) + "[31m")
    'red\\x1b[31m'
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in cut
    )


class NewsSource(Protocol):
    """Where stories come from: JSONL, CSV, Parquet, feeds, or a user's own class."""

    def read(self) -> Iterator[NewsItem | Rejection]:
        """Yield each row as a story or as the reason it is none, in the source's order.

        Raises
        ------
        MissingDataError
            If the file or a column is absent.
        DataError
            If the whole file is unreadable (wrong encoding, not the declared format).
        """
        ...


def told(
    items: Iterable[NewsItem | Rejection], where: str | None = None
) -> Iterator[NewsItem | Rejection]:
    """Yield what a source tells, held to the protocol: a source of one's own may tell anything.

    Raises
    ------
    DataError
        If it is nothing to go through, or one of it is neither a story nor a rejection.
    """
    if not isinstance(items, Iterable):
        raise DataError(
            "a news source told nothing that can be gone through",
            given=type(items).__name__,
            wanted="`read` that yields NewsItem and Rejection",
            where=where,
        )
    for number, item in enumerate(items, 1):
        if not isinstance(item, NewsItem | Rejection):
            raise DataError(
                "neither a story nor a rejection",
                given=type(item).__name__,
                wanted="NewsItem or Rejection",
                where=f"{where}: item {number}" if where else f"item {number}",
            )
        yield item
