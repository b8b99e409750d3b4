"""Instants: no naive time, a date ends in Hong Kong, nanoseconds round up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import pytest

from markets.clock import (
    as_utc,
    epoch_us,
    epoch_us_array,
    hong_kong,
    hong_kong_date,
    parse_instant,
)
from markets.errors import DataError, NaiveTimeError


def test_a_naive_time_is_refused_with_its_place():
    with pytest.raises(NaiveTimeError) as refused:
        parse_instant("2025-09-12T11:05:00", where="news.jsonl:7")
    assert refused.value.where == "news.jsonl:7"
    with pytest.raises(NaiveTimeError):
        as_utc(datetime(2025, 9, 12))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    "text", ["2025-02-30", "2025-09-12T25:00:00Z", "yesterday", "", "12.09.2025", "9999-12-31"]
)
def test_a_date_that_does_not_exist_is_refused(text):
    with pytest.raises(DataError) as refused:
        parse_instant(text)
    assert refused.value.given == text


def test_a_date_alone_is_known_at_its_end_in_hong_kong():
    assert parse_instant("2025-09-12") == datetime(2025, 9, 12, 16, tzinfo=UTC) - timedelta(
        microseconds=1
    )


def test_hong_kong_is_eight_hours_ahead():
    assert hong_kong(date(2025, 1, 2), time(9)) == datetime(2025, 1, 2, 1, tzinfo=UTC)
    assert hong_kong_date(datetime(2025, 9, 11, 16, tzinfo=UTC)) == date(2025, 9, 12)


def test_nanoseconds_round_up_alone_and_together():
    instant = pd.Timestamp("2025-09-12 01:00:00.000000001", tz="UTC")
    whole = epoch_us(datetime(2025, 9, 12, 1, tzinfo=UTC))
    assert epoch_us(instant) == whole + 1
    assert epoch_us_array(pd.DatetimeIndex([instant])).tolist() == [whole + 1]
    zoned = pd.Series([instant.tz_convert("Asia/Hong_Kong").as_unit("s")])
    assert epoch_us_array(zoned).tolist() == [whole]
