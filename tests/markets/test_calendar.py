"""Sessions and hours of Hong Kong against notices of the exchange and a second library."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import holidays
import numpy as np
import pandas as pd
import pytest

from markets.calendar import Calendar, ClockSettings, DecisionClock, hong_kong_calendar
from markets.clock import HONG_KONG, parse_instant
from markets.errors import DataError, NaiveTimeError, TableError

ANSWERS = tomllib.loads(
    (Path(__file__).parents[1] / "answers" / "hong_kong_sessions.toml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return hong_kong_calendar()


@pytest.mark.parametrize("answer", ANSWERS["instants"], ids=lambda row: row["at"])
def test_news_trades_when_the_notices_say(calendar, answer):
    instant = parse_instant(answer["at"])
    found = calendar.first_tradable(instant)
    assert found.session == answer["session"]
    assert found.at > instant
    if "time" in answer:
        assert found.at.astimezone(HONG_KONG).strftime("%H:%M") == answer["time"]
    assert calendar.first_tradable(instant, bars="daily").session == answer["daily"]


@pytest.mark.parametrize("answer", ANSWERS["hours"], ids=lambda row: str(row["session"]))
def test_hours_are_those_of_the_notices(calendar, answer):
    hours = calendar.hours(answer["session"])
    found = [
        "-".join(one.astimezone(HONG_KONG).strftime("%H:%M") for one in span)
        for span in hours.segments
    ]
    assert found == answer["segments"]
    assert hours.half_day == answer["half_day"]


def test_sessions_agree_with_a_second_library_from_2016_on(calendar):
    closed = holidays.financial_holidays("XHKG", years=range(2016, 2028))
    days = [date(2016, 1, 1) + timedelta(days=n) for n in range(12 * 366 - 10)]
    wrong = [
        day
        for day in days
        if day.year < 2028 and calendar.is_session(day) != (day.weekday() < 5 and day not in closed)
    ]
    assert wrong == []


def test_half_days_agree_with_a_second_library_from_2016_on(calendar):
    half = holidays.financial_holidays("XHKG", years=range(2016, 2028), categories=("half_day",))
    sessions = calendar.sessions(date(2016, 1, 1), date(2027, 12, 31))
    assert [day for day in sessions if calendar.hours(day).half_day] == sorted(half)


def test_the_unconfirmed_half_day_of_2011_says_so(calendar):
    hours = calendar.hours(date(2011, 2, 2))
    assert hours.half_day
    assert not hours.verified
    assert calendar.hours(date(2025, 9, 12)).verified


def test_the_order_input_of_the_auction_is_the_daily_cut_off(calendar):
    just, late = (parse_instant(f"2025-09-12T09:15:0{n}+08:00") for n in (0, 1))
    assert calendar.first_tradable(just, bars="daily").session == date(2025, 9, 12)
    assert calendar.first_tradable(late, bars="daily").session == date(2025, 9, 15)
    assert calendar.first_tradable(late).phase == "morning"


def test_latency_can_cost_the_auction(calendar):
    instant = parse_instant("2025-09-12T09:14:30+08:00")
    assert calendar.first_tradable(instant).phase == "opening_auction"
    late = calendar.first_tradable(instant, timedelta(minutes=1))
    assert (late.phase, late.at.astimezone(HONG_KONG).hour) == ("morning", 9)


def test_the_first_bar_starts_after_the_news(calendar):
    instant = parse_instant("2025-09-12T11:05:00+08:00")
    at = calendar.first_tradable(instant).at.astimezone(HONG_KONG)
    assert (at.hour, at.minute) == (11, 6)
    five = calendar.first_tradable(instant, bar_minutes=5).at.astimezone(HONG_KONG)
    assert (five.hour, five.minute) == (11, 10)


def test_the_closing_auction_counts_only_where_asked_for(calendar):
    instant = parse_instant("2025-09-12T16:05:00+08:00")
    assert calendar.first_tradable(instant).session == date(2025, 9, 15)
    found = calendar.first_tradable(instant, closing_auction=True)
    assert (found.session, found.phase) == (date(2025, 9, 12), "closing_auction")
    before = parse_instant("2016-07-22T16:05:00+08:00")
    assert calendar.first_tradable(before, closing_auction=True).session == date(2016, 7, 25)


def test_no_auction_after_weather_and_none_after_an_early_stop(calendar):
    assert calendar.hours(date(2020, 8, 19)).opening_auction is None
    assert calendar.hours(date(2022, 11, 2)).closing_auction is None
    assert calendar.hours(date(2020, 8, 19)).irregular == "late_open"


def test_matching_was_fixed_until_october_2020(calendar):
    times = [
        calendar.hours(day).opening_auction.match_until.astimezone(HONG_KONG).strftime("%H:%M")
        for day in (date(2020, 10, 16), date(2020, 10, 19))
    ]
    assert times == ["09:28", "09:22"]


def test_counting_sessions(calendar):
    friday, monday = date(2025, 9, 12), date(2025, 9, 15)
    assert calendar.next_session(friday) == monday
    assert calendar.previous_session(monday) == friday
    assert calendar.next_session(date(2025, 9, 13)) == monday
    assert calendar.next_session(friday, 2) == date(2025, 9, 16)
    assert calendar.sessions(friday, monday) == [friday, monday]
    assert calendar.sessions(monday, friday) == []
    assert calendar.is_session(pd.Timestamp("2025-09-12"))
    with pytest.raises(ValueError, match="from 1"):
        calendar.next_session(friday, 0)


def test_opens_and_closes_are_utc(calendar):
    assert calendar.open_at(date(2025, 9, 12)) == datetime(2025, 9, 12, 1, 30, tzinfo=UTC)
    assert calendar.close_at(date(2025, 9, 12)) == datetime(2025, 9, 12, 8, tzinfo=UTC)
    assert calendar.open_at(date(2020, 8, 19)) == datetime(2020, 8, 19, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.is_session(date(2003, 12, 31)),
        lambda c: c.is_session(date(2028, 1, 3)),
        lambda c: c.sessions(date(1999, 1, 1), date(2010, 1, 1)),
        lambda c: c.next_session(date(2027, 12, 31)),
        lambda c: c.previous_session(date(2004, 1, 2)),
        lambda c: c.hours(date(2025, 9, 13)),
        lambda c: c.first_tradable(datetime(2003, 1, 1, tzinfo=UTC)),
        lambda c: c.first_tradable(datetime(2030, 1, 1, tzinfo=UTC)),
        lambda c: DecisionClock(c).effective_session(datetime(2030, 1, 1, tzinfo=UTC)),
        lambda c: DecisionClock(c).effective_session(datetime(2003, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_lies_outside_is_refused_with_its_place(calendar, ask):
    with pytest.raises(TableError) as refused:
        ask(calendar)
    assert refused.value.given
    assert "XHKG" in refused.value.where


def test_naive_and_missing_instants_are_refused(calendar):
    clock = DecisionClock(calendar)
    naive = datetime(2025, 9, 12, 11, 5)  # noqa: DTZ001 - the point of the test
    for ask in (calendar.first_tradable, clock.effective_session):
        with pytest.raises(NaiveTimeError):
            ask(naive)
    with pytest.raises(NaiveTimeError):
        clock.effective_sessions(pd.DatetimeIndex(["2025-09-12"]))
    with pytest.raises(DataError, match="missing"):
        clock.effective_sessions(pd.DatetimeIndex(["2025-09-12", None], tz="UTC"))
    with pytest.raises(DataError, match="not an instant"):
        calendar.is_session(datetime(2025, 9, 12, 9, tzinfo=UTC))
    with pytest.raises(ValueError, match="negative"):
        calendar.first_tradable(datetime(2025, 9, 12, tzinfo=UTC), timedelta(seconds=-1))


def test_the_decision_is_made_at_nine_whatever_the_weather(calendar):
    clock = DecisionClock(calendar)
    for session in (date(2025, 9, 12), date(2020, 8, 19)):
        assert clock.decision_at(session).astimezone(HONG_KONG).strftime("%H:%M") == "09:00"
    assert clock.decision_at(date(2010, 6, 1)).astimezone(HONG_KONG).strftime("%H:%M") == "09:30"
    assert clock.cutoff_at(date(2025, 9, 12)) == datetime(2025, 9, 12, 0, 59, tzinfo=UTC)


def test_a_storm_not_yet_known_lets_no_news_in(calendar):
    """Trading began at 13:30 on this day; news of 10:00 could trade, but no decision foresaw it."""
    instant = parse_instant("2020-08-19T10:00:00+08:00")
    assert calendar.first_tradable(instant).session == date(2020, 8, 19)
    assert DecisionClock(calendar).effective_session(instant) == date(2020, 8, 20)


def test_the_last_bar_of_a_session_starts_a_minute_before_its_end(calendar):
    at = parse_instant("2025-09-12T15:59:00+08:00")
    just = calendar.first_tradable(at - timedelta(microseconds=1))
    assert just.at == at
    assert calendar.first_tradable(at).session == date(2025, 9, 15)
    noon = calendar.first_tradable(parse_instant("2025-09-12T11:59:00+08:00"))
    assert noon.phase == "afternoon"
    assert noon.at == parse_instant("2025-09-12T13:00:00+08:00")


def test_the_cut_off_itself_still_counts(calendar):
    clock = DecisionClock(calendar, ClockSettings(lead_minutes=60, latency_seconds=90))
    cutoff = clock.cutoff_at(date(2025, 9, 12))
    assert clock.effective_session(cutoff) == date(2025, 9, 12)
    assert clock.effective_session(cutoff + timedelta(microseconds=1)) == date(2025, 9, 15)
    nanosecond = pd.Timestamp(cutoff).as_unit("ns") + pd.Timedelta(1, "ns")
    assert clock.effective_session(nanosecond) == date(2025, 9, 15)
    assert clock.effective_sessions(pd.DatetimeIndex([nanosecond]))[0] == np.datetime64(
        "2025-09-15"
    )


def test_a_lead_that_would_miss_the_auction_is_refused():
    with pytest.raises(ValueError, match="15"):
        ClockSettings(lead_minutes=10)
