"""What was known of a ticker at a decision instant, as numbers."""

from __future__ import annotations

from pydantic import Field

from markets.settings import Settings

BUILT_IN_GROUPS = {
    "events": "signals.features.events:EventKinds",
    "magnitudes": "signals.features.events:Magnitudes",
    "moved": "signals.features.events:AlreadyMoved",
    "tone": "signals.features.tone:Tone",
    "flow": "signals.features.flow:Flow",
    "prices": "signals.features.prices:Prices",
}


class FeatureSettings(Settings):
    """Which groups of features are built, and how far they look back."""

    groups: tuple[str, ...] = tuple(BUILT_IN_GROUPS)
    """Feature groups, in order: built-in names, published names, or ``module:Class``.

    A class is called with these settings and must fit `signals.features.base.FeatureGroup`.
    """
    text: bool = True
    """Hand the pooled text of each row on to the classifier."""
    body_relevance: float = Field(default=0.6, gt=0, le=1)
    """Weight of an event from the body; one from the title weighs 1."""
    related_relevance: float = Field(default=0.3, ge=0, le=1)
    """Weight of an event for a company that is only named beside the one it is about."""
    flow_half_life_days: float = Field(default=10.0, gt=0)
    """Half-life of the trailing story count that a burst is measured against."""
    volatility_sessions: int = Field(default=20, ge=5)
    """Sessions behind trailing volatility and volume."""
    beta_sessions: int = Field(default=60, ge=20)
    """Sessions behind trailing beta."""


def sessions_in(days: int) -> int:
    """Return the most sessions that so many calendar days can hold: five a week, and what is left.

    Examples
    --------
    >>> sessions_in(7), sessions_in(60)
    (5, 44)
    """
    return days // 7 * 5 + min(days % 7, 5)
