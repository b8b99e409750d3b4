"""Text features: the terms of a row's stories, each of its language; weighed inside the fold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from pydantic import Field

from markets.settings import Settings
from signals.news import NewsItem
from signals.text.language import LanguageGuesser

_STORY, _SAYS = "\x1e", "\x1f"
"""ASCII's own separators: a story begins; its language ends and its text begins."""
_MARKS = str.maketrans({_STORY: " ", _SAYS: " "})
_RUN = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff]+)|([^\W\d_]{2,})")


class TextSettings(Settings):
    """Which terms of the pooled text a fold's classifier sees."""

    enabled: bool = True
    """Learn from the words at all."""
    terms: Literal["vocabulary", "hashed"] = "vocabulary"
    """A column for each term, or for each of `n_hashed` buckets that terms are hashed into: nothing
    is remembered, and unknown terms cannot be told from known ones."""
    n_hashed: int = Field(default=2**18, ge=2, le=2**24)
    """Buckets of hashed terms; those of several terms count them as one."""
    min_train_rows: int = Field(default=400, ge=1)
    """The bag of words is left out of a fold with fewer training rows than this."""
    min_rows_per_term: int = Field(default=8, ge=1)
    """A term or bucket counts once this many training rows of the fold hold it."""
    max_terms: int = Field(default=3000, ge=1)
    """At most this many terms a fold: those in the most training rows. Buckets all count."""
    weight: float = Field(default=20.0, gt=0)
    """The words of a row weigh as much as this many columns of features."""

    @property
    def most_columns(self) -> int:
        """Most columns that a fold learns from."""
        return self.n_hashed if self.terms == "hashed" else self.max_terms


def pooled(items: Sequence[NewsItem], guesser: LanguageGuesser) -> str:
    """Return the different texts of some stories as one, each behind the language it is in."""
    texts = {item.text: item.language for item in items if item.text.strip()}
    return "".join(
        f"{_STORY}{guesser.guess(text, declared)}{_SAYS}{text.translate(_MARKS)}"
        for text, declared in texts.items()
    )


def terms_by_story(items: Sequence[NewsItem], text: str) -> list[list[str]]:
    """Return the terms of a pooled text by the story that told them; the first of equal texts.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at = datetime(2025, 1, 2, tzinfo=UTC)
    >>> told = ["Die Bank", "Die Bank", "Der Chip"]
    >>> items = [NewsItem(str(n), at, "wire", title, language="de") for n, title in enumerate(told)]
    >>> terms_by_story(items, pooled(items, LanguageGuesser()))
    [['de:die', 'de:bank'], [], ['de:der', 'de:chip']]
    """
    found: list[list[str]] = [[] for _ in items]
    if text:
        first = {item.text: at for at, item in reversed([*enumerate(items)]) if item.text.strip()}
        for at, told in zip(sorted(first.values()), text.split(_STORY)[1:], strict=True):
            found[at] = list(terms_of(told))
    return found


def terms_of(text: str) -> Iterator[str]:
    """Yield the terms of a pooled text: one and two characters of Chinese, words of all else.

    A word carries the language of its story: German "die" is no English one. Characters do not:
    they are Chinese wherever they stand. Numbers are left out: they are features of their own, and
    dates would give the future away.

    Examples
    --------
    >>> list(terms_of("阿里云 Cloud revenue +26 %"))
    ['阿', '里', '云', '阿里', '里云', 'cloud', 'revenue']
    >>> from datetime import UTC, datetime
    >>> at = datetime(2025, 1, 2, tzinfo=UTC)
    >>> told = [("de", "Die Bank"), ("en", "The bank")]
    >>> items = [NewsItem(l, at, "wire", language=l, title=title) for l, title in told]
    >>> list(terms_of(pooled(items, LanguageGuesser())))
    ['de:die', 'de:bank', 'en:the', 'en:bank']
    """
    for story in text.split(_STORY):
        language, says, told = story.partition(_SAYS)
        prefix = f"{language}:" if says else ""
        for han, word in _RUN.findall(told if says else story):
            if han:
                yield from han
                yield from map("".join, pairwise(han))
            else:
                yield prefix + word.lower()
