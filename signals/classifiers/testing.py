"""A check that holds a user's own classifier to what the walk-forward asks of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from markets.errors import DataError
from signals.classifiers.digest import digest
from signals.classifiers.stack import fit_arguments

_ROWS = 120


def check_classifier(classifier: Any) -> None:
    """Fit a scikit-learn classifier on an example and hold it to its promises.

    It must take sample weights, dense input, and sparse input where its tags say so; give a finite
    score or probability for each row; and learn and answer the same bits when cloned and fitted
    again.

    Parameters
    ----------
    classifier : estimator
        Unfitted; not changed.

    Raises
    ------
    DataError
        If it breaks one of these; it says which.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> check_classifier(LogisticRegression())
    """
    draws = np.random.default_rng(0)
    numbers = np.abs(draws.normal(size=(_ROWS, 6)))
    target = (numbers[:, 0] + draws.normal(size=_ROWS) > 1).astype("int64")
    weight = draws.uniform(0.1, 1.0, size=_ROWS)
    inputs: list[Any] = [numbers]
    if get_tags(classifier).input_tags.sparse:
        inputs.append(sparse.csr_array(numbers))
    for matrix in inputs:
        first, second = (_fitted(classifier, matrix, target, weight) for _ in range(2))
        if first[0] != second[0] or not np.array_equal(first[1], second[1]):
            raise DataError(
                "two fits of the same rows differ",
                given=type(classifier).__name__,
                wanted="a fixed random_state",
            )


def _fitted(
    classifier: Any, matrix: Any, target: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[str, NDArray[np.float64]]:
    name = type(classifier).__name__
    each = {"sample_weight": weight}
    try:
        fitted = clone(classifier).fit(matrix, target, **fit_arguments(classifier, each) or each)
    except TypeError as error:
        raise DataError(
            f"the classifier cannot be fitted: {error}",
            given=name,
            wanted="fit(X, y, sample_weight=...)",
        ) from None
    if hasattr(fitted, "decision_function"):
        scores = np.asarray(fitted.decision_function(matrix), dtype="float64")
    elif hasattr(fitted, "predict_proba"):
        scores = np.asarray(fitted.predict_proba(matrix), dtype="float64")[:, -1]
    else:
        raise DataError(
            "the classifier gives no probabilities",
            given=name,
            wanted="predict_proba or decision_function",
        )
    if scores.shape != (len(target),) or not np.isfinite(scores).all():
        raise DataError("a score must be one finite number a row", given=scores.shape, where=name)
    return digest(fitted), scores
