"""Fitted: what a fold learned, apart from its rows; answers and the reasons for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from signals.classifiers import ClassifierSettings
from signals.classifiers.build import LARGEST_SCALED
from signals.classifiers.calibration import Calibration
from signals.classifiers.digest import digest
from signals.classifiers.odds import answers_apart, line_of, log_odds_of
from signals.classifiers.stack import PurgedStack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TEXT = "text"
TOGETHER = "together"
CUT = "cut"
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted pipeline with its calibration.

    Attributes
    ----------
    settings : ClassifierSettings
        With the parameters that were settled on.
    columns : tuple of str
        Feature columns it is given.
    terms : tuple of str
        Terms whose counts it is given behind them.
    groups : mapping of str to tuple of str
        Columns by feature group.
    center : ndarray of float64, shape (n_columns,)
        Mean of each feature column over the rows it was fitted on: a neutral row.
    preprocessor : ColumnTransformer or None
        Fitted; None for a model that looks at nothing.
    classifier : estimator
        Fitted scikit-learn classifier.
    calibration : Calibration
        From the classifier's log-odds to probabilities.
    text : bool
        Whether it sees terms.
    base_rate : float
        Weighted share of gains among the rows it was fitted on.
    sha256 : str
        Hash of settings and everything fitted, by `model_sha256`.
    """

    settings: ClassifierSettings
    columns: tuple[str, ...]
    terms: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    center: Floats
    preprocessor: Any
    classifier: Any
    calibration: Calibration
    text: bool
    base_rate: float
    sha256: str

    def log_odds(self, matrix: Any, decisions: Ints) -> Floats:
        """Return the uncalibrated log-odds of rows.

        Parameters
        ----------
        matrix : csr_array, shape (n_rows, n_columns + n_terms)
            Features, then term counts, in order of `columns` and `terms`.
        decisions : ndarray of int64, shape (n_rows,)
            A number for each decision instant. A classifier of whom it is not known that a row's
            bits do not depend on the rows beside it answers those of one decision together and
            apart from all others: later rows must not change earlier bits.
        """
        n_rows = len(decisions)
        if not n_rows:
            return np.empty(0)
        # The preprocessor is the house's own: scaling, cutting, term weights, each row by itself.
        seen: Any = np.zeros((n_rows, 1))
        if self.preprocessor is not None:
            seen = self.preprocessor.transform(matrix)
        if _rows_apart(self.classifier):
            return log_odds_of(self.classifier, seen)
        starts = np.flatnonzero(np.r_[True, np.diff(decisions) != 0]).tolist()
        with threadpool_limits(limits=1):
            parts = [
                log_odds_of(self.classifier, seen[start:stop])
                for start, stop in zip(starts, [*starts[1:], n_rows], strict=True)
            ]
        return np.concatenate(parts)

    @property
    def is_linear(self) -> bool:
        """Whether answers are sums over columns, so that they have exact contributions.

        Told by what answers: a class may have coefficients and make something else of them.
        """
        shape = getattr(getattr(self.classifier, "coef_", None), "shape", None)
        if self.preprocessor is None or shape != (1, len(self.names)):
            return False
        return line_of(self.classifier) is not None

    @cached_property
    def names(self) -> list[str]:
        """Names of what the classifier sees; terms as ``text__<term>``."""
        if self.preprocessor is None:
            return []
        given = [*self.columns, *(f"{TEXT}__{term}" for term in self.terms)]
        out = self.preprocessor.get_feature_names_out(np.array(given, dtype=object))
        return [str(name).split("__", 1)[1] for name in out]

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each feature column."""
        return {column: place for place, column in enumerate(self.columns)}

    def contributions(self, matrix: Any) -> list[dict[str, float]]:
        """Return what each column of a linear model adds to the calibrated log-odds of each row.

        By column; ``bias`` is the intercept and the calibration's shift, ``cut`` what lies beyond
        the largest log-odds. Only columns that add something. They sum to the calibrated log-odds,
        to rounding.

        Raises
        ------
        AttributeError
            If the model is not linear: ask `is_linear` first.
        """
        seen = sparse.csr_array(self.preprocessor.transform(matrix))
        weights = self.calibration.slope * self.classifier.coef_[0]
        names = self.names
        bias = self.calibration.slope * float(self.classifier.intercept_[0])
        scores = seen @ self.classifier.coef_[0] + self.classifier.intercept_[0]
        cuts = self.calibration.slope * (log_odds_of(self.classifier, seen) - scores)
        found = []
        for (start, stop), cut in zip(pairwise(seen.indptr.tolist()), cuts.tolist(), strict=True):
            columns = seen.indices[start:stop]
            added = (weights[columns] * seen.data[start:stop]).tolist()
            named = zip(columns.tolist(), added, strict=True)
            summed = {names[column]: value for column, value in named if value != 0.0}
            beyond = {CUT: cut} if cut else {}
            found.append({"bias": bias + self.calibration.shift, **summed, **beyond})
        return found

    def slopes(self, matrix: Any) -> Floats:
        """Return what a unit of each feature column adds to the calibrated log-odds of each row.

        On the way from a value of 0 to the row's own: what a linear model learned, or less where
        either is cut as too far from the training rows.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
            Times the column's value: its contribution less that of a value of 0, to rounding.

        Raises
        ------
        AttributeError
            If the model is not linear: ask `is_linear` first.
        """
        count = len(self.columns)
        if not count:
            return np.empty((matrix.shape[0], 0))
        block = self.preprocessor.named_transformers_["features"]
        values = matrix[:, :count].toarray()
        end, origin = block.transform(values), block.transform(np.zeros((1, count)))
        cut = (np.abs(end) >= LARGEST_SCALED) | (np.abs(origin) >= LARGEST_SCALED)
        mean = (end - origin) / np.where(values != 0.0, values, 1.0)
        # A quotient only where it must be: values that cancel to nearly 0 would divide rounding.
        units = np.where(cut, mean, 1.0 / block["standardscaler"].scale_)
        return np.asarray(units * self.calibration.slope * self.classifier.coef_[0][:count])

    def ablations(self, matrix: Any, decisions: Ints) -> list[dict[str, float]]:
        """Return by how much the calibrated log-odds of each row fall without each feature group.

        A group is neutralized by its columns' training means, the words by taking them away.

        Returns
        -------
        list of dict of str to float
            By group; ``bias`` is the answer with everything neutral, ``together`` what the groups
            add or take only jointly. Only groups that change the answer. They sum to the calibrated
            log-odds, to rounding.
        """

        def answered(rows: Any) -> Floats:
            return self.calibration.log_odds(self.log_odds(rows, decisions))

        whole = answered(matrix)
        parts = {group: whole - answered(self._without(matrix, [group])) for group in self._parts()}
        neutral = answered(self._without(matrix, list(parts)))
        found = []
        for at in range(len(decisions)):
            row = {group: float(fall[at]) for group, fall in parts.items() if fall[at] != 0.0}
            rest = math.fsum([whole[at], -neutral[at], *(-fall for fall in row.values())])
            joint = {TOGETHER: rest} if abs(rest) > ROUNDING else {}
            found.append({"bias": float(neutral[at]), **row, **joint})
        return found

    def _parts(self) -> list[str]:
        return [*(g for g in self.groups if self.groups[g]), *([TEXT] if self.text else [])]

    def _without(self, matrix: Any, groups: list[str]) -> Any:
        """Return rows with some groups neutralized."""
        count = len(self.columns)
        names = [name for group in groups if group != TEXT for name in self.groups[group]]
        places = [self.places[name] for name in names]
        numbers = matrix[:, :count].toarray()
        numbers[:, places] = self.center[places]
        words = matrix[:, count:]
        if TEXT in groups:
            words = sparse.csr_array(words.shape)
        return sparse.csr_array(sparse.hstack([sparse.csr_array(numbers), words], format="csr"))


def _rows_apart(classifier: Any) -> bool:
    if type(classifier) is PurgedStack:
        return all(answers_apart(member) for member in classifier.members_)
    return answers_apart(classifier)


def model_sha256(fitted: Fitted) -> str:
    """Return the hash of a model: of its settings and of everything it learned.

    Where models are kept is no part of it.
    """
    return digest(
        fitted.settings.model_dump(exclude={"save_models"}),
        fitted.columns,
        fitted.terms,
        fitted.preprocessor,
        fitted.classifier,
        fitted.center,
        fitted.base_rate,
        fitted.calibration.slope,
        fitted.calibration.shift,
    )
