"""A story laid out for reading: sentences, and in each its segments, companies, cues, figures."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from signals.events.finder import Hit
from signals.events.lexicon import Lexicon
from signals.events.sources import Quoted, quoted
from signals.linking import Mention
from signals.text.folding import fold
from signals.text.numbers import Quantity, quantities
from signals.text.sentences import sentence_spans

_BREAK = re.compile(
    r"[。！？；;，!?\n]+|[,:：](?=\s)|：|(?<=\s)[-–—|/](?=\s)"
    r"|(?<=[\u4e00-\u9fff%）)”》」])\s+(?=[\u4e00-\u9fff“《「A-Z])"
)
_CONTRAST = {
    "de": re.compile(
        r"(?<!\w)(?:während|hingegen|dagegen|aber|jedoch|doch|wohingegen|obwohl|nachdem|weil|dass|trotz|wegen|dank|aufgrund|infolge|angesichts"
        r"|nach(?=\s(?:enttäusch|schwach|stark|überrasch|gut|schlecht|rekord|gewinn|umsatz|quartal|zahlen"
        r"|bericht|ausblick|prognose|absatz|abstuf|hochstuf|kapital|rückkauf|ankündig|unfall|halbjahr)))(?!\w)"
    ),
    "en": re.compile(
        r"(?<!\w)(?:while|whereas|but|although|though|however|because|after|as|amid|following|despite)(?!\w)"
    ),
    "zh": re.compile(r"(?!)"),
}
_JOINT = re.compile(
    r"[\s\"'“”(（)）]{0,3}(?:-\w{1,12})?\s?"
    r"(?:、|,|，|和|与|及|以及|跟|同|und|and|&|/|\+|sowie|as well as|or|oder)?"
    r"\s?(?:the |der |die |das )?[\s\"'“”(（]{0,2}"
)
_POSSESSIVE = re.compile(r"'s?\s|s'\s|的")
MAX_SENTENCE = 600


class _HasStart(Protocol):
    @property
    def start(self) -> int: ...


Placed = TypeVar("Placed", bound=_HasStart)


class Group(NamedTuple):
    """Companies named in one breath ("Alibaba und Baidu")."""

    start: int
    end: int
    tickers: tuple[str, ...]
    is_unlisted: bool
    score: float


@dataclass(slots=True)
class Sentence:
    """One sentence with what was found in it; all spans refer to the clean `text` of the story."""

    text: str
    number: int
    start: int
    end: int
    segments: list[tuple[int, int]]
    groups: list[Group]
    people: list[Mention]
    products: list[Mention]
    hits: list[Hit]
    figures: list[Quantity]
    quoted: list[Quoted]
    by_concept: dict[str, list[Hit]] = field(default_factory=dict)
    _starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._starts = [segment[0] for segment in self.segments]

    def segment_of(self, position: int) -> int:
        """Return the index of the segment that holds a position."""
        return max(0, bisect_right(self._starts, position) - 1)

    def in_segment(self, concept: str, segment: int) -> list[Hit]:
        """Return the hits of a concept within one segment."""
        start, end = self.segments[segment]
        return [hit for hit in self.by_concept.get(concept, ()) if start <= hit.start < end]


@dataclass(slots=True)
class Page:
    """A story ready to be read."""

    text: str
    language: str
    sentences: list[Sentence]


def lay_out(text: str, language: str, mentions: Sequence[Mention], lexicon: Lexicon) -> Page:
    """Return the page of a clean text.

    Parameters
    ----------
    text : str
        Clean text.
    language : str
        ``de``, ``en`` or ``zh``.
    mentions : sequence of Mention
        All firms named in it, unlisted ones included, in order.
    lexicon : Lexicon
        The cues.
    """
    folded = fold(text)
    spans = _bounded(sentence_spans(text))
    segments = [_segments(folded, start, end, language) for start, end in spans]
    starts = frozenset(start for parts in segments for start, _ in parts)
    hits = lexicon.hits(folded, language, starts)
    figures = quantities(text, language)
    voices = quoted(text, folded, starts)
    page = Page(text, language, [])
    for number, ((start, end), parts) in enumerate(zip(spans, segments, strict=True)):
        inside = _within(mentions, start, end)
        heard = _within(voices, start, end)
        named = [m for m in inside if m.is_believed or m.role == "unlisted"]
        sentence = Sentence(
            text, number, start, end, parts,
            groups=_groups(folded, [m for m in named if not _is_voice(m, heard)]),
            people=[m for m in inside if m.role == "person"],
            products=[m for m in inside if m.role == "product"],
            hits=_within(hits, start, end),
            figures=_within(figures, start, end),
            quoted=heard,
        )  # fmt: skip
        _shield(sentence)
        for hit in sentence.hits:
            sentence.by_concept.setdefault(hit.concept, []).append(hit)
        page.sentences.append(sentence)
    return page


def _bounded(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut what no sentence is: a run without a stop must not cost more than a sentence does."""
    cut: list[tuple[int, int]] = []
    for start, end in spans:
        cut += [(at, min(end, at + MAX_SENTENCE)) for at in range(start, end, MAX_SENTENCE)]
    return cut


def _within(found: Sequence[Placed], start: int, end: int) -> list[Placed]:
    """Return what begins within a span, of things in order."""
    low = bisect_left(found, start, key=_start_of)
    high = bisect_left(found, end, key=_start_of)
    return list(found[low:high])


def _start_of(thing: _HasStart) -> int:
    return thing.start


def _shield(sentence: Sentence) -> None:
    """Drop cues that are only letters of a company's name (the trip in Trip.com).

    The name of a chip of one's own is a cue as well as a name.
    """
    spans = [(group.start, group.end) for group in sentence.groups]
    sentence.hits = [
        hit
        for hit in sentence.hits
        if hit.concept == "chip_name"
        or not any(start <= hit.start and hit.end <= end for start, end in spans)
    ]


def _is_voice(mention: Mention, voices: list[Quoted]) -> bool:
    return any(v.start <= mention.start and mention.end <= v.end for v in voices)


def _segments(folded: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    marks = [match.span() for match in _BREAK.finditer(folded, start, end)]
    marks += [(m.start(), m.start()) for m in _CONTRAST[language].finditer(folded, start, end)]
    parts: list[tuple[int, int]] = []
    begin = start
    for low, high in sorted(marks):
        if low > begin:
            parts.append((_skip_space(folded, begin, low), low))
        begin = max(begin, high)
    if begin < end:
        parts.append((_skip_space(folded, begin, end), end))
    return parts or [(start, end)]


def _skip_space(folded: str, begin: int, end: int) -> int:
    while begin < end and folded[begin] in " \"'“‘「《【":
        begin += 1
    return begin


def _groups(folded: str, named: list[Mention]) -> list[Group]:
    groups: list[Group] = []
    for mention in named:
        ticker = (mention.ticker,) if mention.ticker else ()
        last = groups[-1] if groups else None
        if last is not None and mention.start - last.end <= 18:
            gap = folded[last.end : mention.start]
            if _JOINT.fullmatch(gap) and not _POSSESSIVE.fullmatch(gap):
                tickers = tuple(dict.fromkeys((*last.tickers, *ticker)))
                groups[-1] = Group(
                    last.start, mention.end, tickers, not tickers, max(last.score, mention.score)
                )
                continue
        groups.append(Group(mention.start, mention.end, ticker, not ticker, mention.score))
    return groups
