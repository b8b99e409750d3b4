"""What the benchmark of the error rate calls broken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.error_rate import NAIVE, config_of, luck_of, rejections, too_often


def test_a_test_at_five_percent_may_reject_a_little_more_often_and_no_more() -> None:
    rejected = {
        "dates rank_ic": (21, 200),
        "tickers rank_ic": (22, 200),
        "led rank_ic": (0, 200),
        NAIVE[0]: (200, 200),
    }
    assert too_often(rejected) == ["tickers rank_ic"]
    assert too_often({"event kolari_pynnonen": (6, 10)}) == ["event kolari_pynnonen"]
    assert too_often({"learned sharpe": (7, 50), "led sharpe": (9, 50)}) == ["led sharpe"]


def test_what_a_world_says_is_counted_by_its_kind() -> None:
    worlds = [
        {
            "p": {"dates rank_ic": 0.05, **({"learned sharpe": 0.01} if number else {})},
            "t": {"rank IC": -2.5 if number else None},
            "said": {"the edge stands": bool(number)},
            "band": {"rank_ic": [0.1, 0.3, 0.0], "sharpe": [-1.0, 1.0, float(number)]},
        }
        for number in range(3)
    ]
    assert rejections(worlds) == {
        "dates rank_ic": (3, 3),
        "learned sharpe": (2, 2),
        "t of rank IC": (2, 3),
        "the edge stands": (2, 3),
        "interval of rank_ic": (3, 3),
        "interval of sharpe": (1, 3),
    }


def test_luck_is_what_was_earned_beyond_drift_and_costs() -> None:
    """99001.HK has a beta of 1.25, by its table; the market drifts by 2 bp from open to close."""
    sessions = pd.date_range("2024-01-02", periods=4, freq="B")
    config = config_of(1, 0.0)
    capital = config.broker.cash_hkd
    shares, cost = 1000, 25.0
    earned = shares * 10.0 * 1.25 * 0.0002 - cost
    equity = capital + earned * np.arange(1, 5) + np.array([0.0, 500.0, 500.0, 500.0])
    engine: Any = SimpleNamespace(
        equity=pd.DataFrame({"equity_hkd": equity, "cost_hkd": cost}, sessions),
        holdings=pd.DataFrame({"99001.HK": shares}, sessions),
    )
    bars = {"99001.HK": pd.DataFrame({"open": 10.0}, sessions)}
    inputs: Any = SimpleNamespace(market=SimpleNamespace(bars=bars))
    found = luck_of(engine, inputs, config)
    assert found == pytest.approx(500.0 / (capital + earned) / 4, rel=1e-9)
