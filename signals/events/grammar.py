"""Rules applied to a sentence: which cues, near each other, make which event.

Rules go in order of precedence and keep the cues they use, so that "shares rise after profit jumps"
gives one move and one earnings event, each with its own verb.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from signals.events.finder import Hit
from signals.events.lexicon import Rule
from signals.events.page import Sentence

_NEAR = {"de": 85, "en": 70, "zh": 22}
_SEGMENT_COST = {"de": 14, "en": 12, "zh": 5}
_WIDEST = 200  # no rule looks farther
_FALLING = frozenset(
    ("down", "cut", "slump", "narrow", "quote_down", "net_sell", "loss_noun", "price_down")
)
_MODEL = re.compile(r"(?<![\w])[A-Za-z]{1,12}[- ]?\d{1,4}[\w.+-]{0,8}(?!\w)")


_BECAUSE = re.compile(
    r"\s?(?:$|[,;.!，；。！]|(?:(?:again|further|sharply|deutlich|kräftig|erneut|weiter)\s)?"
    r"(?:as|after|on|amid|following|despite|before|nach|wegen|auf|trotz|dank|vor|weil"
    r"|in (?=hong|new york|early|late|pre|after|morning|asia|früh|vorbörs|nachbörs))(?!\w))",
    re.IGNORECASE,
)
_THING = re.compile(r"[\s:：]?[《“\"「'„]{0,2}\w[^\s。，,.；;]")
_MOVER_GAP = re.compile(r"(?:'s)?[\s)）\"”》]{0,2}(?:股价|集团|控股)?")


class Found(NamedTuple):
    """A cue, figure or name that a rule used."""

    start: int
    end: int
    concept: str
    tail_end: int


class Match(NamedTuple):
    """A rule that fired."""

    rule: Rule
    found: tuple[Found, ...]
    start: int
    end: int
    segment: int
    is_falling: bool


class Grammar:
    """Rules, kept so that a sentence only meets those its cues could fire.

    Parameters
    ----------
    rules : sequence of Rule
        In order of precedence.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._by_anchor: dict[str, list[int]] = {}
        self._needs: list[tuple[frozenset[str], ...]] = []
        for rank, rule in enumerate(self._rules):
            choices = [frozenset(need.split("|")) for need in rule.needs]
            for concept in choices[0]:
                self._by_anchor.setdefault(concept, []).append(rank)
            # A figure or a name among the choices can only be told by looking.
            plain = [names for names in choices if not any(name[0] == "%" for name in names)]
            self._needs.append(tuple(plain))

    def matches(self, sentence: Sentence) -> list[Match]:
        """Return the rules that fire in a sentence, in reading order."""
        language, text = sentence.language, sentence.text
        used: set[int] = set()
        fired: list[Match] = []
        for rank in self._possible(sentence):
            rule = self._rules[rank]
            if rule.faint and (fired or not sentence.is_headline):
                continue
            for anchor in list(_candidates(sentence, rule.needs[0], text, None)):
                match = _try(sentence, rule, anchor, used, language, text)
                if match is None:
                    continue
                fired.append(match)
                for found in match.found:
                    if found.concept[0] != "%":
                        used.update(range(found.start, found.end))
        strong = {m.segment for m in fired if not (m.rule.weak or m.rule.reaction)}
        kept = [match for match in fired if not _gives_way(match, strong)]
        return sorted(kept, key=lambda match: match.start)

    def _possible(self, sentence: Sentence) -> list[int]:
        present = sentence.by_concept.keys()
        ranks = {rank for concept in present for rank in self._by_anchor.get(concept, ())}
        return [
            rank
            for rank in sorted(ranks)
            if all(not names.isdisjoint(present) for names in self._needs[rank])
        ]


def _gives_way(match: Match, strong: set[int]) -> bool:
    """Let a weak reading yield in its segment; one a denial suggests, in the sentence."""
    if match.rule.weak and any(found.concept == "%denied" for found in match.found):
        return bool(strong)
    return match.rule.weak and match.segment in strong


def _try(
    sentence: Sentence,
    rule: Rule,
    anchor: Found,
    used: set[int],
    language: str,
    text: str,
) -> Match | None:
    if _is_used(anchor, used):
        return None
    segment = sentence.segment_of(anchor.start)
    chosen = [anchor]
    near = rule.near or _NEAR[language]
    if language == "zh" and rule.near:
        near = max(8, rule.near // 3)
    for need in rule.needs[1:]:
        best = _nearest(sentence, need, chosen, used, near, language, text)
        if best is None:
            return None
        chosen.append(best)
    spans = {(found.start, found.end) for found in chosen}
    segments = {sentence.segment_of(found.start) for found in chosen}
    for concept in rule.without:
        for part in segments:
            if any((h.start, h.end) not in spans for h in sentence.in_segment(concept, part)):
                return None
    cues = [found for found in chosen if found.concept[0] != "%"]
    start = min(found.start for found in cues)
    end = max(found.end for found in cues)
    falling = any(found.concept in _FALLING for found in chosen)
    return Match(rule, tuple(chosen), start, end, segment, falling)


def _nearest(
    sentence: Sentence,
    need: str,
    chosen: list[Found],
    used: set[int],
    near: int,
    language: str,
    text: str,
) -> Found | None:
    anchor = chosen[0]
    best, best_cost = None, near + 1
    for candidate in _candidates(sentence, need, text, anchor):
        if candidate.start - anchor.end > near or anchor.start - candidate.end > near:
            continue
        if _is_used(candidate, used) or any(_overlap(candidate, other) for other in chosen):
            continue
        cost = _cost(sentence, anchor, candidate, language)
        if cost < best_cost:
            best, best_cost = candidate, cost
    return best


def _cost(sentence: Sentence, anchor: Found, candidate: Found, language: str) -> int:
    """Characters between, plus a price for every segment and every other company crossed."""
    low, high = sorted((anchor, candidate))
    gap = max(0, high.start - low.end)
    crossed = abs(sentence.segment_of(candidate.start) - sentence.segment_of(anchor.start))
    between = sum(low.end <= group.start and group.end <= high.start for group in sentence.groups)
    foreign = between if crossed or between > 1 else 0
    price = _SEGMENT_COST[language]
    # German verbs come late and Chinese ones after the noun: what follows is likelier meant.
    backward = 4 if candidate.start < anchor.start else 0
    return gap + crossed * price + foreign * price * 2 + backward


def _candidates(sentence: Sentence, need: str, text: str, anchor: Found | None) -> Iterator[Found]:
    for concept in need.split("|"):
        if concept[0] != "%":
            for hit in _around(sentence.by_concept.get(concept, []), anchor):
                yield Found(hit.start, hit.end, concept, hit.tail_end)
        elif concept in ("%percent", "%money"):
            for figure in sentence.figures:
                if figure.unit == concept[1:]:
                    yield Found(figure.start, figure.end, concept, figure.end)
        elif concept == "%model":
            for match in _MODEL.finditer(text):
                yield Found(match.start(), match.end(), concept, match.end())
        elif concept == "%denied":
            for hit in sentence.by_concept.get("deny", ()):
                yield Found(hit.start, hit.end, concept, hit.tail_end)
        elif concept == "%thing":
            behind = _THING.match(text, anchor.end) if anchor else None
            if behind is not None:
                yield Found(behind.start(), behind.end(), concept, behind.end())
            for product in sentence.products:
                yield Found(product.start, product.end, concept, product.end)
        elif concept == "%because":
            because = _BECAUSE.match(text, anchor.end) if anchor else None
            if because is not None:
                yield Found(because.start(), because.end(), concept, because.end())
        else:
            for start, end in _named(sentence, concept, anchor, text):
                yield Found(start, end, concept, end)


def _around(hits: list[Hit], anchor: Found | None) -> list[Hit]:
    """Return the hits that can be near an anchor: in a text without stops there may be hundreds."""
    if anchor is None or len(hits) < 12:
        return hits
    low = bisect_left(hits, anchor.start - _WIDEST, key=lambda hit: hit.start)
    high = bisect_left(hits, anchor.end + _WIDEST, key=lambda hit: hit.start)
    return hits[low:high]


def _named(
    sentence: Sentence, concept: str, anchor: Found | None, text: str
) -> Iterator[tuple[int, int]]:
    """Yield the spans of people, voices and companies in the part a rule asks for."""
    if concept == "%person":
        yield from ((person.start, person.end) for person in sentence.people)
    elif concept == "%broker":
        yield from ((voice.start, voice.end) for voice in sentence.quoted if voice.is_broker)
    elif anchor is None or concept == "%company":
        yield from ((group.start, group.end) for group in sentence.groups)
    elif concept == "%stranger":
        segment = sentence.segment_of(anchor.start)
        if not any(
            group.tickers and group.end <= anchor.start + 1
            for group in sentence.groups
            if sentence.segment_of(group.start) == segment
        ):
            yield anchor.start, anchor.start
    else:
        segment = sentence.segment_of(anchor.start)
        here = [g for g in sentence.groups if sentence.segment_of(g.start) == segment]
        for place, group in enumerate(here):
            is_before = group.end <= anchor.start + 1
            fits = {
                "%target": not is_before or place > 0,
                "%listed_doer": is_before and bool(group.tickers) and place == 0,
                "%mover": is_before and _MOVER_GAP.fullmatch(text, group.end, anchor.start),
            }
            if fits[concept]:
                yield group.start, group.end


def _is_used(found: Found, used: set[int]) -> bool:
    if found.concept.startswith("%"):
        return False
    return not used.isdisjoint(range(found.start, found.end))


def _overlap(one: Found, other: Found) -> bool:
    return one.start < other.end and other.start < one.end
