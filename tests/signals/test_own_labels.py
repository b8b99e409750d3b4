"""A label of one's own: what comes through the door, and what is turned away at it."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markets.calendar import Calendar, hong_kong_calendar
from markets.errors import ConfigError, DataError, LeakError
from markets.prices import MarketData, no_actions
from signals.labels import LabelSettings
from signals.own_labels import measured, own_label
from signals.testing import check_labeler
from signals.weights import uniqueness

CALENDAR = hong_kong_calendar()
ONE, TWO = "99001.HK", "99002.HK"
DAYS = pd.DatetimeIndex(CALENDAR.sessions(date(2023, 1, 3), date(2023, 3, 31)))


def market(halt: int | None = None) -> MarketData:
    """Two stocks; the second has no bar in one session, if wanted."""
    price = 10.0 + np.arange(len(DAYS)) % 7
    bars = pd.DataFrame(
        {"open": price, "high": price + 1, "low": price - 1, "close": price + 0.5, "volume": 1e6},
        index=DAYS.rename("session"),
    )
    second = bars if halt is None else bars.drop(index=DAYS[halt])
    return MarketData({ONE: bars, TWO: second}, no_actions())


def entries(*places: tuple[int, str]) -> pd.Series:
    """Decisions at the opens of some sessions."""
    at = [datetime.combine(DAYS[place], datetime.min.time(), UTC) for place, _ in places]
    names = ("decision_at", "ticker")
    index = pd.MultiIndex.from_arrays([at, [ticker for _, ticker in places]], names=names)
    return pd.Series([DAYS[place] for place, _ in places], index=index)


class Held:
    """From open to open, so many sessions on."""

    sessions, column = 3, "open"

    def __init__(self, settings: LabelSettings) -> None:
        self.settings = settings

    def outcomes(self, asked: pd.Series, market: MarketData, calendar: Calendar) -> pd.DataFrame:
        rows: dict[Any, dict[str, Any]] = {}
        adjusted = {ticker: market.forward_adjusted(ticker) for ticker in market.tickers}
        for key, session in asked.items():
            bars = adjusted[key[1]]  # type: ignore[index]
            at = int(bars.index.searchsorted(session))
            if at + self.sessions >= len(bars) or bars.index[at] != session:
                continue
            end = bars.iloc[at + self.sessions]
            earned = float(end[self.column] / bars["open"].iloc[at] - 1.0)
            rows[key] = self.changed(
                {"forward_return": earned, "target": int(earned > 0), "t1": end.name}, session
            )
        table = pd.DataFrame.from_dict(rows, orient="index")
        return table.set_index(pd.MultiIndex.from_tuples(table.index, names=asked.index.names))

    def changed(self, row: dict[str, Any], session: pd.Timestamp) -> dict[str, Any]:
        return row


def changing(**values: Any) -> type[Held]:
    """A label that says something else of its first outcomes; a function is called with both."""

    class Changed(Held):
        def changed(self, row: dict[str, Any], session: pd.Timestamp) -> dict[str, Any]:
            told = {k: v(row, session) if callable(v) else v for k, v in values.items()}
            return {**row, **told}

    return Changed


def asked(labeler: type[Any], rows: pd.Series, prices: MarketData, **settings: Any) -> pd.DataFrame:
    chosen = LabelSettings(**settings)
    return measured(labeler(chosen), rows, prices, CALENDAR, chosen).values


def test_the_house_adds_what_one_need_not_measure() -> None:
    rows = entries((30, ONE), (30, TWO), (31, ONE), (58, ONE))
    values = asked(Held, rows, market())
    assert len(values) == 3, "the last outcome is not known yet"
    assert (values["t0"] == rows.iloc[:3].to_numpy()).all()
    assert (values["t1"] == [DAYS[33], DAYS[33], DAYS[34]]).all()
    assert values["raw_return"].equals(values["forward_return"].rename("raw_return"))
    assert values["cost"].isna().all()
    own = 1 / 3 * (1 + 1 / 2 + 1 / 2)
    assert values["weight"].tolist() == pytest.approx([own / 2, 1 / 2, own])
    volatility = values["forward_return"] / values["scaled_return"]
    assert (volatility > 0).all()


def test_weights_do_not_say_which_later_outcomes_are_known() -> None:
    rows = entries((30, ONE), (31, ONE), (32, ONE), (34, ONE))
    late = asked(Held, rows, market())
    for last in range(33, 40):
        known = asked(Held, rows, market().until(DAYS[last].date()))
        assert known["weight"].equals(late["weight"].iloc[: len(known)])


def test_spans_are_counted_to_where_they_were_planned() -> None:
    tickers = np.array([ONE] * 2, dtype=object)
    start, stop = np.array([0, 1]), np.array([2, 2])
    assert uniqueness(tickers, start, stop).tolist() == [0.75, 0.5]
    assert uniqueness(tickers, start, stop, np.array([1, 4])).tolist() == [1.0, 1.0]


def test_a_stock_without_a_bar_may_be_entered_later_or_not_at_all() -> None:
    rows = entries((30, ONE), (30, TWO))
    halted = market(halt=30)
    assert len(asked(Held, rows, halted)) == 1
    later = changing(t0=DAYS[31])
    assert asked(later, rows, market())["t0"].tolist() == [DAYS[31]] * 2


REFUSED = {
    "begins before its decision": (LeakError, {"t0": lambda row, day: day - pd.Timedelta("7D")}),
    "known before it can be": (LeakError, {"t1": lambda row, day: day}),
    "that no bar reaches": (LeakError, {"t1": pd.Timestamp("2023-04-03")}),
    "on no session": (LeakError, {"t1": pd.Timestamp("2023-03-05")}),
    "neither 0 nor 1": (DataError, {"target": 2}),
    "is no number": (DataError, {"forward_return": float("nan")}),
    "raw_return is no number": (DataError, {"raw_return": "x"}),
    "t1 is no session": (DataError, {"t1": "soon"}),
    "t0 is no session": (DataError, {"t0": pd.NaT}),
    "a t1 is no session": (DataError, {"t1": pd.Timestamp("2023-03-06", tz="UTC")}),
    "other columns": (DataError, {"t2": 1}),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_outcomes_that_cannot_be_are_refused_by_row(problem: str) -> None:
    error, change = REFUSED[problem]
    with pytest.raises(error, match=problem) as caught:
        asked(changing(**change), entries((30, ONE), (31, TWO)), market())
    assert caught.value.where


def test_an_outcome_without_an_entry_is_refused() -> None:
    with pytest.raises(LeakError, match="without a bar at its entry") as caught:
        asked(changing(t0=DAYS[30]), entries((29, TWO), (30, ONE)), market(halt=30))
    assert TWO in str(caught.value.where)


def test_strangers_and_twins_are_refused() -> None:
    class Stranger(Held):
        def outcomes(self, *given: Any) -> pd.DataFrame:
            return super().outcomes(*given).rename(index={ONE: "99009.HK"})

    class Twins(Held):
        def outcomes(self, *given: Any) -> pd.DataFrame:
            found = super().outcomes(*given)
            return pd.concat([found, found])

    class Nothing(Held):
        def outcomes(self, *given: Any) -> Any:
            return None

    for labeler, problem in ((Stranger, "no decision"), (Twins, "no decision"), (Nothing, "table")):
        with pytest.raises(DataError, match=problem):
            asked(labeler, entries((30, ONE)), market())


def test_the_door_loads_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("held_label")
    module.Held = Held  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "held_label", module)
    rows = entries((30, ONE))
    found = own_label(rows, market(), CALENDAR, LabelSettings(name="held_label:Held", horizon=5))
    assert found.horizon == 5
    assert found.values.equals(asked(Held, rows, market(), horizon=5))
    with pytest.raises(ConfigError, match="no such part") as caught:
        own_label(rows, market(), CALENDAR, LabelSettings(name="forward_retrun"))
    assert caught.value.nearest == "forward_return"
    with pytest.raises(ConfigError, match="no label"):
        own_label(rows, market(), CALENDAR, LabelSettings(name="builtins:repr"))


class ToClose(Held):
    """Ends at a close that is not known at the open of its `t1`."""

    column = "close"


class FromCloseBefore(Held):
    """Counts the gap into the entry."""

    def outcomes(self, asked: pd.Series, market: MarketData, calendar: Calendar) -> pd.DataFrame:
        found = super().outcomes(asked, market, calendar)
        adjusted = {ticker: market.forward_adjusted(ticker) for ticker in market.tickers}
        for key in found.index:
            bars = adjusted[key[1]]
            at = int(bars.index.searchsorted(asked[key]))
            gap = bars["open"].iloc[at] / bars["close"].iloc[max(0, at - 1)]
            found.loc[key, "forward_return"] = (1 + found.loc[key, "forward_return"]) * gap - 1
        return found


def test_the_check_passes_an_honest_label_and_names_what_a_leaking_one_does() -> None:
    check_labeler(Held)
    with pytest.raises(LeakError, match="all but the open is taken away") as caught:
        check_labeler(ToClose)
    assert ".HK" in str(caught.value.where)
    with pytest.raises(LeakError, match="before its entry are halved"):
        check_labeler(FromCloseBefore)
