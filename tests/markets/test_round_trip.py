"""The round trip of a date: two contract notes of that date, as a fraction of their value."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from markets.costs import CostSchedule
from markets.round_trip import RoundTrip

DAYS = np.array(["2021-07-30", "2021-08-02", "2023-11-16", "2023-11-17"], dtype="datetime64[D]")


@pytest.mark.parametrize("plan", ["none", "ibkr_hk_tiered"])
@pytest.mark.parametrize("value", [80_000.0, 250_000.0])
def test_it_is_two_notes_of_its_date(plan: str, value: float) -> None:
    schedule = CostSchedule(plan)
    tickers = np.array(["0700.HK"] * 4, dtype=object)
    found = RoundTrip(schedule, value_hkd=value)(tickers, DAYS)
    for paid, day in zip(found.tolist(), DAYS.tolist(), strict=True):
        notes = [
            schedule.note(session=day, side=side, price=value / 100, shares=100)
            for side in ("buy", "sell")
        ]
        assert paid == pytest.approx(float(sum(note.total for note in notes)) / value, abs=1e-12)
    # Stamp duty on both legs: 0.10 % to 0.13 % on 2021-08-01, and back on 2023-11-17.
    assert np.diff(found) * 1e4 == pytest.approx([6.0, 0.0, -6.0], abs=0.7)


def test_slippage_is_paid_twice_and_kinds_pay_their_own_duty() -> None:
    schedule = CostSchedule("none")
    tickers = np.array(["2800.HK", "0700.HK"], dtype=object)
    days = np.array([date(2024, 5, 2)] * 2, dtype="datetime64[D]")
    plain = RoundTrip(schedule, kinds={"2800.HK": "etf"})(tickers, days)
    slipping = RoundTrip(schedule, slippage_bp=5.0, kinds={"2800.HK": "etf"})(tickers, days)
    assert (slipping - plain) * 1e4 == pytest.approx([10.0, 10.0])
    assert (plain[1] - plain[0]) * 1e4 == pytest.approx(20.0)
