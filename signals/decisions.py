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

from markets.errors import ConfigError
from markets.settings import Settings
from signals.features.base import FeatureFrame

if TYPE_CHECKING:
    from markets.calendar import Calendar
    from signals.training import FoldReport, Predictions

Direction = Literal[-1, 0, 1]


class DecisionSettings(Settings):
    """When a probability becomes a signal."""

    threshold: Literal["edge", "fixed"] = "edge"
    """"edge" chooses both thresholds in each fold, on its calibration block, for the largest sum of
    abnormal returns net of a round trip each, and abstains on a side where none would have earned
    anything; "fixed" takes `long_above` and `short_below` as they are, and so does "edge" in a fold
    with too few rows for such a block."""
    long_above: float = Field(default=0.52, ge=0.5, le=1)
    """Probability from which the direction is 1; the least that "edge" may choose."""
    short_below: float = Field(default=0.48, ge=0, le=0.5)
    """Probability up to which the direction is -1: leave, or sell short where that is allowed; the
    most that "edge" may choose."""
    cost_bp: float | None = Field(default=None, ge=0)
    """Round-trip cost that an edge must beat, in basis points; by default what it was on the date
    of each row of the calibration block."""
    min_edge_rows: int = Field(default=20, ge=1)
    """Fewest calibration rows beyond a threshold that may speak for it."""
    size_down: bool = False
    """Trade smaller while the model drifts, by what was known at each decision."""
    size_down_to: float = Field(default=0.5, ge=0, le=1)
    """Size of a signal while it does; 0 leaves it out."""
    size_down_skill: float = Field(default=-0.02, lt=1)
    """Drift is a skill below this: 1 less the Brier score of the last 60 known answers over that of
    the base rate."""
    size_down_psi: float = Field(default=0.25, gt=0)
    """Drift is a stability index of the fold's last 60 probabilities above this."""
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
    size : float
        Part of a full position that it asks for, in [0, 1]; below 1 while the model drifts.
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
    size: float = 1.0

    @property
    def conviction(self) -> float:
        """Probability of what the direction says: of a fall, if it is -1."""
        return 1.0 - self.probability if self.direction == -1 else self.probability


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
    sizes = _sizes(predictions, settings)
    signals = []
    for (decided_at, ticker), session, fold, probability, model, events, size in zip(
        values.index,
        sessions,
        values["fold"].tolist(),
        values["probability"].tolist(),
        values["model_sha256"].tolist(),
        event_ids,
        sizes,
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
                size=size,
            )
        )
    return signals


def _sizes(predictions: Predictions, settings: DecisionSettings) -> list[float]:
    """Return the size of each signal, by the drift that was known at its decision."""
    if not settings.size_down:
        return [1.0] * len(predictions)
    drift = predictions.drift
    # What is not yet defined is NaN, and no comparison with it holds.
    drifts = (drift["skill"] < settings.size_down_skill) | (drift["psi"] > settings.size_down_psi)
    return [settings.size_down_to if one else 1.0 for one in drifts.tolist()]


def thresholds_of(report: FoldReport, settings: DecisionSettings) -> Thresholds:
    """Return the thresholds of a fold.

    With "edge", each side takes the threshold whose decisions would have earned most in the
    calibration block after costs, in sum; a side on which nothing would have earned abstains. A
    fold that has no such block keeps those of the settings.

    Raises
    ------
    ConfigError
        If an edge is asked for, and neither settings nor labels know what a round trip costs.
    """
    sample = report.calibration_sample
    if settings.threshold == "fixed" or sample.empty:
        return Thresholds(settings.long_above, settings.short_below)
    probability = sample["probability"].to_numpy()
    earned = sample["forward_return"].to_numpy()
    cost = _round_trips(sample, settings)
    above = _best_cut(probability, earned - cost, settings.min_edge_rows)
    below = _best_cut(-probability, -earned - cost, settings.min_edge_rows)
    # A side must lean its own way: above one half to go long, below it to go short.
    return Thresholds(max(above, settings.long_above), min(-below, settings.short_below))


def _round_trips(sample: pd.DataFrame, settings: DecisionSettings) -> np.ndarray:
    """Return what each row's round trip cost on its own date, a fraction."""
    if settings.cost_bp is not None:
        return np.full(len(sample), settings.cost_bp / 1e4)
    cost = sample["cost"].to_numpy()
    if np.isnan(cost).any():
        raise ConfigError(
            "an edge net of costs needs to know what a round trip costs",
            wanted="labels made with costs, or a number of basis points",
            where="decision.cost_bp",
        )
    return np.asarray(cost)


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
