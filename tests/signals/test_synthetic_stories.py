"""The stories of the known-answer market: true to the plan, and the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json
import string
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from markets.sources.synthetic import PlannedStory, SyntheticSettings, World, world
from markets.sources.synthetic import kinds as planned_kinds
from signals.events.schema import KINDS
from signals.news import NewsItem
from signals.sources.figures import write_amount, write_percent
from signals.sources.synthetic import SyntheticNews
from signals.text.folding import fold

# Taken once from the default world; see tests/markets/test_synthetic.py.
STORIES_SHA256 = "df8f862c8d15309d8c3ad8b457f94ffc245496db642870c5833a38465a62de44"

LANGUAGES = ("en", "de", "zh")
SLOTS = {"c", "product", "partner", "unlisted", "person", "broker", "amount", "pct"}
TEMPLATES = Path(__file__).parents[2] / "signals" / "sources" / "templates"
VOICES: dict[str, Any] = {
    name: tomllib.loads((TEMPLATES / f"{name}.toml").read_text(encoding="utf-8"))
    for name in (*LANGUAGES, "hant")
}


@pytest.fixture(scope="module")
def default() -> World:
    return world(SyntheticSettings())


@pytest.fixture(scope="module")
def told(default: World) -> list[tuple[PlannedStory, NewsItem]]:
    return list(zip(default.plan, SyntheticNews(default).read(), strict=True))


def test_the_default_stories_are_the_same_to_the_byte_everywhere(
    told: list[tuple[PlannedStory, NewsItem]],
) -> None:
    digest = hashlib.sha256()
    for _, item in told:
        row = [item.item_id, item.source, item.language, item.title, item.body, item.revision_of]
        clocks = (item.published_at, item.first_seen_at, item.enriched_at)
        row += [clock.isoformat() if clock else None for clock in clocks]
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    assert digest.hexdigest() == STORIES_SHA256


def test_items_carry_the_clocks_of_the_plan(told: list[tuple[PlannedStory, NewsItem]]) -> None:
    for story, item in told:
        assert item.available_at == story.available_at
        assert item.language == story.language
        assert item.revision_of == story.revision_of
        assert "{" not in item.text


def test_each_story_names_the_company_it_is_about_and_no_other(
    default: World, told: list[tuple[PlannedStory, NewsItem]]
) -> None:
    for story, item in told:
        language = f"zh_{story.script}" if story.script else story.language
        named = {
            ticker
            for ticker, instrument in default.instruments.items()
            if instrument.names[language].aliases[0].text in item.text
        }
        assert named == set(story.tickers), item.text


def test_a_repeat_has_another_outlet_or_language_and_other_words(
    told: list[tuple[PlannedStory, NewsItem]],
) -> None:
    items = {story.item_id: (story, item) for story, item in told}
    repeats = [(story, item) for story, item in told if story.role == "repeat" and story.original]
    for story, item in repeats:
        original, first = items[story.original or ""]
        assert story.kind == original.kind
        if story.revision_of is None:
            assert item.source != first.source or story.language != original.language
            assert item.title != first.title
    same = {story.language == items[story.original or ""][0].language for story, _ in repeats}
    assert same == {True, False}


def test_kinds_are_those_of_the_event_schema(default: World) -> None:
    assert {story.kind for story in default.plan} <= set(KINDS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("side", ["good", "bad"])
@pytest.mark.parametrize("kind", planned_kinds.PLANNED)
def test_every_kind_has_at_least_four_wordings_and_the_same_topics_in_each_language(
    language: str, side: str, kind: str
) -> None:
    topics = VOICES[language]["fresh"][kind][side]
    wordings = [wording for topic in topics for wording in topic]
    assert len(set(wordings)) == len(wordings) >= 4
    assert all(len(topic) >= 2 for topic in topics)
    assert len(topics) == len(VOICES["en"]["fresh"][kind][side])
    for topic, english in zip(topics, VOICES["en"]["fresh"][kind][side], strict=True):
        # A fact that one language tells is told by all, so that repeats carry the same figures.
        figures = slots_of(topic) & {"amount", "pct"}
        assert figures == slots_of(english) & {"amount", "pct"}


def slots_of(wordings: list[str]) -> set[str]:
    parsed = (string.Formatter().parse(wording) for wording in wordings)
    return {name for parts in parsed for _, name, _, _ in parts if name}


def all_wordings(language: str) -> list[str]:
    found: list[str] = []

    def gather(node: Any) -> None:
        if isinstance(node, str):
            found.append(node)
        else:
            for part in node.values() if isinstance(node, dict) else node:
                gather(part)

    for section in ("fresh", "denial", "background", "reaction", "noise"):
        gather(VOICES[language][section])
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_wordings_name_a_company_and_only_known_slots(language: str) -> None:
    general = set(VOICES[language]["noise"]["general"])
    for wording in all_wordings(language):
        assert slots_of([wording]) <= SLOTS, wording
        assert ("c" in slots_of([wording])) == (wording not in general), wording
        assert not wording.endswith((".", "。")), wording


def test_no_wording_stands_twice() -> None:
    for language in LANGUAGES:
        wordings = all_wordings(language)
        assert len(set(wordings)) == len(wordings)


def test_denials_and_background_are_told_in_every_language() -> None:
    for language in LANGUAGES:
        assert set(VOICES[language]["denial"]) == set(planned_kinds.DENIABLE)
        assert all(len(set(words)) >= 4 for words in VOICES[language]["denial"].values())
        assert set(VOICES[language]["background"]) == set(planned_kinds.BACKGROUND)
        assert all(len(set(words)) >= 6 for words in VOICES[language]["reaction"].values())


def test_traditional_stories_fold_back_to_the_simplified_ones() -> None:
    pairs = VOICES["hant"]["characters"].split()
    assert len({pair[0] for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert len(pair) == 2
        assert fold(pair[1]) == pair[0]


def test_traditional_stories_hold_no_simplified_character(
    told: list[tuple[PlannedStory, NewsItem]],
) -> None:
    simplified = {pair[0] for pair in VOICES["hant"]["characters"].split()}
    for story, item in told:
        if story.script == "hant":
            assert not simplified & set(item.text + item.source), item.text


@pytest.mark.parametrize(
    ("million", "currency", "language", "manner", "expected"),
    [
        (300, "HKD", "en", 0, "HK$300 million"),
        (3200, "USD", "en", 1, "USD 3.2 billion"),
        (15000, "CNY", "en", 0, "15 billion yuan"),
        (300, "USD", "de", 0, "300 Millionen US-Dollar"),
        (1200, "HKD", "de", 1, "1,2 Mrd. HKD"),
        (15000, "CNY", "de", 0, "15 Milliarden Yuan"),
        (300, "HKD", "zh", 0, "3亿港元"),
        (32000, "CNY", "zh", 1, "320亿元人民币"),
    ],
)
def test_money_is_written_as_each_language_does(
    million: int, currency: str, language: str, manner: int, expected: str
) -> None:
    assert write_amount(million, currency, language, manner) == expected


def test_percentages_are_written_as_each_language_does() -> None:
    assert write_percent(7.0, "de", 0) == "7 %"
    assert write_percent(7.3, "de", 1) == "7,3 Prozent"
    assert write_percent(7.3, "zh", 0) == "7.3%"


def test_certainty_is_spread_over_the_fresh_stories(default: World) -> None:
    counts: dict[str, int] = defaultdict(int)
    for story in default.plan:
        if story.role == "fresh":
            counts[story.certainty] += 1
    assert min(counts[name] for name in ("confirmed", "reported", "rumoured")) > 50
