"""Every spelling a text can name a company by, with what it means and since when."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from typing import Literal, NamedTuple

from markets.instruments import Instruments
from markets.settings import Settings
from signals.text.folding import clean, fold

Role = Literal["company", "product", "person", "code", "declared", "source", "unlisted"]

BELIEVED = 0.5
"""Mentions scored below this stand in the audit list (`signals.doubts`) and make no event."""
WARY, SHARED = 0.3, 0.2
"""Scores of a name that is also a word, and of one that several listed firms have."""


class Name(NamedTuple):
    """One meaning of a spelling."""

    ticker: str | None
    role: Role
    score: float
    is_wary: bool
    valid_from: date | None
    valid_to: date | None

    def holds(self, day: date) -> bool:
        """Return whether the name was in use on a date."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


class LinkingTables(Settings):
    """The linker's own knowledge (`signals/linking.toml`), beside the instrument table."""

    nothing: list[str]
    wary: list[str]
    platforms: list[str]
    sure: list[str]
    faint: list[str]
    never: list[str]
    beside: list[str]
    others: list[str]
    listed_elsewhere: dict[str, list[str]]
    also: dict[str, list[str]]

    @classmethod
    def default(cls) -> LinkingTables:
        """Return the built-in tables."""
        raw = files("signals").joinpath("linking.toml").read_text(encoding="utf-8")
        return cls.model_validate(tomllib.loads(raw))


def names_of(instruments: Instruments, tables: LinkingTables) -> dict[str, list[Name]]:
    """Return the meanings of every spelling, folded; the first that holds is the one in force."""
    names: dict[str, list[Name]] = {}
    traps = [trap for instrument in instruments.values() for trap in instrument.traps]
    confirm = [text for trap in traps if trap.effect == "confirm" for text in trap.texts]
    block = [text for trap in traps if trap.effect == "block" for text in trap.texts]
    wary = set(map(fold, [*tables.wary, *confirm])) - set(map(fold, tables.sure))
    never = set(map(fold, tables.never))
    faint = set(map(fold, tables.faint))

    def add(
        spelling: str, ticker: str | None, role: Role, score: float, *span: date | None
    ) -> None:
        pattern = fold(clean(spelling)).strip()
        begin, end = span or (None, None)
        if pattern.endswith("-aktie"):
            return  # the name before the hyphen is enough, and the share is a cue of its own
        if len(pattern) < 2 or (ticker is not None and role == "product" and pattern in never):
            return
        if pattern in faint:
            score = min(score, 0.4)
        meanings = names.setdefault(pattern, [])
        if not any(m.ticker == ticker for m in meanings):
            meanings.append(Name(ticker, role, score, pattern in wary, begin, end))

    for ticker, ways in tables.listed_elsewhere.items():
        for spelling in ways:
            add(spelling, ticker, "company", 0.95)
    for ticker, role, spelling, begin, end in _spellings(instruments):
        score = {"company": 0.95, "product": 0.6, "person": 0.6}[role]
        add(spelling, ticker, role, score, begin, end)
    for ticker, ways in tables.also.items():
        for spelling in ways if ticker in instruments else ():
            add(spelling, ticker, "company", 0.9)
    for spelling in tables.others:
        add(spelling, None, "unlisted", 1.0)
    # Last, because a look-alike of one issuer may well be the name of another.
    for spelling in (*tables.nothing, *block):
        add(spelling, None, "company", 0.0)
    return names


def _spellings(
    instruments: Instruments,
) -> Iterable[tuple[str, Literal["company", "product", "person"], str, date | None, date | None]]:
    """Yield ticker, role, spelling and validity of every name in the instrument table."""
    for ticker, instrument in instruments.items():
        for names in instrument.names.values():
            if names.official:
                yield ticker, "company", names.official, None, None
            for alias in names.aliases:
                yield ticker, "company", alias.text, alias.valid_from, alias.valid_to
        for product in instrument.products:
            yield ticker, "product", product.text, product.valid_from, product.valid_to
        for person in instrument.people:
            yield ticker, "person", person.text, person.valid_from, person.valid_to
