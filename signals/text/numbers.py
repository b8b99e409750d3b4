"""Figures as three languages write them: money, percentages, and what they are bounded by.

A figure is read from its digits outward: the number itself, its scale to the right, its currency on
either side, its qualifier to the left. Only what has a currency (or, in Chinese, a scale that money
words stand beside) is money, so years, dates, model names and stock codes never are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from signals.text.folding import fold, is_traditional
from signals.text.units import (
    ABOUT_AFTER,
    AT_LEAST_AFTER,
    AT_MOST_AFTER,
    CHANGE_AFTER,
    COUNTED_AFTER,
    COUNTED_BEFORE,
    CURRENCY_AFTER,
    CURRENCY_BEFORE,
    NUMBER_WORD_RE,
    NUMBER_WORDS,
    PERCENT_AFTER,
    POINTS_AFTER,
    PRIOR_BEFORE,
    SCALE_AFTER,
    Qualifier,
    bound_before,
    currency_code,
    multiples,
    scale_of,
)

_DIGITS = re.compile(  # the digit first: what may stand before it is looked at only there
    r"\d(?:(?<![a-z0-9_.,à-ɏ].)|(?<=(?:usd|hkd|rmb|cny|eur|gbp|jpy|krw|twd|sgd)\d))"
    r"(?:\d{0,2}(?:[.,' ]\d{3}){1,6}(?![0-9])(?:[.,]\d{1,4})?|\d{0,14}(?:[.,]\d{1,6})?)"
)
_SPACED_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d+)?")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
_HAN_NUMBER = re.compile(r"[一二两三四五六七八九十百千零〇数几半点]{1,12}")
_HAN_PERCENT = re.compile(r"百分之([一二两三四五六七八九十百零〇点\d.]{1,10})")
_HAN_TENTHS = re.compile(r"([一二两三四五六七八九]|\d)成([一二三四五六七八九半])?")
_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_YUAN_NAMED = re.compile(r"币|rmb|cn|¥|yuan")
_YUAN_THROUGHOUT = re.compile(r"人民?币[^。]{0,3}下同|除特别说明[^。]{0,8}人民币")
# "Yuan-Anleihe über 3,5 Mrd.": the compound before names the currency of the sum behind.
_COMPOUND = re.compile(
    r"(?<![\w-])((?:hongkong-|us-)?\w{3,9})-\w{0,20}(?:bond|anleihe|kredit|darlehen|papier|programm)\w{0,3}"
    r"\s(?:über|von|im volumen von|in höhe von|im wert von)\s(?:\w{3,10}\s)?(?:zu\s)?$"
)
# "fell 2% to HK$97": a price, unless the figure has a scale ("sales rose 2% to HK$97bn").
_MOVED_TO = re.compile(r"(?:%|percent|per cent|prozent) (?:to|at|auf) $")
_SHARE_BEFORE = re.compile(r"(?:每股|每份|je aktie|pro aktie)[^,，;；。]*$")
_SHARE_AFTER = re.compile(
    r" *(?:(?:per|a|each|an) (?:share|ads|piece)|(?:each|apiece)(?!\w)|je aktie|pro aktie"
    r"|/股|每股|一股)"
)
_WIDEST_JOINT = 8
_RANGE_JOINT = re.compile(r"\s?(?:-|~|～|至|到|bis(?: zu)?|to|and|und)\s?")


class Quantity(NamedTuple):
    """One figure of a text.

    Attributes
    ----------
    start, end : int
        Span in the text, currency and scale included.
    unit : str
        ``money`` (in units of `currency`), ``percent``, ``points`` (percentage points), ``plain``.
    value, high : float, float or None
        The value, scales applied; the upper end of a range.
    currency : str or None
        ISO 4217 for money. None where the text names none.
    qualifier : Qualifier
        exact | about | at_least | at_most | range.
    is_prior : bool
        True for the figure a change starts from ("from X to Y", 由X升至Y).
    is_per_share : bool
        True for prices of one share.
    """

    start: int
    end: int
    unit: Literal["money", "percent", "points", "plain"]
    value: float
    high: float | None = None
    currency: str | None = None
    qualifier: Qualifier = "exact"
    is_prior: bool = False
    is_per_share: bool = False


def quantities(text: str, language: str, in_dollars: bool | None = None) -> list[Quantity]:
    """Return the figures of a clean text in order.

    Parameters
    ----------
    text : str
        Clean text (a sentence or a story).
    language : str
        ``de``, ``en`` or ``zh``: whether a comma is a decimal mark, and what "Billion" means.
    in_dollars : bool, optional
        Whether a bare Chinese 元 is a Hong Kong dollar; by default as `means_dollars` of the text.

    Examples
    --------
    >>> [(q.value, q.currency, q.qualifier) for q in quantities("mindestens 3,2 Mrd. USD", "de")]
    [(3200000000.0, 'USD', 'at_least')]
    >>> [(q.value, q.high) for q in quantities("HK$1.5bn-HK$2bn", "en")]
    [(1500000000.0, 2000000000.0)]
    >>> [(q.value, q.currency) for q in quantities("募资三十二亿港元，占比六成二", "zh")]
    [(3200000000.0, 'HKD'), (62.0, None)]
    """
    if in_dollars is None:
        in_dollars = language == "zh" and means_dollars(text)
    return figures(fold(text), language, in_dollars)


def figures(folded: str, language: str, in_dollars: bool) -> list[Quantity]:
    """Return the figures of a folded text in order, as `quantities` does of a clean one."""
    found = list(_read_all(folded, language))
    if not found:
        return found
    found.sort(key=_leftmost_longest)
    kept: list[Quantity] = []
    for quantity in found:
        if not kept or quantity.start >= kept[-1].end:
            kept.append(quantity)
    joined = [_qualified(folded, quantity, language) for quantity in _join_ranges(folded, kept)]
    return _in_dollars(folded, joined) if language == "zh" and in_dollars else joined


def _leftmost_longest(quantity: Quantity) -> tuple[int, int]:
    return quantity.start, -quantity.end


def means_dollars(text: str) -> bool:
    """Tell whether a Chinese story means Hong Kong dollars by a bare 元, as Hong Kong papers do.

    They write traditional characters, and say so where they mean yuan throughout.
    """
    return is_traditional(text) and _YUAN_THROUGHOUT.search(fold(text)) is None


def _in_dollars(folded: str, found: list[Quantity]) -> list[Quantity]:
    return [
        figure._replace(currency="HKD")
        if figure.unit == "money"
        and figure.currency in (None, "CNY")
        and not _YUAN_NAMED.search(folded, figure.start, figure.end)
        else figure
        for figure in found
    ]


def _read_all(text: str, language: str) -> Iterator[Quantity]:
    for match in _DIGITS.finditer(text):
        if not _is_part_of_name(text, match.start()):
            for start, end, value in _numbers_in(match, language):
                yield from _measured(text, start, end, value, language)
    if language == "zh":
        yield from _read_chinese(text)
    else:
        for match in NUMBER_WORD_RE[language].finditer(text):
            value = NUMBER_WORDS[language][match[1]]
            yield from _measured(text, match.start(), match.end(1), value, language)
    for start, end, percent in multiples(text, language):
        yield Quantity(start, end, "percent", percent)


def _is_part_of_name(text: str, start: int) -> bool:
    """Digits after a hyphenated word are a model ("SU-7", "GPT-4"), not a figure."""
    return (
        start > 1
        and text[start - 1] == "-"
        and text[start - 2].isascii()
        and text[start - 2].isalpha()
    )


def _numbers_in(match: re.Match[str], language: str) -> Iterator[tuple[int, int, float]]:
    """Yield the number, or its groups where a space turned out not to be a thousands mark."""
    text = match[0]
    if " " not in text or _SPACED_THOUSANDS.fullmatch(text):
        yield match.start(), match.end(), _decimal(text, language)
        return
    at = match.start()
    for part in text.split(" "):
        yield at, at + len(part), _decimal(part, language)
        at += len(part) + 1


def _decimal(digits: str, language: str) -> float:
    """Return the value of digits with marks: "1.234,5" and "1,234.5" by language and by shape."""
    digits = digits.replace(" ", "").replace("'", "")
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        decimal = "," if comma > point else "."
    elif comma < 0 and point < 0:
        return float(digits)
    else:
        mark = "," if comma >= 0 else "."
        thousands = _THOUSANDS.fullmatch(digits) is not None
        several = digits.count(mark) > 1
        own = mark == ("," if language == "de" else ".")
        decimal = mark if not several and (own or not thousands) else ""
    if decimal:
        whole, _, part = digits.rpartition(decimal)
        return float(_without_marks(whole) + "." + part)
    return float(_without_marks(digits))


def _without_marks(digits: str) -> str:
    return digits.replace(",", "").replace(".", "")


def _measured(text: str, start: int, end: int, value: float, language: str) -> Iterator[Quantity]:
    """Yield a number with what stands around it: percent, points, money, or nothing known."""
    if match := PERCENT_AFTER.match(text, end):
        sign = _sign_before(text, start)
        yield Quantity(start, match.end(), "percent", sign * value)
        return
    if match := POINTS_AFTER.match(text, end):
        per_unit = 0.01 if match["basis"] else 1.0
        yield Quantity(start, match.end(), "points", value * per_unit)
        return
    after = end
    factor, vague = 1.0, False
    if match := SCALE_AFTER[language].match(text, end):
        factor, vague = scale_of(match["scale"], language), bool(match["more"])
        after = match.end()
    before = CURRENCY_BEFORE.search(text[max(0, start - 14) : start])
    currency = currency_code(before["currency"]) if before else None
    begin = start - len(before[0]) if before else start
    if behind := CURRENCY_AFTER.match(text, after):
        named = currency_code(behind["currency"])
        if named is not None:
            currency = named if currency in (None, "USD") else currency
            vague = vague or bool(behind["more"])
            after = behind.end()
    if currency is None and factor > 1 and (named_before := _COMPOUND.search(text[:start][-70:])):
        currency = currency_code(named_before[1])
    qualifier: Qualifier = "at_least" if vague else "exact"
    if currency is not None:
        yield Quantity(
            begin, after, "money", round(value * factor, 4), None, currency, qualifier,
            is_per_share=_is_per_share(text, begin, after)
            or (factor == 1 and _MOVED_TO.search(text, max(0, begin - 12), begin) is not None),
        )  # fmt: skip
    elif language == "zh" and factor >= 1e8 and not _is_count(text, start, after):
        yield Quantity(begin, after, "money", round(value * factor, 4), None, None, qualifier)
    else:
        yield Quantity(start, after, "plain", value * factor, None, None, qualifier)


def _is_count(text: str, start: int, after: int) -> bool:
    """Tell users, orders and views (用户数7亿) from a sum that names no currency."""
    return (
        COUNTED_AFTER.match(text, after) is not None
        or COUNTED_BEFORE.search(text, max(0, start - 14), start) is not None
    )


def _sign_before(text: str, start: int) -> float:
    before = text[max(0, start - 6) : start].rstrip(" ")
    if before.endswith("minus"):
        return -1.0
    # A hyphen is a minus only where no word or figure stands before it (3-5 %, KI-5 %).
    return -1.0 if before.endswith("-") and (len(before) < 2 or not before[-2].isalnum()) else 1.0


def _is_per_share(text: str, start: int, end: int) -> bool:
    return (
        _SHARE_BEFORE.search(text, max(0, start - 12), start) is not None
        or _SHARE_AFTER.match(text, end, end + 16) is not None
    )


def _read_chinese(text: str) -> Iterator[Quantity]:
    for match in _HAN_PERCENT.finditer(text):
        value = (
            _han_value(match[1]) if not re.match(r"[\d.]", match[1]) else _float_or_none(match[1])
        )
        if value is not None:
            yield Quantity(match.start(), match.end(), "percent", value)
    for match in _HAN_TENTHS.finditer(text):
        if text[match.end() : match.end() + 1] in tuple("立为了功员分本交份果长效都绩熟品熟就人"):
            continue
        tail = {"半": 5, None: 0}.get(match[2], _HAN_DIGITS.get(match[2] or "", 0))
        whole = _HAN_DIGITS.get(match[1], None)
        whole = int(match[1]) if whole is None else whole
        yield Quantity(match.start(), match.end(), "percent", whole * 10.0 + tail)
    for match in _HAN_NUMBER.finditer(text):
        if match.start() and text[match.start() - 1].isdigit():
            continue
        value = None if match[0][0] in "数几" else _han_value(match[0])
        if value is not None:
            measured = _measured(text, match.start(), match.end(), value, "zh")
            yield from (q for q in measured if q.unit == "money")


def _float_or_none(digits: str) -> float | None:
    try:
        return float(digits)
    except ValueError:
        return None


def _han_value(numeral: str) -> float | None:
    """Return the value of a Chinese numeral below ten thousand, or None for no number."""
    whole, _, fraction = numeral.partition("点")
    total, digit = 0.0, None
    for character in whole:
        if character in _HAN_UNITS:
            total += (1 if digit is None else digit) * _HAN_UNITS[character]
            digit = None
        elif character == "半":
            total += 0.5
        elif character in _HAN_DIGITS:
            if digit:
                return None
            digit = _HAN_DIGITS[character]
        else:
            return None
    total += digit or 0
    if fraction:
        if not all(character in _HAN_DIGITS for character in fraction):
            return None
        total += float("0." + "".join(str(_HAN_DIGITS[character]) for character in fraction))
    return total if whole else None


def _join_ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """Join "1.5bn-2bn", "3 bis 4 Mrd. Euro", "5至8亿元" into one figure with two ends."""
    joined: list[Quantity] = []
    for quantity in found:
        low = joined[-1] if joined else None
        if low is not None and _is_range(text, low, quantity):
            factor = _inherited_factor(low, quantity)
            joined[-1] = quantity._replace(
                start=low.start, value=low.value * factor, high=quantity.value, qualifier="range",
                unit=low.unit if quantity.unit == "plain" else quantity.unit,
                currency=quantity.currency or low.currency,
            )  # fmt: skip
        else:
            joined.append(quantity)
    return joined


_SMALL, _LARGE = 1e3, 1e6  # "$650-$660 million": what one end of a range has and the other lacks


def _is_range(text: str, low: Quantity, high: Quantity) -> bool:
    if high.start - low.end > _WIDEST_JOINT:
        return False
    gap = text[low.end : high.start]
    joint = _RANGE_JOINT.fullmatch(gap)
    if joint is None or low.high is not None:
        return False
    # "HK$30-32 billion": the currency stands with the first figure, the scale with the second.
    shared = low.unit == "money" and high.unit == "plain" and high.value >= _LARGE
    if not shared and high.unit not in ("money", "percent"):
        return False
    word = gap.strip()
    before = text[max(0, low.start - 10) : low.start].rstrip()
    if word in ("and", "und") and not before.endswith(("between", "zwischen")):
        return False
    # "from 3 to 4" may be a change; the verb decides: "raised from" against "of 3 to 4".
    if word == "to" and before.endswith(("from", "up", "down")):
        return False
    if word in ("至", "到") and before.endswith(("由", "从", "自")):
        return False
    if not shared and low.unit not in ("plain", high.unit):
        return False
    return low.value * _inherited_factor(low, high) < high.value


def _inherited_factor(low: Quantity, high: Quantity) -> float:
    has_own_scale = low.unit == high.unit and not (low.value < _SMALL and high.value >= _LARGE)
    if has_own_scale or high.unit == "percent":
        return 1.0
    factor = 1.0
    for step in (1e3, 1e4, 1e6, 1e8, 1e9, 1e12):
        if low.value * step < high.value and high.value >= step:
            factor = step
    return factor


def _qualified(text: str, quantity: Quantity, language: str) -> Quantity:
    """Return the figure with the bound that the words beside it give, and whether it is a start."""
    before = text[max(0, quantity.start - 28) : quantity.start]
    is_prior = quantity.high is None and _is_prior(text, quantity, before)
    qualifier = quantity.qualifier
    if qualifier != "range":
        bound = bound_before(before, language)
        if bound is not None:
            qualifier = bound
        elif language == "zh":
            qualifier = _after_chinese(text[quantity.end : quantity.end + 6], qualifier)
    if qualifier == quantity.qualifier and is_prior == quantity.is_prior:
        return quantity
    return quantity._replace(qualifier=qualifier, is_prior=is_prior)


def _is_prior(text: str, quantity: Quantity, before: str) -> bool:
    """Tell the start of a change ("von 3 auf 4", "to 4 from 3") from a bare "von 26 %"."""
    match = PRIOR_BEFORE.search(before)
    if match is None:
        return False
    if match["surely"]:
        return True
    after = text[quantity.end : quantity.end + 24]
    return (
        CHANGE_AFTER.match(after) is not None
        or re.search(r"(?<![a-z])\d", before[: match.start()][-14:]) is not None
    )


def _after_chinese(after: str, qualifier: Qualifier) -> Qualifier:
    if ABOUT_AFTER.match(after):
        return "about"
    if AT_LEAST_AFTER.match(after):
        return "at_least"
    if AT_MOST_AFTER.match(after):
        return "at_most"
    return qualifier
