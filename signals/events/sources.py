"""Who is quoted: brokers, wires and people, told from the companies they speak of."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from signals.text.folding import fold
from signals.text.tokens import begins_word, ends_word, is_han

_SPEAKER = re.compile(
    r"(?:\bwie|[Aa]nalyst(?:in|en|s)?|[Ss]trateg(?:ist|e|in)|[Ee]conomist|Ökonom(?:in)?)[,\s]{1,3}"
    r"((?:[A-ZÄÖÜ][\w'’.-]{1,20})(?:\s[A-ZÄÖÜ][\w'’.-]{1,20}){1,2})"
)
_SPEAKER_AFTER = re.compile(
    r"(?<!\w)(?!(?:Für|Laut|Nach|So|The|Auch|Der|Die|Says|As|For)\s)((?:[A-ZÄÖÜ][\w'’-]{1,20})(?:\s[A-ZÄÖÜ][\w'’-]{1,20}){1,2}),"
    r"\s(?:an? |der |die )?(?:senior )?(?:[Aa]nalyst|[Ss]trateg)"
)
# Spellings that are also parts of words: only where a segment begins.
_ONLY_AT_START = frozenset(fold(name) for name in ("大和", "晚点", "中金"))


class Quoted(NamedTuple):
    """A broker or wire where it stands."""

    name: str
    is_broker: bool
    start: int
    end: int


@cache
def _table() -> tuple[AhoCorasick, tuple[str, ...], tuple[tuple[str, bool], ...]]:
    raw = files("signals.events").joinpath("cues/sources.toml").read_text(encoding="utf-8")
    parsed: dict[str, dict[str, list[str]]] = tomllib.loads(raw)
    spellings: dict[str, tuple[str, bool]] = {}
    for group, names in parsed.items():
        for name, ways in names.items():
            for way in ways:
                spellings.setdefault(fold(way), (name, group == "brokers"))
    automaton = AhoCorasick(list(spellings), matchkind=MatchKind.LeftmostLongest)
    return automaton, tuple(spellings), tuple(spellings.values())


def quoted(text: str, folded: str, starts: frozenset[int]) -> list[Quoted]:
    """Return the brokers and wires named in a clean text, in order."""
    automaton, spellings, names = _table()
    found = []
    for index, start, end in automaton.find_matches_as_indexes(folded):
        spelling = spellings[index]
        if is_han(spelling[0]):
            if spelling in _ONLY_AT_START and start not in starts:
                continue
        elif not (begins_word(folded, start) and ends_word(folded, end)) or (
            not text[start:end][0].isupper() and not spelling[0].isdigit()
        ):
            continue
        name, is_broker = names[index]
        found.append(Quoted(name, is_broker, start, end))
    return found


def speaker(sentence: str, people: Sequence[str]) -> str | None:
    """Return who speaks in a sentence: a known person, or a name beside "analyst" or "wie"."""
    if people:
        return people[0]
    match = _SPEAKER.search(sentence) or _SPEAKER_AFTER.search(sentence)
    return match[1] if match else None
