"""A feature group and a strategy as a user might write them, without a leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row
from strategies.base import NoParams, SignalStrategy, View


class Weekday:
    """The day of the week of a row's session."""

    name = "own"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return pd.DataFrame({"own__weekday": [float(row.session.weekday()) for row in rows]})


class HoldsLong(SignalStrategy[NoParams]):
    """A fifth of equity in whatever stands long."""

    def targets(self, view: View) -> Mapping[str, float]:
        long = {signal.ticker for signal in view.standing if signal.direction == 1}
        return {ticker: 0.2 if ticker in long else 0.0 for ticker in sorted(view.engaged | long)}
