"""top_ranked: always hold the k stocks whose standing long signals are the most probable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from markets.settings import Settings
from strategies.base import SignalStrategy, View


class TopRankedParams(Settings):
    """Parameters of `top_ranked`."""

    k: int = Field(default=5, ge=1)
    """How many stocks are held at most."""

    rebalance: bool = False
    """Whether what stays among the best is brought back to equal weight at every open."""


class TopRanked(SignalStrategy[TopRankedParams]):
    """Hold the k best of the long signals that stand, each at its size / k.

    A stock's rank is the probability of its latest long signal that stands; ties go by ticker. What
    falls out of the best is sold, what enters them is bought, at the next open. Unlike `event_hold`
    a signal that found no room on its day can still enter later, while it stands.
    """

    Params: ClassVar[type[Settings]] = TopRankedParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what is no longer among the best, then the weights of what is bought."""
        latest = {signal.ticker: signal for signal in view.standing if signal.direction == 1}
        best = sorted(latest, key=lambda ticker: (-latest[ticker].probability, ticker))
        best = best[: self.params.k]
        exits = dict.fromkeys(sorted(view.engaged - set(best)), 0.0)
        wanted = [ticker for ticker in best if self.params.rebalance or ticker not in view.engaged]
        return exits | {ticker: latest[ticker].size / self.params.k for ticker in wanted}
