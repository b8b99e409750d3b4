"""Stamps in ids and addresses: those of a story's own clock are never late, later ones always."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.robustness.story_stamps import late_stamps
from signals.news import NewsItem

FIRST = datetime(2024, 1, 2, tzinfo=UTC)
FORMS = ("story-{seconds}", "{seconds}123.html", "{day:%Y/%m/%d}/a-story", "n{day:%Y%m%d}-77")
hours_apart = st.lists(st.integers(1, 60), min_size=40, max_size=60)


def told(gaps: Sequence[int], form: str, late: timedelta) -> list[NewsItem]:
    """Stories so many hours apart, each with a stamp so much later than its clock."""
    items, at = [], FIRST
    for number, gap in enumerate(gaps):
        at += timedelta(hours=gap)
        day = at + late
        url = form.format(day=day, seconds=int(day.timestamp()))
        items.append(NewsItem(f"story {number}", at, "feed", "A title", url=url))
    return items


@given(hours_apart, st.sampled_from(FORMS), st.integers(-40, 0))
def test_a_stamp_of_the_clock_or_before_is_not_late(gaps: list[int], form: str, days: int) -> None:
    assert not list(late_stamps(told(gaps, form, timedelta(days=days))))


@given(hours_apart, st.sampled_from(FORMS), st.integers(4, 40))
def test_later_stamps_are_late(gaps: list[int], form: str, days: int) -> None:
    (leak,) = late_stamps(told(gaps, form, timedelta(days=days)))
    assert (leak.stage, leak.column, leak.count) == ("stories", "url", len(gaps))


@given(hours_apart, st.integers(1_700_000_000, 1_710_000_000))
def test_numbers_that_only_look_like_stamps_are_none(gaps: list[int], first: int) -> None:
    items, at = [], FIRST
    for number, gap in enumerate(gaps):
        at += timedelta(hours=gap)
        items.append(NewsItem(f"{first + number}", at, "feed", "A title"))
    assert not list(late_stamps(items))


@pytest.mark.parametrize("form", FORMS)
def test_a_day_elsewhere_is_not_late(form: str) -> None:
    assert not list(late_stamps(told([7] * 60, form, timedelta(minutes=50))))
