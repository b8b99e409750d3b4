"""A sweep: the results of single runs to the bit, once each, whatever dies on the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from backtests.cli import app
from backtests.config import load_config
from backtests.folder import read_run
from backtests.inputs import load_inputs
from backtests.journal import Journal
from backtests.metrics.verdict import decimal, percent
from backtests.robustness.ground import ground_of
from backtests.robustness.placebo import Habits
from backtests.robustness.rounds import run_placebos
from backtests.robustness.settings import AuditSettings
from backtests.run import learn, run
from backtests.sweeps import book as book_module
from backtests.sweeps.figures import PLACEBO, QUALITY
from backtests.sweeps.flags import parse_axis, read_rows
from backtests.sweeps.heat_map import heat_map
from backtests.sweeps.judged import heat_of, judge, shared_returns
from backtests.sweeps.pools import Processes
from backtests.sweeps.report import html, short_names, text
from backtests.sweeps.space import Space
from backtests.sweeps.sweep import Swept, Where, finish, sweep
from backtests.sweeps.trial import open_cache
from backtests.trials import Ledger
from markets.errors import ConfigError, DataError, UsageError
from strategies.base import StrategySettings

GRID = (
    "label.horizon=2,3",
    "decision.long_above=0.52,0.55",
    "strategy.params.max_positions=2:4:1",
)
TABLES = ("results.csv", "results.json")
ROOT = Path(__file__).resolve().parents[2]
StartSweep = Callable[..., subprocess.Popen[str]]


def space(*flags: str) -> Space:
    return Space(axes=tuple(parse_axis(flag) for flag in flags or GRID))


def swept(config: Path, out: Path, *flags: str, sets: Sequence[str] = (), **options: Any) -> Swept:
    loaded = load_config(config, sets, environment={})
    done = sweep(loaded, space(*flags), Where(out, **options))
    done.book.close()
    return done


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("swept")


@pytest.fixture(scope="module")
def whole(small_config: Path, out: Path) -> Swept:
    return swept(small_config, out)


@pytest.fixture
def warm(whole: Swept, out: Path) -> Path:
    """The cache of the whole sweep, so that others begin with their trials."""
    return out / "cache"


@pytest.mark.parametrize("number", [1, 10])
def test_a_trial_is_the_run_of_the_same_values_to_the_bit(
    whole: Swept, small_config: Path, tmp_path: Path, number: int
) -> None:
    require_single_run(whole.rows[number], small_config, (), tmp_path)


def test_a_trial_has_the_p_that_its_audit_would_find(whole: Swept, small_config: Path) -> None:
    """The audit trades each of its placebo runs; a trial only ranks them."""
    row = whole.rows[0]
    flags = [f"{key}={json.dumps(value)}" for key, value in row.values.items()]
    config = load_config(small_config, flags, environment={}).config
    inputs = load_inputs(config)
    learned = learn(config, inputs, Journal())
    ground = ground_of(config, inputs, learned)
    settings = AuditSettings()
    habits = Habits(StrategySettings())
    placebos = run_placebos(ground, habits, {"dates": settings.runs}, seed=settings.seed)["dates"]
    real = ground.rank_ic().mean()
    ranked = [figures["rank_ic"] for figures in placebos if isinstance(figures, dict)]
    assert len(ranked) == settings.runs
    above = sum(one is None or one >= real for one in ranked)
    assert row.figures[PLACEBO] == (1 + above) / (1 + settings.runs)


COMPILED = ("broker.engine=compiled",)


def test_a_block_of_compiled_trials_is_what_backtrader_makes_of_each(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    block = swept(small_config, tmp_path, sets=COMPILED, cache=warm)
    assert [row.figures for row in block.rows] == [row.figures for row in whole.rows]
    assert [row.equity_sha256 for row in block.rows] == [row.equity_sha256 for row in whole.rows]
    assert all(row.figures["fills"] > 0 for row in block.rows)


def test_a_compiled_trial_is_the_run_of_the_same_values_to_the_bit(
    warm: Path, small_config: Path, tmp_path: Path
) -> None:
    flags = (
        "decision.long_above=0.51,0.56",
        "decision.short_below=0.2,0.49",
        "strategy.name=event_hold,top_ranked",
        "strategy.reserve_bp=0,120",
        "broker.cash_hkd=150000,2e6",
        "broker.slippage_ticks=0,2",
        "broker.max_wait_sessions=0,2",
        "broker.participation=0.01,0.2",
    )
    done = swept(small_config, tmp_path, *flags, sets=COMPILED, cache=warm)
    assert len({row.equity_sha256 for row in done.rows}) > 32  # the values do something
    for number in (0, 101, 254):
        require_single_run(done.rows[number], small_config, COMPILED, tmp_path / str(number))


def test_a_trial_that_the_compiled_engine_cannot_run_fails_alone(
    warm: Path, small_config: Path, tmp_path: Path
) -> None:
    module = small_config.parent / "own_policy.py"
    module.write_text(OWN_POLICIES, encoding="utf-8")
    names = ("event_hold", "own_policy:Own", "own_policy:Raises", "own_policy:Plain", "top_ranked")
    flag = f"strategy.name={','.join(names)}"
    done = swept(small_config, tmp_path, flag, sets=COMPILED, cache=warm)
    ended = [row.status for row in done.rows]
    assert ended == ["finished", "finished", "failed", "failed", "finished"]
    require_single_run(done.rows[1], small_config, COMPILED, tmp_path / "alone")
    assert done.rows[2].error == "ValueError: not today"
    assert "(own_policy:Plain)" in str(done.rows[3].error)
    assert 'broker.engine = "backtrader"' in str(done.rows[3].error)


OWN_POLICIES = """
import backtrader as bt

from strategies.baselines import BuyAndHold


class Own(BuyAndHold):
    pass


class Raises(BuyAndHold):
    def targets(self, view):
        raise ValueError("not today")


class Plain(bt.Strategy):
    pass
"""


def require_single_run(
    row: book_module.Row, config: Path, sets: Sequence[str], folder: Path
) -> None:
    flags = [*sets, *(f"{key}={json.dumps(value)}" for key, value in row.values.items())]
    loaded = load_config(config, flags, environment={})
    view = read_run(run(loaded, folder, show=False))
    metrics = view.metrics
    assert row.config_sha256 == view.manifest["config_sha256"]
    wanted = {
        "sharpe": metrics["risk"]["sharpe"],
        "volatility": metrics["risk"]["volatility"],
        "max_drawdown": metrics["risk"]["max_drawdown"],
        "net_return": metrics["performance"]["total_return"],
        "gross_return": metrics["performance"]["gross_total_return"],
        "final_equity_hkd": metrics["performance"]["final_equity_hkd"],
        "cost_hkd": metrics["costs"]["total_hkd"],
        **{name: metrics["predictions"]["model"][name] for name in QUALITY},
        "sessions": metrics["span"]["sessions"],
        "first_session": metrics["span"]["first_session"],
        "combinations": max(fold["trials"] for fold in view.folds),
        "by_year": {str(year["year"]): year["total_return"] for year in metrics["by_year"]},
        **{
            name: metrics["trading"][name]
            for name in ("orders", "fills", "trades", "hit_rate", "turnover")
        },
    }
    assert row.figures == {**wanted, PLACEBO: row.figures[PLACEBO]}  # a run has no placebos
    capital = view.config["broker"]["cash_hkd"]
    path = np.r_[capital, view.equity["equity_hkd"].to_numpy()].astype("<f8")
    assert row.equity_sha256 == book_module.sha256_of(path.tobytes())
    headline = next(iter(Ledger(folder / "ledger.sqlite").trials())).metrics
    assert headline == {name: row.figures[name] for name in headline}


def test_what_is_upstream_is_computed_once(whole: Swept) -> None:
    asked = [(lookup.stage, lookup.hit) for lookup in whole.lookups]
    assert sorted(asked) == [
        ("answers", False),
        ("answers", False),
        ("features", False),
        ("inputs", False),
        ("labels", False),
        ("labels", False),
        ("market", False),
        ("readings", False),
    ]
    second = [lookup.why for lookup in whole.lookups if lookup.stage == "labels"][1]
    assert second == "label.horizon: 2 → 3"


def test_every_trial_is_in_the_ledger(whole: Swept, out: Path) -> None:
    trials = list(Ledger(out / "ledger.sqlite").trials())
    assert [trial.kind for trial in trials] == ["sweep"] * len(whole.rows)
    assert {trial.status for trial in trials} == {"finished"}
    assert sorted(trial.config_sha256 for trial in trials) == sorted(
        row.config_sha256 for row in whole.rows
    )
    assert all(trial.inputs_sha256 for trial in trials)


def test_any_number_of_processes_gives_the_same_bytes(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    other = swept(small_config, tmp_path, jobs=2, cache=warm)
    assert other.folder.name == whole.folder.name
    assert tables(other.folder) == tables(whole.folder)
    assert all(lookup.hit for lookup in other.lookups)


def test_a_finished_sweep_runs_nothing_again(whole: Swept, small_config: Path, out: Path) -> None:
    before = Ledger(out / "ledger.sqlite").count()
    again = swept(small_config, out)
    assert again.fresh == 0
    assert again.rows == whole.rows
    assert Ledger(out / "ledger.sqlite").count() == before


def test_a_line_cut_off_by_a_crash_costs_that_trial_alone(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    first = swept(small_config, tmp_path, cache=warm)
    journal, equity = first.folder / "trials.jsonl", first.folder / "equity.f64"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:5]) + lines[5][:40])
    content = bytearray(equity.read_bytes())
    content[8] ^= 1  # in the path of the first line
    equity.write_bytes(bytes(content))
    again = swept(small_config, tmp_path, cache=warm)
    assert again.fresh == len(whole.rows) - 4
    assert tables(again.folder) == tables(whole.folder)


@pytest.mark.parametrize("name", ["entry.json", "values.parquet"])
def test_a_corrupt_entry_is_computed_again_and_said(
    whole: Swept, small_config: Path, tmp_path: Path, name: str
) -> None:
    flags = ("strategy.params.max_positions=2,3",)
    swept(small_config, tmp_path, *flags)
    entry = next((tmp_path / "cache" / "answers").iterdir()) / name
    entry.write_bytes(entry.read_bytes()[:-20])
    open_cache.cache_clear()  # a new process remembers nothing
    again = swept(small_config, tmp_path, *flags, "decision.long_above=0.55")
    said = {lookup.stage: lookup.why for lookup in again.lookups}
    assert said["answers"].startswith(f"the entry is corrupt ({name})")
    twins = {row.config_sha256: row for row in swept(small_config, tmp_path).rows}
    for row in again.rows:
        assert row.status == "finished"
        assert twins.get(row.config_sha256, row).equity_sha256 == row.equity_sha256


def test_what_went_wrong_on_the_way_is_said_unasked(
    whole: Swept, small_config: Path, out: Path, tmp_path: Path
) -> None:
    """A corrupt entry of the cache, and why a trial failed: on stderr, whatever is printed."""
    cache = tmp_path / "cache"
    shutil.copytree(out / "cache", cache)
    values = next((cache / "features").iterdir()) / "values.parquet"
    values.write_bytes(values.read_bytes()[:-20])
    open_cache.cache_clear()  # a new process remembers nothing
    flags = ["--grid", "split.min_train_months=5,200", "--jobs", "1", "--cache", str(cache)]
    given = ["sweep", str(small_config), *flags, "--out", str(tmp_path)]
    told = CliRunner().invoke(app, given)
    assert told.exit_code == 0
    assert "note: features in the cache: the entry is corrupt (values.parquet)" in told.stderr
    assert "note: trial 1 failed: " in told.stderr
    assert "no test window" in told.stderr
    again = CliRunner().invoke(app, [*given, "--json"])
    assert json.loads(again.stdout)["ran"] == 1
    assert "corrupt" not in again.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["leader", "all"])
def test_a_killed_sweep_is_taken_up_where_it_ended(
    whole: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    start_sweep: StartSweep,
    wait_for_a_trial: Callable[[Path], None],
    kill: Callable[[int, int], None],
    jobs: str,
) -> None:
    process = start_sweep(small_config, GRID, tmp_path, warm, "--jobs", jobs)
    wait_for_a_trial(tmp_path)
    kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)  # as long as a process of the sweep is left to write
    journal = next(tmp_path.glob("sweeps/*/trials.jsonl")).read_bytes()
    again = swept(small_config, tmp_path, cache=warm)
    # A line that was cut off is a trial that was in flight.
    assert 0 < again.fresh == len(whole.rows) - journal.count(b"\n")
    assert tables(again.folder) == tables(whole.folder)


def test_ctrl_c_keeps_what_is_finished_and_exits_130(
    whole: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    start_sweep: StartSweep,
    wait_for_a_trial: Callable[[Path], None],
) -> None:
    process = start_sweep(small_config, GRID, tmp_path, warm, "--jobs", "2")
    wait_for_a_trial(tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, ""), errors
    assert errors.strip() == "interrupted"
    folder = next(tmp_path.glob("sweeps/*"))
    kept = json.loads((folder / "results.json").read_text())
    assert 0 < len(kept) < len(whole.rows)
    statuses = {trial.status for trial in Ledger(tmp_path / "ledger.sqlite").trials()}
    assert statuses <= {"finished", "interrupted"}
    again = swept(small_config, tmp_path, cache=warm)
    assert tables(again.folder) == tables(whole.folder)


def test_a_killed_process_costs_nothing_but_time(
    whole: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    wait_for_a_trial: Callable[[Path], None],
) -> None:
    def kill_one() -> None:
        wait_for_a_trial(tmp_path)
        children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        workers = [
            pid
            for pid in pids
            if b"loky" in Path(f"/proc/{pid}/cmdline").read_bytes()
            and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(workers[0], signal.SIGKILL)
        killed.append(workers[0])

    if not Path(f"/proc/{os.getpid()}/task").is_dir():
        pytest.skip("finding a worker needs /proc")
    killed: list[int] = []
    thread = threading.Thread(target=kill_one)
    thread.start()
    done = swept(small_config, tmp_path, jobs=2, cache=warm)
    thread.join()
    assert len(killed) == 1
    assert tables(done.folder) == tables(whole.folder)
    trials = list(Ledger(tmp_path / "ledger.sqlite").trials())
    # The worker may have been between two trials when it died.
    assert {trial.error for trial in trials if trial.status == "interrupted"} <= {"its worker died"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_is_said_and_keeps_what_is_finished(
    whole: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    calls: list[object] = []

    def full(file: Any) -> None:
        calls.append(file)
        if len(calls) > 4:
            raise OSError(code, os.strerror(code))
        file.flush()

    with monkeypatch.context() as patched:
        patched.setattr(book_module, "_sync", full)
        with pytest.raises(DataError, match=os.strerror(code)):
            swept(small_config, tmp_path, cache=warm)
    kept = json.loads((next(tmp_path.glob("sweeps/*")) / "results.json").read_text())
    assert 0 < len(kept) < len(whole.rows)
    again = swept(small_config, tmp_path, cache=warm)
    assert tables(again.folder) == tables(whole.folder)


def test_a_folder_that_cannot_be_written_is_said(
    warm: Path, small_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "sweeps").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot write the sweep"):
        swept(small_config, tmp_path, cache=warm)


def test_a_ledger_that_cannot_be_written_is_said(
    warm: Path, small_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(DataError, match="cannot keep the trial ledger") as refused:
        swept(small_config, tmp_path, cache=warm)
    assert refused.value.exit_code == 4


def test_a_ledger_that_fails_on_the_way_keeps_what_is_finished(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Ledger.start_many

    def full(ledger: Ledger, *rows: Any, **kind: Any) -> list[int]:
        numbers = begun(ledger, *rows, **kind)
        if ledger.count() > 3:
            ledger.path.unlink()
            ledger.path.mkdir()
        return numbers

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "start_many", full)
        with pytest.raises(DataError, match="cannot keep the trial ledger"):
            swept(small_config, tmp_path, cache=warm)
    kept = json.loads((next(tmp_path.glob("sweeps/*")) / "results.json").read_text())
    assert 0 < len(kept) < len(whole.rows)


def test_a_cache_that_cannot_be_written_is_said(small_config: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot keep what was computed"):
        swept(small_config, tmp_path)


def test_two_processes_do_not_write_one_sweep(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    loaded = load_config(small_config, environment={})
    first = sweep(loaded, space(), Where(tmp_path, cache=warm))
    with closing(first.book), pytest.raises(UsageError, match="another process"):
        sweep(loaded, space(), Where(tmp_path, cache=warm))


def test_a_trial_that_fails_says_why_and_stops_no_other(small_config: Path, tmp_path: Path) -> None:
    done = swept(small_config, tmp_path, "split.min_train_months=4,200")
    assert [row.status for row in done.rows] == ["finished", "failed"]
    assert "no test window" in str(done.rows[1].error)
    assert [trial.status for trial in Ledger(tmp_path / "ledger.sqlite").trials()] == [
        "finished",
        "failed",
    ]
    table = pd.read_csv(done.folder / "results.csv")
    assert table["status"].tolist() == ["finished", "failed"]


def test_the_best_never_stands_alone(whole: Swept, small_config: Path, out: Path) -> None:
    again = sweep(load_config(small_config, environment={}), space(), Where(out))
    with closing(again.book):
        judged = again.judged()
        finish(again, judged)
    ratios = [row.figures["sharpe"] for row in again.rows]
    assert judged["best"]["figures"]["sharpe"] == max(ratios)
    assert judged["luck"]["trials"] == len(again.rows)
    assert judged["luck"]["median_sharpe"] == pytest.approx(float(np.median(ratios)))
    assert judged["luck"]["deflation"]["trials"] == len(again.rows)
    assert 0 <= judged["luck"]["deflation"]["deflated"] <= 1
    assert judged["luck"]["overfitting"]["configurations"] == len(again.rows)
    best = again.rows[judged["best"]["number"]]
    for number in judged["neighbors"]["numbers"]:
        differing = [k for k in again.keys if again.rows[number].values[k] != best.values[k]]
        assert len(differing) == 1
    assert 2 <= judged["neighbors"]["count"] <= 4
    shown = text(again.name, again.rows, again.keys, judged)
    assert "median" in shown.splitlines()[1]
    shown = " ".join(shown.split())
    assert f"best of {len(again.rows)} trials" in shown
    assert "deflated Sharpe ratio" in shown
    assert "Probability of backtest overfitting" in shown
    page = (again.folder / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<script" not in page


@pytest.mark.parametrize("width", [100, 80, 60])
def test_a_narrow_report_breaks_words_and_no_number(whole: Swept, width: int) -> None:
    judged = judge(whole.rows, whole.keys, invented(whole.rows))
    shown = text(whole.name, whole.rows, whole.keys, judged, width=width)
    assert max(map(len, shown.splitlines())) <= width
    table = shown[shown.index("Trials by Sharpe ratio") :].splitlines()
    found = {tuple(line.split()[2:]) for line in table}
    for row in whole.rows:
        figures = row.figures
        values = [json.dumps(value) for value in row.values.values()]
        told = [decimal(figures["sharpe"]), percent(figures["net_return"])]
        told += [percent(figures["max_drawdown"]), str(figures["trades"])]
        assert (*values, *told) in found


def test_the_map_shows_what_matters_and_where_the_best_lies(whole: Swept) -> None:
    judged = judge(whole.rows, whole.keys, invented(whole.rows))
    heat = heat_of(whole.rows, judged)
    assert heat is not None
    moved = {
        key: max(line["median_sharpe"] for line in lines)
        - min(line["median_sharpe"] for line in lines)
        for key, lines in judged["by_value"].items()
    }
    assert [heat.down, heat.across] == sorted(moved, key=lambda key: -moved[key])[:2]
    best = judged["best"]["values"]
    assert heat.best == (heat.lines.index(best[heat.down]), heat.columns.index(best[heat.across]))
    ratios = [
        row.figures["sharpe"]
        for row in whole.rows
        if all(row.values[key] == best[key] for key in (heat.down, heat.across))
    ]
    assert heat.cells[heat.best[0]][heat.best[1]] == pytest.approx(float(np.median(ratios)))
    assert heat_map(heat, short_names(whole.keys)).count('class="best"') == 1


def test_trials_are_set_side_by_side_on_the_sessions_they_share(whole: Swept) -> None:
    def row(number: int, first: str, sessions: int) -> book_module.Row:
        figures = {**whole.rows[0].figures, "first_session": first, "sessions": sessions}
        return book_module.Row(
            **{**book_as_dict(whole.rows[0]), "number": number, "figures": figures}
        )

    paths = {0: np.array([8.0, 4, 2, 4, 5]), 1: np.array([1.0, 2, 3]), 2: np.array([9.0, 9])}
    # Monday to Thursday; Tuesday and Wednesday; Friday.
    rows = [row(0, "2023-03-06", 4), row(1, "2023-03-07", 2), row(2, "2023-03-10", 1)]
    found = shared_returns(rows[:2], paths.__getitem__)
    assert found is not None
    assert found.tolist() == [[-0.5, 1.0], [1.0, 0.5]]
    assert shared_returns(rows, paths.__getitem__) is None


def test_looks_outside_the_sweep_count_too(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    flag = "strategy.params.max_positions=2:5:1"
    first = swept(small_config, tmp_path, flag, cache=warm)
    assert first.elsewhere(0) == {}
    ledger, inputs = Ledger(tmp_path / "ledger.sqlite"), first.inputs[0].inputs
    for number, (sha, read, sharpe) in enumerate(
        [
            ("a" * 64, inputs, 1.7),
            ("a" * 64, inputs, 1.7),  # the same again is no other look
            ("b" * 64, inputs, None),
            ("c" * 64, None, None),  # ended before anybody knew what it read
            ("d" * 64, "other", 3.0),  # other prices or stories
            (first.rows[1].config_sha256, inputs, 0.1),  # a trial of this very sweep
        ]
    ):
        trial = ledger.start(f"run-{number}", "elsewhere", sha)
        metrics = {} if sharpe is None else {"sharpe": sharpe}
        ledger.end(trial, "finished", inputs_sha256=read, metrics=metrics)
    again = sweep(load_config(small_config, environment={}), space(flag), Where(tmp_path, warm))
    with closing(again.book):
        judged = again.judged()
    assert again.elsewhere(0) == {"a" * 64: 1.7, "b" * 64: None, "c" * 64: None}
    assert (judged["luck"]["trials"], judged["luck"]["elsewhere"]) == (4, 3)
    assert judged["luck"]["deflation"]["trials"] == 7
    shown = text(again.name, again.rows, again.keys, judged)
    assert "7 configs were tried on these stories" in " ".join(shown.split())


def test_feature_groups_can_be_set_side_by_side(small_config: Path, tmp_path: Path) -> None:
    """The list that docs/scaling.md names: five views of the news at three horizons, by hand."""
    rows = read_rows(ROOT / "configs" / "feature_groups.jsonl")
    assert [row["label.horizon"] for row in rows] == [1] * 5 + [3] * 5 + [5] * 5
    fast = ["broker.engine=compiled", "classifier.text.min_train_rows=60"]
    loaded = load_config(small_config, fast, environment={})
    done = sweep(loaded, Space(rows=rows[5:10]), Where(tmp_path))
    with closing(done.book):
        judged = done.judged()
    assert [row.status for row in done.rows] == ["finished"] * 5
    aucs = [row.figures["auc"] for row in done.rows]
    assert aucs[0] == pytest.approx(0.5, abs=0.06)  # a base rate a fold, each its own
    assert len(set(aucs)) == 5
    shown = text(done.name, done.rows, done.keys, judged, width=160)
    table = shown[shown.index("Answers out of sample") : shown.index("By ")]
    assert [f"{auc:.3f}" in table for auc in aucs] == [True] * 5
    assert "events, magnitudes, moved" in table


def test_other_tables_of_ones_own_are_other_tries(
    whole: Swept, warm: Path, small_config: Path, tmp_path: Path
) -> None:
    """A lexicon is no value of a config, so the same config on it is another look, not the same."""
    flag = "strategy.params.max_positions=2:5:1"
    swept(small_config, tmp_path, flag, cache=warm)
    lexicon = tmp_path / "words.toml"
    lexicon.write_text("", encoding="utf-8")
    sets = [f"lexicon={lexicon}"]
    other = swept(small_config, tmp_path, flag, sets=sets, cache=warm)
    assert other.inputs[0].inputs != whole.inputs[0].inputs
    assert other.inputs[0].family == whole.inputs[0].family
    assert len(other.elsewhere(0)) == 4


def test_foreign_words_stay_words(whole: Swept) -> None:
    hostile = '</text><script>alert("x")</script>\x1b[31m'
    rows = [
        book_module.Row(**{**book_as_dict(row), "values": {hostile: [hostile, row.number]}})
        for row in whole.rows
    ]
    judged = judge(rows, [hostile], invented(rows))
    page = html(hostile, rows, [hostile], judged)
    assert "<script" not in page
    assert "\x1b" not in page + text(hostile, rows, [hostile], judged)


def invented(rows: Sequence[book_module.Row]) -> Callable[[int], np.ndarray]:
    """Equity paths as long as the trials say."""

    def path(number: int) -> np.ndarray:
        steps = np.random.default_rng(number).normal(size=rows[number].figures["sessions"] + 1)
        return np.cumprod(1.0 + 0.01 * steps)

    return path


def book_as_dict(row: book_module.Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in book_module.Row.__dataclass_fields__}


def test_a_parameter_that_no_strategy_has_is_refused_before_anything_runs(
    small_config: Path, tmp_path: Path
) -> None:
    module = small_config.parent / "own_policy.py"
    module.write_text(OWN_POLICIES, encoding="utf-8")
    plain = ("strategy.name=own_policy:Plain",)
    with pytest.raises(ConfigError, match="unknown parameter of the strategy"):
        swept(small_config, tmp_path, "strategy.params.max_positions=4,5", sets=plain)
    assert not (tmp_path / "ledger.sqlite").exists()


def test_a_sweep_of_nothing_but_failures_ends_with_one(small_config: Path, tmp_path: Path) -> None:
    flags = ["--grid", "split.min_train_months=150,200", "--out", str(tmp_path), "--jobs", "1"]
    ended = CliRunner().invoke(app, ["sweep", str(small_config), *flags])
    assert ended.exit_code == 1
    assert "note: trial 0 failed: " in ended.stderr
    page = next(tmp_path.glob("sweeps/*/report.html")).read_text(encoding="utf-8")
    assert "2 trials failed" in page
    assert "<table" not in page


def test_a_thread_that_fails_while_work_is_given_up_is_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed:
        def shutdown(self, **_: bool) -> None:
            thread = threading.Thread(target={}.pop, args=("work",))
            thread.start()
            thread.join()

    heard: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", heard.append)
    pool = Processes(1)
    pool._executor = Killed()
    pool.close()
    assert heard == []
    Killed().shutdown()
    assert len(heard) == 1, "it is heard again"
