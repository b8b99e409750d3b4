"""event_hold: buy what a signal says at the open it can reach, leave when its horizon ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from markets.settings import Settings
from strategies.base import SignalStrategy, View


class EventHoldParams(Settings):
    """Parameters of `event_hold`."""

    max_positions: int = Field(default=10, ge=1)
    """Slots; a signal that finds none free is left out."""

    weight: float | None = Field(default=None, gt=0.0, le=1.0)
    """Weight of equity in each position, times its signal's size; by default 1 / the slots."""


class EventHold(SignalStrategy[EventHoldParams]):
    """Enter at the open at which a long signal takes effect, leave when none stands any more.

    Entry: direction +1, at the effective session only, never later; the most probable first, into
    free slots. A slot that is sold at the same open counts as free. Exit: at the open at which the
    last long signal expires, or an opposite one takes effect. A fresh long signal for a stock
    already held extends its horizon and buys nothing. No shorts: direction -1 only closes.
    """

    Params: ClassVar[type[Settings]] = EventHoldParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what no long signal holds any more, then the weights of new entries."""
        long = {signal.ticker for signal in view.standing if signal.direction == 1}
        engaged = view.engaged
        fresh = {
            signal.ticker: signal
            for signal in view.signals
            if signal.direction == 1 and signal.ticker in long - engaged
        }
        entries = sorted(fresh.values(), key=lambda signal: (-signal.probability, signal.ticker))
        free = max(0, self.params.max_positions - len(engaged & long))
        weight = self.params.weight or 1.0 / self.params.max_positions
        exits = dict.fromkeys(sorted(engaged - long), 0.0)
        return exits | {signal.ticker: weight * signal.size for signal in entries[:free]}
