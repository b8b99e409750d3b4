"""FeatureFrame, the rows it is built on, and the protocol of a feature group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from markets.errors import LeakError
from markets.prices import MarketData
from signals.events.schema import Event
from signals.news import NewsItem

ROW_INDEX = ("decision_at", "ticker")


@dataclass(frozen=True, slots=True)
class Row:
    """One decision on one ticker: the fresh stories pooled since the last decision.

    Attributes
    ----------
    decision_at : datetime
        UTC instant at which the decision is taken.
    session : date
        Effective session: its opening auction is the first the decision can reach.
    ticker : str
        What it is about.
    items : tuple of NewsItem
        Fresh stories, in order of (available_at, item_id); each available by `decision_at` less the
        declared latency, and after the cut-off of the session before.
    events : tuple of Event
        Events of these stories that name `ticker`.
    """

    decision_at: datetime
    session: date
    ticker: str
    items: tuple[NewsItem, ...]
    events: tuple[Event, ...]


class FeatureGroup(Protocol):
    """One named group of columns.

    Attributes
    ----------
    name : str
        Prefix of its columns.
    memory : int
        How many sessions before a row's own its columns look back; 0 if they rest on the row's own
        stories alone. An embargo is as long as the longest. A group that does not say counts as 0,
        and a run with one is warned of.

    Notes
    -----
    `build` may read, for each row, its own stories and events and those of earlier rows, and bars
    of sessions *before* the row's session. `signals.features.testing.check_feature_group` holds a
    user's own group to that. A class named in a config is called with the FeatureSettings, and its
    values count to the 24 bits of a float32: see `signals.features.build.settled`. A group that
    also has `signals.features.shares.Divides.shares` is explained by story and event.
    """

    name: str
    memory: int

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        """Return one float64 row per row of `rows`, in the same order; columns ``name__*``."""
        ...


@dataclass(frozen=True, eq=False)
class FeatureFrame:
    """What was known at each decision.

    Attributes
    ----------
    values : DataFrame
        float64 (n_rows, n_columns), indexed by (`decision_at` UTC, `ticker`), sorted; no NaN except
        where a group documents it.
    texts : Series of str
        Pooled text of the fresh stories, each behind its language, same index; see
        `signals.features.text`. Vectorized inside the fold, never here.
    sessions : Series of datetime64
        Effective session of each row, naive exchange dates.
    available_at : Series of datetime64 UTC
        When the last input of the row became available; never after `decision_at`.
    event_ids, item_ids : Series of tuple of str
        Provenance of each row.
    story_keys : Series of tuple of str
        One key a story, equal for the same headline whoever carried it: what a split must not
        let stand on both sides.
    groups : mapping of str to tuple of str
        Columns by feature group.
    memory : mapping of str to int or None
        Sessions that each feature group looks back; None of one that does not say.
    prices : DataFrame, optional
        The price features, indexed as `values`, where they are none of its groups: no model sees
        them but the baseline that sees nothing else.

    Raises
    ------
    LeakError
        On construction, if a row used something that became available after its decision.
    """

    values: pd.DataFrame
    texts: pd.Series
    sessions: pd.Series
    available_at: pd.Series
    event_ids: pd.Series
    item_ids: pd.Series
    story_keys: pd.Series
    groups: Mapping[str, tuple[str, ...]]
    memory: Mapping[str, int | None] = field(default_factory=dict)
    prices: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        decision_at = self.values.index.get_level_values("decision_at")
        late = self.available_at.to_numpy() > decision_at.to_numpy()
        if late.any():
            first = self.values.index[late][0]
            raise LeakError(
                "a feature row uses something that was not yet known",
                given=f"available_at {self.available_at[late].iloc[0]}",
                wanted=f"at or before {first[0]}",
                where=f"row {first}",
            )

    def __len__(self) -> int:
        return len(self.values)
