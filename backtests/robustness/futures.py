"""Other futures: the same past, and after a cut nothing, other prices or other stories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from backtests.inputs import Inputs
from backtests.robustness.cuts import Cut
from markets.clock import hong_kong_date
from markets.prices import BAR_COLUMNS, PRICE_COLUMNS
from signals.news import NewsItem

Stories = Sequence[NewsItem]
"""Every version of every story, as the source gives them, in order of their clocks."""

_MICROSECOND = timedelta(microseconds=1)


def with_stories(inputs: Inputs, stories: Iterable[NewsItem]) -> Inputs:
    """Return the inputs with other stories, served by a store of the inputs' own class."""
    store = type(inputs.store)(":memory:")
    store.add(stories)
    return replace(inputs, store=store)


def truncated(inputs: Inputs, stories: Stories, cut: Cut) -> Inputs:
    """Return the inputs as they were known at the cut: no later story, no later bar or action."""
    past, _ = _parted(stories, cut)
    return replace(with_stories(inputs, past), market=inputs.market.until(cut.known_session))


def other_prices(inputs: Inputs, cut: Cut, seed: int) -> Inputs:
    """Return the inputs with wild prices, volumes, index levels and actions after the cut.

    Bars are scaled, moved among sessions, and some taken away; every action is changed.
    """
    draws = np.random.default_rng([seed, cut.session.toordinal(), 1])
    market, last = inputs.market, pd.Timestamp(cut.known_session)
    bars = {}
    for ticker in market.tickers:
        frame = market.bars[ticker]
        bars[ticker] = _scrambled(frame, frame.index > last, draws, drop=True)
    indices = {
        name: _scrambled(frame, frame.index > last, draws, drop=False)
        for name, frame in market.indices.items()
    }
    actions = market.actions.copy()
    later = np.asarray(actions["ex_date"] > last)
    factor = draws.uniform(0.2, 3.0, size=int(later.sum()))
    actions.loc[later, "cash_hkd"] = actions.loc[later, "cash_hkd"] * factor + 0.01
    actions.loc[later & np.asarray(actions["ratio"] != 1.0), "ratio"] = 3.0
    return replace(inputs, market=replace(market, bars=bars, indices=indices, actions=actions))


def other_rest_of_session(inputs: Inputs, cut: Cut, seed: int) -> Inputs:
    """Return the inputs with another close and volume in the cut's own session.

    What a session opens at is known when its orders fill; how it ends is not. High and low stay:
    limit and stop orders fill in that range.
    """
    draws = np.random.default_rng([seed, cut.session.toordinal(), 2])
    market, day = inputs.market, pd.Timestamp(cut.session)
    bars = {}
    for ticker in market.tickers:
        frame = market.bars[ticker].copy()
        if day in frame.index:
            bar = {name: float(frame[name].loc[day]) for name in BAR_COLUMNS}
            low, high = bar["low"], bar["high"]
            today = frame.index == day
            frame.loc[today, "close"] = low if bar["close"] * 2 > low + high else high
            frame.loc[today, "volume"] = float(np.floor(bar["volume"] * 0.001)) + 1.0
            later = frame.index > day
            frame = _scrambled(frame, later, draws, drop=False)
        bars[ticker] = frame
    return replace(inputs, market=replace(market, bars=bars))


def other_stories(inputs: Inputs, stories: Stories, cut: Cut, seed: int) -> Inputs:
    """Return the inputs with other stories after the cut.

    Of those that come later a third is gone, a third moved up to the first microsecond after the
    cut, and all have scrambled texts; stories of the past come again word for word, and others are
    corrected.
    """
    draws = np.random.default_rng([seed, cut.session.toordinal(), 3])
    past, future = _parted(stories, cut)
    texts = [item.text for item in future]
    order = draws.permutation(len(future)).tolist()
    soon = cut.instant + _MICROSECOND
    changed = []
    for place, item in enumerate(future):
        if place % 3 == 0:
            continue
        words = texts[order[place]].split()[::-1] or ["nothing"]
        at = soon if place % 3 == 1 else item.published_at + timedelta(days=1)
        changed.append(_stamped(replace(item, title=" ".join(words), body=""), at))
    again = [
        _stamped(replace(item, item_id=f"again-{item.item_id}", revision_of=None), soon)
        for item in past[-40:]
    ]
    corrected = [
        _stamped(
            replace(
                item,
                item_id=f"corrected-{item.item_id}",
                title=f"{item.title} – corrected",
                revision_of=item.item_id,
            ),
            soon + timedelta(days=1),
        )
        for item in past[:: max(1, len(past) // 40)]
    ]
    return with_stories(inputs, [*past, *changed, *again, *corrected])


def held_back(inputs: Inputs, stories: Stories, cut: Cut, *, kept: bool) -> Inputs:
    """Return the past without its latest stories, or with them a moment too late for the cut.

    The stories of the last sessions before the cut keep what their outlet states, but were first
    seen after it. Whether they are there at all must change nothing.
    """
    calendar = inputs.calendar
    since = inputs.clock.cutoff_at(calendar.previous_session(cut.session, 3))
    past, _ = _parted(stories, cut)
    early = [item for item in past if _clock(item) <= since]
    late = [item for item in past if _clock(item) > since]
    seen = cut.instant + _MICROSECOND
    if kept:
        early += [replace(item, first_seen_at=seen) for item in late]
    return replace(with_stories(inputs, early), market=inputs.market.until(cut.known_session))


def delayed(inputs: Inputs, stories: Stories, cut: Cut, sessions: int) -> Inputs:
    """Return the inputs with every story after the cut seen some sessions later than it was.

    What its outlet states stays, so that a clock which does not count is found out.
    """
    past, future = _parted(stories, cut)
    return with_stories(inputs, [*past, *(_seen_later(inputs, one, sessions) for one in future)])


def led(inputs: Inputs, stories: Stories, cut: Cut, sessions: int) -> Inputs:
    """Return the inputs with every story after the cut published some sessions earlier.

    By its outlet's clock: many then lie before the cut. None was seen earlier than it was.
    """
    past, future = _parted(stories, cut)
    calendar = inputs.calendar
    changed = []
    for item in future:
        session = calendar.previous_session(hong_kong_date(item.published_at), sessions)
        gone = hong_kong_date(item.published_at) - session
        early = item.published_at - gone
        changed.append(replace(item, published_at=early, first_seen_at=_clock(item)))
    return with_stories(inputs, [*past, *changed])


def _seen_later(inputs: Inputs, item: NewsItem, sessions: int) -> NewsItem:
    seen = _clock(item)
    day = hong_kong_date(seen)
    return replace(item, first_seen_at=seen + (inputs.calendar.next_session(day, sessions) - day))


def rebased(inputs: Inputs) -> Inputs:
    """Return back-adjusted prices as they stand after one more payout: every one of them halved.

    Half is exact in binary, so that what rests on returns alone keeps every bit.
    """
    market = inputs.market
    bars = {}
    for ticker in market.tickers:
        frame = market.bars[ticker].copy()
        for column in PRICE_COLUMNS:
            frame[column] = frame[column] * 0.5
        bars[ticker] = frame
    return replace(inputs, market=replace(market, bars=bars))


def _clock(item: NewsItem) -> datetime:
    """Return the latest clock of a story, from the clocks themselves."""
    clocks = (item.published_at, item.first_seen_at, item.enriched_at)
    return max(clock for clock in clocks if clock is not None)


def _parted(stories: Stories, cut: Cut) -> tuple[list[NewsItem], list[NewsItem]]:
    past = [item for item in stories if _clock(item) <= cut.instant]
    return past, [item for item in stories if _clock(item) > cut.instant]


def _stamped(item: NewsItem, at: datetime) -> NewsItem:
    return replace(item, published_at=at, first_seen_at=None, enriched_at=None)


def _scrambled(
    frame: pd.DataFrame, later: np.ndarray, draws: np.random.Generator, *, drop: bool
) -> pd.DataFrame:
    """Return a frame whose later rows change places and sizes; columns of a row stay together."""
    places = np.flatnonzero(later)
    if not len(places):
        return frame
    values = frame.to_numpy(dtype="float64").copy()
    factor = np.exp(draws.normal(0.0, 0.7, size=len(places)))
    values[places] = values[draws.permutation(places)]
    for column, name in enumerate(frame.columns):
        if name in BAR_COLUMNS:
            volume = name == "volume"
            scaled = values[places, column] * (factor[::-1] if volume else factor)
            values[places, column] = np.floor(scaled) + 1.0 if volume else scaled
    changed = pd.DataFrame(values, index=frame.index, columns=frame.columns)
    changed.attrs.update(frame.attrs)  # what a source noted on a stock is no future
    if drop and len(places) > 10:
        gone = draws.choice(places[1:-1], size=len(places) // 10, replace=False)
        changed = changed.drop(index=frame.index[gone])
    return changed
