"""PurgedStack: models of words and of features, weighed by what they said out of sample."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from signals.classifiers.odds import log_odds_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Folds = Sequence[tuple[Ints, Ints]]


class PurgedStack(ClassifierMixin, BaseEstimator):
    """Members fitted side by side, their log-odds weighed by a logistic regression.

    The weights are learned from what each member said of rows of a later inner window, when it had
    been fitted on purged rows before that window; then every member is fitted on all rows.

    Parameters
    ----------
    members : sequence of (str, classifier)
        Unfitted; each sees all columns and chooses its own.
    cv : sequence of (ndarray, ndarray), optional
        Inner training and test rows, by position: the purged inner folds of a training window.
        Without any, members weigh alike.
    C : float
        Inverse strength of the pull of the weights to zero.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The second is the gain.
    members_ : list of classifier
        Fitted, in order.
    scale_ : ndarray of float64, shape (n_members,)
        Spread of each member's log-odds in the inner windows, which its weight is relative to.
    weights_ : ndarray of float64, shape (n_members,)
        By which the log-odds, over their scale, are added up.
    intercept_ : float
        Added to them.
    n_inner_ : int
        Rows that the weights were learned from.
    """

    def __init__(
        self, members: Sequence[tuple[str, Any]], cv: Folds | None = None, C: float = 0.1
    ) -> None:
        self.members = members
        self.cv = cv
        self.C = C

    def fit(self, X: Any, y: Any, sample_weight: Any = None, returns: Any = None) -> Self:
        """Fit the weights on the inner folds, then the members on all rows.

        `returns` go to the members that rank them.

        Raises
        ------
        ValueError
            If `y` has not two classes.
        """
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype="float64")
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(f"a stack needs two classes, given {len(self.classes_)}")
        each = {"sample_weight": weight}
        if returns is not None:
            each["returns"] = np.asarray(returns, dtype="float64")
        self._weigh(X, y, each)
        self.members_ = [_fitted(one, X, y, each) for _, one in self.members]
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return log-odds of a gain."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype="float64", reset=False)
        total = np.full(X.shape[0], self.intercept_)
        for member, weight, scale in zip(self.members_, self.weights_, self.scale_, strict=True):
            total += weight * log_odds_of(member, X) / scale
        return np.asarray(total)

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities, shape (n_rows, 2)."""
        gain = expit(self.decision_function(X))
        return np.column_stack([1.0 - gain, gain])

    def predict(self, X: Any) -> Any:
        """Return the likelier class of each row."""
        gains = self.decision_function(X) > 0.0
        return self.classes_[gains.astype("int64")]

    def _judge(self) -> LogisticRegression:
        return LogisticRegression(C=self.C)

    def _validate_params(self) -> None:
        """Refuse values out of range, as scikit-learn's own classes do."""
        self._judge()._validate_params()

    def _weigh(self, X: Any, y: Any, each: Mapping[str, Floats]) -> None:
        folds = [
            (train, test)
            for train, test in self.cv or ()
            if len(test) and len(np.unique(y[train])) == 2
        ]
        tested = np.concatenate([test for _, test in folds]) if folds else np.empty(0, "int64")
        self.n_inner_ = len(tested)
        count = len(self.members)
        self.scale_, self.intercept_ = np.ones(count), 0.0
        self.weights_ = np.full(count, 1.0 / count)
        if len(np.unique(y[tested])) < 2:
            return
        said = np.empty((len(tested), count))
        for place, (_, one) in enumerate(self.members):
            said[:, place] = np.concatenate(
                [
                    log_odds_of(_fitted(one, X[train], y[train], _rows(each, train)), X[test])
                    for train, test in folds
                ]
            )
        spread = said.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        judge = self._judge()
        judge.fit(said / self.scale_, y[tested], sample_weight=each["sample_weight"][tested])
        self.weights_, self.intercept_ = judge.coef_[0], float(judge.intercept_[0])


def fit_arguments(classifier: Any, each: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return what each row has, as far as a classifier's `fit` takes it, by its names for it.

    Of a pipeline the last step gets it. Weights also go to a `fit` that hands on what it is given.
    """
    steps = getattr(classifier, "steps", None)
    last, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (classifier, "")
    taken = inspect.signature(last.fit).parameters
    hands_on = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    return {
        f"{prefix}{name}": values
        for name, values in each.items()
        if name in taken or (name == "sample_weight" and hands_on)
    }


def _fitted(one: Any, X: Any, y: Any, each: Mapping[str, Floats]) -> Any:
    """Return a member fitted on some rows."""
    return clone(one).fit(X, y, **fit_arguments(one, each))


def _rows(each: Mapping[str, Floats], rows: Ints) -> dict[str, Floats]:
    return {name: values[rows] for name, values in each.items()}
