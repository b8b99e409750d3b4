"""Walk-forward: each window is answered by a model of what was known before it began."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from markets.errors import ConfigError, DataError
from signals.answers import FoldReport, Predictions
from signals.classifiers import BASELINES, ClassifierSettings
from signals.classifiers.build import wants_inner_folds
from signals.classifiers.inputs import Inputs, inputs_of, prices_alone
from signals.classifiers.model import FoldModel, Outcomes, fit
from signals.drift import LAST, drift_of_groups, psi, trailing_psi, trailing_scores
from signals.features.base import FeatureFrame
from signals.features.build import require_distinct
from signals.folds import calibration_block, inner_folds
from signals.labels import LabelFrame
from signals.splits import PurgedWalkForward, Split, SplitSettings
from signals.timeline import Timeline
from signals.weights import time_decay

__all__ = ["FoldReport", "Predictions", "walk_forward"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def walk_forward(
    features: FeatureFrame,
    labels: LabelFrame,
    split: SplitSettings,
    classifier: ClassifierSettings,
    seed: int,
    inputs: Inputs | None = None,
    *,
    measured: bool = True,
    baselines: bool = True,
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
        The model and its calibration.
    seed : int
        Same seed, same inputs: the same bits.
    inputs : Inputs, optional
        Of these features, where their terms were counted before.
    measured : bool
        Whether each fold reports figures and drift; without, its `metrics` and `drift` are empty.
        Answers, signals and what they know of drift are the same.
    baselines : bool
        Whether `BASELINES` answer beside the model; nothing is decided on them.

    Raises
    ------
    ConfigError
        If a feature group is not there.
    DataError
        If no test window has enough training rows before it.
    LeakError
        If a split breaks its invariant.
    """
    beside = BASELINES if baselines else ()
    work = _work(features, labels, split, classifier, seed, inputs, measured, beside)
    with threadpool_limits(limits=1):
        done = [
            _fold(work, number, one)
            for number, one in enumerate(PurgedWalkForward(work.timeline, split).splits())
        ]
    if not done:
        raise DataError(
            "no test window has enough labeled rows before it",
            given=f"{len(labels)} labeled rows",
            wanted=f"{split.min_train_rows} rows and {split.min_train_months} months to learn from",
            where="split",
        )
    values = pd.concat([part for part, _, _ in done])
    reports = [report for _, report, _ in done]
    models = {report.fold: model for _, report, model in done}
    positions = values.index.to_numpy()
    values.index = features.values.index[positions]
    drift = _trailing(work, values, positions, reports, models)
    return Predictions(
        values,
        tuple(_with_trailing(report, drift[values["fold"] == report.fold]) for report in reports),
        labels.horizon,
        models,
        pd.Series(positions, index=values.index, dtype="int64"),
        drift,
        work.decisions,
    )


@dataclass(frozen=True, eq=False)
class _Work:
    """What all folds of a walk-forward share."""

    timeline: Timeline
    outcomes: Outcomes
    decisions: Ints
    contenders: Mapping[str, tuple[ClassifierSettings, Inputs]]
    split: SplitSettings
    classifier: ClassifierSettings
    seed: int
    nested: bool
    measured: bool


def _work(
    features: FeatureFrame,
    labels: LabelFrame,
    split: SplitSettings,
    classifier: ClassifierSettings,
    seed: int,
    inputs: Inputs | None,
    measured: bool,
    beside: Sequence[str],
) -> _Work:
    return _Work(
        Timeline.of(features, labels),
        outcomes_of(features, labels),
        pd.factorize(features.values.index.get_level_values("decision_at"))[0],
        contenders_of(
            classifier,
            inputs or inputs_of(features, classifier.text),
            beside,
            None if features.prices is None else prices_alone(features.prices),
        ),
        split,
        classifier,
        seed,
        wants_inner_folds(classifier),
        measured,
    )


def _fold(work: _Work, number: int, one: Split) -> tuple[pd.DataFrame, FoldReport, FoldModel]:
    """Learn and answer one window: its answers by position, its report, its model."""
    timeline, decisions, classifier = work.timeline, work.decisions, work.classifier
    weighted = _decayed(work.outcomes, timeline, one, classifier)
    train, calibration = calibration_block(timeline, one, classifier, work.split)
    inside = inner_folds(timeline, train, classifier, work.split) if work.nested else []
    answers: dict[str, Floats] = {}
    models: dict[str, FoldModel] = {}
    for name, (settings, seen) in work.contenders.items():
        shown, chosen = seen, settings
        if name == "text_shuffled":
            # The parameters that were chosen for the model: only the news is another's.
            order = np.arange(len(timeline))
            order[train] = np.random.default_rng([work.seed, number]).permutation(train)
            shown = seen.with_news_of(order)
            tuned = {"params": dict(models[""].tuned.params), "tune": {}}
            chosen = settings.model_copy(update=tuned)
        inner = inside if wants_inner_folds(chosen) else []
        model = fit(chosen, shown, weighted, train, calibration, decisions, work.seed, inner)
        answers[name] = model.calibration.probability(model.log_odds(one.test, decisions))
        models[name] = model
    part = pd.DataFrame({"fold": number, "probability": answers[""]}, index=one.test)
    part["model_sha256"] = models[""].sha256
    for name, answer in answers.items():
        if name:
            part[f"probability_{name}"] = answer
    sample = _sample(models[""], weighted, calibration)
    metrics, drift = {}, {}
    if work.measured:
        metrics = _metrics(models[""], one.test, work.outcomes, answers)
        drift = _moved(models[""], train, one.test, answers[""], sample)
    fitted = work.outcomes.clear(train)
    report = _report(number, one, fitted, timeline, models[""], sample, metrics, drift)
    return part, report, models[""]


def outcomes_of(features: FeatureFrame, labels: LabelFrame) -> Outcomes:
    """Return targets, weights and returns of all rows, known by now or not."""
    known = labels.values.reindex(features.values.index)
    return Outcomes(
        known["target"].fillna(0).to_numpy().astype("int64"),
        known["weight"].fillna(0.0).to_numpy().astype("float64"),
        known["forward_return"].to_numpy().astype("float64"),
        known["cost"].to_numpy().astype("float64"),
        known["scaled_return"].fillna(0.0).to_numpy().astype("float64"),
        known["neutral"].eq(True).to_numpy(),
    )


def groups_seen(settings: ClassifierSettings, built: Collection[str]) -> tuple[str, ...]:
    """Return the feature groups that a model sees, of those that are built.

    Raises
    ------
    ConfigError
        If one is not there, or is named twice.
    """
    if settings.groups is None:
        return tuple(built)
    for group in settings.groups:
        if group not in built:
            problem = "no such feature group was built"
            raise ConfigError.no_such(problem, group, built, "classifier.groups")
    require_distinct(settings.groups, "classifier.groups")
    return settings.groups


def contenders_of(
    settings: ClassifierSettings,
    inputs: Inputs,
    beside: Sequence[str],
    prices: Inputs | None = None,
) -> dict[str, tuple[ClassifierSettings, Inputs]]:
    """Return the model, under the empty name, and what stands beside it, each with what it may see.

    `prices` is what the prices alone see where they are no feature group.

    Raises
    ------
    ConfigError
        As `groups_seen`.
    """
    full = inputs.only(groups_seen(settings, inputs.groups), text=settings.text.enabled)
    if prices is None:
        prices = inputs.only([g for g in ("prices",) if g in inputs.groups], text=False)
    plain = {"name": "logistic", "params": {}, "tune": {}}
    contenders = {"": (settings, full)}
    for name in beside:
        if name == "dummy":
            contenders[name] = (settings.model_copy(update={**plain, "name": "dummy"}), full)
        elif name == "prices_only":
            contenders[name] = (settings.model_copy(update=plain), prices)
        else:
            contenders[name] = (settings, full)
    return contenders


def _decayed(
    outcomes: Outcomes, timeline: Timeline, one: Split, settings: ClassifierSettings
) -> Outcomes:
    decay = time_decay(timeline.sessions, one.first, settings.half_life_days)
    return replace(outcomes, weight=outcomes.weight * decay)


def _sample(model: FoldModel, outcomes: Outcomes, calibration: Ints) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "probability": model.calibration.probability(model.calibration_odds),
            "forward_return": outcomes.forward_return[calibration],
            "weight": outcomes.weight[calibration],
            "cost": outcomes.cost[calibration],
        }
    )


def _metrics(
    model: FoldModel, test: Ints, outcomes: Outcomes, answers: Mapping[str, Floats]
) -> dict[str, float]:
    """Return the figures of a test window's rows whose outcome is known by now."""
    known = ~np.isnan(outcomes.forward_return[test])
    target = outcomes.target[test][known]
    metrics: dict[str, float] = {"rows": float(len(target))}
    if len(target):
        metrics["base_rate"] = float(target.mean())
    for name, probability in answers.items():
        prefix = f"{name}_" if name else ""
        for metric, value in _judge(target, probability[known]).items():
            metrics[prefix + metric] = value
    metrics["trials"] = float(model.tuned.trials)
    return metrics


def _report(
    number: int,
    one: Split,
    train: Ints,
    timeline: Timeline,
    model: FoldModel,
    sample: pd.DataFrame,
    metrics: Mapping[str, float],
    drift: Mapping[str, float],
) -> FoldReport:
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
        embargo_sessions=one.embargo,
        terms=sum(name.startswith("text__") for name in model.names) if model.text else 0,
        slope=model.calibration.slope,
        shift=model.calibration.shift,
        calibration_method=model.calibration.method,
        model_sha256=model.sha256,
        trials=model.tuned.trials,
        params=model.tuned.params,
        metrics=metrics,
        drift=drift,
        calibration_sample=sample,
    )


def _moved(
    model: FoldModel, train: Ints, test: Ints, probability: Floats, sample: pd.DataFrame
) -> dict[str, float]:
    """Return how far a test window is from what its model learned from."""
    inputs = model.inputs
    expected, actual = (
        inputs.matrix[rows][:, : inputs.n_columns].toarray() for rows in (train, test)
    )
    found = drift_of_groups(expected, actual, inputs.columns, inputs.groups)
    if len(sample):
        found["psi_probability"] = psi(sample["probability"].to_numpy(), probability)
    if model.text:
        found["unseen_terms"] = float(model.unknown_terms(test).mean())
        found["unseen_terms_train"] = float(model.unknown_terms(train).mean())
    return {name: value for name, value in found.items() if not np.isnan(value)}


def _trailing(
    work: _Work,
    values: pd.DataFrame,
    positions: Ints,
    reports: Sequence[FoldReport],
    models: Mapping[int, FoldModel],
) -> pd.DataFrame:
    """Return what was known of drift at each decision."""
    timeline, outcomes, decisions = work.timeline, work.outcomes, work.decisions
    folds = values["fold"].to_numpy()
    probability = values["probability"].to_numpy()
    base_rate = np.array([models[fold].fitted.base_rate for fold in folds.tolist()])
    found = trailing_scores(
        timeline.sessions[positions],
        timeline.known[positions],
        probability,
        outcomes.target[positions].astype("float64"),
        base_rate,
    ).set_axis(values.index, axis=0)
    samples = {one.fold: one.calibration_sample["probability"].to_numpy() for one in reports}
    found["psi"] = trailing_psi(decisions[positions], folds, probability, samples)
    found["unseen_terms"] = np.nan
    for fold, model in models.items():
        if model.text:
            here = folds == fold
            found.loc[here, "unseen_terms"] = model.unknown_terms(positions[here])
    return found


def _with_trailing(report: FoldReport, drift: pd.DataFrame) -> FoldReport:
    """Return a report with the Brier score that was known at the fold's last decision."""
    last = float(drift["brier"].iloc[-1])
    if np.isnan(last) or not report.drift:
        return report
    return replace(report, drift={**report.drift, f"brier_{LAST}": last})


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
