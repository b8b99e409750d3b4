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

An English phrase that begins with a verb in -s stands for the verb's other forms too, a German one
that begins with a verb of ``[verbs]`` for those in front and at the end of a clause. What `ignore`
lists with a particle ("steig* … aus") takes the verb alone, not its other particles.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from pydantic import Field, ValidationError

from markets.errors import ConfigError, nearest_name
from markets.settings import Settings
from markets.toml import placed, read_toml
from markets.validation import explained
from signals.events.finder import GAP, Finder, Hit
from signals.events.schema import Kind
from signals.events.wording import Wording, Words

LANGUAGES = ("de", "en", "zh")
FIGURES_AND_NAMES = frozenset(
    (
        "%percent", "%money", "%company", "%person", "%broker", "%model", "%target",
        "%listed_doer", "%mover", "%because", "%denied", "%thing",
        "%stranger", "%product", "%pair", "%listed_target",
    )
)  # fmt: skip
"""What a rule may need beside concepts."""


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
    reason), ``%denied`` (somebody denies), ``%thing`` (something behind it, or a
    product), ``%product`` (a named one), ``%stranger`` (no listed company in front), ``%pair`` (one
    of ours and a stranger in one breath)."""
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
    shares: bool = False
    """True may lean on words that another event has used (two firms change places in one index)."""
    faint: bool = False
    """True is tried only in a headline that no other rule could read; the first of them holds."""


class _CueFile(Settings):
    language: str
    elsewhere: dict[str, str] = Field(default_factory=dict)
    past: dict[str, str] = Field(default_factory=dict)
    verbs: dict[str, str] = Field(default_factory=dict)
    nouns: list[str] = Field(default_factory=list)
    silent: list[str] = Field(default_factory=list)
    words: Words
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
    silent : mapping
        Language → faint rules (``kind:id``) not tried in it: its single words say too little.
    words : mapping
        Language → the small words around cues.
    """

    rules: Sequence[Rule]
    concepts: Mapping[str, Mapping[str, Sequence[str]]]
    silent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)
    _finders: dict[str, Finder] = field(default_factory=dict, repr=False, compare=False)
    _wordings: dict[str, Wording] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def default(cls, extra: Path | str | None = None) -> Lexicon:
        """Return the built-in lexicon, with a user's file on top.

        Parameters
        ----------
        extra : path, optional
            TOML with ``[de|en|zh.add]`` and ``[….remove]`` tables of concepts → cues,
            ``[….words.add]`` and ``[….words.remove]`` tables of lists → small words, and
            ``[[rule]]`` entries, which come before the built-in ones.

        Raises
        ------
        ConfigError
            If the file is missing, no TOML, or names an unknown key, kind, concept, language or
            list of words.
        """
        spelled = {code: _read_file(code) for code in LANGUAGES}
        concepts = {code: dict(_cues_of(file)) for code, file in spelled.items()}
        silent = {code: frozenset(file.silent) for code, file in spelled.items()}
        words = {code: file.words for code, file in spelled.items()}
        rules = list(_read_rules())
        if extra is not None:
            own = _own_file(Path(extra))
            own.apply(concepts)
            words = {code: own.reworded(code, lists) for code, lists in words.items()}
            rules = [*own.rule, *rules]
        lexicon = cls(tuple(rules), concepts, silent, words)
        for rule, name in lexicon.unknown_concepts():
            raise ConfigError(
                "a rule needs a concept that no language spells",
                given=name,
                where=f"{extra or 'cues/rules.toml'}: {rule.kind}:{rule.id}",
                nearest=nearest_name(name, lexicon.concept_names()),
            )
        return lexicon

    def concept_names(self) -> frozenset[str]:
        """Return the names of all concepts that some language spells."""
        return frozenset(name for concepts in self.concepts.values() for name in concepts)

    def unknown_concepts(self) -> list[tuple[Rule, str]]:
        """Return what rules need and no language spells."""
        known = self.concept_names() | FIGURES_AND_NAMES
        return [
            (rule, name)
            for rule in self.rules
            for need in (*rule.needs, *rule.without)
            for name in need.split("|")
            if name not in known
        ]

    def hits(self, folded: str, language: str, starts: frozenset[int]) -> list[Hit]:
        """Return the cues of a folded text in order; `starts` says where segments begin."""
        finder = self._finders.get(language)
        if finder is None:
            finder = self._finders[language] = Finder(
                self.concepts[language], language, self.wording(language)
            )
        return finder.find(folded, starts)

    def wording(self, language: str) -> Wording:
        """Return the patterns of a language's small words."""
        wording = self._wordings.get(language)
        if wording is None:
            wording = self._wordings[language] = Wording(self.words.get(language, Words()))
        return wording

    def vocabulary(self) -> dict[str, list[str]]:
        """Return the plain German and English words of the lexicon, which tell languages apart."""
        return {
            code: [
                cue for cues in self.concepts[code].values() for cue in cues if tells_language(cue)
            ]
            for code in ("de", "en")
        }


def tells_language(cue: str) -> bool:
    """Return True for a cue that is a plain word, long enough to tell German from English."""
    return cue.isalpha() and len(cue) > 3


def _data(name: str) -> str:
    return files("signals.events").joinpath(f"cues/{name}").read_text(encoding="utf-8")


def _read_file(language: str) -> _CueFile:
    return _CueFile.model_validate(tomllib.loads(_data(f"{language}.toml")))


def _cues_of(parsed: _CueFile) -> Mapping[str, list[str]]:
    return {
        concept: [
            *cues,
            *_said_elsewhere(cues, parsed.elsewhere),
            *(inflected(cues, parsed.past, parsed.nouns) if parsed.past else ()),
            *(conjugated(cues, parsed.verbs, parsed.words) if parsed.verbs else ()),
        ]
        for concept, cues in parsed.concepts.items()
    }


def inflected(cues: Sequence[str], past: Mapping[str, str], nouns: Sequence[str]) -> list[str]:
    """Return the other forms of the English verbs in -s that phrases begin with.

    Parameters
    ----------
    cues : sequence of str
        As written.
    past : mapping of str to str
        Verbs whose past is irregular, with it.
    nouns : sequence of str
        Words in -s that are no verbs, or mean something else without it ("stock up").

    Examples
    --------
    >>> inflected(["lifts curtain", "goes dark", "sales"], {"goes": "went"}, [])
    ['lift curtain', 'lifted curtain', 'lifting curtain', 'go dark', 'went dark', 'going dark']
    """
    forms: list[str] = []
    for cue in cues:
        verb, space, rest = cue.partition(" ")
        is_verb = verb.isalpha() and verb.endswith("s") and verb[-2:-1] not in ("s", "u")
        if space and is_verb and verb not in nouns:
            base, regular, participle = _verb_forms(verb)
            forms += [f"{form} {rest}" for form in (base, past.get(verb, regular), participle)]
    return [form for form in dict.fromkeys(forms) if form not in cues]


def conjugated(cues: Sequence[str], verbs: Mapping[str, str], words: Words) -> list[str]:
    """Return the other forms of German phrases that begin with a verb, in front and at the end.

    Parameters
    ----------
    cues : sequence of str
        As written.
    verbs : mapping of str to str
        Verbs in the third person, with infinitive, past and participle.
    words : Words
        The language's particles, and what a phrase goes on behind (`open_ends`, `stays`).

    Examples
    --------
    >>> verbs = {"nimmt": "nehmen nahm genommen", "baut": "bauen baute gebaut"}
    >>> words = Words(particles=("ab",))
    >>> forms = conjugated(["nimmt … vom markt", "baut … stellen ab"], verbs, words)
    >>> forms[0], forms[1], forms[4]
    ('nehmen … vom markt', 'nahm … vom markt', 'vom markt nehmen')
    >>> forms[-3:]
    ['stellen abgebaut', 'stellen abbaue', 'stellen abzubauen']
    """
    forms: list[str] = []
    for cue in cues:
        verb, _, rest = cue.partition(" ")
        # "steigt in" with its forms would hide every share that "stieg in Hongkong".
        if not rest or verb not in verbs or rest in words.open_ends:
            continue
        base, past, participle = verbs[verb].split()
        other = (base, past, past + ("n" if past.endswith("e") else "en"), base[:-2] + "e")
        forms += [f"{form} {rest}" for form in other]
        behind = rest.removeprefix(f"{GAP} ")
        if GAP in behind or behind.startswith(words.stays):
            continue
        before, _, last = behind.rpartition(" ")
        if rest != behind and last in words.particles:
            ends = [f"{last}{end}" for end in (verb, base, participle, other[3], f"zu{base}")]
            forms += [f"{before} {end}".strip() for end in ends]
        elif last not in words.open_ends:
            forms += [f"{behind} {end}" for end in (base, participle, verb, f"zu {base}")]
    return [form for form in dict.fromkeys(forms) if form not in cues]


def _verb_forms(verb: str) -> tuple[str, str, str]:
    """Return base form, regular past and participle of a verb in its third person."""
    if verb.endswith("ies"):
        base = verb.removesuffix("ies") + "y"
        return base, base.removesuffix("y") + "ied", base + "ing"
    is_long = verb.endswith(("shes", "ches", "xes", "sses", "zzes", "goes"))
    base = verb.removesuffix("es" if is_long else "s")
    stem = base.removesuffix("e")
    if re.fullmatch(r"[a-z]?[^aeiou][aeiou][bdgmnpt]", base):
        stem += base[-1]  # drop, dropped, dropping
    return base, stem + "ed", stem + "ing"


def _said_elsewhere(cues: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """Return cues with the word another place has for it (芯片 is 晶片 in Hong Kong)."""
    forms = [cue.replace(word, other) for cue in cues for word, other in words.items()]
    return [form for form in dict.fromkeys(forms) if form not in cues]


def _read_rules() -> Iterable[Rule]:
    return _RuleFile.model_validate(tomllib.loads(_data("rules.toml"))).rule


class _NewWords(Settings):
    add: Words = Words()
    remove: Words = Words()


class _Change(Settings):
    add: dict[str, list[str]] = Field(default_factory=dict)
    remove: dict[str, list[str]] = Field(default_factory=dict)
    words: _NewWords = _NewWords()


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

    def reworded(self, code: str, words: Words) -> Words:
        change: _Change = getattr(self, code)
        return words.changed(change.words.add, change.words.remove)


def _own_file(path: Path) -> _OwnFile:
    values, text = read_toml(path, "lexicon")
    try:
        return _OwnFile.model_validate(values)
    except ValidationError as error:
        raise explained(error, _OwnFile, lambda key: placed(path, text, key)) from None
