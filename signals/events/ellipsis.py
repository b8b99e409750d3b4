"""What a clause leaves out because the one before said it ("A's deliveries rise, B's fall")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from signals.events.finder import Hit, letters_of
from signals.events.grammar import Match
from signals.events.lexicon import Rule
from signals.events.page import Group, Sentence
from signals.events.schema import Kind

_COMPARED: frozenset[Kind] = frozenset(
    ("earnings", "guidance", "order_supply", "analyst", "ownership")
)
_OPENS = 4  # letters before the firm that opens a clause: a verb of two signs
_FEW = "<few>"


def elided(
    sentence: Sentence, fired: Sequence[Match], opposites: Iterable[tuple[Rule, ...]]
) -> list[Match]:
    """Return the matches, and what the clauses behind them say of others with a word left out.

    Parameters
    ----------
    sentence : Sentence
        The sentence.
    fired : sequence of Match
        What its full clauses tell.
    opposites : iterable of tuple of Rule
        For each match the rules that say the opposite of the same thing.
    """
    kept = [match for match in fired if not _is_bare_record(match, fired)]
    told = {match.segment for match in kept}
    for match, rules in zip(fired, opposites, strict=True):
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
