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
        Whose plan to tell. Worlds that differ in the edge alone have equal stories.

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
class _Telling:
    """What was chosen for one story.

    Attributes
    ----------
    told : PlannedStory
        Whose facts are told: the fresh story behind a repeat or denial, else the story itself.
    wordings : sequence of str
        Ways to say it in the story's language, all of one topic.
    wording, outlet : int
        Which of them, and who says it.
    spare : int
        The rest of the draw, for frames and fillers.
    """

    told: PlannedStory
    wordings: Sequence[str]
    wording: int
    outlet: int
    spare: int


def render(story: PlannedStory, by_id: Mapping[str, PlannedStory]) -> NewsItem:
    """Put one planned story into words.

    Parameters
    ----------
    story : PlannedStory
        What to tell.
    by_id : mapping of str to PlannedStory
        The plan: a repeat tells its original's facts in other words, a correction in the same.

    Returns
    -------
    NewsItem
        With the clocks of the plan, and no tickers: those are for linking to find.
    """
    voice = _voice(story.language)
    if story.revision_of is not None:
        original = render(by_id[story.revision_of], by_id)
        title = _told(voice["frames"]["correction"][0].format(title=original.title), story)
        return _item(story, original.source, title, original.body)
    telling = _telling(story, voice, by_id)
    slots = _slots(story, telling, voice)
    title = _framed(story, telling, voice, slots, 0)
    body = ""
    if telling.spare % 100 >= _TITLE_ONLY_PERCENT:
        fillers = voice["filler"]["sentences"]
        sentences = [fillers[telling.spare // 100 % len(fillers)]]
        if len(telling.wordings) > 1 and story.subject in ("company", "unlisted"):
            second = _framed(story, telling, voice, slots, 1)
            sentences.insert(0, second + _FULL_STOP[story.language])
        body = _told(_GAP[story.language].join(sentences), story)
    outlet = _told(voice["outlets"][telling.outlet], story)
    return _item(story, outlet, _told(title, story), body)


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


def _telling(
    story: PlannedStory, voice: Mapping[str, Any], by_id: Mapping[str, PlannedStory]
) -> _Telling:
    """Choose wording and outlet; a repeat in its original's language takes others than that."""
    told = by_id[story.original] if story.original is not None else story
    wordings = _wordings(story, told, voice)
    outlets = len(voice["outlets"])
    wording = (story.wording >> 3) % len(wordings)
    outlet = (story.wording >> 6) % outlets
    if story.role == "repeat" and told.language == story.language:
        first = _telling(told, voice, by_id)
        wording += wording == first.wording
        outlet += outlet == first.outlet
    spare = story.wording >> 12
    return _Telling(told, wordings, wording % len(wordings), outlet % outlets, spare)


def _wordings(story: PlannedStory, told: PlannedStory, voice: Mapping[str, Any]) -> Sequence[str]:
    """Return the ways to say it. Topics have one order in all languages, so they carry over."""
    side = "good" if story.polarity > 0 else "bad"
    found: Sequence[str]
    if story.subject in ("trivia", "general"):
        found = voice["noise"][story.subject]
    elif story.role == "reaction":
        found = voice["reaction"][side]
    elif story.role == "denial":
        found = voice["denial"][story.kind]
    elif story.role == "background":
        found = voice["background"][story.kind][side]
    else:
        topics = voice["fresh"][story.kind][side]
        found = topics[told.wording % 8 % len(topics)]
    return found


def _framed(
    story: PlannedStory,
    telling: _Telling,
    voice: Mapping[str, Any],
    slots: Mapping[str, str],
    at: int,
) -> str:
    """Return a wording (the one `at` places on) in the frame of its certainty."""
    wording = telling.wordings[(telling.wording + at) % len(telling.wordings)]
    frame: str = story.certainty if story.certainty in ("reported", "rumoured") else "confirmed"
    if story.role == "repeat" and telling.spare // 7 % 100 < _MARKED_REPEAT_PERCENT:
        frame = "repeat"
    frames = voice["frames"][frame]
    chosen: str = frames[(telling.spare // 1000 + at) % len(frames)]
    return chosen.format(clause=wording.format_map(slots), outlet=slots["outlet"])


def _slots(story: PlannedStory, telling: _Telling, voice: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what fills the slots: the told facts, in the language of the teller."""
    told = telling.told
    slots = {
        role: known[(told.wording >> (20 + 3 * at)) % len(known)]
        for at, (role, known) in enumerate(voice["names"].items())
    }
    slots["c"] = slots["product"] = slots["unlisted"]
    if story.tickers:
        language = "zh_hans" if story.language == "zh" else story.language
        slots["c"], _, slots["product"] = _voice("names")[story.tickers[0]][language]
    slots["outlet"] = voice["outlets"][telling.outlet]
    if told.amount_million is not None and told.currency is not None:
        manner = telling.spare >> 10
        slots["amount"] = _amount(told.amount_million, told.currency, story.language, manner)
    if told.magnitude_pct is not None:
        slots["pct"] = _percent(abs(told.magnitude_pct), story.language, telling.spare >> 11)
    return slots


def _told(text: str, story: PlannedStory) -> str:
    """Return the text in the story's script."""
    if story.script != "hant":
        return text
    for simplified, traditional in _voice("hant")["words"].items():
        text = text.replace(simplified, traditional)
    return text.translate(_traditional())


@cache
def _traditional() -> dict[int, str]:
    return {ord(pair[0]): pair[1] for pair in _voice("hant")["characters"].split()}


_EN_MONEY = {"HKD": ("HK${}", "HKD {}"), "USD": ("US${}", "USD {}"), "CNY": ("{} yuan", "RMB {}")}
_DE_MONEY = {
    "HKD": ("Hongkong-Dollar", "HKD"),
    "USD": ("US-Dollar", "USD"),
    "CNY": ("Yuan", "CNY"),
}
_ZH_MONEY = {"HKD": "港元", "USD": "美元", "CNY": "元人民币"}


def _amount(million: int, currency: str, language: str, manner: int) -> str:
    """Return money as the language writes it: HK$1.2 billion, 1,2 Mrd. HKD, 12亿港元."""
    if language == "zh":
        return f"{million // 100}亿{_ZH_MONEY[currency]}"
    long = manner % 2 == 0
    large = million >= 1000
    number = _decimal(million // 100 if large else million * 10, language)
    if language == "en":
        unit = "billion" if large else "million"
        return _EN_MONEY[currency][0 if long else 1].format(f"{number} {unit}")
    if long:
        unit = "Milliarden" if large else "Millionen"
        return f"{number} {unit} {_DE_MONEY[currency][0]}"
    return f"{number} {'Mrd.' if large else 'Mio.'} {_DE_MONEY[currency][1]}"


def _percent(percent: float, language: str, manner: int) -> str:
    number = _decimal(int(percent * 10 + 0.5), language)
    if language == "de":
        return f"{number} Prozent" if manner % 2 else f"{number} %"
    return f"{number}%"


def _decimal(tenths: int, language: str) -> str:
    whole, part = divmod(tenths, 10)
    comma = "," if language == "de" else "."
    return f"{whole}{comma}{part}" if part else f"{whole}"


@cache
def _voice(name: str) -> Mapping[str, Any]:
    text = files(__package__).joinpath(f"templates/{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
