"""Walk-forward: each window is answered by a model of what was known before it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import rankdata

from markets.errors import ConfigError, DataError, nearest_name
from signals.answers import FoldReport, Predictions
from signals.classifiers import ClassifierSettings
from signals.classifiers.build import wants_inner_folds
from signals.classifiers.inputs import Inputs, inputs_of
from signals.classifiers.model import FoldModel, Outcomes, fit
from signals.drift import LAST, drift_of_groups, psi, trailing_psi, trailing_scores
from signals.features.base import FeatureFrame
from signals.folds import calibration_block, inner_folds
from signals.labels import LabelFrame
from signals.splits import PurgedWalkForward, Split, SplitSettings, Timeline
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
    nested = wants_inner_folds(classifier)
    parts, reports = [], []
    models: dict[int, FoldModel] = {}
    for number, one in enumerate(PurgedWalkForward(timeline, split).splits()):
        weighted = _decayed(outcomes, timeline, one, classifier)
        train, calibration = calibration_block(timeline, one, classifier, split)
        inside = inner_folds(timeline, train, classifier, split) if nested else []
        answers: dict[str, Floats] = {}
        for name, (settings, seen) in contenders.items():
            shown, chosen = seen, settings
            if name == "text_shuffled":
                # The parameters that were chosen for the model: only the news is another's.
                shown = _shuffled(seen, train, seed, number)
                tuned = {"params": dict(models[number].tuned.params), "tune": {}}
                chosen = settings.model_copy(update=tuned)
            inner = inside if wants_inner_folds(chosen) else []
            model = fit(chosen, shown, weighted, train, calibration, decisions, seed, inner)
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
    drift = _trailing(values, positions, reports, models, timeline, outcomes, decisions)
    return Predictions(
        values,
        tuple(_with_trailing(report, drift[values["fold"] == report.fold]) for report in reports),
        labels.horizon,
        models,
        pd.Series(positions, index=values.index, dtype="int64"),
        drift,
        decisions,
    )


def _outcomes(features: FeatureFrame, labels: LabelFrame) -> Outcomes:
    known = labels.values.reindex(features.values.index)
    return Outcomes(
        known["target"].fillna(0).to_numpy().astype("int64"),
        known["weight"].fillna(0.0).to_numpy().astype("float64"),
        known["forward_return"].to_numpy().astype("float64"),
        known["cost"].to_numpy().astype("float64"),
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
    plain = {"name": "logistic", "params": {}, "tune": {}}
    contenders = {"": (settings, full)}
    for name in settings.baselines:
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


def _shuffled(inputs: Inputs, train: Ints, seed: int, fold: int) -> Inputs:
    """Return inputs whose training rows got each other's news; prices stay where they are."""
    order = np.arange(inputs.matrix.shape[0])
    order[train] = np.random.default_rng([seed, fold]).permutation(train)
    prices = set(inputs.groups.get("prices", ()))
    stays = np.zeros(inputs.matrix.shape[1])
    stays[[place for place, name in enumerate(inputs.columns) if name in prices]] = 1.0
    moved = inputs.matrix[order] @ sparse.diags_array(1.0 - stays)
    mixed = sparse.csr_array(moved + inputs.matrix @ sparse.diags_array(stays))
    totals = None if inputs.totals is None else inputs.totals[order]
    return Inputs(mixed, inputs.columns, inputs.terms, inputs.groups, totals)


def _sample(
    model: FoldModel, outcomes: Outcomes, calibration: Ints, decisions: Ints
) -> pd.DataFrame:
    raw = model.log_odds(calibration, decisions)
    return pd.DataFrame(
        {
            "probability": model.calibration.probability(raw),
            "forward_return": outcomes.forward_return[calibration],
            "weight": outcomes.weight[calibration],
            "cost": outcomes.cost[calibration],
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
    metrics["trials"] = float(model.tuned.trials)
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
        terms=sum(name.startswith("text__") for name in model.names) if model.text else 0,
        slope=model.calibration.slope,
        shift=model.calibration.shift,
        calibration_method=model.calibration.method,
        model_sha256=model.sha256,
        trials=model.tuned.trials,
        params=model.tuned.params,
        metrics=metrics,
        drift=_moved(model, train, one.test, answers[""], sample),
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
    return found


def _trailing(
    values: pd.DataFrame,
    positions: Ints,
    reports: Sequence[FoldReport],
    models: Mapping[int, FoldModel],
    timeline: Timeline,
    outcomes: Outcomes,
    decisions: Ints,
) -> pd.DataFrame:
    """Return what was known of drift at each decision."""
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
    if np.isnan(last):
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
