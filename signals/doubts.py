"""Names that were met and not believed: which firm each could have meant, and why it was left out.

Every spelling of a listed company that stands in a text as a word of its own is either part of a
mention that counts, or in this list. Nothing here ever makes an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from signals.linking import Linker, Mention, Occurrence, codes
from signals.names import SHARED, WARY
from signals.text.folding import fold
from signals.text.tokens import is_han

Reason = Literal[
    "look-alike",
    "another firm's name",
    "inside a longer name",
    "also a word",
    "weak pointer",
    "shared name",
    "source",
    "outside its dates",
    "lower case",
    "borrowed letters",
]

_HAN_AROUND, _LATIN_AROUND = 14, 36
# Letters of other scripts that look like Latin ones, one for one.
_LOOK_ALIKES = {
    **dict(zip("АВСЕНІЈКМОРЅТХУаеіјорсухѕԁԛԝһ", "ABCEHIJKMOPSTXYaeijopcyxsdqwh", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοινρτυϲ", "ABEZHIKMNOPTYXaoivptuc", strict=True)),
}
_BORROWED = re.compile(f"[{''.join(_LOOK_ALIKES)}]")
_TO_LATIN = {ord(letter): latin for letter, latin in _LOOK_ALIKES.items()}
# A code in which letters stand for digits: O700.HK, l810.HK.
_LETTERED_CODE = re.compile(r"(?<![\w.$])(?=[^.]*[OoIl])(?=[^.]*\d)[\dOoIl]{4,5}\.hk(?!\w)", re.I)
_TO_DIGITS = str.maketrans("OoIl", "0011")


class Doubt(NamedTuple):
    """A name that was met and left out.

    Attributes
    ----------
    alias : str
        The name as listed, folded; of a code the right one.
    tickers : tuple of str
        Whom it could have meant.
    start, end : int
        Span in `signals.text.folding.clean(item.text)`.
    score : float
        How surely it means the company, 0 to 1; of a source it may be high, since it was the part
        it plays that was refused.
    reason : Reason
        Why it is left out.
    inside : str
        The longer name that swallowed it; empty for one that stands alone.
    """

    alias: str
    tickers: tuple[str, ...]
    start: int
    end: int
    score: float
    reason: Reason
    inside: str = ""


def doubts(linker: Linker, text: str, day: date) -> list[Doubt]:
    """Return the names of listed companies in a clean text that are not believed, in order.

    Parameters
    ----------
    linker : Linker
        Whose names, and who believes.
    text : str
        From `signals.text.folding.clean`.
    day : date
        On which the story became available.
    """
    folded = fold(text)
    kept = linker.outermost(text, folded, day)
    judged = linker.mentions(text, day)
    believed = [mention for mention in judged if mention.is_believed]
    found = [
        doubt
        for met in linker.occurrences(folded)
        if any(name.ticker is not None for name in met.meanings)
        and not _within(met, believed)
        and (doubt := _doubt(met, kept, judged, day))
    ]
    found += _borrowed(linker, text, folded)
    return sorted(_widest(found), key=lambda doubt: (doubt.start, doubt.end))


def around(text: str, start: int, end: int) -> str:
    """Return a name with the text around it, clipped, on one line.

    Examples
    --------
    >>> around("他在公园里喝小米粥，味道很好，明天还要来", 6, 8)
    '他在公园里喝小米粥，味道很好，明天还要来'
    """
    reach = _HAN_AROUND if is_han(text[start]) else _LATIN_AROUND
    low, high = max(0, start - reach), min(len(text), end + reach)
    cut = " ".join(text[low:high].split())
    return ("…" if low else "") + cut + ("…" if high < len(text) else "")


def _within(met: Occurrence, mentions: Iterable[Mention]) -> bool:
    return any(m.start <= met.start and met.end <= m.end for m in mentions)


def _doubt(
    met: Occurrence, kept: Sequence[Mention], judged: Sequence[Mention], day: date
) -> Doubt | None:
    """Say why a name that no mention counts was left out."""
    ours = [name for name in met.meanings if name.ticker is not None]
    valid = [name for name in ours if name.holds(day)]
    tickers = tuple(dict.fromkeys(str(name.ticker) for name in valid or ours))
    span = (met.start, met.end)

    def because(reason: Reason, score: float = 0.0, inside: str = "") -> Doubt:
        return Doubt(met.alias, tickers, *span, score, reason, inside)

    if not valid:
        return because("outside its dates")
    same = next((m for m in judged if (m.start, m.end) == span and m.ticker is not None), None)
    if same is not None:
        return because(_reason(same), same.score)
    longer = next((m for m in kept if m.start < met.end and met.start < m.end), None)
    if longer is None:
        return because("lower case")
    if longer.ticker is not None:
        return because("inside a longer name", inside=longer.alias)
    reason: Reason = "another firm's name" if longer.role == "unlisted" else "look-alike"
    return because(reason, inside=longer.alias)


def _reason(mention: Mention) -> Reason:
    if mention.role == "source":
        return "source"
    by_score: Mapping[float, Reason] = {WARY: "also a word", SHARED: "shared name"}
    return by_score.get(mention.score, "weak pointer")


def _borrowed(linker: Linker, text: str, folded: str) -> Iterator[Doubt]:
    """Yield names and codes that are spelled with letters or digits of another script."""
    for start, end, ticker in codes(folded):
        if not folded[start:end].isascii():
            yield Doubt(ticker.lower(), (ticker,), start, end, 0.0, "borrowed letters")
    changed = _LETTERED_CODE.sub(
        lambda code: code[0][:-3].translate(_TO_DIGITS) + code[0][-3:],
        text.translate(_TO_LATIN) if _BORROWED.search(text) else text,
    )
    if changed == text:
        return
    plain = fold(changed)
    for met in linker.occurrences(plain):
        tickers = tuple(str(name.ticker) for name in met.meanings if name.ticker is not None)
        if tickers and changed[met.start : met.end] != text[met.start : met.end]:
            yield Doubt(met.alias, tickers, met.start, met.end, 0.0, "borrowed letters")
    for start, end, ticker in codes(plain):
        if changed[start:end] != text[start:end] and plain[start:end].isascii():
            yield Doubt(ticker.lower(), (ticker,), start, end, 0.0, "borrowed letters")


def _widest(found: Iterable[Doubt]) -> list[Doubt]:
    """Leave out a name inside another that is listed: one place is one doubt."""
    widest: list[Doubt] = []
    for doubt in sorted(found, key=lambda one: (one.start, -one.end)):
        if not any(w.start <= doubt.start and doubt.end <= w.end for w in widest[-1:]):
            widest.append(doubt)
    return widest
