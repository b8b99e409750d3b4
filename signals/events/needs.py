"""What may meet a rule's needs in a sentence: cues, figures, and firms in the part they play."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from signals.events.finder import Hit, letters_of
from signals.events.page import Group, Sentence

_AT_ONCE = 5  # " an ", " in "
_WIDEST = 200  # no rule looks farther
# A name with a number: "YU7", "i6", "iPhone 17"; "steckt 1" and "Oktober 2025" are none.
_MODEL = re.compile(
    r"(?<![^\W\u4e00-\u9fff])"
    r"(?:[A-Za-z]{1,12}-?|[a-z]{0,3}[A-Z][A-Za-z]{0,11} (?!(?:19|20)\d\d(?!\d)))"
    r"\d{1,4}[A-Za-z0-9.+-]{0,8}(?![^\W\u4e00-\u9fff])"
)
_BECAUSE = (
    r"(?i:\s?(?:$|[,;.!，；。！]|<move_particles>(?=\s?(?:$|[,;.!]))|(?:<again>\s)?<reason>))"
)
_THING = re.compile(r"[\s:：]?[《“\"「'„]{0,2}\w[^\s。，,.；;]")
_AND = r"<both>|\s&\s"
PLACE = r"<place>\s(?:<articles_at>\s)?$"
# "Probe into Meituan dropped": the probe was, and no share; whatever the verb behind the name.
_AT_A_NOUN = r"<aimed_at>\s(?:<articles>\s)?$"
_FROM = r"<origin>\s(?:<articles_at>\s)?$"
# "kaufen auf Taobao": a shop is not what is bought there.
_SHOPPED = frozenset(("acquire", "sell", "net_buy"))
# "Tencent-Aktien abstoßen": whose shares they are does not sell them.
_HELD = r"(?:'s)?[\s-]<held>"
_DONE_BY = r"\s<done_by>\s(?:<articles_at>\s)?"
_HELD_IN = "<held_in>$"
_MOVER_GAP = r"(?:'s)?[\s)）\"”》]{0,2}(?:<mover_gap>(?:(?<=[a-z])\s)?)?"


def candidates(sentence: Sentence, names: tuple[str, ...], anchor: Hit | None) -> Sequence[Hit]:
    """Return what may meet a need: cues, or figures and names beside the anchor."""
    if len(names) == 1 and names[0][0] != "%":
        return _around(sentence.by_concept.get(names[0], ()), anchor)
    found: list[Hit] = []
    for name in names:
        if name[0] != "%":
            found += _around(sentence.by_concept.get(name, ()), anchor)
        else:
            found += (
                Hit(start, end, name, letters_of(start, end))
                for start, end in _looked_for(sentence, name, anchor)
            )
    return found


def _looked_for(sentence: Sentence, name: str, anchor: Hit | None) -> Iterator[tuple[int, int]]:
    """Yield the spans of the figures, names and turns that a need may mean."""
    if name in ("%percent", "%money"):
        for figure in sentence.figures:
            if figure.unit == name[1:]:
                yield figure.start, figure.end
    elif name == "%model":
        for match in _MODEL.finditer(sentence.text):
            yield match.span()
    elif name == "%denied":
        for hit in sentence.by_concept.get("deny", ()):
            yield hit.start, hit.end
    elif name in ("%thing", "%because"):
        pattern = _THING if name == "%thing" else sentence.wording[_BECAUSE]
        behind = pattern.match(sentence.text, anchor.end) if anchor else None
        if behind is not None:
            yield behind.span()
        for product in sentence.products if name == "%thing" else ():
            yield product.start, product.end
    else:
        yield from _named(sentence, name, anchor)


def _around(hits: Sequence[Hit], anchor: Hit | None) -> Sequence[Hit]:
    """Return the hits that can be near an anchor: in a text without stops there may be hundreds."""
    if anchor is None or len(hits) < 12:
        return hits
    low = bisect_left(hits, anchor.start - _WIDEST, key=lambda hit: hit.start)
    high = bisect_left(hits, anchor.end + _WIDEST, key=lambda hit: hit.start)
    return hits[low:high]


def _named(sentence: Sentence, name: str, anchor: Hit | None) -> Iterator[tuple[int, int]]:
    """Yield the spans of people, voices and companies in the part a rule asks for."""
    if name == "%person":
        yield from ((person.start, person.end) for person in sentence.people)
    elif name == "%product":
        yield from ((product.start, product.end) for product in sentence.products)
    elif name == "%broker":
        yield from ((voice.start, voice.end) for voice in sentence.quoted if voice.is_broker)
    elif name == "%pair":
        joined = sentence.wording[_AND]
        for group in sentence.groups:
            if len(group.tickers) == 1 and joined.search(sentence.text, group.start, group.end):
                yield group.start, group.end
    elif anchor is None or name == "%company":
        yield from ((group.start, group.end) for group in sentence.groups)
    elif name == "%stranger":
        if not _is_in_stranger(sentence, anchor) and (
            _is_by_stranger(sentence, anchor)
            or not any(g.tickers for g in _clause(sentence, anchor) if _is_before(g, anchor))
        ):
            yield anchor.start, anchor.start
    else:
        fits = _FITS[name]
        for place, group in enumerate(_clause(sentence, anchor)):
            if fits(sentence, anchor, group, place == 0):
                yield group.start, group.end


def _is_before(group: Group, anchor: Hit) -> bool:
    return group.end <= anchor.start + 1


def _is_mover(sentence: Sentence, anchor: Hit, group: Group, opens: bool) -> bool:
    """Tell whose price moves from a place, and from what a noun is aimed at."""
    return (
        _is_before(group, anchor)
        and bool(sentence.wording[_MOVER_GAP].fullmatch(sentence.text, group.end, anchor.start))
        and not sentence.leads(PLACE, group)
        and not sentence.leads(_AT_A_NOUN, group)
    )


def _is_listed_doer(sentence: Sentence, anchor: Hit, group: Group, opens: bool) -> bool:
    """Tell a firm of ours that opens the clause and acts in it, itself."""
    return (
        _is_before(group, anchor)
        and bool(group.tickers)
        and opens
        and not _is_person(sentence, group)
        and not sentence.wording[_HELD].match(sentence.folded, group.end)
        and not _is_by_stranger(sentence, anchor)
    )


def _is_target(sentence: Sentence, anchor: Hit, group: Group, opens: bool) -> bool:
    """Tell a second firm that something is done to, and not bought from or in."""
    return (
        _is_other_side(sentence, anchor, group, opens)
        and not _is_source(sentence, anchor, group)
        and not _is_shop(sentence, anchor, group)
    )


def _is_listed_target(sentence: Sentence, anchor: Hit, group: Group, opens: bool) -> bool:
    """Tell a second firm of ours that is no part of the first."""
    return (
        bool(group.tickers)
        and _is_other_side(sentence, anchor, group, opens)
        and not _is_unit(sentence, group)
    )


def _is_other_side(sentence: Sentence, anchor: Hit, group: Group, opens: bool) -> bool:
    return not (opens and _is_before(group, anchor)) and _is_another(sentence, group)


_FITS: Mapping[str, Callable[[Sentence, Hit, Group, bool], bool]] = {
    "%mover": _is_mover,
    "%listed_doer": _is_listed_doer,
    "%target": _is_target,
    "%listed_target": _is_listed_target,
}


def _clause(sentence: Sentence, anchor: Hit) -> list[Group]:
    """Return the firms of a word's segment, led by who says it where nobody stands before it."""
    segment = sentence.segment_of(anchor.start)
    here = sentence.firms_in(segment)
    is_said = sentence.is_behind_colon(segment) or _is_behind_words_of_speech(sentence, segment)
    if is_said and not any(_is_before(g, anchor) for g in here):
        return sentence.firms_in(segment - 1) + here
    return here


def _is_behind_words_of_speech(sentence: Sentence, segment: int) -> bool:
    """Tell what stands behind an aside that only says who speaks ("No, said X, we are not")."""
    if segment == 0:
        return False
    start, _ = sentence.segments[segment - 1]
    return any(hit.start == start for hit in sentence.in_segment("speech", segment - 1))


def _is_by_stranger(sentence: Sentence, anchor: Hit) -> bool:
    """Tell a deed whose doer stands behind it ("Einstieg von FAW bei Leapmotor")."""
    by = sentence.wording[_DONE_BY].match(sentence.folded, anchor.end)
    return by is not None and any(
        group.is_unlisted and group.start == by.end() for group in sentence.groups
    )


def _is_in_stranger(sentence: Sentence, anchor: Hit) -> bool:
    """Tell a stake in a firm without a line here ("Verkauf der Beteiligung an Didi")."""
    return anchor.concept in ("sell_stake", "buy_stake") and any(
        group.is_unlisted and 0 < group.start - anchor.end <= _AT_ONCE for group in sentence.groups
    )


def _is_person(sentence: Sentence, group: Group) -> bool:
    """Tell who acts for himself ("小米雷军减持"), and in whom others have a share ("在…的持股")."""
    return sentence.leads(_HELD_IN, group) or any(
        group.start <= person.start < group.end for person in sentence.people
    )


def _is_unit(sentence: Sentence, group: Group) -> bool:
    """Tell a listed subsidiary: who sells it sells a part of itself."""
    return any(hit.start == group.start for hit in sentence.by_concept.get("own_unit", ()))


def _is_source(sentence: Sentence, anchor: Hit, group: Group) -> bool:
    """Tell whom something is bought from: that is not what is bought."""
    return anchor.concept == "acquire" and sentence.leads(_FROM, group)


def _is_shop(sentence: Sentence, anchor: Hit, group: Group) -> bool:
    """Tell where somebody buys from whom he buys."""
    return anchor.concept in _SHOPPED and sentence.leads(PLACE, group)


def _is_another(sentence: Sentence, group: Group) -> bool:
    """Return False for a firm that was named before, by its own name or that of a product."""
    return group.is_unlisted or not any(
        other.start < group.start and set(group.tickers) <= set(other.tickers)
        for other in sentence.groups
    )
