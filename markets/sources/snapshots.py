"""Snapshots: what a remote source answered, kept as it came, hashed, and never overwritten."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from markets.clock import as_utc
from markets.errors import DataError, MissingDataError
from markets.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


class Sidecar(Settings):
    """What stands beside a snapshot's Parquet file, as JSON."""

    name: str
    """Ticker or index name."""
    library: str
    """Library and version that parsed the answer."""
    parameters: dict[str, Any]
    """What was asked."""
    taken_at: datetime
    """UTC instant of the answer."""
    sha256: str
    """Of the Parquet file's bytes."""
    rows: int
    """In the Parquet file."""
    currency: str
    """Of the prices."""


@dataclass(frozen=True)
class Snapshot:
    """One stored answer: its sidecar and the path of its Parquet file."""

    sidecar: Sidecar
    path: Path

    def read(self) -> pd.DataFrame:
        """Return the stored frame.

        Raises
        ------
        MissingDataError
            If the Parquet file is gone.
        DataError
            If its bytes are not the ones that were stored.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise MissingDataError("a snapshot's data are gone", where=str(self.path)) from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sidecar.sha256:
            raise DataError(
                "a snapshot was changed after it was stored",
                given=f"sha256 {found}",
                wanted=f"sha256 {self.sidecar.sha256}",
                where=str(self.path),
            )
        return pd.read_parquet(io.BytesIO(content))


class SnapshotFolder:
    """A folder of snapshots: ``NAME_TIME.parquet`` and ``NAME_TIME.json``.

    Parameters
    ----------
    folder : Path
        Made on the first `store`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(
        self,
        name: str,
        frame: pd.DataFrame,
        *,
        library: str,
        parameters: dict[str, Any],
        taken_at: datetime,
        currency: str,
    ) -> Snapshot:
        """Store an answer.

        The sidecar is written last: data without one are an interrupted write and are not found.

        Raises
        ------
        DataError
            If there is a snapshot of this name and second already, or `name` is no file name.
        """
        if not _NAME.fullmatch(name):
            raise DataError("no name for a snapshot", given=name, wanted="letters, digits, . and -")
        taken_at = as_utc(taken_at)
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        content = buffer.getvalue()
        sidecar = Sidecar(
            name=name,
            library=library,
            parameters=parameters,
            taken_at=taken_at,
            sha256=hashlib.sha256(content).hexdigest(),
            rows=len(frame),
            currency=currency,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}_{taken_at:%Y%m%dT%H%M%SZ}.parquet"
        text = json.dumps(sidecar.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"
        try:
            with path.open("xb") as file:
                file.write(content)
            with path.with_suffix(".json").open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise DataError(
                "a snapshot is never overwritten", given=str(error.filename), where=str(self.folder)
            ) from None
        return Snapshot(sidecar, path)

    def newest(self, name: str) -> Snapshot | None:
        """Return the snapshot of a name that was taken last, or None.

        Raises
        ------
        DataError
            If a sidecar cannot be read.
        """
        found = [_open(path) for path in sorted(self.folder.glob(f"{name}_*.json"))]
        return max(found, key=lambda snapshot: snapshot.sidecar.taken_at, default=None)


def _open(path: Path) -> Snapshot:
    try:
        sidecar = Sidecar.model_validate_json(path.read_text(encoding="utf-8"))
        taken_at = as_utc(sidecar.taken_at, where=str(path))
    except (ValidationError, UnicodeDecodeError) as error:
        raise DataError(
            "no readable sidecar of a snapshot",
            given=str(error).splitlines()[0],
            wanted=", ".join(Sidecar.model_fields),
            where=str(path),
        ) from error
    return Snapshot(sidecar.model_copy(update={"taken_at": taken_at}), path.with_suffix(".parquet"))
