"""Texts seen lately, near copies counted with the first of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from signals.events.minhash import CopyIndex, Signature, signature
from signals.events.schema import Event
from signals.news import NewsItem

MAX_SOURCES = 256
"""Outlets told apart for one text."""


@dataclass(slots=True)
class Text:
    """One text, with what is known of its near copies.

    Attributes
    ----------
    key : int
        Running number.
    item_id : str
        The first item that carried it.
    shape : Signature
        Of the first item.
    first_at, last_at : datetime
        UTC instants of its first and latest copy.
    copies : int
        Items that carried it after the first.
    outlets : int
        Outlets that carried it: told apart by name, or the most that one item claims.
    events : tuple of Event
        What the first item said.
    """

    key: int
    item_id: str
    shape: Signature
    first_at: datetime
    last_at: datetime
    digest: bytes
    copies: int = 0
    outlets: int = 0
    sources: set[str] = field(default_factory=set)
    events: tuple[Event, ...] = ()


class Copies:
    """Recognizes the text of an item among those of the window before it.

    Parameters
    ----------
    window : timedelta
        How long a text is remembered after its latest copy.
    threshold : float
        Similarity from which two texts are near copies.
    """

    def __init__(self, window: timedelta, threshold: float) -> None:
        self._window = window
        self._index = CopyIndex(threshold)
        # In order of `last_at`: a text that is seen again moves to the end.
        self._texts: OrderedDict[int, Text] = OrderedDict()
        self._exact: dict[bytes, int] = {}
        self._next_key = 0

    def __len__(self) -> int:
        return len(self._texts)

    def see(self, item: NewsItem) -> Text:
        """Return the text, counted once more; a new one has no copies."""
        at = item.available_at
        self._forget(at - self._window)
        digest = blake2b(item.text.encode("utf-8", "replace"), digest_size=16).digest()
        key = self._exact.get(digest)  # word for word: no signature is needed
        if key is None:
            shape = signature(item.text)
            key = self._index.find(shape)
            if key is None:
                return self._count(self._new(item, shape, digest), item)
        text = self._texts[key]
        text.copies += 1
        text.last_at = at
        self._texts.move_to_end(key)
        return self._count(text, item)

    @staticmethod
    def _count(text: Text, item: NewsItem) -> Text:
        if len(text.sources) < MAX_SOURCES:
            text.sources.add(item.source)
        text.outlets = max(text.outlets, item.outlets, len(text.sources))
        return text

    def _new(self, item: NewsItem, shape: Signature, digest: bytes) -> Text:
        key = self._next_key
        self._next_key += 1
        at = item.available_at
        self._texts[key] = text = Text(key, item.item_id, shape, at, at, digest)
        self._exact[digest] = key
        self._index.add(key, shape)
        return text

    def _forget(self, before: datetime) -> None:
        while self._texts:
            oldest = next(iter(self._texts.values()))
            if oldest.last_at >= before:
                return
            del self._texts[oldest.key]
            del self._exact[oldest.digest]
            self._index.remove(oldest.key)
