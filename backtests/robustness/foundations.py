"""Whether feature groups of one's own stand on what they are handed at all.

A table written into a part's code, or kept where no run looks, gives the same answers whatever the
prices and stories are. No cut reaches it. It shows where all of them are others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from backtests.own_parts import is_own
from backtests.robustness.examination import Examination
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.parts import forget
from backtests.robustness.traces import Trace
from markets.prices import MarketData
from markets.what_if import redrawn_before
from signals.features import BUILT_IN_GROUPS
from signals.features.base import FeatureGroup, Row
from signals.features.build import group_of, settled

_NAME = "foundations"
_SHOWN = 3


def check_foundations(audit: Examination, whole: Trace) -> None:
    """Build features on other prices and other stories of all time; what stays is noted.

    Calendars and names of stocks honestly stay. So does what a part brought along, be it in a file
    that a library in C opened or in its code: that the audit cannot see, it can only say where.
    """
    if audit.over or not is_own(audit.config, "features"):
        return
    audit.record(_NAME, "own features stand on what they are handed", _unmoved(audit, whole))


def _unmoved(audit: Examination, whole: Trace) -> Iterator[Leak]:
    features, market = whole.learned.features, audit.inputs.market
    rows = _retold(whole.learned.rows, audit.seed)
    other = redrawn_before(market, market.sessions()[-1].date() + timedelta(days=1), audit.seed)
    forget(audit.config)
    stays: list[str] = []
    for name in audit.config.features.groups:
        if name in BUILT_IN_GROUPS:
            continue
        built = _tried(group_of(name, audit.config.features), rows, other)
        for column in built.columns:
            values = features.values[column].to_numpy()
            if len(set(values.tolist())) > 1 and np.array_equal(values, built[column].to_numpy()):
                stays.append(str(column))
    if stays:
        yield Leak(
            "note",
            _NAME,
            "features",
            "columns stay the same on other prices and stories: they stand on dates, on names of "
            "stocks, or on what the part brought along, which no cut reaches",
            column=", ".join(stays[:_SHOWN]),
            count=len(stays),
        )


def _tried(group: FeatureGroup, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
    """Return what a group says; nothing where it refuses what never was: then it looks at it."""
    try:
        return settled(group.build(rows, market).astype("float64"))
    except Exception:
        return pd.DataFrame()


def _retold(rows: Sequence[Row], seed: int) -> list[Row]:
    """Return rows of the same sessions and stocks, each with the stories of another."""
    order = np.random.default_rng([seed, 13]).permutation(len(rows)).tolist()
    told = [rows[place] for place in order]
    return [
        replace(row, items=one.items, events=one.events)
        for row, one in zip(rows, told, strict=True)
    ]
