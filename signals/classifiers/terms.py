"""FoldTerms: which terms a fold knows, and what each of them weighs."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data


class FoldTerms(TransformerMixin, BaseEstimator):
    """Term counts into weights learned from the training rows alone.

    Keeps the terms that stand in at least `min_rows` training rows, at most `max_terms` of them
    (those in the most rows; ties in column order), weighs each count as (1 + log count) × inverse
    document frequency, and scales each row to length 1.

    Parameters
    ----------
    min_rows : int
        Training rows that must hold a term.
    max_terms : int
        Most terms that are kept.
    scheme : {'tfidf', 'counts'}
        Weigh the terms, or hand the counts of the kept ones on.

    Attributes
    ----------
    kept_ : ndarray of int64
        Columns that are kept, ascending.
    idf_ : ndarray of float64
        Weight of each kept term: log((1 + rows) / (1 + rows with the term)) + 1.
    """

    def __init__(self, min_rows: int = 8, max_terms: int = 3000, scheme: str = "tfidf") -> None:
        self.min_rows = min_rows
        self.max_terms = max_terms
        self.scheme = scheme

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn which terms count, from term counts of shape (n_rows, n_terms)."""
        X = validate_data(self, X, accept_sparse="csr", dtype="float64")
        check_non_negative(X, "FoldTerms (term counts)")
        X = sparse.csr_array(X)
        rows = np.asarray((X > 0).sum(axis=0)).reshape(-1)
        common = np.flatnonzero(rows >= self.min_rows)
        order = np.argsort(-rows[common], kind="stable")[: self.max_terms]
        self.kept_ = np.sort(common[order])
        self.idf_ = np.log((1.0 + X.shape[0]) / (1.0 + rows[self.kept_])) + 1.0
        return self

    def transform(self, X: Any) -> Any:
        """Return weights, sparse, shape (n_rows, n_kept); each row by itself."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype="float64", reset=False)
        counts = sparse.csr_array(sparse.csr_array(X)[:, self.kept_])
        counts.eliminate_zeros()
        if self.scheme == "counts":
            return counts
        counts.data = (1.0 + np.log(np.maximum(counts.data, 1.0))) * self.idf_[counts.indices]
        return normalize(counts, norm="l2", copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the kept terms' names."""
        check_is_fitted(self)
        if input_features is None:
            input_features = np.array(
                [f"term{i}" for i in range(self.n_features_in_)], dtype=object
            )
        return np.asarray(input_features, dtype=object)[self.kept_]

    def __sklearn_tags__(self) -> Any:
        """Declare sparse input and counts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags
