"""Flow: how much news there is, how fresh it is, and whether that is unusual for the ticker."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.prices import MarketData
from signals.features import FeatureSettings, sessions_in
from signals.features.base import Row
from signals.features.shares import Shares

_DAY_SECONDS = 86_400.0
_LONGEST_GAP_DAYS = 60.0


class Flow:
    """Counts of stories and outlets, a burst against the ticker's own past, age and novelty.

    Columns: ``flow__stories``, ``flow__outlets`` (logarithms), ``flow__burst`` (log of stories over
    the trailing mean of earlier decisions, decaying with `flow_half_life_days`),
    ``flow__quiet_days`` (log of days since the ticker's previous row), ``flow__newest_hours``,
    ``flow__oldest_hours`` (log of ages at the decision), ``flow__novelty``, ``flow__novelty_max``
    (of events; 1 without).
    """

    name = "flow"

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings
        # By then the trailing mean has forgotten all but a 64th of a row.
        forgotten = math.ceil(6 * settings.flow_half_life_days)
        self.memory = sessions_in(max(forgotten, int(_LONGEST_GAP_DAYS)))

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one row of columns per row; reads the row's stories and earlier rows' counts.

        `rows` are in order of decision: the trailing mean at a row is of rows before it.
        """
        past: dict[str, tuple[float, float, float]] = {}
        values = np.empty((len(rows), 8))
        for at, row in enumerate(rows):
            day = row.decision_at.timestamp() / _DAY_SECONDS
            stories = float(len(row.items))
            last_day, counted, weights = past.get(row.ticker, (day, 0.0, 0.0))
            gap = day - last_day
            kept = math.pow(0.5, gap / self.settings.flow_half_life_days)
            counted, weights = counted * kept, weights * kept
            # One earlier row of one story is the prior.
            usual = (1.0 + counted) / (1.0 + weights)
            # A story later than its decision is refused by the FeatureFrame, not here.
            ages = [
                max((row.decision_at - item.available_at).total_seconds(), 0.0)
                for item in row.items
            ]
            novelty = [event.novelty for event in row.events] or [1.0]
            values[at] = (
                math.log1p(stories),
                math.log1p(sum(item.outlets for item in row.items)),
                math.log(stories / usual),
                math.log1p(min(gap, _LONGEST_GAP_DAYS) if row.ticker in past else 0.0),
                math.log1p(min(ages) / 3600.0),
                math.log1p(max(ages) / 3600.0),
                sum(novelty) / len(novelty),
                max(novelty),
            )
            past[row.ticker] = (day, counted + stories, weights + 1.0)
        names = (
            "stories",
            "outlets",
            "burst",
            "quiet_days",
            "newest_hours",
            "oldest_hours",
            "novelty",
            "novelty_max",
        )
        return pd.DataFrame({f"flow__{name}": values[:, i] for i, name in enumerate(names)})

    def shares(self, row: Row) -> dict[str, NDArray[np.float64]]:
        """Return the counts divided over the stories; ages and novelty are those of the row."""
        shares = Shares(row, self.name)
        for at, item in enumerate(row.items):
            shares.story("stories", at, 1.0)
            shares.story("outlets", at, item.outlets)
        shares.squash(("stories", "outlets"), math.log1p)
        return shares.columns
