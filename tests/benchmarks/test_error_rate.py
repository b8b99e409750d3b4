"""What the benchmark of the error rate calls broken."""

from __future__ import annotations

from benchmarks.error_rate import NAIVE, rejections, too_often


def test_a_test_at_five_percent_may_reject_a_little_more_often_and_no_more() -> None:
    rejected = {
        "dates rank_ic": (21, 200),
        "tickers rank_ic": (22, 200),
        "led rank_ic": (0, 200),
        NAIVE[0]: (200, 200),
    }
    assert too_often(rejected) == ["tickers rank_ic"]
    assert too_often({"event kolari_pynnonen": (6, 10)}) == ["event kolari_pynnonen"]
    assert too_often({"learned sharpe": (7, 50), "led sharpe": (9, 50)}) == ["led sharpe"]


def test_what_a_world_says_is_counted_by_its_kind() -> None:
    worlds = [
        {
            "p": {"dates rank_ic": 0.05, **({"learned sharpe": 0.01} if number else {})},
            "t": {"rank IC": -2.5 if number else None},
            "said": {"the edge stands": bool(number)},
            "band": {"rank_ic": [0.1, 0.3, 0.2], "sharpe": [-1.0, 1.0, float(number)]},
        }
        for number in range(3)
    ]
    assert rejections(worlds) == {
        "dates rank_ic": (3, 3),
        "learned sharpe": (2, 2),
        "t of rank IC": (2, 3),
        "the edge stands": (2, 3),
        "interval of rank_ic": (3, 3),
        "interval of sharpe": (0, 3),
    }
