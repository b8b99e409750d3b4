"""Laws of the audit's statistics: what must hold whatever the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.metrics.bootstrap import annual_sharpe, interval, net_return
from backtests.metrics.predictions import rank_ic_by_session
from backtests.metrics.undefined import UndefinedMetric
from backtests.robustness import event_tests
from backtests.robustness.deflation import (
    Shape,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
)
from backtests.robustness.ground import Ground, session_rank_ic
from backtests.robustness.overfitting import backtest_overfitting
from backtests.robustness.placebo import (
    dates,
    delayed,
    generator,
    led,
    p_value,
    shuffled_in_blocks,
    tickers,
)
from backtests.robustness.stress import crossing, latest_profitable

SEEDS = st.integers(0, 2**20)
SHAPES = st.builds(
    Shape,
    sharpe=st.floats(-0.3, 0.3),
    skewness=st.floats(-2.0, 2.0),
    kurtosis=st.floats(5.0, 20.0),
    sessions=st.integers(30, 2000),
)


@given(SHAPES, st.floats(1e-5, 1e-2), st.integers(1, 500))
def test_deflation_only_takes_away_and_more_tries_take_more(
    shape: Shape, variance: float, trials: int
) -> None:
    plain, deflated = probabilistic_sharpe(shape), deflated_sharpe(shape, variance, trials)
    assert 0.0 <= deflated <= plain <= 1.0
    assert deflated_sharpe(shape, variance, trials + 1) <= deflated
    assert expected_best(variance, trials + 1) > expected_best(variance, trials)
    assert expected_best(4.0 * variance, trials) == pytest.approx(
        2.0 * expected_best(variance, trials)
    )


@given(SHAPES, st.floats(0.001, 0.1))
def test_a_higher_benchmark_is_harder(shape: Shape, more: float) -> None:
    assert probabilistic_sharpe(shape, more) <= probabilistic_sharpe(shape)
    assert probabilistic_sharpe(shape, shape.sharpe) == 0.5


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.floats(-1, 1))
def test_p_is_never_zero_never_above_one_and_falls_as_the_real_run_rises(
    placebos: list[float], real: float
) -> None:
    p = p_value(real, list(placebos))
    assert p is not None
    assert 1 / (1 + len(placebos)) <= p <= 1.0
    higher = p_value(real + 0.5, list(placebos))
    assert higher is not None
    assert higher <= p
    undefined = p_value(real, [*placebos, None])
    assert undefined is not None
    assert undefined >= p * (1 + len(placebos)) / (2 + len(placebos))


def test_p_is_uniform_when_the_real_run_is_one_of_its_placebos() -> None:
    draws = np.random.default_rng(11).normal(size=(4000, 20))
    p = np.array([p_value(float(row[0]), row[1:].tolist()) for row in draws])
    counts = np.bincount((p * 20).round().astype(int), minlength=21)[1:]
    # 200 a step expected; the chi-square of 19 degrees stays under its 99.9 % quantile.
    assert ((counts - 200) ** 2 / 200).sum() < 43.8


@given(SEEDS, st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(1, 9))
def test_shuffling_moves_everything_once_and_only_within_its_key(
    seed: int, keys: list[int], block: int
) -> None:
    named = np.array(keys)
    source = shuffled_in_blocks(named, block, np.random.default_rng(seed))
    assert sorted(source.tolist()) == list(range(len(keys)))
    assert (named[source] == named).all()


def test_the_draws_of_a_run_depend_on_name_number_and_seed_alone() -> None:
    first = generator("dates", 3, 7).random(5)
    assert (generator("dates", 3, 7).random(5) == first).all()
    for other in (("led", 3, 7), ("dates", 4, 7), ("dates", 3, 8)):
        assert (generator(*other).random(5) != first).any()


Test = Callable[[np.ndarray, np.ndarray], float]
TESTS: dict[str, Test] = {
    "naive": lambda b, w: event_tests.naive_t(w.sum(axis=1)).statistic,
    "bmp": lambda b, w: event_tests.bmp_t(w.sum(axis=1)).statistic,
    "kp": lambda b, w: event_tests.kolari_pynnonen_t(w.sum(axis=1), 0.05).statistic,
    "grank": lambda b, w: event_tests.grank_t(b, w.sum(axis=1)).statistic,
    "rank": lambda b, w: event_tests.rank_z(b, w).statistic,
    "clustered": lambda b, w: (
        event_tests.clustered_t(w.sum(axis=1), np.arange(len(w)) // 2, 3).statistic
    ),
    "patell": lambda b, w: event_tests.patell_z(w.sum(axis=1), np.full(len(w), 30)).statistic,
}


@pytest.mark.parametrize("name", TESTS)
@given(seed=SEEDS)
def test_tests_turn_with_the_sign_and_do_not_care_for_the_order(name: str, seed: int) -> None:
    draws = np.random.default_rng(seed)
    before, window = draws.normal(size=(14, 30)), draws.normal(0.3, 1.0, (14, 3))
    t = TESTS[name](before, window)
    assert TESTS[name](-before, -window) == pytest.approx(-t)
    if name != "clustered":
        order = draws.permutation(14)
        assert TESTS[name](before[order], window[order]) == pytest.approx(t)


@pytest.mark.parametrize("name", ["naive", "bmp", "kp", "clustered"])
@given(seed=SEEDS, scale=st.floats(0.01, 100.0))
def test_tests_do_not_care_for_the_unit(name: str, seed: int, scale: float) -> None:
    draws = np.random.default_rng(seed)
    before, window = draws.normal(size=(14, 30)), draws.normal(0.3, 1.0, (14, 3))
    t = TESTS[name](before, window)
    assert TESTS[name](before * scale, window * scale) == pytest.approx(t)


@given(SEEDS, st.floats(0.0, 0.9))
def test_correlated_events_never_raise_the_t(seed: int, correlation: float) -> None:
    values = np.random.default_rng(seed).normal(0.3, 1.0, 20)
    plain = event_tests.bmp_t(values).statistic
    adjusted = event_tests.kolari_pynnonen_t(values, correlation).statistic
    assert abs(adjusted) <= abs(plain) + 1e-12
    assert math.copysign(1, adjusted) == math.copysign(1, plain)


@given(SEEDS)
def test_one_day_of_equal_events_counts_as_one_event(seed: int) -> None:
    """Doubling every event on its own day says nothing new: the clustered t stays."""
    draws = np.random.default_rng(seed)
    cars, days = draws.normal(0.2, 1.0, 15), np.arange(15) * 5
    once = event_tests.clustered_t(cars, days, 3).statistic
    twice = event_tests.clustered_t(np.tile(cars, 2), np.tile(days, 2), 3).statistic
    assert twice == pytest.approx(once)
    assert abs(event_tests.naive_t(np.tile(cars, 2)).statistic) > abs(once)


@given(SEEDS)
def test_overfitting_does_not_care_for_order_or_unit_of_all(seed: int) -> None:
    draws = np.random.default_rng(seed)
    matrix = draws.normal(size=(48, 5))
    found = backtest_overfitting(matrix, blocks=6)
    assert backtest_overfitting(matrix[:, ::-1] * 3.0, blocks=6).probability == found.probability
    assert 0.0 <= found.probability <= 1.0


@given(SEEDS)
def test_intervals_repeat_hold_the_middle_and_do_not_care_for_leverage(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.0005, 0.01, 120)
    found = interval(values, annual_sharpe, seed=seed, draws=400)
    assert interval(values, annual_sharpe, seed=seed, draws=400) == found
    assert found.low <= found.high
    levered = interval(values * 2.0, annual_sharpe, seed=seed, draws=400)
    assert (levered.low, levered.high) == pytest.approx((found.low, found.high))
    wider = interval(values, net_return, seed=seed, draws=400, level=0.99)
    narrower = interval(values, net_return, seed=seed, draws=400, level=0.8)
    assert wider.low <= narrower.low <= narrower.high <= wider.high


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6))
def test_break_even_lies_between_a_gain_and_a_loss(values: list[float]) -> None:
    falling = sorted(values, reverse=True)
    found = crossing(list(enumerate(falling)))
    if falling[0] >= 0 > falling[-1]:
        assert found is not None
        assert np.interp(found, range(len(falling)), falling) == pytest.approx(0.0, abs=1e-9)
    else:
        assert found is None
    latest = latest_profitable(list(enumerate(values)))
    assert (latest is None) == (values[0] <= 0)


def nothing_to_know(seed: int, sessions: int = 110, stocks: int = 6, horizon: int = 3) -> Any:
    """A ground whose answers know nothing, but linger, over outcomes that overlap."""
    draws = np.random.default_rng(seed)
    moves = draws.normal(0.0, 0.02, (sessions + horizon, stocks))
    outcomes = np.array([moves[t : t + horizon].sum(axis=0) for t in range(sessions)])
    outcomes -= outcomes.mean(axis=1, keepdims=True)
    mood = np.zeros((sessions, stocks))
    noise = draws.normal(size=(sessions, stocks))
    for t in range(sessions):
        mood[t] = (0.7 * mood[t - 1] if t else 0.0) + noise[t]
    place, column = np.nonzero(draws.random((sessions, stocks)) < 0.7)
    ground = object.__new__(Ground)
    for name, value in {
        "outcomes": outcomes,
        "place": place.astype(np.int64),
        "column": column.astype(np.int64),
        "probability": 1.0 / (1.0 + np.exp(-mood[place, column])),
        "direction": np.sign(mood[place, column]),
        "sessions": tuple(range(sessions)),
        "labels": type("Labels", (), {"horizon": horizon}),
    }.items():
        object.__setattr__(ground, name, value)
    return ground


@pytest.mark.parametrize("move", [dates, tickers, delayed, led])
def test_placebos_reject_nothing_as_often_as_they_say(move: Callable[..., Any]) -> None:
    """Answers that know nothing are called a finding in about 5 % of worlds, for every placebo."""
    worlds, runs, rejected = 200, 19, 0
    for world in range(worlds):
        ground = nothing_to_know(world)
        real = ground.judged(ground.place, ground.column)["rank_ic"]
        placebos = [ground.judged(*move(ground, run, world))["rank_ic"] for run in range(runs)]
        p = p_value(real, placebos)
        assert p is not None
        rejected += p <= 0.05
    # 10 expected; 20 or more have a probability of about 0.3 % (binomial).
    assert rejected <= 19


@given(SEEDS)
def test_ranking_all_sessions_at_once_is_ranking_each(seed: int) -> None:
    draws = np.random.default_rng(seed)
    n = int(draws.integers(1, 60))
    session = draws.integers(0, 12, n)
    score, outcome = draws.integers(0, 5, n) / 4.0, draws.normal(size=n).round(1)
    _, each = rank_ic_by_session(session, score, outcome)
    assert session_rank_ic(session, score, outcome) == pytest.approx(each)


@pytest.mark.parametrize("move", [dates, tickers, delayed, led])
def test_placebos_keep_every_answer_once(move: Callable[..., Any]) -> None:
    ground = nothing_to_know(3)
    place, column = move(ground, 0, 7)
    cells = set(zip(place.tolist(), column.tolist(), strict=True))
    assert len(cells) == len(ground.place)
    assert (place != ground.place).any() or (column != ground.column).any()


def test_too_few_sessions_or_stocks_are_said_so() -> None:
    from backtests.robustness.placebo import available

    with pytest.raises(UndefinedMetric):
        available("delayed", nothing_to_know(1, sessions=70))
    with pytest.raises(UndefinedMetric):
        available("tickers", nothing_to_know(1, stocks=3))
