"""The ledger counts every look and lets nobody change one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.trials import Ledger

STATUSES = st.sampled_from(["finished", "failed", "interrupted", None])


@given(statuses=st.lists(STATUSES, max_size=8))
def test_every_started_trial_is_counted_however_it_ended(
    tmp_path_factory: pytest.TempPathFactory, statuses: list[str | None]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
    for number, status in enumerate(statuses):
        trial = ledger.start(f"run-{number}", "law", "0" * 64)
        if status is not None:
            ledger.end(trial, status, metrics={"sharpe": 0.5})
    assert ledger.count() == len(statuses)
    assert [trial.status for trial in ledger.trials()] == [s or "started" for s in statuses]


@pytest.mark.parametrize("statement", ["UPDATE trials SET name = 'x'", "DELETE FROM trials"])
def test_an_entry_cannot_be_changed(tmp_path: Path, statement: str) -> None:
    ledger = Ledger(tmp_path / "runs" / "ledger.sqlite")
    ledger.start("run", "law", "0" * 64)
    with (
        closing(sqlite3.connect(ledger.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


def test_a_ledger_of_before_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, run_id TEXT, started_at TEXT, "
            "name TEXT, kind TEXT, config_sha256 TEXT);"
            "CREATE TABLE outcomes (trial_id INTEGER PRIMARY KEY, ended_at TEXT, status TEXT, "
            "inputs_sha256 TEXT, metrics TEXT, error TEXT);"
            "INSERT INTO trials VALUES (1, 'old', 'then', 'x', 'run', 'c');"
            "INSERT INTO outcomes VALUES (1, 'then', 'finished', 'in', '{\"sharpe\": 1.5}', NULL);"
        )
    ledger = Ledger(path)
    ledger.end(ledger.start("new", "x", "d"), "finished", family_sha256="f", inputs_sha256="in")
    old, new = ledger.trials()
    assert (old.inputs_sha256, old.family_sha256, old.metrics["sharpe"]) == ("in", None, 1.5)
    assert (new.inputs_sha256, new.family_sha256) == ("in", "f")


def test_a_look_is_entered_however_it_ends(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with ledger.look("a", "x", "c", "audit") as told:
        told["metrics"] = {"sharpe": 0.5}
    for error in (ValueError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)), ledger.look("b", "x", "c"):
            raise error
    found = [(trial.kind, trial.status) for trial in ledger.trials()]
    assert found == [("audit", "finished"), ("run", "failed"), ("run", "interrupted")]


def test_a_trial_ends_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    trial = ledger.start("run", "law", "0" * 64)
    ledger.end(trial, "failed", error="no data")
    with pytest.raises(sqlite3.IntegrityError):
        ledger.end(trial, "finished")
    assert next(ledger.trials()).error == "no data"
