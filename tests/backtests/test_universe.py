"""A universe that follows an index holds its members by date; runs say what they lean on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from backtests.broker import BrokerSettings
from backtests.config import RunConfig
from backtests.engine import run_engine
from backtests.inputs import Universe, load_inputs
from markets.calendar import hong_kong_calendar
from markets.costs import CostSchedule
from markets.errors import MissingDataError
from markets.instruments import Instruments
from markets.prices import MarketData, no_actions
from strategies.base import StrategySettings

BYD, LITERATURE, TENCENT, HSBC = "1211.HK", "0772.HK", "0700.HK", "0005.HK"
CALENDAR = hong_kong_calendar()


def market(*tickers: str, start: str = "2025-05-26", end: str = "2025-07-11") -> MarketData:
    sessions = CALENDAR.sessions(date.fromisoformat(start), date.fromisoformat(end))
    index = pd.DatetimeIndex(pd.to_datetime(sessions), name="session").as_unit("s")
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    frame = pd.DataFrame({**prices, "volume": 1e8}, index=index)
    return MarketData(bars=dict.fromkeys(tickers, frame), actions=no_actions())


def config(**changed: object) -> RunConfig:
    fields = {"name": "t", "start": "2025-05-26", "end": "2025-07-11", "universe": "hstech"}
    return RunConfig.model_validate(fields | changed)


def test_an_index_holds_the_members_of_the_day() -> None:
    """On 2025-06-09 BYD took the place of China Literature."""
    universe = Universe(config(), Instruments.default(), market(BYD, LITERATURE, TENCENT, HSBC))
    assert universe[date(2025, 6, 6)] == {LITERATURE, TENCENT}
    assert universe[date(2025, 6, 9)] == {BYD, TENCENT}
    assert universe.candidates == {BYD, LITERATURE, TENCENT}
    assert "9988.HK" in universe.unpriced  # a member all the time, and without prices
    assert HSBC not in universe.unpriced | universe.unknown


def test_who_was_no_member_in_the_run_is_not_in_it() -> None:
    early = config(start="2025-05-26", end="2025-06-06")
    universe = Universe(early, Instruments.default(), market(BYD, TENCENT))
    assert universe.candidates == {TENCENT}


@pytest.mark.parametrize(
    ("name", "june", "july"),
    [
        ("buy_and_hold", {LITERATURE, TENCENT}, {LITERATURE, TENCENT}),
        ("equal_weight", {LITERATURE, TENCENT}, {BYD, TENCENT}),
    ],
)
def test_baselines_hold_members_only(name: str, june: set[str], july: set[str]) -> None:
    """Before BYD joined nobody held it for being a member; who left is sold at the month's turn."""
    prices = market(BYD, LITERATURE, TENCENT)
    universe: Mapping[date, frozenset[str]] = Universe(config(), Instruments.default(), prices)
    result = run_engine(
        StrategySettings(name=name),
        prices,
        [],
        start=date(2025, 5, 27),
        end=date(2025, 7, 11),
        broker=BrokerSettings(),
        instruments=Instruments.default(),
        calendar=CALENDAR,
        costs=CostSchedule("none"),
        universe=universe,
    )
    for day, members in (("2025-06-30", june), ("2025-07-02", july)):
        held = result.holdings.loc[day]
        assert set(held[held > 0].index) == members


def test_random_entries_are_drawn_from_members() -> None:
    prices = market(BYD, LITERATURE, TENCENT)
    sessions = CALENDAR.sessions(date(2025, 5, 27), date(2025, 7, 10))
    result = run_engine(
        StrategySettings(
            name="random_entries",
            params={"entries": dict.fromkeys(sessions, 1), "hold_sessions": 1, "weight": 0.3},
        ),
        prices,
        [],
        start=date(2025, 5, 27),
        end=date(2025, 7, 11),
        broker=BrokerSettings(),
        instruments=Instruments.default(),
        calendar=CALENDAR,
        costs=CostSchedule("none"),
        universe=Universe(config(), Instruments.default(), prices),
    )
    bought = result.fills[result.fills["side"] == "buy"]
    assert set(bought["ticker"]) == {BYD, LITERATURE, TENCENT}
    assert (bought.loc[bought["ticker"] == BYD, "session"] >= "2025-06-09").all()
    assert (bought.loc[bought["ticker"] == LITERATURE, "session"] < "2025-06-09").all()


def test_a_plan_of_ones_own_and_its_tier(tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    path.write_text(
        '[[plans]]\nname = "mine"\npasses_on = "all"\n'
        'tiers = [{ rate = "0.01" }, { rate = "0.002" }]\n'
    )
    settings = BrokerSettings(costs="mine", costs_tier=2, costs_file=str(path))
    note = settings.schedule().note(
        session=date(2025, 9, 12), side="buy", price="151.10", shares=100
    )
    assert str(note.commission) == "30.22"


def test_yahoo_is_asked_for_whoever_was_a_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no list of all it has; a file has, and may hold more or less than the index."""
    asked: list[object] = []

    def refuse(settings: object, tickers: object, *_: object) -> MarketData:
        asked.append(tickers)
        raise MissingDataError("enough")

    monkeypatch.setattr("backtests.inputs.load_prices", refuse)
    for source in ("yahoo", "files"):
        with pytest.raises(MissingDataError, match="enough"):
            load_inputs(config(prices={"source": source}, data_dir=str(tmp_path)), {})
    members = Instruments.default().membership("hstech")
    first, second = members.on(date(2025, 5, 26)), members.on(date(2025, 7, 11))
    assert asked == [sorted(first | second), None]
