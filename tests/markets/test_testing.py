"""The conformance check refuses sources that break a promise, one promise at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import given

from markets.errors import DataError
from markets.prices import MarketData, no_actions
from markets.sources.sound import require_sound
from markets.sources.synthetic import SyntheticSettings, SyntheticSource
from markets.testing import check_price_source, market_data

DAYS = pd.DatetimeIndex(pd.bdate_range("2025-09-01", periods=8), name="session").as_unit("s")
TICKERS = ["0700.HK", "9988.HK"]
START, END = date(2025, 9, 1), date(2025, 9, 9)


def whole() -> MarketData:
    closes = [10.0 + n for n in range(8)]
    bars = pd.DataFrame(
        {"open": closes, "high": closes, "low": closes, "close": closes, "volume": 9.0}, index=DAYS
    )
    tickers = {"0700.HK": bars, "9988.HK": bars * 2, "9888.HK": bars * 3}
    return MarketData(bars=tickers, actions=no_actions(), source="test")


Change = Callable[[MarketData, Sequence[str], date], MarketData]


class Source:
    """A right source, with one thing changed in its answers."""

    def __init__(self, change: Change | None = None, lenient: bool = False) -> None:
        self.change = change
        self.lenient = lenient
        self.asked = 0

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        self.asked += 1
        names = list(tickers or [])
        part = whole().between(start, end)
        if self.lenient:
            names = [name for name in names if name in part.bars]
        answer = part.only(names)
        if self.change is None or not answer.bars:
            return answer
        return self.change(answer, names, end or END)


def rescaled(answer: MarketData, names: Sequence[str], end: date) -> MarketData:
    """Back-adjust: every price depends on the last date asked for."""
    factor = end.day
    return replace(answer, bars={name: bars * factor for name, bars in answer.bars.items()})


def test_a_right_source_passes() -> None:
    assert check_price_source(Source(), TICKERS, START, END).tickers == tuple(TICKERS)


def test_the_known_answer_market_passes() -> None:
    source = SyntheticSource(SyntheticSettings())
    check_price_source(source, ["99001.HK", "99002.HK"], date(2024, 1, 2), date(2024, 3, 28))


@pytest.mark.parametrize(
    ("source", "promise"),
    [
        (Source(lambda answer, names, end: whole()), "the tickers asked for"),
        (Source(lambda answer, names, end: answer.only(names[:1])), "the tickers asked for"),
        (Source(lambda answer, names, end: whole().only(names)), "within the dates asked for"),
        (Source(rescaled), "does not change later"),
        (
            Source(
                lambda answer, names, end: replace(
                    answer, bars={n: b * len(names) for n, b in answer.bars.items()}
                )
            ),
            "do not depend on the others",
        ),
        (
            Source(
                lambda answer, names, end: replace(answer, as_of=datetime(2025, 9, 1, tzinfo=UTC))
            ),
            "younger than the data",
        ),
        (Source(lenient=True), "MissingDataError"),
    ],
)
def test_a_broken_promise_is_named(source: Source, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_price_source(source, TICKERS, START, END)


def test_a_source_that_changes_its_mind() -> None:
    source = Source()
    source.change = lambda answer, names, end: replace(
        answer, bars={name: bars + source.asked for name, bars in answer.bars.items()}
    )
    with pytest.raises(AssertionError, match="same answer"):
        check_price_source(source, TICKERS, START, END)


def test_an_unsound_frame_is_a_data_error() -> None:
    source = Source(
        lambda answer, names, end: replace(
            answer, bars={name: bars.assign(volume=0.0) for name, bars in answer.bars.items()}
        )
    )
    with pytest.raises(DataError, match="without volume"):
        check_price_source(source, TICKERS, START, END)


@given(market_data())
def test_generated_markets_keep_every_promise(market: MarketData) -> None:
    require_sound(market)
    for ticker in market.tickers:
        prices = market.bars[ticker][["open", "high", "low", "close"]].to_numpy() * 1000
        assert abs(prices - prices.round()).max() < 1e-6
