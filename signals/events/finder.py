"""Cues in a text: how one is written, where one is found, and which of two that overlap holds.

All cues of a language stand in one automaton, so that a text is read once whatever their number;
what an inflected, compound or separable cue needs beside its letters is checked where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from signals.text.folding import fold
from signals.text.tokens import begins_word, ends_word, is_word_character, word_span

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


@dataclass(frozen=True, slots=True)
class Cue:
    """One spelled cue."""

    concept: str
    text: str
    head: str
    open_left: bool
    open_right: bool
    anchored: bool
    tail: re.Pattern[str] | None
    is_particle: bool
    is_adjacent: bool = False


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
                by_head.setdefault(cue.head, []).append(cue)
        self._cues = list(by_head.values())
        self._automaton = AhoCorasick(list(by_head), matchkind=MatchKind.Standard)
        self._reach = _REACH[language]

    def find(self, folded: str, starts: frozenset[int]) -> list[Hit]:
        """Return the cues of a folded text in order; `starts` says where segments begin."""
        found: list[Hit] = []
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            begins, ends = begins_word(folded, start), ends_word(folded, end)
            for cue in self._cues[index]:
                if (begins or cue.open_left) and (ends or cue.open_right):
                    hit = self._hit(cue, folded, start, end, starts)
                    if hit is not None:
                        found.append(hit)
        return _longest(found)

    def _hit(
        self, cue: Cue, folded: str, start: int, end: int, starts: frozenset[int]
    ) -> Hit | None:
        if cue.anchored and start not in starts:
            return None
        weight = end - start
        if cue.open_left or cue.open_right:
            left, right = word_span(folded, start, end)
            start, end = (left if cue.open_left else start), (right if cue.open_right else end)
        tail_end = end
        if cue.tail is not None:
            tail = self._tail(cue, folded, end)
            if tail is None:
                return None
            tail_end = tail
        return Hit(start, end, cue.concept, cue.text, weight, tail_end)

    def _tail(self, cue: Cue, folded: str, end: int) -> int | None:
        stop = _segment_end(folded, end, min(len(folded), end + self._reach))
        if cue.tail is None:
            return None
        if cue.is_adjacent:
            match = cue.tail.match(folded[end:stop])
            return end + match.end() if match else None
        for match in cue.tail.finditer(folded, end, stop):
            if not cue.is_particle or _AFTER_PARTICLE.match(folded, match.end(), stop):
                return match.end()
        return None


_SEGMENT_STOP = re.compile(
    r"[。！？；;，\n]|[,:：!?](?=\s)|(?<!mrd)(?<!mio)(?<!bio)(?<!tsd)(?<!inc)(?<!ltd)(?<!corp)(?<!co)(?<!st)\.(?=\s)"
)


def _segment_end(folded: str, start: int, limit: int) -> int:
    stop = _SEGMENT_STOP.search(folded, start, limit)
    return stop.start() if stop else limit


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
            patterns.insert(0, r"\A\s" + re.escape(adjacent).replace(r"\ ", r"\s"))
        pattern = re.compile(f"[^。！？;；]{{0,{_GAP_REACH}}}?".join(patterns))
    tail = tails[0] if len(tails) == 1 and not adjacent else ""
    return Cue(
        concept, text, head.strip("*"), open_left, open_right, anchored, pattern,
        tail in _SEPARABLE, bool(adjacent),
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
        for other in reversed(kept):
            if other.end < hit.start - 80:
                break
            within = other.start <= hit.start and hit.end <= other.end
            same = within and (other.start, other.end) == (hit.start, hit.end)
            if same and (hit.tail_end > hit.end or other.tail_end > other.end):
                continue  # a verb and its particle say one thing, the verb alone another
            if within and hit.weight < (_EQUAL * other.weight if same else other.weight):
                break
        else:
            kept.append(hit)
            continue
        if other.end < hit.start - 80:
            kept.append(hit)
    return kept
