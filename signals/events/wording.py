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
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from markets.settings import Settings
from signals.text.folding import fold
from signals.text.tokens import is_word_character, words_alone

_PART = r"\*?[^\s*#…]+\*?"
_PHRASE = re.compile(rf"(?:[*#] )*{_PART}(?: (?:[*#…]|{_PART}))*")


def _phrase(text: str) -> str:
    if not _PHRASE.fullmatch(text):
        raise ValueError('a word or phrase with single spaces, as in "nach", "*gericht*", "auf *"')
    return text


_List = tuple[Annotated[str, AfterValidator(_phrase)], ...]
_PLACEHOLDER = re.compile(r"<(!?)([a-z_]+)>")
_LETTER = "[0-9A-Za-zÀ-ɏ_]"  # of scripts that write spaces: a Han character is a boundary
_PARTS = {"…": r"(?:\S+\s){0,3}?", "*": r"\S+", "#": r"\d+"}
_BARRED = "_not"
"""A list of this ending bars the words of another, where they stand in its phrases."""


class Words(Settings):
    """The word lists of a language; one that it has no words for is empty."""

    particles: _List = ()
    """Second parts of separable verbs (legt … *zu*)."""
    after_particle: _List = ()
    """Words that may follow such a part, which ends its clause."""
    closers: _List = ()
    """Parts that end a verb before "und" ("stuft A *ab* und B hoch")."""
    move_particles: _List = ()
    """Parts that end the verb of a move."""
    open_ends: _List = ()
    """Words behind which a phrase goes on: it has no end to put its verb at."""
    stays: _List = ()
    """Words that a phrase begins with whose verb stays in front."""
    clause: _List = ()
    """Words that open a clause of its own: contrasts, reasons, times."""
    clause_not: _List = ()
    """Phrases of these words that open none ("as well as")."""
    abbreviations: _List = ()
    """Words whose period ends no clause."""

    both: _List = ()
    """"And" between two firms."""
    either: _List = ()
    """"Or" between two firms."""
    along: _List = ()
    """What else goes on with a list of firms."""
    articles: _List = ()
    """The articles that may stand before a firm."""
    articles_at: _List = ()
    """Those of them that follow a preposition of place or origin."""
    possessive: _List = ()
    """Signs between an owner and a thing, besides the apostrophe."""
    former: _List = ()
    """In front of a firm that somebody came from."""
    hires: _List = ()
    """Verbs that may stand before `former` with no space."""
    posts: _List = ()
    """What somebody was at a firm, behind `former`."""
    units: _List = ()
    """Parts of a firm's name that may stand before `former`."""
    themes: _List = ()
    """Shares that are only named after a firm."""
    beside: _List = ()
    """What makes a firm the yardstick of the next one ("Tesla *rival* XPeng")."""
    of_another: _List = ()
    """Somebody else who is named by a firm, behind a hyphen ("Tencent-*Zulieferer*")."""

    place: _List = ()
    """Prepositions of the place where something happens."""
    shop: _List = ()
    """Prepositions of the place where something is sold."""
    aimed_at: _List = ()
    """Prepositions between a noun and the firm it is aimed at ("probe *into* Meituan")."""
    against: _List = ()
    """Prepositions in front of the other party of a case."""
    origin: _List = ()
    """Prepositions in front of whom something is bought from."""
    by: _List = ()
    """Prepositions in front of who acts, behind what is acted on."""
    done_by: _List = ()
    """Prepositions in front of who acts, right behind the deed."""
    beside_verb: _List = ()
    """Prepositions in front of whom something is done with, for or against."""
    of: _List = ()
    """Prepositions between a thing and its owner."""
    of_whom: _List = ()
    """Prepositions between a figure or a share and its firm."""
    agents: _List = ()
    """Signs right before who acts on the one before ("甲*被*乙收购")."""
    passive: _List = ()
    """Words that make a clause passive."""
    held: _List = ()
    """What is held of a firm, behind its name ("Tencent-*Aktien*")."""
    held_in: _List = ()
    """Signs right before a firm that somebody has a share in."""
    mover_gap: _List = ()
    """Words between a firm and the verb that moves it."""
    share_begins: _List = ()
    """How words for a share begin: no other thing of a firm."""
    share_ends: _List = ()
    """How words for a share end."""
    between: _List = ()
    """Small words between a verb and its doer behind it."""
    that: _List = ()
    """Words that introduce what somebody says."""
    pronouns: _List = ()
    """Words that stand for the firm named before."""
    accuses: _List = ()
    """Verbs of who says something of another."""
    measured_by: _List = ()
    """Verbs in front of whom a firm is measured by."""
    toward: _List = ()
    """Words in front of whom a wrong is done to."""
    plaintiffs: _List = ()
    """Who sues without a name."""
    court: _List = ()
    """Who decides a case."""

    again: _List = ()
    """Adverbs between a move and its reason."""
    reason: _List = ()
    """Words that open the reason or the place of a move."""
    reason_not: _List = ()
    """Phrases of these words that open none ("*nach* 3 *Jahren*")."""
    modals: _List = ()
    """Words that only foresee what their verb says."""
    modal_fillers: _List = ()
    """Words between a modal and its verb."""
    heads_to: _List = ()
    """Phrases that foresee a move as a goal ("shares head *to* fall")."""
    asks: _List = ()
    """Words that open a question about a move."""
    foresees: _List = ()
    """Verbs of who foresees something."""
    gerunds: _List = ()
    """How the verb behind these ends."""
    past_verbs: _List = ()
    """How verbs end that no modal can govern."""
    infinitives: _List = ()
    """How verbs end that a modal governs, at the end of a clause."""
    scales: _List = ()
    """Words that make a number large, where shares are counted."""

    fillers: _List = ()
    """Small words beside a figure whose verb was said before."""
    numerals: _List = ()
    """Figures in words."""
    about: _List = ()
    """Words between a firm and its figure."""
    joins: _List = ()
    """What joins two firms with a figure each, and one verb."""
    more: _List = ()
    """Words that repeat a rise."""
    less: _List = ()
    """Words that repeat a fall."""
    contrasting: _List = ()
    """Words beside these."""
    few: _List = ()
    """Words that make a count in a list a low one."""
    as_says: _List = ()
    """Words in front of who is quoted."""
    experts: _List = ()
    """Who is quoted by calling, beside a name."""
    before_expert: _List = ()
    """Words between a name and its calling."""
    no_names: _List = ()
    """Words with a capital that begin no name."""
    answers: _List = ()
    """Verbs of who answers what is named behind them."""
    plain: _List = ()
    """Letters of dates, counts and grammar: no part of an unknown name."""
    sectors: _List = ()
    """Shares of many firms at once."""
    sectors_not: _List = ()
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
