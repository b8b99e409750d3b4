"""One form of a text for reading and one for matching, with offsets that mean the same in both.

`clean` removes what only confuses a reader: entities, invisible and direction-switching characters,
fullwidth letters. `fold` lowers the case and turns traditional characters into simplified ones,
one character for one, so that a span found in the folded text can be cut out of the clean one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from importlib.resources import files

_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,300}>")
_CHINESE_COMMA = re.compile(r"(?<=[\u4e00-\u9fff]),(?=[\u4e00-\u9fff])")
_SPACES = re.compile(r"[^\S\n]{2,1000}|[^\S\n ]")
# Controls, bidirectional marks, zero-width spaces, soft hyphens, tags, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_ODD_SPACE = re.compile(r"[^\S\n\r ]")
_ODD_LETTERS = (  # marks that combine with a letter, and letters that are another one's twin
    *map(chr, (*range(0x300, 0x370), *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20))),
    *"\u0130\u037e\u0387\u1fef\u2126\u212a\u212b",
)
# Fullwidth forms that carry figures, names and units; Chinese sentence marks stay as they are.
_FULLWIDTH = "".join(chr(code) for code in range(0xFF10, 0xFF5B)) + "％＄＋－．／＆＃＠＿"
_KEPT_FULLWIDTH = "：；＜＝＞？［＼］＾｀"
_QUOTES_AND_DASHES = {
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    "￥": "¥",
}


def clean(text: str) -> str:
    r"""Return a text as a person sees it: no entities, tags, invisible characters or odd spaces.

    Newlines stay, because they end sentences; other runs of space become one space.

    Examples
    --------
    >>> clean("Ali\u200bbaba &amp; Baidu\u202e +５％")
    'Alibaba & Baidu +5%'
    >>> clean("小米否认裁员,美团回购股份")  # a comma typed on a Latin keyboard
    '小米否认裁员，美团回购股份'
    """
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        table, changed = _clean_table()
        if changed.search(text):
            text = text.translate(table)
        if "," in text:
            text = _CHINESE_COMMA.sub("，", text)
    if "  " in text or not text.replace("\n", "").isprintable():
        text = _INVISIBLE.sub("", text)
        text = _SPACES.sub(" ", text.replace("\r", "\n"))
    return text


def fold(text: str) -> str:
    """Return the text for matching: lower case, simplified Chinese, plain quotes; same length.

    Examples
    --------
    >>> fold("騰訊 “WeChat”")
    '腾讯 "wechat"'
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(_lower_one(character) for character in text)
    if lowered.isascii():
        return lowered
    table, changed = _fold_table()
    return changed.sub(lambda found: table[ord(found[0])], lowered)


def is_traditional(text: str) -> bool:
    """Return True for Chinese in traditional characters; one alone may be a simplified name's.

    Examples
    --------
    >>> is_traditional("騰訊斥資回購"), is_traditional("腾讯斥资回购")
    (True, False)
    """
    return not text.isascii() and sum(map(_traditional().__contains__, text[:400])) >= 2


@cache
def _traditional() -> frozenset[str]:
    return frozenset(chr(code) for code in _fold_table()[0] if code >= 0x3400)


def _lower_one(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else lowered[0]


def spellings(folded: str, most: int = 32) -> list[str]:
    """Return the ways in which a text can spell a folded name that matches letter by letter.

    Each character may be traditional or simplified, or (beyond ASCII) a capital. A name with more
    than `most` ways is cut where they become too many: a text that holds it holds its beginning.

    Examples
    --------
    >>> spellings("网易")
    ['网易', '網易']
    """
    ways = [""]
    for character in folded:
        forms = [character, *_other_forms().get(character, ())]
        if len(ways) * len(forms) > most:
            break
        ways = [way + form for way in ways for form in forms]
    return ways


@cache
def veils() -> tuple[str, ...]:
    """Return what stands in every text of which `clean` or `fold` would show other letters.

    Marks of entities and tags, invisible and fullwidth characters, odd spaces, marks that combine
    with a letter, and letters that stand for others; beside these, `spellings` are all there is.
    """
    plane = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x10000), *range(0xE0000, 0xE0080))))
    found = [mark for pattern in (_INVISIBLE, _ODD_SPACE) for mark in pattern.findall(plane)]
    return ("&", "<", "  ", *found, *map(chr, _clean_table()[0]), *_ODD_LETTERS)


@cache
def _other_forms() -> dict[str, tuple[str, ...]]:
    forms: dict[str, list[str]] = {}
    for code, simple in _fold_table()[0].items():
        forms.setdefault(simple, []).append(chr(code))
    for capital in map(chr, range(0x80, 0x2000)):
        letter = capital.lower()
        if letter != capital and len(letter) == 1:
            forms.setdefault(letter, []).append(capital)
    return {simple: tuple(variants) for simple, variants in forms.items()}


Table = tuple[dict[int, str], re.Pattern[str]]
"""What each character becomes, and a pattern of those that change: most texts have none."""


def _with_pattern(table: dict[int, str]) -> Table:
    return table, re.compile(f"[{re.escape(''.join(map(chr, table)))}]")


@cache
def _clean_table() -> Table:
    table = {
        ord(character): unicodedata.normalize("NFKC", character)
        for character in _FULLWIDTH
        if character not in _KEPT_FULLWIDTH
    }
    table.update({ord(space): " " for space in "\u00a0\u2007\u202f\u2009\u200a\u3000"})
    table.update({ord(line): "\n" for line in "\u2028\u2029\u0085"})
    return _with_pattern(table)


@cache
def _fold_table() -> Table:
    source = files("signals.text").joinpath("data/traditional.txt").read_text(encoding="utf-8")
    pairs = [pair for line in source.splitlines() if line[:1] != "#" for pair in line.split()]
    table = {ord(pair[0]): pair[1] for pair in pairs}
    table.update({ord(mark): plain for mark, plain in _QUOTES_AND_DASHES.items()})
    return _with_pattern(table)
