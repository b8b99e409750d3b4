"""What may stand around a number: scales, currencies, bounds and multiples, as patterns.

The words are data (`data/units.toml`); here they become patterns that look at one place only, so
that reading a figure costs the same wherever it stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any, Literal

from signals.text.tokens import words_alone

Qualifier = Literal["exact", "about", "at_least", "at_most", "range"]

_WORDS: dict[str, Any] = tomllib.loads(
    files("signals.text").joinpath("data/units.toml").read_text(encoding="utf-8")
)
_HAN = r"(?<=[\u4e00-\u9fff])"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, set(words)), key=lambda word: (-len(word), word)))


class Before:
    """A pattern that ends where a number begins.

    Trying it costs more than all else about a number, and few numbers have such words before them:
    so the last letters are looked at first.

    Parameters
    ----------
    pattern : str
        Regular expression; matches nothing behind its words but space and one mark.
    words : iterable of str
        All words that it can end in.
    """

    def __init__(self, pattern: str, words: Iterable[str]) -> None:
        self.pattern = re.compile(pattern)
        self._endings = frozenset(word.rstrip()[-3:] for word in words)

    def search(self, before: str) -> re.Match[str] | None:
        """Return where the pattern stands at the end of a text."""
        return self.pattern.search(before) if self._may_end(before) else None

    def _may_end(self, before: str) -> bool:
        shown, endings = before.rstrip(), self._endings
        if shown[-3:] in endings or shown[-2:] in endings or shown[-1:] in endings:
            return True
        return bool(shown) and not shown[-1].isalnum() and self._may_end(shown[:-1])


_SCALES: dict[str, dict[str, float]] = {
    language: {word: float(factor) for factor, words in table.items() for word in words}
    for language, table in _WORDS["scales"].items()
}
_CURRENCIES: dict[str, str] = {
    word: code for code, words in _WORDS["currencies"].items() for word in words
}


def _scale_pattern(language: str) -> re.Pattern[str]:
    words = _alternatives(_SCALES[language])
    if language == "zh":
        return re.compile(rf"\s?(?P<more>[多余几]?)(?P<scale>{words})(?![a-z])[多余]?")
    return re.compile(rf"[\s-]?(?P<scale>{words})(?![^\W\d_])\.?(?P<more>(?!))?")


SCALE_AFTER: dict[str, re.Pattern[str]] = {code: _scale_pattern(code) for code in _SCALES}
_BEFORE = set(_CURRENCIES) - set(_WORDS["words"]["only_behind"])
CURRENCY_BEFORE = Before(rf"(?<![a-z])(?P<currency>{_alternatives(_BEFORE)})\s?$", _BEFORE)
CURRENCY_AFTER = re.compile(
    rf"(?P<more>[多余]?)(?:\s|-(?=[a-zäöü]{{4}})|整|的)?(?P<currency>{_alternatives(_CURRENCIES)})"
    rf"(?:{_HAN}|(?![a-zäöüß]))(?!(?<=[a-z$€£¥])\s?\d(?!g(?!\w)))"
)
PERCENT_AFTER = re.compile(
    r"\s?(?:%(?!\w)|%(?=[\u4e00-\u9fff])|-?prozentig\w{0,4}|prozent(?!p)"
    r"|percent(?!age)|per cent|pct\b|-percent)"
)
POINTS_AFTER = re.compile(
    r"\s?(?:(?P<basis>basispunkte?n?|basis points?|bps?\b|个?基点)"
    r"|prozentpunkte?n?|percentage points?|个百分点)"
)
COUNTED_AFTER = re.compile(rf"\s?[多余]?(?:{_alternatives(_WORDS['words']['counted'])})")
COUNTED_BEFORE = re.compile(
    rf"(?:{_alternatives(_WORDS['words']['counted_before'])})"
    r"(?:已|均|共|合计|累计|仅|再|首次|约|近|超|逾|破|达|突破|超过|达到|为|至|升至|增至|高达|站上)*\s?$"
)
ABOUT_AFTER = re.compile(r"左右|上下|的?规模左右")
AT_LEAST_AFTER = re.compile(r"以上|起步")
AT_MOST_AFTER = re.compile(r"以下|以内|之内")
_SURELY_PRIOR = (
    "zuvor", "previously", "vs", "vs.", "versus", "gegenüber", "statt", "nach zuvor",
    "instead of", "compared with",
)  # fmt: skip
_PRIOR = ("从", "自", "由", "此前", "原来", "去年同期", "上年同期")
_ABOUT = ("about", "rund", "etwa", "bisher", "zuvor", "previously")
PRIOR_BEFORE = Before(
    rf"(?:(?<![^\W_])(?:(?P<surely>{_alternatives(_SURELY_PRIOR)})|from|von)|(?:{'|'.join(_PRIOR)})的?)"
    rf"\s?(?:(?:{'|'.join(_ABOUT)}) )?[^\w\s]?$",
    (*_SURELY_PRIOR, "from", "von", *_PRIOR, "的", *_ABOUT),
)
CHANGE_AFTER = re.compile(r"[^\d,，。;；]{0,14}(?:(?<!\w)(?:auf|to)(?!\w)|至|到|升|降|增|减|提)")


def scale_of(word: str, language: str) -> float:
    """Return the factor a scale word stands for: German Billion is 10^12, English 10^9."""
    return _SCALES[language][word]


def currency_code(word: str) -> str | None:
    """Return the ISO 4217 code of a currency word or sign, as a Hong Kong reader means it."""
    return _CURRENCIES.get(word)


def _bounds(language: str) -> tuple[tuple[Qualifier, Before], ...]:
    order: tuple[Qualifier, ...] = ("at_most", "at_least", "about")
    words = _WORDS["bounds"][language]
    edge, space, fillers = r"(?<![^\W_])", r"\s?", ("the ", "den ", "die ", "weitere ", "another ")
    if language == "zh":
        edge, space, fillers = "", "", ("为", "人民币", "达", "到", r"\s")
    return tuple(
        (
            name,
            Before(
                rf"{edge}(?:{_alternatives(words[name])}){space}(?:{'|'.join(fillers)})?$",
                (*words[name], *filter(str.isalpha, map(str.strip, fillers))),
            ),
        )
        for name in order
    )


_BOUNDS_BEFORE = {code: _bounds(code) for code in _WORDS["bounds"]}


def bound_before(before: str, language: str) -> Qualifier | None:
    """Return the bound that the words before a number set it."""
    return next((name for name, words in _BOUNDS_BEFORE[language] if words.search(before)), None)


NUMBER_WORDS: dict[str, dict[str, float]] = {
    language: {word: float(value) for value, words in table.items() for word in words}
    for language, table in _WORDS["numerals"].items()
}


def _number_word_pattern(language: str) -> re.Pattern[str]:
    joints = {"bis", "und", "to", "and", "prozent", "percent", "per cent"}
    behind = _alternatives(set(_SCALES[language]) | joints)
    longest_first = sorted(NUMBER_WORDS[language], key=lambda word: (-len(word), word))
    words = words_alone(map(re.escape, longest_first), letter=r"[^\W_]")
    return re.compile(rf"({words})(?=[\s-](?:{behind})(?![^\W_]))")


NUMBER_WORD_RE = {language: _number_word_pattern(language) for language in NUMBER_WORDS}
_MULTIPLES: dict[str, tuple[tuple[str, re.Pattern[str], float], ...]] = {
    language: tuple((letters, re.compile(pattern), percent) for letters, pattern, percent in rows)
    for language, rows in _WORDS["multiples"].items()
}
_HAN_ONES = {c: float(i) for i, c in enumerate("零一二三四五六七八九十")} | {"两": 2.0}
_GREW_TIMES = re.compile(
    r"(?:增长|增加|上涨|上升|增|涨|提升|扩大|暴增|激增|大增|飙升)[了近超约逾达]{0,2}"
    r"([一两二三四五六七八九十]|\d{1,3}(?:\.\d{1,2})?)倍"
)


def multiples(text: str, language: str) -> Iterator[tuple[int, int, float]]:
    """Yield the spans of words that state a multiple, with the change in percent they mean.

    Doubled is +100 %, halved −50 %; Chinese growth *by* n times (增长两倍) is n × 100 %.
    """
    for letters, pattern, percent in _MULTIPLES[language]:
        for match in pattern.finditer(text) if letters in text else ():
            yield match.start(), match.end(), percent
    if language == "zh" and "倍" in text:
        for match in _GREW_TIMES.finditer(text):
            word = match[1]
            times = _HAN_ONES[word] if word in _HAN_ONES else float(word)
            yield match.start(), match.end(), 100.0 * times
