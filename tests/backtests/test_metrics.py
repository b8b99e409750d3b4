"""The metrics against answers from outside the code, and the summary on whole and empty runs."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.metrics import inference, predictions, returns, trades
from backtests.metrics.bootstrap import annual_sharpe, interval_of_returns, intervals_of
from backtests.metrics.breakdowns import (
    NO_KIND,
    NO_SIGNAL,
    NOTHING_NEW,
    by_event_kind,
    by_side,
    kinds_of,
)
from backtests.metrics.undefined import Sheet, UndefinedMetric
from backtests.metrics.verdict import LUCK, LUCK_T, percent, says, verdict
from backtests.testing import sample_view
from signals.events.schema import Event
from signals.features.base import Row


@pytest.fixture(scope="module")
def answers():
    path = Path(__file__).resolve().parents[1] / "answers" / "metrics.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def series(answers):
    return np.array(answers["series"]["returns"])


@pytest.fixture(scope="module")
def sample():
    return sample_view(seed=4)


def test_returns_as_empyrical_has_them(answers, series):
    known = answers["empyrical"]
    path = np.concatenate([[1.0], np.cumprod(1.0 + series)])
    assert returns.total_return(path) == pytest.approx(known["total_return"])
    assert returns.volatility(series) == pytest.approx(known["volatility"])
    assert returns.sharpe(series) == pytest.approx(known["sharpe"])
    over = returns.sharpe(series, known["risk_free"])
    assert over == pytest.approx(known["sharpe_risk_free"])
    assert returns.sortino(series) == pytest.approx(known["sortino"])
    assert returns.max_drawdown(path) == pytest.approx(known["max_drawdown"])


def test_newey_west_as_statsmodels_has_it(answers, series):
    for known in answers["statsmodels"]["newey_west"]:
        assert inference.newey_west_error(series, known["lag"]) == pytest.approx(known["error"])
        assert inference.newey_west_t(series, known["lag"]) == pytest.approx(known["t"])


def test_alpha_as_statsmodels_has_it(answers, series):
    other = np.array(answers["series"]["other"])
    for known in answers["statsmodels"]["alpha"]:
        found = inference.alpha_over(series, other, known["lag"])
        assert found.alpha == pytest.approx(known["alpha"])
        assert found.beta == pytest.approx(known["beta"])
        assert found.t == pytest.approx(known["t"])


def test_autocorrelations_and_wilson_as_statsmodels_has_them(answers, series):
    known = answers["statsmodels"]["autocorrelations"]
    assert returns.autocorrelations(series, 4) == pytest.approx(known)
    share = answers["statsmodels"]["wilson"]
    low, high = predictions.wilson_interval(share["successes"] / share["n"], share["n"])
    assert (low, high) == pytest.approx((share["low"], share["high"]))


def test_sortino_as_in_its_paper(answers):
    known = answers["sortino_paper"]
    assert returns.sortino(known["returns"], per_year=1) == pytest.approx(
        known["sortino"], abs=5e-4
    )


def test_cagr_as_in_the_textbook(answers):
    known = answers["cagr_example"]
    found = returns.cagr([known["first"], known["last"]], known["calendar_days"])
    assert found == pytest.approx(known["cagr"], abs=5e-5)


def test_lo_as_in_his_closed_form(answers):
    for periods in answers["lo"]["periods"]:
        for rho in answers["lo"]["rho"]:
            tail = 1 - (1 - rho**periods) / (periods * (1 - rho))
            closed = math.sqrt(periods) / math.sqrt(1 + 2 * rho / (1 - rho) * tail)
            found = returns.lo_factor(rho ** np.arange(1, periods), periods)
            assert found == pytest.approx(closed)


def test_scores_as_in_the_scikit_learn_documentation(answers):
    known = answers["sklearn_docs"]
    for name in ("mcc", "brier", "log_loss"):
        case = known[name]
        found = getattr(predictions, name)(case["target"], case["probability"])
        assert found == pytest.approx(case["value"])
    case = known["auc"]
    assert predictions.auc(case["target"], case["score"]) == pytest.approx(case["value"])


def test_scores_as_scikit_learn_has_them():
    from sklearn import metrics

    generator = np.random.default_rng(11)
    for _ in range(20):
        target = generator.integers(0, 2, 200)
        probability = generator.integers(0, 30, 200) / 30
        assert predictions.auc(target, probability) == pytest.approx(
            metrics.roc_auc_score(target, probability)
        )
        assert predictions.mcc(target, probability) == pytest.approx(
            metrics.matthews_corrcoef(target, probability >= 0.5)
        )
        assert predictions.brier(target, probability) == pytest.approx(
            metrics.brier_score_loss(target, probability)
        )
        assert predictions.log_loss(target, probability) == pytest.approx(
            metrics.log_loss(target, probability)
        )


def test_rank_ic_as_scipy_has_it():
    from scipy.stats import spearmanr

    generator = np.random.default_rng(5)
    session = np.repeat(np.array(["2024-01-03", "2024-01-02"], dtype="datetime64[D]"), [9, 7])
    score, outcome = generator.integers(0, 5, 16).astype(float), generator.normal(size=16)
    days, values = predictions.rank_ic_by_session(session, score, outcome)
    assert list(days.astype(str)) == ["2024-01-02", "2024-01-03"]
    assert values[0] == pytest.approx(spearmanr(score[9:], outcome[9:]).statistic)
    assert values[1] == pytest.approx(spearmanr(score[:9], outcome[:9]).statistic)


def test_sessions_of_few_names_or_of_one_value_have_no_rank_ic():
    session = np.array(["2024-01-02"] * 2 + ["2024-01-03"] * 4, dtype="datetime64[D]")
    days, values = predictions.rank_ic_by_session(session, np.ones(6), np.arange(6.0))
    assert len(days) == len(values) == 0


def test_brier_as_murphy_takes_it_apart(answers):
    known = answers["murphy"]
    parts = predictions.brier_parts(known["target"], known["probability"])
    assert predictions.brier(known["target"], known["probability"]) == pytest.approx(known["brier"])
    assert parts.reliability == pytest.approx(known["reliability"])
    assert parts.resolution == pytest.approx(known["resolution"])
    assert parts.uncertainty == pytest.approx(known["uncertainty"])
    assert parts.within_bins == pytest.approx(0.0, abs=1e-15)


def test_trades_as_worked_by_hand(answers):
    known = answers["trades"]
    assert trades.hit_rate(known["pnl"]) == known["hit_rate"]
    assert trades.profit_factor(known["pnl"]) == known["profit_factor"]
    assert trades.turnover(known["traded"], known["equity"]) == pytest.approx(known["turnover"])
    assert trades.exposure(known["holdings"], known["equity"]) == pytest.approx(known["exposure"])
    assert trades.time_in_market(known["holdings"]) == known["time_in_market"]
    assert trades.cost_bp(60.0, 40_000.0) == pytest.approx(known["cost_bp"])
    assert trades.break_even_bp(100.0, 40_000.0) == pytest.approx(known["break_even_bp"])


def test_drawdown_as_worked_by_hand(answers):
    known = answers["drawdown"]
    fall = returns.deepest_drawdown(known["path"])
    assert fall.depth == pytest.approx(known["depth"])
    for name in ("peak", "trough", "recovery", "sessions"):
        assert getattr(fall, name) == known[name]
    assert returns.longest_under_water(known["path"]) == known["longest_under_water"]


def of_sharpe(values):
    return interval_of_returns(values, annual_sharpe, seed=1)


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (lambda: returns.sharpe([]), "fewer than 2 sessions"),
        (lambda: returns.sharpe([0.001] * 9), "returns do not vary"),
        (lambda: returns.sortino([0.01, 0.02]), "no session below the target"),
        (lambda: returns.cagr([1.0, 2.0], 3), "fewer than 30 calendar days"),
        (lambda: returns.session_returns([1.0, -0.1, 0.5]), "the capital was lost"),
        (lambda: returns.lo_factor([-0.9, -0.9], 3), "autocorrelations imply no variance"),
        (lambda: trades.profit_factor([1.0]), "no losing trade"),
        (lambda: trades.break_even_bp(1.0, 0.0), "nothing traded"),
        (lambda: predictions.auc([1, 1], [0.2, 0.3]), "only one class"),
        (lambda: predictions.mcc([1, 0], [0.2, 0.3]), "every decision is the same"),
        (lambda: inference.newey_west_t([0.1] * 5, 1), "values do not vary"),
        (lambda: inference.alpha_over([0.1] * 5, [0.0] * 5, 1), "the other's returns do not vary"),
        (lambda: of_sharpe([0.1] * 19), "fewer than 20 sessions that gained or lost"),
        (lambda: of_sharpe([0.0] * 200 + [0.1] * 19), "fewer than 20 sessions that gained"),
        (lambda: of_sharpe([0.1] * 50), "the figure has no value on most resamples"),
    ],
)
def test_what_has_no_value_says_why(measure, reason):
    with pytest.raises(UndefinedMetric, match=reason):
        measure()


def test_a_sheet_never_holds_what_json_cannot():
    sheet = Sheet("risk")
    sheet.put("endless", lambda: float("inf"))
    sheet.put("nested", lambda: {"a": [np.float64(0.1), np.int64(3)]})
    assert sheet.figures == {"endless": None, "nested": {"a": [0.1, 3]}}
    assert sheet.undefined == {"risk.endless": "not a finite number"}


def test_summary_is_json_and_gives_a_reason_for_each_missing_figure(sample):
    for view in (sample, sample_view(sessions=0), sample_view(sessions=1), sample_view(sessions=2)):
        json.dumps(view.metrics, allow_nan=False)
        for name in view.metrics["undefined"]:
            place = view.metrics
            for part in name.split("."):
                place = place[part]
            assert place is None


def test_gross_less_cost_is_net_and_the_parts_add_up(sample):
    metrics = sample.metrics
    own, costs = metrics["performance"], metrics["costs"]
    assert own["gross_pnl_hkd"] - costs["total_hkd"] == pytest.approx(own["net_pnl_hkd"], abs=0.01)
    assert sum(costs["by_component_hkd"].values()) == pytest.approx(costs["total_hkd"], abs=0.01)
    net = sample.trades["net_pnl_hkd"].sum()
    for cut in ("by_ticker", "by_event_kind"):
        assert sum(row["net_pnl_hkd"] for row in metrics[cut]) == pytest.approx(net, abs=0.01)
        assert sum(row["trades"] for row in metrics[cut]) == pytest.approx(len(sample.trades))


def test_years_compound_to_the_whole():
    view = sample_view(seed=2, sessions=400)
    years = view.metrics["by_year"]
    assert [row["year"] for row in years] == [2024, 2025]
    whole = math.prod(1 + row["total_return"] for row in years) - 1
    assert whole == pytest.approx(view.metrics["performance"]["total_return"], abs=1e-9)
    assert sum(row["sessions"] for row in years) == 400


def test_sides_stand_apart_where_something_was_sold_short():
    table = pd.DataFrame(
        {
            "side": ["long", "short", "long", "short"],
            "gross_pnl_hkd": [100.0, -50.0, -10.0, 90.0],
            "cost_hkd": [20.0, 10.0, 5.0, 10.0],
            "net_pnl_hkd": [80.0, -60.0, -15.0, 80.0],
            "net_return": [0.1, -0.2, -0.1, 0.4],
            "is_open": [False, False, False, True],
        }
    )
    long, short = by_side(table)
    assert (long["side"], long["trades"], long["hit_rate"], long["net_pnl_hkd"]) == (
        "long",
        2,
        0.5,
        65.0,
    )
    # The one that is still open counts at its last close, but is neither hit nor miss.
    assert (short["side"], short["trades"], short["hit_rate"], short["net_pnl_hkd"]) == (
        "short",
        2,
        0.0,
        20.0,
    )
    assert by_side(table[table["side"] == "long"]) == []


def test_a_trade_on_two_kinds_is_shared_between_them():
    table = pd.DataFrame(
        {
            "signal_id": ["a", "", "b"],
            "gross_pnl_hkd": [100.0, 10.0, 0.0],
            "cost_hkd": [20.0, 0.0, 0.0],
            "net_pnl_hkd": [80.0, 10.0, 0.0],
            "net_return": [0.1, 0.2, 0.0],
            "is_open": [False, False, True],
        }
    )
    signals = {"a": ("e1", "e2", "e3"), "b": ()}
    kinds = {"e1": "buyback", "e2": "mna", "e3": "mna"}
    rows = {row["kind"]: row for row in by_event_kind(table, signals, kinds)}
    assert rows["buyback"]["net_pnl_hkd"] == rows["mna"]["net_pnl_hkd"] == 40.0
    assert rows["mna"]["trades"] == 0.5
    assert rows[NO_SIGNAL]["net_pnl_hkd"] == 10.0
    assert rows[NO_KIND]["hit_rate"] is None


def test_what_was_not_new_earns_only_where_it_stood_alone():
    """A report of the move comes with nearly every story: it must not earn what the news earned."""
    table = pd.DataFrame(
        {
            "signal_id": ["a", "b"],
            "gross_pnl_hkd": [100.0, 7.0],
            "cost_hkd": [20.0, 0.0],
            "net_pnl_hkd": [80.0, 7.0],
            "net_return": [0.1, 0.2],
            "is_open": [False, False],
        }
    )
    signals = {"a": ("e1", "e2", "e3"), "b": ("e2",)}
    kinds = {"e1": "buyback", "e2": NOTHING_NEW, "e3": "mna"}
    rows = {row["kind"]: row["net_pnl_hkd"] for row in by_event_kind(table, signals, kinds)}
    assert rows == {"buyback": 40.0, "mna": 40.0, NOTHING_NEW: 7.0}


def test_an_event_that_only_tells_of_a_move_is_nothing_new():
    at = datetime(2025, 9, 11, 1, tzinfo=UTC)
    new = Event("new", "story", 0, "earnings", ("0700.HK",), 1.0, "confirmed", at, "en:earnings:x")
    old = [replace(new, event_id=name, **change) for name, change in (
        ("told", {"is_reaction": True}), ("again", {"novelty": 0.2}), ("not", {"negated": True})
    )]  # fmt: skip
    row = Row(at, at.date(), "0700.HK", (), (new, *old))
    assert kinds_of([row]) == {"new": "earnings"} | dict.fromkeys(
        ("told", "again", "not"), NOTHING_NEW
    )


def test_the_verdict_needs_trades_and_ranking_both(sample):
    found = sample.metrics["verdict"]
    assert found["found"]
    assert found["rival"] == "equal_weight"
    lucky = {**sample.metrics, "predictions": {"model": {"rank_ic_t": 0.4, "n": 0}}}
    assert not verdict(lucky)["found"]


def test_luck_is_called_luck():
    metrics = sample_view(seed=4).metrics
    baselines = {"equal_weight": {**metrics["baselines"]["equal_weight"], "alpha_t": 0.3}}
    model = {**metrics["predictions"]["model"], "rank_ic_t": -0.5}
    said = verdict({**metrics, "baselines": baselines, "predictions": {"model": model}})
    assert LUCK in said["headline"]
    assert any(
        sentence.startswith("Classifier") and LUCK in sentence for sentence in said["sentences"]
    )
    assert says(None) == "too little to tell"


def test_a_loss_before_costs_is_not_blamed_on_costs(sample):
    costs = {**sample.metrics["costs"], "break_even_bp": -3.0}
    said = verdict({**sample.metrics, "costs": costs})["sentences"]
    assert any("nothing was earned before them either" in sentence for sentence in said)


def test_without_a_benchmark_the_rival_stands_in_the_headline(sample):
    said = verdict({**sample.metrics, "benchmark": None})["headline"]
    assert "; equal weight made" in said


def test_a_ratio_too_good_is_called_a_leak_until_proven_otherwise(sample):
    assert sample.metrics["risk"]["sharpe"] > 1.5
    assert any("leak" in sentence for sentence in sample.metrics["verdict"]["sentences"])


@pytest.mark.parametrize(
    ("edge_bp", "said", "unsaid"),
    [
        (None, "on real news is a leak until proven otherwise", "planted"),
        (300.0, "An edge of 300 bp is planted in this synthetic market", "leak"),
        (0.0, "No edge is planted in this synthetic market: a net Sharpe ratio of", "real"),
    ],
)
def test_what_is_too_good_depends_on_what_was_planted(sample, edge_bp, said, unsaid):
    sentences = verdict(sample.metrics, planted_edge_bp=edge_bp)["sentences"]
    assert said in sentences[-1]
    assert not any(unsaid in sentence for sentence in sentences)


@pytest.mark.parametrize("ratio", [0.3, None], ids=["small", "nothing was traded"])
def test_a_planted_edge_is_named_whatever_the_ratio(sample, ratio):
    metrics = {**sample.metrics, "risk": {**sample.metrics["risk"], "sharpe": ratio}}
    assert "planted" in verdict(metrics, planted_edge_bp=150.0)["sentences"][-1]
    last = verdict(metrics, planted_edge_bp=0.0)["sentences"][-1]
    assert last.startswith("No edge is planted")
    assert "leak" not in last


def test_percent_writes_no_minus_zero():
    assert percent(-0.00001) == "0.0%"


def test_luck_passes_for_an_edge_no_more_often_than_stated():
    generator = np.random.default_rng(20)
    worlds, found = 600, {"alpha": 0, "mean": 0}
    for _ in range(worlds):
        market = generator.normal(0.0004, 0.012, 400)
        strategy = 0.4 * market + generator.normal(0.0, 0.006, 400)
        lag = returns.default_lags(400)
        found["alpha"] += inference.alpha_over(strategy, market, lag).t >= LUCK_T
        found["mean"] += inference.newey_west_t(strategy - 0.4 * 0.0004, lag) >= LUCK_T
    # One-sided at t = 2: 2.3 % in long samples, a little more with estimated autocovariances.
    for name, count in found.items():
        assert 0.01 <= count / worlds <= 0.05, (name, count)


def test_intervals_of_what_is_seldom_held_hold_the_truth_as_often_as_stated():
    generator = np.random.default_rng(21)
    worlds, held = 300, {"sharpe": 0, "net_return": 0, "rank_ic": 0}
    for seed in range(worlds):
        # A quarter of the sessions is spent in the market, three at a time.
        inside = np.zeros(200, bool)
        inside[(generator.choice(66, 17, replace=False)[:, None] * 3 + np.arange(3)).ravel()] = True
        luck = generator.normal(0.0, 0.01, 200)
        found = intervals_of(inside * luck, luck[:60], seed=seed, horizon=3, draws=400)
        for name, interval in found.items():
            held[name] += interval.low <= 0.0 <= interval.high
    # 95 % promised; in short samples an interval of percentiles holds a little less.
    for name, count in held.items():
        assert 0.90 <= count / worlds <= 0.98, (name, count)
