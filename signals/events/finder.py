"""Cues in a text: how one is written, where one is found, and which of two that overlap holds.

All cues of a language stand in one automaton, so that a text is read once whatever their number;
what an inflected, compound or separable cue needs beside its letters is checked where they stand.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from signals.text.folding import fold
from signals.text.tokens import is_word_character, word_end, word_start

GAP = "…"
TELLING = frozenset(
    (
        "neg", "deny", "hedge", "rumour", "reported", "opinion", "speech", "background",
        "background_not", "future", "past", "backref", "contrast", "cause",
    )
)  # fmt: skip
_REACH = {"de": 110, "en": 90, "zh": 30}
_SEPARABLE = frozenset(
    (
        "zu", "ab", "an", "auf", "aus", "ein", "nach", "zurück", "vor", "hoch", "herab", "hinauf",
        "herauf", "heraus", "bei", "nieder", "fort", "weg", "um", "durch",
    )
)  # fmt: skip
_GAP_REACH = 60
# Two cues for one word both hold ("verlässt": leaves, is excluded) unless one says far more of it.
_EQUAL = 0.8
_AFTER_PARTICLE = re.compile(
    r"\s*(?:$|[.,;:!?)\"'-]|(?:und|oder|nach|wegen|auf|weil|da|mit|bei|aus|im|in|trotz|dank|vor|für|als|am|durch"
    r"|nachdem|obwohl|während|gegen|um|seit|bis|von|wie|ohne|über|unter|angesichts|infolge|gegenüber)(?!\w))"
)


class Hit(NamedTuple):
    """A cue found: its concept, its span in the folded text, and the weight of its own letters."""

    start: int
    end: int
    concept: str
    cue: str
    weight: int
    tail_end: int


class Cue(NamedTuple):
    """One spelled cue."""

    concept: str
    text: str
    head: str
    open_left: bool
    open_right: bool
    anchored: bool
    tail: re.Pattern[str] | None
    is_particle: bool
    is_adjacent: bool
    literal: str
    """Letters that stand in every text the tail fits: looked for first."""


class Head(NamedTuple):
    """What cues begin with, whether a word could go on at its ends, and the cues."""

    is_word_first: bool
    is_word_last: bool
    cues: tuple[Cue, ...]


class Finder:
    """All cues of one language in one automaton.

    Parameters
    ----------
    concepts : mapping of str to sequence of str
        Concept → cues as written.
    language : str
        ``de``, ``en`` or ``zh``: how far the parts of a cue may lie apart.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], language: str) -> None:
        by_head: dict[str, list[Cue]] = {}
        for concept, cues in concepts.items():
            for text in (*cues, *joined_forms(cues)):
                cue = parse_cue(concept, text)
                if cue.head:  # the linter names what can match nothing
                    by_head.setdefault(cue.head, []).append(cue)
        self._heads = [
            Head(is_word_character(head[0]), is_word_character(head[-1]), tuple(cues))
            for head, cues in by_head.items()
        ]
        self._automaton = AhoCorasick(list(by_head), matchkind=MatchKind.Standard)
        self._reach = _REACH[language]

    def find(self, folded: str, starts: frozenset[int]) -> list[Hit]:
        """Return the cues of a folded text in order; `starts` says where segments begin."""
        found: list[Hit] = []
        stops: list[int] | None = None
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            is_word_first, is_word_last, cues = self._heads[index]
            goes_before = start > 0 and is_word_character(folded[start - 1])
            goes_on = end < len(folded) and is_word_character(folded[end])
            begins = not (is_word_first and goes_before)
            ends = not (is_word_last and goes_on)
            for cue in cues:
                if not ((begins or cue.open_left) and (ends or cue.open_right)):
                    continue
                if cue.anchored and start not in starts:
                    continue
                high = tail_end = word_end(folded, end) if goes_on and cue.open_right else end
                if cue.tail is not None:
                    if stops is None:
                        stops = [stop.start() for stop in _SEGMENT_STOP.finditer(folded)]
                        stops.append(len(folded))
                    stop = min(stops[bisect_left(stops, high)], high + self._reach)
                    if folded.find(cue.literal, high, stop) < 0:
                        continue
                    tail_end = _tail_end(cue, cue.tail, folded, high, stop)
                    if tail_end < 0:
                        continue
                low = word_start(folded, start) if goes_before and cue.open_left else start
                weight = end - start
                if cue.open_left and not cue.open_right:  # a compound is what its last part says
                    weight = max(weight, int(_EQUAL * (high - low)))
                found.append(Hit(low, high, cue.concept, cue.text, weight, tail_end))
        return _longest(found)


def _tail_end(cue: Cue, tail: re.Pattern[str], folded: str, end: int, stop: int) -> int:
    """Return where the other parts of a cue end, -1 where they do not stand before `stop`."""
    if cue.is_adjacent:
        match = tail.match(folded, end, stop)
        return match.end() if match else -1
    for match in tail.finditer(folded, end, stop):
        if not cue.is_particle or _AFTER_PARTICLE.match(folded, match.end(), stop):
            return match.end()
    return -1


_SEGMENT_STOP = re.compile(  # one set of characters first: the rest is looked at only there
    r"[。！？；;，\n,:：!?.](?:(?<=[。！？；;，\n])"
    r"|(?=\s)(?<!mrd\.)(?<!mio\.)(?<!bio\.)(?<!tsd\.)(?<!inc\.)(?<!ltd\.)(?<!corp\.)(?<!co\.)(?<!st\.))"
)


def parse_cue(concept: str, text: str) -> Cue:
    """Return a cue as matched from how it is written.

    Examples
    --------
    >>> cue = parse_cue("up", "legt* … zu")
    >>> cue.head, cue.open_right, cue.is_particle
    ('legt', True, True)
    """
    parts = [part.strip() for part in fold(text).split(GAP)]
    head, tails = parts[0], parts[1:]
    anchored = head.startswith("^")
    head = head.removeprefix("^")
    adjacent = ""
    if "* " in head:  # "trenn* sich von": the inflected word first, the rest right behind it
        head, _, adjacent = head.partition("* ")
        head += "*"
    open_left, open_right = head.startswith("*"), head.endswith("*")
    pattern = None
    if adjacent or tails:
        patterns = [_bounded_pattern(part) for part in tails]
        if adjacent:
            patterns.insert(0, re.escape(f" {adjacent}"))
        pattern = re.compile(f"[^。！？;；]{{0,{_GAP_REACH}}}?".join(patterns))
    tail = tails[0] if len(tails) == 1 and not adjacent else ""
    literal = adjacent or (tails[0].strip("*") if tails else "")
    return Cue(
        concept, text, head.strip("*"), open_left, open_right, anchored, pattern,
        tail in _SEPARABLE, bool(adjacent), literal,
    )  # fmt: skip


def _longest(found: list[Hit]) -> list[Hit]:
    """Drop every hit that lies within a longer cue, and of equal spans all but the heaviest.

    What an event is and how it is told are judged apart: "veröffentlichte" is a launch and a past.
    """
    shields = [hit for hit in found if hit.concept == "ignore"]
    tellings = [hit for hit in found if hit.concept in TELLING]
    contents = [hit for hit in found if hit.concept not in TELLING]
    kept = _outermost(contents) + _outermost(tellings + shields)
    return sorted(kept, key=lambda hit: (hit.start, hit.end))


def joined_forms(cues: Sequence[str]) -> list[str]:
    """Return what separable verbs look like joined, at the end of a German clause.

    Examples
    --------
    >>> joined_forms(["büß* … ein", "gewinn*"])
    ['einbüß*', 'eingebüß*', 'einzubüß*']
    """
    forms = []
    for cue in cues:
        stem, gap, particle = cue.partition(f"* {GAP} ")
        if gap and particle in _SEPARABLE and stem.isalpha():
            forms += [f"{particle}{between}{stem}*" for between in ("", "ge", "zu")]
    return [form for form in dict.fromkeys(forms) if form not in cues]


def _bounded_pattern(part: str) -> str:
    left = "" if part.startswith("*") or not is_word_character(part[0]) else r"(?<!\w)"
    right = "" if part.endswith("*") or not is_word_character(part[-1]) else r"(?!\w)"
    return left + re.escape(part.strip("*")) + right


def _outermost(found: list[Hit]) -> list[Hit]:
    found.sort(key=lambda hit: (hit.start, -hit.end, -hit.weight))
    kept: list[Hit] = []
    for hit in found:
        start, end, _, _, weight, tail_end = hit
        for other in reversed(kept):
            if other.end < end:  # it reaches farther, whatever stands before
                if other.end < start - 80:
                    kept.append(hit)
                    break
                continue
            same = other.start == start and other.end == end
            if same and (tail_end > end or other.tail_end > end):
                continue  # a verb and its particle say one thing, the verb alone another
            if weight < (_EQUAL * other.weight if same else other.weight):
                break
        else:
            kept.append(hit)
    return kept
