"""The words that turn a number into money or a percentage: scales, currencies, bounds, multiples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Qualifier = Literal["exact", "about", "at_least", "at_most", "range"]

_SCALES: dict[str, dict[str, float]] = {
    "de": {
        "tausend": 1e3, "tsd": 1e3, "mio": 1e6, "million": 1e6, "millionen": 1e6, "mill": 1e6,
        "mrd": 1e9, "milliarde": 1e9, "milliarden": 1e9, "mia": 1e9, "bn": 1e9,
        "bio": 1e12, "billion": 1e12, "billionen": 1e12, "billiarde": 1e15, "billiarden": 1e15,
    },
    "en": {
        "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "mil": 1e6, "million": 1e6,
        "millions": 1e6, "b": 1e9, "bn": 1e9, "bln": 1e9, "bil": 1e9, "billion": 1e9,
        "billions": 1e9, "t": 1e12, "tn": 1e12, "trn": 1e12, "trln": 1e12, "trillion": 1e12,
    },
    "zh": {
        "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8,
        "十亿": 1e9, "百亿": 1e10, "千亿": 1e11, "万亿": 1e12, "兆": 1e12,
        "k": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
    },
}  # fmt: skip


def _scale_pattern(language: str) -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, _SCALES[language]), key=len, reverse=True))
    if language == "zh":
        return re.compile(rf"\s?(?P<more>[多余几]?)(?P<scale>{words})(?![a-z])(?P<tail>[多余]?)")
    return re.compile(
        rf"[\s-]?(?P<scale>{words})(?![^\W\d_])\.?(?P<more>(?!))?",
        re.ASCII if language == "en" else 0,
    )


SCALE_AFTER: dict[str, re.Pattern[str]] = {code: _scale_pattern(code) for code in _SCALES}


def scale_of(word: str, language: str) -> float:
    """Return the factor a scale word stands for: German Billion is 10^12, English 10^9."""
    return _SCALES[language][word]


_CURRENCY_CODES: dict[str, tuple[str, ...]] = {
    "HKD": ("hk$", "hkd", "hongkong-dollar", "hongkong-dollars", "hongkong dollar", "hongkongdollar",
            "hong-kong-dollar", "hong kong dollars", "hong kong dollar", "hong kong-dollar", "港元", "港币",
            "港纸", "港幣"),
    "USD": ("us$", "usd", "u.s. dollars", "u.s. dollar", "us-dollar", "us-dollars", "us dollars", "us dollar",
            "us-dollarn", "$", "dollars", "dollar", "dollarn", "greenback", "美元", "美金", "美刀"),
    "CNY": ("rmb", "cny", "cnh", "renminbi", "chinese yuan", "yuan", "人民币", "元人民币", "元", "块钱", "cn¥", "¥"),
    "EUR": ("€", "eur", "euros", "euro", "欧元"),
    "GBP": ("£", "gbp", "pounds", "pound sterling", "pfund", "英镑"),
    "JPY": ("jpy", "yen", "jp¥", "日元", "日圆"),
    "KRW": ("krw", "won", "韩元", "韩圆", "韩圜"),
    "TWD": ("nt$", "twd", "taiwan-dollar", "taiwan dollars", "taiwan dollar", "新台币", "台币"),
    "SGD": ("s$", "sgd", "singapur-dollar", "singapore dollars", "新加坡元", "新元", "坡元"),
    "AUD": ("a$", "aud", "australische dollar", "australian dollars", "澳元"),
    "CAD": ("c$", "cad", "kanadische dollar", "canadian dollars", "加元"),
    "CHF": ("chf", "franken", "swiss francs", "瑞士法郎"),
    "INR": ("inr", "₹", "rupien", "rupees", "卢比"),
    "BRL": ("r$", "brl", "reais", "雷亚尔"),
    "THB": ("thb", "baht", "泰铢"),
    "MYR": ("myr", "ringgit", "林吉特"),
}  # fmt: skip
_BY_WORD = {word: code for code, words in _CURRENCY_CODES.items() for word in words}
# Words that also mean something else are currencies only behind a number.
_ONLY_BEHIND = {"元", "块钱", "won", "dollar", "dollars", "dollarn", "pounds", "pfund", "franken",
                "euro", "euros", "yuan", "yen", "greenback", "reais"}  # fmt: skip


def _alternatives(words: set[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


CURRENCY_BEFORE = re.compile(
    rf"(?<![a-z])(?P<currency>{_alternatives(set(_BY_WORD) - _ONLY_BEHIND)})\s?$"
)
CURRENCY_AFTER = re.compile(
    rf"(?P<more>[多余]?)(?:\s|-(?=[a-zäöü]{{4}})|整|的)?(?P<currency>{_alternatives(set(_BY_WORD))})"
    rf"(?![a-zäöüß])(?!(?<=[a-z$€£¥])\s?\d)"
)


def currency_code(word: str, language: str = "en") -> str | None:
    """Return the ISO 4217 code of a currency word or sign, as a Hong Kong reader means it."""
    return _BY_WORD.get(word)


PERCENT_AFTER = re.compile(r"\s?(?:%(?!\w)|%(?=[\u4e00-\u9fff])|prozentig\w{0,4}|-prozentig\w{0,4}|prozent(?!p)|percent(?!age)|per cent|pct\b|-percent)")  # fmt: skip
POINTS_AFTER = re.compile(
    r"\s?(?:(?P<basis>basispunkte?n?|basis points?|bps?\b|个?基点)|prozentpunkte?n?|percentage points?|个百分点)"
)
# Things that Chinese counts in 亿 and that are not money.
COUNTED_AFTER = re.compile(
    r"\s?(?:多|余|级|次|股|人|用户|名|个|台|辆|部|件|条|张|份|款|户|场|吨|公里|千瓦|颗|片|枚|播放|下载|日活|月活|活跃|词|参数"
    r"|token|单|粉丝|会员|设备|家|位|篇|册|天|年|小时|平方|立方|瓦|度|像素|只|集|套|流量|像|人次|订单|曝光|播|赞|参)"
)

_NOT_FAR = r"(?:\W|(?:the |a |einer |den |die |das ))*$"
_WORDS: dict[str, dict[Qualifier, str]] = {
    "de": {
        "at_least": "mindestens|wenigstens|mehr als|über|mehr wie|zumindest|jenseits von|oberhalb von|gut|minimum",
        "at_most": "höchstens|maximal|bis zu|nicht mehr als|weniger als|unter|unterhalb von",
        "about": "rund|etwa|circa|ca\\.?|ungefähr|knapp|fast|nahezu|annähernd|beinahe|zirka|um die|schätzungsweise",
    },
    "en": {
        "at_least": "at least|more than|over|above|exceeding|exceeds?|upwards of|north of|no less than|"
        "not less than|a minimum of|topp(?:ing|ed|s)|surpass(?:ing|ed|es)|in excess of|well over",
        "at_most": "up to|at most|no more than|not more than|less than|under|below|as much as|a maximum of|capped at",
        "about": "about|around|roughly|approximately|approx\\.?|some|nearly|almost|close to|an estimated|circa|near",
    },
    "zh": {
        "at_least": "至少|超过|超|逾|不低于|不少于|高于|突破|多于|起码|破|大于",
        "at_most": "至多|最多|不超过|不高于|上限为|上限|不多于|低于|最高|少于|最高达",
        "about": "约|近|大约|接近|将近|大概|约为|估计|约合",
    },
}  # fmt: skip


def _bounds(language: str) -> tuple[tuple[Qualifier, re.Pattern[str]], ...]:
    edge = "" if language == "zh" else r"(?<![^\W_])"
    tail = (
        r"(?:为|人民币|达|到|\s)?$"
        if language == "zh"
        else r"[\s]?(?:the |den |die |weitere |another )?$"
    )
    order: tuple[Qualifier, ...] = ("at_most", "at_least", "about")
    return tuple((name, re.compile(rf"{edge}(?:{_WORDS[language][name]}){tail}")) for name in order)


QUALIFIERS_BEFORE = {code: _bounds(code) for code in _WORDS}
ABOUT_AFTER = re.compile(r"左右|上下|的?规模左右")
AT_LEAST_AFTER = re.compile(r"以上|起步")
AT_MOST_AFTER = re.compile(r"以下|以内|之内")
PRIOR_BEFORE = re.compile(
    r"(?:(?<![^\W_])(?:(?P<surely>zuvor|previously|vs\.?|versus|gegenüber|statt|nach zuvor|instead of|compared with)"
    r"|from|von)|(?:此前的?|原来的?|去年同期的?|上年同期的?)|由|从|自)"
    r"\s?(?:about |rund |etwa |bisher |zuvor |previously )?[^\w\s]?$"
)
CHANGE_AFTER = re.compile(
    r"[^\d,，。;；]{0,14}(?:(?<!\w)(?:auf|to)(?!\w)|至|到|升|降|增|减|提)"
)

_NUMERALS: dict[str, dict[str, float]] = {
    "de": {
        "ein": 1, "eine": 1, "einer": 1, "einen": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5,
        "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11, "zwölf": 12,
        "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "hundert": 100,
        "halbe": 0.5, "halben": 0.5, "eineinhalb": 1.5, "anderthalb": 1.5, "zweieinhalb": 2.5,
    },
    "en": {
        "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
        "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20,
        "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "half a": 0.5,
    },
}  # fmt: skip
NUMBER_WORDS = _NUMERALS
_JOINTS = {"bis", "und", "to", "and"}  # between the ends of a range
NUMBER_WORD_RE = {
    code: re.compile(
        rf"(?<![^\W_])({_alternatives(set(words))})(?=[\s-](?:{_alternatives(set(_SCALES[code]) | {'prozent', 'percent', 'per cent'} | _JOINTS)})(?![^\W_]))"
    )
    for code, words in _NUMERALS.items()
}


@dataclass(frozen=True)
class Multiples:
    """Words that state a multiple as a change: doubled is +100 %, halved −50 %."""

    patterns: dict[str, tuple[tuple[re.Pattern[str], float], ...]]

    def find(self, text: str, language: str) -> Iterator[tuple[re.Match[str], float]]:
        """Yield each such word with the percentage change it states."""
        for pattern, percent in self.patterns[language]:
            for match in pattern.finditer(text):
                yield match, percent
        if language == "zh":
            yield from _chinese_times(text)


_HAN_ONES = {c: float(i) for i, c in enumerate("零一二三四五六七八九十")} | {"两": 2.0}
_GREW_TIMES = re.compile(
    r"(?:增长|增加|上涨|上升|增|涨|提升|扩大|暴增|激增|大增|飙升)[了近超约逾达]{0,2}([一两二三四五六七八九十]|\d{1,3}(?:\.\d{1,2})?)倍"
)


def _chinese_times(text: str) -> Iterator[tuple[re.Match[str], float]]:
    """Growth *by* n times is n × 100 %: 增长两倍 is +200 %."""
    for match in _GREW_TIMES.finditer(text):
        word = match[1]
        yield match, 100.0 * (_HAN_ONES[word] if word in _HAN_ONES else float(word))


def _patterns(table: dict[str, float]) -> tuple[tuple[re.Pattern[str], float], ...]:
    return tuple((re.compile(pattern), percent) for pattern, percent in table.items())


TIMES = Multiples(
    {
        "de": _patterns(
            {r"(?<!\w)(?:mehr als )?verdoppel\w{1,5}": 100.0, r"(?<!\w)verdreifach\w{1,5}": 200.0,
             r"(?<!\w)vervierfach\w{1,5}": 300.0, r"(?<!\w)verfünffach\w{1,5}": 400.0,
             r"(?<!\w)halbier\w{1,5}": -50.0}
        ),
        "en": _patterns(
            {r"(?<!\w)doubl(?:ed|es|ing)(?!\w)": 100.0, r"(?<!\w)tripl(?:ed|es|ing)(?!\w)": 200.0,
             r"(?<!\w)quadrupl(?:ed|es|ing)(?!\w)": 300.0, r"(?<!\w)halv(?:ed|es|ing)(?!\w)": -50.0}
        ),
        "zh": _patterns(
            {r"翻[一]?倍|翻[了]?一番|翻番|倍增(?!器)": 100.0, r"翻[了]?两番": 300.0, r"翻[了]?三倍|翻两倍": 200.0,
             r"腰斩|减半": -50.0}
        ),
    }
)  # fmt: skip
