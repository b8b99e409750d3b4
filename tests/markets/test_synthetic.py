"""The known-answer market: its companies, bars, actions and plan, and the source that serves it."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, time

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from markets.calendar import DecisionClock, hong_kong_calendar
from markets.clock import HONG_KONG
from markets.errors import MissingDataError
from markets.instruments import LANGUAGES, Instruments
from markets.sources.synthetic import SyntheticSettings, SyntheticSource, World, world
from markets.testing import check_price_source

LATE, HALTED, SPLIT, PAYERS = "99012.HK", "99007.HK", "99005.HK", ("99006.HK", "99009.HK")

# Taken once from the default world. A change of any bar or planned story, on any machine or under
# any version, shows here; a wanted change replaces them and says so in its commit.
BARS_SHA256 = "2d441ee867754788192a77387b3b0223f8bf72e162cc4f0e6bf258ac25b37770"
PLAN_SHA256 = "a26658d85bcc351db92532e413e6a1065d22b34c917f0ac13a50f9ca65ecdfbc"


@pytest.fixture(scope="module")
def default() -> World:
    return world(SyntheticSettings())


def bars_sha256(built: World) -> str:
    """Hash of all prices in thousandths, volumes, index cents and sessions, as whole numbers."""
    digest = hashlib.sha256()
    for name, frame in [*sorted(built.market.bars.items()), *built.market.indices.items()]:
        days = frame.index.to_numpy().astype("datetime64[D]").astype("<i8")
        numbers = np.rint(frame.to_numpy() * 1000.0).astype("<i8")
        digest.update(name.encode() + days.tobytes() + numbers.tobytes())
    return digest.hexdigest()


def test_the_default_world_is_the_same_to_the_bit_everywhere(default: World) -> None:
    plan = "\n".join(repr(story) for story in default.plan)
    assert bars_sha256(default) == BARS_SHA256
    assert hashlib.sha256(plan.encode()).hexdigest() == PLAN_SHA256


def test_it_keeps_the_promises_of_a_price_source() -> None:
    tickers = sorted(set(world(SyntheticSettings()).market.bars) - {LATE})
    settings = SyntheticSettings()
    check_price_source(SyntheticSource(settings), tickers, settings.start, settings.end)


def test_a_ticker_it_does_not_have_is_named_with_the_nearest_it_has() -> None:
    with pytest.raises(MissingDataError) as caught:
        SyntheticSource(SyntheticSettings()).load(["99021.HK"], None, None)
    assert caught.value.nearest is not None


def test_tickers_may_be_spelled_in_any_way() -> None:
    market = SyntheticSource(SyntheticSettings()).load(["HK:99001", "99002"], None, None)
    assert market.tickers == ("99001.HK", "99002.HK")


def test_the_companies_are_instruments_with_names_in_four_languages(default: World) -> None:
    assert sorted(default.instruments) == list(default.market.tickers)
    spellings = []
    for instrument in default.instruments.values():
        assert set(instrument.names) == set(LANGUAGES)
        spellings += [instrument.names[language].official for language in ("en", "zh_hans")]
    assert len(set(spellings)) == 2 * len(default.instruments)


def test_no_name_is_or_holds_a_real_one(default: World) -> None:
    real = [
        alias.text.lower()
        for instrument in Instruments.default().values()
        for names in instrument.names.values()
        for alias in names.aliases
        if len(alias.text) > 1
    ]
    invented = [
        text.lower()
        for instrument in default.instruments.values()
        for names in instrument.names.values()
        for text in (names.official, *(alias.text for alias in names.aliases))
    ]
    assert [(one, other) for one in invented for other in real if other in one.split()] == []
    chinese = [text for text in real if not text.isascii()]
    assert [(one, other) for one in invented for other in chinese if other in one] == []


def test_board_lots_run_from_50_to_2000_and_change_with_the_split(default: World) -> None:
    lots = {default.instruments.lot(ticker, date(2023, 6, 5)) for ticker in default.market.tickers}
    assert (min(lots), max(lots)) == (50, 2000)
    before, after = date(2024, 5, 31), date(2024, 6, 3)
    assert default.instruments.lot(SPLIT, before) != default.instruments.lot(SPLIT, after)


def test_one_company_lists_late_and_one_is_halted(default: World) -> None:
    assert default.market.bars[LATE].index[0] == pd.Timestamp("2023-06-05")
    halted = default.market.bars[HALTED].index
    assert not ((halted >= "2024-03-04") & (halted <= "2024-04-12")).any()
    sessions = hong_kong_calendar().sessions(date(2022, 10, 3), date(2025, 9, 30))
    for ticker, frame in default.market.bars.items():
        if ticker not in (LATE, HALTED):
            assert [day.date() for day in frame.index] == sessions, ticker


def test_the_split_divides_the_price_and_multiplies_the_volume(default: World) -> None:
    frame = default.market.bars[SPLIT]
    place = frame.index.get_loc(pd.Timestamp("2024-06-03"))
    assert isinstance(place, int)
    step = frame["open"].iloc[place] / frame["close"].iloc[place - 1]
    assert 0.17 < step < 0.23
    volume = frame["volume"]
    assert volume.iloc[place:].mean() > 3 * volume.iloc[:place].mean()


def test_dividends_are_paid_by_two_companies(default: World) -> None:
    paid = default.market.actions.query("cash_hkd > 0")
    assert tuple(sorted(set(paid["ticker"]))) == PAYERS
    assert set(default.market.actions.query("ratio != 1")["ticker"]) == {SPLIT}


def test_the_index_has_open_and_close(default: World) -> None:
    index = default.market.indices["SYNTH"]
    assert list(index.columns) == ["open", "close"]
    assert index.notna().all().all()


def test_every_story_is_effective_when_the_decision_clock_says_so(default: World) -> None:
    available = pd.DatetimeIndex([story.available_at for story in default.plan])
    effective = DecisionClock(hong_kong_calendar()).effective_sessions(available)
    planned = np.array([story.effective_session for story in default.plan], "datetime64[D]")
    assert (effective == planned).all()
    for story in default.plan:
        clocks = [story.published_at, story.first_seen_at, story.enriched_at]
        assert story.available_at == max(clock for clock in clocks if clock is not None)


def test_the_plan_is_in_order_and_has_every_role_and_language(default: World) -> None:
    assert len(default.plan) == SyntheticSettings().n_stories
    instants = [story.available_at for story in default.plan]
    assert instants == sorted(instants)
    assert len({story.item_id for story in default.plan}) == len(default.plan)
    roles = Counter(story.role for story in default.plan)
    assert set(roles) == {"fresh", "reaction", "denial", "repeat", "background", "noise"}
    assert {story.language for story in default.plan} == {"de", "en", "zh"}
    assert {story.script for story in default.plan} == {"", "hans", "hant"}
    assert len({story.kind for story in default.plan if story.role == "fresh"}) >= 12


def test_stories_come_out_at_all_hours(default: World) -> None:
    local = [story.published_at.astimezone(HONG_KONG) for story in default.plan]
    calendar = hong_kong_calendar()
    in_session = [at.time() for at in local if calendar.is_session(at.date())]
    for begin, end in (((0, 0), (9, 0)), ((9, 0), (9, 30)), ((9, 30), (12, 0)), ((12, 0), (13, 0))):
        assert sum(time(*begin) <= clock < time(*end) for clock in in_session) > 50
    assert sum(time(13) <= clock < time(16) for clock in in_session) > 50
    assert sum(at.weekday() >= 5 for at in local) > 50
    assert sum(story.date_only for story in default.plan) > 50
    assert sum(story.first_seen_at is not None for story in default.plan) > 50
    assert sum(story.revision_of is not None for story in default.plan) > 20


def test_a_short_world_of_few_companies_has_what_fits_its_dates() -> None:
    settings = SyntheticSettings(
        start=date(2023, 1, 3), end=date(2023, 6, 30), tickers=3, n_stories=120
    )
    small = world(settings)
    assert small.market.tickers == tuple(small.instruments) == ("99001.HK", "99002.HK", "99003.HK")
    assert len(small.plan) == 120
    assert small.market.actions.empty


@pytest.mark.parametrize(
    "wrong",
    [{"end": date(2022, 10, 20)}, {"tickers": 13}, {"edge_bp": 501}, {"horizon": 0}, {"sed": 1}],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SyntheticSettings.model_validate(wrong)
