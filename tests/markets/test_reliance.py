"""What nobody confirmed is counted, and a run is told what it leans on."""

from __future__ import annotations

import json
from datetime import date

from markets.instruments import Instruments
from markets.reliance import leans_on, run_warnings, table_counts


def rows_of(*args, **options) -> set[tuple[str, str]]:
    return {(row.table, row.row) for row in leans_on(*args, **options)}


def test_every_table_is_counted():
    counts = {one.table: one for one in table_counts()}
    assert set(counts) >= {"sessions", "closures", "fees", "ticks", "lots", "names", "members"}
    assert all(0 <= one.unverified <= one.rows for one in counts.values())
    assert counts["names"].rows == counts["listings"].rows == 44
    assert counts["fees"].unverified == 0
    assert counts["lots"].unverified > 0


def test_a_run_leans_on_its_own_tickers_and_dates():
    start, end = date(2023, 1, 3), date(2025, 9, 30)
    found = rows_of(["9988.HK", "9866.HK"], start, end, index="hstech")
    assert ("lots", "9866.HK") in found
    assert ("lots", "9988.HK") not in found
    assert ("lots", "2382.HK") not in found
    assert ("members", "hstech") not in found
    assert ("members", "hstech") in rows_of([], start, date(2026, 9, 30), index="hstech")
    assert ("closures", "early_stop") not in found
    assert ("closures", "early_stop") in rows_of([], date(2022, 11, 1), end)
    assert not {table for table, _ in found} & {"ticks", "sessions"}
    assert "ticks" in {table for table, _ in rows_of(["2800.HK"], start, end)}
    for row in leans_on(["9866.HK"], start, end):
        assert json.dumps(row.as_dict())


def test_a_lot_of_ones_own_is_no_longer_unconfirmed(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[lots]]\nticker = "9866.HK"\nvalid_from = 2020-01-01\nvalue = 10\n')
    own = Instruments.default().extended(Instruments.from_toml(path))
    found = rows_of(["9866.HK"], date(2023, 1, 3), date(2025, 9, 30), instruments=own)
    assert ("lots", "9866.HK") not in found


def test_a_run_is_warned_before_a_listing_a_launch_and_after_a_gap():
    warned = run_warnings(["0300.HK"], date(2020, 1, 2), date(2026, 9, 30), index="hstech")
    assert len(warned) == 3
    assert "0300.HK was listed on 2024-09-17" in warned[0]
    assert "launched on 2020-07-27" in warned[1]
    assert "incomplete from 2026-06-08" in warned[2]
    assert run_warnings(["9988.HK"], date(2023, 1, 3), date(2025, 9, 30), index="hstech") == []
