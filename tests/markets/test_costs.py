"""Contract notes against notes reckoned by hand, and what is refused."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from markets.costs import CostSchedule, Execution
from markets.errors import ConfigError, DataError, TableError
from markets.hk.fees import STATUTORY, BrokerPlan, Charge, read_charge

ANSWERS = tomllib.loads(
    (Path(__file__).parents[1] / "answers" / "hong_kong_notes.toml").read_text(encoding="utf-8")
)
DAY = date(2025, 9, 12)


@pytest.mark.parametrize("answer", ANSWERS["notes"], ids=lambda row: str(row["session"]))
def test_a_note_is_the_one_reckoned_by_hand(answer):
    for side in ("buy", "sell"):
        note = CostSchedule("none").note(
            session=answer["session"], side=side, price=answer["price"], shares=answer["shares"]
        )
        assert {name: str(note.parts[name]) for name in STATUTORY} == {
            name: answer[name] for name in STATUTORY
        }
        assert str(note.total) == answer["total"]


@pytest.mark.parametrize("answer", ANSWERS["plans"], ids=lambda row: row["plan"])
def test_brokers_add_what_they_publish(answer):
    note = CostSchedule(answer["plan"]).note(session=DAY, side="buy", price="151.10", shares=100)
    assert str(note.commission) == answer["commission"]
    assert str(note.platform_fee) == answer["platform_fee"]
    assert str(note.total) == answer["total"]


def duty(day: date, kind: str, price: str = "20.00") -> Decimal:
    note = CostSchedule("none").note(session=day, side="buy", price=price, shares=500, kind=kind)
    return note.stamp_duty


def test_the_tracker_fund_paid_stamp_duty_until_2015_and_the_tech_fund_never():
    assert duty(date(2015, 2, 12), "etf_hong_kong") == 10
    assert duty(date(2015, 2, 13), "etf_hong_kong") == 0
    for day in (date(2012, 1, 3), date(2020, 8, 28), DAY):
        assert duty(day, "etf") == 0


def test_stamp_duty_rises_to_the_next_dollar_and_stays_on_a_whole_one():
    assert duty(DAY, "equity", "20.00") == 10
    assert duty(DAY, "equity", "20.01") == 11


def test_rates_change_on_their_dates():
    days = [date(2021, 7, 31), date(2021, 8, 1), date(2023, 11, 16), date(2023, 11, 17)]
    assert [duty(day, "equity", "200.00") for day in days] == [100, 130, 130, 100]


def test_the_settlement_fee_had_bounds_until_june_2025():
    def fee(day: date, shares: int) -> Decimal:
        schedule = CostSchedule("none")
        return schedule.note(session=day, side="buy", price="10", shares=shares).settlement_fee

    assert fee(date(2025, 6, 29), 100) == 2
    assert fee(date(2025, 6, 29), 10**6) == 100
    assert fee(date(2025, 6, 30), 100) == Decimal("0.04")
    assert fee(date(2025, 6, 30), 10**6) == 420


def test_fills_of_one_order_share_a_note_and_days_can_too():
    fills = [
        Execution(1, DAY, "9988.HK", "buy", "151.10", 100),
        Execution(1, DAY, "9988.HK", "buy", "151.20", 100),
        Execution(2, DAY, "9988.HK", "buy", "151.10", 100),
        Execution(3, DAY, "9988.HK", "sell", "151.10", 100),
        Execution(1, date(2025, 9, 15), "9988.HK", "buy", "151.10", 100),
    ]
    schedule = CostSchedule("ibkr_hk_tiered")
    by_order = schedule.grouped(fills)
    assert [note.shares for note in by_order] == [200, 100, 100, 100]
    assert by_order[0].stamp_duty == 31
    by_day = schedule.grouped(fills, "day")
    assert [note.shares for note in by_day] == [300, 100, 100]
    assert by_day[0].stamp_duty == 46
    assert by_day[0].commission == 36
    with pytest.raises(ValueError, match="order or day"):
        schedule.grouped(fills, "week")


def test_a_tier_is_chosen_by_number():
    def commission(tier: int) -> Decimal:
        note = CostSchedule("ibkr_hk_tiered", tier=tier).note(
            session=DAY, side="buy", price="1", shares=100
        )
        return note.commission

    assert [commission(tier) for tier in (1, 4, 5)] == [18, 6, 4]
    with pytest.raises(ConfigError, match="no such tier"):
        commission(6)


def test_a_plan_of_ones_own(tmp_path):
    path = tmp_path / "brokers.toml"
    path.write_text(
        '[[plans]]\nname = "mine"\npasses_on = ["stamp_duty"]\n'
        'tiers = [{ rate = "0.001", minimum = "50", platform_fee = "1.50" }]\n',
        encoding="utf-8",
    )
    note = CostSchedule("mine", plans_file=path).note(
        session=DAY, side="buy", price="151.10", shares=100
    )
    assert (note.commission, note.platform_fee, note.total) == (
        50,
        Decimal("1.50"),
        Decimal("67.5"),
    )
    plan = BrokerPlan("own", Charge(rate=100_000), 0, frozenset())
    assert CostSchedule(plan).note(
        session=DAY, side="buy", price="151.10", shares=100
    ).total == Decimal("15.11")


def test_an_unknown_plan_names_the_nearest():
    with pytest.raises(ConfigError) as refused:
        CostSchedule("ibkr_hk_tierd")
    assert refused.value.nearest == "ibkr_hk_tiered"


@pytest.mark.parametrize(
    ("off", "problem"),
    [
        ({"session": date(2009, 12, 31)}, "begin later"),
        ({"kind": "warrant"}, "no fees for this kind"),
        ({"side": "short"}, "no side"),
        ({"shares": 0}, "number of shares"),
        ({"shares": 1.5}, "number of shares"),
        ({"price": 0}, "positive"),
        ({"price": float("nan")}, "not a price"),
    ],
)
def test_an_impossible_note_is_refused(off, problem):
    asked = {"session": DAY, "side": "buy", "price": "151.10", "shares": 100, **off}
    with pytest.raises(DataError, match=problem):
        CostSchedule().note(**asked)


@pytest.mark.parametrize(
    ("sessions", "prices", "shares", "problem"),
    [
        (["2009-12-31"], [1.0], [1], "begin later"),
        (["2025-09-12"], [0.0], [1], "not a price"),
        (["2025-09-12"], [np.nan], [1], "not a price"),
        (["2025-09-12"], [1.0], [0], "number of shares"),
        (["2025-09-12"], [1.0], [1.5], "number of shares"),
    ],
)
def test_impossible_notes_are_refused_together(sessions, prices, shares, problem):
    with pytest.raises(DataError, match=problem):
        CostSchedule().notes(
            sessions=np.array(sessions, dtype="datetime64[D]"),
            prices=np.array(prices),
            shares=np.array(shares),
        )


@pytest.mark.parametrize(
    "fields",
    [{"rate": "x"}, {"rate": 0.1}, {"rate": "-1"}, {"rate": "0.0000000001"}, {"rat": "1"}],
)
def test_a_rate_that_is_off_is_refused(fields):
    with pytest.raises(TableError):
        read_charge(fields, "fees.toml: row 1")
