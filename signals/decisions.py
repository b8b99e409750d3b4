"""Signal: a dated decision with its probability and provenance; probabilities into signals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Direction = Literal[-1, 0, 1]


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
