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
from signals.sources.figures import write_amount, write_percent

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
        self._by_id = {story.item_id: story for story in world.plan}

    def read(self) -> Iterator[NewsItem]:
        """Yield every story in order of `available_at`."""
        for story in self._world.plan:
            yield self.tell(story)

    def tell(self, story: PlannedStory) -> NewsItem:
        """Put one planned story into words.

        A repeat tells its original's facts in other words, a correction in the same. The item
        carries the clocks of the plan and no tickers: those are for linking to find.
        """
        if story.revision_of is not None:
            original = self.tell(self._by_id[story.revision_of])
            title = _voice(story.language)["frames"]["correction"].format(title=original.title)
            return _item(story, original.source, title, original.body)
        voice = _voice(story.language)
        telling = self._telling(story)
        slots = self._slots(story, telling)
        title = _framed(story, telling, slots, 0)
        body = ""
        if telling.spare % 100 >= _TITLE_ONLY_PERCENT:
            fillers = voice["filler"]
            sentences = [fillers[telling.spare // 100 % len(fillers)]]
            if story.subject in ("company", "unlisted"):
                second = _framed(story, telling, slots, 1)
                sentences.insert(0, second + _FULL_STOP[story.language])
            body = _GAP[story.language].join(sentences)
        return _item(story, slots["outlet"], title, body)

    def _telling(self, story: PlannedStory) -> _Telling:
        """Choose words and outlet; a repeat in its original's language takes others than that."""
        told = self._by_id[story.original] if story.original is not None else story
        wordings = _wordings(story, told)
        outlets = len(_voice(story.language)["outlets"])
        wording = (story.wording >> 3) % len(wordings)
        outlet = (story.wording >> 6) % outlets
        if story.role == "repeat" and told.language == story.language:
            first = self._telling(told)
            wording += wording == first.wording
            outlet += outlet == first.outlet
        spare = story.wording >> 12
        return _Telling(told, wordings, wording % len(wordings), outlet % outlets, spare)

    def _slots(self, story: PlannedStory, telling: _Telling) -> Mapping[str, str]:
        """Return what fills the slots: the told facts, in the language of the teller."""
        voice, told = _voice(story.language), telling.told
        slots = {
            name: choices[(told.wording >> (20 + 3 * at)) % len(choices)]
            for at, (name, choices) in enumerate(voice["names"].items())
        }
        slots["outlet"] = voice["outlets"][telling.outlet]
        slots["c"] = slots["product"] = slots["unlisted"]
        if story.tickers:
            instrument = self._world.instruments[story.tickers[0]]
            language = f"zh_{story.script}" if story.script else story.language
            slots["c"] = instrument.names[language].aliases[0].text
            slots["product"] = instrument.products[0].text
        if told.amount_million is not None and told.currency is not None:
            manner = telling.spare >> 10
            slots["amount"] = write_amount(
                told.amount_million, told.currency, story.language, manner
            )
        if told.magnitude_pct is not None:
            percent = abs(told.magnitude_pct)
            slots["pct"] = write_percent(percent, story.language, telling.spare >> 11)
        return slots


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


def _wordings(story: PlannedStory, told: PlannedStory) -> Sequence[str]:
    """Return the ways to say it. Topics have one order in all languages, so they carry over."""
    voice = _voice(story.language)
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


def _framed(story: PlannedStory, telling: _Telling, slots: Mapping[str, str], at: int) -> str:
    """Return a wording (the one `at` places on) in the frame of its certainty."""
    wording = telling.wordings[(telling.wording + at) % len(telling.wordings)]
    frame: str = story.certainty if story.certainty in ("reported", "rumoured") else "confirmed"
    if story.role == "repeat" and telling.spare // 7 % 100 < _MARKED_REPEAT_PERCENT:
        frame = "repeat"
    frames = _voice(story.language)["frames"][frame]
    chosen: str = frames[(telling.spare // 1000 + at) % len(frames)]
    return chosen.format(clause=wording.format_map(slots), outlet=slots["outlet"])


def _item(story: PlannedStory, outlet: str, title: str, body: str) -> NewsItem:
    hant = story.script == "hant"
    outlet, title, body = (
        _in_traditional(text) if hant else text for text in (outlet, title, body)
    )
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


def _in_traditional(text: str) -> str:
    for simplified, traditional in _voice("hant")["words"].items():
        text = text.replace(simplified, traditional)
    return text.translate(_traditional_characters())


@cache
def _traditional_characters() -> dict[int, str]:
    return {ord(pair[0]): pair[1] for pair in _voice("hant")["characters"].split()}


@cache
def _voice(name: str) -> Mapping[str, Any]:
    place = files("signals.sources") / "templates" / f"{name}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))
