"""FoldModel: a fitted pipeline with its calibration, and what speaks for each of its answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from signals.classifiers import ClassifierSettings
from signals.classifiers.build import classifier_of, preprocessor_of, takes_text
from signals.classifiers.calibration import Calibration, calibrate
from signals.classifiers.digest import digest
from signals.classifiers.inputs import Inputs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LARGEST_LOG_ODDS = 30.0
_ROW_BY_ROW = (DummyClassifier, HistGradientBoostingClassifier)
"""Classifiers whose arithmetic on a row is the same whatever rows stand beside it."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Targets and weights of all rows; what is not known is 0 and never trained on.

    Attributes
    ----------
    target : ndarray of int64, shape (n_rows,)
        0 or 1.
    weight : ndarray of float64, shape (n_rows,)
        Positive where known.
    forward_return : ndarray of float64, shape (n_rows,)
        Abnormal; NaN where not known.
    """

    target: Ints
    weight: Floats
    forward_return: Floats


@dataclass(frozen=True, eq=False)
class FoldModel:
    """A model that was fitted in one fold.

    Attributes
    ----------
    inputs : Inputs
        All rows; the model was fitted on some of them.
    preprocessor : ColumnTransformer or None
        Fitted; None for a model that looks at nothing.
    classifier : estimator
        Fitted scikit-learn classifier.
    calibration : Calibration
        From the classifier's log-odds to probabilities.
    text : bool
        Whether it sees terms.
    sha256 : str
        Hash of settings and everything fitted.
    """

    inputs: Inputs
    preprocessor: Any
    classifier: Any
    calibration: Calibration
    text: bool
    sha256: str

    def log_odds(self, rows: Ints, decisions: NDArray[np.int64]) -> Floats:
        """Return the uncalibrated log-odds of rows.

        Rows of one decision are answered together and apart from all others: some linear algebra
        rounds differently with the number of rows, and later rows must not change earlier bits.
        """
        if not len(rows):
            return np.empty(0)
        with threadpool_limits(limits=1):
            if self.preprocessor is None:
                seen = np.zeros((len(rows), 1))
            else:
                seen = self.preprocessor.transform(self.inputs.matrix[rows])
            starts = [0]
            if not isinstance(self.classifier, _ROW_BY_ROW):
                starts = np.flatnonzero(np.r_[True, np.diff(decisions[rows]) != 0]).tolist()
            parts = [
                _log_odds(self.classifier, seen[start:stop])
                for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True)
            ]
        return np.concatenate(parts)

    @property
    def is_linear(self) -> bool:
        """Whether answers are sums over columns, so that `contributions` adds up."""
        shape = getattr(getattr(self.classifier, "coef_", None), "shape", None)
        return self.preprocessor is not None and shape == (1, len(self.names))

    @cached_property
    def names(self) -> list[str]:
        """Names of what the classifier sees; terms as ``text__<term>``."""
        out = self.preprocessor.get_feature_names_out(self._names())
        return [str(name).split("__", 1)[1] for name in out]

    def contributions(self, row: int) -> dict[str, float]:
        """Return what each column adds to a row's calibrated log-odds.

        Returns
        -------
        dict of str to float
            By column; ``bias`` is the intercept and the calibration's shift. Only columns that add
            something. They sum to the calibrated log-odds, to rounding.

        Raises
        ------
        AttributeError
            If the model is not linear: ask `is_linear` first.
        """
        return self.contributions_of(np.array([row]))[0]

    def contributions_of(self, rows: Ints) -> list[dict[str, float]]:
        """Return `contributions` of many rows, for the price of one pass."""
        from scipy.sparse import csr_array

        seen = csr_array(self.preprocessor.transform(self.inputs.matrix[rows]))
        weights = self.calibration.slope * self.classifier.coef_[0]
        names = self.names
        bias = self.calibration.slope * float(self.classifier.intercept_[0])
        found = []
        for start, stop in pairwise(seen.indptr.tolist()):
            columns = seen.indices[start:stop]
            added = (weights[columns] * seen.data[start:stop]).tolist()
            named = zip(columns.tolist(), added, strict=True)
            summed = {names[column]: value for column, value in named if value != 0.0}
            found.append({"bias": bias + self.calibration.shift, **summed})
        return found

    def _names(self) -> NDArray[np.object_]:
        terms = [f"text__{term}" for term in self.inputs.terms]
        return np.array([*self.inputs.columns, *terms], dtype=object)


def contributions(model: FoldModel, row: int) -> dict[str, float]:
    """Return `FoldModel.contributions`, for use as a function."""
    return model.contributions(row)


def by_group(columns: dict[str, float]) -> dict[str, float]:
    """Return contributions summed by feature group; terms are the group ``text``."""
    groups: dict[str, list[float]] = {}
    for name, added in columns.items():
        groups.setdefault(name.split("__", 1)[0], []).append(added)
    return {group: math.fsum(parts) for group, parts in groups.items()}


def fit(
    settings: ClassifierSettings,
    inputs: Inputs,
    outcomes: Outcomes,
    train: Ints,
    calibration: Ints,
    decisions: Ints,
    seed: int,
) -> FoldModel:
    """Fit a classifier and its calibration on rows of the training window.

    Parameters
    ----------
    settings : ClassifierSettings
        Which classifier.
    inputs, outcomes : Inputs, Outcomes
        Of all rows; those not in `train` or `calibration` are not looked at.
    train, calibration : ndarray of int64
        Row positions, apart from each other. An empty `calibration` leaves log-odds as they are.
    decisions : ndarray of int64, shape (n_rows,)
        A number for each decision instant.
    seed : int
        Of whatever the classifier draws.

    Notes
    -----
    The model that was calibrated is the model that speaks: it is not refitted on the calibration
    block, so its probabilities, and thresholds chosen there, are its own. Classes are not
    re-balanced. Runs on one thread, so that results do not depend on the machine's number of them.
    """
    target, weight = outcomes.target[train], outcomes.weight[train]
    weight = weight / weight.mean()
    with threadpool_limits(limits=1):
        if len(np.unique(target)) < 2 or settings.name == "dummy" or not inputs.matrix.shape[1]:
            return _base_rate(settings, inputs, target, weight)
        text = _has_terms(settings, inputs, train)
        preprocessor = preprocessor_of(settings, inputs, text=text)
        seen = preprocessor.fit_transform(inputs.matrix[train])
        classifier = classifier_of(settings, seed)
        classifier.fit(seen, target, sample_weight=weight)
        model = FoldModel(inputs, preprocessor, classifier, Calibration(), text, "")
        fitted = Calibration()
        if len(calibration):
            fitted = calibrate(
                model.log_odds(calibration, decisions),
                outcomes.target[calibration],
                outcomes.weight[calibration],
                settings.calibration,
            )
    learned = preprocessor.named_transformers_
    sha256 = digest(
        settings.model_dump(),
        # Terms by name and weight: their places among all terms depend on stories still to come.
        model.names,
        learned.get("features"),
        learned["terms"].idf_ if text else None,
        classifier,
        fitted.slope,
        fitted.shift,
    )
    return FoldModel(inputs, preprocessor, classifier, fitted, text, sha256)


def _base_rate(
    settings: ClassifierSettings, inputs: Inputs, target: Ints, weight: Floats
) -> FoldModel:
    """Return a model of the base rate alone; one row of each outcome is added to what was seen."""
    classifier = DummyClassifier(strategy="prior")
    classifier.fit(np.zeros((len(target) + 2, 1)), [*target, 0, 1], [*weight, 1.0, 1.0])
    sha256 = digest(settings.model_dump(), classifier)
    return FoldModel(inputs, None, classifier, Calibration(), False, sha256)


def _has_terms(settings: ClassifierSettings, inputs: Inputs, train: Ints) -> bool:
    """Return whether the bag of words is learned from: enough training rows, some common term."""
    if not takes_text(settings) or len(train) < settings.text.min_train_rows:
        return False
    counts = inputs.matrix[train][:, inputs.n_columns :].tocsc()
    return bool((np.diff(counts.indptr) >= settings.text.min_rows_per_term).any())


def _log_odds(classifier: Any, seen: Any) -> Floats:
    if hasattr(classifier, "decision_function"):
        odds = np.asarray(classifier.decision_function(seen), dtype="float64").reshape(-1)
    else:
        with np.errstate(divide="ignore"):
            logs = np.log(np.asarray(classifier.predict_proba(seen), dtype="float64"))
        odds = logs[:, 1] - logs[:, 0]
    return np.asarray(np.clip(odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS))
