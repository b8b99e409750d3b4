"""A feature group as a user might write it, without a leak."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from markets.prices import MarketData
from signals.features import FeatureSettings
from signals.features.base import Row


class Weekday:
    """The day of the week of a row's session."""

    name = "own"
    memory = 0

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        return pd.DataFrame({"own__weekday": [float(row.session.weekday()) for row in rows]})
