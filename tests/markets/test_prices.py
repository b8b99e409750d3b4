"""MarketData by hand: two sessions, a split and a dividend, worked out on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markets.errors import ConfigError, DataError, MissingDataError
from markets.prices import MarketData, PriceSource, no_actions
from markets.sources import PriceSettings, load_prices, open_source
from markets.sources.sound import require_sound

DAYS = pd.DatetimeIndex(["2025-09-10", "2025-09-11", "2025-09-12", "2025-09-15"], name="session")


def frame(opens: list[float], closes: list[float], days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    top = np.maximum(opens, closes)
    return pd.DataFrame(
        {
            "open": opens,
            "high": top + 1.0,
            "low": np.minimum(opens, closes) - 0.5,
            "close": closes,
            "volume": 100.0,
        },
        index=days,
    )


def actions(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    ticker, day, ratio, cash = (list(column) for column in zip(*rows, strict=True))
    return pd.DataFrame(
        {
            "ticker": pd.Series(ticker, dtype="str"),
            "ex_date": np.array(day, dtype="datetime64[s]"),
            "ratio": ratio,
            "cash_hkd": cash,
        }
    )


MARKET = MarketData(
    bars={
        "0700.HK": frame([100.0, 100.0, 20.0, 21.0], [100.0, 102.0, 21.0, 20.0]),
        "9988.HK": frame([50.0, 48.0], [50.0, 49.0], DAYS[[0, 2]]),
    },
    actions=actions(
        ("9988.HK", "2025-09-11", 1.0, 2.4),
        ("0700.HK", "2025-09-12", 5.0, 0.0),
        ("0700.HK", "2025-09-15", 1.0, 4.2),
    ),
    indices={"HSI": pd.DataFrame({"close": [1.0, 2.0, 3.0, 4.0]}, index=DAYS)},
)


def test_growth_takes_splits_and_buys_with_dividends_at_the_ex_open() -> None:
    assert MARKET.growth("0700.HK").tolist() == [1.0, 1.0, 5.0, 6.0]  # 4.2 / 21.0 = 0.2 more each
    assert MARKET.forward_adjusted("0700.HK")["close"].tolist() == [100.0, 102.0, 105.0, 120.0]
    np.testing.assert_allclose(
        MARKET.total_returns("0700.HK"), [np.nan, 0.02, 105 / 102 - 1, 120 / 105 - 1]
    )


def test_a_dividend_on_a_day_without_a_bar_counts_at_the_next_bar() -> None:
    assert MARKET.growth("9988.HK").tolist() == [1.0, 1.0 + 2.4 / 48.0]


def test_dividends_before_the_first_bar_belong_to_somebody_else() -> None:
    early = replace(MARKET, actions=actions(("0700.HK", "2025-09-10", 2.0, 9.0)))
    assert early.growth("0700.HK").tolist() == [1.0] * 4


def test_what_two_actions_between_two_bars_do_together() -> None:
    """100 shares: 1 for 2 makes 200, then HKD 3 on each: HKD 600 buy 12.5 more at 48."""
    both = replace(
        MARKET,
        actions=actions(("9988.HK", "2025-09-11", 2.0, 0.0), ("9988.HK", "2025-09-12", 1.0, 3.0)),
    )
    assert both.growth("9988.HK").iloc[-1] == pytest.approx(2.125)


def test_matrices_never_fill_a_halt() -> None:
    opens = MARKET.opens(DAYS)
    assert opens["9988.HK"].tolist()[::2] == [50.0, 48.0]
    assert opens["9988.HK"].isna().tolist() == [False, True, False, True]
    assert list(MARKET.closes(DAYS, ["9988.HK"]).columns) == ["9988.HK"]
    with pytest.raises(ConfigError, match=r"nearest\s+close"):
        MARKET.matrix("closes", DAYS)
    with pytest.raises(ConfigError, match="price column"):
        MARKET.total_returns("0700.HK", "volume")


def test_until_and_between_cut_everything() -> None:
    known = MARKET.until(date(2025, 9, 11))
    assert {ticker: len(bars) for ticker, bars in known.bars.items()} == {
        "0700.HK": 2,
        "9988.HK": 1,
    }
    assert known.actions["ticker"].tolist() == ["9988.HK"]
    assert len(known.indices["HSI"]) == 2
    late = MARKET.between(date(2025, 9, 15), None)
    assert late.tickers == ("0700.HK",)
    assert MARKET.only(["9988.HK"]).actions["ticker"].tolist() == ["9988.HK"]
    with pytest.raises(MissingDataError, match="no prices"):
        MARKET.only(["9999.HK"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda bars: bars.iloc[::-1], "strictly increase"),
        (lambda bars: bars.iloc[[0, 0, 1]], "strictly increase"),
        (lambda bars: bars.iloc[:0], "an empty frame"),
        (lambda bars: bars.tz_localize("Asia/Hong_Kong"), "naive exchange dates"),
        (lambda bars: bars.set_axis(bars.index + pd.Timedelta(hours=8)), "at midnight"),
        (lambda bars: bars.rename_axis("date"), "named session"),
        (lambda bars: bars.drop(columns="volume"), "lacks columns"),
        (lambda bars: bars.astype({"volume": "int64"}), "no float64"),
        (lambda bars: bars.assign(volume=0.0), "without volume"),
        (lambda bars: bars.assign(open=np.nan), "no price"),
        (lambda bars: bars.assign(low=-1.0), "no price"),
        (lambda bars: bars.assign(high=1.0), "out of order"),
    ],
)
def test_an_unsound_market_is_refused(change: object, problem: str) -> None:
    require_sound(MARKET)
    bars = change(MARKET.bars["0700.HK"])  # type: ignore[operator]
    with pytest.raises(DataError, match=problem) as caught:
        require_sound(replace(MARKET, bars={"0700.HK": bars}))
    assert "0700.HK" in str(caught.value.where)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (MARKET.actions.iloc[::-1], "must be sorted"),
        (MARKET.actions.iloc[[0, 0]], "must be sorted"),
        (MARKET.actions.drop(columns="ratio"), "other columns"),
        (MARKET.actions.assign(ratio=0.0), "an impossible action"),
        (MARKET.actions.assign(cash_hkd=np.nan), "an impossible action"),
    ],
)
def test_unsound_actions_are_refused(table: pd.DataFrame, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        require_sound(replace(MARKET, actions=table))


def test_what_else_no_market_may_be() -> None:
    with pytest.raises(DataError, match="no bars at all"):
        require_sound(replace(MARKET, bars={}))
    with pytest.raises(DataError, match="contain their actions already"):
        require_sound(replace(MARKET, adjusted=True))
    with pytest.raises(DataError, match="another spelling"):
        require_sound(replace(MARKET, bars={"700.HK": MARKET.bars["0700.HK"]}))
    levels = MARKET.indices["HSI"] * 0
    with pytest.raises(DataError, match="no index level"):
        require_sound(replace(MARKET, indices={"HSI": levels}))


class Held:
    """A user's own source: bars already in memory."""

    def __init__(self, adjusted: bool = False) -> None:
        self.market = replace(MARKET, adjusted=adjusted, actions=no_actions())

    def load(self, tickers: object, start: object, end: object) -> MarketData:
        return self.market


def test_sources_are_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("files", "yahoo", "synthetic"):
        assert open_source(PriceSettings(source=name), tmp_path).load is not None
    with pytest.raises(ConfigError) as caught:
        open_source(PriceSettings(source="yahooo"), tmp_path)
    assert caught.value.given == "yahooo"
    with pytest.raises(ConfigError, match="cannot import"):
        open_source(PriceSettings(source="no_such_module:Source"), tmp_path)


def test_a_users_own_class_is_built_with_its_options_and_held_to_the_promises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[PriceSource] = []

    def maker(**options: bool) -> PriceSource:
        made.append(Held(**options))
        return made[-1]

    monkeypatch.setattr("markets.plugins.load", lambda *_: maker)
    settings = PriceSettings(source="mine:Held", options={"adjusted": True})
    assert load_prices(settings, None, None, None, tmp_path).adjusted
    with pytest.raises(ConfigError, match="takes other options"):
        load_prices(PriceSettings(source="mine:Held", options={"x": 1}), None, None, None, tmp_path)


@pytest.mark.parametrize("returned", [{}, None, {"0700.HK": pd.DataFrame()}])
def test_a_source_that_returns_no_prices_is_refused(
    returned: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = type("Empty", (), {"load": lambda *asked: returned})
    monkeypatch.setattr("markets.plugins.load", lambda *asked: made)
    with pytest.raises(DataError, match="returned no prices") as caught:
        load_prices(PriceSettings(source="mine:Empty"), None, None, None, tmp_path)
    error = caught.value
    assert (error.where, error.wanted) == ("mine:Empty", "MarketData")
    assert error.given == type(returned).__name__


def test_what_is_no_price_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is no price source") as caught:
        open_source(PriceSettings(source="collections:Counter"), tmp_path)
    assert caught.value.where == "prices.source"
