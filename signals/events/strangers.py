"""What is told of names that nobody knows, and so of none of ours.

Chinese words have no capitals: a name that is in no table shows as letters that no cue explains.
"""

from __future__ import annotations

from signals.events.grammar import Match
from signals.events.page import Group, Sentence
from signals.text.tokens import is_han

# What one firm has: of a stranger, it is not told of the firm in the next clause.
_OF_ONE = frozenset({"earnings", "guidance", "order_supply", "financing", "capex", "mna"})
_SECTOR = r"<sectors>$"


def has_stranger(sentence: Sentence, match: Match, least: int = 3) -> bool:
    """Tell a Chinese clause that opens with a name nobody knows ("云岭租车开盘升逾9%").

    Parameters
    ----------
    sentence : Sentence
        The sentence.
    match : Match
        What the clause tells.
    least : int
        Letters in front of it that nothing explains, at least.
    """
    if sentence.language != "zh":
        return False
    start, _ = sentence.segments[match.segment]
    known = {at for hits in sentence.by_concept.values() for h in hits for at in range(*h[:2])}
    known.update(at for figure in sentence.figures for at in range(figure.start, figure.end))
    plain = sentence.wording.of("plain")
    strange = (
        letter
        for at, letter in enumerate(sentence.folded[start : match.start], start)
        if at not in known and letter not in plain and is_han(letter)
    )
    return sum(1 for _ in strange) >= least


def moves_others(sentence: Sentence, match: Match) -> bool:
    """Tell the move of an index, of a sector or of a stranger in a clause without a firm."""
    if sentence.firms_in(match.segment):
        return False
    start, _ = sentence.segments[match.segment]
    if any(hit.end <= match.end for hit in sentence.in_segment("index", match.segment)):
        return True
    if sentence.wording[_SECTOR].search(sentence.folded, start, match.start):
        return True
    return has_stranger(sentence, match)


def is_strangers(sentence: Sentence, match: Match, near: Group) -> bool:
    """Tell what a Chinese name that nobody knows has or does from that of the firm behind it."""
    segment = sentence.segment_of(near.start)
    return (
        match.rule.kind in _OF_ONE
        and segment > match.segment
        and not sentence.is_behind_colon(segment)
        and has_stranger(sentence, match, least=2)
    )
