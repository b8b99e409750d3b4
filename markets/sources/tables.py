"""Tables as they lie in CSV, TSV and Parquet files, with the place of each row for errors."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from markets.errors import DataError
from markets.prices import RejectedRow


def read_table(path: Path, encoding: str) -> tuple[pd.DataFrame, list[RejectedRow]]:
    """Return a file's table, its row numbers in ``attrs``, and the lines that are no rows of it."""
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        table, broken = _read_delimited(path, encoding)
    elif path.suffix.lower() in (".parquet", ".pq"):
        table, broken = _read_parquet(path), []
    else:
        raise DataError(
            "no format for this file ending",
            given=path.suffix,
            wanted=".csv, .tsv or .parquet",
            where=path.name,
        )
    if table.empty:
        raise DataError(
            "the file has no rows",
            given="a header alone",
            wanted="at least one price row",
            where=path.name,
        )
    return table, broken


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa

    try:
        table = pd.read_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            "no readable Parquet", given=first, wanted="a whole Parquet file", where=path.name
        ) from error
    if table.index.name is not None or isinstance(table.index, pd.MultiIndex):
        table = table.reset_index()
    table.attrs = {"unit": "row", "rows": np.arange(len(table))}
    return table


def _read_delimited(path: Path, encoding: str) -> tuple[pd.DataFrame, list[RejectedRow]]:
    encoding = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[RejectedRow] = []
    try:
        with path.open(newline="", encoding=encoding) as file:
            # Strict: a quote that never closes is an error here, not one endless cell.
            reader = csv.reader(file, delimiter=separator, strict=True)
            header = [name.strip() for name in next(reader, [])]
            for row in reader:
                if len(row) == len(header):
                    rows.append(row)
                    lines.append(reader.line_num)
                elif any(cell.strip() for cell in row):
                    where = f"{path.name}: line {reader.line_num}"
                    broken.append(
                        RejectedRow(
                            where,
                            "a row of another width",
                            f"{len(row)} cells",
                            f"{len(header)} cells",
                        )
                    )
    except UnicodeDecodeError as error:
        raise DataError(
            f"not the declared encoding (byte {error.start})",
            given=repr(error.object[error.start : error.start + 4]),
            wanted=f"{encoding}, or set prices.files.encoding (gb18030, big5)",
            where=path.name,
        ) from error
    except csv.Error as error:
        raise DataError(
            "no readable table", given=str(error), wanted="CSV, quotes in pairs", where=path.name
        ) from error
    table = pd.DataFrame(rows, columns=header, dtype="str")
    table.attrs = {"unit": "line", "rows": np.array(lines, dtype=np.int64)}
    return table, broken
