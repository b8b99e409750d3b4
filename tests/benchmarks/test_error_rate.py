"""What the benchmark of the error rate calls broken."""

from __future__ import annotations

from benchmarks.error_rate import NAIVE, too_often


def test_a_test_at_five_percent_may_reject_a_little_more_often_and_no_more() -> None:
    rejected = {"dates rank_ic": 21, "tickers rank_ic": 22, "led rank_ic": 0, NAIVE[0]: 200}
    assert too_often(rejected, 200) == ["tickers rank_ic"]
    assert too_often({"event kolari_pynnonen": 6}, 10) == ["event kolari_pynnonen"]
