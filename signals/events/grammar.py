"""Rules applied to a sentence: which cues, near each other, make which event.

Rules go in order of precedence and keep the cues they use, so that "shares rise after profit jumps"
gives one move and one earnings event, each with its own verb.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from signals.events.finder import Hit
from signals.events.lexicon import Rule
from signals.events.moves import is_no_move
from signals.events.needs import candidates
from signals.events.page import Sentence
from signals.events.schema import Kind

_NEAR = {"de": 85, "en": 70, "zh": 22}
_SEGMENT_COST = {"de": 14, "en": 12, "zh": 5}
_FALLING = frozenset(
    ("down", "cut", "slump", "narrow", "quote_down", "net_sell", "loss_noun", "price_down")
)
# Whoever has a say on what went wrong tells of it, too.
_WITH_A_SAY: frozenset[Kind] = frozenset(("regulation", "legal", "management"))


class Match(NamedTuple):
    """A rule that fired, with the cues, figures and names it used."""

    rule: Rule
    found: tuple[Hit, ...]
    start: int
    end: int
    segment: int
    is_falling: bool

    @property
    def only_denied(self) -> bool:
        """True where somebody's denial is all that speaks of it."""
        return self.rule.faint or any(found.concept == "%denied" for found in self.found)


class _Plan(NamedTuple):
    """A rule, its needs taken apart."""

    rank: int
    rule: Rule
    anchors: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]
    plain: tuple[frozenset[str], ...]
    """Needs that are met by cues alone: a figure or a name can only be told by looking."""
    asks_denial: bool


class Grammar:
    """Rules, kept so that a sentence only meets those its cues could fire.

    Concepts and rules are bits of whole numbers: which rules the cues of a sentence could fire is
    told by a few operations on them, whatever the number of rules.

    Parameters
    ----------
    rules : sequence of Rule
        In order of precedence.
    silent : mapping of str to frozenset of str, optional
        Language → faint rules (``kind:id``) that are not tried in it.
    """

    def __init__(
        self, rules: Sequence[Rule], silent: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        self.rules = rules
        self._plans = plans = [_plan(rank, rule) for rank, rule in enumerate(rules)]
        wanted = Counter(name for plan in plans for names in plan.plain for name in names)
        self._bits = {name: 1 << place for place, name in enumerate(wanted)}
        # Each rule waits for its rarest need, for the cues that the fewest rules ask for; with it
        # wait all that need the same besides.
        waiting: dict[str, dict[tuple[int, ...], int]] = {}
        for plan in plans:
            rarest = min(plan.plain, key=lambda names: sum(wanted[name] for name in names))
            others = sorted({self._mask(names) for names in plan.plain if names != rarest})
            for name in rarest:
                alike = waiting.setdefault(name, {})
                alike[tuple(others)] = alike.get(tuple(others), 0) | 1 << plan.rank
        self._waiting = {name: tuple(alike.items()) for name, alike in waiting.items()}
        self._faint = sum(1 << plan.rank for plan in plans if plan.rule.faint)
        self._views = sum(1 << p.rank for p in plans if p.rule.kind in ("analyst", "price_move"))
        self._rivals = [_rivals(plan, plans) for plan in plans]
        self._rank = {id(plan.rule): plan.rank for plan in plans}
        self._silent = {
            code: sum(1 << p.rank for p in plans if f"{p.rule.kind}:{p.rule.id}" in names)
            for code, names in (silent or {}).items()
        }

    def matches(self, sentence: Sentence) -> list[Match]:
        """Return the rules that fire in a sentence, in reading order."""
        used = 0
        fired: list[Match] = []
        is_soft = "soft" in sentence.by_concept and "deny" not in sentence.by_concept
        barred = self._faint if is_soft else self._silent.get(sentence.language, 0)
        possible = self._possible(sentence)
        if _is_headed_by_broker(sentence):
            possible &= self._views
        left = possible & ~barred
        while left:
            lowest = left & -left
            left ^= lowest
            plan = self._plans[lowest.bit_length() - 1]
            if plan.asks_denial and any(match.only_denied for match in fired):
                continue
            for anchor in candidates(sentence, plan.anchors, None):
                match = None if used & anchor.letters else _try(sentence, plan, anchor, used)
                if match is None or self._is_outbid(sentence, plan, match, used, possible):
                    continue
                if plan.rule.weak and is_soft and sentence.in_segment("soft", match.segment):
                    continue  # a tale of everyday life beside a word of ours
                fired.append(match)
                left &= ~self._faint
                for found in match.found:
                    if found.concept[0] != "%":
                        used |= found.letters
        if any(match.rule.weak for match in fired):
            strong = {m.segment for m in fired if not (m.rule.weak or m.rule.reaction)}
            told = {(m.segment, m.rule.kind) for m in fired if not m.only_denied}
            fired = [m for m in fired if not _gives_way(m, strong, told, sentence)]
        takers = {m.segment for m in fired if m.rule.kind == "management"}
        if takers:  # "Chef geht, Wang übernimmt": an office, and no firm
            fired = [m for m in fired if not _is_office(m, takers, sentence)]
        return sorted(fired, key=_start_of)

    def rank_of(self, match: Match) -> int:
        """Return the place of a match's rule in the order of precedence."""
        return self._rank[id(match.rule)]

    def opposites(self, match: Match) -> tuple[Rule, ...]:
        """Return the rules that say the opposite of the same thing."""
        return tuple(other.rule for other in self._rivals[self.rank_of(match)])

    def _is_outbid(
        self, sentence: Sentence, plan: _Plan, match: Match, used: int, possible: int
    ) -> bool:
        """Tell whether the other thing to be said of the same cue has its word nearer."""
        anchor = match.found[0]
        for rival in self._rivals[plan.rank]:
            if not possible >> rival.rank & 1 or anchor.concept not in rival.anchors:
                continue
            other = _try(sentence, rival, anchor, used)
            if other is not None and _width(sentence, other) < _width(sentence, match):
                return True
        return False

    def _possible(self, sentence: Sentence) -> int:
        """Return the rules that could fire, as bits by rank."""
        present = [*sentence.by_concept]
        if any(voice.is_broker for voice in sentence.quoted):
            present.append("%broker")
        here = self._mask(present)
        possible = 0
        for concept in present:
            for others, ranks in self._waiting.get(concept, ()):
                for mask in others:
                    if not mask & here:
                        break
                else:
                    possible |= ranks
        return possible if sentence.is_headline else possible & ~self._faint

    def _mask(self, names: Iterable[str]) -> int:
        bits = self._bits
        mask = 0
        for name in names:
            mask |= bits.get(name, 0)
        return mask


def _is_headed_by_broker(sentence: Sentence) -> bool:
    """Tell a broker's own words ("Citi: …"): whatever they speak of, they are a view."""
    voice = sentence.quoted[0] if sentence.quoted else None
    if voice is None or not voice.is_broker or voice.start > 1:
        return False
    return sentence.folded[voice.end : voice.end + 2].lstrip(" ")[:1] in (":", "：")


def _plan(rank: int, rule: Rule) -> _Plan:
    needs = [tuple(need.split("|")) for need in rule.needs]
    plain = [frozenset(names) for names in needs if not any(name[0] == "%" for name in names)]
    # A rule starts from a cue, whatever else its first need allows, or else from a broker's name.
    starts = frozenset(name for name in needs[0] if name[0] != "%") or frozenset(needs[0])
    return _Plan(
        rank, rule, needs[0], tuple(needs[1:]), (starts, *plain), ("%denied",) in needs[1:]
    )


def _start_of(match: Match) -> int:
    return match.start


def _rivals(plan: _Plan, plans: Sequence[_Plan]) -> tuple[_Plan, ...]:
    """Return what else may be said of the same thing: its rise where a rule tells of its fall."""
    rule = plan.rule
    return tuple(
        other
        for other in plans
        if other.rule.kind == rule.kind
        and (other.rule.polarity > 0) != (rule.polarity > 0)
        and len(other.others) == len(plan.others) == 1
        and not set(other.anchors).isdisjoint(plan.anchors)
        and (other.rule.weak, other.rule.faint) == (rule.weak, rule.faint)
    )


def _width(sentence: Sentence, match: Match) -> int:
    first, second = sorted(match.found[:2])
    crossed = sentence.segment_of(second.start) - sentence.segment_of(first.start)
    return max(0, second.start - first.end) + _SEGMENT_COST[sentence.language] * crossed


def _is_office(match: Match, takers: set[int], sentence: Sentence) -> bool:
    """Tell what somebody takes over in a clause that names no firm, behind news of people."""
    return (
        match.rule.kind == "mna"
        and match.segment - 1 in takers
        and not any(hit.concept[0] == "%" for hit in match.found)
        and not sentence.firms_in(match.segment)
    )


def _gives_way(
    match: Match, strong: set[int], told: set[tuple[int, Kind]], sentence: Sentence
) -> bool:
    """Let a weak reading yield in its segment; one a denial suggests, in the sentence.

    A sum that names no firm ("…, spending HK$151m") goes on about the segment before it, and what
    is wrong is the reason where an authority or a court has its say.
    """
    if not match.rule.weak or match.segment in strong:
        return match.rule.weak
    used = {found.concept for found in match.found}
    if match.only_denied:
        return bool(told)
    if match.rule.kind == "incident":
        if "deny" not in sentence.by_concept:
            return any(kind in _WITH_A_SAY for _, kind in told)
        # What a firm calls forged or false in another clause is no wrong of its own.
        apart = {kind for segment, kind in told if segment != match.segment}
        return bool(apart - {"incident", "price_move"})
    goes_on = used & {"%money", "lawsuit"} and match.segment - 1 in strong
    return bool(goes_on) and not sentence.firms_in(match.segment)


def _try(sentence: Sentence, plan: _Plan, anchor: Hit, used: int) -> Match | None:
    rule, language = plan.rule, sentence.language
    segment = sentence.segment_of(anchor.start)
    chosen = [anchor]
    taken = anchor.letters
    near = rule.near or _NEAR[language]
    if language == "zh" and rule.near:
        near = max(8, rule.near // 3)
    shared = 0 if rule.shares else used
    for names in plan.others:
        best = _nearest(sentence, names, anchor, segment, taken, shared, near)
        if best is None:
            return None
        chosen.append(best)
        taken |= best.letters
    if rule.without and _is_barred(sentence, rule, chosen):
        return None
    if rule.reaction and is_no_move(sentence, chosen):
        return None
    cues = [found for found in chosen if found.concept[0] != "%"] or chosen
    start = min(found.start for found in cues)
    end = max(found.end for found in cues)
    falling = any(found.concept in _FALLING for found in chosen)
    return Match(rule, tuple(chosen), start, end, segment, falling)


def _is_barred(sentence: Sentence, rule: Rule, chosen: Sequence[Hit]) -> bool:
    """Look for what must not stand beside the chosen words."""
    spans = {(found.start, found.end) for found in chosen}
    segments = {sentence.segment_of(found.start) for found in chosen}
    return any(
        (hit.start, hit.end) not in spans
        for concept in rule.without
        if concept in sentence.by_concept
        for part in segments
        for hit in sentence.in_segment(concept, part)
    )


def _nearest(
    sentence: Sentence,
    names: tuple[str, ...],
    anchor: Hit,
    segment: int,
    taken: int,
    used: int,
    near: int,
) -> Hit | None:
    start, end, _, _ = anchor
    best, best_cost = None, near + 1
    for candidate in candidates(sentence, names, anchor):
        first, last, concept, letters = candidate
        if first - end > near or start - last > near:
            continue
        if letters & (taken if concept[0] == "%" else taken | used):
            continue
        cost = _cost(sentence, anchor, segment, candidate)
        if cost < best_cost:
            best, best_cost = candidate, cost
    return best


def _cost(sentence: Sentence, anchor: Hit, segment: int, candidate: Hit) -> int:
    """Characters between, plus a price for every segment and every other company crossed."""
    # German verbs come late and Chinese ones after the noun: what follows is likelier meant.
    backward = 4 if candidate.start < anchor.start else 0
    low, high = (candidate, anchor) if backward else (anchor, candidate)
    gap = max(0, high.start - low.end)
    crossed = abs(sentence.segment_of(candidate.start) - segment)
    if not crossed and len(sentence.groups) < 2:
        return gap + backward
    between = sum(low.end <= group.start and group.end <= high.start for group in sentence.groups)
    foreign = between if crossed or between > 1 else 0
    return gap + _SEGMENT_COST[sentence.language] * (crossed + 2 * foreign) + backward
