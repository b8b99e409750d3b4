"""Text features: the terms of a row's stories. Their weights are learned inside the fold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field

from markets.settings import Settings

_RUN = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff]+)|([^\W\d_]{2,})")


class TextSettings(Settings):
    """Which terms of the pooled text a fold's classifier sees."""

    enabled: bool = True
    """Learn from the words at all."""
    min_train_rows: int = Field(default=400, ge=1)
    """The bag of words is left out of a fold with fewer training rows than this."""
    min_rows_per_term: int = Field(default=8, ge=1)
    """A term counts once this many training rows of the fold hold it."""
    max_terms: int = Field(default=3000, ge=1)
    """At most this many terms a fold: those in the most training rows."""
    weight: float = Field(default=20.0, gt=0)
    """The words of a row weigh as much as this many columns of features."""


def terms_of(text: str) -> Iterator[str]:
    """Yield the terms of a text: one and two characters of Chinese, words of everything else.

    Numbers are left out: they are features of their own, and dates would give the future away.

    Examples
    --------
    >>> list(terms_of("阿里云 Cloud revenue +26 %"))
    ['阿', '里', '云', '阿里', '里云', 'cloud', 'revenue']
    """
    for han, word in _RUN.findall(text):
        if han:
            yield from han
            yield from map("".join, pairwise(han))
        else:
            yield word.lower()
