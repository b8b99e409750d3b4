"""Where one sentence ends and the next begins: newlines, Chinese stops, and careful periods.

A period ends a sentence only before a space and a capital, a figure or a quote, and not after an
abbreviation, an initial or an ordinal ("3,2 Mrd. USD", "Inc.", "12. September").
"""

from __future__ import annotations

import re
from importlib.resources import files

from signals.text.tokens import is_word_character

# One set of characters first: an alternative there would be tried at every letter.
_STOP = re.compile(r"[。！？!?…\n.](?:(?<!\.)|(?![^\s\"'”’)\]]))")
_LETTER = re.compile(r"[^\W_]")
MAX_SENTENCE = 600
"""Characters of a sentence at most: a run without a stop must not cost more than one does."""
_CLOSERS = "\"'”’」』）)]》】"
_ABBREVIATIONS, _ORDINAL_FOLLOWERS = (
    frozenset(line.split())
    for line in files("signals.text")
    .joinpath("data/abbreviations.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if not line.startswith("#")
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of each sentence, in order, without surrounding space.

    Examples
    --------
    >>> text = "Erlös: 3,2 Mrd. USD. Baidu legt zu! 腾讯回购。股价上涨"
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Erlös: 3,2 Mrd. USD.', 'Baidu legt zu!', '腾讯回购。', '股价上涨']
    """
    spans: list[tuple[int, int]] = []
    begin = 0
    for stop in _STOP.finditer(text):
        end = stop.end()
        if end <= begin or (stop[0] == "." and not _period_ends(text, stop.start())):
            continue
        while end < len(text) and (text[end] in _CLOSERS or text[end] in "。！？!?…"):
            end += 1
        _append(spans, text, begin, end)
        begin = end
    _append(spans, text, begin, len(text))
    return spans


def bounded_spans(text: str) -> list[tuple[int, int]]:
    """Return the sentences, none longer than `MAX_SENTENCE`: what has no stop is cut.

    Examples
    --------
    >>> bounded_spans("a" * 700)
    [(0, 600), (600, 700)]
    """
    return [
        (at, min(end, at + MAX_SENTENCE))
        for start, end in sentence_spans(text)
        for at in range(start, end, MAX_SENTENCE)
    ]


def _append(spans: list[tuple[int, int]], text: str, begin: int, end: int) -> None:
    part = text[begin:end].rstrip()
    shown = part.lstrip()
    if _LETTER.search(shown):
        spans.append((begin + len(part) - len(shown), begin + len(part)))


def _period_ends(text: str, at: int) -> bool:
    after = at + 1
    while after < len(text) and after < at + 4 and text[after] in _CLOSERS + " ":
        after += 1
    if after < len(text) and text[after].islower():
        return False
    word = _word_before(text, at).lower()
    if word in _ABBREVIATIONS:
        # "…für 3 Mrd." at the very end of a text is an end all the same.
        return after >= len(text) or text[after] == "\n"
    if len(word) == 1 and word.isalpha():
        return False
    if word.isdigit() and len(word) <= 2:
        following = re.match(r"[^\W\d_]{1,20}", text[after : after + 20])
        return following is None or following[0].lower() not in _ORDINAL_FOLLOWERS
    return True


def _word_before(text: str, at: int) -> str:
    """Return the word that ends at a place, its inner periods included, of 24 letters at most."""
    low = max(0, at - 24)
    start = text.rfind(" ", low, at) + 1 or low
    word = text[start:at]
    if word.isascii() and word.isalnum():
        return word
    start = at
    while start > low and (is_word_character(text[start - 1]) or text[start - 1] == "."):
        start -= 1
    return text[start:at]
