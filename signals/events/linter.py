"""What is wrong with a lexicon: the checks behind ``newswake lexicon check``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markets.errors import nearest_name
from signals.events.finder import TELLING, Cue, parse_cue
from signals.events.lexicon import Lexicon, tells_language
from signals.text.folding import fold

USED_BY_NAME = frozenset({"ignore", "ends", "resolved", "soft", "own_unit"})
"""Concepts that the reader asks for by name: they hide a cue, turn it or make it mild."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What the linter found.

    Attributes
    ----------
    kind : str
        ``duplicate`` | ``unreachable`` | ``no twin`` | ``unknown concept`` | ``unknown rule`` |
        ``unused concept``.
    text : str
        The sentence to show.
    is_error : bool
        False for a hint.
    nearest : str or None
        The right name nearest to a wrong one.
    """

    kind: str
    text: str
    is_error: bool = True
    nearest: str | None = None


def problems(lexicon: Lexicon) -> list[Problem]:
    """Return what is wrong with a lexicon: duplicates, unreachable cues, concepts without twins.

    Examples
    --------
    >>> [problem.text for problem in problems(Lexicon.default()) if problem.is_error]
    []
    """
    found: list[Problem] = []
    for code, concepts in lexicon.concepts.items():
        for concept, cues in concepts.items():
            found += _cue_problems(code, concept, cues)
        found += _covered(code, concepts)
    for code, lists in lexicon.words.items():
        for name, words in lists:
            found += _twice(f"{code}: words: {name}", words)
    found += _twin_problems(lexicon)
    return found + _rule_problems(lexicon)


def _cue_problems(code: str, concept: str, cues: Sequence[str]) -> list[Problem]:
    found = _twice(f"{code}: {concept}", cues)
    for cue in cues:
        parsed = parse_cue(concept, cue)
        if not parsed.head or cue != cue.strip() or "*" in parsed.head:
            found.append(Problem("unreachable", f"{code}: {concept}: {cue!r} can match nothing"))
    return found


def _twice(where: str, words: Sequence[str]) -> list[Problem]:
    found = []
    seen: set[str] = set()
    for word in words:
        folded = fold(word)
        if folded in seen:
            found.append(Problem("duplicate", f"{where}: {word!r} stands twice"))
        seen.add(folded)
    return found


def _covered(code: str, concepts: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Find words that a shorter cue of their concept covers, and that settle nothing.

    A longer cue of the same concept weighs more ("wachstum" beside "wachs*"), and so keeps the
    word for its concept where cues of another one match it too; then it is needed. A plain word
    is needed as well: it tells the language.
    """
    parsed = [parse_cue(name, cue) for name, cues in concepts.items() for cue in cues]
    found = []
    for cue in parsed:
        if cue.tail is not None or cue.open_left or cue.anchored or " " in cue.head:
            continue
        if tells_language(cue.text):
            continue
        covering = [p for p in parsed if p.concept == cue.concept and _covers(p, cue)]
        if covering and not any(_competes(other, cue) for other in parsed):
            text = f"{code}: {cue.concept}: {cue.text!r} is covered by {covering[0].text!r}"
            found.append(Problem("unreachable", text, is_error=False))
    return found


def _covers(prefix: Cue, cue: Cue) -> bool:
    return (
        prefix.open_right
        and not (prefix.open_left or prefix.anchored)
        and prefix.tail is None
        and prefix.head != cue.head
        and cue.head.startswith(prefix.head)
    )


def _competes(other: Cue, cue: Cue) -> bool:
    """Tell whether a cue of another concept may stand on a word that this one matches."""
    if other.concept == cue.concept or (
        "ignore" not in (other.concept, cue.concept)
        and (other.concept in TELLING) != (cue.concept in TELLING)
    ):
        return False
    words = [word for word in other.head.split() if len(word) > 1]
    return any(word in cue.head or word.startswith(cue.head) for word in words)


def _twin_problems(lexicon: Lexicon) -> list[Problem]:
    names = {name for concepts in lexicon.concepts.values() for name in concepts}
    return [
        Problem("no twin", f"{code}: no cue for {name!r}, which other languages have")
        for name in sorted(names)
        for code in lexicon.concepts
        if not lexicon.concepts[code].get(name)
    ]


def _rule_problems(lexicon: Lexicon) -> list[Problem]:
    found: list[Problem] = []
    seen: set[str] = set()
    for rule in lexicon.rules:
        key = f"{rule.kind}:{rule.id}"
        if key in seen:
            found.append(Problem("duplicate", f"rules: {key} stands twice"))
        seen.add(key)
    for rule, name in lexicon.unknown_concepts():
        text = f"rules: {rule.kind}:{rule.id} needs {name!r}, which no language spells"
        nearest = nearest_name(name, lexicon.concept_names())
        found.append(Problem("unknown concept", text, nearest=nearest))
    for code, names in lexicon.silent.items():
        known = {f"{rule.kind}:{rule.id}" for rule in lexicon.rules if rule.faint}
        for name in sorted(names - known):
            text = f"{code}: {name!r} is silent and no faint rule"
            found.append(Problem("unknown rule", text, nearest=nearest_name(name, known)))
    return found + _unused(lexicon)


def _unused(lexicon: Lexicon) -> list[Problem]:
    needed = {
        name for rule in lexicon.rules for need in (*rule.needs, *rule.without)
        for name in need.split("|")
    }  # fmt: skip
    idle = lexicon.concept_names() - needed - TELLING - USED_BY_NAME
    return [
        Problem("unused concept", f"no rule needs {name!r}", is_error=False)
        for name in sorted(idle)
    ]
