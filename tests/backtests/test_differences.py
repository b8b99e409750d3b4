"""The first difference of two runs: the earliest row, be it a value or that it is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from backtests.robustness.differences import first_difference
from backtests.robustness.traces import Table

NAMES = [f"order {number}" for number in range(1, 13)]


def table(values: dict[str, float]) -> dict[str, Table]:
    frame = pd.DataFrame({"shares": list(values.values())}, index=pd.Index([*values], dtype=object))
    return {"orders": Table(frame, np.arange(len(frame)))}


@given(st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)), st.sets(st.integers(12, 15)))
def test_the_earliest_row_is_named(moved: set[int], gone: set[int], new: set[int]) -> None:
    whole = {name: float(place) for place, name in enumerate(NAMES)}
    other = {
        name: value + (place in moved)
        for place, (name, value) in enumerate(whole.items())
        if place not in gone
    } | {f"order {place + 1}": 0.0 for place in new}
    found = first_difference(table(whole), table(other), ("orders",))
    touched = sorted((moved - gone) | gone | new)
    if not touched:
        assert found is None
        return
    assert found is not None
    assert found.row == f"order {touched[0] + 1}"
    assert found.column == ("shares" if touched[0] in moved - gone else "")


def test_another_order_is_a_difference() -> None:
    whole, turned = table({"a": 1.0, "b": 2.0, "c": 3.0}), table({"a": 1.0, "c": 3.0, "b": 2.0})
    found = first_difference(whole, turned, ("orders",))
    assert found is not None
    assert (found.row, found.given) == ("b", "another order")
