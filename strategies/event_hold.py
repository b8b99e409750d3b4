"""event_hold: trade what a signal says at the open it can reach, leave when its horizon ends."""

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
    """Enter at the open at which a signal takes effect, leave when none stands any more.

    Entry: at the effective session only, never later; the most probable first, into free slots. A
    slot that is left at the same open counts as free. Exit: at the open at which the last signal of
    the side expires, or an opposite one takes effect. A fresh signal for a stock already held on
    its side extends its horizon and adds nothing. Direction -1 sells short where the run allows it,
    else it only closes.
    """

    Params: ClassVar[type[Settings]] = EventHoldParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what no signal holds any more, then the weights of new entries."""
        wanted, stances = view.directions, view.stances
        kept = {ticker for ticker, side in stances.items() if wanted.get(ticker) == side}
        fresh = {
            signal.ticker: signal
            for signal in view.signals
            if signal.ticker not in kept and wanted.get(signal.ticker) == signal.direction
        }
        entries = sorted(fresh.values(), key=lambda signal: (-signal.conviction, signal.ticker))
        free = max(0, self.params.max_positions - len(kept))
        weight = self.params.weight or 1.0 / self.params.max_positions
        exits = dict.fromkeys(sorted(stances.keys() - kept), 0.0)
        return exits | {
            signal.ticker: signal.direction * weight * signal.size for signal in entries[:free]
        }
