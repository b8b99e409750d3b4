"""The trial ledger: every run that was ever started, how it ended, and what it showed.

Multiple testing can only be corrected for if every look was counted. So the ledger is append-only
(triggers refuse changes), and a trial is entered when it starts, not when it succeeds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markets.errors import DataError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trials (
    trial_id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    started_at TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    config_sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
    trial_id INTEGER PRIMARY KEY REFERENCES trials (trial_id),
    ended_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('finished', 'failed', 'interrupted')),
    inputs_sha256 TEXT,
    metrics TEXT,
    error TEXT,
    family_sha256 TEXT
);
"""
_APPEND_ONLY = """
CREATE TRIGGER IF NOT EXISTS {table}_no_{action} BEFORE {action} ON {table}
BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One look at the data.

    Attributes
    ----------
    trial_id : int
        1-based, in order of start.
    run_id, name, kind, config_sha256 : str
        What was tried; `kind` is run, sweep or audit.
    started_at, ended_at : str
        UTC, ISO 8601; `ended_at` is None for a trial that never reported back.
    status : str
        finished, failed, interrupted, or started.
    inputs_sha256 : str or None
        Hash of prices, stories and tables of the user's own.
    family_sha256 : str or None
        What it was a try of: see `backtests.inputs.Inputs`; None in rows of before it was kept.
    metrics : mapping
        Headline figures.
    error : str or None
        Why it failed.
    """

    trial_id: int
    run_id: str
    name: str
    kind: str
    config_sha256: str
    started_at: str
    ended_at: str | None
    status: str
    inputs_sha256: str | None
    family_sha256: str | None
    metrics: Mapping[str, Any]
    error: str | None


class Ledger:
    """The ledger of one runs folder.

    Parameters
    ----------
    path : Path
        The SQLite file; made with its folder where absent.

    Raises
    ------
    DataError
        By this and every method: if the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritten(path, error.strerror or str(error)) from None
        with self._connect() as connection:
            connection.executescript(_SCHEMA)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(outcomes)")}
            if "family_sha256" not in columns:  # a ledger begun before it was kept
                connection.execute("ALTER TABLE outcomes ADD COLUMN family_sha256 TEXT")
            for table in ("trials", "outcomes"):
                for action in ("UPDATE", "DELETE"):
                    connection.executescript(_APPEND_ONLY.format(table=table, action=action))

    def start(self, run_id: str, name: str, config_sha256: str, kind: str = "run") -> int:
        """Enter a trial that begins now; return its number."""
        row = (run_id, _now(), name, kind, config_sha256)
        statement = (
            "INSERT INTO trials (run_id, started_at, name, kind, config_sha256) "
            "VALUES (?, ?, ?, ?, ?)"
        )
        with self._connect() as connection:
            number = connection.execute(statement, row).lastrowid
        if number is None:
            raise sqlite3.DatabaseError("the ledger gave no number")
        return number

    @contextmanager
    def look(
        self, run_id: str, name: str, config_sha256: str, kind: str = "run"
    ) -> Iterator[dict[str, Any]]:
        """Enter a trial that begins now, and how it ended when the block is left.

        Yields what of `end` is to be told once it has finished.
        """
        trial = self.start(run_id, name, config_sha256, kind)
        told: dict[str, Any] = {}
        try:
            yield told
        except KeyboardInterrupt:
            self.end(trial, "interrupted")
            raise
        except BaseException as error:
            self.end(trial, "failed", error=str(error))
            raise
        self.end(trial, "finished", **told)

    def end(
        self,
        trial_id: int,
        status: str,
        *,
        inputs_sha256: str | None = None,
        family_sha256: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Enter how a trial ended: finished, failed or interrupted; once only."""
        row = (trial_id, status, metrics or {}, error)
        self.end_many([row], inputs_sha256, family_sha256)

    def start_many(self, rows: Sequence[tuple[str, str, str]], kind: str) -> list[int]:
        """Enter many trials that begin now, at once; return their numbers.

        Parameters
        ----------
        rows : sequence of (run_id, name, config_sha256)
            A trial each. One transaction: for thousands of trials the disk is asked once.
        kind : str
            As for `start`.
        """
        at = _now()
        statement = (
            "INSERT INTO trials (run_id, started_at, name, kind, config_sha256) "
            "VALUES (?, ?, ?, ?, ?) RETURNING trial_id"
        )
        with self._connect() as connection:
            return [
                int(connection.execute(statement, (run_id, at, name, kind, sha256)).fetchone()[0])
                for run_id, name, sha256 in rows
            ]

    def end_many(
        self,
        rows: Sequence[tuple[int, str, Mapping[str, Any], str | None]],
        inputs_sha256: str | None = None,
        family_sha256: str | None = None,
    ) -> None:
        """Enter how many trials ended, at once: (trial_id, status, metrics, error) each."""
        at = _now()
        statement = (
            "INSERT INTO outcomes "
            "(trial_id, ended_at, status, inputs_sha256, family_sha256, metrics, error) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        entered = [
            (number, at, status, inputs_sha256, family_sha256, _figures(metrics), error)
            for number, status, metrics, error in rows
        ]
        with self._connect() as connection:
            connection.executemany(statement, entered)

    def trials(self) -> Iterator[Trial]:
        """Yield every trial in order of start."""
        statement = (
            "SELECT trial_id, run_id, name, kind, config_sha256, started_at, ended_at, "
            "COALESCE(status, 'started') AS status, inputs_sha256, family_sha256, metrics, error "
            "FROM trials LEFT JOIN outcomes USING (trial_id) ORDER BY trial_id"
        )
        with self._connect() as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(statement)]
        for row in rows:
            yield Trial(**{**row, "metrics": json.loads(row["metrics"] or "{}")})

    def count(self) -> int:
        """Return how many trials were ever started."""
        with self._connect() as connection:
            return int(connection.execute("SELECT COUNT(*) FROM trials").fetchone()[0])

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise _unwritten(self.path, str(error)) from None


def _unwritten(path: Path, problem: str) -> DataError:
    return DataError(
        f"cannot keep the trial ledger: {problem}",
        given=path,
        wanted="a folder with space that may be written; --out DIR names another",
    )


def _figures(metrics: Mapping[str, Any]) -> str:
    return json.dumps(dict(metrics), sort_keys=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
