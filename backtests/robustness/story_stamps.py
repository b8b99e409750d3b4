"""Dates in the ids and addresses of stories: later than their clock, they tell of a later state.

An address that holds when a story was last touched was not there when it came out: it says what
became of it. No cut shows that: the source tells the same whenever it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.stats import rankdata

from backtests.robustness.lookahead_report import Leak
from signals.news import NewsItem

_SECONDS = re.compile(r"(?<!\d)(1\d{9})(?:\d{3})?(?!\d)")
_DAY = re.compile(r"(?<!\d)(20\d\d)([-/_.]?)(\d\d)\2(\d\d)(?!\d)")
_FEWEST = 30
_MOST_LATE = 0.25
_NEAR_DAYS = 60.0
_LEAST_TRACKING = 0.9


def late_stamps(items: Iterable[NewsItem]) -> Iterator[Leak]:
    """Yield ids or addresses whose stamps lie after the clock of their story.

    Seconds since 1970, an hour or more after it, and dates, two days or more. Numbers count as
    stamps where they follow the clocks: a rank correlation of 0.9, 60 days apart in the median,
    and half as fast at the least. Bound: a quarter of 30 or more.
    """
    stories = list(items)
    for name in ("item_id", "url"):
        told = [
            (item, *stamp)
            for item in stories
            if (stamp := _stamp(str(getattr(item, name) or ""))) is not None
        ]
        if len(told) < _FEWEST:
            continue
        clocks = np.array([item.available_at.timestamp() for item, _, _ in told])
        stamps = np.array([at.timestamp() for _, at, _ in told])
        near = float(np.median(np.abs(stamps - clocks))) <= _NEAR_DAYS * 86_400
        as_fast = 0 < np.ptp(clocks) <= 2 * np.ptp(stamps)
        if not near or not as_fast or _tracking(stamps, clocks) < _LEAST_TRACKING:
            continue
        late = [(item, at) for item, at, slack in told if at - item.available_at > slack]
        if len(late) > _MOST_LATE * len(told):
            item, at = late[0]
            yield Leak(
                "suspect",
                "late stamps",
                "stories",
                "stories carry a stamp later than their clock: as they stood afterwards?",
                column=name,
                row=f"{item.source}/{item.item_id}",
                given=at.isoformat(),
                expected=f"by {item.available_at.isoformat()}",
                count=len(late),
            )
            return


def _stamp(text: str) -> tuple[datetime, timedelta] | None:
    """Return the last stamp in a text and how far it may lie after the clock; None without one."""
    seconds = _SECONDS.findall(text)
    if seconds:
        return datetime.fromtimestamp(int(seconds[-1]), UTC), timedelta(hours=1)
    for year, _, month, day in reversed(_DAY.findall(text)):
        try:
            return datetime(int(year), int(month), int(day), tzinfo=UTC), timedelta(days=2)
        except ValueError:  # eight digits that are no date
            continue
    return None


def _tracking(stamps: np.ndarray, clocks: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(stamps), rankdata(clocks))[0, 1])
