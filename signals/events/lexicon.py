"""The reader's words, as data: concepts in three languages, and the rules that make events of them.

A *concept* is a set of words that mean the same for a reader of financial news (``share``, ``up``,
``probe``); `cues/de.toml`, `cues/en.toml` and `cues/zh.toml` spell every concept in their language.
A *rule* (`cues/rules.toml`) says which concepts, near each other, make an event of which kind.
Rules know no language, so that the three read alike.

How a cue is written::

    rückkauf          this word
    steig*            words that begin so          *gewinn*    words that contain it
    legt* … zu        both parts, in this order, in one segment
    ^传               only where a segment begins
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind
from pydantic import Field, ValidationError

from markets.errors import ConfigError, nearest_name
from markets.settings import Settings
from signals.events.schema import Kind
from signals.text.folding import fold
from signals.text.tokens import begins_word, ends_word, is_word_character, word_span

LANGUAGES = ("de", "en", "zh")
GAP = "…"
TELLING = frozenset(
    (
        "neg", "deny", "hedge", "rumour", "reported", "opinion", "speech", "background",
        "background_not", "future", "past", "backref", "contrast", "cause",
    )
)  # fmt: skip
_REACH = {"de": 110, "en": 90, "zh": 30}
_SEPARABLE = frozenset(
    [
        "zu",
        "ab",
        "an",
        "auf",
        "aus",
        "ein",
        "nach",
        "zurück",
        "vor",
        "hoch",
        "herab",
        "hinauf",
        "herauf",
        "heraus",
        "bei",
        "nieder",
        "fort",
        "weg",
        "um",
    ]
)
_GAP_REACH = 60
# Two cues for one word both hold ("verlässt": leaves, is excluded) unless one says far more of it.
_EQUAL = 0.8
_AFTER_PARTICLE = re.compile(
    r"\s*(?:$|[.,;:!?)\"'-]|(?:und|oder|nach|wegen|auf|weil|da|mit|bei|aus|im|in|trotz|dank|vor|für|als|am|durch"
    r"|nachdem|obwohl|während|gegen|um|seit|bis|von|wie|ohne|über|unter|angesichts|infolge|gegenüber)(?!\w))"
)


class Hit(NamedTuple):
    """A cue found: its concept, its span in the folded text, and the weight of its own letters."""

    start: int
    end: int
    concept: str
    cue: str
    weight: int
    tail_end: int


@dataclass(frozen=True, slots=True)
class Cue:
    """One spelled cue."""

    concept: str
    text: str
    head: str
    open_left: bool
    open_right: bool
    anchored: bool
    tail: re.Pattern[str] | None
    is_particle: bool
    is_adjacent: bool = False


class Rule(Settings):
    """What makes an event: concepts near each other."""

    id: str
    """Name within the kind."""
    kind: Kind
    """One of the 20 kinds."""
    needs: tuple[str, ...] = Field(min_length=1)
    """Concepts, all needed; ``a|b`` means either. The first is the anchor: it says where the event
    stands. Figures and names: ``%percent``, ``%money``, ``%company``, ``%person``, ``%broker``,
    ``%model`` (a word with a number), ``%target`` (a second company), ``%listed_doer`` (a listed
    one in front), ``%mover`` (a company right in front), ``%because`` (the clause ends or gives a
    reason), ``%denied`` (somebody denies)."""
    without: tuple[str, ...] = ()
    """Concepts that must not stand in the same segment."""
    subtype: str | None = None
    """A finer name."""
    polarity: float = Field(default=0.0, ge=-1, le=1)
    """For the holders of the company it is about."""
    object_polarity: float | None = Field(default=None, ge=-1, le=1)
    """For the company on the other side (`who` = opposed)."""
    who: str = Field(default="subject", pattern="^(subject|object|any|both|opposed)$")
    """Which company of the clause it is about."""
    reaction: bool = False
    """True where it reports a move that already happened."""
    opinion: bool = False
    """True where it is somebody's view."""
    takes_money: bool = True
    """False where sums beside it are no amount of this event (shelf prices, share prices)."""
    near: int = 0
    """Characters the concepts may lie apart; 0 for the language's usual reach."""
    weak: bool = False
    """True gives way to any other event of its segment."""


class _CueFile(Settings):
    language: str
    concepts: dict[str, list[str]]


class _RuleFile(Settings):
    rule: list[Rule]


@dataclass(frozen=True)
class Lexicon:
    """Concepts and rules of the languages that are read.

    Parameters
    ----------
    rules : sequence of Rule
        In order of precedence: the first to use a cue keeps it.
    concepts : mapping
        Language → concept → cues as written.
    """

    rules: Sequence[Rule]
    concepts: Mapping[str, Mapping[str, Sequence[str]]]
    _finders: dict[str, _Finder] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def default(cls, extra: Path | str | None = None) -> Lexicon:
        """Return the built-in lexicon, with a user's file on top.

        Parameters
        ----------
        extra : path, optional
            TOML with ``[de|en|zh.add]`` and ``[….remove]`` tables of concepts → cues, and
            ``[[rule]]`` entries, which come before the built-in ones.

        Raises
        ------
        ConfigError
            If the file is missing, no TOML, or names an unknown key, kind, concept or language.
        """
        concepts = {code: dict(_read_cues(code)) for code in LANGUAGES}
        rules = list(_read_rules())
        if extra is not None:
            own = _own_file(Path(extra))
            own.apply(concepts)
            rules = [*own.rule, *rules]
        lexicon = cls(tuple(rules), concepts)
        unknown = [p for p in problems(lexicon) if p.kind == "unknown concept"]
        if unknown:
            raise ConfigError(
                unknown[0].text, where=str(extra or "cues/rules.toml"), nearest=unknown[0].nearest
            )
        return lexicon

    def hits(self, folded: str, language: str, starts: frozenset[int]) -> list[Hit]:
        """Return the cues of a folded text in order; `starts` says where segments begin."""
        finder = self._finders.get(language)
        if finder is None:
            finder = self._finders[language] = _Finder(self.concepts[language], language)
        return finder.find(folded, starts)

    def vocabulary(self) -> dict[str, list[str]]:
        """Return the plain German and English words of the lexicon, which tell languages apart."""
        return {
            code: [
                cue
                for cues in self.concepts[code].values()
                for cue in cues
                if cue.isalpha() and len(cue) > 3
            ]
            for code in ("de", "en")
        }


class _Finder:
    """All cues of one language in one automaton."""

    def __init__(self, concepts: Mapping[str, Sequence[str]], language: str) -> None:
        by_head: dict[str, list[Cue]] = {}
        for concept, cues in concepts.items():
            for text in cues:
                cue = parse_cue(concept, text)
                by_head.setdefault(cue.head, []).append(cue)
        self._cues = list(by_head.values())
        self._automaton = AhoCorasick(list(by_head), matchkind=MatchKind.Standard)
        self._reach = _REACH[language]

    def find(self, folded: str, starts: frozenset[int]) -> list[Hit]:
        found: list[Hit] = []
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            for cue in self._cues[index]:
                hit = self._hit(cue, folded, start, end, starts)
                if hit is not None:
                    found.append(hit)
        return _longest(found)

    def _hit(
        self, cue: Cue, folded: str, start: int, end: int, starts: frozenset[int]
    ) -> Hit | None:
        if not cue.open_left and not begins_word(folded, start):
            return None
        if not cue.open_right and not ends_word(folded, end):
            return None
        if cue.anchored and start not in starts:
            return None
        weight = end - start
        if cue.open_left or cue.open_right:
            left, right = word_span(folded, start, end)
            start, end = (left if cue.open_left else start), (right if cue.open_right else end)
        tail_end = end
        if cue.tail is not None:
            tail = self._tail(cue, folded, end)
            if tail is None:
                return None
            tail_end = tail
        return Hit(start, end, cue.concept, cue.text, weight, tail_end)

    def _tail(self, cue: Cue, folded: str, end: int) -> int | None:
        stop = _segment_end(folded, end, min(len(folded), end + self._reach))
        if cue.tail is None:
            return None
        if cue.is_adjacent:
            match = cue.tail.match(folded[end:stop])
            return end + match.end() if match else None
        for match in cue.tail.finditer(folded, end, stop):
            if not cue.is_particle or _AFTER_PARTICLE.match(folded, match.end(), stop):
                return match.end()
        return None


_SEGMENT_STOP = re.compile(r"[。！？；;，\n]|[,:：.!?](?=\s)")


def _segment_end(folded: str, start: int, limit: int) -> int:
    stop = _SEGMENT_STOP.search(folded, start, limit)
    return stop.start() if stop else limit


def parse_cue(concept: str, text: str) -> Cue:
    """Return a cue as matched from how it is written.

    Examples
    --------
    >>> cue = parse_cue("up", "legt* … zu")
    >>> cue.head, cue.open_right, cue.is_particle
    ('legt', True, True)
    """
    parts = [part.strip() for part in fold(text).split(GAP)]
    head, tails = parts[0], parts[1:]
    anchored = head.startswith("^")
    head = head.removeprefix("^")
    adjacent = ""
    if "* " in head:  # "trenn* sich von": the inflected word first, the rest right behind it
        head, _, adjacent = head.partition("* ")
        head += "*"
    open_left, open_right = head.startswith("*"), head.endswith("*")
    pattern = None
    if adjacent or tails:
        patterns = [_bounded_pattern(part) for part in tails]
        if adjacent:
            patterns.insert(0, r"\A\s" + re.escape(adjacent).replace(r"\ ", r"\s"))
        pattern = re.compile(f"[^。！？;；]{{0,{_GAP_REACH}}}?".join(patterns))
    tail = tails[0] if len(tails) == 1 and not adjacent else ""
    return Cue(
        concept, text, head.strip("*"), open_left, open_right, anchored, pattern,
        tail in _SEPARABLE, bool(adjacent),
    )  # fmt: skip


def _longest(found: list[Hit]) -> list[Hit]:
    """Drop every hit that lies within a longer cue, and of equal spans all but the heaviest.

    What an event is and how it is told are judged apart: "veröffentlichte" is a launch and a past.
    """
    shields = [hit for hit in found if hit.concept == "ignore"]
    tellings = [hit for hit in found if hit.concept in TELLING]
    contents = [hit for hit in found if hit.concept not in TELLING]
    kept = _outermost(contents) + _outermost(tellings + shields)
    return sorted(kept, key=lambda hit: (hit.start, hit.end))


def _bounded_pattern(part: str) -> str:
    left = "" if part.startswith("*") or not is_word_character(part[0]) else r"(?<!\w)"
    right = "" if part.endswith("*") or not is_word_character(part[-1]) else r"(?!\w)"
    return left + re.escape(part.strip("*")) + right


def _outermost(found: list[Hit]) -> list[Hit]:
    found.sort(key=lambda hit: (hit.start, -hit.end, -hit.weight))
    kept: list[Hit] = []
    for hit in found:
        for other in reversed(kept):
            if other.end < hit.start - 80:
                break
            within = other.start <= hit.start and hit.end <= other.end
            same = within and (other.start, other.end) == (hit.start, hit.end)
            if same and (hit.tail_end > hit.end or other.tail_end > other.end):
                continue  # a verb and its particle say one thing, the verb alone another
            if within and hit.weight < (_EQUAL * other.weight if same else other.weight):
                break
        else:
            kept.append(hit)
            continue
        if other.end < hit.start - 80:
            kept.append(hit)
    return kept


def _data(name: str) -> str:
    return files("signals.events").joinpath(f"cues/{name}").read_text(encoding="utf-8")


def _read_cues(language: str) -> Mapping[str, list[str]]:
    parsed = _CueFile.model_validate(tomllib.loads(_data(f"{language}.toml")))
    return parsed.concepts


def _read_rules() -> Iterable[Rule]:
    return _RuleFile.model_validate(tomllib.loads(_data("rules.toml"))).rule


class _Change(Settings):
    add: dict[str, list[str]] = Field(default_factory=dict)
    remove: dict[str, list[str]] = Field(default_factory=dict)


class _OwnFile(Settings):
    de: _Change = _Change()
    en: _Change = _Change()
    zh: _Change = _Change()
    rule: list[Rule] = Field(default_factory=list)

    def apply(self, concepts: dict[str, dict[str, list[str]]]) -> None:
        for code in LANGUAGES:
            change: _Change = getattr(self, code)
            for concept, cues in change.add.items():
                concepts[code][concept] = [*concepts[code].get(concept, []), *cues]
            for concept, cues in change.remove.items():
                kept = [cue for cue in concepts[code].get(concept, []) if cue not in cues]
                concepts[code][concept] = kept


def _own_file(path: Path) -> _OwnFile:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return _OwnFile.model_validate(raw)
    except FileNotFoundError as error:
        raise ConfigError("no such lexicon file", given=path, where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("the lexicon file is no TOML", given=error, where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            "the lexicon file does not fit its schema",
            given=first.get("input"),
            wanted=first["msg"],
            where=f"{path}: {key}",
        ) from error


@dataclass(frozen=True, slots=True)
class Problem:
    """What the linter found.

    Attributes
    ----------
    kind : str
        ``duplicate`` | ``unreachable`` | ``no twin`` | ``unknown concept`` | ``unused concept``.
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
    found += _twin_problems(lexicon)
    return found + _rule_problems(lexicon)


def _cue_problems(code: str, concept: str, cues: Sequence[str]) -> list[Problem]:
    found = []
    seen: set[str] = set()
    for cue in cues:
        folded = fold(cue)
        if folded in seen:
            found.append(Problem("duplicate", f"{code}: {concept}: {cue!r} stands twice"))
        seen.add(folded)
        parsed = parse_cue(concept, cue)
        if not parsed.head or any(character.isspace() for character in (cue[:1], cue[-1:])):
            found.append(Problem("unreachable", f"{code}: {concept}: {cue!r} has no letters"))
    plain = [parse_cue(concept, cue) for cue in cues]
    prefixes = {c.head for c in plain if c.open_right and not c.open_left and c.tail is None}
    for cue_parsed in plain:
        if cue_parsed.tail is None and not cue_parsed.open_left and not cue_parsed.anchored:
            shorter = next(
                (p for p in prefixes if cue_parsed.head != p and cue_parsed.head.startswith(p)),
                None,
            )
            if shorter is not None and " " not in cue_parsed.head:
                text = f"{code}: {concept}: {cue_parsed.text!r} is covered by {shorter + '*'!r}"
                found.append(Problem("unreachable", text, is_error=False))
    return found


def _twin_problems(lexicon: Lexicon) -> list[Problem]:
    names = {name for concepts in lexicon.concepts.values() for name in concepts}
    return [
        Problem("no twin", f"{code}: no cue for {name!r}, which other languages have")
        for name in sorted(names)
        for code in lexicon.concepts
        if not lexicon.concepts[code].get(name)
    ]


def _rule_problems(lexicon: Lexicon) -> list[Problem]:
    names = {name for concepts in lexicon.concepts.values() for name in concepts}
    found: list[Problem] = []
    seen: set[str] = set()
    for rule in lexicon.rules:
        key = f"{rule.kind}:{rule.id}"
        if key in seen:
            found.append(Problem("duplicate", f"rules: {key} stands twice"))
        seen.add(key)
        for need in (*rule.needs, *rule.without):
            for name in need.split("|"):
                if not name.startswith("%") and name not in names:
                    text = f"rules: {key} needs the concept {name!r}, which no language spells"
                    nearest = nearest_name(name, names)
                    found.append(Problem("unknown concept", text, nearest=nearest))
    return found
