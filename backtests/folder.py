"""The run folder: a RunView into files, the same bytes each time, and back."""

from __future__ import annotations

import csv
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from backtests import columns
from backtests.view import RunView
from markets.errors import DataError, MissingDataError, nearest_name

CSV_TABLES: Mapping[str, Mapping[str, columns.Kind]] = {
    "equity": columns.EQUITY,
    "orders": columns.ORDERS,
    "fills": columns.FILLS,
    "trades": columns.TRADES,
    "actions": columns.ACTIONS,
}
PARQUET_TABLES: Mapping[str, Mapping[str, columns.Kind]] = {
    "signals": columns.SIGNALS,
    "predictions": columns.PREDICTIONS,
    "stories": columns.STORIES,
    "prices": columns.PRICES,
}
JSON_FILES = ("manifest", "metrics", "checks", "folds", "rejections")
CONFIG = "config.resolved.toml"
FORMAT = 2
"""Number in ``manifest.json`` of the files and columns above: one more when any of them changes."""


def write_run(folder: Path, view: RunView) -> None:
    """Write config, manifest, metrics, checks and tables of a run into a folder.

    The same view gives the same bytes: keys and rows in their order, the rounding of
    `backtests.columns`, Unix line ends, no clock. Writing elsewhere first and renaming is the
    caller's part, so that a folder is complete or absent.

    Parameters
    ----------
    folder : Path
        Made if absent; files of the same names are overwritten.
    view : RunView
        The run.

    Raises
    ------
    DataError
        If a mapping is no JSON or TOML (a NaN in the metrics, say).
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(_toml(view.config), encoding="utf-8", newline="\n")
    documents = {name: getattr(view, name) for name in JSON_FILES}
    documents["manifest"] = {"format": FORMAT, **view.manifest}
    for name, document in documents.items():
        text = to_json(document, where=f"{name}.json")
        (folder / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
    for name in CSV_TABLES:
        _write_csv(folder / f"{name}.csv", getattr(view, name))
    for name in PARQUET_TABLES:
        _write_parquet(folder / f"{name}.parquet", getattr(view, name))


def read_run(folder: Path) -> RunView:
    """Read the folder of a finished run.

    Raises
    ------
    MissingDataError
        If the folder, a file or a column is absent.
    DataError
        If the folder is of another format, a file is corrupt, or a value is of another kind than
        declared.
    """
    if not any((folder / f"{name}.json").is_file() for name in JSON_FILES):
        runs = [path.parent for path in sorted(folder.glob("*/manifest.json"))]
        beside = [path.name for path in folder.parent.glob("*/") if path != folder]
        raise MissingDataError(
            "a folder of runs, and no run" if runs else "no such run folder",
            given=folder,
            wanted="a folder that `newswake run` wrote",
            nearest=str(runs[-1]) if runs else nearest_name(folder.name, beside),
        )
    texts = {name: _read_json(folder / f"{name}.json") for name in JSON_FILES}
    manifest = _mapping(texts["manifest"], folder / "manifest.json")
    _require_format(manifest, folder)
    frames = {name: _read_csv(folder / f"{name}.csv", kinds) for name, kinds in CSV_TABLES.items()}
    frames |= {
        name: _read_parquet(folder / f"{name}.parquet", kinds)
        for name, kinds in PARQUET_TABLES.items()
    }
    return RunView(
        config=_read_toml(folder / CONFIG),
        manifest={key: value for key, value in manifest.items() if key != "format"},
        metrics=_mapping(texts["metrics"], folder / "metrics.json"),
        checks=tuple(texts["checks"]),
        folds=tuple(texts["folds"]),
        rejections=tuple(texts["rejections"]),
        folder=folder,
        **frames,
    )


def _require_format(manifest: Mapping[str, Any], folder: Path) -> None:
    found = manifest.get("format")
    if found == FORMAT:
        return
    revision = manifest.get("revision") or "the revision"
    raise DataError(
        "a run folder of another format",
        given="no format number" if found is None else f"format {found}",
        wanted=f"format {FORMAT}: run its {CONFIG} again, or read it with {revision} of newswake, "
        "which wrote it",
        where=str(folder / "manifest.json"),
    )


def to_json(value: object, *, where: str = "value") -> str:
    """Return readable JSON text, keys in their order, without NaN or infinity, a newline last.

    Raises
    ------
    DataError
        If the value cannot be JSON.
    """
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise DataError(f"no JSON: {error}", where=where) from None


def _toml(config: Mapping[str, Any]) -> str:
    import tomli_w

    try:
        return tomli_w.dumps(_without_none(config))
    except (TypeError, ValueError) as error:
        raise DataError(f"no TOML: {error}", where=CONFIG) from None


def _without_none(value: Any) -> Any:
    """Drop keys whose value is None: TOML has no word for it, and absent means the same here."""
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    texts = table.copy()
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            texts[name] = column.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_bool_dtype(column):
            texts[name] = column.map({True: "true", False: "false"})
    texts.to_csv(path, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def _write_parquet(path: Path, table: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {
        name: pa.array(
            table[name].tolist() if table[name].dtype == object else table[name],
            type=pa.list_(pa.string()) if table[name].dtype == object else None,
        )
        for name in table.columns
    }
    pq.write_table(pa.table(arrays), path, compression="zstd")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read a file of the run: {error}", where=str(path)) from None


def _absent(path: Path) -> MissingDataError:
    wanted = "a folder that `newswake run` wrote, whole"
    return MissingDataError("a file of the run is not there", given=path, wanted=wanted)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"a file of the run is corrupt: {error}", where=str(path)) from None


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError("a file of the run is corrupt", wanted="a JSON object", where=str(path))
    return value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"a file of the run is corrupt: {error}", where=str(path)) from None


def _read_csv(path: Path, kinds: Mapping[str, columns.Kind]) -> pd.DataFrame:
    if not path.is_file():
        raise _absent(path)
    try:
        texts = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"a file of the run is corrupt: {error}", where=str(path)) from None
    return columns.typed(texts, kinds, str(path))


def _read_parquet(path: Path, kinds: Mapping[str, columns.Kind]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise _absent(path)
    try:
        frame = pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"a file of the run is corrupt: {error}", where=str(path)) from None
    return columns.typed(frame, kinds, str(path))


def replace_text(path: Path, text: str) -> None:
    """Write a file elsewhere and rename it: it is the old one or the new one, never half."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)  # a full disk keeps the name and drops the text
        raise
