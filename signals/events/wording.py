"""The small words around cues, as data, and the patterns that are made of them.

What a sentence's grammar asks for (a preposition in front of a firm, a modal in front of a verb) is
a pattern whose words stand in the ``[words]`` table of a language's file: ``<place>`` in a pattern
is any word of the list ``place``. A list of another language, or another wording, is data.

How a word is written::

    nach              this word, and no longer one
    *gericht*         within a word; a star at one end opens that end
    …                 up to three words between two others
    * shares          any word by itself
    nach # jahr*      any number

A phrase that opens a clause or a reason counts as its first word; the rest must stand behind it.
Lists that are compared with whole words, or with how words end, hold plain words alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from markets.settings import Settings
from signals.text.folding import fold
from signals.text.tokens import is_word_character, words_alone

_PART = r"\*?[^\s*#…]+\*?"
_PHRASE = re.compile(rf"(?:[*#] )*{_PART}(?: (?:[*#…]|{_PART}))*")
_WORD = re.compile(r"[^\s*#…]+")


def _phrase(text: str) -> str:
    if not _PHRASE.fullmatch(text):
        raise ValueError('a word or phrase with single spaces, as in "nach", "*gericht*", "auf *"')
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("a word without spaces, stars and the like")
    return text


_Phrases = tuple[Annotated[str, AfterValidator(_phrase)], ...]
_Words = tuple[Annotated[str, AfterValidator(_word)], ...]
_Letters = tuple[Annotated[str, StringConstraints(min_length=1, max_length=1)], ...]
_PLACEHOLDER = re.compile(r"<(!?)([a-z_]+)>")
_LETTER = "[0-9A-Za-zÀ-ɏ_]"  # of scripts that write spaces: a Han character is a boundary
_PARTS = {"…": r"(?:\S+\s){0,3}?", "*": r"\S+", "#": r"\d+"}
_BARRED = "_not"
"""A list of this ending bars the words of another, where they stand in its phrases."""


class Words(Settings):
    """The word lists of a language; one that it has no words for is empty."""

    particles: _Words = ()
    """Second parts of separable verbs (legt … *zu*)."""
    after_particle: _Phrases = ()
    """Words that may follow such a part, which ends its clause."""
    closers: _Phrases = ()
    """Parts that end a verb before "und" ("stuft A *ab* und B hoch")."""
    move_particles: _Phrases = ()
    """Parts that end the verb of a move."""
    open_ends: _Words = ()
    """Words behind which a phrase goes on: it has no end to put its verb at."""
    stays: _Words = ()
    """Words that a phrase begins with whose verb stays in front."""
    clause: _Phrases = ()
    """Words that open a clause of its own: contrasts, reasons, times."""
    clause_not: _Phrases = ()
    """Phrases of these words that open none ("as well as")."""
    abbreviations: _Words = ()
    """Words whose period ends no clause."""

    both: _Phrases = ()
    """"And" between two firms."""
    either: _Phrases = ()
    """"Or" between two firms."""
    along: _Phrases = ()
    """What else goes on with a list of firms."""
    articles: _Phrases = ()
    """The articles that may stand before a firm."""
    articles_at: _Phrases = ()
    """Those of them that follow a preposition of place or origin."""
    possessive: _Phrases = ()
    """Signs between an owner and a thing, besides the apostrophe."""
    former: _Phrases = ()
    """In front of a firm that somebody came from."""
    hires: _Phrases = ()
    """Verbs that may stand before `former` with no space."""
    posts: _Phrases = ()
    """What somebody was at a firm, behind `former`."""
    units: _Phrases = ()
    """Parts of a firm's name that may stand before `former`."""
    themes: _Phrases = ()
    """Shares that are only named after a firm."""
    beside: _Phrases = ()
    """What makes a firm the yardstick of the next one ("Tesla *rival* XPeng")."""
    of_another: _Phrases = ()
    """Somebody else who is named by a firm, behind a hyphen ("Tencent-*Zulieferer*")."""

    place: _Phrases = ()
    """Prepositions of the place where something happens."""
    shop: _Phrases = ()
    """Prepositions of the place where something is sold."""
    aimed_at: _Phrases = ()
    """Prepositions between a noun and the firm it is aimed at ("probe *into* Meituan")."""
    against: _Phrases = ()
    """Prepositions in front of the other party of a case."""
    origin: _Phrases = ()
    """Prepositions in front of whom something is bought from."""
    by: _Phrases = ()
    """Prepositions in front of who acts, behind what is acted on."""
    done_by: _Phrases = ()
    """Prepositions in front of who acts, right behind the deed."""
    beside_verb: _Phrases = ()
    """Prepositions in front of whom something is done with, for or against."""
    of: _Phrases = ()
    """Prepositions between a thing and its owner."""
    of_whom: _Phrases = ()
    """Prepositions between a figure or a share and its firm."""
    agents: _Phrases = ()
    """Signs right before who acts on the one before ("甲*被*乙收购")."""
    passive: _Phrases = ()
    """Words that make a clause passive."""
    held: _Phrases = ()
    """What is held of a firm, behind its name ("Tencent-*Aktien*")."""
    held_in: _Phrases = ()
    """Signs right before a firm that somebody has a share in."""
    mover_gap: _Phrases = ()
    """Words between a firm and the verb that moves it."""
    share_begins: _Phrases = ()
    """How words for a share begin: no other thing of a firm."""
    share_ends: _Words = ()
    """How words for a share end."""
    between: _Phrases = ()
    """Small words between a verb and its doer behind it."""
    that: _Phrases = ()
    """Words that introduce what somebody says."""
    pronouns: _Phrases = ()
    """Words that stand for the firm named before."""
    accuses: _Phrases = ()
    """Verbs of who says something of another."""
    measured_by: _Phrases = ()
    """Verbs in front of whom a firm is measured by."""
    toward: _Phrases = ()
    """Words in front of whom a wrong is done to."""
    plaintiffs: _Phrases = ()
    """Who sues without a name."""
    court: _Phrases = ()
    """Who decides a case."""

    again: _Phrases = ()
    """Adverbs between a move and its reason."""
    reason: _Phrases = ()
    """Words that open the reason or the place of a move."""
    reason_not: _Phrases = ()
    """Phrases of these words that open none ("*nach* 3 *Jahren*")."""
    modals: _Phrases = ()
    """Words that only foresee what their verb says."""
    modal_fillers: _Phrases = ()
    """Words between a modal and its verb."""
    heads_to: _Phrases = ()
    """Phrases that foresee a move as a goal ("shares head *to* fall")."""
    asks: _Phrases = ()
    """Words that open a question about a move."""
    foresees: _Phrases = ()
    """Verbs of who foresees something."""
    gerunds: _Phrases = ()
    """How the verb behind these ends."""
    past_verbs: _Phrases = ()
    """How verbs end that no modal can govern."""
    infinitives: _Phrases = ()
    """How verbs end that a modal governs, at the end of a clause."""
    scales: _Phrases = ()
    """Words that make a number large, where shares are counted."""

    fillers: _Words = ()
    """Small words beside a figure whose verb was said before."""
    numerals: _Words = ()
    """Figures in words."""
    about: _Phrases = ()
    """Words between a firm and its figure."""
    joins: _Words = ()
    """What joins two firms with a figure each, and one verb."""
    more: _Words = ()
    """Words that repeat a rise."""
    less: _Words = ()
    """Words that repeat a fall."""
    contrasting: _Words = ()
    """Words beside these."""
    few: _Phrases = ()
    """Words that make a count in a list a low one."""
    as_says: _Phrases = ()
    """Words in front of who is quoted."""
    experts: _Phrases = ()
    """Who is quoted by calling, beside a name."""
    before_expert: _Phrases = ()
    """Words between a name and its calling."""
    no_names: _Phrases = ()
    """Words with a capital that begin no name."""
    answers: _Phrases = ()
    """Verbs of who answers what is named behind them."""
    plain: _Letters = ()
    """Letters of dates, counts and grammar: no part of an unknown name."""
    sectors: _Phrases = ()
    """Shares of many firms at once."""
    sectors_not: _Phrases = ()
    """Phrases of these words that are no sector."""

    def changed(self, add: Words, remove: Words) -> Words:
        """Return the lists with words added and removed."""
        lists = (
            (name, [word for word in (*own, *getattr(add, name)) if word not in less])
            for name, own in self
            if (less := getattr(remove, name)) or getattr(add, name)
        )
        return self.model_copy(update={name: tuple(words) for name, words in lists})


class Wording(dict[str, re.Pattern[str]]):
    """Patterns of a language, each compiled when first asked for: ``wording["<place> $"]``.

    Parameters
    ----------
    words : Words
        The lists that ``<name>`` stands for; ``<!name>`` is a place right behind none of the words.
    """

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.words = words
        self._sets: dict[str, frozenset[str]] = {}

    def __missing__(self, skeleton: str) -> re.Pattern[str]:
        pattern = re.compile(_PLACEHOLDER.sub(self._spelled, skeleton))
        self[skeleton] = pattern
        return pattern

    def of(self, name: str) -> frozenset[str]:
        """Return the words of a list."""
        if name not in self._sets:
            self._sets[name] = frozenset(map(fold, getattr(self.words, name)))
        return self._sets[name]

    def _spelled(self, placeholder: re.Match[str]) -> str:
        is_barred, name = placeholder.groups()
        words = [fold(word) for word in getattr(self.words, name)]
        if is_barred:
            return "".join(map(_not_behind, words))
        longer = [fold(word) for word in getattr(self.words, name + _BARRED, ())]
        opens = hasattr(self.words, name + _BARRED)
        spelled = [_opener(word, longer) if opens else _bounded(word) for word in words]
        # What may stand before a word is looked at only where its first letter is one.
        whole = [pattern for pattern in spelled if is_word_character(pattern[0])]
        rest = [pattern for pattern in spelled if not is_word_character(pattern[0])]
        either = "|".join([*([words_alone(whole, letter=_LETTER)] if whole else []), *rest])
        return f"(?:{either or '(?!)'})"


def _escaped(phrase: str) -> str:
    """Return the pattern of a phrase, whatever stands around it."""
    pattern = ""
    for place, part in enumerate(phrase.split(" ")):
        space = r"\s" if place and not pattern.endswith(_PARTS["…"]) else ""
        body = re.escape(part.strip("*"))
        left, right = (r"\w*" if star else "" for star in (part[:1] == "*", part[-1:] == "*"))
        pattern += space + _PARTS.get(part, left + body + right)
    return pattern


def _bounded(phrase: str) -> str:
    """Return the pattern of a phrase that its last word ends with."""
    return _escaped(phrase) + (f"(?!{_LETTER})" if is_word_character(phrase[-1]) else "")


def _opener(phrase: str, longer: Iterable[str]) -> str:
    """Return the first word of a phrase, where the rest follows and no longer one has it."""
    word, space, rest = phrase.partition(" ")
    pattern = _bounded(word) + (f"(?={_bounded(space + rest)})" if rest else "")
    for other in longer:
        if other.startswith(word):
            pattern += f"(?!{_bounded(other.removeprefix(word))})"
        elif other.endswith(word):
            pattern += _not_behind(other)
    return pattern


def _not_behind(phrase: str) -> str:
    """Return a pattern of places that a phrase, by its letters alone, does not end at."""
    letters = re.escape(phrase.replace("*", "").strip()).replace(r"\ ", r"\s")
    return f"(?<!{letters})"
