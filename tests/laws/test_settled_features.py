"""What a feature group says is kept to 24 bits: near enough, in order, the same in any batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from signals.features.build import settled

BOUND = 1e300
numbers = st.floats(-BOUND, BOUND, allow_subnormal=False)


def settle(values: list[float]) -> np.ndarray:
    return settled(pd.DataFrame({"own__value": values}, dtype="float64"))["own__value"].to_numpy()


@given(st.lists(numbers, min_size=1, max_size=30))
def test_values_keep_24_bits_and_their_order(values: list[float]) -> None:
    kept = settle(values)
    assert (np.abs(kept - values) <= np.abs(values) * 2.0**-24).all()
    assert (settle(kept.tolist()) == kept).all()
    assert (np.diff(kept[np.argsort(values, kind="stable")]) >= 0).all()


@given(st.lists(st.integers(-(2**24), 2**24), min_size=1, max_size=30))
def test_counts_stay_as_they_are(counts: list[int]) -> None:
    assert settle([float(count) for count in counts]).tolist() == counts


@given(st.lists(numbers, min_size=2, max_size=30), st.integers(1, 29))
def test_a_value_does_not_depend_on_what_stands_beside_it(values: list[float], cut: int) -> None:
    assert (settle(values)[:cut] == settle(values[:cut])).all()


def test_rounding_of_a_matrix_product_is_gone() -> None:
    draws = np.random.default_rng(3)
    rows, layer = draws.normal(size=(300, 512)), draws.normal(size=(512, 32))
    whole = rows @ layer
    for cut in (7, 100, 250):
        part = rows[:cut] @ layer
        assert (settle(part.ravel().tolist()) == settle(whole[:cut].ravel().tolist())).all()
