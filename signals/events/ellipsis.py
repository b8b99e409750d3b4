"""What a clause leaves out because the one before said it ("A's deliveries rise, B's fall")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from signals.events.finder import Hit, letters_of
from signals.events.grammar import Match
from signals.events.lexicon import Rule
from signals.events.page import Group, Sentence
from signals.events.schema import Kind

_COMPARED: frozenset[Kind] = frozenset(("earnings", "guidance", "order_supply", "analyst"))


def elided(
    sentence: Sentence, fired: Sequence[Match], opposites: Iterable[tuple[Rule, ...]]
) -> list[Match]:
    """Return what the clauses behind a match say of other firms with its word left out.

    Parameters
    ----------
    sentence : Sentence
        The sentence.
    fired : sequence of Match
        What its full clauses tell.
    opposites : iterable of tuple of Rule
        For each match the rules that say the opposite of the same thing.
    """
    told = {match.segment for match in fired}
    found: list[Match] = []
    for match, rules in zip(fired, opposites, strict=True):
        lists = match.rule.subtype == "deliveries" and len(match.rule.needs) == 1
        if match.rule.kind not in _COMPARED or not (rules or lists):
            continue
        for segment in range(match.segment + 1, len(sentence.segments)):
            other = None if segment in told else _other_firm(sentence, segment)
            if other is None:
                break
            if lists:
                said = _counts(sentence, segment, other, match.rule)
            else:
                said = _says(sentence, segment, other, (match.rule, *rules))
            if said is None:
                break
            rule, hit = said
            found.append(Match(rule, (hit,), hit.start, hit.end, segment, rule.polarity < 0))
            told.add(segment)
    return found


def _other_firm(sentence: Sentence, segment: int) -> Group | None:
    """Return the listed firm that opens a clause and was not named before."""
    start, _ = sentence.segments[segment]
    named: set[str] = set()
    for group in sentence.groups:
        if sentence.segment_of(group.start) == segment:
            is_new = bool(group.tickers) and named.isdisjoint(group.tickers)
            return group if is_new and group.start - start <= 3 else None
        named.update(group.tickers)
    return None


def _counts(sentence: Sentence, segment: int, firm: Group, rule: Rule) -> tuple[Rule, Hit] | None:
    """Return the count behind a firm, in a list ("Deliveries: A 66,000, B 34,000")."""
    for figure in sentence.figures:
        if figure.start >= firm.end and sentence.segment_of(figure.start) == segment:
            span = figure.start, figure.end
            return (rule, Hit(*span, "%count", letters_of(*span))) if figure.value > 99 else None
    return None


def _says(
    sentence: Sentence, segment: int, firm: Group, rules: Sequence[Rule]
) -> tuple[Rule, Hit] | None:
    """Return the verb behind a firm, and the rule it would make with the word left out."""
    for rule in rules:
        for concept in rule.needs[-1].split("|"):
            for hit in sentence.in_segment(concept, segment):
                if hit.start >= firm.end:
                    return rule, hit
    return None
