"""`config check` refuses what a run would; `run --check` says on how much the engines agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from backtests.cli import app
from backtests.compiled.engine import run_compiled
from backtests.result import EngineResult

OWN_BACKTRADER = """
import backtrader as bt


class Own(bt.Strategy):
    params = (("fast", 5),)
"""
LISTED = "ticker,valid_from,valid_to\n9988,2024-01-02,\n\nAAPL,2024-01-02,\n"
SHORTS = ("broker.short.enabled=true", "broker.short.borrow_rate_pct=3.0")
COMPILED = "broker.engine=compiled"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def refusal(command: tuple[str, ...], config: Path, sets: tuple[str, ...]) -> tuple[int, Any]:
    """Return the exit code of a command on a config with values set, and what it refused."""
    flags = [part for one in sets for part in ("--set", one)]
    result = invoke(*command, str(config), *flags, "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def config(small_config: Path, tmp_path: Path) -> Path:
    """The small config, with parts and a list of designated securities beside it."""
    (tmp_path / "parts_of_a_test.py").write_text(OWN_BACKTRADER, encoding="utf-8")
    (tmp_path / "listed.csv").write_text(LISTED, encoding="utf-8")
    path = tmp_path / "small.toml"
    path.write_text(small_config.read_text(encoding="utf-8"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("sets", "code", "told"),
    [
        (["strategy.params.max_position=3"], 3, {"nearest": "max_positions"}),
        (["strategy.params.max_positions=0"], 3, {"given": "0"}),
        (["strategy.name=event_hol"], 3, {"nearest": "event_hold", "where": "flag: strategy.name"}),
        (["strategy.name=parts_of_a_test:Owm"], 3, {"nearest": "Own"}),
        (
            ["strategy.name=parts_of_a_test:Own", "strategy.params.fst=3"],
            3,
            {"nearest": "fast", "where": "flag: strategy.params of parts_of_a_test:Own"},
        ),
        (["classifier.name=logistc"], 3, {"nearest": "logistic", "where": "flag: classifier.name"}),
        (
            ["classifier.params.c=1"],
            3,
            {"given": "c", "nearest": "C", "where": "flag: classifier.params of logistic"},
        ),
        (
            ["classifier.tune.Cs=[1]"],
            3,
            {"given": "Cs", "nearest": "C", "where": "flag: classifier.tune of logistic"},
        ),
        (
            ["classifier.params.C=-1"],
            3,
            {"given": "-1", "where": "flag: classifier.params of logistic: C"},
        ),
        (["label.params.horizn=3"], 3, {"where": "flag: label.params of forward_return"}),
        (["classifier.tune.C=[0.1,-1.0]"], 3, {"given": "-1.0"}),
        (["classifier.tune.C=[]"], 3, {"wanted": "1 values or more"}),
        (
            ["classifier.name=sklearn.neighbors:KNeighborsClassifier"],
            3,
            {"where": "flag: classifier.name"},
        ),
        (['features.groups=["evnts"]'], 3, {"nearest": "events", "where": "flag: features.groups"}),
        (
            ['features.groups=["flow","flow"]'],
            3,
            {"given": "flow", "wanted": "every name once", "where": "flag: features.groups"},
        ),
        (
            ['classifier.groups=["evnts"]'],
            3,
            {"nearest": "events", "where": "flag: classifier.groups"},
        ),
        (
            ['classifier.groups=["events","events"]'],
            3,
            {"given": "events", "where": "flag: classifier.groups"},
        ),
        (["benchmark=SYNHT"], 3, {"nearest": "SYNTH", "where": "flag: benchmark"}),
        (["label.benchmark=HSTCH"], 3, {"wanted": "one of universe, none, SYNTH"}),
        (
            ["label.benchmark=univrse"],
            3,
            {"nearest": "universe", "where": "flag: label.benchmark"},
        ),
        (["label.exit=barier"], 3, {"nearest": "triple_barrier", "where": "flag: label.exit"}),
        (["label.name=forward_retrun"], 3, {"nearest": "forward_return"}),
        (["label.dead_band_bp=round_trp"], 3, {"nearest": "round_trip"}),
        (
            ["prices.source=collections:Counter", "news.source=jsonl"],
            3,
            {"where": "flag: prices.source"},
        ),
        (["news.source=jsnl"], 3, {"nearest": "jsonl", "where": "flag: news.source"}),
        (["prices.source=fles"], 3, {"nearest": "files", "where": "flag: prices.source"}),
        (["universe=hstec"], 3, {"nearest": "hstech", "where": "flag: universe"}),
        (["broker.costs=ibkr_hk_tierd"], 3, {"nearest": "ibkr_hk_tiered"}),
        (["broker.costs_tier=99"], 3, {}),
        (["lexicon={folder}/none.toml"], 4, {"where": "flag: lexicon"}),
        (["instruments={folder}/parts_of_a_test.py"], 4, {}),
        (['reports.extra=["nowhere:Report"]'], 3, {"given": "nowhere:Report"}),
        (
            [*SHORTS, "broker.short.designated={folder}/none.csv"],
            4,
            {"where": "flag: broker.short.designated"},
        ),
        (
            [*SHORTS, "broker.short.designated={folder}/listed.csv"],
            4,
            {"given": "AAPL", "where": "{folder}/listed.csv: line 4"},
        ),
        (
            [COMPILED, "strategy.name=parts_of_a_test:Own"],
            3,
            {"given": "a strategy written for backtrader (parts_of_a_test:Own)"},
        ),
        ([COMPILED, "broker.cash_hkd=1e15"], 3, {"where": "flag: broker.engine"}),
        ([COMPILED, "broker.slippage_ticks=10000000"], 3, {"where": "flag: broker.engine"}),
        ([COMPILED, "broker.short.margin_pct=1e9"], 3, {"where": "flag: broker.engine"}),
    ],
)
def test_a_check_refuses_what_a_run_would_and_in_its_words(
    config: Path, tmp_path: Path, sets: list[str], code: int, told: dict[str, str]
) -> None:
    given = tuple(one.replace("{folder}", str(tmp_path)) for one in sets)
    checked, found = refusal(("config", "check"), config, given)
    ran, met = refusal(("run", "--out", str(tmp_path / "runs")), config, given)
    assert (checked, ran) == (code, code)
    assert found == met
    for key, value in told.items():
        assert found[key] == value.replace("{folder}", str(tmp_path))
    if COMPILED in sets:
        assert 'broker.engine = "backtrader"' in found["wanted"]
    # What is no config is no trial.
    assert not (tmp_path / "runs").exists()


def test_a_run_that_is_checked_needs_a_strategy_of_both_engines(config: Path) -> None:
    flags = ("--set", "strategy.name=parts_of_a_test:Own")
    assert invoke("config", "check", str(config), *flags).exit_code == 0
    result = invoke("run", str(config), *flags, "--check", "--out", str(config.parent / "runs"))
    assert result.exit_code == 3
    assert "a strategy written for backtrader" in result.stderr


def test_a_checked_run_says_on_how_many_fills_the_engines_agree(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line on stderr and a field of the document; none of it without --check."""
    compared: list[int] = []

    def counted(*arguments: Any, **options: Any) -> EngineResult:
        result = run_compiled(*arguments, **options)
        compared.append(len(result.fills))
        return result

    monkeypatch.setattr("backtests.compiled.engine.run_compiled", counted)
    result = invoke("run", str(config), "--out", str(tmp_path), "--check", "--json")
    assert result.exit_code == 0
    assert len(compared) > 1
    fills = sum(compared)
    assert json.loads(result.stdout)["engines"] == {"fills_compared": fills, "differences": 0}
    assert f"both engines agree: {fills:,} fills compared, zero differences" in result.stderr
    plain = invoke("run", str(config), "--out", str(tmp_path / "plain"), "--json")
    assert "engines" not in json.loads(plain.stdout)
    assert "engines agree" not in plain.stderr
