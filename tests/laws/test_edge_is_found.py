"""With a planted edge the report finds it; without one it finds nothing more often than it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backtests.config import load_config
from backtests.run import backtest

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.toml"
SEEDS = (11, 12, 13)


def metrics_of(seed: int, edge_bp: int) -> dict[str, Any]:
    flags = [f"prices.synthetic.seed={seed}", f"prices.synthetic.edge_bp={edge_bp}"]
    return dict(backtest(load_config(QUICKSTART, flags, {}).config).metrics)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_edge_ranks_and_pays(seed: int) -> None:
    metrics = metrics_of(seed, edge_bp=300)
    assert metrics["verdict"]["classifier_t"] > 2
    assert metrics["baselines"]["random_entries"]["alpha_t"] > 2


def test_without_an_edge_nothing_is_found() -> None:
    # Found needs two tests to pass at once, each at 5 % on two sides: far below 1 in 20.
    verdicts = [metrics_of(seed, edge_bp=0)["verdict"] for seed in SEEDS]
    assert [verdict["found"] for verdict in verdicts] == [False] * len(SEEDS)
