"""What a move of a price is not: foreseen, or the rise of a count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from signals.events.finder import Hit
from signals.events.page import Sentence
from signals.text.numbers import Quantity

MOVES = frozenset(
    ("up", "rally", "down", "slump", "price_up", "price_down", "price_rally", "price_slump")
)
"""Concepts of the verbs that tell a move."""

_MODAL = r"<modals>\s(?:<modal_fillers>\s){0,2}$|<heads_to>\s$|^<asks>\s(?:\S+\s){1,4}$"
# "May fell 3%" is a month: only a verb in its base form is what a modal foresees.
_IS_PAST = r"<past_verbs>$"
_IS_GERUND = r"<gerunds>$"
_FORESEES = r"<foresees>\s"
# "könnte steigen" is a guess; "kann zulegen" is how the press says that it did.
_MODAL_ALONE = "<modals>"
_INFINITIVE = r"<infinitives>[\s.!\"'“”]*$"
_AWAITED_WITHIN = 6
# "gibt 1,2 Millionen Aktien ab": shares that are counted change hands, and their price does not.
_COUNTED = r"(?<![\d.,])(?:\d[\d.,]{3,}|\d[\d.,]*\s?<scales>)\s$"
_MANY, _LARGE = 1_000, 100_000  # things that are counted; money that is no price of a share


def is_no_move(sentence: Sentence, found: Sequence[Hit]) -> bool:
    """Tell a move that somebody only expects, and shares that change hands by the number."""
    foreseen = _FORESEEN[sentence.language]
    return any(
        (hit.concept == "share" and _is_number_of_shares(sentence, hit)) or foreseen(sentence, hit)
        for hit in found
    )


def _is_number_of_shares(sentence: Sentence, share: Hit) -> bool:
    at = sentence.wording[_COUNTED].search(sentence.folded, max(0, share.start - 24), share.start)
    return at is not None


def _is_foreseen_in_english(sentence: Sentence, verb: Hit) -> bool:
    """Tell what somebody expects ("could rise to 200", "sees it falling")."""
    if verb.concept not in MOVES:
        return False
    first, _ = sentence.segments[sentence.segment_of(verb.start)]
    wording, folded = sentence.wording, sentence.folded
    word = folded[verb.start : verb.end]
    if wording[_IS_GERUND].search(word) and wording[_FORESEES].search(folded, first, verb.start):
        return True
    is_past = wording[_IS_PAST].search(word) is not None
    return not is_past and wording[_MODAL].search(folded, first, verb.start) is not None


def _is_foreseen_in_german(sentence: Sentence, verb: Hit) -> bool:
    """Tell a guess: German puts a modal verb in front, and at the end what it governs."""
    if verb.concept not in MOVES:
        return False
    first, last = sentence.segments[sentence.segment_of(verb.start)]
    folded = sentence.folded
    wording = sentence.wording
    governed = folded[verb.end - 1] == "n" or wording[_INFINITIVE].search(folded, verb.end, last)
    return bool(governed) and wording[_MODAL_ALONE].search(folded, first, verb.start) is not None


def _is_foreseen_in_chinese(sentence: Sentence, verb: Hit) -> bool:
    """Tell what is awaited ("股价或升至800元", "恐跌穿40元")."""
    modal = sentence.wording[_MODAL_ALONE]
    return verb.concept[0] != "%" and any(
        0 <= verb.start - hedge.end <= _AWAITED_WITHIN
        and modal.fullmatch(sentence.folded, hedge.start, hedge.end)
        and sentence.segment_of(hedge.start) == sentence.segment_of(verb.start)
        for hedge in sentence.by_concept.get("hedge", ())
    )


_FORESEEN: Mapping[str, Callable[[Sentence, Hit], bool]] = {
    "de": _is_foreseen_in_german,
    "en": _is_foreseen_in_english,
    "zh": _is_foreseen_in_chinese,
}


def counts_on(sentence: Sentence, found: Sequence[Hit]) -> bool:
    """Tell a rise that goes on about a count ("sells 302,400 cars, up 46%"), and not a share."""
    for start, _, concept, _ in found:
        segment = sentence.segment_of(start)
        first, last = sentence.segments[segment]
        if segment == 0 or concept not in MOVES or start - first > 1:
            continue
        if any(first <= group.start < last for group in sentence.groups):
            continue
        low, high = sentence.segments[segment - 1]
        return any(low <= f.start < high and _is_count(f) for f in sentence.figures)
    return False


def _is_count(figure: Quantity) -> bool:
    """Tell a sum or a number of things; years and prices of shares are neither."""
    if figure.unit == "money":
        return figure.value >= _LARGE
    is_year = 1900 <= figure.value < 2100
    return figure.unit == "plain" and figure.value >= _MANY and not is_year
