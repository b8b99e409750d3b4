"""Inputs: every row's numbers and term counts in one matrix, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from signals.classifiers.counting import count_terms
from signals.features.base import FeatureFrame
from signals.features.text import TextSettings


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
        Names of the term columns, in order of the alphabet or, of hashed ones, of their numbers: an
        order that no other row changes.
    groups : mapping of str to tuple of str
        Columns by feature group.
    totals : ndarray of float64, shape (n_rows,), optional
        Terms of each row, those included that are too rare to have a column; without it, those of
        the columns.
    texts : tuple of str
        Pooled text of each row where terms are hashed, to name buckets by its words; else empty.
    """

    matrix: Any
    columns: tuple[str, ...]
    terms: NDArray[np.str_]
    groups: dict[str, tuple[str, ...]]
    totals: NDArray[np.float64] | None = None
    texts: tuple[str, ...] = ()

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
            self.totals,
            self.texts,
        )

    def with_news_of(self, rows: NDArray[np.int64]) -> Inputs:
        """Return inputs whose rows got the news of other rows; their prices stay where they are.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_rows,)
            For each row, the one whose news it gets.
        """
        prices = set(self.groups.get("prices", ()))
        stay = [place for place, name in enumerate(self.columns) if name in prices]
        own = self.matrix[:, : self.n_columns].toarray()
        numbers = own[rows]
        numbers[:, stay] = own[:, stay]
        counts = self.matrix[rows][:, self.n_columns :]
        matrix = sparse.hstack([sparse.csr_array(numbers), counts], format="csr")
        totals = None if self.totals is None else self.totals[rows]
        texts = tuple(self.texts[row] for row in rows.tolist()) if self.texts else ()
        matrix = sparse.csr_array(matrix)
        return Inputs(matrix, self.columns, self.terms, self.groups, totals, texts)

    def take(self, rows: NDArray[np.int64], places: NDArray[np.int64]) -> Any:
        """Return some rows and columns of the matrix.

        Entries stand in order of their columns: sums over them must not round in another order.
        """
        taken = sparse.csr_array(self.matrix[rows][:, places])
        taken.sort_indices()
        return taken

    def common_places(self, train: NDArray[np.int64], least: int | None) -> NDArray[np.int64]:
        """Return the places of all features and of the terms that enough of some rows hold.

        Depends on nothing but those rows. Without a number of rows, no term is among them.
        """
        features = np.arange(self.n_columns)
        if least is None:
            return features
        counts = self.matrix[train][:, self.n_columns :]
        held = np.bincount(counts.indices, minlength=counts.shape[1])
        return np.concatenate([features, self.n_columns + np.flatnonzero(held >= least)])

    def term_totals(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how many terms stand in each row, known to anyone or not."""
        if self.totals is not None:
            return self.totals[rows]
        counts = self.matrix[rows][:, self.n_columns :]
        return np.asarray(counts.sum(axis=1), dtype="float64").reshape(-1)


def prices_alone(values: pd.DataFrame) -> Inputs:
    """Return price features as inputs of their own: no other column, no terms."""
    columns = tuple(values.columns)
    matrix = sparse.csr_array(values.to_numpy(dtype="float64"))
    return Inputs(matrix, columns, np.empty(0, "str"), {"prices": columns})


def inputs_of(features: FeatureFrame, text: TextSettings) -> Inputs:
    """Count the terms of every row and set them beside its features.

    Counting looks at one row at a time and fits nothing.
    """
    numbers = sparse.csr_array(features.values.to_numpy(dtype="float64"))
    groups = {name: tuple(columns) for name, columns in features.groups.items()}
    columns = tuple(features.values.columns)
    if not text.enabled or not features.texts.str.strip().any():
        return Inputs(numbers, columns, np.empty(0, "str"), groups)
    texts = features.texts.tolist()
    counts, names, totals = count_terms(texts, text)
    matrix = sparse.csr_array(sparse.hstack([numbers, counts], format="csr"))
    told = tuple(texts) if text.terms == "hashed" else ()
    return Inputs(matrix, columns, names, groups, totals, told)
