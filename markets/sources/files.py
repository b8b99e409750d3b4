"""Prices from CSV and Parquet files: one or many tickers in a file, columns named as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, field_validator

from markets.actions import LATER_COLUMNS
from markets.errors import (
    ConfigError,
    MissingDataError,
    TickerError,
    nearest_file,
    nearest_name,
)
from markets.prices import (
    BAR_COLUMNS,
    MarketData,
    RejectedRow,
    no_actions,
)
from markets.settings import Settings
from markets.sources.actions import read_actions
from markets.sources.rows import SessionTest, Sifted, sift
from markets.sources.tables import read_table
from markets.tickers import normalize_ticker
from markets.wording import counted

# How files name what we need; compared in lower case, first match wins.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "session", "day", "trade_date", "datetime", "timestamp"),
    "ticker": ("ticker", "symbol", "code", "ric"),
    "name": ("name", "index", "symbol", "ticker"),
    "open": ("open", "open_price"),
    "high": ("high", "high_price"),
    "low": ("low", "low_price"),
    "close": ("close", "close_price", "last"),
    "volume": ("volume", "vol", "shares"),
    "currency": ("currency", "ccy"),
    "ex_date": ("ex_date", "exdate", "date"),
    "ratio": ("ratio", "split", "split_ratio"),
    "cash_hkd": ("cash_hkd", "dividend", "cash"),
    "pay_date": ("pay_date", "payment_date"),
    "in_specie_ticker": ("in_specie_ticker",),
    "in_specie_ratio": ("in_specie_ratio",),
    "delivery_date": ("delivery_date", "delivery"),
}


class FileSettings(Settings):
    """Where price files lie and what they hold."""

    pattern: str = "prices_daily*.parquet"
    """Bars: a file name or a pattern with ``*``, within the data folder (or absolute). CSV, TSV or
    Parquet. A file without a ticker column is named after its ticker (``0700.HK.csv``)."""
    index_pattern: str | None = None
    """Index levels, the same way: columns name, date, close."""
    actions_pattern: str | None = None
    """Corporate actions, the same way: columns ticker, ex_date, and any of ratio, cash_hkd,
    pay_date, in_specie_ticker, in_specie_ratio, delivery_date. Every match is read."""
    take: Literal["newest", "all"] = "newest"
    """Of several matches, ``newest`` reads the one whose name sorts last (names end in a date),
    ``all`` reads every one; a row that stands in two of them is kept once if both agree and never
    if they do not."""
    adjusted: bool = False
    """Declare back-adjusted prices: no actions are applied, and checks say what it falsifies."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Our column name = the file's, where the usual names do not fit."""
    encoding: str = "utf-8"
    """Of CSV and TSV files; a byte order mark is skipped."""
    max_rejected_share: float = Field(default=0.02, ge=0, le=1)
    """Share of rows that may be rejected before the whole load is an error."""

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in SYNONYMS:
                near = nearest_name(name, SYNONYMS)
                raise ValueError(f"no column {name!r} is read" + (f"; {near!r}?" if near else ""))
        return value


class FileSource:
    r"""Bars, index levels and actions from files.

    Parameters
    ----------
    settings : FileSettings
        Patterns, columns and kind.
    data_dir : Path
        Folder in which relative patterns are looked up.
    is_session : callable, optional
        Whether a date is a session; rows on others are rejected.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "700.csv").write_text(
    ...     "date,open,high,low,close,volume\n"
    ...     "2025-09-11,630,636,628.5,633,1000\n"
    ...     "2025-09-12,640,639,628.5,633,1000\n")
    >>> settings = FileSettings(pattern="*.csv", max_rejected_share=0.5)
    >>> market = FileSource(settings, folder).load(None, None, None)
    >>> market.tickers, market.rejections[0].where, market.rejections[0].problem
    (('0700.HK',), '700.csv: line 3', 'prices out of order')
    """

    def __init__(
        self, settings: FileSettings, data_dir: Path, is_session: SessionTest | None = None
    ) -> None:
        if settings.adjusted and settings.actions_pattern:
            raise ConfigError(
                "adjusted prices contain their actions already",
                where="prices.files",
                given=f"adjusted = true and actions_pattern = {settings.actions_pattern!r}",
                wanted="raw prices with actions, or adjusted prices without",
            )
        self.settings = settings
        self.data_dir = data_dir
        self.is_session = is_session

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` (None: all there are) from `start` to `end`, both included.

        Raises
        ------
        MissingDataError
            If no file matches, a column is absent, or a ticker has no good row.
        DataError
            If a file cannot be read or more rows are rejected than `max_rejected_share` allows.
        ConfigError
            If `columns` names a column that is not there.
        """
        names = None if tickers is None else [normalize_ticker(ticker) for ticker in tickers]
        paths = self._paths(self.settings.pattern)
        table, broken = self._tables(paths, "ticker", ("date", *BAR_COLUMNS), ("currency",))
        source = ", ".join(path.name for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        sifted = sift(table, names=names, start=start, end=end, is_session=self.is_session)
        sifted = sifted.trusted(self.settings.max_rejected_share, source, broken)
        _refuse_absent(sifted, names, source)
        levels = self._indices(start, end)
        return MarketData(
            bars=sifted.frames,
            actions=self._actions(sorted(sifted.frames), start, end),
            indices=levels.frames if levels else {},
            adjusted=self.settings.adjusted,
            source=source,
            rejections=(*sifted.rejections, *(levels.rejections if levels else ())),
            untraded=sifted.untraded,
        )

    def files(self) -> list[Path]:
        """Return every file that is read, in no case one that is not.

        Raises
        ------
        MissingDataError
            If no file matches one of the patterns.
        """
        given = self.settings
        found = self._paths(given.pattern)
        if given.index_pattern is not None:
            found += self._paths(given.index_pattern)
        if given.actions_pattern is not None:
            found += self._paths(given.actions_pattern, take="all")
        return found

    def _paths(self, pattern: str, key: str = "pattern", take: str | None = None) -> list[Path]:
        absolute = Path(pattern)
        root = Path(absolute.anchor) if absolute.is_absolute() else self.data_dir
        relative = absolute.relative_to(root) if absolute.is_absolute() else absolute
        found = sorted(path for path in root.glob(str(relative)) if path.is_file())
        if not found:
            raise MissingDataError(
                "no price file matches",
                given=pattern,
                wanted="a CSV, TSV or Parquet file, named or by a pattern with *",
                where=f"{self.data_dir} (prices.files.{key})",
                nearest=nearest_file(root / relative),
            )
        return found if (take or self.settings.take) == "all" else found[-1:]

    def _tables(
        self, paths: Sequence[Path], key: str, needed: Sequence[str], wished: Sequence[str] = ()
    ) -> tuple[pd.DataFrame, list[RejectedRow]]:
        """Return the rows of all files under our column names, and lines that are no rows."""
        tables, broken = [], []
        for path in paths:
            raw, lines = read_table(path, self.settings.encoding)
            broken.extend(lines)
            tables.append(self._renamed(raw, path, key, needed, wished))
        return pd.concat(tables, ignore_index=True), broken

    def _renamed(
        self,
        raw: pd.DataFrame,
        path: Path,
        key: str,
        needed: Sequence[str],
        wished: Sequence[str],
    ) -> pd.DataFrame:
        unit, rows = raw.attrs["unit"], raw.attrs["rows"]
        found = {"file": f"{path.name}: {unit}", "row": rows}
        for name in (key, *needed, *wished):
            column = self._column(raw, name)
            if column is not None:
                found[name] = raw[column].to_numpy() if name != "date" else raw[column].array
            elif name == "ticker":
                found[name] = _ticker_of(path, list(raw.columns))
            elif name in needed or name == key:
                raise _absent_column(name, list(raw.columns), path)
        return pd.DataFrame(found)

    def _column(self, raw: pd.DataFrame, name: str) -> str | None:
        if name in self.settings.columns:
            asked = self.settings.columns[name]
            if asked not in raw.columns:
                where = f"prices.files.columns.{name}"
                columns = map(str, raw.columns)
                raise ConfigError.no_such("the file has no such column", asked, columns, where)
            return asked
        spelled = {str(column).strip().lower(): str(column) for column in raw.columns}
        return next((spelled[word] for word in SYNONYMS[name] if word in spelled), None)

    def _indices(self, start: date | None, end: date | None) -> Sifted | None:
        if self.settings.index_pattern is None:
            return None
        paths = self._paths(self.settings.index_pattern, "index_pattern")
        table, broken = self._tables(paths, "name", ("date", "close"), ("open", "high", "low"))
        table = table.rename(columns={"name": "ticker"})
        levels = sift(table, start=start, end=end, is_session=self.is_session, tickers=False)
        return levels.trusted(self.settings.max_rejected_share, paths[0].name, broken)

    def _actions(
        self, tickers: Sequence[str], start: date | None, end: date | None
    ) -> pd.DataFrame:
        if self.settings.actions_pattern is None:
            return no_actions()
        paths = self._paths(self.settings.actions_pattern, "actions_pattern", take="all")
        wished = ("ratio", "cash_hkd", *LATER_COLUMNS)
        table, broken = self._tables(paths, "ticker", ("ex_date",), wished)
        return read_actions(table, broken, tickers, start, end)


def _ticker_of(path: Path, columns: Sequence[object]) -> str:
    try:
        return normalize_ticker(path.stem)
    except TickerError:
        raise _absent_column("ticker", columns, path) from None


def _absent_column(name: str, columns: Sequence[object], path: Path) -> MissingDataError:
    extra = ", or a file named after its ticker" if name == "ticker" else ""
    return MissingDataError(
        f"no column for {name}",
        given=", ".join(map(str, columns)),
        wanted=f"one of {', '.join(SYNONYMS[name])}, or prices.files.columns.{name}{extra}",
        where=path.name,
    )


def _refuse_absent(sifted: Sifted, names: Sequence[str] | None, source: str) -> None:
    wanted = sifted.judged_names if names is None else names
    absent = [name for name in dict.fromkeys(wanted) if name not in sifted.frames]
    if absent or not sifted.frames:
        raise MissingDataError(
            "no good row for " + (", ".join(absent) if absent else "any ticker"),
            wanted="at least one bar for each ticker in the dates asked for",
            given=f"{counted(len(sifted.frames), 'ticker')} with bars, "
            f"{counted(len(sifted.rejections), 'rejected row')}"
            + (f", the first in {sifted.rejections[0]}" if sifted.rejections else ""),
            where=source,
            nearest=nearest_name(absent[0], sifted.frames) if absent else None,
        )
