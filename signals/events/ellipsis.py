"""What a clause leaves out because the one before said it: its verb, or its noun.

"A verliert 3 Prozent, B und C 2" says its verb once, "A's deliveries rise, B's fall" its noun.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from signals.events.finder import TELLING, Hit, letters_of
from signals.events.grammar import Grammar, Match
from signals.events.lexicon import Rule
from signals.events.page import Group, Sentence
from signals.events.schema import Kind
from signals.events.wording import Wording

# Kinds whose verb is said once for several firms.
_REPEATED: frozenset[Kind] = frozenset(("price_move", "order_supply", "earnings", "analyst"))
_WORD = re.compile(r"[^\W\d_]+|\d[\d.,]*")
_FIGURE_NEXT = r"\s(?:<about>\s){0,2}\d"
_THIN = 16  # letters that hold no verb: ", while ", " more than "
# Kinds whose noun is said once.
_COMPARED: frozenset[Kind] = frozenset(
    ("earnings", "guidance", "order_supply", "analyst", "ownership")
)
_OPENS = 4  # letters before the firm that opens a clause: a verb of two signs
_FEW = "<few>"


def completed(sentence: Sentence, fired: list[Match], grammar: Grammar) -> list[Match]:
    """Return the matches, and those of clauses that leave their verb or their noun out.

    Parameters
    ----------
    sentence : Sentence
        The sentence.
    fired : list of Match
        What its full clauses tell, in reading order.
    grammar : Grammar
        Which rules say the opposite of the same thing.
    """
    if not fired or len(sentence.groups) < 2:
        return fired
    fired = [*fired, *_coordinated(sentence, fired)]
    fired += _without_verb(sentence, fired, grammar)
    return _with_nouns(sentence, sorted(fired, key=lambda match: match.start), grammar)


def _with_nouns(sentence: Sentence, fired: list[Match], grammar: Grammar) -> list[Match]:
    """Add what clauses say of others with a noun left out."""
    kept = [match for match in fired if not _is_bare_record(match, fired)]
    told = {match.segment for match in kept}
    for match in fired:
        rules = grammar.opposites(match)
        lists = match.rule.subtype == "deliveries" and len(match.rule.needs) == 1
        if match.rule.kind not in _COMPARED or not (rules or lists):
            continue
        for segment in range(match.segment + 1, len(sentence.segments)):
            said = None if segment in told else _said(sentence, segment, (match.rule, *rules))
            if said is None:
                break
            rule, hit = said
            kept.append(Match(rule, (hit,), hit.start, hit.end, segment, rule.polarity < 0))
            told.add(segment)
    return kept


def _without_verb(sentence: Sentence, fired: Sequence[Match], grammar: Grammar) -> list[Match]:
    """Repeat a verb for firms that only a figure follows ("A verliert 3 Prozent, B und C 2")."""
    by_rank = sorted(fired, key=grammar.rank_of)
    said = {match.segment: match for match in by_rank}
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
        told = before if is_figure else _compared(before, {*words}, sentence.wording, grammar.rules)
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
        here = sentence.firms_in(match.segment)
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


def _is_bare_record(match: Match, fired: Sequence[Match]) -> bool:
    """Tell a record of nothing named ("B too hits a high") behind figures that it is one of."""
    used = {found.concept for found in match.found}
    return used in ({"record_high", "%company"}, {"record_low", "%company"}) and any(
        other.segment == match.segment - 1 and other.rule.kind in _COMPARED for other in fired
    )


def _said(sentence: Sentence, segment: int, rules: Sequence[Rule]) -> tuple[Rule, Hit] | None:
    """Return the verb beside another firm, and the rule it would make with the word left out."""
    firm = _other_firm(sentence, segment)
    if firm is None:
        return None
    start, _ = sentence.segments[segment]
    verbs = {name: rule for rule in reversed(rules) for name in rule.needs[-1].split("|")}
    for concept, rule in verbs.items():
        for hit in sentence.in_segment(concept, segment):
            # "B's fall by 3%", and behind its verb: "sells B"
            if hit.start >= firm.end or (hit.start - start < 2 and hit.end + 2 >= firm.start):
                return (rule, hit) if len(rule.needs) > 1 else None
    return _counts(sentence, segment, firm, rules)


def _other_firm(sentence: Sentence, segment: int) -> Group | None:
    """Return the listed firm that opens a clause and was not named before."""
    start, _ = sentence.segments[segment]
    named: set[str] = set()
    for group in sentence.groups:
        if sentence.segment_of(group.start) == segment:
            is_new = bool(group.tickers) and named.isdisjoint(group.tickers)
            return group if is_new and group.start - start <= _OPENS else None
        named.update(group.tickers)
    return None


def _counts(
    sentence: Sentence, segment: int, firm: Group, rules: Sequence[Rule]
) -> tuple[Rule, Hit] | None:
    """Return the count behind a firm, in a list ("Deliveries: A 66,000, B 34,000")."""
    if rules[0].kind != "order_supply":
        return None
    for figure in sentence.figures:
        if figure.start >= firm.end and sentence.segment_of(figure.start) == segment:
            between = sentence.folded[firm.end : figure.start]
            rule = rules[-1] if sentence.wording[_FEW].search(between) else rules[0]
            hit = Hit(figure.start, figure.end, "%count", letters_of(figure.start, figure.end))
            return (rule, hit) if figure.unit == "plain" and figure.value > 99 else None
    return None


def listed_behind(sentence: Sentence, start: int, end: int) -> list[str]:
    """Return who moved with what a verb tells of, each with nothing but a figure behind it.

    Parameters
    ----------
    sentence : Sentence
        The sentence ("A is up 4%, B 3%, C nearly 2%").
    start, end : int
        Where the verb and its figure stand.
    """
    figures = [figure for figure in sentence.figures if figure.unit == "percent"]
    reached = max((f.end for f in figures if f.start - end <= _THIN), default=0)
    listed: list[str] = []
    for group in sentence.groups if reached > start else ():
        if group.start < start:
            continue
        own = next((f for f in figures if 0 <= f.start - group.end <= _THIN), None)
        if own is None or group.start - reached > _THIN or not _is_bare(sentence, group, own.start):
            break
        listed += group.tickers
        reached = own.end
    return listed


def _is_bare(sentence: Sentence, group: Group, end: int) -> bool:
    """Tell whether nothing happens between a firm and the figure behind it."""
    return not any(
        group.end <= hit.start < end and hit.concept not in TELLING
        for hits in sentence.by_concept.values()
        for hit in hits
    )
