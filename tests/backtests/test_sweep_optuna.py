"""Trials that Optuna chooses: reproducible, resumable, each one counted."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backtests.config import load_config
from backtests.sweeps.choosers import chooser_of
from backtests.sweeps.flags import parse_axis, parse_interval
from backtests.sweeps.report import text
from backtests.sweeps.space import Space
from backtests.sweeps.sweep import Swept, Where, sweep
from backtests.trials import Ledger
from markets.errors import ConfigError, UsageError

AXES = (
    parse_axis("strategy.params.max_positions=2:9:1"),
    parse_axis("decision.size_down=true,false"),
)
INTERVALS = (
    parse_interval("strategy.reserve_bp=1:200:log"),
    parse_interval("broker.slippage_ticks=0:3"),
)


def space(draws: int = 24, **more: Any) -> Space:
    given = {"axes": AXES, "intervals": INTERVALS, "method": "optuna", **more}
    return Space(draws=draws, **given)


def swept(config: Path, out: Path, tried: Space, **where: Any) -> Swept:
    loaded = load_config(config, ["broker.engine=compiled"], environment={})
    done = sweep(loaded, tried, Where(out, **where))
    done.book.close()
    return done


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    pytest.importorskip("optuna", reason="the extra [optuna] is not installed")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("optuna")


@pytest.fixture(scope="module")
def whole(small_config: Path, out: Path) -> Swept:
    return swept(small_config, out, space())


def tables(done: Swept) -> list[bytes]:
    return [(done.folder / name).read_bytes() for name in ("results.csv", "results.json")]


def test_every_trial_is_another_within_its_bounds_and_in_the_ledger(
    whole: Swept, out: Path
) -> None:
    assert len(whole.rows) == 24
    assert len({row.config_sha256 for row in whole.rows}) == 24
    for row in whole.rows:
        assert row.values["strategy.params.max_positions"] in range(2, 10)
        assert row.values["decision.size_down"] in (True, False)
        assert 1 <= row.values["strategy.reserve_bp"] <= 200
        assert row.values["broker.slippage_ticks"] in range(4)
    trials = Ledger(out / "ledger.sqlite").trials()
    wanted = sorted(row.config_sha256 for row in whole.rows)
    assert sorted(trial.config_sha256 for trial in trials) == wanted


def test_the_report_says_who_chose(whole: Swept, small_config: Path, out: Path) -> None:
    loaded = load_config(small_config, ["broker.engine=compiled"], environment={})
    again = sweep(loaded, space(), Where(out))
    with closing(again.book):
        judged = again.judged()
    assert again.fresh == 0
    assert judged["luck"]["deflation"]["trials"] == 24
    assert "Optuna chose" in text(again.name, again.rows, again.keys, judged)


def test_processes_change_nothing(
    whole: Swept, small_config: Path, out: Path, tmp_path: Path
) -> None:
    other = swept(small_config, tmp_path, space(), jobs=2, cache=out / "cache")
    assert other.folder.name == whole.folder.name
    assert tables(other) == tables(whole)


def test_a_sweep_cut_off_is_taken_up_where_it_ended(
    whole: Swept, small_config: Path, out: Path, tmp_path: Path
) -> None:
    first = swept(small_config, tmp_path, space(), cache=out / "cache")
    journal = first.folder / "trials.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:13]) + lines[13][:30])
    again = swept(small_config, tmp_path, space(), cache=out / "cache")
    assert again.fresh == 24 - 13
    assert tables(again) == tables(whole)


def test_a_later_wave_is_chosen_by_what_the_first_showed(whole: Swept, small_config: Path) -> None:
    told = [chooser_of(space(), 7, 100) for _ in range(2)]
    first = [chooser.ask() for chooser in told]
    assert first[0] == first[1] == [dict(row.values) for row in whole.rows[: len(first[0])]]
    rows = whole.rows[: len(first[0])]
    told[0].tell(rows)
    told[1].tell(list(reversed(rows)))
    assert told[0].ask() != told[1].ask()
    assert chooser_of(space(), 8, 100).ask() != first[0]


def test_a_small_space_is_tried_once_each_and_no_more(
    small_config: Path, out: Path, tmp_path: Path
) -> None:
    tried = space(draws=8, axes=AXES[:1], intervals=())
    done = swept(small_config, tmp_path, tried, cache=out / "cache")
    assert sorted(row.values["strategy.params.max_positions"] for row in done.rows) == [
        *range(2, 10)
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"draws": None},
        {"objective": "cost_hkd"},
        {"method": "optuma"},
        {"axes": (), "intervals": ()},
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        chooser_of(space(**given), 7, 100)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"newswake\[optuna\]") as refused:
        chooser_of(space(), 7, 100)
    assert refused.value.exit_code == 3
