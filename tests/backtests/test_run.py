"""A run: reproducible to the byte, complete or absent, and counted however it ends."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests import run as run_module
from backtests.config import LoadedConfig, load_config
from backtests.explain import explain, print_explanation
from backtests.folder import read_run
from backtests.metrics.verdict import decimal
from backtests.run import run
from backtests.trials import Ledger

CLOCKS = {"started_at", "finished_at", "seconds", "peak_memory_mb"}


@pytest.fixture
def loaded(small_config: Path) -> LoadedConfig:
    return load_config(small_config, environment={})


def test_the_same_run_writes_the_same_bytes(
    loaded: LoadedConfig, small_run: Path, tmp_path: Path
) -> None:
    again = run(loaded, tmp_path, show=False)
    names = sorted(path.name for path in small_run.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        mine, theirs = (small_run / name).read_bytes(), (again / name).read_bytes()
        if name == "manifest.json":
            continue
        assert mine == theirs, name
    first, second = (
        json.loads((place / "manifest.json").read_text()) for place in (small_run, again)
    )
    assert {k: v for k, v in first.items() if k not in CLOCKS} == {
        k: v for k, v in second.items() if k not in CLOCKS
    }


def test_cash_holdings_and_costs_are_conserved_to_the_cent(small_run: Path) -> None:
    view = read_run(small_run)
    start = float(view.config["broker"]["cash_hkd"])
    sign = view.fills["side"].map({"buy": -1, "sell": 1})
    moved = (sign * view.fills["consideration_hkd"] - view.fills["cost_hkd"]).groupby(
        view.fills["session"]
    )
    paid = moved.sum().reindex(view.equity["session"], fill_value=0.0)
    income = view.equity.set_index("session")["income_hkd"]
    cash = start + (paid + income).cumsum()
    recorded = view.equity.set_index("session")["cash_hkd"]
    pd.testing.assert_series_equal(
        cash.round(2), recorded.round(2), check_names=False, check_exact=True, check_freq=False
    )
    assert (recorded >= 0).all()


def test_explain_leads_every_first_fill_back_to_a_story(small_run: Path) -> None:
    trades = read_run(small_run).trades
    assert len(trades) > 0
    for trade_id in trades["trade_id"].head(20):
        entry = explain(small_run, int(trade_id))["fills"][0]
        assert entry["stories"], trade_id
        at = [clock["at"] for clock in entry["clocks"]]
        decision = entry["signal"]["decided_at"]
        assert all(story["available_at"] <= decision for story in entry["stories"])
        assert at == sorted(at, key=pd.Timestamp)


def test_groups_of_features_and_heaviest_columns_both_add_up_to_the_log_odds(
    small_run: Path,
) -> None:
    view = read_run(small_run)
    assert len(view.predictions) > 0
    for answer in view.predictions.to_dict("records"):
        groups = json.loads(answer["groups"])
        columns = {one["column"]: one["logit"] for one in json.loads(answer["contributions"])}
        said = math.log(answer["probability"] / (1 - answer["probability"]))
        assert sum(groups.values()) == pytest.approx(said, abs=1e-12)
        assert sum(columns.values()) == pytest.approx(said, abs=1e-12)
        assert groups["bias"] == columns.get("bias", groups["bias"])
        assert {"events", "prices", "tone"} <= set(groups)


def signed(value: float, places: int = 3) -> str:
    return decimal(value, places, sign=True)


def explained(
    folder: Path, trade_id: int, capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, Any], str]:
    """Return an explanation and what is printed of it, in one line."""
    explanation = explain(folder, trade_id)
    print_explanation(explanation)
    return explanation, " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_explain_tells_what_each_group_of_features_added(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explanation, told = explained(small_run, 1, capsys)
    groups = explanation["fills"][0]["prediction"]["groups"]
    assert f"log-odds {signed(sum(groups.values()))}: " in told
    for name, value in groups.items():
        assert f"{name} {signed(value)}" in told


def test_explain_tells_what_each_story_and_event_added(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explanation, told = explained(small_run, 2, capsys)
    for fill in explanation["fills"]:
        prediction, stories = fill["prediction"], fill["stories"]
        parts = [*stories, *(event for story in stories for event in story["events"])]
        parts.append(prediction["none"])
        said = math.log(prediction["probability"] / (1 - prediction["probability"]))
        assert math.fsum(part["logit"] for part in parts) == pytest.approx(said, abs=1e-12)
        for group, summed in prediction["groups"].items():
            mine = math.fsum(part["groups"].get(group, 0.0) for part in parts)
            assert mine == pytest.approx(summed, abs=1e-12)
        for story in stories:
            assert f"{signed(story['logit'])} story {story['item_id']}" in told
            for event in story["events"]:
                added, sign = signed(event["logit"]), signed(event["polarity"], 1)
                assert f"{added} {event['kind']} {sign}" in told
        assert f"{signed(prediction['none']['logit'])} no one of them: bias" in told


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (ValueError("broken"), "failed")]
)
def test_a_run_that_does_not_finish_leaves_no_folder_and_is_counted(
    loaded: LoadedConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: str,
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(run_module, "judge", interrupted)
    with pytest.raises(type(error)):
        run(loaded, tmp_path, show=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]
    assert [trial.status for trial in Ledger(tmp_path / "ledger.sqlite").trials()] == [status]


def test_writing_that_is_interrupted_leaves_no_half_folder(
    loaded: LoadedConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backtests.reports.write_reports", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(loaded, tmp_path, show=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_a_tuned_run_enters_every_combination_and_drift_sizes_down(
    small_config: Path, tmp_path: Path
) -> None:
    flags = ["classifier.tune={C=[0.0005,0.001,0.01]}", "decision.size_down=true"]
    # Bounds that some decision of so short a run crosses.
    flags += ["decision.size_down_skill=0.2", "decision.size_down_psi=0.1"]
    folder = run(load_config(small_config, flags, {}), tmp_path, show=False)
    view = read_run(folder)
    assert max(fold["trials"] for fold in view.folds) == 3
    (trial,) = Ledger(tmp_path / "ledger.sqlite").trials()
    assert trial.metrics["combinations"] == 3
    sizes = view.signals["size"]
    assert set(sizes) == {0.5, 1.0}
