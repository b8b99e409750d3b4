"""Every row of a price table is a bar, a day without a trade, or a listed reject: exactly one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from markets.prices import MarketData, no_actions
from markets.sources.rows import sift
from markets.sources.sound import require_sound

PRICES = st.sampled_from(["10", "11", "9.5", "0", "-1", "nan", "", "inf", "x", 10.0, 12.5, None])
ROWS = st.fixed_dictionaries(
    {
        "ticker": st.sampled_from(["700", "00700", "9988.HK", "AAPL", "", None]),
        "date": st.sampled_from(
            ["2025-09-11", "20250911", "2025-09-12", "2025-09-13", "2025-02-30", "soon", None]
        ),
        "open": PRICES,
        "high": PRICES,
        "low": PRICES,
        "close": PRICES,
        "volume": st.sampled_from(["0", "5", "-5", "nan", "", "many", 7.0, 0.0]),
    }
)
TABLES = st.lists(ROWS, min_size=1, max_size=12)


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(file="p.csv: line", row=np.arange(len(rows)) + 2)


def weekday(day: object) -> bool:
    return day.weekday() < 5  # type: ignore[attr-defined, no-any-return]


@given(TABLES)
def test_nothing_is_lost_and_what_is_kept_is_sound(rows: list[dict[str, object]]) -> None:
    sifted = sift(table(rows), is_session=weekday)
    bars = sum(len(frame) for frame in sifted.frames.values())
    rejected = [row.where for row in sifted.rejections]
    assert len(set(rejected)) == len(rejected)
    idle = sum(len(days) for days in sifted.untraded.values())
    assert bars + len(rejected) + idle == sifted.judged == len(rows)
    if sifted.frames:
        require_sound(MarketData(bars=sifted.frames, actions=no_actions()))


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bar(rows: list[dict[str, object]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = sift(table(rows)), sift(table(shuffled))
    assert set(one.frames) == set(other.frames)
    for name, frame in one.frames.items():
        pd.testing.assert_frame_equal(frame, other.frames[name])
    assert len(one.rejections) == len(other.rejections)


@given(TABLES)
def test_asking_for_one_ticker_gives_its_bars_of_all(rows: list[dict[str, object]]) -> None:
    every, one = sift(table(rows)), sift(table(rows), names=["0700.HK"])
    assert ("0700.HK" in one.frames) == ("0700.HK" in every.frames)
    if "0700.HK" in one.frames:
        pd.testing.assert_frame_equal(one.frames["0700.HK"], every.frames["0700.HK"])
