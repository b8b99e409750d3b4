"""Whether the clocks of news can be true, given when the market was open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Protocol

import numpy as np

from markets.clock import HONG_KONG, as_utc, for_people, hong_kong
from markets.findings import Finding

# HKEXnews publishes 06:00-08:30, 12:00-12:30 and 16:15-23:00 (hkex.com.hk, news 1101243, 2012).
_LUNCH = (time(12, 0), time(13, 0))
_ZONE_SHIFTS = {8: "Hong Kong time written as UTC, or the reverse", 1: "summer time of elsewhere"}
_MANY = 0.05
_SURE = 0.25
_BATCH = 25
_SHOWN = 3


class NewsClock(NamedTuple):
    """A story as far as its clocks go.

    Attributes
    ----------
    item_id : str
        Named in findings.
    published_at : datetime
        Zone-aware.
    first_seen_at : datetime or None
        Zone-aware, where known.
    title : str
        Shown in findings.
    hints : frozenset of str
        What the story is, as far as the caller knows: ``reaction`` (reports a move of a price that
        already happened), ``closing`` (reports how a session closed), ``filing`` (an issuer's
        announcement at the exchange).
    """

    item_id: str
    published_at: datetime
    first_seen_at: datetime | None = None
    title: str = ""
    hints: frozenset[str] = frozenset()


class SessionHours(Protocol):
    """When a session was open."""

    def open_at(self, session: date) -> datetime:
        """Return the UTC instant at which continuous trading begins."""
        ...

    def close_at(self, session: date) -> datetime:
        """Return the UTC instant of the close."""
        ...


@dataclass(frozen=True)
class _Stories:
    """Stories as arrays: seconds of both clocks, and the place of the story in its session."""

    items: list[NewsClock]
    published: np.ndarray
    session: np.ndarray  # number of the session of the same Hong Kong day, -1 if there is none
    open: np.ndarray  # published after the open of that session and before its close
    lunch: np.ndarray

    def having(self, hint: str) -> np.ndarray:
        return np.array([hint in item.hints for item in self.items], dtype=bool)


def check_news_clocks(
    news: Iterable[NewsClock], hours: SessionHours, sessions: np.ndarray
) -> Iterator[Finding]:
    """Yield what the clocks of stories say against themselves.

    Parameters
    ----------
    news : iterable of NewsClock
        In any order.
    hours : SessionHours
        Opening and closing instants.
    sessions : array of datetime64[D]
        Sessions to judge by; stories outside their span are only counted.

    Raises
    ------
    NaiveTimeError
        If a clock has no zone.
    """
    stories = _place(list(news), hours, sessions)
    if not stories.items:
        yield Finding("warning", "news", "news", "no stories")
        return
    yield from _check_reactions(stories)
    yield from _check_filings(stories)
    yield from _check_lags(stories)
    yield from _check_weekends(stories)
    yield from _check_batches(stories)
    yield from _check_span(stories, sessions)


def _place(items: list[NewsClock], hours: SessionHours, sessions: np.ndarray) -> _Stories:
    published = np.array(
        [int(as_utc(one.published_at, where=one.item_id).timestamp()) for one in items],
        dtype=np.int64,
    )
    days = ((published + 8 * 3600) // 86400).astype("datetime64[D]")
    at = np.searchsorted(sessions, days)
    known = at < len(sessions)
    known[known] = sessions[at[known]] == days[known]
    session = np.where(known, at, -1)
    bounds = {
        int(number): (
            hours.open_at(day).timestamp(),
            hours.close_at(day).timestamp(),
            hong_kong(day, _LUNCH[0]).timestamp(),
            hong_kong(day, _LUNCH[1]).timestamp(),
        )
        for number in np.unique(session[known])
        for day in [sessions[number].item()]
    }
    edges = np.array([bounds.get(int(number), (np.inf, -np.inf) * 2) for number in session])
    edges = edges.reshape(-1, 4).T
    return _Stories(
        items=items,
        published=published,
        session=session,
        open=(published >= edges[0]) & (published < edges[1]),
        lunch=(published >= edges[2]) & (published < edges[3]),
    )


def _check_reactions(stories: _Stories) -> Iterator[Finding]:
    reactions = stories.having("reaction")
    inside = reactions & stories.open
    if inside.any():
        yield Finding(
            "warning",
            "stamped in the session they report",
            "news",
            f"{_share(inside, reactions)} stories that report a move are stamped while the market "
            "was open: paired with the bar of that session they predict what they tell "
            f"({_examples(stories, inside)})",
            count=int(inside.sum()),
        )
    closing = stories.having("closing")
    early = closing & stories.open
    if early.any():
        yield Finding(
            "error" if early.sum() > _SURE * closing.sum() else "warning",
            "stamped before what they report",
            "news",
            f"{_share(early, closing)} stories on how a session closed are stamped before its "
            f"close ({_examples(stories, early)}): another exchange's, or a clock too early",
            count=int(early.sum()),
        )


def _check_filings(stories: _Stories) -> Iterator[Finding]:
    filings = stories.having("filing")
    inside = filings & stories.open & ~stories.lunch
    if inside.any():
        many = inside.sum() > _MANY * filings.sum()
        yield Finding(
            "error" if many else "warning",
            "filings in trading hours",
            "news",
            f"{_share(inside, filings)} filings are stamped in trading hours, when the exchange "
            f"publishes none ({_examples(stories, inside)})",
            count=int(inside.sum()),
        )


def _check_lags(stories: _Stories) -> Iterator[Finding]:
    lags = np.array(
        [
            (as_utc(one.first_seen_at) - as_utc(one.published_at)).total_seconds()
            for one in stories.items
            if one.first_seen_at is not None
        ]
    )
    if not len(lags):
        return
    for shift, reason in _ZONE_SHIFTS.items():
        for sign in (1, -1):
            near = np.abs(lags - sign * shift * 3600) < 120
            if near.mean() > _MANY and near.sum() > 3:
                yield Finding(
                    "error",
                    "zone",
                    "news",
                    f"{near.mean():.0%} of the stories were first seen {sign * shift:+d} hours "
                    f"after they were published, to two minutes: {reason}?",
                    count=int(near.sum()),
                )
    future = lags < -60
    if future.any():
        yield Finding(
            "error" if future.mean() > _MANY else "warning",
            "published after it was seen",
            "news",
            f"{int(future.sum())} of {len(lags)} stories were seen before they say they were "
            f"published, by up to {timedelta(seconds=float(-lags.min()))}; the later clock counts",
            count=int(future.sum()),
        )
    median, late = np.percentile(lags, [50, 95])
    yield Finding(
        "note",
        "lag",
        "news",
        f"first seen {timedelta(seconds=round(median))} after publication in the median, "
        f"{timedelta(seconds=round(late))} at the 95th percentile",
        count=len(lags),
    )


def _check_weekends(stories: _Stories) -> Iterator[Finding]:
    days, counts = np.unique((stories.published + 8 * 3600) // 86400, return_counts=True)
    weekend = np.isin((days + 3) % 7, (5, 6))  # 1970-01-01 was a Thursday
    if not weekend.any() or weekend.all():
        return
    usual = float(np.median(counts[~weekend]))
    spikes = weekend & (counts > max(2 * usual, 5))
    if spikes.any():
        shown = ", ".join(
            f"{np.datetime64(int(days[at]), 'D')}: {counts[at]}"
            for at in np.flatnonzero(spikes)[:_SHOWN]
        )
        yield Finding(
            "warning",
            "weekend spikes",
            "news",
            f"{int(spikes.sum())} weekend days have more than twice the stories of a usual weekday "
            f"({usual:g}): {shown}; were they stamped when a batch ran?",
            count=int(spikes.sum()),
        )


def _check_batches(stories: _Stories) -> Iterator[Finding]:
    instants, counts = np.unique(stories.published, return_counts=True)
    batch = counts >= _BATCH
    if batch.any():
        at = int(np.argmax(counts))
        when = for_people(datetime.fromtimestamp(int(instants[at]), UTC))
        yield Finding(
            "warning",
            "batches",
            "news",
            f"{int(counts[batch].sum())} stories share their second with {_BATCH} or more, the "
            f"most ({counts[at]}) {when}: stamped by a batch, not by an outlet",
            count=int(counts[batch].sum()),
        )
    for zone, offset in (("Hong Kong", 8 * 3600), ("UTC", 0)):
        midnight = (stories.published + offset) % 86400 == 0
        if midnight.mean() > _MANY:
            yield Finding(
                "error",
                "dates as instants",
                "news",
                f"{midnight.mean():.0%} of the stories are stamped midnight ({zone}) to the "
                "second: a date without a time counts from the end of the day, not its start",
                count=int(midnight.sum()),
            )


def _check_span(stories: _Stories, sessions: np.ndarray) -> Iterator[Finding]:
    if not len(sessions):
        return
    days = ((stories.published + 8 * 3600) // 86400).astype("datetime64[D]")
    outside = (days < sessions[0]) | (days > sessions[-1])
    if outside.any():
        yield Finding(
            "warning",
            "news without prices",
            "news",
            f"{_share(outside, np.ones(len(days), dtype=bool))} stories lie outside the prices, "
            f"{sessions[0]} to {sessions[-1]}",
            count=int(outside.sum()),
        )


def _share(part: np.ndarray, whole: np.ndarray) -> str:
    return f"{int(part.sum())} of {int(whole.sum())}"


def _examples(stories: _Stories, hit: np.ndarray) -> str:
    shown = []
    for at in np.flatnonzero(hit)[:_SHOWN]:
        item = stories.items[at]
        when = as_utc(item.published_at).astimezone(HONG_KONG)
        shown.append(f"{item.item_id} {when:%Y-%m-%d %H:%M}")
    return ", ".join(shown)
