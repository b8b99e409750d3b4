"""Log-odds of any fitted classifier of two classes, and whether its rows are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from markets.errors import DataError
from signals.classifiers.lexicon import ReturnLexicon
from signals.classifiers.terms import FoldTerms

Floats = NDArray[np.float64]

LARGEST_LOG_ODDS = 30.0
_ANSWER_APART = (HistGradientBoostingClassifier, ReturnLexicon)
_TRANSFORM_APART = (FoldTerms, MaxAbsScaler, StandardScaler)
_OWN_STEPS = "signals.classifiers.build"


def log_odds_of(classifier: Any, seen: Any) -> Floats:
    """Return the log-odds of the second class, held within ±30.

    Whatever is linear in its columns is added up row by row, in order of the columns: a dense
    product rounds differently with the number of rows.

    Parameters
    ----------
    classifier : estimator
        Fitted, with `decision_function` or, failing that, `predict_proba`.
    seen : array or sparse, shape (n_rows, n_columns)
        What it was fitted on.

    Raises
    ------
    DataError
        If it does not give one number a row.
    """
    if isinstance(classifier, Pipeline):
        return log_odds_of(classifier[-1], classifier[:-1].transform(seen))
    line = line_of(classifier)
    if line is not None:
        weights, intercept = line
        odds = sparse.csr_array(seen) @ weights + intercept
    elif isinstance(classifier, ReturnLexicon):
        odds = classifier.log_odds(seen)
    elif hasattr(classifier, "decision_function"):
        odds = np.asarray(classifier.decision_function(seen), dtype="float64")
        odds = odds[:, 0] if odds.ndim == 2 and odds.shape[1] == 1 else odds
    else:
        with np.errstate(divide="ignore"):
            logs = np.log(np.asarray(classifier.predict_proba(seen), dtype="float64"))
        odds = logs[:, 1] - logs[:, 0] if logs.ndim == 2 and logs.shape[1] == 2 else logs
    if odds.shape != (seen.shape[0],) or np.isnan(odds).any():
        raise DataError(
            "a classifier's answer is not one number a row",
            given="a score that is no number" if odds.ndim == 1 else f"scores of {odds.shape}",
            wanted=f"finite scores for {seen.shape[0]} rows, of two classes",
            where=type(classifier).__name__,
        )
    return np.asarray(np.clip(odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))


def line_of(classifier: Any) -> tuple[Floats, float] | None:
    """Return weights and intercept of a classifier whose log-odds are linear; None of another.

    Told by the very function that would answer, which scikit-learn's linear models share: a class
    that overrides it may do otherwise.
    """
    kind = type(classifier)
    if getattr(kind, "decision_function", None) is LogisticRegression.decision_function:
        coefficients = np.asarray(classifier.coef_)
        if coefficients.ndim == 2 and len(coefficients) == 1:
            return coefficients[0], float(np.ravel(classifier.intercept_)[0])
    if kind is ComplementNB and len(classifier.classes_) == 2:
        losses, gains = classifier.feature_log_prob_
        return gains - losses, 0.0
    return None


def answers_apart(classifier: Any) -> bool:
    """Return whether `log_odds_of` gives a row the same bits whatever rows stand beside it.

    Where that is not known of a class, derived ones included, the answer is no.
    """
    if isinstance(classifier, Pipeline):
        return all(map(_transforms_apart, classifier[:-1])) and answers_apart(classifier[-1])
    if isinstance(classifier, DummyClassifier):
        return classifier.strategy in ("prior", "most_frequent")
    return type(classifier) in _ANSWER_APART or line_of(classifier) is not None


def _transforms_apart(step: Any) -> bool:
    if isinstance(step, Pipeline):
        return all(map(_transforms_apart, step))
    if isinstance(step, ColumnTransformer):
        return all(_transforms_apart(part) for _, part, _ in step.transformers_)
    if isinstance(step, FunctionTransformer):
        return getattr(step.func, "__module__", "") == _OWN_STEPS
    return step in ("passthrough", "drop") or type(step) in _TRANSFORM_APART
