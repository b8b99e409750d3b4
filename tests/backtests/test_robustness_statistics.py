"""Known answers of the audit's statistics: papers, other libraries, and naive second versions."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from backtests.metrics.bootstrap import (
    annual_sharpe,
    block_length,
    interval,
    mean,
    paired_interval,
)
from backtests.metrics.undefined import UndefinedMetric
from backtests.robustness import event_tests
from backtests.robustness.deflation import (
    Shape,
    deflated_sharpe,
    deflation_of,
    expected_best,
    minimum_track_record,
    probabilistic_sharpe,
    shape_of,
)
from backtests.robustness.event_study import Abnormal
from backtests.robustness.overfitting import backtest_overfitting


@pytest.fixture(scope="module")
def answers(answers_dir: Path) -> Mapping[str, Any]:
    return tomllib.loads((answers_dir / "robustness.toml").read_text(encoding="utf-8"))


def draws(answers: Mapping[str, Any], n: int, seed: int) -> np.ndarray:
    state, found = seed, []
    for _ in range(n):
        state = (answers["generator"]["multiplier"] * state + answers["generator"]["increment"]) % (
            2**31
        )
        found.append(state / 2**31 - 0.5)
    return np.array(found)


def test_deflated_sharpe_of_the_paper(answers: Mapping[str, Any]) -> None:
    told = answers["deflated"]
    variance = told["variance"] / told["per_year"]
    assert expected_best(variance, 100) == pytest.approx(told["expected_best_100"], abs=5e-5)
    for case in told["cases"]:
        ratio = told["sharpe"] / math.sqrt(told["per_year"])
        shape = Shape(ratio, case["skewness"], case["kurtosis"], told["sessions"])
        assert deflated_sharpe(shape, variance, case["trials"]) == pytest.approx(
            case["value"], abs=5e-5
        )


def test_minimum_track_record_of_the_paper(answers: Mapping[str, Any]) -> None:
    for case in answers["track_record"]["cases"]:
        root = math.sqrt(case["per_year"])
        shape = Shape(2.0 / root, case["skewness"], case["kurtosis"], 100)
        years = minimum_track_record(shape, 1.0 / root) / case["per_year"]
        assert years == pytest.approx(case["years"], abs=5e-3)


def test_probabilistic_sharpe_of_the_paper(answers: Mapping[str, Any]) -> None:
    told = answers["probabilistic"]
    for case in told["cases"]:
        shape = Shape(told["sharpe"], case["skewness"], case["kurtosis"], told["sessions"])
        assert probabilistic_sharpe(shape) == pytest.approx(case["value"], abs=5e-4)


def test_shape_against_scipy() -> None:
    values = np.random.default_rng(5).standard_t(5, 300) / 100
    shape = shape_of(values)
    assert shape.sharpe == pytest.approx(values.mean() / values.std(ddof=1))
    assert shape.skewness == pytest.approx(stats.skew(values))
    assert shape.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False))


def test_a_track_record_as_long_as_needed_reaches_the_level() -> None:
    shape = Shape(0.08, -0.5, 6.0, 50)
    needed = minimum_track_record(shape)
    long_enough = Shape(0.08, -0.5, 6.0, math.ceil(needed))
    assert probabilistic_sharpe(long_enough) >= 0.95
    assert probabilistic_sharpe(Shape(0.08, -0.5, 6.0, math.floor(needed) - 1)) < 0.95


def test_deflation_counts_failed_tries_and_says_where_the_variance_is_from() -> None:
    values = np.random.default_rng(1).normal(0.001, 0.01, 400)
    alone = deflation_of(values, [])
    assert alone.trials == 1
    assert alone.deflated == alone.probabilistic
    assert alone.expected_best == 0.0
    failed = deflation_of(values, [None, None, None])
    assert (failed.trials, failed.variance_from) == (4, "null")
    assert failed.variance == pytest.approx(1 / 399)
    assert failed.deflated < alone.deflated
    known = deflation_of(values, [0.1, -1.2, None])
    assert (known.trials, known.variance_from) == (4, "trials")
    losing = deflation_of(-np.abs(values), [])
    assert losing.minimum_sessions is None


def test_block_length_against_arch(answers: Mapping[str, Any]) -> None:
    for case in answers["blocks"]["cases"]:
        noise = draws(answers, case["n"], case["seed"])
        series = np.zeros(case["n"])
        for t, shock in enumerate(noise):
            series[t] = (case["rho"] * series[t - 1] if t else 0.0) + shock
        assert block_length(series) == pytest.approx(case["value"], rel=1e-12)
        assert block_length(series, 5.0) == pytest.approx(max(5.0, case["value"]))


def test_block_length_of_a_constant_and_of_too_little() -> None:
    assert block_length(np.full(50, 0.1)) == 1.0
    with pytest.raises(UndefinedMetric):
        block_length(np.arange(10.0))


def test_interval_of_a_mean_is_about_normal() -> None:
    values = np.random.default_rng(3).normal(0.02, 1.0, 800)
    found = interval(values, mean, seed=1)
    error = values.std(ddof=1) / math.sqrt(800)
    assert found.estimate == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_paired_interval_of_twins_is_zero_and_of_a_shift_is_the_shift() -> None:
    market = np.random.default_rng(4).normal(0.0, 0.02, 300)
    twins = paired_interval(market, market, annual_sharpe, seed=1)
    assert (twins.estimate, twins.low, twins.high) == (0.0, 0.0, 0.0)
    shifted = paired_interval(market + 0.001, market, mean, seed=1)
    assert shifted.low == pytest.approx(0.001)
    assert shifted.high == pytest.approx(0.001)


def naive_overfitting(matrix: np.ndarray, blocks: int) -> float:
    parts = np.array_split(matrix, blocks)
    low = count = 0
    for half in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in half])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in half])
        best = int((inside.mean(0) / inside.std(0)).argmax())
        rank = stats.rankdata(outside.mean(0) / outside.std(0))[best]
        share = rank / (matrix.shape[1] + 1)
        low += math.log(share / (1 - share)) <= 0
        count += 1
    return low / count


def test_overfitting_against_another_library(answers: Mapping[str, Any]) -> None:
    told = answers["overfitting"]
    for case in told["cases"]:
        shape = case["sessions"], case["configurations"]
        matrix = draws(answers, shape[0] * shape[1], case["seed"]).reshape(shape)
        slope = np.linspace(0.0, told["slope"], shape[1])
        for name, returns in (("plain", matrix), ("sloped", matrix + slope)):
            found = backtest_overfitting(returns, case["blocks"])
            assert found.probability == pytest.approx(case[name], rel=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_overfitting_against_a_naive_version(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(0.0, 1.0, (96, 7))
    found = backtest_overfitting(matrix, blocks=8)
    assert found.probability == naive_overfitting(matrix, 8)
    assert found.splits == 70


def test_overfitting_is_low_where_one_is_really_better_and_high_where_half_wins_by_turns() -> None:
    noise = np.random.default_rng(9).normal(0.0, 1.0, (320, 6))
    better = noise + np.array([0.0, 0.0, 0.6, 0.0, 0.0, 0.0])
    assert backtest_overfitting(better, blocks=10).probability < 0.01
    # Each configuration is good in blocks of its own: the best in one half is bad in the other.
    turns = np.zeros((320, 2))
    turns[:, 0] = np.repeat(np.tile([1.0, -1.0], 5), 32)
    turns[:, 1] = -turns[:, 0]
    assert backtest_overfitting(turns + noise[:, :2] / 10, blocks=10).probability > 0.9


@pytest.mark.parametrize(
    ("matrix", "blocks"), [(np.ones((40, 1)), 8), (np.ones((10, 3)), 8), (np.ones((40, 3)), 7)]
)
def test_overfitting_without_enough(matrix: np.ndarray, blocks: int) -> None:
    with pytest.raises(UndefinedMetric):
        backtest_overfitting(matrix, blocks)


def test_clustered_t_against_statsmodels(answers: Mapping[str, Any]) -> None:
    told = answers["clustered"]
    for window, t in told["t"].items():
        found = event_tests.clustered_t(told["values"], told["session"], int(window))
        assert found.statistic == pytest.approx(t, rel=1e-12)


def test_naive_and_bmp_against_scipy() -> None:
    values = np.random.default_rng(2).normal(0.3, 1.0, 40)
    theirs = stats.ttest_1samp(values, 0.0)
    for test in (event_tests.naive_t, event_tests.bmp_t):
        assert test(values).statistic == pytest.approx(theirs.statistic)
        assert test(values).p == pytest.approx(theirs.pvalue)


def one_event_day(answers: Mapping[str, Any]) -> tuple[Abnormal, Mapping[str, Any]]:
    told = answers["events"]
    n, m, k = told["stocks"], told["estimation"], told["window"]
    drawn = draws(answers, (n + 2) * (m + k), told["seed"]).reshape(n + 2, m + k)
    market = told["market"] * drawn[0]
    returns = told["beta"] * market + told["shared"] * drawn[1] + told["own"] * drawn[2:]
    returns = returns + told["mean"]
    returns[:, m:] += told["event"]
    x = market[:m] - market[:m].mean()
    fits = [stats.linregress(market[:m], stock[:m]) for stock in returns]
    off = np.array([s - f.intercept - f.slope * market for s, f in zip(returns, fits, strict=True)])
    return Abnormal(
        events=(), window=off[:, m:], first=0, residuals=off[:, :m],
        sigma=np.sqrt((off[:, :m] ** 2).sum(axis=1) / (m - 2)), counts=np.full(n, float(m)),
        market=np.tile(market[m:] - market[:m].mean(), (n, 1)),
        market_power=np.full(n, float(x @ x)), place=np.full(n, m),
        left_out={},
    ), told  # fmt: skip


def test_one_event_day_against_another_library(answers: Mapping[str, Any]) -> None:
    abnormal, told = one_event_day(answers)
    cars, scars = abnormal.cumulative(0, told["window"] - 1)
    assert event_tests.bmp_t(scars).statistic == pytest.approx(told["bmp"], rel=1e-9)
    n = told["stocks"]
    alike = event_tests.pair_correlation(abnormal.residuals, [0] * n, abnormal.place, 5)
    found = event_tests.kolari_pynnonen_t(scars, alike)
    assert found.statistic == pytest.approx(told["kolari_pynnonen"], rel=1e-9)
    before = abnormal.residuals / abnormal.sigma[:, None]
    grank = event_tests.grank_t(before, cars / abnormal.sigma)
    assert grank.statistic == pytest.approx(told["grank"], rel=1e-9)


def pairs_of_pandas(
    residuals: np.ndarray, started: list[int], session: list[int], window: int
) -> float:
    """Pairwise complete correlations by pandas, on one calendar for all."""
    columns = [
        pd.Series(row, index=range(start, start + len(row)))
        for row, start in zip(residuals, started, strict=True)
    ]
    alike = pd.concat(columns, axis=1).corr(min_periods=3).fillna(0.0).to_numpy()
    apart = np.abs(np.subtract.outer(session, session))
    weighted = alike * np.clip(1.0 - apart / window, 0.0, None)
    return max(float(weighted[np.triu_indices(len(session), 1)].mean()), 0.0)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_pair_correlation_against_pandas(seed: int) -> None:
    generator = np.random.default_rng(seed)
    started = sorted(generator.integers(0, 6, 14).tolist())
    shock = generator.normal(size=60)
    residuals = np.array([shock[s : s + 40] for s in started]) + generator.normal(size=(14, 40))
    residuals[generator.random(residuals.shape) < 0.05] = np.nan
    session = [s + 45 for s in started]
    ours = event_tests.pair_correlation(residuals, started, session, 3)
    assert ours == pytest.approx(pairs_of_pandas(residuals, started, session, 3), rel=1e-9)
    assert ours > 0


def test_the_share_of_a_window_is_what_sums_of_returns_have_in_common() -> None:
    """corr(w_a r, w_b s) = w_a C w_b / sqrt(w_a w_a * w_b w_b), returns alike within a session."""
    window, alike = 3, 0.4
    for apart in range(5):
        one, other = np.zeros(12), np.zeros(12)
        one[2 : 2 + window], other[2 + apart : 2 + apart + window] = 1.0, 1.0
        wanted = one @ (alike * np.eye(12)) @ other / math.sqrt((one @ one) * (other @ other))
        noise = np.random.default_rng(1).normal(size=(60, 2))
        noise = np.linalg.qr(noise - noise.mean(axis=0))[0]
        pair = np.array([noise[:, 0], alike * noise[:, 0] + math.sqrt(1 - alike**2) * noise[:, 1]])
        ours = event_tests.pair_correlation(pair, [0, 0], [70, 70 + apart], window)
        assert ours == pytest.approx(wanted)


def test_pair_correlation_by_the_variance_of_the_mean() -> None:
    """Rows of unit variance: n + n (n - 1) r = n² var(mean), another way to all pairs' mean."""
    generator = np.random.default_rng(12)
    rows = generator.normal(size=(9, 120)) + 0.7 * generator.normal(size=120)
    unit = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    wanted = (9 * unit.mean(axis=0).var() - 1.0) / 8
    ours = event_tests.pair_correlation(rows, [4] * 9, [130] * 9, 3)
    assert ours == pytest.approx(wanted)


def test_patell_against_hand_computation() -> None:
    # Three events, 22, 32 and 42 sessions: sum 3 over sqrt(20/18 + 30/28 + 40/38)
    found = event_tests.patell_z([1.5, -0.5, 2.0], [22, 32, 42])
    assert found.statistic == pytest.approx(3.0 / math.sqrt(20 / 18 + 30 / 28 + 40 / 38))
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.statistic)))


def naive_ranks(row: list[float]) -> list[float]:
    known = [value for value in row if not math.isnan(value)]
    return [
        math.nan
        if math.isnan(value)
        else (
            sum(other < value for other in known) + (sum(other == value for other in known) + 1) / 2
        )
        / (len(known) + 1)
        - 0.5
        for value in row
    ]


def rank_spread(ranks: list[list[float]]) -> tuple[list[float], float]:
    n, count = len(ranks), len(ranks[0])
    means, total = [], 0.0
    for t in range(count):
        column = [row[t] for row in ranks if not math.isnan(row[t])]
        means.append(sum(column) / len(column))
        total += len(column) / n * means[-1] ** 2
    return means, math.sqrt(total / count)


def sample(seed: int, n: int = 12, m: int = 40, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    before = generator.normal(0.0, 1.0, (n, m)).round(2)
    before[generator.random((n, m)) < 0.05] = np.nan
    return before, generator.normal(0.4, 1.2, (n, k)).round(2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grank_against_a_naive_version(seed: int) -> None:
    before, window = sample(seed)
    scars = window.sum(axis=1) / math.sqrt(3)
    deviation = stats.tstd(scars)
    rows = [[*b, s / deviation] for b, s in zip(before.tolist(), scars.tolist(), strict=True)]
    means, spread = rank_spread([naive_ranks(row) for row in rows])
    z, count = means[-1] / spread, len(means)
    t = z * math.sqrt((count - 2) / (count - 1 - z * z))
    found = event_tests.grank_t(before, scars)
    assert found.statistic == pytest.approx(t)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), count - 2))


def test_rank_test_of_one_session_against_another_library(answers: Mapping[str, Any]) -> None:
    told = answers["rank"]
    n, m = told["stocks"], told["estimation"]
    rows = draws(answers, n * (m + 1), told["seed"]).reshape(n, m + 1)
    found = event_tests.rank_z(rows[:, :m], rows[:, m:] + told["event"])
    assert found.statistic == pytest.approx(told["z"], rel=1e-12)


@pytest.mark.parametrize("sessions", [1, 3, 5])
def test_rank_test_of_a_window_by_the_formula_in_whole_ranks(sessions: int) -> None:
    """Cowan, Review of Quantitative Finance and Accounting 2(4), 1992, after Corrado 1989:
    z = sqrt(D) (mean rank of the window - K) / sqrt(sum over sessions of (mean rank - K)² / T),
    K = (T + 1) / 2; ranks by scipy."""
    generator = np.random.default_rng(sessions)
    rows = generator.normal(size=(11, 45))
    rows[:, 45 - sessions :] += 0.3
    middle = (45 + 1) / 2
    mean = stats.rankdata(rows, axis=1).mean(axis=0)
    lead = mean[45 - sessions :].mean() - middle
    wanted = math.sqrt(sessions) * lead / math.sqrt(((mean - middle) ** 2).mean())
    found = event_tests.rank_z(rows[:, : 45 - sessions], rows[:, 45 - sessions :])
    assert found.statistic == pytest.approx(wanted)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(wanted)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rank_test_against_a_naive_version(seed: int) -> None:
    before, window = sample(seed)
    rows = [[*b, *w] for b, w in zip(before.tolist(), window.tolist(), strict=True)]
    means, spread = rank_spread([naive_ranks(row) for row in rows])
    z = sum(means[-3:]) / math.sqrt(3) / spread
    assert event_tests.rank_z(before, window).statistic == pytest.approx(z)


def test_pair_correlation_of_one_event_day_is_the_mean_of_all_pairs() -> None:
    generator = np.random.default_rng(7)
    residuals = generator.normal(size=(6, 80)) + generator.normal(size=80)
    ours = event_tests.pair_correlation(residuals, [10] * 6, [95] * 6, 3)
    theirs = np.corrcoef(residuals)[np.triu_indices(6, 1)].mean()
    assert ours == pytest.approx(theirs)


def test_pair_correlation_lines_up_sessions_and_counts_what_windows_share() -> None:
    generator = np.random.default_rng(8)
    path = generator.normal(size=90)
    # One stock, events two sessions apart: the same residuals, seen from two sessions later.
    residuals = np.array([path[0:80], path[2:82]])
    assert event_tests.pair_correlation(residuals, [0, 2], [85, 87], 3) == pytest.approx(1 / 3)
    assert event_tests.pair_correlation(residuals, [0, 2], [85, 87], 2) == 0.0


def test_kolari_pynnonen_by_hand() -> None:
    values = np.random.default_rng(6).normal(0.5, 1.0, 30)
    t = stats.ttest_1samp(values, 0.0).statistic
    found = event_tests.kolari_pynnonen_t(values, 0.1)
    assert found.statistic == pytest.approx(t * math.sqrt(0.9 / 3.9))


def test_clustered_days_make_the_naive_t_several_times_too_big() -> None:
    """A common shock on each of 12 event days, 20 stocks a day, and no true effect."""
    naive, kept = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        shocks = np.repeat(generator.normal(size=12), 20)
        cars = 0.7 * shocks + generator.normal(0.0, 0.7, 240)
        day = np.repeat(np.arange(12) * 7, 20)
        naive.append(abs(event_tests.naive_t(cars).statistic))
        kept.append(event_tests.clustered_t(cars, day, 3).p)
    assert np.mean(np.array(naive) > 1.96) > 0.4
    assert np.mean(np.array(kept) < 0.05) < 0.15
