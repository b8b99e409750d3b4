"""Laws of the metrics: scale, sign, bounds, order, and parts that add up to the whole."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as generators
from hypothesis.extra import numpy as arrays

from backtests.metrics import bootstrap, inference, predictions, returns, trades
from backtests.metrics.undefined import UndefinedMetric

RETURNS = arrays.arrays(
    np.float64,
    generators.integers(3, 60),
    elements=generators.floats(-0.2, 0.2).map(lambda value: round(value, 6)),
)
PNL = arrays.arrays(np.float64, generators.integers(1, 40), elements=generators.floats(-1e5, 1e5))


@generators.composite
def judged(draw):
    """Targets with both classes, and probabilities, ties among them."""
    n = draw(generators.integers(4, 60))
    target = draw(arrays.arrays(np.int64, n, elements=generators.integers(0, 1)))
    target[0], target[1] = 0, 1
    steps = draw(arrays.arrays(np.int64, n, elements=generators.integers(0, 20)))
    return target, steps / 20.0


def path_of(values, capital=1.0):
    return capital * np.concatenate([[1.0], np.cumprod(1.0 + values)])


def varied(values):
    return float(np.ptp(values)) > 1e-4


@given(RETURNS, generators.floats(1e-3, 1e9))
def test_nothing_depends_on_the_size_of_the_capital(values, capital):
    small, large = path_of(values), path_of(values, capital)
    assert returns.total_return(large) == pytest.approx(returns.total_return(small), abs=1e-9)
    assert returns.max_drawdown(large) == pytest.approx(returns.max_drawdown(small), abs=1e-9)
    assert returns.session_returns(large) == pytest.approx(values, abs=1e-9)


@given(RETURNS)
def test_session_returns_compound_to_the_total(values):
    path = path_of(values)
    compounded = math.prod(1.0 + returns.session_returns(path)) - 1.0
    assert returns.total_return(path) == pytest.approx(compounded, abs=1e-9)


@given(RETURNS, generators.integers(30, 5000))
def test_cagr_compounds_back_to_the_total_and_has_its_sign(values, days):
    path = path_of(values)
    total, annual = returns.total_return(path), returns.cagr(path, days)
    assert (1.0 + annual) ** (days / returns.DAYS_PER_YEAR) == pytest.approx(1.0 + total, rel=1e-9)
    assert np.sign(annual) == np.sign(total) or abs(total) < 1e-12


@given(RETURNS, generators.floats(0.01, 1.0))
def test_ratios_survive_leverage_and_turn_with_the_sign(values, leverage):
    if not varied(values):
        return
    ratio = returns.sharpe(values)
    assert returns.sharpe(values * leverage) == pytest.approx(ratio, rel=1e-6, abs=1e-9)
    assert returns.sharpe(-values) == pytest.approx(-ratio, rel=1e-9, abs=1e-12)
    assert returns.volatility(values * leverage) == pytest.approx(
        leverage * returns.volatility(values), rel=1e-9
    )


@given(RETURNS, generators.floats(0.0, 0.5))
def test_a_higher_risk_free_rate_never_helps(values, rate):
    if varied(values):
        assert returns.sharpe(values, rate) <= returns.sharpe(values) + 1e-9


@given(generators.integers(2, 300))
def test_without_autocorrelation_lo_is_the_root(periods):
    assert returns.lo_factor(np.zeros(10), periods) == pytest.approx(math.sqrt(periods))


@given(generators.floats(0.01, 0.9), generators.integers(3, 300))
def test_trending_returns_deserve_less_than_the_root(rho, periods):
    trending = rho ** np.arange(1, periods)
    assert returns.lo_factor(trending, periods) < math.sqrt(periods)


@given(RETURNS)
def test_drawdown_is_a_loss_bounded_by_all_of_it(values):
    path = path_of(values)
    fall = returns.deepest_drawdown(path)
    assert -1.0 <= fall.depth <= 0.0
    assert fall.peak <= fall.trough <= (fall.recovery if fall.recovery is not None else len(path))
    assert fall.depth == pytest.approx(path[fall.trough] / path[fall.peak] - 1.0)
    assert 0 <= fall.sessions <= len(values)
    assert returns.longest_under_water(path) <= len(values)
    assert (fall.depth == 0.0) == bool((np.diff(path) >= 0).all())


@given(PNL)
def test_trade_figures_stay_in_their_bounds(pnl):
    assert 0.0 <= trades.hit_rate(pnl) <= 1.0
    try:
        factor = trades.profit_factor(pnl)
    except UndefinedMetric:
        assert not (pnl < 0).any()
    else:
        assert factor >= 0.0
        assert (factor > 1.0) == (pnl[pnl > 0].sum() > -pnl[pnl < 0].sum())


@given(generators.floats(-1e6, 1e6), generators.floats(0, 1e6), generators.floats(1.0, 1e9))
def test_net_is_earned_exactly_where_costs_are_below_break_even(gross, cost, traded):
    net = gross - cost
    if abs(net) > 1e-6 * max(abs(gross), cost, 1.0):
        left = trades.break_even_bp(gross, traded) > trades.cost_bp(cost, traded)
        assert left == (net > 0)


@given(judged())
def test_auc_depends_on_the_order_alone_and_mirrors(case):
    target, probability = case
    area = predictions.auc(target, probability)
    assert 0.0 <= area <= 1.0
    assert predictions.auc(target, probability**3 * 5 - 1) == pytest.approx(area)
    assert predictions.auc(target, -probability) == pytest.approx(1.0 - area)
    assert predictions.auc(1 - target, probability) == pytest.approx(1.0 - area)


@given(judged())
def test_mcc_is_a_correlation(case):
    target, probability = case
    try:
        value = predictions.mcc(target, probability)
    except UndefinedMetric:
        assert len(set(probability >= 0.5)) == 1
        return
    assert -1.0 <= value <= 1.0
    assert value == pytest.approx(np.corrcoef(target, probability >= 0.5)[0, 1])


@given(judged(), generators.integers(1, 12))
def test_the_parts_of_brier_add_up_and_keep_their_signs(case, bins):
    target, probability = case
    parts = predictions.brier_parts(target, probability, bins)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert whole == pytest.approx(predictions.brier(target, probability), abs=1e-12)
    assert parts.reliability >= 0.0
    assert 0.0 <= parts.resolution <= parts.uncertainty + 1e-12
    assert parts.uncertainty <= 0.25


@given(judged(), generators.integers(1, 12))
def test_calibration_bins_hold_every_prediction_once_in_order(case, bins):
    target, probability = case
    table = predictions.calibration(target, probability, bins)
    assert sum(row.n for row in table) == len(target)
    assert len(table) <= bins
    assert all(left.high < right.low for left, right in pairwise(table))
    for row in table:
        assert row.observed_low <= row.observed <= row.observed_high
        assert row.low <= row.mean_probability + 1e-12 <= row.high + 1e-11
    assert 0.0 <= predictions.calibration_error(target, probability, bins) <= 1.0


@given(judged())
def test_the_base_rate_beats_no_proper_score(case):
    target, _ = case
    base = np.full(len(target), target.mean())
    for other in (base + 0.05, base - 0.05):
        inside = np.clip(other, 0.0, 1.0)
        assert predictions.brier(target, base) <= predictions.brier(target, inside) + 1e-12
        assert predictions.log_loss(target, base) <= predictions.log_loss(target, inside) + 1e-12


@given(RETURNS, generators.integers(0, 8))
def test_t_turns_with_the_sign_and_not_with_the_scale(values, lag):
    if not varied(values):
        return
    try:
        t = inference.newey_west_t(values, lag)
    except UndefinedMetric:
        return
    assert inference.newey_west_t(-values, lag) == pytest.approx(-t)
    assert inference.newey_west_t(values * 7.0, lag) == pytest.approx(t, rel=1e-6)


@given(RETURNS, generators.floats(-2.0, 2.0), generators.floats(-0.01, 0.01))
def test_alpha_is_what_is_left_beyond_the_share_in_the_other(noise, beta, alpha):
    other = np.random.default_rng(len(noise)).normal(0.0, 0.01, len(noise))
    if not varied(noise):
        return
    found = inference.alpha_over(alpha + beta * other + noise, other, lag=0)
    plain = inference.alpha_over(noise, other, lag=0)
    assert found.alpha == pytest.approx(alpha + plain.alpha, abs=1e-9)
    assert found.beta == pytest.approx(beta + plain.beta, abs=1e-6)


@given(generators.integers(1, 60), generators.floats(1.0, 20.0))
def test_resampled_positions_are_blocks_of_what_there_is(n, block):
    positions = bootstrap.resampled_positions(n, draws=7, block=block, seed=1)
    assert positions.shape == (7, n)
    assert positions.min() >= 0
    assert positions.max() < n


@given(arrays.arrays(np.float64, generators.integers(1, 30), elements=generators.integers(0, 9)))
def test_ranks_are_those_of_an_average(values):
    ranks = predictions.average_ranks(values)
    assert ranks.sum() == pytest.approx(len(values) * (len(values) + 1) / 2)
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1)
    assert ranks == pytest.approx(below + (equal + 1) / 2)
