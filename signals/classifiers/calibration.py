"""Calibration: log-odds of a model into probabilities, fitted on outcomes it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

Floats = NDArray[np.float64]

LEAST_SLOPE, LARGEST_SLOPE = 0.05, 20.0
_LARGEST_SHIFT = 2.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrated log-odds are `slope` × log-odds + `shift`.

    Attributes
    ----------
    slope : float
        Within [0.05, 20]: calibration may doubt a model, never turn it around.
    shift : float
        0 under temperature scaling.
    method : str
        temperature | sigmoid | none.
    rows : int
        Rows it was fitted on.
    """

    slope: float = 1.0
    shift: float = 0.0
    method: str = "none"
    rows: int = 0

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds."""
        return np.asarray(self.slope * raw + self.shift)

    def probability(self, raw: Floats) -> Floats:
        """Return probabilities in [0, 1]."""
        return np.asarray(expit(self.log_odds(raw)))


def calibrate(
    raw: Floats,
    target: NDArray[np.int64],
    weight: Floats,
    method: Literal["temperature", "sigmoid", "none"],
) -> Calibration:
    """Fit a calibration by weighted log-loss.

    Parameters
    ----------
    raw : ndarray of float64, shape (n_rows,)
        A model's log-odds on rows it did not learn from.
    target : ndarray of int64, shape (n_rows,)
        0 or 1.
    weight : ndarray of float64, shape (n_rows,)
        Positive.
    method : {'temperature', 'sigmoid', 'none'}
        Temperature fits the slope only; sigmoid fits a shift too.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines; Guo et al. (2017), On
    calibration of modern neural networks.
    """
    if method == "none":
        return Calibration()
    share = weight / weight.sum()

    def loss(slope: float, shift: float) -> float:
        odds = slope * raw + shift
        return float((share * (np.logaddexp(0.0, odds) - target * odds)).sum())

    if method == "temperature":
        found = minimize_scalar(
            lambda log_slope: loss(float(np.exp(log_slope)), 0.0),
            bounds=(float(np.log(LEAST_SLOPE)), float(np.log(LARGEST_SLOPE))),
            method="bounded",
        )
        return Calibration(float(np.exp(found.x)), 0.0, method, len(raw))
    both = minimize(
        lambda at: loss(at[0], at[1]),
        x0=np.array([1.0, 0.0]),
        bounds=[(LEAST_SLOPE, LARGEST_SLOPE), (-_LARGEST_SHIFT, _LARGEST_SHIFT)],
        method="L-BFGS-B",
    )
    return Calibration(float(both.x[0]), float(both.x[1]), method, len(raw))
