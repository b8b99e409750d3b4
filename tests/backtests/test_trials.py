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


def test_a_trial_ends_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    trial = ledger.start("run", "law", "0" * 64)
    ledger.end(trial, "failed", error="no data")
    with pytest.raises(sqlite3.IntegrityError):
        ledger.end(trial, "finished")
    assert next(ledger.trials()).error == "no data"
