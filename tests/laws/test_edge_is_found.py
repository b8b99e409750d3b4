"""With a planted edge the report finds it, in its size; without one it finds nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backtests import stages
from backtests.config import RunConfig, load_config
from backtests.inputs import load_inputs
from backtests.robustness.event_study import abnormal_returns, events_of, study
from backtests.robustness.event_tests import Significance
from backtests.robustness.settings import EventStudySettings
from backtests.run import backtest
from markets.sources.synthetic import world

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.toml"
SEEDS = (11, 12, 13)
SYNTHETIC = {"source": "synthetic"}
STUDY = EventStudySettings(estimation_sessions=60, fewest_sessions=40)


def metrics_of(seed: int, edge_bp: int) -> dict[str, Any]:
    flags = [f"prices.synthetic.seed={seed}", f"prices.synthetic.edge_bp={edge_bp}"]
    return dict(backtest(load_config(QUICKSTART, flags, {}).config).metrics)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_edge_ranks_and_pays(seed: int) -> None:
    metrics = metrics_of(seed, edge_bp=300)
    assert metrics["verdict"]["classifier_t"] > 2
    assert metrics["baselines"]["random_entries"]["alpha_t"] > 2


@pytest.mark.parametrize("edge_bp", [0.0, 300.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_size_of_an_edge_is_found_within_its_stated_error(seed: int, edge_bp: float) -> None:
    """Stories are read, not known: what the event study measures holds what was planted."""
    span = {"start": "2023-10-03", "end": "2024-12-31"}
    planted = {"n_stories": 1000, "tickers": 8, "seed": seed, "edge_bp": edge_bp, **span}
    config = RunConfig.model_validate(
        {**span, "prices": {"source": "synthetic", "synthetic": planted}, "news": SYNTHETIC}
    )
    inputs = load_inputs(config)
    rows = stages.pool_rows(config, inputs, stages.read_stories(inputs))
    abnormal = abnormal_returns(events_of(rows), inputs.market, STUDY)
    found = study(abnormal, STUDY)
    effects: dict[tuple[date, str], float] = {}
    for story in world(config.prices.synthetic).plan:
        for ticker in story.tickers:
            key = (story.effective_session, ticker)
            effects[key] = effects.get(key, 0.0) + story.effect_bp / 1e4
    signed = [one.sign * effects.get((one.session, one.ticker), 0.0) for one in abnormal.events]
    truth = sum(signed) / len(signed)
    test = found.tests["clustered"]
    assert isinstance(test, Significance)
    error = abs(found.mean / test.statistic)
    assert abs(found.mean - truth) < 1.96 * error
    if edge_bp:
        # An estimate of half the size, or half as much again, would be refused.
        assert error < truth / 4


def test_without_an_edge_nothing_is_found() -> None:
    # Found needs two tests to pass at once, each at 5 % on two sides: far below 1 in 20.
    verdicts = [metrics_of(seed, edge_bp=0)["verdict"] for seed in SEEDS]
    assert [verdict["found"] for verdict in verdicts] == [False] * len(SEEDS)
