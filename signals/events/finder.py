"""Cues in a text: how one is written, where one is found, and which of two that overlap holds.

All cues of a language stand in one automaton, so that a text is read once whatever their number;
what an inflected, compound or separable cue needs beside its letters is checked where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from signals.events.wording import Wording
from signals.text.folding import fold
from signals.text.tokens import WORD_REACH, is_word_character, word_end, word_start

GAP = "…"
TELLING = frozenset(
    (
        "neg", "deny", "hedge", "rumour", "reported", "opinion", "speech", "background",
        "background_not", "future", "past", "backref", "contrast", "cause",
    )
)  # fmt: skip
_REACH = {"de": 110, "en": 90, "zh": 30}
_GAP_REACH = 60
# Two cues for one word both hold ("verlässt": leaves, is excluded) unless one says far more of it.
_EQUAL = 0.8
_AFTER_PARTICLE = r"\s*(?:$|[.,;:!?)\"'-]|<after_particle>)"
# "stuft A ab und B hoch": the first particle has ended the first verb.
_CLOSED = r"<closers>\s(?:<both>|<either>)"
_SEGMENT_STOP = (  # one set of characters first: the rest is looked at only there
    r"[。！？；;，\n,:：!?.](?:(?<=[。！？；;，\n])|(?=\s)<!abbreviations>)"
)


class Hit(NamedTuple):
    """A cue found: its span in the folded text, its concept, and its letters.

    Letters are bits, so that two spans overlap where both have one.
    """

    start: int
    end: int
    concept: str
    letters: int


class Tail(NamedTuple):
    """What must stand behind the head of a cue."""

    pattern: re.Pattern[str]
    is_particle: bool
    is_adjacent: bool
    literal: str
    """Letters that stand in every text the pattern fits: looked for first."""


class Cue(NamedTuple):
    """One spelled cue."""

    concept: str
    text: str
    head: str
    open_left: bool
    open_right: bool
    anchored: bool
    tail: Tail | None


class Form(NamedTuple):
    """What cues that are written alike ask of their place, and the concepts they stand for.

    A word is looked at once for all its concepts: for what they say happened (`contents`), and for
    how they say it is told (`tellings`).
    """

    open_left: bool
    open_right: bool
    anchored: bool
    tail: Tail | None
    contents: tuple[str, ...]
    tellings: tuple[str, ...]


class Head(NamedTuple):
    """What cues begin with: whether what stands around it matters, and the forms they take."""

    is_word_first: bool
    is_word_last: bool
    looks_before: bool
    looks_behind: bool
    alone: tuple[Form, ...]
    tailed: tuple[tuple[str, Form], ...]
    """Forms with more parts, each with the letters to look for first: verbs have dozens."""


_Found = tuple[int, int, int, int, int, tuple[str, ...]]
"""Start, end and weight, both negative, so that they sort; a count, tail end and concepts."""


class Finder:
    """All cues of one language in one automaton.

    Parameters
    ----------
    concepts : mapping of str to sequence of str
        Concept → cues as written.
    language : str
        ``de``, ``en`` or ``zh``: how far the parts of a cue may lie apart.
    wording : Wording
        The language's small words: which parts are particles, and what may follow them.
    """

    def __init__(
        self, concepts: Mapping[str, Sequence[str]], language: str, wording: Wording
    ) -> None:
        particles = wording.of("particles")
        by_head: dict[str, list[Cue]] = {}
        for concept, cues in concepts.items():
            for text in (*cues, *joined_forms(cues, particles)):
                cue = parse_cue(concept, text, particles)
                if cue.head:  # the linter names what can match nothing
                    by_head.setdefault(cue.head, []).append(cue)
        self._heads = [_head(head, _forms(cues)) for head, cues in by_head.items()]
        self._automaton = AhoCorasick(list(by_head), matchkind=MatchKind.Standard)
        self._reach = _REACH[language]
        self._wording = wording

    def find(self, folded: str, starts: frozenset[int]) -> list[Hit]:
        """Return the cues of a folded text in order; `starts` says where segments begin."""
        contents: list[_Found] = []
        tellings: list[_Found] = []
        length, far = len(folded), self._reach + WORD_REACH
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            is_word_first, is_word_last, before, behind, forms, tailed = self._heads[index]
            goes_before = before and start > 0 and is_word_character(folded[start - 1])
            goes_on = behind and end < length and is_word_character(folded[end])
            is_cut = is_word_first and goes_before
            is_cut_off = is_word_last and goes_on
            if tailed:
                rest = folded[end : end + far]
                forms = (*forms, *[form for literal, form in tailed if literal in rest])
            for open_left, open_right, anchored, tail, happens, is_told in forms:
                if (is_cut and not open_left) or (is_cut_off and not open_right):
                    continue
                if anchored and start not in starts:
                    continue
                high = tail_end = word_end(folded, end) if goes_on and open_right else end
                if tail is not None:
                    tail_end = self._tail_end(tail, folded, high)
                    if tail_end < 0:
                        continue
                low = word_start(folded, start) if goes_before and open_left else start
                weight = end - start
                if open_left and not open_right:  # a compound is what its last part says
                    weight = max(weight, int(_EQUAL * (high - low)))
                if happens:
                    contents.append((low, -high, -weight, len(contents), tail_end, happens))
                if is_told:
                    tellings.append((low, -high, -weight, len(tellings), tail_end, is_told))
        found: list[Hit] = []
        kept = [*_outermost(contents), *_outermost(tellings)]
        # A verb that its particle makes another ("steigt … aus") says nothing by itself.
        ignored = {
            (low, high)
            for low, high, _, _, tail_end, concepts in kept
            if tail_end > -high and "ignore" in concepts
        }
        for low, high, _, _, tail_end, concepts in kept:
            if tail_end <= -high and (low, high) in ignored:
                continue
            letters = letters_of(low, -high)
            found += [_new_hit((low, -high, concept, letters)) for concept in concepts]
        found.sort(key=_SPAN)
        return found

    def _tail_end(self, tail: Tail, folded: str, end: int) -> int:
        """Return where the other parts of a cue end, -1 where they do not stand in its segment."""
        wording = self._wording
        high = min(len(folded), end + self._reach)
        stop = wording[_SEGMENT_STOP].search(folded, end, high + 1)  # it shows in what follows it
        if stop is not None:
            high = min(high, stop.start())
        if tail.is_adjacent:
            match = tail.pattern.match(folded, end, high)
            return match.end() if match else -1
        for match in tail.pattern.finditer(folded, end, high):
            if not tail.is_particle:
                return match.end()
            if wording[_CLOSED].search(folded, end, match.start()):
                return -1
            if wording[_AFTER_PARTICLE].match(folded, match.end(), high):
                return match.end()
        return -1


_SPAN = itemgetter(0, 1)
_new_hit: Callable[[tuple[int, int, str, int]], Hit] = partial(tuple.__new__, Hit)
"""`Hit` of its four parts, without the detour over their names."""


def letters_of(start: int, end: int) -> int:
    """Return the letters of a span as bits."""
    return ((1 << (end - start)) - 1) << start


def _head(head: str, forms: Sequence[Form]) -> Head:
    is_word_first, is_word_last = is_word_character(head[0]), is_word_character(head[-1])
    return Head(
        is_word_first,
        is_word_last,
        is_word_first or any(form.open_left for form in forms),
        is_word_last or any(form.open_right for form in forms),
        tuple(form for form in forms if form.tail is None),
        tuple((form.tail.literal, form) for form in forms if form.tail is not None),
    )


def _forms(cues: Sequence[Cue]) -> tuple[Form, ...]:
    """Gather the cues of one head by what they ask of their place."""
    alike: dict[tuple[bool, bool, bool, Tail | None], list[str]] = {}
    for cue in cues:
        place = (cue.open_left, cue.open_right, cue.anchored, cue.tail)
        alike.setdefault(place, []).append(cue.concept)
    forms = []
    for (open_left, open_right, anchored, tail), concepts in alike.items():
        # What an event is and how it is told are judged apart ("veröffentlichte" is a launch and a
        # past); what is to be ignored stands in the way of both.
        contents = tuple(name for name in concepts if name not in TELLING)
        tellings = tuple(name for name in concepts if name in TELLING or name == "ignore")
        forms.append(Form(open_left, open_right, anchored, tail, contents, tellings))
    return tuple(forms)


def parse_cue(concept: str, text: str, particles: frozenset[str] = frozenset()) -> Cue:
    """Return a cue as matched from how it is written.

    Parameters
    ----------
    concept : str
        What it stands for.
    text : str
        As written.
    particles : frozenset of str
        Parts of separable verbs in its language.

    Examples
    --------
    >>> cue = parse_cue("up", "legt* … zu", frozenset({"zu"}))
    >>> cue.head, cue.open_right, cue.tail.is_particle
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
    tail = None
    if adjacent or tails:
        patterns = [_bounded_pattern(part) for part in tails]
        if adjacent:
            patterns.insert(0, re.escape(f" {adjacent}"))
        pattern = re.compile(f"[^。！？;；]{{0,{_GAP_REACH}}}?".join(patterns))
        is_particle = len(tails) == 1 and not adjacent and tails[0] in particles
        tail = Tail(pattern, is_particle, bool(adjacent), adjacent or tails[0].strip("*"))
    return Cue(concept, text, head.strip("*"), open_left, open_right, anchored, tail)


def joined_forms(cues: Sequence[str], particles: frozenset[str]) -> list[str]:
    """Return what separable verbs look like joined, at the end of a German clause.

    Examples
    --------
    >>> joined_forms(["büß* … ein", "gewinn*"], frozenset({"ein"}))
    ['einbüß*', 'eingebüß*', 'einzubüß*']
    """
    forms = []
    for cue in cues:
        stem, gap, particle = cue.partition(f"* {GAP} ")
        if gap and particle in particles and stem.isalpha():
            forms += [f"{particle}{between}{stem}*" for between in ("", "ge", "zu")]
    return [form for form in dict.fromkeys(forms) if form not in cues]


def _bounded_pattern(part: str) -> str:
    left = "" if part.startswith("*") or not is_word_character(part[0]) else r"(?<!\w)"
    right = "" if part.endswith("*") or not is_word_character(part[-1]) else r"(?!\w)"
    return left + re.escape(part.strip("*")) + right


def _outermost(found: list[_Found]) -> list[_Found]:
    """Drop every cue that lies within a longer one, and of equal spans all but the heaviest."""
    found.sort()
    kept: list[_Found] = []
    reached = 0
    for entry in found:
        start, end, weight, _, tail_end, _ = entry
        if start >= reached:
            kept.append(entry)
            reached = -end
            continue
        for low, high, other_weight, _, other_tail, _ in reversed(kept):
            if high > end:  # it reaches farther, whatever stands before
                if -high < start - 80:
                    kept.append(entry)
                    break
                continue
            same = low == start and high == end
            if same and (tail_end > -end or other_tail > -end):
                continue  # a verb and its particle say one thing, the verb alone another
            if weight > (_EQUAL * other_weight if same else other_weight):
                break
        else:
            kept.append(entry)
            reached = max(reached, -end)
    return kept
