"""How an event is told: denied, negated, weakened, reversed, reported, past or to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from signals.events.finder import Hit
from signals.events.grammar import Match
from signals.events.page import Sentence
from signals.events.schema import Certainty, Kind, Tense
from signals.events.wording import Wording

_NEG_REACH = {"de": 60, "en": 40, "zh": 10}
_NEG_BEHIND = 25
"""Letters behind a German verb that a negation holds for it."""
_SAID_REACH = 22
"""Letters of a Chinese statement that a negation holds for: its verb comes first."""
_ANSWERS = "<answers>"
_END_REACH = {"de": 70, "en": 45, "zh": 14}
# What turns the news of a kind around: a probe that ends is good, a launch that is put off is bad.
TURNS: dict[Kind, frozenset[str]] = {
    **dict.fromkeys(
        ("mna", "partnership", "capex", "index_change"),
        frozenset({"ends"}),
    ),
    "financing": frozenset({"ends", "delay"}),
    "buyback": frozenset({"ends", "halt"}),
    **dict.fromkeys(
        ("regulation", "legal", "export_control", "macro_policy"),
        frozenset({"ends", "lifted"}),
    ),
    "product_launch": frozenset({"ends", "delay", "halt"}),
    "chip_selfdev": frozenset({"ends", "delay", "halt"}),
    "order_supply": frozenset({"ends", "lose", "delay"}),
    "incident": frozenset({"resolved"}),
}
_ALREADY_TURNED = frozenset(
    (
        "ended", "delayed", "discontinued", "production", "shortage", "eased", "dismissed", "won",
        "settled", "lost", "removed", "added", "approval", "exempt", "blocked", "divestment", "cut",
        "sues", "sued", "order", "summoned",
    )
)  # fmt: skip


class Stance(NamedTuple):
    """What the words around an event say of it."""

    certainty: Certainty
    tense: Tense
    negated: bool
    hedged: bool
    is_reversed: bool
    is_background: bool


def stances(sentence: Sentence, fired: Sequence[Match]) -> list[Stance]:
    """Return the stance of each match of a sentence, in the order given."""
    used = [(found.start, found.end) for match in fired for found in match.found]
    denied = _denied(sentence, fired, used)
    return [_stance(sentence, match, index in denied, used) for index, match in enumerate(fired)]


def _stance(
    sentence: Sentence, match: Match, is_denied: bool, used: list[tuple[int, int]]
) -> Stance:
    segment = match.segment
    is_denied = is_denied or _says_no(sentence, match, used)
    negated = is_denied or _is_negated(sentence, match, used)
    hedged = bool(sentence.in_segment("hedge", segment)) or _opens(sentence, "hedge", segment)
    return Stance(
        certainty="denied" if is_denied else _certainty(sentence, match),
        tense=_tense(sentence, segment),
        negated=negated,
        hedged=hedged,
        is_reversed=not match.rule.reaction
        and _is_reversed(sentence, match, _and_denials(sentence, used, is_denied)),
        is_background=_is_background(sentence, segment),
    )


# What a company decides itself: where it does not, it denies it.
_PLANNED: frozenset[Kind] = frozenset(
    ("mna", "financing", "buyback", "capex", "management", "ownership", "partnership")
)


def _says_no(sentence: Sentence, match: Match, used: list[tuple[int, int]]) -> bool:
    """Read what a company itself negates as denied ("JD: we never discussed a sale")."""
    if "neg" not in sentence.by_concept:
        return False
    if match.rule.reaction or match.rule.kind in ("earnings", "analyst"):
        return False
    says = _is_said_after(sentence, match.segment)
    speaks = _speaks(sentence, match.segment)
    if match.rule.kind == "guidance":  # only who speaks for himself denies: others miss a change
        says = says or (speaks and sentence.is_behind_colon(match.segment))
        return says and _is_negated(sentence, match, used)
    says = says or (speaks and _is_statement(sentence, match.segment))
    # A German subject may stand behind its verb ("daran arbeitet Nio nicht").
    last = sentence.segments[match.segment][1] if sentence.language == "de" else match.start
    in_front = any(group.tickers and group.start < last for group in sentence.groups)
    plans_nothing = match.rule.kind in _PLANNED and in_front
    # "ZTE never shipped chips, lawyers say"; of an accident, that nobody was hurt denies nothing.
    tells = in_front and match.rule.subtype != "accident" and "speech" in sentence.by_concept
    reach = _SAID_REACH if says and sentence.language == "zh" else _NEG_REACH[sentence.language]
    return (says or plans_nothing or tells) and _is_negated(sentence, match, used, reach)


def _speaks(sentence: Sentence, segment: int) -> bool:
    """Tell whether somebody who could know speaks before a segment: a firm or an official."""
    if segment == 0:
        return False
    if sentence.is_behind_colon(segment) and any(
        sentence.in_segment(who, segment - 1) for who in ("regulator", "role")
    ):
        return True
    return any(sentence.segment_of(group.start) < segment for group in sentence.groups)


def _is_statement(sentence: Sentence, segment: int) -> bool:
    """Tell the words of a speaker: behind a colon, or behind somebody who says so."""
    return sentence.is_behind_colon(segment) or bool(sentence.in_segment("speech", segment - 1))


def _is_said_after(sentence: Sentence, segment: int) -> bool:
    """Tell the words of a firm or its speaker behind them ("No talks with Nio, says XPeng")."""
    behind = segment + 1
    if behind >= len(sentence.segments) or not (
        sentence.in_segment("speech", behind) or sentence.is_behind_colon(behind)
    ):
        return False
    if sentence.in_segment("analyst_word", behind):
        return False
    here = sentence.firms_in(behind)
    return any(g.tickers for g in here) or bool(
        not here and (sentence.in_segment("backref", behind) or sentence.in_segment("role", behind))
    )


def _opens(sentence: Sentence, concept: str, segment: int) -> bool:
    """Look in the segment that introduces this one: what weakens it weakens this as well."""
    return segment > 0 and bool(sentence.in_segment(concept, segment - 1))


def _certainty(sentence: Sentence, match: Match) -> Certainty:
    if match.rule.opinion or match.rule.kind == "analyst":
        return "opinion"
    hedges = {hit.start for hit in sentence.by_concept.get("hedge", ())}
    rumours = [
        hit
        for hit in sentence.by_concept.get("rumour", ())
        if hit.start <= match.end or sentence.segment_of(hit.start) == match.segment
    ]
    is_wired = any(not voice.is_broker for voice in sentence.quoted)
    if any(hit.start not in hedges for hit in rumours):
        return "rumoured"
    if is_wired or sentence.by_concept.get("reported"):
        return "reported"
    if rumours and not match.rule.reaction:
        return "rumoured"
    if not match.rule.reaction and (
        any(voice.is_broker for voice in sentence.quoted) or sentence.by_concept.get("analyst_word")
    ):
        return "opinion"
    return "confirmed"


def _tense(sentence: Sentence, segment: int) -> Tense:
    if sentence.in_segment("future", segment):
        return "future"
    return "past" if sentence.in_segment("past", segment) else "present"


def _is_background(sentence: Sentence, segment: int) -> bool:
    told = sentence.in_segment("background", segment)
    if not told:
        return False
    comparisons = sentence.in_segment("background_not", segment)
    return any(
        not any(c.start <= hit.start < c.end or 0 <= hit.start - c.end < 2 for c in comparisons)
        for hit in told
    )


def _free(hits: Sequence[Hit], used: list[tuple[int, int]], concept: str = "") -> Sequence[Hit]:
    """Return the words no rule used; that things run again may be news of its own and turn this."""
    if concept == "resolved":
        return hits
    return [h for h in hits if not any(s < h.end and h.start < e for s, e in used)]


def _denied(
    sentence: Sentence, fired: Sequence[Match], used: list[tuple[int, int]]
) -> frozenset[int]:
    """Hold a denial for its own segment; where nothing happens there, for what it points at."""
    denied: set[int] = set()
    for hit in sentence.by_concept.get("deny", ()):
        own = sentence.segment_of(hit.start)
        here = [i for i, match in enumerate(fired) if match.segment == own and _is_told(match)]
        before = [i for i, match in enumerate(fired) if match.end <= hit.start and _is_told(match)]
        after = [
            i
            for i, match in enumerate(fired)
            if match.found[0].start >= hit.end and _is_told(match)
        ]  # who is spoken of may stand before: "their CEO denies having resigned"
        if here:
            denied.update(here)
            if sentence.is_behind_colon(own) and _answers(sentence, own - 1):
                denied.update(
                    i
                    for i in before
                    if fired[i].segment == own - 1 and fired[i].rule.kind != "incident"
                )
        elif before:
            last = fired[before[-1]].segment
            denied.update(i for i in before if fired[i].segment == last)
        elif after and fired[after[0]].segment - own <= 2:
            following = fired[after[0]].segment
            denied.update(i for i in after if fired[i].segment == following)
    return frozenset(denied)


def _answers(sentence: Sentence, segment: int) -> bool:
    """Tell a Chinese segment that names what is answered behind its colon ("回应裁员：…")."""
    start, end = sentence.segments[segment]
    return answers(sentence.folded[start:end], sentence.wording) or bool(
        sentence.in_segment("rumour", segment)
    )


def answers(folded: str, wording: Wording) -> bool:
    """Tell folded words that name what is answered ("比亚迪回应举报")."""
    return wording[_ANSWERS].search(folded) is not None


def _is_told(match: Match) -> bool:
    """Return False for moves of a price, which are seen and not denied."""
    return not match.rule.reaction


def _is_negated(
    sentence: Sentence,
    match: Match,
    used: list[tuple[int, int]],
    reach: int | None = None,
) -> bool:
    if "neg" not in sentence.by_concept:
        return False
    if any(found.concept in ("record_high", "record_low") for found in match.found):
        return False  # "as high as it has not been since 2015"
    if match.rule.reaction and match.rule.takes_money is False and sentence.language == "zh":
        return False
    if reach is None:
        reach = _NEG_REACH[sentence.language]
    return any(
        match.start - hit.end <= reach
        if hit.start < match.start
        else hit.start < match.end
        or (sentence.language == "de" and _is_behind(sentence, match, hit))
        for hit in _free(sentence.in_segment("neg", match.segment), used)
    )


def _is_behind(sentence: Sentence, match: Match, hit: Hit) -> bool:
    """Tell a German negation that stands behind its verb, or at the end of the clause."""
    return hit.start - match.end <= _NEG_BEHIND or _ends_clause(sentence, hit)


def _ends_clause(sentence: Sentence, hit: Hit) -> bool:
    """Tell the "nicht" that stands last and denies all that was said before it."""
    _, end = sentence.segments[sentence.segment_of(hit.start)]
    return not sentence.folded[hit.end : end].strip(" .!\"'“”")


def _and_denials(
    sentence: Sentence, used: list[tuple[int, int]], is_denied: bool
) -> list[tuple[int, int]]:
    """Add the words that deny: "weist ab" turns nothing around where it says no to a report."""
    if not is_denied:
        return used
    words = (hit for concept in ("deny", "neg") for hit in sentence.by_concept.get(concept, ()))
    return [*used, *((hit.start, hit.end) for hit in words)]


def _is_reversed(sentence: Sentence, match: Match, used: list[tuple[int, int]]) -> bool:
    turns = TURNS.get(match.rule.kind)
    if turns is None or turns.isdisjoint(sentence.by_concept):
        return False
    if (match.rule.subtype or "") in _ALREADY_TURNED:
        return False
    reach = _END_REACH[sentence.language]
    if match.rule.kind == "incident" and match.segment > 0:
        restarted = sentence.in_segment("resolved", match.segment - 1)
        if restarted:  # "restarts its plant | after the fire"
            return True
    return any(
        (0 <= match.start - hit.end <= reach) or (0 <= hit.start - match.end <= reach)
        for concept in turns
        for hit in _free(sentence.in_segment(concept, match.segment), used, concept)
    )


_GOOD = (
    "up", "rally", "beat", "exceed", "strong", "raise", "record_high", "win", "praise", "approve",
)  # fmt: skip
_BAD = (
    "down", "slump", "miss", "fall_short", "weak", "cut", "record_low", "lose", "doubt", "ends",
    "delay", "halt", "shortage", "ban", "summon",
)  # fmt: skip


def toned(sentence: Sentence, polarity: float) -> float:
    """Return a polarity signed by the tone of a sentence, for readings that know no better."""
    good = sum(len(sentence.by_concept.get(concept, ())) for concept in _GOOD)
    bad = sum(len(sentence.by_concept.get(concept, ())) for concept in _BAD)
    if good == bad:
        return polarity
    return 0.2 if good > bad else -0.2
