"""A blindfolded strategy trades as ever, unless it looks at what is not known yet."""

from __future__ import annotations

import pandas as pd
import pytest
from small_world import clean_config

from backtests import stages
from backtests.inputs import load_inputs
from backtests.robustness.blindfold import traded_blind

HONEST = ("honest_parts:CrossesItsMean", "honest_parts:AboveItsMean")
LOOKING = (
    "leaky_features:NextClose",
    "leaky_features:AllTimeLow",
    "leaky_features:Digger",
    "sly_parts:DiggerNowAndThen",
)


def both(name: str, engine: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fills of a strategy that sees, and of the same one blindfolded."""
    config = clean_config(strategy={"name": name}, broker={"engine": engine})
    inputs = load_inputs(config)
    plain = stages.trade_one(config, inputs, [], config.strategy, config.start)
    return plain.fills, traded_blind(config, inputs, [], config.start).fills


@pytest.mark.parametrize(
    ("name", "engine"),
    [*((name, "backtrader") for name in HONEST), (HONEST[1], "compiled")],
)
def test_an_honest_one_fills_the_same_bits(name: str, engine: str) -> None:
    plain, blind = both(name, engine)
    assert len(plain) > 20
    pd.testing.assert_frame_equal(plain, blind, check_exact=True)


@pytest.mark.parametrize("name", LOOKING)
def test_one_that_looks_fills_others(name: str) -> None:
    plain, blind = both(name, "backtrader")
    assert len(plain)
    assert not plain.equals(blind)
