"""The job as an exchange and a broker make it: every rule on, each often enough to bind."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from backtests.broker import BrokerSettings
from backtests.result import EngineResult
from benchmarks.job import CASH, Job
from markets.prices import MarketData

# The participation is small, so that orders are often larger than it allows, and wait.
BROKER = BrokerSettings(
    cash_hkd=CASH,
    slippage_ticks=1,
    slippage_bp=3.0,
    impact=1.0,
    participation=0.0005,
    max_wait_sessions=2,
)
# Sessions that a signal stands, unless another one ends it.
HORIZON = 5
DIVIDEND = 0.30


def rough(job: Job, seed: int = 20250912) -> Job:
    """Return a job with halts, late listings, sessions without volume, dividends and splits."""
    rng = np.random.default_rng(seed)
    days = pd.DatetimeIndex(job.sessions)
    turns = days[np.flatnonzero(days.to_period("Q")[1:] != days.to_period("Q")[:-1]) + 1]
    bars, actions = {}, []
    for number, (ticker, frame) in enumerate(job.market.bars.items()):
        traded = rng.random(len(days)) >= 0.02
        if number % 5 == 4:
            traded[: len(days) // 4] = False
        own = frame.copy()
        own.loc[rng.random(len(days)) < 0.01, "volume"] = 0.0
        split = len(days) // 2 + number
        own.iloc[split:, :4] = (own.iloc[split:, :4] / 2.0).round(2)
        own.iloc[split:, 4] *= 2.0
        actions.append((ticker, days[split], 2.0, 0.0, pd.NaT))
        bars[ticker] = own[traded]
        for ex in turns[number % 2 :: 2]:
            actions.append((ticker, ex, 1.0, DIVIDEND, ex + pd.Timedelta(days=21)))
    columns = ["ticker", "ex_date", "ratio", "cash_hkd", "pay_date"]
    table = pd.DataFrame(actions, columns=columns).sort_values(
        ["ex_date", "ticker"], ignore_index=True
    )
    return replace(job, market=MarketData(bars, table))


def bitten(result: EngineResult) -> str:
    """Return how often the rules bit: what orders came to, and actions on holdings."""
    orders = result.orders
    ends = Counter(orders["status"])
    reasons = Counter(orders["reason"][orders["reason"] != ""])
    told = [f"{count:,} {name}" for name, count in [*ends.most_common(), *reasons.most_common(4)]]
    return ", ".join([*told, f"{len(result.actions):,} actions on holdings"])
