"""Rows into a FeatureFrame: every chosen group, side by side."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from markets.errors import ConfigError, DataError
from markets.plugins import load
from markets.prices import MarketData
from signals.features import BUILT_IN_GROUPS, FeatureSettings
from signals.features.base import ROW_INDEX, FeatureFrame, FeatureGroup, Row
from signals.features.text import pooled
from signals.news import NewsItem
from signals.text.language import LanguageGuesser

_NOT_A_WORD = re.compile(r"[\W_]+")
_BITS = 24


def build_features(
    rows: Sequence[Row], market: MarketData, settings: FeatureSettings
) -> FeatureFrame:
    """Compute every feature group of every row.

    Parameters
    ----------
    rows : sequence of Row
        Sorted by (decision_at, ticker), as `rows_of` returns them.
    market : MarketData
        Bars; those of a row's own session and later are not read.
    settings : FeatureSettings
        Groups and windows.

    Raises
    ------
    ConfigError
        As `groups_of`.
    DataError
        If a group returns another number of rows, or values that are no finite float64.
    LeakError
        If a story of a row became available after its decision.
    """
    if not rows:
        raise DataError("no story reaches a session of the run", wanted="at least one row")
    parts: dict[str, pd.DataFrame] = {}
    memory: dict[str, int | None] = {}
    for name, group in zip(settings.groups, groups_of(settings), strict=True):
        memory[group.name] = memory_of(group)
        parts[group.name] = kept(name, _checked(group.name, group.build(rows, market), len(rows)))
    decided = pd.DatetimeIndex([row.decision_at for row in rows])
    index = pd.MultiIndex.from_arrays([decided, [row.ticker for row in rows]], names=ROW_INDEX)
    columns = pd.concat(parts.values(), axis=1) if parts else pd.DataFrame(index=range(len(rows)))

    guesser = LanguageGuesser()

    def series(values: list[Any], dtype: str | None = None) -> pd.Series:
        return pd.Series(values, index=index, dtype=dtype)

    return FeatureFrame(
        values=columns.set_axis(index, axis=0),
        texts=series([pooled(row.items, guesser) if settings.text else "" for row in rows], "str"),
        sessions=series([pd.Timestamp(row.session) for row in rows]),
        available_at=series([max(item.available_at for item in row.items) for row in rows]),
        event_ids=series([tuple(event.event_id for event in row.events) for row in rows], "object"),
        item_ids=series([tuple(item.item_id for item in row.items) for row in rows], "object"),
        story_keys=series([tuple(map(story_key, row.items)) for row in rows], "object"),
        groups={name: tuple(part.columns) for name, part in parts.items()},
        memory=memory,
        prices=None
        if "prices" in parts
        else _prices(rows, market, settings).set_axis(index, axis=0),
    )


def _prices(rows: Sequence[Row], market: MarketData, settings: FeatureSettings) -> pd.DataFrame:
    group = group_of("prices", settings)
    return _checked(group.name, group.build(rows, market), len(rows))


def group_of(name: str, settings: FeatureSettings) -> FeatureGroup:
    """Return the feature group of a name: its class, called with the settings.

    Raises
    ------
    ConfigError
        If there is none, with the nearest right name; if it is no feature group.
    """
    part = load("features", BUILT_IN_GROUPS.get(name, name), BUILT_IN_GROUPS, "features.groups")
    made = part(settings)
    if not (isinstance(getattr(made, "name", None), str) and callable(getattr(made, "build", 0))):
        raise ConfigError(
            "this is no feature group",
            given=name,
            wanted="a class with a `name` and a method `build`: see "
            "signals.features.base.FeatureGroup",
            where="features.groups",
        )
    group: FeatureGroup = made
    return group


def groups_of(settings: FeatureSettings) -> tuple[FeatureGroup, ...]:
    """Return every feature group that the settings name, in their order.

    Raises
    ------
    ConfigError
        As `group_of`, and if two share a name.
    """
    groups = tuple(group_of(name, settings) for name in settings.groups)
    require_distinct([group.name for group in groups], "features.groups")
    return groups


def require_distinct(names: Sequence[str], where: str) -> None:
    """Refuse feature groups of which one is named twice: its columns would count double."""
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ConfigError(
            "two feature groups share a name",
            given=", ".join(twice),
            wanted="every name once",
            where=where,
        )


def kept(name: str, part: pd.DataFrame) -> pd.DataFrame:
    """Return what a run keeps of what a group says: all of the house's own, 24 bits of another."""
    return part if name in BUILT_IN_GROUPS else settled(part)


def settled(part: pd.DataFrame) -> pd.DataFrame:
    """Return a group's columns to the 24 bits of a float32, in float64.

    A matrix product rounds a row's last bits by how many rows it is computed with. Where a group
    of one's own makes one over all rows, later rows would move what earlier ones were learned from
    and decided on: by nothing that matters, but no run could then be repeated as of an earlier day.

    Examples
    --------
    >>> settled(pd.DataFrame({"own__value": [0.1 + 0.2, 0.3, 7.0]}))["own__value"].tolist()
    [0.30000001192092896, 0.30000001192092896, 7.0]
    """
    fraction, exponent = np.frexp(part.to_numpy())
    values = np.ldexp(np.rint(fraction * 2.0**_BITS), exponent - _BITS)
    return pd.DataFrame(values, index=part.index, columns=part.columns)


def memory_of(group: FeatureGroup) -> int | None:
    """Return how many sessions a feature group says it looks back; None if it does not say.

    Raises
    ------
    ConfigError
        If what it says is no number of sessions.
    """
    memory = getattr(group, "memory", None)
    if memory is not None and (type(memory) is not int or memory < 0):
        raise ConfigError(
            "a feature group's memory is no number of sessions",
            given=memory,
            wanted="an integer, 0 or more",
            where=group.name,
        )
    return memory


def story_key(item: NewsItem) -> str:
    """Return a key that is equal for the same headline, whatever its spacing and punctuation."""
    words = _NOT_A_WORD.sub("", (item.title or item.body[:200]).casefold())
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _checked(name: str, part: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    if not isinstance(part, pd.DataFrame):
        raise DataError(
            "a feature group returned no table",
            given=type(part).__name__,
            wanted="a DataFrame",
            where=name,
        )
    if len(part) != n_rows:
        raise DataError(
            "a feature group returned another number of rows",
            given=len(part),
            wanted=n_rows,
            where=name,
        )
    stray = [column for column in part.columns if not str(column).startswith(f"{name}__")]
    if stray:
        raise DataError(
            "a feature column must carry its group's name",
            given=stray[0],
            wanted=f"{name}__…",
            where=name,
        )
    if part.columns.has_duplicates:
        raise DataError(
            "two feature columns share a name",
            given=part.columns[part.columns.duplicated()][0],
            where=name,
        )
    try:
        part = part.astype("float64").reset_index(drop=True)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"a feature is no number: {error}",
            given=", ".join(f"{column}: {kind}" for column, kind in part.dtypes.items()),
            wanted="float64",
            where=name,
        ) from None
    bad = ~np.isfinite(part.to_numpy()).all(axis=0)
    if bad.any():
        raise DataError(
            "a feature is not finite", given=part.columns[bad][0], wanted="float64", where=name
        )
    return part
