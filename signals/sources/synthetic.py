"""The stories of the known-answer market, put into words in German, English and Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markets.sources.synthetic import PlannedStory, World
from signals.news import NewsItem

_FULL_STOP = {"en": ".", "de": ".", "zh": "。"}
_GAP = {"en": " ", "de": " ", "zh": ""}
_TITLE_ONLY_PERCENT = 30
_MARKED_REPEAT_PERCENT = 50


class SyntheticNews:
    """The planned stories of a known-answer market as a news source.

    Parameters
    ----------
    world : World
        Whose plan to tell. Worlds that differ in the edge alone have equal stories to the last byte.

    Examples
    --------
    >>> from markets.sources.synthetic import SyntheticSettings, world
    >>> item = next(SyntheticNews(world(SyntheticSettings())).read())
    >>> item.item_id
    'syn-00001'
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self) -> Iterator[NewsItem]:
        """Yield every story in order of `available_at`."""
        by_id = {story.item_id: story for story in self._world.plan}
        for story in self._world.plan:
            yield render(story, by_id)


@dataclass(frozen=True, slots=True)
class _Words:
    """What was chosen for one story."""

    clauses: Sequence[str]
    clause: int
    outlet: int
    spare: int


def render(story: PlannedStory, by_id: Mapping[str, PlannedStory]) -> NewsItem:
    """Put one planned story into words.

    Parameters
    ----------
    story : PlannedStory
        What to tell.
    by_id : mapping of str to PlannedStory
        The plan, for what a repeat must not say in the same words, and a correction must.

    Returns
    -------
    NewsItem
        With the clocks of the plan, and no tickers: those are for linking to find.
    """
    voice = _voice(story.language)
    if story.revision_of is not None:
        return _correction(story, render(by_id[story.revision_of], by_id), voice)
    words = _words(story, voice, by_id)
    slots = _slots(story, words, voice)
    told = [_framed(story, words, voice, slots, at) for at in (0, 1)]
    body = ""
    if words.spare % 100 >= _TITLE_ONLY_PERCENT:
        fillers = voice["filler"]["sentences"]
        sentences = [told[1] + _FULL_STOP[story.language], fillers[words.spare // 100 % len(fillers)]]
        body = _GAP[story.language].join(sentences)
    return _item(story, voice["outlets"][words.outlet], told[0], body)


def _item(story: PlannedStory, outlet: str, title: str, body: str) -> NewsItem:
    return NewsItem(
        item_id=story.item_id,
        published_at=story.published_at,
        source=outlet,
        title=title,
        body=body,
        language=story.language,
        first_seen_at=story.first_seen_at,
        enriched_at=story.enriched_at,
        revision_of=story.revision_of,
    )


def _correction(story: PlannedStory, original: NewsItem, voice: Mapping[str, Any]) -> NewsItem:
    title = voice["frames"]["correction"][0].format(title=original.title)
    return _item(story, original.source, title, original.body)


def _words(
    story: PlannedStory, voice: Mapping[str, Any], by_id: Mapping[str, PlannedStory]
) -> _Words:
    """Choose wording and outlet; a repeat in the same language takes others than its original."""
    clauses = _clauses(story, voice)
    clause = story.wording % len(clauses)
    outlet = story.wording // 64 % len(voice["outlets"])
    original = by_id[story.original] if story.original is not None else None
    if story.role == "repeat" and original is not None and original.language == story.language:
        first = _words(original, voice, by_id)
        clause += clause == first.clause
        outlet += outlet == first.outlet
    return _Words(
        clauses, clause % len(clauses), outlet % len(voice["outlets"]), story.wording >> 12
    )


def _clauses(story: PlannedStory, voice: Mapping[str, Any]) -> Sequence[str]:
    found: Sequence[str]
    if story.subject in ("trivia", "general"):
        found = voice["noise"][story.subject]
        return found
    side = "good" if story.polarity > 0 else "bad"
    if story.role == "reaction":
        found = voice["reaction"][side]
    elif story.role == "denial":
        found = voice["denial"][story.kind]
    elif story.role == "background":
        found = voice["background"][story.kind][side]
    else:
        found = voice["fresh"][story.kind][side]
    return found


def _framed(
    story: PlannedStory, words: _Words, voice: Mapping[str, Any], slots: Mapping[str, str], at: int
) -> str:
    """Return the chosen clause (the one `at` places on) in the frame of its certainty."""
    clause = words.clauses[(words.clause + at) % len(words.clauses)].format_map(slots)
    frame = story.certainty if story.certainty in ("reported", "rumoured") else "confirmed"
    if story.role == "repeat" and words.spare // 7 % 100 < _MARKED_REPEAT_PERCENT:
        frame = "repeat"
    frames = voice["frames"][frame]
    framed: str = frames[(words.spare // 1000 + at) % len(frames)].format(
        clause=clause, outlet=slots["outlet"]
    )
    return framed


def _slots(story: PlannedStory, words: _Words, voice: Mapping[str, Any]) -> Mapping[str, str]:
    draw = words.spare >> 10
    names = {
        role: known[(draw >> (3 * at)) % len(known)]
        for at, (role, known) in enumerate(voice["names"].items())
    }
    short, full, product = names["unlisted"], names["unlisted"], names["unlisted"]
    if story.tickers:
        key = f"zh_{story.script}" if story.script else story.language
        short, full, product = _voice("names")[story.tickers[0]][key]
    slots = {**names, "c": short, "full": full, "product": product}
    slots["outlet"] = voice["outlets"][words.outlet]
    if story.amount_million is not None and story.currency is not None:
        slots["amount"] = _amount(story.amount_million, story.currency, story.language, draw)
    else:
        slots["amount"] = _amount(1500, "HKD", story.language, draw)
    if story.magnitude_pct is not None:
        slots["pct"] = _percent(abs(story.magnitude_pct), story.language, draw)
    return slots


_EN_MONEY = {"HKD": ("HK${}", "HKD {}"), "USD": ("US${}", "USD {}"), "CNY": ("{} yuan", "RMB {}")}
_DE_MONEY = {
    "HKD": ("Hongkong-Dollar", "HKD"),
    "USD": ("US-Dollar", "USD"),
    "CNY": ("Yuan", "CNY"),
}
_ZH_MONEY = {"HKD": "港元", "USD": "美元", "CNY": "元人民币"}


def _amount(million: int, currency: str, language: str, draw: int) -> str:
    """Return money as the language writes it: HK$1.2 billion, 1,2 Mrd. HKD, 12亿港元."""
    if language == "zh":
        return f"{million // 100}亿{_ZH_MONEY[currency]}"
    long = draw & 1 == 0
    large = million >= 1000
    number = _decimal(million // 100 if large else million * 10, language)
    if language == "en":
        unit = "billion" if large else "million"
        return _EN_MONEY[currency][0 if long else 1].format(f"{number} {unit}")
    if long:
        unit = "Milliarden" if large else "Millionen"
        return f"{number} {unit} {_DE_MONEY[currency][0]}"
    return f"{number} {'Mrd.' if large else 'Mio.'} {_DE_MONEY[currency][1]}"


def _percent(percent: float, language: str, draw: int) -> str:
    number = _decimal(int(percent * 10 + 0.5), language)
    if language == "de":
        return f"{number} Prozent" if draw & 2 else f"{number} %"
    return f"{number}%"


def _decimal(tenths: int, language: str) -> str:
    whole, part = divmod(tenths, 10)
    comma = "," if language == "de" else "."
    return f"{whole}{comma}{part}" if part else f"{whole}"


@cache
def _voice(name: str) -> Mapping[str, Any]:
    text = files(__package__).joinpath(f"templates/{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
