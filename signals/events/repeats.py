"""Clauses that leave their verb out: "A verliert 3 Prozent, B und C 2", "X sells more, Y fewer"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from signals.events.finder import Hit, letters_of
from signals.events.lexicon import Rule
from signals.events.page import Group, Sentence
from signals.events.schema import Kind

if TYPE_CHECKING:
    from signals.events.grammar import Match

# Kinds whose verb is said once for several firms, and what may stand beside their figures.
_REPEATED: frozenset[Kind] = frozenset(("price_move", "order_supply", "earnings", "analyst"))
_WORD = re.compile(r"[^\W\d_]+|\d[\d.,]*")
_FIGURE_NEXT = re.compile(r"\s(?:(?:um|auf|rund|fast|knapp|gut|etwa|sogar|mehr als) ){0,2}\d")
_FILLERS = frozenset(
    (
        "um", "und", "sogar", "gar", "mehr", "als", "rund", "fast", "knapp", "gut", "etwa",
        "minus", "plus", "jeweils", "je", "ebenfalls", "auch", "immerhin", "auf", "prozent",
        "prozentpunkte", "yuan", "hkd", "hk", "hongkong", "dollar", "usd", "mrd", "mio",
        "milliarden", "millionen", "by", "and", "almost", "nearly", "about", "around", "some",
        "over", "more", "than", "percent", "to", "billion", "million",
    )
)  # fmt: skip
_COMPARED = {"weniger": -1, "fewer": -1, "less": -1, "mehr": 1}
_NUMERALS = frozenset(
    (
        "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    )
)  # fmt: skip


def repeated(sentence: Sentence, fired: Sequence[Match], rules: Sequence[Rule]) -> list[Match]:
    """Return the matches of a sentence that firms without a verb share with those before them.

    Parameters
    ----------
    sentence : Sentence
        With more than one firm.
    fired : sequence of Match
        What fired in it.
    rules : sequence of Rule
        Where "less" finds the opposite of a rule.
    """
    here = _coordinated(sentence, fired)
    return [*here, *_elided(sentence, [*fired, *here], rules)]


def _elided(sentence: Sentence, fired: Sequence[Match], rules: Sequence[Rule]) -> list[Match]:
    """Repeat a verb for firms that only a figure follows ("A verliert 3 Prozent, B und C 2")."""
    said: dict[int, Match] = {match.segment: match for match in fired}
    again: list[Match] = []
    for segment, (start, end) in enumerate(sentence.segments):
        before = said.get(segment - 1)
        if before is None or segment in said or before.rule.kind not in _REPEATED:
            continue
        here = [g for g in sentence.groups if start <= g.start < end and g.tickers]
        rest, low = "", start
        for group in here:
            rest, low = rest + sentence.folded[low : group.start] + " ", group.end
        rest += sentence.folded[low:end]
        told = before if _is_figure(rest) else _compared(before, rest, rules)
        if here and told is not None:
            said[segment] = told
            again += [_again(told, group, segment) for group in here]
    return again


def _compared(match: Match, rest: str, rules: Sequence[Rule]) -> Match | None:
    """Turn a verb around for firms of which only "weniger" is said ("A und B mehr, C weniger")."""
    words = set(_WORD.findall(rest))
    signs = [sign for word, sign in _COMPARED.items() if word in words]
    if len(signs) != 1 or not words <= _COMPARED.keys() | _FILLERS | {"dagegen", "hingegen"}:
        return None
    rule = match.rule
    if rule.polarity * signs[0] > 0:
        return match
    turned = (r for r in rules if (r.kind, r.subtype) == (rule.kind, rule.subtype))
    opposite = next((r for r in turned if r.polarity * signs[0] > 0), None)
    return None if opposite is None else match._replace(rule=opposite, is_falling=signs[0] < 0)


def _coordinated(sentence: Sentence, fired: Sequence[Match]) -> list[Match]:
    """Repeat a verb within its clause ("es verloren A 4 und B 3 Prozent")."""
    again: list[Match] = []
    for match in fired:
        if match.rule.kind not in _REPEATED:
            continue
        here = [g for g in sentence.groups if sentence.segment_of(g.start) == match.segment]
        for first, second in pairwise(here):
            begin = max([first.end, *(f.end for f in match.found if f.end <= second.start)])
            between = sentence.folded[begin : second.start]
            words = _WORD.findall(between)
            is_joined = "und" in words and all(w[0].isdigit() or w in _FILLERS for w in words)
            if is_joined and second.tickers and _FIGURE_NEXT.match(sentence.folded, second.end):
                again.append(_again(match, second, match.segment))
    return again


def _is_figure(rest: str) -> bool:
    """Tell a figure and the small words around it from everything that says more."""
    words = _WORD.findall(rest)
    return any(word[0].isdigit() or word in _NUMERALS for word in words) and all(
        word[0].isdigit() or word in _NUMERALS or word in _FILLERS for word in words
    )


def _again(match: Match, group: Group, segment: int) -> Match:
    name = Hit(group.start, group.end, "%mover", letters_of(group.start, group.end))
    return match._replace(found=(name,), start=group.end, end=group.end, segment=segment)
