"""Who is quoted: brokers, wires and people, told from the companies they speak of."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from signals.events.wording import Wording
from signals.text.folding import fold
from signals.text.tokens import begins_word, ends_word, is_han

_SPEAKER = (
    r"(?:<as_says>|(?i:<experts>))[,\s]{1,3}"
    r"((?:[A-ZÄÖÜ][\w'’.-]{1,20})(?:\s[A-ZÄÖÜ][\w'’.-]{1,20}){1,2})"
)
_SPEAKER_AFTER = (
    r"(?<!\w)(?!(?i:<no_names>)\s)((?:[A-ZÄÖÜ][\w'’-]{1,20})(?:\s[A-ZÄÖÜ][\w'’-]{1,20}){1,2}),"
    r"\s(?:<before_expert>\s){0,2}(?i:<experts>)"
)
_AT_START = "^"
"""Leads a spelling that is also part of words, and so a name only where a segment begins."""


class Quoted(NamedTuple):
    """A broker or wire where it stands."""

    name: str
    is_broker: bool
    start: int
    end: int


@cache
def _table() -> tuple[AhoCorasick, tuple[str, ...], tuple[tuple[str, bool, bool], ...]]:
    raw = files("signals.events").joinpath("cues/sources.toml").read_text(encoding="utf-8")
    parsed: dict[str, dict[str, list[str]]] = tomllib.loads(raw)
    spellings: dict[str, tuple[str, bool, bool]] = {}
    for group, names in parsed.items():
        for name, ways in names.items():
            for way in ways:
                spelling = fold(way.removeprefix(_AT_START))
                opens = way.startswith(_AT_START)
                spellings.setdefault(spelling, (name, group == "brokers", opens))
    automaton = AhoCorasick(list(spellings), matchkind=MatchKind.LeftmostLongest)
    return automaton, tuple(spellings), tuple(spellings.values())


def quoted(text: str, folded: str, starts: frozenset[int]) -> list[Quoted]:
    """Return the brokers and wires named in a clean text, in order."""
    automaton, spellings, names = _table()
    found = []
    for index, start, end in automaton.find_matches_as_indexes(folded):
        spelling = spellings[index]
        name, is_broker, opens = names[index]
        if is_han(spelling[0]):
            if opens and start not in starts:
                continue
        elif not (begins_word(folded, start) and ends_word(folded, end)) or (
            not text[start:end][0].isupper() and not spelling[0].isdigit()
        ):
            continue
        found.append(Quoted(name, is_broker, start, end))
    return found


def speaker(sentence: str, people: Sequence[str], wording: Wording) -> str | None:
    """Return who speaks in a sentence: a known person, or a name beside "analyst" or "wie"."""
    if people:
        return people[0]
    match = wording[_SPEAKER].search(sentence) or wording[_SPEAKER_AFTER].search(sentence)
    return match[1] if match else None
