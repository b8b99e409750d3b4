"""What a report says of the model, as tables: its answers, their drift, its folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backtests.metrics.verdict import decimal, named
from backtests.reports.formats import scalar, share, whole
from backtests.reports.table import Table
from backtests.view import RunView

_PSI = "psi_"
_PSI_ANSWERS = "psi_probability"
_OF_A_FOLD = {
    "train_rows": ("Train", 0),
    "calibration_rows": ("Calibration", 0),
    "test_rows": ("Test", 0),
    "purged_rows": ("Purged", 0),
    "embargoed_rows": ("Embargoed", 0),
    "terms": ("Terms", 0),
    "trials": ("Trials", 0),
    "slope": ("Slope", 2),
    "shift": ("Shift", 2),
}
"""Heading and decimal places of what a fold reports."""


def predictions(metrics: Mapping[str, Any]) -> Table:
    """Return the classifier beside its baselines, on the same rows out of sample."""
    rows = []
    for name, own in metrics["predictions"].items():
        if own["n"]:
            rows.append(
                (
                    named(name),
                    whole(own["n"]),
                    decimal(own["auc"], 3),
                    decimal(own["mcc"], 3, sign=True),
                    decimal(own["brier"], 4),
                    decimal(own["log_loss"], 4),
                    decimal(own["calibration_error"], 3),
                    decimal(own["rank_ic"], 3, sign=True),
                    decimal(own["rank_ic_t"], sign=True),
                )
            )
    model = metrics["predictions"].get("model", {})
    return Table(
        "predictions",
        "Prediction quality, out of sample",
        ("<", "n", "AUC", "MCC", "Brier", "Log loss", "ECE", "Rank IC", "t"),
        tuple(rows),
        f"Rank IC: mean over {model.get('rank_ic_sessions')} sessions; Newey-West t, lag"
        f" {model.get('rank_ic_lag')}. Base rate {share(model.get('base_rate'))}.",
    )


def drift(view: RunView, shown: int = 6) -> Table:
    """Return how far each fold's window is from what its model learned from.

    Of more than `shown` feature groups those that have moved most, in any fold.
    """
    found = [(fold, fold["drift"]) for fold in view.folds if fold.get("drift")]
    most: dict[str, float] = {}
    for _, own in found:
        for name in own:
            if name.startswith(_PSI) and name != _PSI_ANSWERS:
                most[name] = max(most.get(name, 0.0), own[name])
    kept = sorted(sorted(most, key=lambda name: -most[name])[:shown], key=list(most).index)
    rows = [
        (
            str(fold["test_start"])[:7],
            *(decimal(own.get(name)) for name in kept),
            decimal(own.get(_PSI_ANSWERS)),
            share(own.get("unseen_terms")),
            decimal(own.get("brier_60"), 3),
        )
        for fold, own in found
    ]
    left = len(most) - len(kept)
    return Table(
        "drift",
        "Drift by fold",
        (
            "<Window",
            *(name.removeprefix(_PSI) for name in kept),
            "Answers",
            "Unseen",
            "Brier",
        ),
        tuple(rows),
        "Stability index (PSI) of each feature group and of the answers, window against training:"
        " under 0.10 calm, over 0.25 a shift. Unseen: terms the model does not know. Brier: of the"
        " last 60 known answers at the window's end."
        + (f" {left} more groups stand in folds.json." if left else ""),
    )


def folds(view: RunView) -> Table:
    """Return the walk-forward folds: what each learned from, what it was asked, how it was set.

    A column that no fold fills is left out.
    """
    columns = {
        "Fold": [scalar(fold.get("fold")) for fold in view.folds],
        "<Training": [_span(fold, "train") for fold in view.folds],
        "<Test": [_span(fold, "test") for fold in view.folds],
        **{
            title: [decimal(fold.get(name), places) for fold in view.folds]
            for name, (title, places) in _OF_A_FOLD.items()
        },
        "<Calibrated by": [scalar(fold.get("calibration_method")) for fold in view.folds],
        "<Model": [scalar(fold.get("model_sha256"))[:8] for fold in view.folds],
    }
    kept = {title: cells for title, cells in columns.items() if set(cells) - {"–"}}
    return Table(
        "folds",
        "Walk-forward folds",
        tuple(kept),
        tuple(zip(*kept.values(), strict=True)),
        "Training rows that knew of the test are purged, those too near to it embargoed. Slope and"
        " shift are the calibration's. All that a fold reports stands in folds.json.",
    )


def _span(fold: Mapping[str, Any], part: str) -> str:
    first, last = fold.get(f"{part}_start"), fold.get(f"{part}_end")
    return f"{first} to {last}" if first and last else "–"
