"""top_ranked: always hold the k stocks whose standing signals are the most probable."""

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
    """Hold the k best of the signals that stand, each at its size / k.

    A stock's rank is the probability of what its latest signal that stands says; ties go by ticker.
    What falls out of the best is left, what enters them is entered, at the next open. Unlike
    `event_hold` a signal that found no room on its day can still enter later, while it stands.
    Direction -1 is sold short where the run allows it, else left out.
    """

    Params: ClassVar[type[Settings]] = TopRankedParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what is no longer among the best, then the weights of what is entered."""
        sides, stances = view.directions, view.stances
        latest = {signal.ticker: signal for signal in view.standing if signal.ticker in sides}
        best = sorted(latest, key=lambda ticker: (-latest[ticker].conviction, ticker))
        best = best[: self.params.k]
        exits = dict.fromkeys(sorted(stances.keys() - set(best)), 0.0)
        wanted = [t for t in best if self.params.rebalance or stances.get(t) != sides[t]]
        return exits | {t: sides[t] * latest[t].size / self.params.k for t in wanted}
