"""A sentence laid out for reading: its segments, companies, cues and figures."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from signals.events.finder import Hit, letters_of
from signals.events.lexicon import Lexicon
from signals.events.sources import Quoted, quoted
from signals.events.wording import Wording
from signals.linking import Mention
from signals.text.folding import fold
from signals.text.numbers import Quantity, figures

# One set of characters first in each pattern, and what may stand around them looked at only there.
_BREAK = re.compile(
    r"[。！？；;，!?\n,:：|/–—-](?:(?<=[。！？；;，!?\n])[。！？；;，!?\n]*|(?<=：)|(?=\s)(?<=[,:])|(?=\s)(?<=\s.))"
)
_CHINESE_GAP = re.compile(r"(?<=[\u4e00-\u9fff%）)”》」])\s+(?=[\u4e00-\u9fff“《「A-Z])")
_CLAUSE = r"<clause>"
_JOINT = (
    r"[\s\"'“”(（)）]{0,3}(?:-\w{1,12})?\s?(?:、|,|，|&|/|\+|<both>|<either>|<along>)?"
    r"\s?(?:<articles>\s)?[\s\"'“”(（]{0,2}"
)
_FORMER = r"(?<!\w)<hires>?<former>(?:(?<=[a-z])\s|(?<=[-\u4e00-\u9fff]))$"
_FORMER_BEHIND = r"<units>?<former><posts>|[\u4e00-\u9fff]{0,2}<themes>"
_BESIDE = r"[\s-]<beside>\s|<possessive>?<beside>"
# "darunter ein Tencent-Zulieferer": somebody else, named or not.
_OF_ANOTHER = r"-<of_another>"
_POSSESSIVE = r"'s?\s|s'\s|<possessive>"
_TOLD_BY_NAME = frozenset(("holder", "own_chip", "chip_name", "own_unit"))


_LISTED = 18  # letters between two names of a list
_LEADS = 32  # letters looked at before a firm: a preposition and an article
_FAR = 1 << 30  # behind the end of any text


class Group(NamedTuple):
    """Companies named in one breath ("Alibaba und Baidu")."""

    start: int
    end: int
    tickers: tuple[str, ...]
    is_unlisted: bool
    score: float


@dataclass(slots=True)
class Sentence:
    """One sentence with what was found in it; all spans refer to its `text`."""

    text: str
    folded: str
    language: str
    is_headline: bool
    segments: list[tuple[int, int]]
    groups: list[Group]
    people: list[Mention]
    products: list[Mention]
    quoted: list[Quoted]
    in_dollars: bool
    by_concept: dict[str, list[Hit]]
    wording: Wording
    _figures: list[Quantity] | None = field(init=False, default=None, repr=False)

    @property
    def figures(self) -> list[Quantity]:
        """The figures, read when first asked for: most sentences tell nothing that has one."""
        if self._figures is None:
            self._figures = figures(self.folded, self.language, self.in_dollars)
        return self._figures

    def segment_of(self, position: int) -> int:
        """Return the index of the segment that holds a position."""
        if len(self.segments) == 1:
            return 0
        return max(0, bisect_right(self.segments, (position, _FAR)) - 1)

    def leads(self, preposition: str, group: Group) -> bool:
        """Tell whether words, a pattern of the language's wording, stand right before a firm."""
        start = group.start
        before = self.wording[preposition].search(self.folded, max(0, start - _LEADS), start)
        return before is not None

    def firms_in(self, segment: int) -> list[Group]:
        """Return the firms named within one segment."""
        return [group for group in self.groups if self.segment_of(group.start) == segment]

    def is_behind_colon(self, segment: int) -> bool:
        """Tell whether a segment is what the one before it says ("BYD: no plans")."""
        if not 0 < segment < len(self.segments):
            return False
        before = self.segments[segment - 1][1]
        return self.text[before : before + 2].strip()[:1] in (":", "：")

    def in_segment(self, concept: str, segment: int) -> list[Hit]:
        """Return the hits of a concept within one segment."""
        hits = self.by_concept.get(concept)
        if not hits:
            return []
        start, end = self.segments[segment]
        return [hit for hit in hits if start <= hit.start < end]


def lay_out(
    text: str,
    language: str,
    names: Sequence[Mention],
    lexicon: Lexicon,
    *,
    is_headline: bool,
    in_dollars: bool,
) -> Sentence:
    """Return a sentence ready to be read.

    Parameters
    ----------
    text : str
        The sentence, clean.
    language : str
        ``de``, ``en`` or ``zh``.
    names : sequence of Mention
        All firms named in it, unlisted ones included, in order.
    lexicon : Lexicon
        The cues.
    is_headline : bool
        True for the first of a story.
    in_dollars : bool
        True where the story means Hong Kong dollars by a bare 元.
    """
    folded = fold(text)
    wording = lexicon.wording(language)
    segments = _segments(folded, wording)
    starts = frozenset(start for start, _ in segments)
    heard = quoted(text, folded, starts)
    named = [m for m in names if m.is_believed or m.role == "unlisted"]
    told = [m for m in named if not _is_voice(m, heard)]
    told = [left for m in told if (left := _left_behind(folded, m, wording)) is not None]
    groups = _groups(folded, _without_attributes(folded, told, wording), wording)
    segments = _joined(segments, groups)
    # A list of firms is no end of a clause: "lädt Meituan, JD.com und Ele.me vor".
    unbroken = folded
    for group in groups:
        if "," in folded[group.start : group.end]:
            names_here = folded[group.start : group.end].replace(",", " ")
            unbroken = unbroken[: group.start] + names_here + unbroken[group.end :]
    in_names = 0
    for name in named:
        in_names |= letters_of(name.start, name.end)
    by_concept: dict[str, list[Hit]] = {}
    for hit in lexicon.hits(unbroken, language, starts):
        # Letters of a company's name are no cue (the trip in Trip.com), save where the name tells
        # (SoftBank holds, Kunlun chips are chips of one's own).
        if (
            not hit.letters & in_names
            or hit.concept in _TOLD_BY_NAME
            or not any(name.start <= hit.start and hit.end <= name.end for name in named)
        ):
            by_concept.setdefault(hit.concept, []).append(hit)
    return Sentence(
        text, folded, language, is_headline, segments, groups,
        people=[m for m in names if m.role == "person"],
        products=[m for m in names if m.role == "product"],
        quoted=heard, in_dollars=in_dollars, by_concept=by_concept, wording=wording,
    )  # fmt: skip


def _without_attributes(folded: str, named: list[Mention], wording: Wording) -> list[Mention]:
    """Drop whom a firm is only measured by ("Tesla rival XPeng", "Apple-Zulieferer AAC")."""
    measures = {
        mention
        for mention, follower in pairwise(named)
        if wording[_BESIDE].fullmatch(folded, mention.end, follower.start)
    }
    return [mention for mention in named if mention not in measures]


def _left_behind(folded: str, mention: Mention, wording: Wording) -> Mention | None:
    """Make a firm somebody came from ("former Alibaba executive") nobody's, another's nothing."""
    if not (
        wording[_FORMER].search(folded, max(0, mention.start - _LEADS), mention.start)
        or wording[_OF_ANOTHER].match(folded, mention.end)
        or wording[_FORMER_BEHIND].match(folded, mention.end)
    ):
        return mention
    return mention._replace(ticker=None, role="unlisted") if mention.ticker else None


def _is_voice(mention: Mention, voices: list[Quoted]) -> bool:
    return any(v.start <= mention.start and mention.end <= v.end for v in voices)


def _segments(folded: str, wording: Wording) -> list[tuple[int, int]]:
    marks = [match.span() for match in _BREAK.finditer(folded)]
    if wording.words.clause:
        words = map(re.Match.start, wording[_CLAUSE].finditer(folded))
        marks += [(at, at) for at in words]
    if not folded.isascii():
        marks += [match.span() for match in _CHINESE_GAP.finditer(folded)]
    begin, end = 0, len(folded)
    if not marks:
        return [(_skip_space(folded, 0, end), end)]
    parts: list[tuple[int, int]] = []
    for low, high in sorted(marks):
        first = _skip_space(folded, begin, low)
        if low > first:  # between a comma and "dass" stands nothing
            parts.append((first, low))
        begin = max(begin, high)
    if begin < end:
        parts.append((_skip_space(folded, begin, end), end))
    return parts or [(0, end)]


def _joined(segments: list[tuple[int, int]], groups: list[Group]) -> list[tuple[int, int]]:
    """Undo the cuts inside a list of firms ("Meituan, Alibaba gain")."""
    parts = segments[:1]
    for low, high in segments[1:]:
        last, end = parts[-1]
        if any(group.start < end and low < group.end for group in groups):
            parts[-1] = last, high
        else:
            parts.append((low, high))
    return parts


def _skip_space(folded: str, begin: int, end: int) -> int:
    while begin < end and folded[begin] in " \"'“‘「《【":
        begin += 1
    return begin


def in_one_breath(text: str, wording: Wording, name: Mention, other: Mention) -> bool:
    """Tell whether of two names the second only goes on with a list ("Alibaba und Baidu")."""
    if other.start - name.end > _LISTED:
        return False
    return _is_joint(wording, fold(text[name.end : other.start]))


def _is_joint(wording: Wording, gap: str) -> bool:
    return bool(wording[_JOINT].fullmatch(gap)) and not wording[_POSSESSIVE].fullmatch(gap)


def _groups(folded: str, named: list[Mention], wording: Wording) -> list[Group]:
    groups: list[Group] = []
    for mention in named:
        ticker = (mention.ticker,) if mention.ticker else ()
        last = groups[-1] if groups else None
        if (
            last is not None
            and mention.start - last.end <= _LISTED
            and _is_joint(wording, folded[last.end : mention.start])
        ):
            tickers = tuple(dict.fromkeys((*last.tickers, *ticker)))
            groups[-1] = Group(
                last.start, mention.end, tickers, not tickers, max(last.score, mention.score)
            )
            continue
        groups.append(Group(mention.start, mention.end, ticker, not ticker, mention.score))
    return groups
