"""Signal: a dated decision with its probability and provenance; probabilities into signals."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from markets.settings import Settings
from signals.features.base import FeatureFrame

if TYPE_CHECKING:
    from markets.calendar import Calendar
    from signals.training import FoldReport, Predictions

Direction = Literal[-1, 0, 1]


class DecisionSettings(Settings):
    """When a probability becomes a signal."""

    threshold: Literal["fixed", "edge"] = "fixed"
    """"fixed" takes `long_above` and `short_below`; "edge" chooses them in each fold, on its
    calibration block, for the largest mean abnormal return net of `cost_bp` × decisions taken."""
    long_above: float = Field(default=0.52, ge=0.5, le=1)
    """Probability from which the direction is 1."""
    short_below: float = Field(default=0.48, ge=0, le=0.5)
    """Probability up to which the direction is -1: leave, or sell short where that is allowed."""
    cost_bp: float = Field(default=30.0, ge=0)
    """Round-trip cost that an expected edge must beat, in basis points."""
    min_edge_rows: int = Field(default=20, ge=1)
    """Fewest calibration rows beyond a threshold that may speak for it."""
    horizon: int | None = Field(default=None, ge=1)
    """Sessions until a signal expires; the label's horizon by default."""

    @model_validator(mode="after")
    def _apart(self) -> DecisionSettings:
        if self.long_above <= self.short_below:
            raise ValueError("long_above must lie above short_below")
        return self


@dataclass(frozen=True, slots=True)
class Signal:
    """A decision that could be acted on at one opening auction.

    Attributes
    ----------
    signal_id : str
        Stable: a hash of ticker, effective session and model.
    ticker : str
        What to trade.
    decided_at : datetime
        UTC instant of the decision; before the open of `effective_session`.
    effective_session : date
        Session whose opening auction the decision can reach.
    expires_session : date
        Session at whose open the horizon ends.
    direction : {-1, 0, 1}
        0 is an abstention, kept for the record.
    probability : float
        Calibrated, out of sample: of a positive abnormal return over the horizon.
    fold : int
        The walk-forward fold whose model spoke; it saw no label that was not known by then.
    model_sha256 : str
        The model.
    event_ids : tuple of str
        What it was decided on.
    """

    signal_id: str
    ticker: str
    decided_at: datetime
    effective_session: date
    expires_session: date
    direction: Direction
    probability: float
    fold: int
    model_sha256: str
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where abstention ends, on both sides; infinite where nothing speaks for a side."""

    long_above: float
    short_below: float

    def direction(self, probability: float) -> Direction:
        """Return 1, -1 or, between the thresholds, 0."""
        if probability >= self.long_above:
            return 1
        return -1 if probability <= self.short_below else 0


def decide(
    predictions: Predictions,
    features: FeatureFrame,
    calendar: Calendar,
    settings: DecisionSettings,
) -> list[Signal]:
    """Turn every out-of-sample probability into a signal, abstentions included.

    Parameters
    ----------
    predictions : Predictions
        Answers by (decision_at, ticker).
    features : FeatureFrame
        The rows they were asked about.
    calendar : Calendar
        Counts the sessions until a signal expires.
    settings : DecisionSettings
        Thresholds and horizon.

    Returns
    -------
    list of Signal
        One an answer, in order of (decided_at, ticker). A threshold rests on the calibration block
        of its fold, which was known before the fold's first decision.
    """
    horizon = settings.horizon or predictions.horizon
    thresholds = {report.fold: thresholds_of(report, settings) for report in predictions.folds}
    places = predictions.positions.to_numpy()
    sessions = [stamp.date() for stamp in features.sessions.iloc[places]]
    event_ids = features.event_ids.iloc[places].tolist()
    expiry = {day: calendar.next_session(day, horizon) for day in sorted(set(sessions))}
    values = predictions.values
    signals = []
    for (decided_at, ticker), session, fold, probability, model, events in zip(
        values.index,
        sessions,
        values["fold"].tolist(),
        values["probability"].tolist(),
        values["model_sha256"].tolist(),
        event_ids,
        strict=True,
    ):
        signals.append(
            Signal(
                signal_id=_signal_id(ticker, session, model),
                ticker=ticker,
                decided_at=pd.Timestamp(decided_at).to_pydatetime(),
                effective_session=session,
                expires_session=expiry[session],
                direction=thresholds[fold].direction(probability),
                probability=probability,
                fold=fold,
                model_sha256=model,
                event_ids=tuple(dict.fromkeys(events)),
            )
        )
    return signals


def thresholds_of(report: FoldReport, settings: DecisionSettings) -> Thresholds:
    """Return the thresholds of a fold.

    With "edge", each side takes the threshold whose decisions would have earned most in the
    calibration block after costs, in sum; a side on which nothing would have earned abstains.
    """
    if settings.threshold == "fixed":
        return Thresholds(settings.long_above, settings.short_below)
    sample = report.calibration_sample
    probability = sample["probability"].to_numpy()
    earned = sample["forward_return"].to_numpy()
    cost = settings.cost_bp / 1e4
    above = _best_cut(probability, earned - cost, settings.min_edge_rows)
    below = _best_cut(-probability, -earned - cost, settings.min_edge_rows)
    # A side must lean its own way: above one half to go long, below it to go short.
    return Thresholds(max(above, settings.long_above), min(-below, settings.short_below))


def _best_cut(score: np.ndarray, net: np.ndarray, fewest: int) -> float:
    """Return the score from which the summed net return is largest and positive; else infinity."""
    if len(score) < fewest:
        return math.inf
    order = np.argsort(-score, kind="stable")
    ranked, total = score[order], np.cumsum(net[order])
    # Rows of equal score are taken together or not at all.
    ends = np.flatnonzero(np.r_[np.diff(ranked) < 0, True])
    ends = ends[ends >= fewest - 1]
    if not len(ends) or total[ends].max() <= 0:
        return math.inf
    return float(ranked[ends[int(np.argmax(total[ends]))]])


def _signal_id(ticker: str, session: date, model_sha256: str) -> str:
    text = f"{ticker}|{session.isoformat()}|{model_sha256}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
