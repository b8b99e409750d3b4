"""FoldReport and Predictions: out-of-sample answers, and what each fold learned them from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from signals.classifiers.model import FoldModel

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoldReport:
    """One fold: what it learned from, what it was asked, how it did.

    Attributes
    ----------
    fold : int
        0-based, in order of time.
    train_start, train_end : date
        First and last session of the training rows.
    test_start, test_end : date
        Calendar window of the test, both included.
    train_rows, calibration_rows, test_rows : int
        Rows fitted, calibrated and answered.
    purged_rows, embargoed_rows : int
        Earlier rows that were kept out: outcome not known in time; too close to the test.
    embargo_sessions : int
        Sessions kept free between training and test.
    terms : int
        Terms the model knows; 0 where the bag of words was left out.
    slope, shift : float
        Calibration: log-odds are slope × raw + shift.
    calibration_method : str
        temperature | sigmoid | none.
    model_sha256 : str
        The model.
    trials : int
        Combinations of parameters that were tried in the training window; 1 where none was tuned.
    params : mapping of str to any
        Parameters of the classifier that the fold settled on.
    metrics : mapping of str to float
        Of the test rows whose outcome is known by now: `rows, base_rate, auc, brier, log_loss`, and
        the same of each baseline as ``<name>_auc`` …; `trials`. For judging only.
    drift : mapping of str to float
        Of the whole test window against the training rows: ``psi_<group>`` for each feature group,
        `psi_probability` against the calibration block, `unseen_terms` (share of the stories' terms
        that the model does not know) beside `unseen_terms_train`; `brier_60`, the Brier score of
        the last 60 known answers as of the window's last decision. What is undefined is left out.
    calibration_sample : DataFrame
        `probability, forward_return, weight, cost` of the calibration block, known before the test
        began: thresholds may be chosen on it.
    """

    fold: int
    train_start: date
    train_end: date
    test_start: date
    test_end: date
    train_rows: int
    calibration_rows: int
    test_rows: int
    purged_rows: int
    embargoed_rows: int
    embargo_sessions: int
    terms: int
    slope: float
    shift: float
    calibration_method: str
    model_sha256: str
    trials: int
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    drift: Mapping[str, float]
    calibration_sample: pd.DataFrame = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields, without the calibration sample."""
        fields: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name != "calibration_sample":
                fields[name] = value.isoformat() if isinstance(value, date) else value
        for name in ("params", "metrics", "drift"):
            fields[name] = dict(fields[name])
        return fields


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-sample answers.

    Attributes
    ----------
    values : DataFrame
        Indexed as the features, (`decision_at`, `ticker`), rows of test windows only. Columns:
        `fold` (int64), `probability` (calibrated, of target 1), `model_sha256`, one
        ``probability_<baseline>`` for each baseline.
    folds : tuple of FoldReport
        In order of time.
    horizon : int
        Sessions of the labels that were learned.
    models : mapping of int to FoldModel
        The fitted model of each fold, in memory only.
    positions : Series of int64
        Row of each answer in the feature frame, indexed like `values`.
    drift : DataFrame
        Indexed like `values`; what was known of drift at each decision: `brier` and `skill` (1 less
        Brier over that of the base rate) of the last 60 answers whose outcome was known, `psi` of
        the fold's last 60 probabilities against its calibration block, `unseen_terms` of the row.
        NaN where not yet defined.
    decisions : ndarray of int64
        A number for each decision instant, of every row of the feature frame.
    """

    values: pd.DataFrame
    folds: tuple[FoldReport, ...]
    horizon: int
    models: Mapping[int, FoldModel] = field(repr=False)
    positions: pd.Series = field(repr=False)
    drift: pd.DataFrame = field(repr=False)
    decisions: Ints = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def trials(self) -> int:
        """Models that were tried for one answer, tuning included: what deflation has to know."""
        return max((report.trials for report in self.folds), default=1)

    def contributions(self) -> list[dict[str, float] | None]:
        """Return, for each answer, what speaks for it; sums to the log-odds of its `probability`.

        Columns and what they add for a linear model; else feature groups and what would be lost
        without each. None where the model looks at nothing.
        """
        found: list[dict[str, float] | None] = [None] * len(self)
        for fold, model in self.models.items():
            places = np.flatnonzero(self.values["fold"].to_numpy() == fold)
            if model.fitted.preprocessor is not None and len(places):
                rows = self.positions.to_numpy()[places]
                for place, added in zip(places, model.reasons(rows, self.decisions), strict=True):
                    found[place] = added
        return found
