"""Promises on answers: out of sample, of the fold's own model, and judged on its own window."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from backtests.robustness.breaches import row_name
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.traces import Trace
from signals.answers import Predictions

_DAY = "datetime64[D]"


def out_of_sample(traced: Trace) -> Iterator[Leak]:
    """Yield answers that are not of a model learned before their own test window."""
    predictions, features = traced.learned.predictions, traced.learned.features
    labels = traced.learned.labels.values
    sessions = features.sessions.iloc[predictions.positions.to_numpy()].to_numpy().astype(_DAY)
    given = predictions.values["fold"].to_numpy()
    for fold in predictions.folds:
        mine = given == fold.fold
        first, last = np.datetime64(fold.test_start, "D"), np.datetime64(fold.test_end, "D")
        outside = mine & ((sessions < first) | (sessions > last))
        if outside.any():
            place = int(np.argmax(outside))
            yield Leak(
                "leak",
                "out of sample",
                "probabilities",
                "an answer of a model whose test window it does not lie in",
                column="fold",
                row=row_name(predictions.values.index, place),
                given=str(sessions[place]),
                expected=f"{first} to {last}",
                count=int(outside.sum()),
            )
        if fold.train_end >= fold.test_start:
            yield Leak(
                "leak",
                "out of sample",
                "splits",
                "a fold trains on its own test window",
                column="train_end",
                row=f"fold {fold.fold}",
                given=str(fold.train_end),
                expected=f"before {fold.test_start}",
            )
        wanted = traced.config.classifier
        fixed = {name: value for name, value in fold.params.items() if name not in wanted.tune}
        if fixed != dict(wanted.params):
            yield Leak(
                "leak",
                "out of sample",
                "splits",
                "a fold's model is not the one that the config names: chosen by what it showed?",
                column="params",
                row=f"fold {fold.fold}",
                given=repr(fixed),
                expected=repr(dict(wanted.params)),
            )
        yield from _not_its_own(predictions, fold.fold, mine)
        known = labels.reindex(predictions.values.index[mine])["target"].dropna()
        answers = predictions.values["probability"][mine].reindex(known.index)
        brier = float(((answers - known) ** 2).mean()) if len(known) else None
        told = fold.metrics.get("brier")
        if brier is not None and (told is None or abs(told - brier) > 1e-9):
            yield Leak(
                "leak",
                "out of sample",
                "probabilities",
                "a fold's figures are not those of its test rows",
                column="brier",
                row=f"fold {fold.fold}",
                given=repr(told),
                expected=repr(brier),
            )


def _not_its_own(predictions: Predictions, fold: int, mine: np.ndarray) -> Iterator[Leak]:
    """Yield an answer that the fold's own model does not give when it is asked again.

    To 1e-9: a library may add up in another order the second time.
    """
    model = predictions.models.get(fold)
    if model is None or not mine.any():
        return
    places = np.flatnonzero(mine)
    told = predictions.values["probability"].to_numpy()[places]
    broken = partial(Leak, "leak", "out of sample", "probabilities", column="probability")
    try:
        rows = predictions.positions.to_numpy()[places]
        again = model.calibration.probability(model.log_odds(rows, predictions.decisions))
    except Exception as error:  # a user's classifier may fail in any way outside of a walk-forward
        yield broken(
            f"a fold's model fails when it is asked again: {type(error).__name__}: {error}",
            row=row_name(predictions.values.index, int(places[0])),
        )
        return
    other = ~np.isclose(again, told, rtol=0.0, atol=1e-9)
    if other.any():
        first = int(np.argmax(other))
        yield broken(
            "an answer is not what its fold's model says when it is asked again",
            row=row_name(predictions.values.index, int(places[first])),
            given=repr(float(told[first])),
            expected=repr(float(again[first])),
            count=int(other.sum()),
        )
