"""FoldModel: a classifier and its calibration, fitted on the rows of one training window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.utils import get_tags

from markets.errors import DataError
from markets.wording import counted
from signals.classifiers import BUILT_IN, ClassifierSettings
from signals.classifiers.build import classifier_of, preprocessor_of, takes_text
from signals.classifiers.calibration import Calibration, calibrate
from signals.classifiers.counting import words_of_buckets
from signals.classifiers.fitted import TEXT, Fitted, model_sha256
from signals.classifiers.inputs import Inputs
from signals.classifiers.stack import Folds, fit_arguments
from signals.classifiers.tuning import Tuned, tune

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    cost : ndarray of float64, shape (n_rows,)
        Of a round trip on the entry's date, a fraction; NaN where not known.
    scaled_return : ndarray of float64, shape (n_rows,)
        Abnormal, in trailing volatilities: what is ranked. 0 where not known.
    neutral : ndarray of bool, shape (n_rows,)
        Within the dead band: never fitted on, but calibrated on and answered like all others.
    """

    target: Ints
    weight: Floats
    forward_return: Floats
    cost: Floats
    scaled_return: Floats
    neutral: NDArray[np.bool_]

    def clear(self, rows: Ints) -> Ints:
        """Return those of some rows that are not neutral."""
        return rows[~self.neutral[rows]]


@dataclass(frozen=True, eq=False)
class FoldModel:
    """A model that was fitted in one fold, with the rows it can be asked about.

    Attributes
    ----------
    inputs : Inputs
        All rows; the model was fitted on some of them.
    places : ndarray of int64
        Columns of `inputs.matrix` that the model is given.
    fitted : Fitted
        What was learned.
    tuned : Tuned
        What was tried inside the training window, and what was chosen.
    calibration_odds : ndarray of float64
        Uncalibrated log-odds of the rows it was calibrated on; empty without.
    """

    inputs: Inputs
    places: Ints
    fitted: Fitted
    tuned: Tuned
    calibration_odds: Floats

    @property
    def calibration(self) -> Calibration:
        """From the classifier's log-odds to probabilities."""
        return self.fitted.calibration

    @property
    def text(self) -> bool:
        """Whether the model sees terms."""
        return self.fitted.text

    @property
    def sha256(self) -> str:
        """Hash of settings and everything fitted."""
        return self.fitted.sha256

    @property
    def is_linear(self) -> bool:
        """Whether answers are sums over columns, so that they have exact contributions."""
        return self.fitted.is_linear

    @property
    def names(self) -> list[str]:
        """Names of what the classifier sees; terms as ``text__<term>``."""
        return self.fitted.names

    def matrix(self, rows: Ints) -> Any:
        """Return what the model is given of some rows."""
        return self.inputs.take(rows, self.places)

    def log_odds(self, rows: Ints, decisions: Ints) -> Floats:
        """Return the uncalibrated log-odds of rows; `decisions` numbers the instants of all rows.

        See `Fitted.log_odds`.
        """
        return self.fitted.log_odds(self.matrix(rows), decisions[rows])

    def contributions(self, row: int) -> dict[str, float]:
        """Return what each column of a linear model adds to a row's calibrated log-odds.

        See `Fitted.contributions`; a hashed column by the terms of the row that fall into it.
        """
        return self._named(row, self.fitted.contributions(self.matrix(np.array([row])))[0])

    def reasons(self, rows: Ints, decisions: Ints) -> list[dict[str, float]]:
        """Return what speaks for each answer; sums to its calibrated log-odds, to rounding.

        Columns and what they add for a linear model, else feature groups and what is lost without
        them; only ``bias`` for a model that looks at nothing.
        """
        if self.is_linear:
            added = self.fitted.contributions(self.matrix(rows))
            return [self._named(row, one) for row, one in zip(rows.tolist(), added, strict=True)]
        return self.fitted.ablations(self.matrix(rows), decisions[rows])

    def _named(self, row: int, added: dict[str, float]) -> dict[str, float]:
        if not (self.text and self.inputs.texts):
            return added
        words = words_of_buckets(self.inputs.texts[row], self.fitted.settings.text)
        start = len(f"{TEXT}__")
        return {
            f"{TEXT}__{words[name[start:]]}" if name.startswith(f"{TEXT}__") else name: value
            for name, value in added.items()
        }

    def unknown_terms(self, rows: Ints) -> Floats:
        """Return, for each row, the share of its terms that the model does not know.

        NaN where terms are hashed: any term falls into some bucket, known or not.
        """
        if self.fitted.settings.text.terms == "hashed":
            return np.full(len(rows), np.nan)
        columns = self.inputs.n_columns
        known = np.asarray(self.matrix(rows)[:, columns:].sum(axis=1)).reshape(-1)
        totals = self.inputs.term_totals(rows)
        return np.asarray((1.0 - known / np.where(totals > 0, totals, 1.0)) * (totals > 0))


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
    inner: Folds = (),
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
    inner : sequence of (ndarray, ndarray)
        Purged training and test rows inside `train`, in order of time: for tuning and stacking.

    Notes
    -----
    The model that was calibrated is the model that speaks: it is not refitted on the calibration
    block, so its probabilities, and thresholds chosen there, are its own. Classes are not
    re-balanced. The caller limits linear algebra to one thread, once for all fits: results must
    not depend on the machine's number of them, and asking for it costs more than a small fit.
    """

    def loss(tried: ClassifierSettings, at: int) -> tuple[Floats, Floats]:
        learned, asked = inner[at]
        # What a stack may learn from inside an inner fold is earlier than that fold.
        deeper = [(a, np.intersect1d(b, learned)) for a, b in inner[:at]]
        model = _fit_once(tried, inputs, outcomes, learned, decisions, seed, deeper)
        odds = model.log_odds(asked, decisions)
        losses = np.logaddexp(0.0, odds) - outcomes.target[asked] * odds
        return losses, outcomes.weight[asked]

    tuned = tune(settings, len(inner), loss)
    chosen = settings.model_copy(update={"params": dict(tuned.params), "tune": {}})
    model = _fit_once(chosen, inputs, outcomes, train, decisions, seed, inner)
    said = model.log_odds(calibration, decisions)
    calibrated = model.calibration
    if model.fitted.preprocessor is not None and len(calibration):
        target, weight = outcomes.target[calibration], outcomes.weight[calibration]
        calibrated = calibrate(said, target, weight, settings.calibration)
    fitted = replace(model.fitted, calibration=calibrated)
    fitted = replace(fitted, sha256=model_sha256(fitted))
    return replace(model, fitted=fitted, tuned=tuned, calibration_odds=said)


def _fit_once(
    settings: ClassifierSettings,
    inputs: Inputs,
    outcomes: Outcomes,
    train: Ints,
    decisions: Ints,
    seed: int,
    inner: Folds,
) -> FoldModel:
    """Fit a classifier with given parameters, not calibrated and not hashed."""
    given, train = train, outcomes.clear(train)
    if not len(train):
        largest = np.abs(outcomes.forward_return[given]).max(initial=0.0)
        raise DataError(
            "every row to learn from lies within the dead band",
            given=f"{counted(len(given), 'row')}, none that moved more than {largest * 1e4:.0f} bp",
            wanted="a dead band below that",
            where="label.dead_band_bp",
        )
    inner = [(outcomes.clear(learned), outcomes.clear(asked)) for learned, asked in inner]
    target, weight = outcomes.target[train], outcomes.weight[train]
    weight = weight / weight.mean()
    text = _has_terms(settings, inputs, train)
    places = inputs.common_places(train, settings.text.min_rows_per_term if text else None)
    terms = tuple(inputs.terms[places[inputs.n_columns :] - inputs.n_columns].tolist())
    rows = inputs.take(train, places)
    blind = settings.name == "dummy" or (settings.name == "sestm" and not text)
    if len(np.unique(target)) < 2 or blind or not len(places):
        preprocessor, classifier = None, _base_rate(target, weight)
    else:
        folds = [(_within(train, learned), _within(train, asked)) for learned, asked in inner]
        classifier = classifier_of(settings, seed, columns=inputs.n_columns, text=text, inner=folds)
        # Our own take terms as they come; of a user's class, scikit-learn's tags say it.
        sparse = settings.name in BUILT_IN or get_tags(classifier).input_tags.sparse
        preprocessor = preprocessor_of(settings, inputs.n_columns, len(terms), sparse=sparse)
        each = {"sample_weight": weight, "returns": outcomes.scaled_return[train]}
        seen = preprocessor.fit_transform(rows)
        classifier.fit(seen, target, **fit_arguments(classifier, each))
        if len(folds) and "cv" in classifier.get_params(deep=False):
            # Which rows were set apart is no part of what was learned.
            classifier.set_params(cv=settings.params.get("cv"))
    center = np.asarray(rows[:, : inputs.n_columns].mean(axis=0)).reshape(-1)
    base_rate = float(weight @ target / weight.sum())
    fitted = Fitted(
        settings,
        inputs.columns,
        terms,
        dict(inputs.groups),
        center,
        preprocessor,
        classifier,
        Calibration(),
        text,
        base_rate,
        sha256="",
    )
    return FoldModel(inputs, places, fitted, Tuned(settings.params, 1), np.empty(0))


def _within(train: Ints, rows: Ints) -> Ints:
    """Return the positions of rows among the training rows."""
    return np.asarray(np.searchsorted(train, rows), dtype="int64")


def _base_rate(target: Ints, weight: Floats) -> Any:
    """Return a model of the base rate alone; one row of each outcome is added to what was seen."""
    classifier = DummyClassifier(strategy="prior")
    return classifier.fit(np.zeros((len(target) + 2, 1)), [*target, 0, 1], [*weight, 1.0, 1.0])


def _has_terms(settings: ClassifierSettings, inputs: Inputs, train: Ints) -> bool:
    """Return whether the bag of words is learned from: enough training rows, some common term."""
    if not takes_text(settings) or len(train) < settings.text.min_train_rows:
        return False
    least = settings.text.min_rows_per_term
    return len(inputs.common_places(train, least)) > inputs.n_columns
