"""Classifiers: what turns the features of a decision into the odds of a gain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from markets.settings import Settings
from signals.features.text import TextSettings

BUILT_IN = ("logistic", "gradient_boosting", "complement_nb", "sestm", "stack", "dummy")
BASELINES = ("dummy", "prices_only", "text_shuffled")
"""What stands beside every model of a run, on the same splits: no setting turns it off."""


class ClassifierSettings(Settings):
    """The model and its calibration."""

    name: str = "logistic"
    """Built-in name (logistic, gradient_boosting, complement_nb, sestm, stack, dummy), published
    name, or ``module:Class`` of any scikit-learn classifier."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the classifier, laid over newswake's own defaults for it."""
    tune: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    """Values to choose from, by parameter of the classifier: every combination is tried on purged
    inner folds of each training window, and counted as a trial."""
    inner_folds: int = Field(default=3, ge=1)
    """Latest inner windows that tuning and stacking learn from."""
    text: TextSettings = TextSettings()
    """Which words are learned from."""
    groups: tuple[str, ...] | None = None
    """Feature groups the model sees; all that were built, by default."""
    calibration: Literal["temperature", "sigmoid", "none"] = "temperature"
    """How probabilities are fitted to outcomes, on the latest block of the training window."""
    calibration_share: float = Field(default=0.2, gt=0, lt=0.5)
    """Part of the training window's sessions that is kept for calibration."""
    min_calibration_rows: int = Field(default=60, ge=10)
    """With fewer labeled rows in that block there is no calibration, and all rows train."""
    save_models: bool = False
    """Keep the fitted model of each fold in the run folder."""
    half_life_days: float | None = Field(default=365.0, gt=0)
    """Half-life of a training row's weight; unset, old rows weigh as much as new ones."""
