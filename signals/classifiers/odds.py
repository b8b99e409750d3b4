"""Log-odds of any fitted classifier of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from signals.classifiers.lexicon import ReturnLexicon

LARGEST_LOG_ODDS = 30.0


def log_odds_of(classifier: Any, seen: Any) -> NDArray[np.float64]:
    """Return the log-odds of the second class, held within ±30.

    A logistic regression is added up column by column: a dense product rounds differently with the
    number of rows.

    Parameters
    ----------
    classifier : estimator
        Fitted, with `decision_function` or, failing that, `predict_proba`.
    seen : array or sparse, shape (n_rows, n_columns)
        What it was fitted on.
    """
    if isinstance(classifier, Pipeline):
        return log_odds_of(classifier[-1], classifier[:-1].transform(seen))
    if type(classifier) is LogisticRegression:
        odds = sparse.csr_array(seen) @ classifier.coef_[0] + classifier.intercept_[0]
    elif isinstance(classifier, ReturnLexicon):
        odds = classifier.log_odds(seen)
    elif hasattr(classifier, "decision_function"):
        odds = np.asarray(classifier.decision_function(seen), dtype="float64").reshape(-1)
    else:
        with np.errstate(divide="ignore"):
            logs = np.log(np.asarray(classifier.predict_proba(seen), dtype="float64"))
        odds = logs[:, 1] - logs[:, 0]
    return np.asarray(np.clip(odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))
