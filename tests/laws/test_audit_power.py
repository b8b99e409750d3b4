"""The stated power of drawn days: a bound, whatever days a leak chooses beforehand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.robustness.cuts import chance_of_meeting, drawn_days

FIRST = date(2024, 1, 2)


def days_of(count: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(count)]


@st.composite
def leaks(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Days on which a leak acts, among all, and how many are drawn."""
    acts = draw(st.lists(st.booleans(), min_size=2, max_size=80))
    return np.array(acts, dtype=bool), draw(st.integers(1, len(acts) - 1))


@given(leaks())
def test_the_chance_is_never_less_than_stated(leak: tuple[np.ndarray, int]) -> None:
    acts, count = leak
    # Exactly: one point is drawn from each part, and parts may begin and end within a day.
    ends = np.linspace(0.0, len(acts), count + 1)
    covered = np.interp(ends, np.arange(len(acts) + 1), np.r_[0.0, np.cumsum(acts)])
    missed = float(np.prod(1.0 - np.diff(covered) / np.diff(ends)))
    stated = chance_of_meeting(float(acts.mean()), count, len(acts))
    assert 1.0 - missed >= stated - 1e-9


@given(st.integers(1, 400), st.integers(1, 500), st.integers(0, 2**31))
def test_drawn_days_are_some_of_them_spread_over_all(among: int, count: int, seed: int) -> None:
    days = days_of(among)
    drawn = drawn_days(days, count, seed)
    assert drawn == sorted({*drawn})
    assert {*drawn} <= {*days}
    assert drawn == drawn_days(days, count, seed)
    if count >= among:
        assert drawn == days
        assert chance_of_meeting(0.001, count, among) == 1.0
        return
    places = [(day - FIRST).days for day in drawn]
    assert np.diff([-1, *places, among]).max() <= 2 * np.ceil(among / count) + 1


@pytest.mark.parametrize("every", [5, 17, 20])
def test_what_is_stated_is_what_happens(every: int) -> None:
    days = days_of(700)
    acts = {day for number, day in enumerate(days) if number % every == every // 2}
    met = [bool(acts & {*drawn_days(days, 40, seed)}) for seed in range(2000)]
    stated = chance_of_meeting(len(acts) / len(days), 40, len(days))
    error = (stated * (1 - stated) / len(met)) ** 0.5
    assert np.mean(met) >= stated - 4.0 * error
    assert np.mean(met) <= stated + 0.05, "and hardly more, where a leak is spread evenly"
