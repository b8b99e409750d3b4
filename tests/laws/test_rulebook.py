"""Laws of the rulebook: one effective session, one row in force, one spelling, one sum."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from markets.calendar import ClockSettings, DecisionClock, hong_kong_calendar
from markets.costs import COMPONENTS, CostSchedule, Execution
from markets.dated import Dated, DatedRow
from markets.errors import TickerError
from markets.hk.fees import STATUTORY, fee_tables, plan_names
from markets.hk.timetable import read_rulebook
from markets.instruments import Instruments
from markets.rules import as_hkd, read_price, round_to_tick, tick_size, tick_tables
from markets.tickers import exchange_code, normalize_ticker, spellings

FEES = tomllib.loads(
    (Path(__file__).parents[2] / "markets/hk/data/fees.toml").read_text(encoding="utf-8")
)
CALENDAR = hong_kong_calendar()
CLOCK = DecisionClock(CALENDAR)
# Any microsecond from 2004-01-02 to 2027-12-30, and those around the minutes where rules change.
anywhere = st.integers(1_073_001_600_000_000, 1_830_124_800_000_000).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
edges = st.builds(
    lambda day, minute, off: (
        datetime(day.year, day.month, day.day, tzinfo=UTC)
        + timedelta(minutes=minute, microseconds=off)
    ),
    st.dates(date(2004, 1, 3), date(2027, 12, 29)),
    st.integers(55, 490),
    st.sampled_from([-1, 0, 1]),
)
instants = st.one_of(anywhere, edges)
days = st.dates(date(2010, 1, 1), date(2027, 12, 31))
kinds = st.sampled_from(["equity", "etf", "etf_hong_kong"])
# Prices on any grid and off it, in ten-thousandths of a dollar.
price_units = st.one_of(
    st.integers(100, 99_950_000), st.sampled_from([2_500, 5_000, 100_000, 200_000, 500_000])
)
share_counts = st.integers(1, 5_000_000)


@given(instants, st.integers(15, 900), st.integers(0, 7_200))
@settings(max_examples=200)
def test_every_instant_has_one_effective_session_and_it_opens_later(instant, lead, latency):
    clock = DecisionClock(CALENDAR, ClockSettings(lead_minutes=lead, latency_seconds=latency))
    found = clock.effective_session(instant)
    assert CALENDAR.is_session(found)
    assert clock.cutoff_at(found) >= instant
    # Not one earlier: the session before could no longer be reached.
    if found > CALENDAR.first:
        assert clock.cutoff_at(CALENDAR.previous_session(found)) < instant
    assert CALENDAR.hours(found).first_price_at > instant
    assert CALENDAR.open_at(found) > instant


@given(st.lists(instants, max_size=20), st.sampled_from(["s", "ms", "us", "ns"]))
def test_looking_up_many_instants_is_looking_up_each(many, unit):
    index = pd.DatetimeIndex(many, tz="UTC").as_unit("us").as_unit(unit)
    together = CLOCK.effective_sessions(index)
    assert together.dtype == np.dtype("datetime64[D]")
    assert together.tolist() == [CLOCK.effective_session(one) for one in index]
    for bars in ("intraday", "daily"):
        table = CALENDAR.first_tradables(index, timedelta(seconds=90), bars=bars)
        for row, one in zip(table.itertuples(), index, strict=True):
            found = CALENDAR.first_tradable(one, timedelta(seconds=90), bars=bars)
            assert (row.session.date(), row.at, row.phase) == (found.session, found.at, found.phase)


@given(
    instants,
    st.timedeltas(timedelta(0), timedelta(hours=1)),
    st.booleans(),
    st.sampled_from([1, 5, 30]),
)
def test_what_is_tradable_comes_later_and_inside_trading(instant, latency, closing, minutes):
    found = CALENDAR.first_tradable(instant, latency, closing_auction=closing, bar_minutes=minutes)
    assert found.at > instant + latency
    hours = CALENDAR.hours(found.session)
    if found.phase == "opening_auction":
        assert instant + latency <= hours.opening_auction.input_until
    elif found.phase == "closing_auction":
        assert closing
        assert instant + latency <= hours.closing_auction.input_until
    else:
        assert any(start <= found.at < end for start, end in hours.segments)
    daily = CALENDAR.first_tradable(instant, latency, bars="daily")
    assert daily.session >= found.session
    assert daily.at == CALENDAR.hours(daily.session).first_price_at


@given(instants, instants)
def test_later_news_is_never_effective_earlier(one, other):
    first, second = sorted((one, other))
    assert CLOCK.effective_session(first) <= CLOCK.effective_session(second)
    assert CALENDAR.first_tradable(first).at <= CALENDAR.first_tradable(second).at


@given(st.integers(1, 99_999))
def test_every_spelling_of_a_ticker_comes_back(code):
    ticker = normalize_ticker(str(code))
    assert int(exchange_code(ticker)) == code
    assert len(exchange_code(ticker)) == 5
    for spelled in spellings(ticker).values():
        assert normalize_ticker(spelled) == ticker
        assert normalize_ticker(f" {spelled.lower()} ") == ticker


@given(st.text(max_size=12))
@example("BABA")
@example("600519.SS")
@example("0000.HK")
@example("123456")
def test_a_text_is_one_ticker_or_refused(text):
    try:
        ticker = normalize_ticker(text)
    except TickerError:
        return
    assert normalize_ticker(ticker) == ticker
    assert len(ticker) in (7, 8)


def all_tables() -> list[Dated]:
    register, rulebook, fees = Instruments.default(), read_rulebook(), fee_tables()
    return [
        *(one.lots for one in register.values() if one.lots is not None),
        *(register.membership(index).members for index in register.indices),
        *fees.charges.values(),
        fees.duty_free,
        *tick_tables().values(),
        rulebook.hours,
        rulebook.opening,
        rulebook.closing,
        rulebook.severe_weather,
    ]


@given(st.dates(date(2004, 1, 1), date(2035, 1, 1)))
def test_on_every_date_exactly_one_row_of_every_table_is_in_force(day):
    for table in all_tables():
        in_force = [
            row
            for row in table
            if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)
        ]
        assert len(in_force) == (day >= table.rows[0].valid_from), table.name
        if in_force:
            assert table.row_on(day) == in_force[0]


@given(
    st.lists(st.dates(date(2000, 1, 1), date(2030, 1, 1)), min_size=1, max_size=8, unique=True),
    st.data(),
)
def test_rows_that_override_win_on_their_dates_and_nowhere_else(starts, data):
    checked = date(2026, 1, 1)
    base = Dated("base", [DatedRow(day, n, "base", checked, True) for n, day in enumerate(starts)])
    begin = data.draw(st.dates(min(starts), date(2031, 1, 1)))
    end = data.draw(st.one_of(st.none(), st.dates(begin, date(2032, 1, 1))))
    over = base.overridden([DatedRow(begin, -1, "own", checked, True, end)])
    day = data.draw(st.dates(min(starts), date(2033, 1, 1)))
    covered = begin <= day and (end is None or day <= end)
    assert over.on(day) == (-1 if covered else base.on(day))


def naive_note(session: date, kind: str, consideration: Decimal) -> dict[str, Decimal]:
    """Reckon the statutory parts again from the raw table, in decimals, with none of its code."""

    def value_on(rows: list[dict]) -> dict | list:
        return next(
            row["value"]
            for row in rows
            if row["valid_from"] <= session <= row.get("valid_to", date.max)
        )

    parts = {}
    for name in STATUTORY:
        fields = value_on(FEES[name]["rows"])
        if "amount" in fields:
            parts[name] = Decimal(fields["amount"])
            continue
        raw = consideration * Decimal(fields["rate"])
        if FEES[name]["rounding"] == "dollar_up":
            parts[name] = raw.quantize(Decimal(1), ROUND_CEILING)
        else:
            parts[name] = raw.quantize(Decimal("0.01"), ROUND_HALF_UP)
        parts[name] = max(parts[name], Decimal(fields.get("minimum", "0")))
        parts[name] = min(parts[name], Decimal(fields.get("maximum", "1e12")))
    if kind in value_on(FEES["stamp_duty_exemption"]["rows"]):
        parts["stamp_duty"] = Decimal(0)
    return parts


@given(days, price_units, share_counts, kinds, st.sampled_from(["buy", "sell"]))
@example(date(2021, 7, 31), 1_511_000, 100, "equity", "buy")
@example(date(2025, 6, 29), 10_000, 1, "equity", "buy")
@example(date(2025, 6, 30), 10_000, 1, "equity", "buy")
def test_a_note_is_its_parts_and_a_naive_reckoning_finds_the_same(day, units, shares, kind, side):
    price = Decimal(units).scaleb(-4)
    note = CostSchedule("none").note(session=day, side=side, price=price, shares=shares, kind=kind)
    assert note.total == sum(note.parts.values())
    assert note.consideration == price * shares
    assert {name: note.parts[name] for name in STATUTORY} == naive_note(day, kind, price * shares)
    assert note.cash_hkd == (price * shares if side == "sell" else -price * shares) - note.total


@given(
    st.sampled_from(plan_names()),
    kinds,
    st.lists(st.tuples(days, price_units, st.integers(1, 10**9)), max_size=8),
)
@example("none", "equity", [(date(2022, 6, 1), 99_950_000, 10**14), (date(2022, 6, 1), 100, 1)])
def test_many_notes_are_each_note_to_the_cent(plan, kind, rows):
    schedule = CostSchedule(plan)
    prices = np.array([units / 10_000 for _, units, _ in rows], dtype=np.float64)
    found = schedule.notes(
        sessions=np.array([day for day, _, _ in rows], dtype="datetime64[D]"),
        prices=prices,
        shares=np.array([shares for _, _, shares in rows], dtype=np.int64),
        kind=kind,
    )
    for n, (day, _, shares) in enumerate(rows):
        note = schedule.note(
            session=day, side="buy", price=float(prices[n]), shares=shares, kind=kind
        )
        for name in COMPONENTS:
            assert getattr(found, name)[n] == getattr(note, name) * 100
        assert found.total[n] == note.total * 100


@given(
    st.lists(
        st.tuples(st.integers(1, 3), price_units, st.integers(1, 10_000)), min_size=1, max_size=6
    )
)
def test_one_note_a_day_never_costs_more_duty_than_one_an_order(rows):
    fills = [
        Execution(order, date(2025, 9, 12), "9988.HK", "buy", Decimal(units).scaleb(-4), shares)
        for order, units, shares in rows
    ]
    schedule = CostSchedule("futu_hk_fixed")
    by_order, by_day = schedule.grouped(fills), schedule.grouped(fills, "day")
    assert len(by_day) == 1
    assert len(by_order) == len({order for order, _, _ in rows})
    assert by_day[0].stamp_duty <= sum(note.stamp_duty for note in by_order)
    for name in ("commission", "platform_fee", "consideration", "shares"):
        assert getattr(by_day[0], name) == sum(getattr(note, name) for note in by_order)


@given(days, price_units, kinds)
def test_rounding_lands_on_the_grid_and_on_the_right_side(day, units, kind):
    price = as_hkd(units)
    down, near, up = (round_to_tick(price, day, kind, way) for way in ("down", "nearest", "up"))
    assert down <= price <= up
    assert near in (down, up)
    assert up - down in (0, tick_size(price, day, kind))
    for found in (down, near, up):
        tick = read_price(tick_size(found, day, kind))
        assert read_price(found) % tick == 0
        assert (
            round_to_tick(found, day, kind, "up")
            == found
            == round_to_tick(found, day, kind, "down")
        )
