"""The statistical audit on a small known-answer market, from placebos to its verdict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from backtests import stages
from backtests.cli import app
from backtests.config import RunConfig, load_config
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.metrics import returns
from backtests.metrics.bootstrap import annual_sharpe, interval_of_returns
from backtests.metrics.undefined import UndefinedMetric
from backtests.result import EngineResult
from backtests.robustness import ground as ground_module
from backtests.robustness import lookahead, promised_learning
from backtests.robustness.audit import AuditReport, PlaceboResult, statistical_audit
from backtests.robustness.combinatorial import combinatorial
from backtests.robustness.deflation import deflation_of
from backtests.robustness.event_study import events_of
from backtests.robustness.examination import Examination
from backtests.robustness.ground import Ground, answers_judged, ground_of
from backtests.robustness.lookahead_report import Done, Leak, LookaheadReport, Unseen
from backtests.robustness.placebo import (
    Habits,
    figures_of,
    generator,
    habits_of,
    profile,
    shuffled_in_blocks,
    with_news_of,
)
from backtests.robustness.report import html, text
from backtests.robustness.rounds import Finished, key_of, run_placebos
from backtests.robustness.settings import PLACEBOS, AuditSettings, CombinatorialSettings
from backtests.robustness.stress import ScaledCosts, stress
from backtests.robustness.tries import MOST_BESIDE, Look, Tries, together, tries_of
from backtests.robustness.verdict import verdict
from backtests.run import Learned, judge, learn, mean_weight, run, trade
from backtests.sweeps.space import Space
from backtests.sweeps.sweep import Where, sweep
from backtests.trials import Ledger
from markets.costs import COMPONENTS
from strategies.base import StrategySettings

SPAN = {"start": "2023-10-03", "end": "2024-12-31"}
QUICK = (
    'robustness.placebos=["dates"]',
    "robustness.runs=19",
    "robustness.draws=200",
    "robustness.combinatorial.blocks=0",
)
SETTINGS = AuditSettings(
    placebos=("dates", "delayed", "random_trader"),
    runs=19,
    costs=(0.0, 1.0),
    delays=(0, 1),
    draws=200,
    combinatorial=CombinatorialSettings(blocks=6),
)


@dataclass(frozen=True, eq=False)
class Small:
    """One small run."""

    config: RunConfig
    inputs: Inputs
    learned: Learned
    engine: EngineResult
    baselines: Mapping[str, EngineResult]
    ground: Ground
    habits: Habits


def config_of(edge_bp: float) -> RunConfig:
    world = {"n_stories": 1000, "tickers": 8, "edge_bp": edge_bp, **SPAN}
    return RunConfig.model_validate(
        {
            "name": "small",
            **SPAN,
            "prices": {"source": "synthetic", "synthetic": world},
            "news": {"source": "synthetic"},
            "split": {"min_train_months": 4, "min_train_rows": 80, "embargo_sessions": 5},
        }
    )


@pytest.fixture(scope="module")
def small() -> Small:
    config = config_of(500.0)
    inputs = load_inputs(config)
    learned = learn(config, inputs, Journal(), baselines=False)
    engine, baselines = trade(config, inputs, learned)
    ground = ground_of(config, inputs, learned)
    habits = habits_of(engine, mean_weight(engine), 7, config.strategy.reserve_bp)
    return Small(config, inputs, learned, engine, baselines, ground, habits)


def test_the_ground_knows_the_same_outcomes_as_the_labels(small: Small) -> None:
    ground = small.ground
    labels = small.learned.labels.values["forward_return"]
    for answer, outcome in zip(
        ground.answers, ground.outcomes[ground.place, ground.column].tolist(), strict=True
    ):
        key = (answer.decided_at, answer.ticker)
        assert outcome == labels[key] if key in labels.index else np.isnan(outcome)


@pytest.mark.parametrize("name", ["logistic", "gradient_boosting"])
def test_a_run_answers_what_is_audited_though_baselines_learn_beside_it(
    name: str, small: Small
) -> None:
    chosen = small.config.classifier.model_copy(update={"name": name, "params": {}})
    config = small.config.model_copy(update={"classifier": chosen})
    learned = small.learned
    alone, beside = (
        stages.walk_forward(config, learned.features, learned.labels, baselines=baselines)
        for baselines in (False, True)
    )
    columns = ["fold", "probability", "model_sha256"]
    pd.testing.assert_frame_equal(alone.values, beside.values[columns], check_exact=True)
    for one, other in zip(alone.folds, beside.folds, strict=True):
        assert (one.slope, one.shift) == (other.slope, other.shift)
        pd.testing.assert_frame_equal(
            one.calibration_sample, other.calibration_sample, check_exact=True
        )


def test_answers_left_where_they_are_trade_as_the_run_did(small: Small) -> None:
    ground = small.ground
    again = ground.traded(ground.moved(ground.place, ground.column))
    columns = ["equity_hkd", "cost_hkd", "turnover_hkd"]
    assert again.equity[columns].equals(small.engine.equity[columns])
    real = figures_of(ground, small.engine)
    judged = answers_judged(ground, small.learned.signals)
    assert {name: real[name] for name in judged} == judged
    assert profile(ground, (0,))[0]["rank_ic"] == real["rank_ic"]


def test_placebos_do_not_depend_on_jobs_or_on_what_was_finished(
    small: Small, tmp_path: Path
) -> None:
    wanted = {"dates": 4, "random_trader": 2}
    alone = run_placebos(small.ground, small.habits, wanted, seed=7)
    two = run_placebos(small.ground, small.habits, wanted, seed=7, jobs=2)
    assert alone == two
    path = tmp_path / "placebos.jsonl"
    run_placebos(small.ground, small.habits, {"dates": 2}, seed=7, finished=Finished(path))
    # A process killed while it wrote leaves half a line behind.
    path.write_text(path.read_text(encoding="utf-8") + '{"key": "', encoding="utf-8")
    resumed = run_placebos(small.ground, small.habits, wanted, seed=7, finished=Finished(path))
    assert resumed == alone
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2 + 1 + 4
    before = path.read_bytes()
    assert (
        run_placebos(small.ground, small.habits, wanted, seed=7, finished=Finished(path)) == alone
    )
    assert path.read_bytes() == before
    other = run_placebos(small.ground, small.habits, {"dates": 1}, seed=8, finished=Finished(path))
    assert other["dates"][0] != alone["dates"][0]


def test_a_finished_run_is_only_taken_for_the_same_ground(small: Small) -> None:
    key = key_of("dates", small.ground, small.habits, 7)
    turned = replace(small.ground, outcomes=small.ground.outcomes + 1e-9)
    assert key_of("dates", turned, small.habits, 7) != key
    assert key_of("led", small.ground, small.habits, 7) != key
    assert key_of("dates", small.ground, small.habits, 8) != key
    assert key_of("dates", replace(small.ground), small.habits, 7) == key


def test_a_finished_run_is_not_taken_for_that_of_other_code(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    strategy = StrategySettings(name="trader_that_changes:Trader")
    config = small.config.model_copy(update={"strategy": strategy})
    keys = set()
    for entries in (1, 2, 2):
        code = f"class Trader:\n    entries = {entries}\n"
        (tmp_path / "trader_that_changes.py").write_text(code, encoding="utf-8")
        keys.add(key_of("dates", replace(small.ground, config=config), small.habits, 7))
    assert len(keys) == 2
    monkeypatch.setattr(ground_module, "code_sha256", lambda: "another version")
    keys.add(key_of("dates", replace(small.ground, config=config), small.habits, 7))
    assert len(keys) == 3


def test_the_learned_placebo_keeps_prices_and_moves_news_within_a_stock(small: Small) -> None:
    features = small.learned.features
    stocks = features.values.index.get_level_values("ticker").to_numpy().astype(str)
    source = shuffled_in_blocks(stocks, 6, generator("learned", 0, 7))
    mixed = with_news_of(features, source)
    prices = list(features.groups["prices"])
    assert mixed.values[prices].equals(features.values[prices])
    assert not mixed.values.equals(features.values)
    assert mixed.sessions.equals(features.sessions)
    for ticker in features.values.index.unique("ticker"):
        ours = features.texts.xs(ticker, level="ticker")
        theirs = mixed.texts.xs(ticker, level="ticker")
        assert sorted(ours) == sorted(theirs)


def test_the_learned_placebo_runs(small: Small) -> None:
    found = run_placebos(small.ground, small.habits, {"learned": 1}, seed=7)["learned"]
    assert not isinstance(found, str)
    assert set(found[0]) == {
        "rank_ic",
        "signed_return",
        "sharpe",
        "net_return",
        "gross_return",
        "fills",
    }


def test_costs_are_scaled_to_the_cent_and_cost_only_money(small: Small) -> None:
    order: dict[str, Any] = {
        "session": date(2024, 5, 6),
        "side": "buy",
        "price": "61.35",
        "shares": 1500,
    }
    schedule = small.config.broker.schedule()
    plain = schedule.note(**order)
    assert ScaledCosts(schedule, 1.0).note(**order) == plain
    assert ScaledCosts(schedule, 0.0).note(**order).total == 0
    double = ScaledCosts(schedule, 2.0).note(**order)
    assert all(getattr(double, name) == 2 * getattr(plain, name) for name in COMPONENTS)


def test_stress_falls_with_costs_and_starts_at_the_run_itself(small: Small) -> None:
    found = stress(
        small.ground,
        small.engine,
        small.baselines["equal_weight"],
        costs=(0.0, 1.0, 3.0),
        delays=(0, 5),
    )
    by_cell = {(cell.cost, cell.delay): cell for cell in found.cells}
    real = figures_of(small.ground, small.engine)
    assert by_cell[1.0, 0].net_return == real["net_return"]
    assert by_cell[1.0, 0].sharpe == real["sharpe"]
    nets = [by_cell[cost, 0].net_return for cost in (0.0, 1.0, 3.0)]
    assert nets == sorted(nets, key=lambda net: -(net or 0.0))
    assert found.paid_bp is not None
    assert found.paid_bp > 0


def test_whoever_knows_what_comes_breaks_even_above_what_was_paid(small: Small) -> None:
    outcome = small.ground.outcomes[small.ground.place, small.ground.column]
    answers = tuple(
        replace(answer, direction=int(earned > 0.0))
        for answer, earned in zip(small.ground.answers, outcome.tolist(), strict=True)
    )
    knowing = replace(small.ground, answers=answers)
    engine = knowing.traded(answers)
    assert figures_of(knowing, engine)["net_return"] > 0.0
    plain = stress(knowing, engine, None, costs=(0.0, 1.0), delays=(0, 1))
    assert plain.paid_bp is not None
    assert plain.break_even_bp is not None
    assert plain.break_even_bp > plain.paid_bp
    assert plain.latest_profitable_delay is not None
    assert plain.break_even_multiple is None, "no cost that was tried takes all of it"
    ruin = 4.0 * plain.break_even_bp / plain.paid_bp
    ruined = stress(knowing, engine, None, costs=(1.0, ruin), delays=(0,))
    assert ruined.cells[-1].net_return < 0.0
    assert ruined.break_even_multiple is not None
    assert 1.0 < ruined.break_even_multiple < ruin


def test_stress_charges_the_same_on_either_engine(small: Small) -> None:
    compiled = small.config.broker.model_copy(update={"engine": "compiled"})
    config = small.config.model_copy(update={"broker": compiled})
    fast = replace(small.ground, config=config)
    tried, plain = (
        stress(ground, small.engine, None, costs=(1.0, 2.0), delays=(0,))
        for ground in (fast, small.ground)
    )
    assert tried == plain


@pytest.fixture(scope="module")
def report(small: Small, tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    ledger = Ledger(tmp_path_factory.mktemp("runs") / "ledger.sqlite")
    # Another configuration on the same inputs that failed, one on others, and this one itself.
    for config, inputs in (("other", None), ("else", "0" * 64), (small.config.sha256(), None)):
        trial = ledger.start(f"run-{config[:5]}", "x", config)
        ledger.end(trial, "failed", inputs_sha256=inputs)
    return statistical_audit(
        small.config, small.inputs, settings=SETTINGS, learned=small.learned, ledger=ledger
    )


def test_the_planted_edge_is_found_in_the_ranking(report: AuditReport) -> None:
    assert report.verdict["ranking"]["found"]
    assert report.verdict["ranking"]["p"] == 0.05
    assert all(one.p["rank_ic"] == 0.05 for one in report.placebos if "rank_ic" in one.p)


def test_the_verdict_names_placebo_p_seed_cost_and_trials(report: AuditReport) -> None:
    said = " ".join(report.verdict["sentences"])
    for part in ("p = 0.050", "19 runs", "seed 7", "bp a side", "luck makes of 2 trials"):
        assert part in said
    assert "break-even cost" in said
    left_out = ("tickers", "led", "learned")
    assert report.verdict["not_run"] == dict.fromkeys(left_out, "not asked for")
    named = ", ".join(f"{name} (not asked for)" for name in left_out)
    assert f"Placebos that were not run: {named}." in said
    assert "profit" in said.partition("Stress: ")[2].partition("Events: ")[0]


def test_a_run_and_its_audit_draw_one_interval_of_sharpe(small: Small, report: AuditReport) -> None:
    net = returns.session_returns(
        returns.value_path(small.engine.equity["equity_hkd"], small.config.broker.cash_hkd)
    )
    judged = judge(small.config, small.inputs, small.learned, small.engine, small.baselines)
    drawn = interval_of_returns(net, annual_sharpe, seed=small.config.seed)
    assert judged.metrics["risk"]["sharpe_interval_95"] == pytest.approx([drawn.low, drawn.high])
    seed, draws = SETTINGS.seed, SETTINGS.draws
    fewer = interval_of_returns(net, annual_sharpe, seed=seed, draws=draws)
    assert report.intervals["sharpe"] == fewer
    assert all(not isinstance(one, str) and one.draws == draws for one in report.intervals.values())


def test_the_report_is_json_with_the_verdict_first_and_no_bare_sharpe(report: AuditReport) -> None:
    found = report.as_dict()
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert list(found)[:2] == ["schema", "verdict"]
    assert found["deflation"]["trials"] == 2
    late, early = (found["profile_at_or_above"][name] for name in ("delayed", "led"))
    shown = text(report, width=400)
    assert (
        f"{late['count']} of {late['runs']} delayed, {early['count']} of {early['runs']} led"
        in shown
    )
    assert "No p: there is one run a shift" in shown
    for line in shown.splitlines():
        if line.strip().startswith("Sharpe "):
            assert "with probability" in line
            assert "trials" in line


def test_the_report_as_text_and_as_html_begins_with_the_verdict(report: AuditReport) -> None:
    lines = text(report).splitlines()
    assert lines[0] == "Audit of small"
    assert " ".join(lines[1:3]).startswith(report.verdict["headline"][:60])
    hostile = replace(report, name="<script>alert(1)</script>")
    tried = LookaheadReport((), (Done("future", "cut <b>1</b>", True),), ("2024-05-06",), 7, 12)
    page = html(hostile, tried)
    assert "<script" not in page
    assert "cut &lt;b&gt;1" in page
    assert page.index(report.verdict["headline"][:30]) < page.index("<table>")


def test_the_spread_over_paths_is_told_with_what_it_is_not(report: AuditReport) -> None:
    found = report.as_dict()["combinatorial"]
    assert (found["paths"], found["splits"], found["blocks"]) == (5, 15, 6)
    for name, nothing in (("rank_ic", 0.0), ("auc", 0.5)):
        spread = found[name]
        assert len(spread["values"]) == 5
        assert min(spread["values"]) <= spread["low"] <= spread["mean"] <= spread["high"]
        assert spread["low"] > nothing
    said = " ".join(report.verdict["sentences"])
    assert "5 paths of 15 models" in said
    assert "no interval, no new evidence" in said


def test_no_paths_without_blocks(small: Small) -> None:
    with pytest.raises(UndefinedMetric, match="blocks is 0"):
        combinatorial(small.ground, {}, CombinatorialSettings(blocks=0))
    with pytest.raises(ValidationError, match="must be left"):
        CombinatorialSettings(blocks=2, tested=2)


def test_the_event_study_finds_what_was_planted(report: AuditReport) -> None:
    assert not isinstance(report.studies, str)
    first = report.studies[0]
    assert first.kind == "all"
    assert first.mean > 0
    for name, test in first.tests.items():
        assert not isinstance(test, str), name
        assert test.statistic > 2, name
    gap = {point["session"]: point["abnormal"] for point in first.path}
    # The jump on the news lies in the gap into the effective open: before it can be traded.
    assert gap[-1] > gap[0] > 0


def test_events_that_could_not_be_measured_are_counted(report: AuditReport, small: Small) -> None:
    assert not isinstance(report.studies, str)
    told = Counter(event.kind for event in events_of(small.learned.rows))
    whole, *kinds = report.studies
    assert whole.n + whole.left_out == told.total()
    assert whole.left_out > 0
    for one in kinds:
        assert one.n + one.left_out == told[one.kind]
    assert report.as_dict()["event_study"][0]["left_out"] == whole.left_out
    said = f"{whole.n:,} fresh ones ({whole.left_out:,} more lack sessions around them)"
    assert said in report.verdict["sentences"][-1]


def test_without_an_edge_everything_says_luck() -> None:
    config = config_of(0.0)
    report = statistical_audit(config, load_inputs(config), settings=SETTINGS)
    told, level = report.verdict, SETTINGS.level
    assert not told["found"]
    assert not told["ranking"]["found"]
    assert not told["money"]["found"]
    assert told["headline"] == "Not distinguishable from luck."
    for one in report.placebos:
        assert all(p is not None and p > level for p in one.p.values()), one.name
    assert not isinstance(report.deflation, str)
    assert report.deflation.deflated < 0.95
    for name, found in report.intervals.items():
        assert not isinstance(found, str), name
        assert found.low < 0, name
    assert not isinstance(report.combinatorial, str)
    assert report.combinatorial.auc.low < 0.5
    assert report.combinatorial.rank_ic.low < 0
    assert not isinstance(report.studies, str)
    tests = report.studies[0].tests
    for name, test in tests.items():
        assert not isinstance(test, str), name
        # At 5 % each, one of so many looks at one world would pass for a finding in every third.
        assert test.p > level / len(tests), name


def test_where_no_placebo_can_be_run_there_is_too_little_to_tell(small: Small) -> None:
    told = verdict(
        {"rank_ic": 0.01, "sharpe": 0.2, "net_return": 0.05},
        [],
        paths="robustness.combinatorial.blocks is 0",
        deflation="fewer than 3 sessions",
        overfitting="fewer than two configurations were tried",
        intervals={},
        stress=stress(small.ground, small.engine, None, costs=(1.0,), delays=(0,)),
        studies="no event",
        level=0.05,
        seed=7,
    )
    assert not told["found"]
    assert told["headline"] == "Too little to tell: no placebo could be run."


@pytest.mark.parametrize("reason", ["", "fewer than 4 stocks had news"])
def test_an_edge_stands_against_every_placebo_only_if_all_were_run(
    report: AuditReport, reason: str
) -> None:
    p = {"rank_ic": 0.01, "sharpe": 0.01}
    results = [PlaceboResult(name, name, "", 99, p, {}) for name in PLACEBOS]
    if reason:
        results[PLACEBOS.index("tickers")] = PlaceboResult("tickers", "", "", 0, {}, {}, reason)
    returns = np.random.default_rng(0).normal(0.002, 0.01, 500)
    told = verdict(
        {"rank_ic": 0.1, "sharpe": 2.0, "net_return": 0.5},
        results,
        paths="not asked for",
        deflation=deflation_of(returns, ()),
        overfitting="fewer than two configurations were tried",
        intervals={},
        stress=report.stress,
        studies="no event",
        level=0.05,
        seed=7,
    )
    assert told["found"]
    assert ("every placebo that was run" in told["headline"]) == bool(reason)
    assert told["not_run"] == ({"tickers": reason} if reason else {})
    assert any(reason in sentence for sentence in told["sentences"])


@pytest.mark.parametrize("leak", [True, False])
def test_the_verdict_stands_first_in_json_without_statistics_too(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: bool
) -> None:
    found = (Leak("leak", "future", "features", "it moved", "own__value"),) if leak else ()
    tried = LookaheadReport(found, (Done("future", "cut 1", not leak),), ("2023-05-06",), 7, 12)
    monkeypatch.setattr(lookahead, "audit_lookahead", lambda *_, **__: tried)
    flags = ["--no-statistics", "--json", "--out", str(tmp_path)]
    told = CliRunner().invoke(app, ["audit", str(small_config), *flags])
    assert told.exit_code == (5 if leak else 0), told.output
    document = json.loads(told.stdout)
    assert next(iter(document)) == "verdict"
    assert document["verdict"] == {"headline": tried.verdict, "found": False}


def test_tries_count_configurations_not_runs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for name, sharpe in (("one", 0.4), ("one", 0.4), ("two", None)):
        trial = ledger.start(f"run-{name}", name, name)
        ledger.end(trial, "finished", inputs_sha256="in", metrics={"sharpe": sharpe})
    ledger.start("run-killed", "three", "three")
    mine, one = (Look(config, "in", "stories") for config in ("mine", "one"))
    assert tries_of(ledger, mine).sharpe == {"one": 0.4, "two": None, "three": None}
    assert tries_of(ledger, one).sharpe == {"two": None, "three": None}
    assert tries_of(None, mine).sharpe == {}


def test_other_inputs_of_the_same_stories_are_other_tries(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for config, read, family, sharpe in (
        ("mine", "in", "stories", 0.4),  # this run itself, once more
        ("mine", "in with another lexicon", "stories", 0.9),
        ("one", "in of another window", "stories", 0.1),
        ("one", "in", "stories", 0.2),
        ("two", "other news", "other stories", 3.0),
        ("three", "in", None, 0.3),  # of before the family was kept
    ):
        trial = ledger.start(f"run {config} {read}", "x", config)
        metrics = {"sharpe": sharpe}
        ledger.end(trial, "finished", inputs_sha256=read, family_sha256=family, metrics=metrics)
    tries = tries_of(ledger, Look("mine", "in", "stories"))
    assert sorted(ratio for ratio in tries.sharpe.values() if ratio is not None) == [
        0.1,
        0.2,
        0.3,
        0.9,
    ]
    assert len(tries.looks()) == 4


def test_a_run_with_too_few_shared_sessions_is_not_set_beside() -> None:
    index = pd.DatetimeIndex(pd.date_range("2024-01-02", periods=100, freq="B"))
    mine = pd.Series(np.arange(100) / 1e4, index=index)
    late, short = mine.iloc[20:] + 0.2, mine.iloc[60:] + 0.3
    tries = Tries(returns={"whole": mine + 0.1, "late": late, "short": short})
    assert together(mine, tries).shape == (80, 3)
    with pytest.raises(UndefinedMetric, match="same sessions"):
        together(mine, Tries(returns={"short": short}))


def test_looks_that_earned_the_same_are_one_beside_a_run() -> None:
    sessions = pd.bdate_range("2024-01-02", periods=80)
    mine, other = (
        pd.Series(np.random.default_rng(seed).normal(size=80), sessions) for seed in (1, 2)
    )
    twice = Tries(returns={"audited": mine, "other": other, "other, audited": other})
    np.testing.assert_array_equal(together(mine, twice), np.column_stack([mine, other]))
    with pytest.raises(UndefinedMetric, match="no other configuration earned anything else"):
        together(mine, Tries(returns={"audited": mine}))


def test_trials_of_a_sweep_are_set_beside_a_run_as_runs_of_theirs_would(
    small_config: Path, tmp_path: Path
) -> None:
    horizons = [{"label.horizon": horizon} for horizon in (1, 2)]
    swept = sweep(
        load_config(small_config, [], {}), Space(rows=horizons), Where(tmp_path / "sweep")
    )
    with closing(swept.book):
        folder = swept.book.folder
    for horizon in (1, 2):
        loaded = load_config(small_config, [f"label.horizon={horizon}"], {})
        run(loaded, tmp_path / "runs", show=False)
    of_sweep, of_runs = (Ledger(tmp_path / name / "ledger.sqlite") for name in ("sweep", "runs"))
    (trial, _) = of_runs.trials()
    look = Look("another", trial.inputs_sha256 or "", trial.family_sha256 or "")
    beside, alone = (tries_of(ledger, look).returns for ledger in (of_sweep, of_runs))
    assert beside.keys() == alone.keys()
    assert len(beside) == 2
    for name, earned in beside.items():
        pd.testing.assert_series_equal(earned, alone[name], check_names=False, check_freq=False)
    with (folder / "equity.f64").open("r+b") as file:
        file.write(b"\0" * 8)
    assert len(tries_of(of_sweep, look).returns) == 1, "what is damaged is not set beside"
    (folder / "equity.f64").unlink()
    assert tries_of(of_sweep, look).returns == {}


def test_of_very_many_others_an_even_choice_is_set_beside() -> None:
    index = pd.DatetimeIndex(pd.date_range("2024-01-02", periods=20, freq="B"))
    mine = pd.Series(np.arange(20) / 1e4, index=index)
    others = {f"{n:05}": mine + n for n in range(1, 2 * MOST_BESIDE)}
    table = together(mine, Tries(returns=others))
    assert table.shape == (20, 1 + MOST_BESIDE)
    assert table[0, [1, -1]].tolist() == [1.0, 2 * MOST_BESIDE - 1.0]


def test_combinations_that_tuning_tried_are_tries(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for name, sharpe, combinations in (("one", 0.4, 6), ("two", 0.1, None), ("one", 0.4, 6)):
        trial = ledger.start(f"run-{name}", name, name)
        shown = {"sharpe": sharpe, "combinations": combinations}
        ledger.end(trial, "finished", inputs_sha256="in", metrics=shown)
    tries = tries_of(ledger, Look("mine", "in", "stories"))
    assert tries.looks() == [0.4, 0.1, *[None] * 5]
    assert tries.looks(own=3) == [0.4, 0.1, *[None] * 7]
    returns = np.random.default_rng(0).normal(0.001, 0.01, 500)
    assert deflation_of(returns, tries.looks(own=3)).trials == 10
    alone, tuned = (deflation_of(returns, Tries().looks(own)) for own in (1, 24))
    assert (alone.trials, tuned.trials) == (1, 24)
    assert tuned.deflated < alone.deflated


def test_tuned_combinations_count_alike_in_a_run_a_sweep_and_an_audit(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = LookaheadReport((), (Done("future", "cut 1", True),), ("2023-05-06",), 7, 12)
    monkeypatch.setattr(lookahead, "audit_lookahead", lambda *_, **__: clean)
    sets = ["classifier.tune={C = [0.0003, 0.001, 0.01]}", "classifier.inner_folds=1"]
    loaded = load_config(small_config, sets, environment={})
    for out in ("ran", "audited"):
        (tmp_path / out).mkdir()
    run(loaded, tmp_path / "ran", show=False)
    swept = sweep(loaded, Space(rows=({"seed": 7},)), Where(tmp_path / "swept"))
    with closing(swept.book):
        trials = swept.judged()["luck"]["deflation"]["trials"]
    flags = [flag for one in [*sets, *QUICK] for flag in ("--set", one)]
    out = ["--out", str(tmp_path / "audited")]
    found = CliRunner().invoke(app, ["audit", str(small_config), *flags, *out, "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["statistics"]["deflation"]["trials"] == trials == 3
    for out_of in ("ran", "swept", "audited"):
        (trial,) = Ledger(tmp_path / out_of / "ledger.sqlite").trials()
        assert (trial.status, trial.metrics["combinations"]) == ("finished", 3)
        assert trial.family_sha256 == swept.inputs[0].family
        assert trial.inputs_sha256 == swept.inputs[0].inputs
    # In one folder each counts for the others: an audit is a look as a run is.
    (audited,) = Ledger(tmp_path / "audited" / "ledger.sqlite").trials()
    assert audited.kind == "audit"
    other = Look("another", audited.inputs_sha256 or "", audited.family_sha256 or "")
    assert len(tries_of(Ledger(tmp_path / "audited" / "ledger.sqlite"), other).looks()) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"placebos": ("dates", "astrology")},
        {"costs": (0.0, 2.0)},
        {"delays": (1,)},
        {"delays": (0, -1)},
        {"runs": 5},
        {"event_study": {"tested_sessions": 20}},
    ],
)
def test_settings_refuse_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuditSettings.model_validate(wrong)


def test_a_check_without_anything_to_look_at_does_not_count_as_held(
    small: Small, report: AuditReport
) -> None:
    def blind(*before: Leak) -> Iterator[Leak]:
        yield from before
        raise Unseen("no index")

    leak = Leak("leak", "second", "prices", "a bar moved")
    audit = Examination(small.config, small.inputs, 7, Journal(), {}, stop_at_first=False)
    audit.record("first", "one", [])
    audit.record("blind", "two", blind())
    told = LookaheadReport((), tuple(audit.done), ("2023-05-06",), 7, 12)
    assert told.verdict.endswith("1 checks held.")
    assert "  -      blind: two (nothing to look at: no index)" in told.text().splitlines()
    assert "nothing to look at: no index" in html(report, told)
    assert [one["held"] for one in told.as_dict()["checks"]] == [True, None]
    audit.record("second", "three", blind(leak))
    assert audit.done[-1].held is False, "what was found before stands"
    assert audit.findings == [leak]


@pytest.mark.parametrize("benchmark", ["universe", "none", "SYNTH"])
def test_labels_are_measured_again_to_the_column(small: Small, benchmark: str) -> None:
    chosen = small.config.label.model_copy(update={"benchmark": benchmark})
    config = small.config.model_copy(update={"label": chosen})
    labels = stages.label(config, small.inputs, small.learned.features)

    def breaches(**changed: Any) -> list[tuple[str, str]]:
        moved = replace(labels, values=labels.values.assign(**changed))
        learned = replace(small.learned, labels=moved)
        traced: Any = SimpleNamespace(config=config, inputs=small.inputs, learned=learned)
        found = [*promised_learning.label_values(traced)]
        found += promised_learning.label_benchmarks(traced)
        return [(one.check, one.column) for one in found]

    values = labels.values
    assert breaches() == []
    assert breaches(target=1 - values["target"]) == [("label values", "target")]
    assert breaches(raw_return=values["raw_return"] * 1.001) == [("label values", "raw_return")]
    nearly = values["forward_return"] * 1.001  # of the same sign
    assert breaches(forward_return=nearly) == [("label benchmarks", "forward_return")]
