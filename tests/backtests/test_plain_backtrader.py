"""Where their rules need not differ, both engines do what plain backtrader does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backtests.compiled.check import first_difference
from benchmarks.bare import UNSORTED, arrays, best_first, kernel, numpy_pass
from benchmarks.engine import fills_of
from benchmarks.event_driven import Fill, plain_backtrader
from benchmarks.hong_kong import BROKER, HORIZON, rough
from benchmarks.job import ENTER, FLAT, LEAVE, POSITIONS, Job, make_job


@pytest.fixture(params=[1, 2, 3], scope="module")
def job(request: pytest.FixtureRequest) -> Job:
    return make_job(16, 150, seed=request.param)


@pytest.mark.parametrize("engine", ["backtrader", "compiled"])
def test_fills_and_equity_are_those_of_plain_backtrader(job: Job, engine: str) -> None:
    fills: list[Fill] = []
    equity = plain_backtrader(job, fills=fills)
    result = job.run(job.signals(), engine, costs=FLAT)
    assert len(fills) > 100
    assert fills_of(result) == fills
    assert len(result.orders) == len(fills)  # none was cut, refused or left open
    assert round(100 * result.equity["equity_hkd"].iloc[-1]) == round(100 * equity)


@pytest.mark.parametrize(
    "bare",
    [
        lambda job: numpy_pass(job)[0],
        lambda job: kernel(*arrays(job), job.scores, UNSORTED, ENTER, LEAVE, POSITIONS),
        lambda job: kernel(*arrays(job), job.scores, best_first(job), ENTER, LEAVE, POSITIONS),
        lambda job: plain_backtrader(job, preloaded=True),
    ],
    ids=["numpy", "kernel", "kernel, sorted", "preloaded"],
)
def test_what_is_compared_does_the_same_job(job: Job, bare: Callable[[Job], float]) -> None:
    assert round(100 * bare(job)) == round(100 * plain_backtrader(job))


def test_the_job_with_all_rules_meets_them_in_both_engines(job: Job) -> None:
    hard = rough(job)
    signals = hard.signals(horizon=HORIZON)
    slow, fast = (hard.run(signals, engine, broker=BROKER) for engine in ("backtrader", "compiled"))
    assert first_difference(slow, fast) is None
    assert {"filled", "partial", "rejected"} <= set(fast.orders["status"])
    assert {0.0} < set(fast.actions["dividend_hkd"])
    assert (fast.actions["shares_before"] != fast.actions["shares_after"]).any()
