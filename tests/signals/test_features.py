"""Rows and features: pooled by the clock, forward apart from reaction, known before the open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markets.calendar import DecisionClock, hong_kong_calendar
from markets.errors import ConfigError, DataError, LeakError
from markets.prices import MarketData, no_actions
from signals.events.schema import Event
from signals.features import BUILT_IN_GROUPS, FeatureSettings, build
from signals.features.base import Row
from signals.features.build import build_features, group_of, memory_of, story_key
from signals.features.events import AlreadyMoved, EventKinds, Magnitudes
from signals.features.flow import Flow
from signals.features.prices import Prices
from signals.features.rows import rows_of
from signals.features.testing import check_feature_group, example
from signals.features.text import terms_of
from signals.news import NewsItem

SESSION = date(2025, 9, 12)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def story(item_id: str, at: str, *tickers: str, title: str = "", outlets: int = 1) -> NewsItem:
    return NewsItem(
        item_id, instant(at), "wire", title or f"story {item_id}", tickers=tickers, outlets=outlets
    )


def event(item: NewsItem, **fields: Any) -> Event:
    given: dict[str, Any] = {
        "event_id": f"{item.item_id}-e",
        "item_id": item.item_id,
        "sentence": 0,
        "kind": "earnings",
        "tickers": ("9988.HK",),
        "polarity": 1.0,
        "certainty": "confirmed",
        "available_at": item.available_at,
        "rule_id": "hand",
    }
    return Event(**{**given, **fields})


def row(*events: Event, items: Sequence[NewsItem] = ()) -> Row:
    known = tuple(items) or (story("a", "2025-09-11T23:43:00+08:00", "9988.HK"),)
    return Row(instant("2025-09-12T09:00:00+08:00"), SESSION, "9988.HK", known, tuple(events))


def only(group: Any, *rows: Row) -> dict[str, float]:
    frame = group(FeatureSettings()).build(list(rows), flat_market())
    return {str(name): float(value) for name, value in frame.iloc[-1].items()}


def flat_market(n: int = 5) -> MarketData:
    sessions = pd.bdate_range("2025-09-01", periods=n, name="session")
    bars = pd.DataFrame(
        {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1000.0}, index=sessions
    )
    return MarketData(bars={"9988.HK": bars}, actions=no_actions())


def test_stories_are_pooled_by_the_session_they_can_still_reach() -> None:
    clock = DecisionClock(hong_kong_calendar())
    night = story("night", "2025-09-11T23:43:00+08:00", "9988.HK", "9888.HK")
    early = story("early", "2025-09-12T08:30:00+08:00", "9988.HK")
    late = story("late", "2025-09-12T09:29:00+08:00", "9988.HK")
    unknown = story("unknown", "2025-09-11T23:43:00+08:00")
    rows = rows_of([(item, ()) for item in (late, unknown, early, night)], clock)
    assert [(r.session, r.ticker, [i.item_id for i in r.items]) for r in rows] == [
        (date(2025, 9, 12), "9888.HK", ["night"]),
        (date(2025, 9, 12), "9988.HK", ["night", "early"]),
        (date(2025, 9, 15), "9988.HK", ["late"]),
    ]
    assert rows[0].decision_at == instant("2025-09-12T09:00:00+08:00")


def test_membership_is_by_date() -> None:
    clock = DecisionClock(hong_kong_calendar())
    read = [(story("a", "2025-09-11T20:00:00+08:00", "9988.HK", "9888.HK"), ())]
    assert [r.ticker for r in rows_of(read, clock, lambda day: frozenset({"9888.HK"}))] == [
        "9888.HK"
    ]
    assert rows_of(read, clock, {date(2025, 9, 11): frozenset({"9888.HK"})}) == []


def test_a_company_named_beside_makes_no_row_but_counts_for_less() -> None:
    clock = DecisionClock(hong_kong_calendar())
    item = story("a", "2025-09-11T20:00:00+08:00", "9888.HK")
    about = event(item, tickers=("9888.HK",), related_tickers=("9988.HK",))
    assert [r.ticker for r in rows_of([(item, (about,))], clock)] == ["9888.HK"]
    named = only(EventKinds, row(about))["events__earnings"]
    assert 0 < named < only(EventKinds, row(event(item)))["events__earnings"]


def test_reactions_never_count_as_forward_news() -> None:
    item = story("a", "2025-09-11T20:00:00+08:00", "9988.HK")
    moved = event(item, kind="price_move", is_reaction=True, magnitude_pct=5.9)
    assert set(only(EventKinds, row(moved)).values()) == {0.0}
    assert set(only(Magnitudes, row(moved)).values()) == {0.0}
    found = only(AlreadyMoved, row(moved))
    assert found["moved__pct"] == pytest.approx(0.059)
    assert found["moved__up"] > 0 == found["moved__down"]


@pytest.mark.parametrize(
    "weaker",
    [
        {"certainty": "rumoured"},
        {"novelty": 0.2},
        {"sentence": 4},
        {"hedged": True},
        {"tickers": ("9988.HK", "9888.HK")},
    ],
)
def test_doubt_repetition_and_distance_weigh_less(weaker: dict[str, Any]) -> None:
    item = story("a", "2025-09-11T20:00:00+08:00", "9988.HK")
    plain, less = (only(EventKinds, row(event(item, **extra))) for extra in ({}, weaker))
    assert 0 < less["events__earnings"] < plain["events__earnings"]


@pytest.mark.parametrize("none", [{"negated": True}, {"certainty": "denied"}, {"novelty": 0.0}])
def test_what_is_denied_negated_or_old_moves_nothing(none: dict[str, Any]) -> None:
    item = story("a", "2025-09-11T20:00:00+08:00", "9988.HK")
    assert only(EventKinds, row(event(item, **none)))["events__net"] == 0.0


def test_amounts_are_orders_of_magnitude_in_one_currency() -> None:
    item = story("a", "2025-09-11T20:00:00+08:00", "9988.HK")
    bond = event(item, kind="financing", amount=3.2e9, currency="USD", polarity=-0.5)
    found = only(Magnitudes, row(bond))
    assert found["magnitudes__amount"] == pytest.approx(np.log10(1 + 3200 * 7.8))
    assert found["magnitudes__signed_amount"] == pytest.approx(-0.5 * found["magnitudes__amount"])


def test_a_burst_is_measured_against_the_past_of_the_ticker() -> None:
    def on(day: int, stories: int) -> Row:
        items = tuple(
            story(f"{day}-{n}", f"2025-09-{day:02d}T01:00:00+08:00", "9988.HK")
            for n in range(stories)
        )
        at = instant(f"2025-09-{day:02d}T09:00:00+08:00")
        return Row(at, date(2025, 9, day), "9988.HK", items, ())

    quiet = only(Flow, on(1, 1), on(2, 1), on(3, 1), on(4, 6))
    busy = only(Flow, on(1, 6), on(2, 6), on(3, 6), on(4, 6))
    assert quiet["flow__burst"] > busy["flow__burst"] > 0
    assert quiet["flow__newest_hours"] == pytest.approx(np.log1p(8.0))


def test_prices_are_those_of_the_bars_before() -> None:
    tried = example()
    rows = tried.rows()
    found = Prices(FeatureSettings()).build(rows, tried.market)
    checked = 0
    for at in range(200, len(rows), 40):
        one = rows[at]
        past = tried.market.forward_adjusted(one.ticker).loc[: pd.Timestamp(one.session)]
        past = past[past.index < pd.Timestamp(one.session)]
        if len(past) < 70:
            continue
        returns = past["close"].pct_change(fill_method=None)
        expected = {
            "return_5": past["close"].iloc[-1] / past["close"].iloc[-6] - 1,
            "gap": past["open"].iloc[-1] / past["close"].iloc[-2] - 1,
            "intraday": past["close"].iloc[-1] / past["open"].iloc[-1] - 1,
            "volatility": returns.iloc[-20:].std(ddof=0),
            "volume": np.log1p(past["volume"].iloc[-1])
            - np.log1p(past["volume"].iloc[-21:-1]).mean(),
            "short": 0.0,
        }
        for name, value in expected.items():
            assert found[f"prices__{name}"].iloc[at] == pytest.approx(value, abs=1e-9)
        checked += 1
    assert checked > 5


def test_without_history_prices_say_so() -> None:
    found = only(Prices, row())
    assert found["prices__short"] == 1.0
    assert found["prices__beta"] == 1.0
    assert found["prices__return_1"] == 0.0


@pytest.mark.parametrize("name", BUILT_IN_GROUPS)
def test_built_in_groups_keep_their_promises(name: str) -> None:
    check_feature_group(type(group_of(name, FeatureSettings())))


class Peeking:
    """Reads the close of the row's own session."""

    name = "peeking"

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        closes = [market.bars[row.ticker]["close"].loc[: pd.Timestamp(row.session)] for row in rows]
        return pd.DataFrame({"peeking__close": [c.iloc[-1] if len(c) else 0.0 for c in closes]})


class Counting:
    """Ranks a row among all rows, those still to come included."""

    name = "counting"

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        count = pd.Series([float(len(row.items)) for row in rows])
        return pd.DataFrame({"counting__rank": count.rank(pct=True)})


@pytest.mark.parametrize("group", [Peeking, Counting])
def test_the_check_catches_a_group_that_looks_ahead(group: type[Any]) -> None:
    with pytest.raises(LeakError, match="changes when later"):
        check_feature_group(group)


def test_groups_are_switched_by_name_and_a_wrong_name_is_explained() -> None:
    tried = example()
    rows = tried.rows()[:40]
    frame = build_features(rows, tried.market, FeatureSettings(groups=("flow",), text=False))
    assert set(frame.groups) == {"flow"}
    assert not frame.texts.any()
    with pytest.raises(ConfigError, match="no such part"):
        build_features(rows, tried.market, FeatureSettings(groups=("flwo",)))
    with pytest.raises(ConfigError, match="share a name"):
        build_features(rows, tried.market, FeatureSettings(groups=("flow", "flow")))


class Odd:
    """A group that returns what it is told to."""

    name, memory = "odd", 0

    def __init__(self, returned: Any) -> None:
        self.returned = returned

    def build(self, rows: Any, market: Any) -> Any:
        return self.returned


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ([[1.0], [2.0]], "returned no table"),
        (pd.DataFrame({"odd__x": [1.0]}), "another number of rows"),
        (pd.DataFrame({"x": [1.0, 2.0]}), "must carry its group's name"),
        (pd.DataFrame([[1.0, 2.0]] * 2, columns=["odd__x", "odd__x"]), "share a name"),
        (pd.DataFrame({"odd__x": ["up", "down"]}), "a feature is no number"),
        (pd.DataFrame({"odd__x": [1.0, np.inf]}), "not finite"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(
    returned: Any, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = example()
    monkeypatch.setattr(build, "load", lambda *_: lambda settings: Odd(returned))
    with pytest.raises(DataError, match=problem) as caught:
        build_features(tried.rows()[:2], tried.market, FeatureSettings(groups=("odd:Odd",)))
    assert caught.value.where == "odd"


def test_what_is_no_feature_group_is_refused() -> None:
    for name in ("collections:Counter", "builtins:str"):
        with pytest.raises(ConfigError, match="this is no feature group"):
            group_of(name, FeatureSettings())


def test_no_rows_and_late_stories_are_refused() -> None:
    with pytest.raises(DataError, match="no story"):
        build_features([], flat_market(), FeatureSettings())
    late = row(items=[story("late", "2025-09-12T10:00:00+08:00", "9988.HK")])
    with pytest.raises(LeakError, match="not yet known"):
        build_features([late], flat_market(), FeatureSettings(groups=("flow",)))


def test_the_same_headline_has_one_key() -> None:
    one = story("a", "2025-09-11T20:00:00+08:00", title="Alibaba: new chip!")
    two = story("b", "2025-09-12T20:00:00+08:00", title="ALIBABA new  chip")
    other = story("c", "2025-09-12T20:00:00+08:00", title="Baidu new chip")
    assert story_key(one) == story_key(two) != story_key(other)


def test_terms_are_characters_of_chinese_and_words_of_the_rest() -> None:
    assert list(terms_of("百度 steigt um 8,5 %")) == ["百", "度", "百度", "steigt", "um"]


@pytest.mark.parametrize("name", sorted(BUILT_IN_GROUPS))
def test_a_group_remembers_no_more_sessions_than_it_says(name: str) -> None:
    tried = example()
    group = group_of(name, FeatureSettings())
    last = tried.rows()[-1].session
    earliest = tried.calendar.previous_session(last, group.memory) if group.memory else last
    # Memory is counted in bars: a stock that was halted is looked at further back.
    near_market = tried.market.between(earliest, last)
    span = len(near_market.sessions())
    traded = [ticker for ticker, bars in near_market.bars.items() if len(bars) == span]
    rows = [row for row in tried.rows() if row.ticker in traded]
    whole = group.build(rows, tried.market.only(traded))
    near = [row for row in rows if row.session >= earliest]
    forgetful = group.build(near, near_market.only(traded))
    # All but a 64th of an earlier row is forgotten by then.
    tolerance = 1.0 / 64.0 if name == "flow" else 1e-9
    last = rows[-1].session
    today = [at for at, row in enumerate(rows) if row.session == last]
    now = [at for at, row in enumerate(near) if row.session == last]
    np.testing.assert_allclose(forgetful.iloc[now], whole.iloc[today], rtol=0, atol=tolerance)


def test_a_memory_that_is_no_number_of_sessions_is_refused() -> None:
    class Own:
        name = "own"
        memory = 2.5

    with pytest.raises(ConfigError, match="no number of sessions"):
        memory_of(Own())  # type: ignore[arg-type]
