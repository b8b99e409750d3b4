"""Which exchange date a cell of a table means, and when it means none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from markets.clock import HONG_KONG


@dataclass(frozen=True)
class Sessions:
    """A column of dates as read: `days` (NaT where it is none) and the masks that say why not."""

    days: np.ndarray
    unreadable: np.ndarray
    timed: np.ndarray

    def loc(self, mask: np.ndarray) -> Sessions:
        """Return the rows under a mask."""
        return Sessions(self.days[mask], self.unreadable[mask], self.timed[mask])


def read_sessions(column: pd.Series) -> Sessions:
    """Read a column of dates, texts, naive or zone-aware timestamps as exchange dates.

    A zone-aware instant is a session only if it is midnight in Hong Kong: then its date there is
    meant. Any other time of day, with or without a zone, is refused, because its date depends on
    the zone somebody had in mind.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        stamps = column.dt.tz_convert(HONG_KONG).dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(column.dtype):
        stamps = column
    elif pd.api.types.is_numeric_dtype(column.dtype):
        # 20250912, as some vendors write a date; anything else will not parse.
        stamps = pd.to_datetime(column.astype("str"), format="%Y%m%d", errors="coerce")
    else:
        stamps = _read_texts(column)
    values = stamps.to_numpy().astype("datetime64[s]")
    days = values.astype("datetime64[D]").astype("datetime64[s]")
    unreadable = np.isnat(values)
    timed = ~unreadable & (values != days)
    return Sessions(np.where(timed, np.datetime64("NaT", "s"), days), unreadable, timed)


def _read_texts(column: pd.Series) -> pd.Series:
    texts = column.astype("str").str.strip()
    stamps = pd.Series(np.datetime64("NaT", "s"), index=column.index)
    for pattern, form in ((r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"), (r"\d{8}", "%Y%m%d")):
        plain = texts.str.fullmatch(pattern)
        stamps[plain] = pd.to_datetime(texts[plain], format=form, errors="coerce").astype(
            "datetime64[s]"
        )
    rest = stamps.isna()
    zoned = rest & texts.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True)
    if zoned.any():
        instants = pd.to_datetime(texts[zoned], format="ISO8601", utc=True, errors="coerce")
        stamps[zoned] = instants.dt.tz_convert(HONG_KONG).dt.tz_localize(None).astype(stamps.dtype)
    naive = rest & ~zoned
    if naive.any():
        parsed = pd.to_datetime(texts[naive], format="ISO8601", errors="coerce")
        stamps[naive] = parsed.astype(stamps.dtype)
    return stamps
