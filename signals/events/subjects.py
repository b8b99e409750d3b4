"""Who stands before the verb: the firm that acts, moves or owns."""

from __future__ import annotations

from collections.abc import Sequence

from signals.events.grammar import Match
from signals.events.needs import PLACE
from signals.events.page import Group, Sentence
from signals.events.strangers import is_strangers, moves_others

_OWNS = r"(?:'s?|s)\s(?:[\w-]{1,18}\s){0,2}|[\s-]?|<possessive>[^，。]{0,6}"
_SHARE_WORDS = frozenset(("share", "session", "quote_up", "quote_down", "gain_noun", "loss_noun"))
_NO_NOUN = 8  # letters before a verb that name nobody: "then", "briefly"
_OF_WHOM = r"\s<of_whom>\s(?:<articles>\s)?"
_ITS_THING = r"(?:'s?|s)\s(?!<share_begins>)\w+"
# "Taxi von Apollo Go stürzt in Grube": a thing of a firm moves, and no share.
_THING_OF = r"\w<!share_ends>\s<of>\s$"
_AT_A_SHOP = r"<shop>\s(?:<articles_at>\s)?$"
# Whom something is done with, for or against does not do it ("mit Bosch eröffnet Xiaomi ein Werk").
_BESIDE_VERB = r"<beside_verb>\s(?:<articles>\s)?$"
# "traut sich Leapmotor mehr zu": between a German verb and its doer stands no preposition.
_NO_CASE = r"\s(?:<between>\s){0,3}"
# "man entwickle mit Samsung einen Chip": of whom the words before spoke.
_STANDS_FOR = r"(?:<that>\s)?<pronouns>"
_MEASURED_BY = "<measured_by>$"
_AGENT = "<agents>$"


def firms_before(sentence: Sentence, match: Match) -> list[Group]:
    """Return the firms named before a match."""
    return [group for group in sentence.groups if group.start < match.start]


def firms_behind(sentence: Sentence, match: Match) -> list[Group]:
    """Return the firms named from where a match begins."""
    return [group for group in sentence.groups if group.start >= match.start]


def opener(sentence: Sentence, groups: Sequence[Group]) -> Group:
    """Return which of some firms opens the segment of the last."""
    return _within(sentence, groups, sentence.segment_of(groups[-1].start))[0]


def _within(sentence: Sentence, groups: Sequence[Group], segment: int) -> list[Group]:
    return [group for group in groups if sentence.segment_of(group.start) == segment]


def subject(sentence: Sentence, match: Match) -> Group | None:
    """Return who stands before the verb: of a move the nearest, else the one that opens."""
    before = firms_before(sentence, match)
    kind = match.rule.kind
    is_bare = kind == "price_move" and not tells_of_share(match)
    if is_bare and before and _is_aside(sentence, match, before[-1]):
        return None
    owner = _named_by_rule(sentence, match) or _owner(sentence, match)
    if owner is not None:
        return owner
    if kind == "price_move":
        return _mover(sentence, match, before)
    after = firms_behind(sentence, match)
    if kind == "financing":  # 某公司获京东投资: who gives the money raises none
        before, after = ([g for g in part if not acts_on(sentence, g)] for part in (before, after))
    acting = doer(sentence, match, _within(sentence, before, match.segment))
    acting = acting or _inverted(sentence, match)
    if acting is not None:
        return acting
    if before:
        return opener(sentence, before)
    if kind == "capex":  # "Puma eröffnet Laden auf Tmall"
        after = [group for group in after if not sentence.leads(_AT_A_SHOP, group)]
    near = [group for group in after if sentence.segment_of(group.start) - match.segment <= 1]
    if kind == "earnings":  # "Proya's sales on Tmall": of another firm, in a shop of ours
        near = [group for group in near if not _is_aside(sentence, match, group)]
    return near[0] if near and not is_strangers(sentence, match, near[0]) else None


def _mover(sentence: Sentence, match: Match, before: Sequence[Group]) -> Group | None:
    """Return whose price moves: who stands nearest in front of the verb, or right behind it."""
    movers = [group for group in before if not acts_on(sentence, group)] or before
    behind = [g for g in _after_verb(sentence, match) if not sentence.leads(_MEASURED_BY, g)]
    nearest = _within(sentence, movers, match.segment)[-1:] or behind
    start, _ = sentence.segments[match.segment]
    if not nearest and moves_others(sentence, match):
        return None
    between = sentence.folded[start : match.start].strip()
    goes_on = len(between) <= _NO_NOUN or tells_of_share(match)
    return next(iter(nearest or (movers[-1:] if goes_on else ())), None)


def doer(sentence: Sentence, match: Match, here: Sequence[Group]) -> Group | None:
    """Return who acts of those before a verb: a pronoun's firm, else one no preposition leads."""
    start, end = sentence.segments[match.segment]
    if (
        match.segment > 0
        and here
        and sentence.wording[_STANDS_FOR].match(sentence.folded, start, end)
    ):
        earlier = [group for group in sentence.groups if group.end <= start]
        if earlier:
            return opener(sentence, earlier)
    free = [group for group in here if not sentence.leads(_BESIDE_VERB, group)]
    if here and not free:
        free = [g for g in _after_verb(sentence, match) if not sentence.leads(_BESIDE_VERB, g)]
    return next(iter(free or here), None)


def _inverted(sentence: Sentence, match: Match) -> Group | None:
    """Return who stands right behind a German verb, where nobody stands in front of it."""
    if sentence.language != "de":
        return None
    after = _after_verb(sentence, match)
    if not after or not after[0].tickers:
        return None
    between = sentence.folded[match.found[0].end : after[0].start]
    return after[0] if sentence.wording[_NO_CASE].fullmatch(between) else None


def _after_verb(sentence: Sentence, match: Match) -> list[Group]:
    return _within(sentence, firms_behind(sentence, match), match.segment)[:1]


def tells_of_share(match: Match) -> bool:
    """Tell what is said of a share or its session by name."""
    return any(found.concept in _SHARE_WORDS for found in match.found)


def _is_aside(sentence: Sentence, match: Match, group: Group) -> bool:
    """Tell a firm's thing ("Baidu's rides up 20%") and a place ("searches on Taobao soar")."""
    thing = sentence.wording[_ITS_THING].match(sentence.folded, group.end, match.start)
    of_it = match.rule.reaction and sentence.leads(_THING_OF, group)
    return thing is not None or of_it or sentence.leads(PLACE, group)


def acts_on(sentence: Sentence, group: Group) -> bool:
    """Tell the Chinese agent behind 被, 遭, 获 or 由: it acts, and the one before it is meant."""
    return sentence.leads(_AGENT, group)


def _named_by_rule(sentence: Sentence, match: Match) -> Group | None:
    """Return the company that a rule asked for in front of its verb."""
    for found in match.found:
        if found.concept in ("%mover", "%listed_doer"):
            return next(group for group in sentence.groups if group.start == found.start)
    return None


def _owner(sentence: Sentence, match: Match) -> Group | None:
    """Return whose the cue is: shares of X, Umsatz von X, X's cloud revenue, X的营收."""
    first = min(match.found, key=lambda found: found.start)
    folded, wording = sentence.folded, sentence.wording
    for group in firms_behind(sentence, match):
        gap = folded[first.end : group.start]
        if 0 < len(gap) <= 18 and wording[_OF_WHOM].fullmatch(gap):
            return group
    for group in reversed(firms_before(sentence, match)):
        between = folded[group.end : first.start]
        owns = len(between) <= 30 and wording[_OWNS].fullmatch(between)
        if owns and (group.tickers or between.strip(" -")):
            return group
        break
    return None
