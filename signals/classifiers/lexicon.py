"""ReturnLexicon: which words go with gains, learned from returns instead of from a dictionary."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_non_negative,
    validate_data,
)

Floats = NDArray[np.float64]

_HALVINGS = 50
_LEAST = 1e-9


class ReturnLexicon(ClassifierMixin, BaseEstimator):
    """A supervised lexicon: screening, two topics, a penalized likelihood.

    1. A term is charged if the share of its rows that gained differs from the share of all rows by
       at least `margin`, and at least `min_rows` rows hold it.
    2. Rows are mixtures of a gain topic and a loss topic over the charged terms, mixed by the rank
       of their return. Regressing the rows' term shares on the mixture gives the two topics.
    3. A new row's tone is the mixture that makes its terms most likely, with a penalty that pulls
       rows with few charged terms to one half.

    Parameters
    ----------
    margin : float
        Least difference of shares, in [0, 0.5).
    min_rows : float
        Least weight of the rows that hold a term; weights of 1 count rows.
    penalty : float
        Strength of the pull to one half, positive.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The second is the gain.
    charged_ : ndarray of int64, shape (n_charged,)
        Columns of the charged terms, ascending.
    topics_ : ndarray of float64, shape (2, n_charged)
        Share of each charged term in the gain topic and in the loss topic.
    tone_ : ndarray of float64, shape (n_charged,)
        (gain − loss) / (gain + loss) of each charged term, in [-1, 1].
    intercept_ : float
        Log-odds of a gain among the training rows.

    Notes
    -----
    Ke, Kelly and Xiu, Predicting Returns with Text Data (2019). Terms are measured against the
    share of gains of all rows, where the paper has one half; without returns, the rank of a row
    is the mean rank of its class. Answers are computed row by row: no other row changes their bits.

    Examples
    --------
    >>> counts = np.array([[2, 0, 1], [1, 0, 0], [0, 1, 1], [0, 3, 0]] * 5)
    >>> model = ReturnLexicon(margin=0.2, min_rows=2).fit(counts, [1, 1, 0, 0] * 5)
    >>> model.charged_.tolist()
    [0, 1]
    >>> model.predict([[1, 0, 4], [0, 1, 4]]).tolist()
    [1, 0]
    """

    def __init__(self, margin: float = 0.05, min_rows: float = 8.0, penalty: float = 1.0) -> None:
        self.margin = margin
        self.min_rows = min_rows
        self.penalty = penalty

    def fit(self, X: Any, y: Any, sample_weight: Any = None, returns: Any = None) -> Self:
        """Learn the lexicon.

        Parameters
        ----------
        X : array or sparse, shape (n_rows, n_terms)
            How often each term stands in each row.
        y : array, shape (n_rows,)
            Two classes; the second in order is the gain.
        sample_weight : array, shape (n_rows,), optional
            A row of weight 2 counts as two.
        returns : array, shape (n_rows,), optional
            Their ranks say how much of a gain a row was.

        Raises
        ------
        ValueError
            If a parameter is out of range, `X` is negative, or `y` has not two classes.
        """
        self._validate_params()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype="float64")
        weight = _check_sample_weight(sample_weight, X, dtype="float64")
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        check_non_negative(X, "ReturnLexicon (term counts)")
        self.classes_, place = np.unique(y, return_inverse=True)
        counts = sparse.csr_array(X)
        gained: Floats = place.astype("float64")
        if len(self.classes_) < 2:
            raise ValueError("a lexicon needs two classes to learn from, given one class")
        base = float(weight @ gained / weight.sum())
        self.charged_ = self._screen(counts, gained, weight, base)
        earned: Floats = gained if returns is None else np.asarray(returns, dtype="float64")
        ranks = _ranks(earned, weight)
        self.topics_ = _topics(_shares(counts[:, self.charged_]), ranks, weight)
        total = self.topics_.sum(axis=0)
        self.tone_ = (self.topics_[0] - self.topics_[1]) / np.where(total > 0, total, 1.0)
        self.intercept_ = float(logit(np.clip(base, _LEAST, 1.0 - _LEAST)))
        return self

    def _validate_params(self) -> None:
        """Refuse values out of range, as scikit-learn's own classes do."""
        if not 0.0 <= self.margin < 0.5 or self.min_rows < 0.0 or self.penalty <= 0.0:
            raise ValueError("margin lies in [0, 0.5), min_rows is not negative, penalty positive")

    def tones(self, X: Any) -> Floats:
        """Return the tone of each row, in (0, 1); one half where no charged term stands in it.

        Counts below zero are taken as none.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype="float64", reset=False)
        known = self.topics_.sum(axis=0) > 0
        gain, loss = self.topics_[0][known], self.topics_[1][known]
        shares = _shares(sparse.csr_array(X)[:, self.charged_[known]])
        row = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
        gain, loss = gain[shares.indices], loss[shares.indices]
        pull = shares.data * (gain - loss)
        low, high = np.zeros(shares.shape[0]), np.ones(shares.shape[0])
        for _ in range(_HALVINGS):
            # The slope of the likelihood falls in the tone: halve to where it crosses zero.
            tone = (low + high) / 2.0
            mixed = tone[row] * gain + (1.0 - tone[row]) * loss
            slope = np.bincount(row, weights=pull / mixed, minlength=len(tone))
            rises = slope + self.penalty * (1.0 / tone - 1.0 / (1.0 - tone)) > 0.0
            low, high = np.where(rises, tone, low), np.where(rises, high, tone)
        found = (low + high) / 2.0
        found[np.diff(shares.indptr) == 0] = 0.5
        return np.asarray(np.clip(found, _LEAST, 1.0 - _LEAST))

    def log_odds(self, X: Any) -> Floats:
        """Return log-odds of a gain: those of the tone, from the base rate on."""
        return np.asarray(logit(self.tones(X)) + self.intercept_)

    def predict_proba(self, X: Any) -> Floats:
        """Return the odds as probabilities, shape (n_rows, 2); calibrate before use."""
        gain = expit(self.log_odds(X))
        return np.column_stack([1.0 - gain, gain])

    def predict(self, X: Any) -> Any:
        """Return the likelier class of each row."""
        gains = self.log_odds(X) > 0.0
        return self.classes_[gains.astype("int64")]

    def _screen(
        self, counts: Any, gained: Floats, weight: Floats, base: float
    ) -> NDArray[np.int64]:
        held = sparse.csr_array((np.ones(counts.nnz), counts.indices, counts.indptr), counts.shape)
        held.data[counts.data == 0] = 0.0
        rows = np.asarray(held.T @ weight)
        share = np.asarray(held.T @ (weight * gained)) / np.where(rows > 0, rows, 1.0)
        charged = (np.abs(share - base) >= self.margin) & (rows >= self.min_rows) & (rows > 0)
        return np.asarray(np.flatnonzero(charged), dtype="int64")

    def __sklearn_tags__(self) -> Any:
        """Declare sparse counts in, two classes out; charged terms are told by presence alone."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.poor_score = True
        return tags


def _shares(counts: Any) -> Any:
    """Return each row's counts over their sum."""
    shares = sparse.csr_array(counts, copy=True)
    shares.data = np.maximum(shares.data, 0.0)
    shares.eliminate_zeros()
    row = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
    total = np.bincount(row, weights=shares.data, minlength=shares.shape[0])
    shares.data = shares.data / total[row]
    return shares


def _ranks(values: Floats, weight: Floats) -> Floats:
    """Return weighted ranks in (0, 1); equal values share the middle of theirs."""
    _, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights=weight)
    return np.asarray(((np.cumsum(mass) - mass / 2.0) / mass.sum())[place])


def _topics(shares: Any, ranks: Floats, weight: Floats) -> Floats:
    """Return the gain and loss topic: weighted least squares, cut at 0, scaled to sum to 1."""
    mixture = np.column_stack([ranks, 1.0 - ranks])
    told = weight * (np.diff(shares.indptr) > 0)
    moments = mixture.T @ (told[:, None] * mixture)
    topics = np.linalg.pinv(moments) @ np.asarray((shares.T @ (told[:, None] * mixture)).T)
    topics = np.maximum(topics, 0.0)
    total = topics.sum(axis=1, keepdims=True)
    return np.asarray(topics / np.where(total > 0, total, 1.0))
