"""Term counts of texts, by a vocabulary or by hashing: one text at a time, nothing is fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from signals.features.text import TextSettings, terms_of

BUCKET = "#"
"""A hashed column is named by this and its number."""
OR = "|"
"""Between the terms of a row that share a hashed column."""


def _terms(text: str) -> list[str]:
    return list(terms_of(text))


def count_terms(
    texts: Sequence[str], text: TextSettings
) -> tuple[Any, NDArray[np.str_], NDArray[np.float64]]:
    """Return counts of the columns that enough texts hold, csr, their names, and all terms a text.

    In order of the alphabet, or of the hash: no other text changes it. A column in fewer texts than
    any fold could accept is left out, which changes no fold: it would have left it out itself.
    """
    if text.terms == "hashed":
        counts = sparse.csr_array(_hasher(text).transform(texts))
    else:
        counter = CountVectorizer(analyzer=_terms, dtype=np.float64)
        counts = sparse.csr_array(counter.fit_transform(texts))
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    kept = np.flatnonzero(held >= text.min_rows_per_term)
    if text.terms == "hashed":
        names = np.array([f"{BUCKET}{number}" for number in kept.tolist()], dtype="str")
    else:
        names = counter.get_feature_names_out()[kept].astype("str")
    return counts[:, kept], names, np.asarray(counts.sum(axis=1)).reshape(-1)


def count_known(texts: Sequence[str], text: TextSettings, columns: Sequence[str]) -> Any:
    """Return the counts of some columns by name, csr, in their order."""
    if text.terms == "hashed":
        places = [int(name.removeprefix(BUCKET)) for name in columns]
        return sparse.csr_array(sparse.csr_array(_hasher(text).transform(texts))[:, places])
    counter = CountVectorizer(analyzer=_terms, vocabulary=list(columns), dtype=np.float64)
    return sparse.csr_array(counter.transform(texts))


def words_of_buckets(told: str, text: TextSettings) -> dict[str, str]:
    """Return the terms of one text by the hashed column they fall into, joined by ``|``."""
    terms = sorted(set(_terms(told)))
    found: dict[str, list[str]] = {}
    # Each term is a text of its own here: one column a row. The hasher refuses to be given none.
    places = _hasher(text, _itself).transform(terms).indices.tolist() if terms else []
    for term, place in zip(terms, places, strict=True):
        found.setdefault(f"{BUCKET}{place}", []).append(term)
    return {bucket: OR.join(terms) for bucket, terms in found.items()}


def _hasher(text: TextSettings, analyzer: Callable[[str], list[str]] = _terms) -> Any:
    # Without signs: a bucket's count is that of its terms, and counts stay counts.
    return HashingVectorizer(
        analyzer=analyzer,
        n_features=text.n_hashed,
        alternate_sign=False,
        norm=None,
        dtype=np.float64,
    )


def _itself(term: str) -> list[str]:
    return [term]
