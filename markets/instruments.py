"""Instruments: names in four languages, kinds, board lots and index membership, all by date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from markets.dated import Dated, DatedRow
from markets.errors import MissingDataError, TableError, nearest_name
from markets.membership import Membership
from markets.tickers import normalize_ticker

LANGUAGES = ("en", "de", "zh_hant", "zh_hans")
KINDS = ("equity", "reit", "etf", "etf_hong_kong", "leveraged_inverse_product")


@dataclass(frozen=True, slots=True)
class Alias:
    """One spelling of a name, product or person.

    Attributes
    ----------
    text : str
        As written.
    valid_from, valid_to : date or None
        Dates on which it counts, both included; None for no bound.
    language : str
        One of `LANGUAGES`; German text uses the English spelling of products and people.
    role : str
        What a person is to the issuer; empty for names and products.
    """

    text: str
    valid_from: date | None = None
    valid_to: date | None = None
    language: str = ""
    role: str = ""

    def is_valid(self, day: date) -> bool:
        """Return whether the spelling counts on a date."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class NameSet:
    """The names of an issuer in one language: the official one (may be empty) and aliases."""

    official: str = ""
    aliases: tuple[Alias, ...] = ()

    def on(self, day: date) -> tuple[str, ...]:
        """Return the spellings that count on a date, the official one first."""
        valid = [alias.text for alias in self.aliases if alias.is_valid(day)]
        return tuple([self.official, *valid] if self.official else valid)


@dataclass(frozen=True, slots=True)
class Trap:
    """Texts that look like a name and often are not.

    Attributes
    ----------
    effect : {"block", "confirm"}
        Inside a "block" text no name means the issuer. A "confirm" text is a name that alone needs
        a second cue: ticker, person, product, full name.
    texts : tuple of str
        As written, in any language.
    why : str
        What they mean else.
    """

    effect: Literal["block", "confirm"]
    texts: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """American depositary receipts of an issuer, and how many Hong Kong shares one stands for."""

    symbol: str
    exchange: str
    shares_per_ads: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed line.

    Attributes
    ----------
    ticker : str
        In the one spelling.
    kind : str
        One of `KINDS`: decides tick table and duties.
    sector : str
        For grouping in reports.
    names : mapping of str to NameSet
        By language, see `LANGUAGES`.
    lots : Dated of int or None
        Board lot in shares; None where none is known.
    listed : date or None
        First session; None where unknown.
    listed_verified, verified : bool
        False where the listing date, or names and people, are own knowledge.
    source : str
        Where names and people come from.
    checked_on : date or None
        When they were last checked.
    products, people : tuple of Alias
        Weak cues: what the issuer sells, who leads it.
    traps : tuple of Trap
        Look-alikes.
    receipt : Receipt or None
        ADRs.
    counters : tuple of str
        Further lines of the same shares, such as the renminbi counter.
    """

    ticker: str
    kind: str = "equity"
    sector: str = ""
    names: Mapping[str, NameSet] = field(default_factory=dict)
    lots: Dated[int] | None = None
    listed: date | None = None
    listed_verified: bool = False
    verified: bool = False
    source: str = ""
    checked_on: date | None = None
    products: tuple[Alias, ...] = ()
    people: tuple[Alias, ...] = ()
    traps: tuple[Trap, ...] = ()
    receipt: Receipt | None = None
    counters: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """A short name for reports: the first English alias, else any name, else the ticker."""
        for language in LANGUAGES:
            names = self.names.get(language)
            if names and (names.aliases or names.official):
                return names.aliases[0].text if names.aliases else names.official
        return self.ticker


class Instruments(Mapping[str, Instrument]):
    """Instruments by ticker, and the indices they belong to.

    Parameters
    ----------
    instruments : iterable of Instrument
        Each ticker once.
    memberships : iterable of Membership
        Indices by date.
    lot_rows : mapping of str to rows, optional
        Board lots of tickers that are not among `instruments`; in `extended` they win over the
        lots known before, on the dates they cover.

    Examples
    --------
    >>> instruments = Instruments.default()
    >>> instruments.lot("1211.HK", date(2025, 9, 18)), instruments.lot("1211.HK", date(2025, 9, 19))
    (500, 100)
    >>> len(instruments.members("hstech", date(2020, 7, 27)))
    30
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        memberships: Iterable[Membership] = (),
        lot_rows: Mapping[str, tuple[DatedRow[int], ...]] | None = None,
    ) -> None:
        self._by_ticker: dict[str, Instrument] = {}
        for one in instruments:
            if one.ticker in self._by_ticker:
                raise TableError("a ticker stands twice", given=one.ticker, where="instruments")
            self._by_ticker[one.ticker] = one
        self._memberships = {one.name: one for one in memberships}
        self._lot_rows = dict(lot_rows or {})

    @classmethod
    def default(cls) -> Instruments:
        """Return the project's own tables: 44 instruments and the Hang Seng TECH Index."""
        return _default()

    @classmethod
    def from_toml(cls, path: Path) -> Instruments:
        """Read a user's tables, in the form of the project's own.

        Any of `[[instruments]]`, `[[lots]]` and `[indices.NAME]`. A lot row needs `ticker`,
        `valid_from` and `value`, an index `launch` and `members`; `source`, `checked_on` and
        `verified` may be left out. What does not say whether it is `verified` is taken as so,
        but for members of indices: a run that follows them says that nobody confirmed them.

        Raises
        ------
        MissingDataError
            If there is no such file.
        TableError
            If a row is off, overlaps another or leaves a gap; names file and row.
        """
        from markets.hk.register import read_register

        return read_register(path)

    def extended(self, other: Instruments) -> Instruments:
        """Return both tables as one; on the same ticker, index or lot date, `other` wins."""
        by_ticker = {**self._by_ticker, **other._by_ticker}
        loose = {**self._lot_rows}
        for ticker, rows in other._lot_rows.items():
            known = by_ticker.get(ticker)
            if known is None:
                loose[ticker] = rows
            elif known.lots is None:
                by_ticker[ticker] = replace(known, lots=Dated(f"lots of {ticker}", rows))
            else:
                by_ticker[ticker] = replace(known, lots=known.lots.overridden(rows))
        merged = {**self._memberships, **other._memberships}
        return Instruments(by_ticker.values(), merged.values(), loose)

    def lots(self, ticker: str) -> Dated[int]:
        """Return the board lots of a ticker as a dated table.

        Raises
        ------
        MissingDataError
            If none is known: a file of one's own can state them.
        """
        ticker = normalize_ticker(ticker)
        known = self._by_ticker.get(ticker)
        if known is not None and known.lots is not None:
            return known.lots
        if ticker in self._lot_rows:
            return Dated(f"lots of {ticker}", self._lot_rows[ticker])
        raise MissingDataError(
            "the board lot is not known",
            given=ticker,
            wanted=f'a file with [[lots]] ticker = "{ticker}", valid_from = DATE, value = SHARES, '
            "named in the config as `instruments`, or by --instruments",
            where="board lots",
        )

    def lot(self, ticker: str, day: date) -> int:
        """Return the board lot of a ticker on a date, in shares.

        Raises
        ------
        MissingDataError
            If no lot of the ticker is known.
        TableError
            If the date lies before the first row.
        """
        return self.lots(ticker).on(day)

    @property
    def indices(self) -> tuple[str, ...]:
        """Names of the indices whose members are known by date, sorted."""
        return tuple(sorted(self._memberships))

    def membership(self, index: str) -> Membership:
        """Return the dated membership of an index.

        Raises
        ------
        MissingDataError
            If there is no such index.
        """
        if index not in self._memberships:
            raise MissingDataError(
                "the members of this index are not known",
                given=index,
                wanted=", ".join(self.indices) or "an index in a file of one's own",
                nearest=nearest_name(index, self.indices),
            )
        return self._memberships[index]

    def members(self, index: str, day: date) -> frozenset[str]:
        """Return the members of an index in force on a date; none before its launch.

        Members need not be among the instruments.
        """
        return self.membership(index).on(day)

    def find(self, ticker: str) -> Instrument:
        """Return an instrument by any spelling of its ticker.

        Raises
        ------
        TickerError
            If the text is no Hong Kong ticker.
        MissingDataError
            If the table does not have it.
        """
        spelled = normalize_ticker(ticker)
        if spelled not in self._by_ticker:
            raise MissingDataError(
                "the instrument is not in the tables",
                given=spelled,
                wanted=f"one of {len(self)} tickers, or a row in a file of one's own",
                nearest=nearest_name(spelled, self),
            )
        return self._by_ticker[spelled]

    def nearest(self, text: str) -> str | None:
        """Return the ticker that a text most likely means, by code, name or receipt, or None.

        Examples
        --------
        >>> instruments = Instruments.default()
        >>> [instruments.nearest(text) for text in ("9988.HKX", "Tencent", "BABA", "NOPE")]
        ['9988.HK', '0700.HK', '9988.HK', None]
        """
        words: dict[str, str] = {}
        for ticker, one in self._by_ticker.items():
            symbols = [one.receipt.symbol] if one.receipt else []
            named = [alias.text for names in one.names.values() for alias in names.aliases]
            for word in (ticker, *symbols, *named):
                words.setdefault(word.casefold(), ticker)
        found = nearest_name(text.casefold(), words)
        return words[found] if found else None

    def __getitem__(self, ticker: str) -> Instrument:
        return self._by_ticker[ticker]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_ticker)

    def __len__(self) -> int:
        return len(self._by_ticker)


@cache
def _default() -> Instruments:
    from markets.hk.register import default_register

    return default_register()
