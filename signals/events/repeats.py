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
from signals.events.wording import Wording

if TYPE_CHECKING:
    from signals.events.grammar import Match

# Kinds whose verb is said once for several firms, and what may stand beside their figures.
_REPEATED: frozenset[Kind] = frozenset(("price_move", "order_supply", "earnings", "analyst"))
_WORD = re.compile(r"[^\W\d_]+|\d[\d.,]*")
_FIGURE_NEXT = r"\s(?:<about>\s){0,2}\d"


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
        words = _WORD.findall(rest)
        is_figure = _is_figure(words, sentence.wording)
        told = before if is_figure else _compared(before, {*words}, sentence.wording, rules)
        if here and told is not None:
            said[segment] = told
            again += [_again(told, group, segment) for group in here]
    return again


def _compared(
    match: Match, words: set[str], wording: Wording, rules: Sequence[Rule]
) -> Match | None:
    """Turn a verb around for firms of which only "weniger" is said ("A und B mehr, C weniger")."""
    more, less = wording.of("more"), wording.of("less")
    compared = words & (more | less)
    small = wording.of("fillers") | wording.of("contrasting")
    if len(compared) != 1 or not words <= compared | small:
        return None
    rule = match.rule
    sign = 1 if compared <= more else -1
    if rule.polarity * sign > 0:
        return match
    turned = (r for r in rules if (r.kind, r.subtype) == (rule.kind, rule.subtype))
    opposite = next((r for r in turned if r.polarity * sign > 0), None)
    return None if opposite is None else match._replace(rule=opposite, is_falling=sign < 0)


def _coordinated(sentence: Sentence, fired: Sequence[Match]) -> list[Match]:
    """Repeat a verb within its clause ("es verloren A 4 und B 3 Prozent")."""
    again: list[Match] = []
    wording = sentence.wording
    for match in fired:
        if match.rule.kind not in _REPEATED:
            continue
        here = [g for g in sentence.groups if sentence.segment_of(g.start) == match.segment]
        for first, second in pairwise(here):
            begin = max([first.end, *(f.end for f in match.found if f.end <= second.start)])
            between = sentence.folded[begin : second.start]
            words = {word for word in _WORD.findall(between) if not word[0].isdigit()}
            is_joined = words & wording.of("joins") and words <= wording.of("fillers")
            follows = wording[_FIGURE_NEXT].match(sentence.folded, second.end)
            if is_joined and follows and second.tickers:
                again.append(_again(match, second, match.segment))
    return again


def _is_figure(words: Sequence[str], wording: Wording) -> bool:
    """Tell a figure and the small words around it from everything that says more."""
    numerals = wording.of("numerals")
    others = {word for word in words if not (word[0].isdigit() or word in numerals)}
    return len(others) < len({*words}) and others <= wording.of("fillers")


def _again(match: Match, group: Group, segment: int) -> Match:
    name = Hit(group.start, group.end, "%mover", letters_of(group.start, group.end))
    return match._replace(found=(name,), start=group.end, end=group.end, segment=segment)
