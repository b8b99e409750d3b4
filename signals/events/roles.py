"""Whose event it is: subject, object, both sides, or the company spoken of before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from signals.events.ellipsis import listed_behind
from signals.events.grammar import Match
from signals.events.moves import counts_on
from signals.events.page import Group, Sentence
from signals.events.strangers import has_stranger, is_strangers, moves_others
from signals.events.subjects import (
    acts_on,
    doer,
    firms_before,
    firms_behind,
    opener,
    subject,
    tells_of_share,
)

# Figures and views that name no firm go on about the one before.
_GOES_ON = frozenset({"earnings", "guidance", "analyst"})
# What states decide reaches firms that other clauses name.
_FROM_ABOVE = frozenset({"export_control", "macro_policy"})
_BETWEEN = frozenset(
    (
        "regulation", "legal", "partnership", "order_supply", "mna", "export_control",
        "macro_policy", "index_change", "ownership", "chip_selfdev", "management",
    )
)  # fmt: skip
# What one doubtful word tells of these kinds is told of a firm beside it.
_AT_HAND = frozenset(("regulation", "legal", "mna", "ownership"))
_AGAINST = r"<against>\s(?:<articles>\s)?(?:[\w-]+\s<of>\s)?$"
_COURT = "<court>"
_BY = r"<by>\s(?:<articles>\s)?$"
_SAYS = r"[^，,：:\s]{0,4}<accuses>"
_TOWARD = "<toward>$"
_PLAINTIFF = r"<plaintiffs>[^，,]{0,8}$"
_PASSIVE = "<passive>"


class Assignment(NamedTuple):
    """An event's companies, its polarity for them, and who stands beside them."""

    tickers: tuple[str, ...]
    polarity: float
    related: tuple[str, ...]


class Context(NamedTuple):
    """What a sentence inherits: the last subject, the story's only company, if 元 is dollars."""

    last_subject: tuple[str, ...]
    only: tuple[str, ...]
    in_dollars: bool = False


def assign(sentence: Sentence, match: Match, context: Context) -> list[Assignment]:
    """Return whose event a match is; empty where it is nobody's of ours.

    What two firms do to each other, or a state to a firm, is in a headline that of the one listed
    firm it names, wherever that stands ("Ericsson-Klage: Xiaomi droht Verbot").
    """
    if not sentence.groups:
        tickers = _inherited(sentence, match, context)
        return [Assignment(tickers, match.rule.polarity, ())] if tickers else []
    if match.rule.faint and match.rule.kind in _AT_HAND and _is_elsewhere(sentence, match):
        return []
    assigned = _by_place(sentence, match)
    if assigned or not sentence.is_headline or match.rule.kind not in _BETWEEN:
        return assigned
    strangers = [g for g in sentence.firms_in(match.segment) if g.is_unlisted]
    if match.rule.who == "opposed" and len(strangers) > 1:
        return []  # it passed between two others
    acts = match.rule.kind == "ownership"  # whose holder acts is not the one that is held
    groups = [g for g in sentence.groups if not (acts and acts_on(sentence, g))]
    listed = {ticker for group in groups for ticker in group.tickers}
    if match.rule.kind in ("mna", "order_supply") and _belongs_to_strangers(sentence, match):
        return []
    if len(listed) != 1 or _is_of_stranger(sentence, match):
        return []
    polarity = match.rule.object_polarity
    return [Assignment(tuple(listed), match.rule.polarity if polarity is None else polarity, ())]


def _is_elsewhere(sentence: Sentence, match: Match) -> bool:
    """Tell a doubtful word in a clause that names nobody: it is hardly the next one's firm's."""
    if "deny" in sentence.by_concept or sentence.is_behind_colon(match.segment):
        return False
    return not sentence.firms_in(match.segment)


def _belongs_to_strangers(sentence: Sentence, match: Match) -> bool:
    """Tell a Chinese deal between names that nobody knows, and of no firm of ours before it."""
    here = sentence.firms_in(match.segment)
    return not (here or firms_before(sentence, match)) and has_stranger(sentence, match, least=2)


def _is_of_stranger(sentence: Sentence, match: Match) -> bool:
    """Tell what only befalls a firm of nobody's ("A wins the order, Goertek misses out")."""
    here = sentence.firms_in(match.segment)
    return (
        match.rule.who != "opposed"
        and (match.segment > 0 or not sentence.is_behind_colon(1))
        and bool(here)
        and all(g.end <= match.start for g in here)
        and (not any(group.tickers for group in here))
    )


def _by_place(sentence: Sentence, match: Match) -> list[Assignment]:
    who = match.rule.who
    is_move = match.rule.kind == "price_move"
    if is_move and counts_on(sentence, match.found):
        return []
    if who == "opposed":
        return _opposed(sentence, match)
    if who == "both":
        tickers = _both(sentence, match) or _tickers(subject(sentence, match))
    elif who == "object":
        tickers = _object(sentence, match)
    elif who == "any":
        tickers = _tickers(_any(sentence, match))
    else:
        group = subject(sentence, match)
        if is_move and group is not None and group.is_unlisted:
            return []
        tickers = _tickers(group)
    if is_move and not tickers and moves_others(sentence, match):
        return []
    if not is_move or tells_of_share(match) or _has_figure(match):
        tickers = tickers or _later(sentence, match)
    if is_move and tickers:
        tickers = tuple(dict.fromkeys((*tickers, *listed_behind(sentence, match.start, match.end))))
    related = tuple(t for group in sentence.groups for t in group.tickers if t not in tickers)
    return [Assignment(tickers, match.rule.polarity, related)] if tickers else []


def _tickers(group: Group | None) -> tuple[str, ...]:
    return group.tickers if group is not None else ()


def _has_figure(match: Match) -> bool:
    return any(found.concept == "%percent" for found in match.found)


def _any(sentence: Sentence, match: Match) -> Group | None:
    """Return the listed company nearest in the segment, else the sentence's first."""
    here = sentence.firms_in(match.segment)
    says = sentence.wording[_SAYS]
    if len(here) > 1 and here[1].start < match.start and says.match(sentence.folded, here[0].end):
        here = here[1:]  # who says so of another
    ours = [group for group in here if group.tickers]
    if match.rule.kind == "incident":
        ours = [group for group in ours if not sentence.leads(_TOWARD, group)]
    if ours:
        # "stuft A hoch und B ab": of two as near the one behind, in German.
        backward = sentence.language == "de"
        return min(ours, key=lambda g: (_distance(g, match), backward and g.start < match.start))
    if here and match.rule.kind not in _FROM_ABOVE:
        return None
    before = firms_before(sentence, match)
    if before:
        first = opener(sentence, before)
        if first.tickers or match.rule.kind not in _FROM_ABOVE:
            return first if first.tickers else None
    after = firms_behind(sentence, match)
    # "Kein Rückruf, kein Mangel: Xiaomi widerspricht": only who denies can be meant.
    reach = 2 if "deny" in sentence.by_concept else 1
    near = [g for g in after if sentence.segment_of(g.start) - match.segment <= reach]
    if match.rule.kind in _FROM_ABOVE:
        near = [group for group in near if group.tickers]
    return near[0] if near and near[0].tickers else None


def _distance(group: Group, match: Match) -> int:
    """Return the letters between; of an index's places, from the word that gives or takes one."""
    start, end = match.start, match.end
    if match.rule.kind == "index_change":
        start, end, *_ = match.found[0]
    return max(0, group.start - end, start - group.end)


def _object(sentence: Sentence, match: Match) -> tuple[str, ...]:
    head = match.found[0]
    earlier = firms_before(sentence, match)
    if earlier and acts_on(sentence, earlier[-1]):
        return earlier[-2].tickers if len(earlier) > 1 else ()
    here = sentence.firms_in(match.segment)
    after = [group for group in here if group.start >= head.start]
    for group in after:
        if group.tickers:
            return group.tickers
    before = [group for group in here if group.end <= head.start + 1]
    if before and (before[-1].tickers or after):
        return before[-1].tickers
    # "JD slumps, Walmart is said to sell shares": a stranger sells what was spoken of.
    listed = [group for group in earlier if group.tickers]
    return listed[-1].tickers if listed else ()


def _both(sentence: Sentence, match: Match) -> tuple[str, ...]:
    here = sentence.firms_in(match.segment)
    if here and sentence.is_behind_colon(match.segment):  # "Nio's chief: no merger with XPeng"
        here = sentence.firms_in(match.segment - 1) + here
    here = [*here, *_answering(sentence, match.segment)] if here else here
    tickers = tuple(dict.fromkeys(t for group in here for t in group.tickers))
    if not tickers and match.segment > 0:
        here = sentence.firms_in(match.segment - 1)
        tickers = tuple(dict.fromkeys(t for group in here for t in group.tickers))
    return tickers


def _opposed(sentence: Sentence, match: Match) -> list[Assignment]:
    """Return both sides of what one does to the other, each with its own polarity."""
    head = match.found[0]
    here = sentence.firms_in(match.segment)
    before = [group for group in here if group.end <= head.start + 1]
    after = [group for group in here if group.start >= head.start]
    actor, earlier = doer(sentence, match, before), firms_before(sentence, match)
    if actor is None and earlier:
        actor = opener(sentence, earlier)
        if match.rule.subtype == "sues" and _is_plaintiff_in_front(sentence, match):
            return _sided(match, None, actor)
    by = next((group for group in after if sentence.leads(_BY, group)), None)
    if by is not None:
        # "takeover of A by B", "Übernahme von A durch B": whoever stands behind by is the doer.
        rest = (group for group in (*before, *after) if group is not by)
        return _sided(match, by, next(rest, None))
    other = next((group for group in (*after, *before[1:]) if group != actor), None)
    if actor and other and actor.tickers == other.tickers:
        if before:  # who sues a namesake
            other = None
        else:  # who speaks of what befalls him
            actor = None
    if actor is None and match.rule.subtype in ("won", "lost", "preferred") and after:
        return _judged(sentence, match, after)
    if before and acts_on(sentence, before[-1]):
        # 甲被乙收购: the one behind 被 acts, the one before it is acted upon, wherever it stands.
        actor = before[-1]
        other = next((g for g in reversed(sentence.groups) if g.end <= before[-1].start), None)
    elif _is_passive(sentence, match):
        actor, other = other, actor
    if other is None and match.rule.kind == "legal":
        beyond = _next_door(sentence, match, actor)
        if actor is None and match.rule.subtype in ("won", "lost"):
            actor = beyond  # the court comes first: whom its verdict names won or lost
        else:
            other = beyond
    assigned = _sided(match, actor, other)
    topic = next((group for group in earlier if group.tickers), None)
    if not assigned and topic is not None and sentence.segment_of(topic.start) < match.segment:
        assigned = _sided(match, topic, None)
    later = () if assigned or actor is not None else _later(sentence, match)
    return [Assignment(later, match.rule.polarity, ())] if later else assigned


def _is_plaintiff_in_front(sentence: Sentence, match: Match) -> bool:
    """Tell who sues without a name ("股东起诉…"): the firm before is whom they sue."""
    start, _ = sentence.segments[match.segment]
    plaintiff = sentence.wording[_PLAINTIFF]
    return plaintiff.search(sentence.folded, start, match.found[0].start) is not None


def _judged(sentence: Sentence, match: Match, after: Sequence[Group]) -> list[Assignment]:
    """Return the sides of a verdict that comes first ("court orders A to pay B": A lost)."""
    first, second = after[0], after[1] if len(after) > 1 else None
    start, _ = sentence.segments[match.segment]
    ahead, wording = sentence.folded[start : first.start], sentence.wording
    is_at_verb = sentence.language == "zh" and first.start == match.found[0].end
    if is_at_verb and match.rule.subtype != "preferred":  # 歌手败诉网易: lost to it
        return _sided(match, None, first)
    if wording[_AGAINST].search(ahead) and not wording[_COURT].search(ahead):
        return _sided(match, None, first)  # "star loses case against A"
    return _sided(match, first, second)


def _is_passive(sentence: Sentence, match: Match) -> bool:
    """Tell a passive clause; a verdict that is passive itself ("被判赔偿") turns nobody around."""
    marks = sentence.wording[_PASSIVE].finditer(sentence.folded, *sentence.segments[match.segment])
    return any(
        not any(found.start <= mark.start() < found.end for found in match.found) for mark in marks
    )


def _next_door(sentence: Sentence, match: Match, party: Group | None) -> Group | None:
    """Return the other party of a case beside its segment ("A sued B, and won")."""
    near = [g for g in sentence.groups if abs(sentence.segment_of(g.start) - match.segment) < 2]
    mine = _tickers(party) or None
    return next((group for group in near if group != party and group.tickers != mine), None)


def _answering(sentence: Sentence, segment: int) -> list[Group]:
    """Return who denies a segment that opens without a subject ("否认合并 小鹏：没有接触")."""
    start, _ = sentence.segments[segment]
    if not any(hit.start == start for hit in sentence.in_segment("deny", segment)):
        return []
    behind = sentence.firms_in(segment + 1)
    return behind[:1] if behind and behind[0].start == sentence.segments[segment + 1][0] else []


def _sided(match: Match, doer: Group | None, done_to: Group | None) -> list[Assignment]:
    mine, other = _tickers(doer), _tickers(done_to)
    assigned = []
    if mine:
        assigned.append(Assignment(mine, match.rule.polarity, other))
    if other and match.rule.object_polarity is not None:
        assigned.append(Assignment(other, match.rule.object_polarity, mine))
    return assigned


def _later(sentence: Sentence, match: Match) -> tuple[str, ...]:
    """Return the firm that the next segment names, where this one names none ("Kein Kauf: X")."""
    if sentence.firms_in(match.segment) or firms_before(sentence, match):
        return ()
    after = firms_behind(sentence, match)
    near = after and sentence.segment_of(after[0].start) - match.segment <= 1
    if not near or is_strangers(sentence, match, after[0]):
        return ()
    return after[0].tickers


def _inherited(sentence: Sentence, match: Match, context: Context) -> tuple[str, ...]:
    """Return the firm spoken of before, if the sentence says so or the story has only one."""
    if sentence.by_concept.get("backref") and context.last_subject:
        return context.last_subject
    # Some firms in one breath share what befalls them, and not what is told of one of them.
    if len(context.only) == 1 or match.rule.kind in _FROM_ABOVE:
        return context.only
    goes_on = match.rule.kind in _GOES_ON or (match.rule.reaction and match.rule.who == "any")
    return context.last_subject if goes_on else ()
