"""Two runs side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backtests.compare import compare, tables_of, text
from backtests.folder import write_run
from backtests.testing import sample_view
from backtests.view import RunView


@pytest.fixture(scope="module")
def runs() -> tuple[RunView, RunView]:
    return sample_view(seed=1), sample_view(seed=2)


def test_a_run_is_no_different_from_itself(runs: tuple[RunView, RunView]) -> None:
    found = compare(runs[0], runs[0])
    assert found["headline"] == "The runs have the same settings and the same trades."
    assert found["config"] == []
    for one in found["paired"].values():
        assert (one["estimate"], one["low"], one["high"]) == (0.0, 0.0, 0.0)
    for section in found["figures"].values():
        assert all(one["difference"] in (0, None) for one in section.values())
    trades = found["trades"]
    assert trades["same"]["count"] == len(runs[0].trades)
    assert all(not trades[name]["count"] for name in ("only_a", "only_b", "different"))


def test_differences_turn_when_the_runs_do(runs: tuple[RunView, RunView]) -> None:
    there, back = compare(*runs), compare(*runs[::-1])
    for name, one in there["paired"].items():
        assert one["estimate"] == pytest.approx(-back["paired"][name]["estimate"])
        assert one["low"] <= one["estimate"] <= one["high"]
    assert there["config"] == [{"key": "seed", "a": 1, "b": 2}]
    assert there["trades"]["only_a"]["count"] == back["trades"]["only_b"]["count"]
    assert there["figures"]["risk"]["sharpe"]["difference"] == pytest.approx(
        -back["figures"]["risk"]["sharpe"]["difference"]
    )


def test_every_trade_is_counted_once(runs: tuple[RunView, RunView]) -> None:
    trades = compare(*runs)["trades"]
    shared = trades["same"]["count"] + trades["different"]["count"]
    assert trades["only_a"]["count"] + shared == len(runs[0].trades)
    assert trades["only_b"]["count"] + shared == len(runs[1].trades)


def test_a_trade_that_ended_otherwise_is_different(runs: tuple[RunView, RunView]) -> None:
    trades = runs[0].trades.copy()
    trades.loc[3, "net_pnl_hkd"] += 500.0
    found = compare(runs[0], replace(runs[0], trades=trades))["trades"]
    assert found["different"]["count"] == 1
    assert found["different"]["net_pnl_hkd"] == pytest.approx(500.0)
    assert found["same"]["count"] == len(trades) - 1


def test_a_run_that_earns_more_each_session_is_more_than_luck(
    runs: tuple[RunView, RunView],
) -> None:
    equity = runs[0].equity.copy()
    equity["equity_hkd"] *= 1.001 ** (equity.index.to_numpy() + 1)
    found = compare(runs[0], replace(runs[0], equity=equity))
    assert found["paired"]["mean_return"]["low"] > 0
    assert "more than luck" in found["headline"] or "same settings" in found["headline"]


def test_folders_and_memory_say_the_same(runs: tuple[RunView, RunView], tmp_path: Path) -> None:
    folders = []
    for name, view in zip("ab", runs, strict=True):
        write_run(tmp_path / name, view)
        folders.append(tmp_path / name)
    found, memory = compare(*folders), compare(*runs)
    assert found["paired"] == memory["paired"]
    assert found["trades"] == memory["trades"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_empty_run_says_why_not(runs: tuple[RunView, RunView]) -> None:
    found = compare(runs[0], sample_view(sessions=0))
    assert found["paired"]["net_return"]["reason"] == "the runs share no session"
    assert "cannot be set side by side" in found["headline"]
    assert text(found)


def test_the_text_begins_with_the_headline(runs: tuple[RunView, RunView]) -> None:
    found = compare(*runs)
    assert text(found, width=200).startswith(found["headline"])
    assert [table.key for table in tables_of(found)] == ["paired", "figures", "config", "trades"]
