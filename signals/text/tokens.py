"""Where a word begins and ends, in scripts that write spaces and in one that does not.

A Han character is always a boundary; every other letter or digit belongs to the word around it.
Letters of *any* other script count, so that a ticker or name that is continued in Cyrillic or
Greek look-alikes is no match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD_CHARACTER = r"[^\W\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"  # as `is_word_character` says
WORD_REACH = 40
"""Letters of a word looked at on either side of a place in it."""
_REST = re.compile(f"{_WORD_CHARACTER}*")


def words_alone(words: Iterable[str], *, letter: str = _WORD_CHARACTER) -> str:
    r"""Return a pattern of words, themselves patterns, that go on with none before them.

    The first letter, a plain one, stands first, and what may stand before it is looked at only
    there: an alternative that begins with anything else would be tried at every letter of a text.

    Examples
    --------
    >>> pattern = re.compile(words_alone(["as", "after"]))
    >>> [match.span() for match in pattern.finditer("was as after")]
    [(4, 6), (7, 12)]
    """
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[0], []).append(word[1:])
    return "|".join(rf"{one}(?<!{letter}.)(?:{'|'.join(rest)})" for one, rest in rests.items())


def is_han(character: str) -> bool:
    """Return True for a Chinese character."""
    return (
        "\u4e00" <= character <= "\u9fff"
        or "\u3400" <= character <= "\u4dbf"
        or "\uf900" <= character <= "\ufaff"
        or character == "〇"
    )


@lru_cache(maxsize=1 << 16)
def is_word_character(character: str) -> bool:
    """Return True for a letter or digit of a script that separates words by spaces."""
    if character < "\u3400":
        return character.isalnum() or character == "_"
    return character.isalnum() and not is_han(character)


def begins_word(text: str, start: int) -> bool:
    """Return True if nothing of the same word stands before `start`.

    Examples
    --------
    >>> begins_word("Alibaba-Aktie", 8), begins_word("Alibaba", 3), begins_word("在Alibaba", 1)
    (True, False, True)
    """
    return start == 0 or not (
        is_word_character(text[start - 1]) and start < len(text) and is_word_character(text[start])
    )


def ends_word(text: str, end: int) -> bool:
    """Return True if nothing of the same word stands after `end`."""
    return end >= len(text) or not (
        is_word_character(text[end]) and is_word_character(text[end - 1])
    )


def word_start(text: str, start: int, reach: int = WORD_REACH) -> int:
    """Return where the word that goes on at `start` begins, at most `reach` characters before.

    Examples
    --------
    >>> word_start("ein Aktienrückkauf", 10), word_start("ein Aktienrückkauf", 4)
    (4, 4)
    """
    low = max(0, start - reach)
    while start > low and is_word_character(text[start - 1]):
        start -= 1
    return start


def word_end(text: str, end: int, reach: int = WORD_REACH) -> int:
    """Return where the word that `end` lies in or behind is over, at most `reach` characters on.

    Examples
    --------
    >>> word_end("ein Aktienrückkaufprogramm", 17)
    26
    """
    rest = _REST.match(text, end, end + reach)
    return rest.end() if rest else end
