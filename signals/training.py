"""Walk-forward: each window is answered by a model of what was known before it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from markets.errors import ConfigError, DataError, nearest_name
from signals.classifiers import ClassifierSettings
from signals.classifiers.inputs import Inputs, inputs_of
from signals.classifiers.model import FoldModel, Outcomes, fit
from signals.features.base import FeatureFrame
from signals.labels import LabelFrame
from signals.splits import PurgedWalkForward, Split, SplitSettings, Timeline, check_split
from signals.weights import time_decay

_DAY = "datetime64[D]"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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
    terms : int
        Terms the model knows; 0 where the bag of words was left out.
    slope, shift : float
        Calibration: log-odds are slope × raw + shift.
    calibration_method : str
        temperature | sigmoid | none.
    model_sha256 : str
        The model.
    metrics : mapping of str to float
        Of the test rows whose outcome is known by now: `rows, base_rate, auc, brier, log_loss`, and
        the same of each baseline as ``<name>_auc`` …. For judging only.
    calibration_sample : DataFrame
        `probability, forward_return, weight` of the calibration block, known before the test began:
        thresholds may be chosen on it.
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
    terms: int
    slope: float
    shift: float
    calibration_method: str
    model_sha256: str
    metrics: Mapping[str, float]
    calibration_sample: pd.DataFrame = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields, without the calibration sample."""
        fields: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name != "calibration_sample":
                fields[name] = value.isoformat() if isinstance(value, date) else value
        fields["metrics"] = dict(self.metrics)
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
    """

    values: pd.DataFrame
    folds: tuple[FoldReport, ...]
    horizon: int
    models: Mapping[int, FoldModel] = field(repr=False)
    positions: pd.Series = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def contributions(self) -> list[dict[str, float] | None]:
        """Return, for each answer, what each column adds to its log-odds.

        None where the fold's model is not linear. Each sums to the log-odds of its `probability`.
        """
        found: list[dict[str, float] | None] = [None] * len(self)
        for fold, model in self.models.items():
            places = np.flatnonzero(self.values["fold"].to_numpy() == fold)
            if model.is_linear and len(places):
                rows = self.positions.to_numpy()[places]
                for place, added in zip(places, model.contributions_of(rows), strict=True):
                    found[place] = added
        return found


def walk_forward(
    features: FeatureFrame,
    labels: LabelFrame,
    split: SplitSettings,
    classifier: ClassifierSettings,
    seed: int,
) -> Predictions:
    """Answer every row of every test window with a model of the rows known before the window.

    Parameters
    ----------
    features : FeatureFrame
        All rows; those without a label are answered too.
    labels : LabelFrame
        Outcomes that are known by now.
    split : SplitSettings
        Windows, purging, embargo.
    classifier : ClassifierSettings
        The model, its calibration, its baselines.
    seed : int
        Same seed, same inputs: the same bits.

    Raises
    ------
    ConfigError
        If a feature group is not there.
    DataError
        If no test window has enough training rows before it.
    LeakError
        If a split breaks its invariant.
    """
    timeline = Timeline.of(features, labels)
    inputs = inputs_of(features, classifier.text)
    outcomes = _outcomes(features, labels)
    decisions = pd.factorize(features.values.index.get_level_values("decision_at"))[0]
    contenders = _contenders(classifier, inputs)
    parts, reports, models = [], [], {}
    for number, one in enumerate(PurgedWalkForward(timeline, split).splits()):
        weighted = _decayed(outcomes, timeline, one, classifier)
        train, calibration = _calibration_block(timeline, one, classifier, split)
        answers: dict[str, Floats] = {}
        for name, (settings, seen) in contenders.items():
            shown = _shuffled(seen, train, seed, number) if name == "text_shuffled" else seen
            model = fit(settings, shown, weighted, train, calibration, decisions, seed)
            answers[name] = model.calibration.probability(model.log_odds(one.test, decisions))
            if name == "":
                models[number] = model
        part = pd.DataFrame({"fold": number, "probability": answers[""]}, index=one.test)
        part["model_sha256"] = models[number].sha256
        for name in classifier.baselines:
            part[f"probability_{name}"] = answers[name]
        parts.append(part)
        sample = _sample(models[number], weighted, calibration, decisions)
        reports.append(
            _report(number, one, train, timeline, models[number], outcomes, answers, sample)
        )
    if not parts:
        raise DataError(
            "no test window has enough labeled rows before it",
            given=f"{len(labels)} labeled rows",
            wanted=f"{split.min_train_rows} rows and {split.min_train_months} months to learn from",
            where="split",
        )
    values = pd.concat(parts)
    positions = values.index.to_numpy()
    values.index = features.values.index[positions]
    return Predictions(
        values,
        tuple(reports),
        labels.horizon,
        models,
        pd.Series(positions, index=values.index, dtype="int64"),
    )


def _outcomes(features: FeatureFrame, labels: LabelFrame) -> Outcomes:
    known = labels.values.reindex(features.values.index)
    return Outcomes(
        known["target"].fillna(0).to_numpy().astype("int64"),
        known["weight"].fillna(0.0).to_numpy().astype("float64"),
        known["forward_return"].to_numpy().astype("float64"),
    )


def _contenders(
    settings: ClassifierSettings, inputs: Inputs
) -> dict[str, tuple[ClassifierSettings, Inputs]]:
    """Return the model, under the empty name, and its baselines, each with what it may see."""
    groups = tuple(inputs.groups) if settings.groups is None else settings.groups
    for group in groups:
        if group not in inputs.groups:
            raise ConfigError(
                "no such feature group was built",
                given=group,
                wanted=f"one of {', '.join(inputs.groups)}",
                where="classifier.groups",
                nearest=nearest_name(group, inputs.groups),
            )
    full = inputs.only(groups, text=settings.text.enabled)
    prices = inputs.only([g for g in ("prices",) if g in inputs.groups], text=False)
    plain = {"name": "logistic", "params": {}}
    contenders = {"": (settings, full)}
    for name in settings.baselines:
        if name == "dummy":
            contenders[name] = (settings.model_copy(update={"name": "dummy", "params": {}}), full)
        elif name == "prices_only":
            contenders[name] = (settings.model_copy(update=plain), prices)
        else:
            contenders[name] = (settings, full)
    return contenders


def _decayed(
    outcomes: Outcomes, timeline: Timeline, one: Split, settings: ClassifierSettings
) -> Outcomes:
    decay = time_decay(timeline.sessions, one.first, settings.half_life_days)
    return Outcomes(outcomes.target, outcomes.weight * decay, outcomes.forward_return)


def _calibration_block(
    timeline: Timeline, one: Split, settings: ClassifierSettings, split: SplitSettings
) -> tuple[Ints, Ints]:
    """Return the rows to fit on, and the latest ones to calibrate on, purged as a test is."""
    if settings.calibration == "none":
        return one.train, one.train[:0]
    numbers = timeline.session_numbers()
    trained = np.unique(numbers[one.train])
    boundary = int(trained[int(len(trained) * (1.0 - settings.calibration_share))])
    begin = timeline.sessions[numbers == boundary][0]
    block = one.train[numbers[one.train] >= boundary]
    embargo = max(split.embargo_sessions, split.story_sessions)
    early = one.train[
        (timeline.known[one.train] < begin) & (numbers[one.train] < boundary - embargo)
    ]
    if len(block) < settings.min_calibration_rows or len(early) < split.min_train_rows // 2:
        return one.train, one.train[:0]
    inner = Split(early, block, begin, one.first - np.timedelta64(1, "D"), purged=0, embargoed=0)
    check_split(timeline, inner, split.story_sessions)
    return early, block


def _shuffled(inputs: Inputs, train: Ints, seed: int, fold: int) -> Inputs:
    """Return inputs whose training rows got each other's news; prices stay where they are."""
    order = np.arange(inputs.matrix.shape[0])
    order[train] = np.random.default_rng([seed, fold]).permutation(train)
    prices = set(inputs.groups.get("prices", ()))
    kept = [place for place, name in enumerate(inputs.columns) if name in prices]
    mixed = inputs.matrix[order].tolil()
    mixed[:, kept] = inputs.matrix[:, kept]
    return Inputs(mixed.tocsr(), inputs.columns, inputs.terms, inputs.groups)


def _sample(
    model: FoldModel, outcomes: Outcomes, calibration: Ints, decisions: Ints
) -> pd.DataFrame:
    raw = model.log_odds(calibration, decisions)
    return pd.DataFrame(
        {
            "probability": model.calibration.probability(raw),
            "forward_return": outcomes.forward_return[calibration],
            "weight": outcomes.weight[calibration],
        }
    )


def _report(
    number: int,
    one: Split,
    train: Ints,
    timeline: Timeline,
    model: FoldModel,
    outcomes: Outcomes,
    answers: Mapping[str, Floats],
    sample: pd.DataFrame,
) -> FoldReport:
    known = ~np.isnan(outcomes.forward_return[one.test])
    target = outcomes.target[one.test][known]
    metrics: dict[str, float] = {"rows": float(len(target))}
    if len(target):
        metrics["base_rate"] = float(target.mean())
    for name, probability in answers.items():
        prefix = f"{name}_" if name else ""
        for metric, value in _judge(target, probability[known]).items():
            metrics[prefix + metric] = value
    return FoldReport(
        fold=number,
        train_start=timeline.sessions[train[0]].item(),
        train_end=timeline.sessions[one.train[-1]].item(),
        test_start=pd.Timestamp(one.first).date(),
        test_end=pd.Timestamp(one.last).date(),
        train_rows=len(train),
        calibration_rows=len(sample),
        test_rows=len(one.test),
        purged_rows=one.purged,
        embargoed_rows=one.embargoed,
        terms=len(model.names) - model.inputs.n_columns if model.text else 0,
        slope=model.calibration.slope,
        shift=model.calibration.shift,
        calibration_method=model.calibration.method,
        model_sha256=model.sha256,
        metrics=metrics,
        calibration_sample=sample,
    )


def _judge(target: Ints, probability: Floats) -> dict[str, float]:
    """Return AUC, Brier score and log-loss; no AUC where only one outcome occurs."""
    if not len(target):
        return {}
    found = {"brier": float(((probability - target) ** 2).mean())}
    bounded = np.clip(probability, 1e-12, 1.0 - 1e-12)
    losses = target * np.log(bounded) + (1 - target) * np.log1p(-bounded)
    found["log_loss"] = float(-losses.mean())
    ups = int(target.sum())
    downs = len(target) - ups
    if ups and downs:
        ranks = rankdata(probability)[target == 1].sum()
        found["auc"] = float((ranks - ups * (ups + 1) / 2) / (ups * downs))
    return found
