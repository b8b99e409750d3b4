"""Whose event it is: subject, object, both sides, or the company spoken of before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from signals.events.ellipsis import listed_behind
from signals.events.grammar import Match
from signals.events.moves import counts_on
from signals.events.needs import PLACE
from signals.events.page import Group, Sentence
from signals.events.strangers import has_stranger, is_strangers, moves_others

_OWNS = r"(?:'s?|s)\s(?:[\w-]{1,18}\s){0,2}|[\s-]?|<possessive>[^，。]{0,6}"
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
_SHARE_WORDS = frozenset(("share", "session", "quote_up", "quote_down", "gain_noun", "loss_noun"))
_NO_NOUN = 8  # letters before a verb that name nobody: "then", "briefly"
_OF_WHOM = r"\s<of_whom>\s(?:<articles>\s)?"
_AGAINST = r"<against>\s(?:<articles>\s)?(?:[\w-]+\s<of>\s)?$"
_COURT = "<court>"
_ITS_THING = r"(?:'s?|s)\s(?!<share_begins>)\w+"
# "Taxi von Apollo Go stürzt in Grube": a thing of a firm moves, and no share.
_THING_OF = r"\w<!share_ends>\s<of>\s$"
_AT_A_SHOP = r"<shop>\s(?:<articles_at>\s)?$"
_BY = r"<by>\s(?:<articles>\s)?$"
# Whom something is done with, for or against does not do it ("mit Bosch eröffnet Xiaomi ein Werk").
_BESIDE_VERB = r"<beside_verb>\s(?:<articles>\s)?$"
# "traut sich Leapmotor mehr zu": between a German verb and its doer stands no preposition.
_NO_CASE = r"\s(?:<between>\s){0,3}"
# "man entwickle mit Samsung einen Chip": of whom the words before spoke.
_STANDS_FOR = r"(?:<that>\s)?<pronouns>"
_SAYS = r"[^，,：:\s]{0,4}<accuses>"
_MEASURED_BY = "<measured_by>$"
_TOWARD = "<toward>$"
_AGENT = "<agents>$"
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
    assigned = _by_place(sentence, match, context)
    if assigned or not sentence.is_headline or match.rule.kind not in _BETWEEN:
        return assigned
    strangers = [g for g in _in(sentence, sentence.groups, match.segment) if g.is_unlisted]
    if match.rule.who == "opposed" and len(strangers) > 1:
        return []  # it passed between two others
    acts = match.rule.kind == "ownership"  # whose holder acts is not the one that is held
    groups = [g for g in sentence.groups if not (acts and _acts_on(sentence, g))]
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
    return not _in(sentence, sentence.groups, match.segment)


def _belongs_to_strangers(sentence: Sentence, match: Match) -> bool:
    """Tell a Chinese deal between names that nobody knows, and of no firm of ours before it."""
    here = _in(sentence, sentence.groups, match.segment)
    return not (here or _before(sentence, match)) and has_stranger(sentence, match, least=2)


def _is_of_stranger(sentence: Sentence, match: Match) -> bool:
    """Tell what only befalls a firm of nobody's ("A wins the order, Goertek misses out")."""
    here = _in(sentence, sentence.groups, match.segment)
    return (
        match.rule.who != "opposed"
        and (match.segment > 0 or not sentence.is_behind_colon(1))
        and bool(here)
        and all(g.end <= match.start for g in here)
        and (not any(group.tickers for group in here))
    )


def _by_place(sentence: Sentence, match: Match, context: Context) -> list[Assignment]:
    who = match.rule.who
    is_move = match.rule.kind == "price_move"
    if is_move and counts_on(sentence, match.found):
        return []
    if who == "opposed":
        return _opposed(sentence, match, context)
    if who == "both":
        tickers = _both(sentence, match) or _tickers(_subject(sentence, match))
    elif who == "object":
        tickers = _object(sentence, match)
    elif who == "any":
        tickers = _tickers(_any(sentence, match))
    else:
        group = _subject(sentence, match)
        if is_move and group is not None and group.is_unlisted:
            return []
        tickers = _tickers(group)
    if is_move and not tickers and moves_others(sentence, match):
        return []
    if not is_move or _tells_of_share(match) or _has_figure(match):
        tickers = tickers or _later(sentence, match)
    if is_move and tickers:
        tickers = tuple(dict.fromkeys((*tickers, *listed_behind(sentence, match.start, match.end))))
    tickers = tickers or _inherited(sentence, match, context)
    related = tuple(t for group in sentence.groups for t in group.tickers if t not in tickers)
    return [Assignment(tickers, match.rule.polarity, related)] if tickers else []


def _tickers(group: Group | None) -> tuple[str, ...]:
    return group.tickers if group is not None else ()


def _before(sentence: Sentence, match: Match) -> list[Group]:
    return [group for group in sentence.groups if group.start < match.start]


def _after(sentence: Sentence, match: Match) -> list[Group]:
    return [group for group in sentence.groups if group.start >= match.start]


def _in(sentence: Sentence, groups: Sequence[Group], segment: int) -> list[Group]:
    return [group for group in groups if sentence.segment_of(group.start) == segment]


def _subject(sentence: Sentence, match: Match) -> Group | None:
    """Return who stands before the verb: of a move the nearest, else the one that opens."""
    before = _before(sentence, match)
    kind = match.rule.kind
    is_bare = kind == "price_move" and not _tells_of_share(match)
    if is_bare and before and _is_aside(sentence, match, before[-1]):
        return None
    owner = _named_by_rule(sentence, match) or _owner(sentence, match)
    if owner is not None:
        return owner
    if kind == "price_move":
        return _mover(sentence, match, before)
    after = _after(sentence, match)
    if kind == "financing":  # 某公司获京东投资: who gives the money raises none
        before, after = ([g for g in part if not _acts_on(sentence, g)] for part in (before, after))
    doer = _doer(sentence, match, _in(sentence, before, match.segment))
    if doer is not None:
        return doer
    inverted = _inverted(sentence, match)
    if inverted is not None:
        return inverted
    if before:
        last = sentence.segment_of(before[-1].start)
        return _in(sentence, before, last)[0]
    if kind == "capex":  # "Puma eröffnet Laden auf Tmall"
        after = [group for group in after if not sentence.leads(_AT_A_SHOP, group)]
    near = [group for group in after if sentence.segment_of(group.start) - match.segment <= 1]
    if kind == "earnings":  # "Proya's sales on Tmall": of another firm, in a shop of ours
        near = [group for group in near if not _is_aside(sentence, match, group)]
    return near[0] if near and not is_strangers(sentence, match, near[0]) else None


def _mover(sentence: Sentence, match: Match, before: Sequence[Group]) -> Group | None:
    """Return whose price moves: who stands nearest in front of the verb, or right behind it."""
    movers = [group for group in before if not _acts_on(sentence, group)] or before
    behind = [g for g in _after_verb(sentence, match) if not sentence.leads(_MEASURED_BY, g)]
    nearest = _in(sentence, movers, match.segment)[-1:] or behind
    start, _ = sentence.segments[match.segment]
    if not nearest and moves_others(sentence, match):
        return None
    between = sentence.folded[start : match.start].strip()
    goes_on = len(between) <= _NO_NOUN or _tells_of_share(match)
    return next(iter(nearest or (movers[-1:] if goes_on else ())), None)


def _doer(sentence: Sentence, match: Match, here: Sequence[Group]) -> Group | None:
    """Return who acts of those before a verb: a pronoun's firm, else one no preposition leads."""
    start, end = sentence.segments[match.segment]
    if (
        match.segment > 0
        and here
        and sentence.wording[_STANDS_FOR].match(sentence.folded, start, end)
    ):
        earlier = [group for group in sentence.groups if group.end <= start]
        if earlier:
            return _in(sentence, earlier, sentence.segment_of(earlier[-1].start))[0]
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
    return _in(sentence, _after(sentence, match), match.segment)[:1]


def _has_figure(match: Match) -> bool:
    return any(found.concept == "%percent" for found in match.found)


def _tells_of_share(match: Match) -> bool:
    return any(found.concept in _SHARE_WORDS for found in match.found)


def _is_aside(sentence: Sentence, match: Match, group: Group) -> bool:
    """Tell a firm's thing ("Baidu's rides up 20%") and a place ("searches on Taobao soar")."""
    thing = sentence.wording[_ITS_THING].match(sentence.folded, group.end, match.start)
    of_it = match.rule.reaction and sentence.leads(_THING_OF, group)
    return thing is not None or of_it or sentence.leads(PLACE, group)


def _acts_on(sentence: Sentence, group: Group) -> bool:
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
    for group in _after(sentence, match):
        gap = folded[first.end : group.start]
        if 0 < len(gap) <= 18 and wording[_OF_WHOM].fullmatch(gap):
            return group
    for group in reversed(_before(sentence, match)):
        between = folded[group.end : first.start]
        owns = len(between) <= 30 and wording[_OWNS].fullmatch(between)
        if owns and (group.tickers or between.strip(" -")):
            return group
        break
    return None


def _any(sentence: Sentence, match: Match) -> Group | None:
    """Return the listed company nearest in the segment, else the sentence's first."""
    here = _in(sentence, sentence.groups, match.segment)
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
    before = [group for group in _before(sentence, match) if group.tickers or group.is_unlisted]
    if before:
        opener = _in(sentence, before, sentence.segment_of(before[-1].start))[0]
        if opener.tickers or match.rule.kind not in _FROM_ABOVE:
            return opener if opener.tickers else None
    after = _after(sentence, match)
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
    earlier = _before(sentence, match)
    if earlier and _acts_on(sentence, earlier[-1]):
        return earlier[-2].tickers if len(earlier) > 1 else ()
    here = _in(sentence, sentence.groups, match.segment)
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
    here = _in(sentence, sentence.groups, match.segment)
    if here and sentence.is_behind_colon(match.segment):  # "Nio's chief: no merger with XPeng"
        here = _in(sentence, sentence.groups, match.segment - 1) + here
    here = [*here, *_answering(sentence, match.segment)] if here else here
    tickers = tuple(dict.fromkeys(t for group in here for t in group.tickers))
    if not tickers and match.segment > 0:
        here = _in(sentence, sentence.groups, match.segment - 1)
        tickers = tuple(dict.fromkeys(t for group in here for t in group.tickers))
    return tickers


def _opposed(sentence: Sentence, match: Match, context: Context) -> list[Assignment]:
    head = match.found[0]
    folded, language, wording = sentence.folded, sentence.language, sentence.wording
    here = _in(sentence, sentence.groups, match.segment)
    before = [group for group in here if group.end <= head.start + 1]
    after = [group for group in here if group.start >= head.start]
    doer = _doer(sentence, match, before)
    if doer is None and _before(sentence, match):
        earlier = _before(sentence, match)
        doer = _in(sentence, earlier, sentence.segment_of(earlier[-1].start))[0]
        start, _ = sentence.segments[match.segment]
        if match.rule.subtype == "sues" and wording[_PLAINTIFF].search(folded, start, head.start):
            return _sided(match, None, doer)
    by = [group for group in after if sentence.leads(_BY, group)]
    if by:
        # "takeover of A by B", "Übernahme von A durch B": whoever stands behind by is the doer.
        rest = [group for group in (*before, *after) if group is not by[0]]
        return _sided(match, by[0], rest[0] if rest else None)
    done_to = next((group for group in (*after, *before[1:]) if group != doer), None)
    if doer and done_to and doer.tickers == done_to.tickers:
        if before:  # who sues a namesake
            done_to = None
        else:  # who speaks of what befalls him
            doer = None
    start, end = sentence.segments[match.segment]
    if doer is None and match.rule.subtype in ("won", "lost", "preferred") and after:
        # "court orders A to pay B": the verdict comes first, and A is who won or lost.
        if (
            language == "zh" and match.rule.subtype != "preferred" and after[0].start == head.end
        ):  # 歌手败诉网易: lost to it
            return _sided(match, None, after[0])
        ahead = folded[start : after[0].start]
        if wording[_AGAINST].search(ahead) and not wording[_COURT].search(
            ahead
        ):  # "star loses case against A"
            return _sided(match, None, after[0])
        return _sided(match, after[0], after[1] if len(after) > 1 else None)
    if before and _acts_on(sentence, before[-1]):
        # 甲被乙收购: the one behind 被 acts, the one before it is acted upon, wherever it stands.
        doer = before[-1]
        earlier = [group for group in sentence.groups if group.end <= doer.start]
        done_to = earlier[-1] if earlier else None
    elif (doer or done_to) and any(
        # A verdict that is passive itself ("被判赔偿") turns nobody around.
        not any(found.start <= mark.start() < found.end for found in match.found)
        for mark in wording[_PASSIVE].finditer(folded, start, end)
    ):
        if language == "zh" or doer is None or done_to is not None:
            doer, done_to = done_to, doer
        elif not done_to:
            doer, done_to = None, doer
    if done_to is None and match.rule.kind == "legal":
        # "NetEase loses, must pay Tencent", "A sued B, and won": the other side stands next door.
        beyond = [
            g for g in sentence.groups if abs(sentence.segment_of(g.start) - match.segment) < 2
        ]
        mine = _tickers(doer) or None
        other = next((g for g in beyond if g != doer and g.tickers != mine), None)
        if doer is None and match.rule.subtype in ("won", "lost"):
            doer = other  # the court comes first: whom its verdict names won or lost
        else:
            done_to = other
    assigned = _sided(match, doer, done_to)
    topic = next((group for group in _before(sentence, match) if group.tickers), None)
    if not assigned and topic is not None and sentence.segment_of(topic.start) < match.segment:
        assigned = _sided(match, topic, None)
    inherited: tuple[str, ...] = ()
    if not assigned and doer is None:
        inherited = _later(sentence, match) or _inherited(sentence, match, context)
    return [Assignment(inherited, match.rule.polarity, ())] if inherited else assigned


def _answering(sentence: Sentence, segment: int) -> list[Group]:
    """Return who denies a segment that opens without a subject ("否认合并 小鹏：没有接触")."""
    start, _ = sentence.segments[segment]
    if not any(hit.start == start for hit in sentence.in_segment("deny", segment)):
        return []
    behind = _in(sentence, sentence.groups, segment + 1)
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
    if _in(sentence, sentence.groups, match.segment) or _before(sentence, match):
        return ()
    after = _after(sentence, match)
    near = after and sentence.segment_of(after[0].start) - match.segment <= 1
    if not near or is_strangers(sentence, match, after[0]):
        return ()
    return after[0].tickers


def _inherited(sentence: Sentence, match: Match, context: Context) -> tuple[str, ...]:
    """Return the firm spoken of before, if the sentence says so or the story has only one."""
    if sentence.groups:
        return ()
    if sentence.by_concept.get("backref") and context.last_subject:
        return context.last_subject
    # Some firms in one breath share what befalls them, and not what is told of one of them.
    if len(context.only) == 1 or match.rule.kind in _FROM_ABOVE:
        return context.only
    goes_on = match.rule.kind in _GOES_ON or (match.rule.reaction and match.rule.who == "any")
    return context.last_subject if goes_on else ()
