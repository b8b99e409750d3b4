"""Inputs: every row's numbers and term counts in one matrix, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from signals.features.base import FeatureFrame
from signals.features.text import TextSettings, terms_of


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a fold's pipeline is fitted on: feature columns first, term counts after them.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array, float64, shape (n_rows, n_columns + n_terms)
        Features, then how often each term stands in the row's stories.
    columns : tuple of str
        Names of the feature columns.
    terms : ndarray of str
        Names of the term columns, in order of the alphabet: an order that no other row changes.
    groups : mapping of str to tuple of str
        Columns by feature group.
    """

    matrix: Any
    columns: tuple[str, ...]
    terms: NDArray[np.str_]
    groups: dict[str, tuple[str, ...]]

    @property
    def n_columns(self) -> int:
        """Number of feature columns."""
        return len(self.columns)

    def only(self, groups: Sequence[str], *, text: bool) -> Inputs:
        """Return the inputs of some feature groups, with or without the terms."""
        kept = [name for group in groups for name in self.groups[group]]
        places = [self.columns.index(name) for name in kept]
        if text:
            places += range(self.n_columns, self.matrix.shape[1])
        return Inputs(
            self.matrix[:, places],
            tuple(kept),
            self.terms if text else self.terms[:0],
            {group: self.groups[group] for group in groups},
        )


def inputs_of(features: FeatureFrame, text: TextSettings) -> Inputs:
    """Count the terms of every row and set them beside its features.

    Counting looks at one row at a time and fits nothing. Terms in fewer rows than any fold could
    accept are left out, which changes no fold: it would have left them out itself.
    """
    numbers = sparse.csr_array(features.values.to_numpy(dtype="float64"))
    groups = {name: tuple(columns) for name, columns in features.groups.items()}
    columns = tuple(features.values.columns)
    if not text.enabled or not features.texts.str.strip().any():
        return Inputs(numbers, columns, np.empty(0, "str"), groups)
    counter = CountVectorizer(analyzer=_terms, dtype=np.float64)
    counts = counter.fit_transform(features.texts.tolist())
    seen = np.diff(counts.tocsc().indptr)
    kept = np.flatnonzero(seen >= text.min_rows_per_term)
    terms = counter.get_feature_names_out()[kept].astype("str")
    matrix = sparse.hstack([numbers, sparse.csr_array(counts[:, kept])], format="csr")
    return Inputs(sparse.csr_array(matrix), columns, terms, groups)


def _terms(text: str) -> list[str]:
    return list(terms_of(text))
