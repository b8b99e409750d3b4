"""Single questions: a note, an instant, a lot, a tick, the members of an index."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from markets.clock import parse_instant
from markets.errors import DataError, MissingDataError, TableError, TickerError
from markets.lookup import board_lot, contract_note, index_members, session_at, tick_at

DAY = date(2025, 9, 12)


def test_a_note_is_json_ready():
    found = contract_note("9988", side="buy", price="151.10", shares=100, on=DAY).as_dict()
    assert found["total_hkd"] == 17.91
    assert found["cash_hkd"] == -15_127.91
    assert json.loads(json.dumps(found)) == found


def test_the_tracker_fund_is_known_as_a_fund():
    def duty(on: date) -> float:
        note = contract_note("2800", side="sell", price="25.00", shares=500, on=on)
        return note.as_dict()["stamp_duty_hkd"]

    assert (duty(date(2015, 2, 12)), duty(date(2015, 2, 13))) == (13.0, 0.0)


@pytest.mark.parametrize(
    ("off", "error", "problem"),
    [
        ({"ticker": "AAPL"}, TickerError, "no Hong Kong ticker"),
        ({"ticker": "89988"}, TickerError, "another currency"),
        ({"ticker": "0005"}, MissingDataError, "board lot is not known"),
        ({"price": "151.13"}, DataError, "not on a tick"),
        ({"shares": 150}, DataError, "odd lot"),
        ({"on": date(2025, 9, 13)}, TableError, "no session"),
        ({"on": date(2001, 9, 13)}, TableError, "outside the calendar"),
    ],
)
def test_an_order_the_rules_forbid_is_refused(off, error, problem):
    asked = {"ticker": "9988", "side": "buy", "price": "151.10", "shares": 100, "on": DAY, **off}
    with pytest.raises(error, match=problem):
        contract_note(asked.pop("ticker"), **asked)


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2025-09-12T08:00:00+08:00", "before_open"),
        ("2025-09-12T09:10:00+08:00", "opening_auction"),
        ("2025-09-12T09:25:00+08:00", "before_trading"),
        ("2025-09-12T09:30:00+08:00", "open"),
        ("2025-09-12T12:00:00+08:00", "lunch"),
        ("2025-09-12T15:59:59+08:00", "open"),
        ("2025-09-12T16:05:00+08:00", "closing_auction"),
        ("2025-09-12T17:00:00+08:00", "after_close"),
        ("2025-09-13T10:00:00+08:00", "no_session"),
        ("2020-08-19T10:00:00+08:00", "before_open"),
        ("2022-11-02T14:30:00+08:00", "after_close"),
        ("2025-12-24T12:30:00+08:00", "after_close"),
    ],
)
def test_what_the_exchange_was_doing(at, status):
    assert session_at(parse_instant(at)).status == status


def test_latency_moves_the_answer():
    instant = parse_instant("2025-09-12T08:59:30+08:00")
    assert session_at(instant).effective_session == DAY
    late = session_at(instant, timedelta(minutes=1))
    assert late.effective_session == date(2025, 9, 15)
    assert late.tradable_session == DAY
    assert json.loads(json.dumps(late.as_dict()))["phase"] == "opening_auction"


def test_a_lot_a_tick_and_members():
    assert board_lot("1211", date(2025, 9, 18)).as_dict()["valid_to"] == "2025-09-18"
    assert board_lot("1211", date(2025, 9, 19)).lot == 100
    tick = tick_at("9988", "151.13", DAY).as_dict()
    assert (tick["tick_hkd"], tick["on_tick"], tick["below_hkd"]) == (0.1, False, 151.1)
    members = index_members("hstech", DAY).as_dict()
    assert (members["count"], members["since"]) == (30, "2025-06-09")
    with pytest.raises(TableError, match="not yet launched"):
        index_members("hstech", date(2020, 1, 2))
