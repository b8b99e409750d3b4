"""The data check: each flaw is planted once, and found; clean data stay clean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.check import DataReport, adjustment_findings, check, end_findings
from markets.clock import hong_kong
from markets.errors import NaiveTimeError
from markets.findings import Finding
from markets.news_clocks import NewsClock
from markets.prices import MarketData, RejectedRow, no_actions
from markets.sources import PriceSettings, load_prices
from markets.sources.files import FileSettings
from markets.testing import PlainCalendar, bar_frames, calendars

DAYS = tuple(day.date() for day in pd.bdate_range("2025-06-02", periods=60))
CALENDAR = PlainCalendar(DAYS)
TICKERS = ("0700.HK", "9888.HK", "9988.HK")


def bars(days: tuple[date, ...] = DAYS, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    closes = np.round(100 * np.cumprod(1 + rng.normal(0, 0.01, len(days))), 3)
    index = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session")
    return pd.DataFrame(
        {"open": closes, "high": closes + 1, "low": closes - 1, "close": closes, "volume": 1e6},
        index=index,
    )


def market(**frames: pd.DataFrame) -> MarketData:
    named = {f"{name[1:]}.HK": frame for name, frame in frames.items()}
    whole = {ticker: bars(seed=seed) for seed, ticker in enumerate(TICKERS)}
    return MarketData(bars={**whole, **named}, actions=no_actions(), source="test")


def action(ticker: str, day: date, ratio: float = 1.0, cash: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticker": pd.Series([ticker], dtype="str"),
            "ex_date": np.array([day], dtype="datetime64[s]"),
            "ratio": [ratio],
            "cash_hkd": [cash],
        }
    )


def found(report: DataReport, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_clean_data_have_no_findings() -> None:
    report = check(market(), CALENDAR)
    assert report.findings == ()
    assert report.ok
    assert report.coverage["0700.HK"]["share"] == 1.0
    assert report.counts["bars"] == 180


def test_a_gap_and_an_early_end_are_told_from_a_day_without_a_trade() -> None:
    short = bars().drop(bars().index[[10, 11, 20]]).iloc[:-5]
    data = replace(market(_0700=short), untraded={"0700.HK": bars().index[[20]]})
    report = check(data, CALENDAR)
    (gap,) = found(report, "gaps")
    assert (gap.where, gap.count, gap.level) == ("0700.HK", 2, "warning")
    assert str(DAYS[10]) in gap.message
    assert [finding.count for finding in found(report, "zero volume")] == [1]
    assert [finding.count for finding in found(report, "ends early")] == [5]
    assert report.coverage["0700.HK"]["missing"] == 2
    assert report.ok


def test_a_session_without_most_stocks_is_the_sources_silence() -> None:
    holes = {f"_{ticker[:4]}": bars().drop(bars().index[7]) for ticker in TICKERS[:2]}
    report = check(market(**holes), CALENDAR)
    (silent,) = found(report, "silent sessions")
    assert silent.level == "error"
    assert str(DAYS[7]) in silent.message
    assert not report.ok


def test_many_stocks_idle_on_one_session_are_no_halts() -> None:
    some = bars().drop(bars().index[7])
    idle = {ticker: bars().index[[7]] for ticker in TICKERS[:2]}
    together = replace(market(_0700=some, _9888=some), untraded=idle)
    (lost,) = found(check(together, CALENDAR), "idle together")
    assert str(DAYS[7]) in lost.message
    alone = replace(market(_0700=some), untraded={"0700.HK": idle["0700.HK"]})
    assert not found(check(alone, CALENDAR), "idle together")


def test_dates_read_in_another_zone_are_one_day_early() -> None:
    early = bars().set_axis(bars().index - pd.Timedelta(days=1))
    report = check(market(_9988=early), PlainCalendar((date(2025, 5, 30), *DAYS)))
    (zone,) = found(report, "zone")
    assert zone.level == "error"
    assert "one day early" in zone.message
    stray = bars((*DAYS[:5], date(2025, 6, 7), *DAYS[5:]))
    (strange,) = found(check(market(_9988=stray), CALENDAR), "no session")
    assert "2025-06-07" in strange.message


def test_a_close_that_stands_still() -> None:
    frame = bars()
    frame.iloc[30:36, 3] = 99.5
    (stale,) = found(check(market(_9888=frame), CALENDAR), "stale closes")
    assert "6 bars" in stale.message
    assert "99.5" in stale.message


@pytest.mark.parametrize("share", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("taken", ["open", "close"])
def test_opens_that_are_mostly_the_close_before(share: float, taken: str) -> None:
    days = tuple(day.date() for day in pd.bdate_range("2025-06-02", periods=120))
    frame = bars(days)
    frame["open"] = np.round(frame["close"] * 1.001, 3)
    some = np.random.default_rng(1).random(len(frame)) < share
    other = frame["close"].shift() if taken == "open" else frame["open"].shift(-1)
    frame[taken] = frame[taken].mask(some, other).fillna(frame["close"])
    report = check(market(_9888=frame), PlainCalendar(days))
    lent = found(report, "lent opens")
    assert [finding.where for finding in lent] == (["9888.HK"] if share > 0.5 else [])
    assert all(finding.level == "error" for finding in lent)


@pytest.mark.parametrize("hole", [1, 2, 4])
def test_bars_that_were_drawn_between_their_neighbors(hole: int) -> None:
    frame = bars().astype("float64")
    draws = np.random.default_rng(2)
    frame["volume"] = np.floor(draws.lognormal(15, 0.5, len(frame)))
    assert check(market(_9888=frame), CALENDAR).ok
    for at in (9, 25, 44):
        frame.iloc[at : at + hole] = np.nan
    drawn = frame.interpolate().round(2)
    (told,) = found(check(market(_9888=drawn), CALENDAR), "drawn bars")
    assert (told.level, told.where, told.count) == ("error", "9888.HK", 3 * hole)


@pytest.mark.parametrize("ratio", [2.0, 5.0, 10.0, 0.5, 0.1])
def test_an_undeclared_split_is_an_error_and_a_declared_one_is_fine(ratio: float) -> None:
    frame = bars()
    frame.iloc[40:, :4] /= ratio
    data = market(_0700=frame)
    (jump,) = found(check(data, CALENDAR), "jumps")
    assert jump.level == "error"
    assert str(DAYS[40]) in jump.message
    declared = replace(data, actions=action("0700.HK", DAYS[40], ratio))
    assert found(check(declared, CALENDAR), "jumps") == []


def test_a_declared_split_that_never_shows_is_an_error() -> None:
    data = replace(market(), actions=action("0700.HK", DAYS[40], 5.0))
    (jump,) = found(check(data, CALENDAR), "jumps")
    assert "adjusted already" in jump.message


def test_a_jump_that_is_no_split_or_that_a_dividend_explains() -> None:
    frame = bars()
    frame.iloc[40:, :4] *= 2.6
    (jump,) = found(check(market(_0700=frame), CALENDAR), "jumps")
    assert jump.level == "note"
    half = bars()
    half.iloc[40:, :4] /= 2
    paid = float(half["open"].iloc[40])
    data = replace(market(_0700=half), actions=action("0700.HK", DAYS[40], cash=paid))
    assert found(check(data, CALENDAR), "jumps") == []


def test_rejected_rows_are_counted_by_problem() -> None:
    rows = tuple(RejectedRow(f"p.csv: line {n}", "no price", "open nan") for n in range(3))
    (rejected,) = found(check(replace(market(), rejections=rows), CALENDAR), "rejected rows")
    assert rejected.count == 3
    assert rejected.where == "p.csv: line 0"


def test_adjusted_prices_say_what_they_falsify() -> None:
    assert adjustment_findings(market()) == ()
    told = adjustment_findings(replace(market(), adjusted=True))
    assert {"lots", "ticks", "fees", "stamp duty"} <= {finding.where for finding in told}
    assert {finding.level for finding in told} == {"warning"}


def test_gaps_of_an_index() -> None:
    levels = bars()[["close"]].drop(bars().index[5]).iloc[:-2]
    report = check(replace(market(), indices={"HSTECH": levels}), CALENDAR)
    assert {(f.kind, f.where, f.count) for f in report.findings} == {
        ("gaps", "index HSTECH", 1),
        ("ends early", "index HSTECH", 2),
    }


def test_the_report_is_json() -> None:
    frame = bars().drop(bars().index[3])
    report = check(market(_0700=frame), CALENDAR, [])
    told = json.loads(json.dumps(report.as_dict()))
    assert told["ok"] is True
    assert told["coverage"]["0700.HK"]["first"] == "2025-06-02"
    assert {finding["kind"] for finding in told["findings"]} == {"gaps", "news"}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return hong_kong(day, time(hour, minute))


def news(*stories: NewsClock) -> DataReport:
    return check(market(), CALENDAR, stories)


def story(when: datetime, *hints: str, seen: datetime | None = None) -> NewsClock:
    return NewsClock(f"s{when:%m%d%H%M}", when, seen, "a title", frozenset(hints))


def test_a_story_stamped_in_the_session_it_reports() -> None:
    report = news(story(at(DAYS[3], 14, 30), "reaction"), story(at(DAYS[3], 17), "reaction"))
    (stamped,) = found(report, "stamped in the session they report")
    assert stamped.message.startswith("1 of 2")
    assert stamped.level == "warning"
    closing = news(story(at(DAYS[3], 15, 59), "closing"))
    assert [f.level for f in found(closing, "stamped before what they report")] == ["error"]
    assert not found(news(story(at(DAYS[3], 16), "closing")), "stamped before what they report")


def test_a_filing_in_trading_hours_but_not_at_lunch_or_on_a_closed_day() -> None:
    fine = [at(DAYS[3], 8), at(DAYS[3], 12, 10), at(DAYS[3], 18), at(date(2025, 6, 7), 11)]
    assert not found(news(*(story(when, "filing") for when in fine)), "filings in trading hours")
    (filing,) = found(news(story(at(DAYS[3], 10), "filing")), "filings in trading hours")
    assert filing.level == "error"


def test_clocks_that_are_hours_apart_to_the_minute() -> None:
    stories = [
        story(at(day, 9, 5), seen=at(day, 9, 5) + timedelta(hours=8, seconds=30))
        for day in DAYS[:10]
    ]
    (zone,) = found(news(*stories), "zone")
    assert "+8 hours" in zone.message
    future = [story(at(day, 20), seen=at(day, 18, 17)) for day in DAYS[:10]]
    (early,) = found(news(*future), "published after it was seen")
    assert early.level == "error"
    assert "1:43:00" in early.message


def test_weekend_spikes_batches_and_midnights() -> None:
    usual = [story(at(day, hour, 7)) for day in DAYS for hour in (8, 10)]
    saturday = [story(at(date(2025, 6, 14), 3, minute)) for minute in range(40)]
    (spike,) = found(news(*usual, *saturday), "weekend spikes")
    assert "2025-06-14: 40" in spike.message
    assert not found(news(*usual), "weekend spikes")
    (batch,) = found(news(*usual, *([story(at(DAYS[5], 3))] * 30)), "batches")
    assert batch.count == 30
    midnight = [story(at(day, 0)) for day in DAYS]
    assert [f.level for f in found(news(*midnight), "dates as instants")] == ["error"]


def test_news_outside_the_prices_and_naive_clocks() -> None:
    report = news(story(at(date(2024, 1, 2), 10)), story(at(DAYS[2], 20)))
    (outside,) = found(report, "news without prices")
    assert outside.message.startswith("1 of 2")
    with pytest.raises(NaiveTimeError):
        news(NewsClock("x", datetime(2025, 6, 2, 9, 0)))  # noqa: DTZ001 (that is the test)


@given(calendars(min_sessions=8).flatmap(lambda c: bar_frames(c).map(lambda f: (c, f))))
def test_every_missing_session_is_counted_once(case: tuple[PlainCalendar, pd.DataFrame]) -> None:
    calendar, frame = case
    data = MarketData(bars={"0700.HK": frame}, actions=no_actions())
    found_there = check(data, calendar).coverage["0700.HK"]
    assert found_there["bars"] + found_there["missing"] == found_there["sessions"]
    held = calendar.sessions(frame.index[0].date(), frame.index[-1].date())
    assert found_there["missing"] == len(held) - len(frame)


@pytest.mark.real
def test_the_shared_prices_have_no_errors(shared_dir: Path) -> None:
    from markets.calendar import hong_kong_calendar

    files = FileSettings(
        pattern="prices_daily_adj_to_*.parquet",
        index_pattern="index_close_to_*.parquet",
        adjusted=True,
    )
    settings = PriceSettings(source="files", files=files)
    data = load_prices(settings, None, None, date(2025, 9, 30), shared_dir / "data")
    report = check(data, hong_kong_calendar())
    assert report.ok, report.errors
    assert len(report.coverage) == 38
    assert found(report, "adjusted prices")


@given(
    st.lists(st.integers(1, len(DAYS)), min_size=3, max_size=3),
    st.integers(-10, 10),
)
def test_a_run_that_outlasts_all_prices_is_told_by_how_many_sessions(
    known: list[int], beyond: int
) -> None:
    frames = {
        f"_{ticker[:4]}": bars(DAYS[:some]) for ticker, some in zip(TICKERS, known, strict=True)
    }
    last = DAYS[max(known) - 1]
    end = last + timedelta(days=beyond)
    found = end_findings(market(**frames), CALENDAR, end)
    missed = [day for day in DAYS if last < day <= end]
    assert [one.count for one in found] == ([len(missed)] if missed else [])
    for one in found:
        assert (one.level, str(last) in one.message) == ("warning", True)
    assert end_findings(market(**frames), CALENDAR, None) == ()
