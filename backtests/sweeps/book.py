"""Book: the folder of a sweep, to which every finished trial is appended, and nothing lost."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from backtests.folder import replace_text, to_json
from backtests.sweeps.figures import FIGURES
from backtests.sweeps.trial import Outcome
from markets.errors import DataError, UsageError

JOURNAL, EQUITY, TABLE, RESULTS, SWEEP = (
    "trials.jsonl",
    "equity.f64",
    "results.csv",
    "results.json",
    "sweep.json",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as the table shows it.

    Attributes
    ----------
    number : int
        0-based, in the order of the space.
    values : mapping
        What it set.
    status : str
        finished or failed.
    figures : mapping
        As `backtests.sweeps.trial.Outcome`.
    config_sha256 : str
        Of the single run with the same values.
    equity_sha256 : str
        Of its equity's bytes; empty where it failed.
    error : str or None
        Why it failed.
    """

    number: int
    values: Mapping[str, Any]
    status: str
    figures: Mapping[str, Any]
    config_sha256: str
    equity_sha256: str
    error: str | None


class Book:
    """The journal of one sweep.

    Parameters
    ----------
    folder : Path
        Made if absent; a sweep that lies in it is taken up where it ended.
    identity : mapping
        What the sweep is.
    keys : sequence of str
        What varies: columns of the table.

    Raises
    ------
    DataError
        If the folder cannot be written.
    UsageError
        If another process is writing there.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], keys: Sequence[str]) -> None:
        self.folder = folder
        self._keys = tuple(keys)
        self.rows: dict[int, Row] = {}
        self._places: dict[int, tuple[int, int]] = {}
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _claimed(folder)
            self._journal = (folder / JOURNAL).open("ab+")
            self._equity = (folder / EQUITY).open("ab+")
            self._table = (folder / TABLE).open("a", encoding="utf-8", newline="")
            (folder / SWEEP).write_text(to_json(identity), encoding="utf-8")
            self._take_up()

    def append(self, rows: Sequence[tuple[Row, npt.NDArray[np.float64]]]) -> None:
        """Append finished trials; when this returns they outlive a loss of power.

        Raises
        ------
        DataError
            If the disk is full, say; what was appended before stays.
        """
        lines, table = [], io.StringIO()
        place = self._equity.seek(0, os.SEEK_END)
        with _writing(self.folder):
            for row, equity in rows:
                self._equity.write(equity.astype("<f8").tobytes())
                lines.append(json.dumps({**_as_dict(row), "at": place, "length": len(equity)}))
                self._places[row.number] = (place, len(equity))
                place += 8 * len(equity)
                self.rows[row.number] = row
                csv.writer(table, lineterminator="\n").writerow(_cells(row, self._keys))
            _sync(self._equity)  # before the line that points to it
            self._journal.write("".join(f"{line}\n" for line in lines).encode())
            _sync(self._journal)
            if self._table.tell() == 0:
                csv.writer(self._table, lineterminator="\n").writerow(columns_of(self._keys))
            self._table.write(table.getvalue())
            self._table.flush()

    def equity_of(self, number: int) -> npt.NDArray[np.float64]:
        """Return the capital before the first session, then equity at each close, in HKD."""
        place, length = self._places[number]
        self._equity.seek(place)
        return np.frombuffer(self._equity.read(8 * length), dtype="<f8")

    def finished(self) -> list[Row]:
        """Return the rows of finished trials, in the order of the space."""
        return [row for _, row in sorted(self.rows.items()) if row.status == "finished"]

    def settle(self) -> None:
        """Write the tables anew, in the order of the space: the same bytes whoever ran what."""
        ordered = [row for _, row in sorted(self.rows.items())]
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns_of(self._keys))
        writer.writerows(_cells(row, self._keys) for row in ordered)
        with _writing(self.folder):
            self._table.close()
            replace_text(self.folder / TABLE, table.getvalue())
            replace_text(self.folder / RESULTS, to_json([_as_dict(row) for row in ordered]))
            self._table = (self.folder / TABLE).open("a", encoding="utf-8", newline="")

    def write(self, name: str, text: str) -> None:
        """Write a file beside the tables, whole or not at all."""
        with _writing(self.folder):
            replace_text(self.folder / name, text)

    def close(self) -> None:
        """Let go of the folder."""
        for file in (self._journal, self._equity, self._table, self._lock):
            try:
                file.close()
            except OSError:  # a full disk was complained about when it was written to
                continue

    def _take_up(self) -> None:
        """Read what is finished; a last line that was cut off by a crash is cut away."""
        self._journal.seek(0)
        whole = 0
        size = self._equity.seek(0, os.SEEK_END)
        for line in self._journal:
            entry = _entry(line)
            if entry is None:
                break
            row, place, length = entry
            whole += len(line)
            if place + 8 * length <= size and self._sound(row, place, length):
                self.rows[row.number] = row
                self._places[row.number] = (place, length)
        self._journal.truncate(whole)
        self._equity.seek(0, os.SEEK_END)

    def _sound(self, row: Row, place: int, length: int) -> bool:
        if row.status != "finished":
            return True
        self._equity.seek(place)
        return sha256_of(self._equity.read(8 * length)) == row.equity_sha256


def kept_equities(folder: Path) -> Iterator[tuple[Row, npt.NDArray[np.float64]]]:
    """Yield the finished trials of a sweep with what `Book.equity_of` gives; claims nothing.

    None of a folder that is no sweep; no trial whose equity is not as it was written.
    """
    if not ((folder / JOURNAL).is_file() and (folder / EQUITY).is_file()):
        return
    with (folder / JOURNAL).open("rb") as journal, (folder / EQUITY).open("rb") as equities:
        for line in journal:
            entry = _entry(line)
            if entry is None:
                return
            row, place, length = entry
            equities.seek(place)
            content = equities.read(8 * length)
            if row.status == "finished" and sha256_of(content) == row.equity_sha256:
                yield row, np.frombuffer(content, dtype="<f8")


def _entry(line: bytes) -> tuple[Row, int, int] | None:
    """Return a trial with the place and the length of its equity; None of a line cut off."""
    try:
        told = json.loads(line)
        place, length = int(told.pop("at")), int(told.pop("length"))
        row = Row(**told)
    except (ValueError, KeyError, TypeError):
        return None
    return (row, place, length) if line.endswith(b"\n") else None


def row_of(outcome: Outcome, values: Mapping[str, Any], config_sha256: str) -> Row:
    """Return an outcome as a row of the table."""
    content = outcome.equity_hkd.astype("<f8").tobytes()
    return Row(
        number=outcome.number,
        values=json.loads(json.dumps(dict(values), default=str)),
        status=outcome.status,
        figures=outcome.figures,
        config_sha256=config_sha256,
        equity_sha256=sha256_of(content) if content else "",
        error=outcome.error,
    )


def columns_of(keys: Sequence[str]) -> list[str]:
    """Return the header of the CSV table."""
    return ["number", *keys, "status", *FIGURES, "config_sha256", "equity_sha256", "error"]


def sha256_of(content: bytes) -> str:
    """Return the hash of bytes."""
    return hashlib.sha256(content).hexdigest()


def _cells(row: Row, keys: Sequence[str]) -> list[Any]:
    values = [_cell(row.values.get(key)) for key in keys]
    figures = [_cell(row.figures.get(name)) for name in FIGURES]
    error = (row.error or "").splitlines()[0] if row.error else ""
    shas = [row.config_sha256, row.equity_sha256]
    return [row.number, *values, row.status, *figures, *shas, error]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | dict | bool) else value


def _as_dict(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _claimed(folder: Path) -> IO[str]:
    """Return the open lock of a folder, which the end of the process lets go, however it ends."""
    lock = (folder / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UsageError("another process is running this very sweep", given=folder) from None
    return lock


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write the sweep: {error.strerror or error}",
            given=folder,
            wanted="a folder with space that may be written; finished trials are kept",
        ) from None
