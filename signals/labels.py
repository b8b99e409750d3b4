"""LabelFrame: what a decision could have earned, from the first price it could trade."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class LabelFrame:
    """Outcomes of decisions; for training and for judging only.

    Attributes
    ----------
    values : DataFrame
        Indexed as the FeatureFrame, (`decision_at`, `ticker`); rows whose outcome is not yet known
        are absent. Columns:

        target : int64
            1 if the abnormal forward return is positive (or over the dead band), else 0.
        forward_return : float64
            Abnormal return from the open of `t0` to the open of `t1`.
        raw_return : float64
            The same, not yet less the benchmark's.
        t0, t1 : datetime64
            Entry and exit session. The label is known from the open of `t1` on.
        weight : float64
            Sample weight, positive.
    """

    values: pd.DataFrame

    def __len__(self) -> int:
        return len(self.values)
