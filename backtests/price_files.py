"""Import of price files: good rows into one Parquet file, the others listed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from markets.errors import UsageError
from markets.sources import hong_kong_session
from markets.sources.files import FileSettings, FileSource


def import_prices(pattern: str, out: Path) -> dict[str, Any]:
    """Read price files and write their good rows as one table.

    Parameters
    ----------
    pattern : str
        A file, or a pattern with ``*``: CSV, TSV or Parquet.
    out : Path
        Parquet file with the columns ``date, ticker, open, high, low, close, volume``; written
        elsewhere first, so that it is complete or absent.

    Returns
    -------
    dict
        JSON-ready: ``out, tickers, bars, sha256, rejections``.

    Raises
    ------
    UsageError
        If `out` is there already: an import overwrites nothing.
    MissingDataError, DataError
        If no file fits, or too many rows are no bars.
    """
    if out.exists():
        raise UsageError("the file is there already", given=out, wanted="another --out")
    source = FileSource(FileSettings(pattern=pattern, take="all"), Path(), hong_kong_session)
    market = source.load(None, None, None)
    parts = [
        frame.rename_axis("date").reset_index().assign(ticker=ticker)
        for ticker, frame in sorted(market.bars.items())
    ]
    table = pd.concat(parts, ignore_index=True)
    columns = ["date", "ticker", "open", "high", "low", "close", "volume"]
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        table[columns].to_parquet(partial, index=False)
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return {
        "out": str(out),
        "tickers": len(market.tickers),
        "bars": len(table),
        "sha256": market.sha256,
        "rejections": [row.as_dict() for row in market.rejections],
    }
