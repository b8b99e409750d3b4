"""Labels: from the first open that could be traded, against the benchmark, known at `t1`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markets.calendar import hong_kong_calendar
from markets.errors import ConfigError, MissingDataError
from markets.prices import MarketData, no_actions
from signals.features.base import ROW_INDEX, FeatureFrame
from signals.labels import LabelSettings, label

CALENDAR = hong_kong_calendar()
SESSIONS = pd.DatetimeIndex(CALENDAR.sessions(date(2025, 9, 1), date(2025, 9, 12)), name="session")
ONE, TWO = "0700.HK", "9988.HK"


def frame_of(opens: list[float], drop: tuple[int, ...] = ()) -> pd.DataFrame:
    values = np.array(opens)
    bars = pd.DataFrame(
        {"open": values, "high": values + 1, "low": values - 1, "close": values, "volume": 1e6},
        index=SESSIONS,
    )
    return bars.drop(SESSIONS[list(drop)])


def market(**extra: Any) -> MarketData:
    rising = frame_of([100.0 + n for n in range(10)])
    flat = frame_of([50.0] * 10)
    given: dict[str, Any] = {"bars": {ONE: rising, TWO: flat}, "actions": no_actions()}
    return MarketData(**{**given, **extra})


def features(*rows: tuple[int, str]) -> FeatureFrame:
    decided = [
        datetime.combine(SESSIONS[at].date(), datetime.min.time(), tzinfo=UTC) + timedelta(hours=1)
        for at, _ in rows
    ]
    index = pd.MultiIndex.from_arrays(
        [pd.DatetimeIndex(decided), [ticker for _, ticker in rows]], names=ROW_INDEX
    )

    def series(values: list[Any]) -> pd.Series:
        return pd.Series(values, index=index)

    keys = [(f"{at}{ticker}",) for at, ticker in rows]
    return FeatureFrame(
        values=pd.DataFrame(index=index),
        texts=series([""] * len(rows)),
        sessions=series([SESSIONS[at] for at, _ in rows]),
        available_at=series(decided),
        event_ids=series(keys),
        item_ids=series(keys),
        story_keys=series(keys),
        groups={},
    )


def test_from_open_to_open_less_the_mean_of_the_universe() -> None:
    values = label(features((2, ONE)), market(), CALENDAR, LabelSettings(horizon=3)).values.iloc[0]
    assert values["raw_return"] == pytest.approx(105 / 102 - 1)
    assert values["forward_return"] == pytest.approx((105 / 102 - 1) / 2)
    assert values["target"] == 1
    assert (values["t0"], values["t1"]) == (SESSIONS[2], SESSIONS[5])


def test_members_of_the_universe_are_those_of_the_entry() -> None:
    values = label(
        features((2, ONE)),
        market(),
        CALENDAR,
        LabelSettings(horizon=3),
        lambda day: frozenset({TWO}) if day == SESSIONS[2].date() else frozenset({ONE}),
    ).values
    assert values["forward_return"].iloc[0] == pytest.approx(105 / 102 - 1)


def test_what_is_not_known_yet_has_no_label() -> None:
    frame = features((6, ONE), (7, ONE))
    assert len(label(frame, market(), CALENDAR, LabelSettings(horizon=3))) == 1


def test_a_halt_at_the_entry_has_no_label_and_one_at_the_exit_waits() -> None:
    broken = frame_of([100.0 + n for n in range(10)], (2, 6))
    halted = market(bars={ONE: broken, TWO: frame_of([50.0] * 10)})
    frame = features((2, ONE), (3, ONE))
    values = label(frame, halted, CALENDAR, LabelSettings(horizon=3)).values
    assert values["t0"].tolist() == [SESSIONS[3]]
    assert values["t1"].tolist() == [SESSIONS[7]]
    assert values["raw_return"].iloc[0] == pytest.approx(107 / 103 - 1)


def test_a_dividend_is_part_of_the_return() -> None:
    actions = pd.DataFrame(
        {"ticker": [TWO], "ex_date": [SESSIONS[4]], "ratio": [1.0], "cash_hkd": [5.0]}
    )
    paid = label(
        features((2, TWO)), market(actions=actions), CALENDAR, LabelSettings(benchmark="none")
    )
    assert paid.values["forward_return"].iloc[0] == pytest.approx(0.1)


def test_an_index_is_a_benchmark_only_with_opens() -> None:
    closes = pd.DataFrame({"close": np.linspace(10, 11, 10)}, index=SESSIONS)
    opens = closes.assign(open=closes["close"])
    held = market(indices={"HSI": closes, "HSTECH": opens})
    frame = features((2, TWO))
    with pytest.raises(MissingDataError, match="without opens"):
        label(frame, held, CALENDAR, LabelSettings(benchmark="HSI"))
    with pytest.raises(MissingDataError, match="no such index"):
        label(frame, held, CALENDAR, LabelSettings(benchmark="HSTEC"))
    found = label(frame, held, CALENDAR, LabelSettings(benchmark="HSTECH")).values
    level = closes["close"].to_numpy()
    assert found["forward_return"].iloc[0] == pytest.approx(-(level[5] / level[2] - 1))


@pytest.mark.parametrize(("ticker", "target"), [(ONE, 1), (TWO, 0)])
def test_a_dead_band_is_two_sided_and_changes_no_target(ticker: str, target: int) -> None:
    frame = features((2, ticker))
    for band, neutral in ((0.0, False), (100.0, False), (200.0, True)):
        found = label(frame, market(), CALENDAR, LabelSettings(dead_band_bp=band)).values.iloc[0]
        assert (found["neutral"], found["target"]) == (neutral, target)


def test_a_dead_band_can_be_the_round_trip_of_the_entrys_date() -> None:
    frame = features((2, ONE), (5, ONE))
    settings = LabelSettings(horizon=3, dead_band_bp="round_trip")

    def costs(tickers: Any, sessions: Any) -> Any:
        assert tickers.tolist() == [ONE, ONE]
        return np.where(sessions < SESSIONS[5].to_numpy(), 0.01, 0.02)

    found = label(frame, market(), CALENDAR, settings, costs=costs).values
    assert found["cost"].tolist() == [0.01, 0.02]
    assert found["target"].tolist() == [1, 1]
    assert found["neutral"].tolist() == [False, True]
    with pytest.raises(ConfigError, match="round trip"):
        label(frame, market(), CALENDAR, settings)


def test_a_barrier_is_left_at_the_open_after_the_close_beyond_it() -> None:
    opens = [100.0, 101, 100, 101, 100, 101, 100, 101, 120, 121]
    bars = frame_of(opens)
    jumping = market(bars={ONE: bars, TWO: frame_of([50.0] * 10)})
    settings = LabelSettings(
        horizon=3, exit="triple_barrier", benchmark="none", volatility_sessions=5
    )
    bars.loc[SESSIONS[6], ["high", "close"]] = 150.0
    found = label(features((6, ONE)), jumping, CALENDAR, settings).values.iloc[0]
    assert found["t1"] == SESSIONS[7]
    assert found["forward_return"] == pytest.approx(0.01)


def test_trailing_beta_recovers_the_slope_from_the_past() -> None:
    days = pd.DatetimeIndex(CALENDAR.sessions(date(2024, 1, 2), date(2025, 9, 12)), name="session")
    draws = np.random.default_rng(0)
    index = 100 * np.cumprod(1 + draws.normal(0, 0.01, len(days)))
    moves = np.r_[0.0, index[1:] / index[:-1] - 1]
    stock = 100 * np.cumprod(1 + 2 * moves)
    bars = pd.DataFrame(
        {"open": stock, "high": stock, "low": stock, "close": stock, "volume": 1.0}, index=days
    )
    held = MarketData(
        bars={ONE: bars},
        actions=no_actions(),
        indices={"HSTECH": pd.DataFrame({"open": index, "close": index}, index=days)},
    )
    settings = LabelSettings(horizon=1, benchmark="HSTECH", beta="trailing")
    found = label(features((4, ONE)), held, CALENDAR, settings).values
    assert found["forward_return"].iloc[0] == pytest.approx(0.0, abs=1e-12)


def moving(seed: int, size: float, days: pd.DatetimeIndex) -> pd.DataFrame:
    prices = 100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, size, len(days)))
    bars = dict.fromkeys(("open", "high", "low", "close"), prices)
    return pd.DataFrame({**bars, "volume": 1.0}, index=days)


def test_a_beta_knows_the_members_of_each_past_session_only() -> None:
    days = pd.DatetimeIndex(CALENDAR.sessions(date(2025, 3, 3), date(2025, 9, 12)), name="session")
    bars = {ONE: moving(1, 0.01, days), TWO: moving(2, 0.01, days)}
    wild = {**bars, "1810.HK": moving(3, 0.2, days)}
    settings = LabelSettings(horizon=1, beta="trailing", beta_sessions=20)

    def asked(bars: dict[str, pd.DataFrame], **members: Any) -> pd.DataFrame:
        held = MarketData(bars=bars, actions=no_actions())
        return label(features((2, ONE), (4, ONE)), held, CALENDAR, settings, **members).values

    plain = asked(bars)
    # It joins the day after the entry: what it did before is nobody's benchmark.
    joins = SESSIONS[5].date()
    later = asked(wild, universe=lambda day: frozenset(wild if day >= joins else bars))
    pd.testing.assert_frame_equal(plain, later, check_exact=True)
    assert not plain["forward_return"].equals(asked(wild)["forward_return"])


def test_scaled_returns_compare_over_stocks_and_know_the_past_only() -> None:
    days = pd.DatetimeIndex(CALENDAR.sessions(date(2025, 6, 2), date(2025, 9, 12)), name="session")
    calm, wild = moving(1, 0.01, days), moving(1, 0.04, days)
    new = moving(4, 0.3, days)[SESSIONS[0] :]  # listed too late for a volatility of its own
    held = MarketData(bars={ONE: calm, TWO: wild, "1810.HK": new}, actions=no_actions())
    settings = LabelSettings(horizon=3, benchmark="none")
    frame = features((4, ONE), (4, TWO), (4, "1810.HK"))
    values = label(frame, held, CALENDAR, settings).values
    volatility = values["forward_return"] / values["scaled_return"] / np.sqrt(3)
    before = days < SESSIONS[4]
    own = [bars["close"][before].pct_change().iloc[-20:].std(ddof=0) for bars in (calm, wild)]
    by_ticker = volatility.droplevel("decision_at")
    assert by_ticker[[ONE, TWO]].tolist() == pytest.approx(own)
    assert by_ticker["1810.HK"] == pytest.approx(np.median(own))
    early = market(bars={ONE: calm[SESSIONS[0] :]})
    found = label(features((4, ONE)), early, CALENDAR, settings).values
    assert found["scaled_return"].isna().all()


def test_overlapping_outcomes_share_their_weight() -> None:
    frame = features((1, ONE), (2, ONE), (2, TWO), (6, ONE))
    weights = label(frame, market(), CALENDAR, LabelSettings(horizon=2)).values["weight"]
    assert weights.tolist() == pytest.approx([0.75, 0.75 / 2, 1.0 / 2, 1.0])
