"""A check that holds a user's own feature group to its promises, and the example it is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from markets.calendar import Calendar, DecisionClock, hong_kong_calendar
from markets.errors import DataError, LeakError
from markets.prices import PRICE_COLUMNS, MarketData
from markets.sources.synthetic import PlannedStory, SyntheticSettings, world
from signals.events.schema import Event
from signals.features import FeatureSettings
from signals.features.base import FeatureGroup, Row
from signals.features.build import settled
from signals.features.rows import Reading, rows_of
from signals.features.shares import Divides
from signals.news import NewsItem


@dataclass(frozen=True, eq=False)
class Example:
    """A small known-answer market with stories already read, truthfully, into events.

    Attributes
    ----------
    readings : tuple of (NewsItem, tuple of Event)
        In order of `available_at`; a fresh story is followed by the planted drift, no other.
    market : MarketData
        Bars, with late listings, halts, splits and dividends.
    calendar : Calendar
        Hong Kong.
    """

    readings: tuple[Reading, ...] = field(repr=False)
    market: MarketData = field(repr=False)
    calendar: Calendar

    def rows(self, until: date | None = None) -> list[Row]:
        """Return the rows of all sessions, or of those up to and including `until`."""
        rows = rows_of(self.readings, DecisionClock(self.calendar))
        return [row for row in rows if until is None or row.session <= until]


def example(
    *,
    seed: int = 1,
    edge_bp: float = 300.0,
    n_stories: int = 900,
    start: date = date(2023, 1, 3),
    end: date = date(2024, 6, 28),
) -> Example:
    """Return an example; equal arguments give equal bits."""
    settings = SyntheticSettings(
        seed=seed, edge_bp=edge_bp, n_stories=n_stories, start=start, end=end
    )
    built = world(settings)
    stories = [story for story in built.plan if story.tickers]
    return Example(tuple(map(_truth, stories)), built.market, hong_kong_calendar())


def check_feature_group(group: type[Any], settings: FeatureSettings | None = None) -> None:
    """Hold a feature group to its promises, on an example.

    One finite float64 row for each row, in order, columns named ``name__…``; the same bits when
    asked again; and no bit of a row may change when bars of its own session and later, or later
    rows, are taken away or poisoned. Bits are those that a run keeps, the first 24 of each value.
    Shares, where it gives any, sum to their columns.

    Parameters
    ----------
    group : type
        Called with the FeatureSettings, as a run does.
    settings : FeatureSettings, optional
        What it is called with.

    Raises
    ------
    DataError
        If the columns are not as promised.
    LeakError
        If something later than a row changes it; it names the column and the row.

    Examples
    --------
    >>> from signals.features.flow import Flow
    >>> check_feature_group(Flow)
    """
    chosen = settings or FeatureSettings()
    tried = example()
    rows = tried.rows()

    def build(some: Sequence[Row], market: MarketData) -> pd.DataFrame:
        made: FeatureGroup = group(chosen)
        found = _checked(made.name, made.build(some, market), some)
        check_shares(made, some, found)
        return settled(found)

    whole = build(rows, tried.market)
    _same_bits(whole, build(rows, tried.market), rows, "asked again")
    for share in (0.3, 0.6, 0.9):
        cut = rows[int(len(rows) * share)].session
        before = [row for row in rows if row.session <= cut]
        known = tried.market.until(tried.calendar.previous_session(cut))
        expected = whole.iloc[: len(before)]
        _same_bits(expected, build(before, known), before, "later bars and rows are taken away")
        poisoned = build(rows, poison(tried.market, cut)).iloc[: len(before)]
        _same_bits(expected, poisoned, before, "later bars are poisoned")


def check_shares(group: FeatureGroup, rows: Sequence[Row], values: pd.DataFrame) -> None:
    """Check that a group's shares, where it gives any, sum to its columns within 1e-9.

    Parameters
    ----------
    group : FeatureGroup
        Whose columns may divide over stories and events: see `signals.features.shares.Divides`.
    rows : sequence of Row
        Some rows.
    values : DataFrame
        What the group built of them.

    Raises
    ------
    DataError
        If they are of other columns or parts, or do not sum; it names the column and the row.
    """
    if not isinstance(group, Divides):
        return
    for at, row in enumerate(rows):
        where = f"{row.ticker} in session {row.session}"
        for column, parts in group.shares(row).items():
            if column not in values:
                raise DataError("shares of no column of the group", given=column, where=where)
            if np.shape(parts) != (len(row.items) + len(row.events),):
                raise DataError(
                    "shares are one a story of the row, then one an event",
                    given=np.shape(parts),
                    wanted=(len(row.items) + len(row.events),),
                    where=f"{column}, {where}",
                )
            total, value = float(np.sum(parts)), float(values[column].iloc[at])
            if not abs(total - value) <= 1e-9 * max(1.0, float(np.abs(parts).sum())):
                raise DataError(
                    "shares do not sum to their column",
                    given=total,
                    wanted=value,
                    where=f"{column}, {where}",
                )


def poison(market: MarketData, session: date, seed: int = 0) -> MarketData:
    """Return the market with wild prices and volumes from a session on; what came before stays."""
    draws = np.random.default_rng(seed)
    bars = {}
    for ticker in market.tickers:
        frame = market.bars[ticker].copy()
        later = frame.index >= pd.Timestamp(session)
        factor = np.exp(draws.normal(0.0, 1.0, size=int(later.sum())))
        for column in PRICE_COLUMNS:
            frame.loc[later, column] *= factor
        frame.loc[later, "volume"] = np.floor(frame.loc[later, "volume"] * factor[::-1])
        bars[ticker] = frame
    return replace(market, bars=bars)


def _truth(story: PlannedStory) -> Reading:
    """Return a story and the one event that a perfect reader would find in it."""
    item = NewsItem(
        item_id=story.item_id,
        published_at=story.published_at,
        first_seen_at=story.first_seen_at,
        enriched_at=story.enriched_at,
        source="example",
        title=f"{story.kind} {story.role} {story.wording}",
        language=story.language,
        tickers=story.tickers,
    )
    event = Event(
        event_id=f"{story.item_id}-0",
        item_id=story.item_id,
        sentence=0,
        kind=story.kind,  # type: ignore[arg-type]
        tickers=story.tickers,
        polarity=story.polarity,
        certainty=story.certainty,
        available_at=item.available_at,
        rule_id="truth",
        magnitude_pct=story.magnitude_pct,
        amount=None if story.amount_million is None else story.amount_million * 1e6,
        currency=story.currency,
        novelty=0.1 if story.role == "repeat" else 1.0,
        is_reaction=story.role == "reaction",
        is_background=story.role in ("background", "noise"),
        negated=story.role == "denial",
    )
    return item, (event,)


def _checked(name: str, part: pd.DataFrame, rows: Sequence[Row]) -> pd.DataFrame:
    if len(part) != len(rows):
        raise DataError(
            "a feature group needs a row for each row", given=len(part), wanted=len(rows)
        )
    for column in part.columns:
        if not str(column).startswith(f"{name}__"):
            raise DataError(
                "a column must carry its group's name", given=column, wanted=f"{name}__…"
            )
        if part[column].dtype != "float64" or not np.isfinite(part[column].to_numpy()).all():
            raise DataError("a column must be finite float64", given=column, where=name)
    return part


def _same_bits(expected: pd.DataFrame, given: pd.DataFrame, rows: Sequence[Row], when: str) -> None:
    if list(expected.columns) != list(given.columns):
        raise LeakError(f"the columns change when {when}", given=list(given.columns))
    moved = expected.to_numpy() != given.to_numpy()
    if moved.any():
        row, column = (int(place[0]) for place in np.nonzero(moved))
        raise LeakError(
            f"a feature changes when {when}",
            given=given.iloc[row, column],
            wanted=expected.iloc[row, column],
            where=f"{expected.columns[column]}, {rows[row].ticker} in session {rows[row].session}",
        )
