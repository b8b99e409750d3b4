"""Classifiers of one's own, as a config would name them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


class OwnClassifier(LogisticRegression):
    """Nothing new, under a name that no list knows."""


class Bent(LogisticRegression):
    """Has coefficients, and answers otherwise than by their sum."""

    def decision_function(self, X: Any) -> Any:
        """Return scores that never leave [-1, 1]."""
        return np.tanh(super().decision_function(X))


class Speechless(LogisticRegression):
    """Answers what is no number."""

    def decision_function(self, X: Any) -> Any:
        """Return scores that are none."""
        return np.nan * super().decision_function(X)


class Shouting(LogisticRegression):
    """Answers three numbers a row."""

    def decision_function(self, X: Any) -> Any:
        """Return the same score three times."""
        return np.column_stack([super().decision_function(X)] * 3)


def scaled_again(C: float = 1.0) -> Pipeline:
    """Return a classifier that is a pipeline: only its last step takes weights."""
    return make_pipeline(StandardScaler(with_mean=False), LogisticRegression(C=C))
