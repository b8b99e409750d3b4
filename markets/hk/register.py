"""Read instruments, board lots and index members from the project's tables or a user's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from markets.dated import Dated, DatedRow
from markets.errors import TableError
from markets.hk.tables import (
    Fields,
    TableFile,
    dated_row,
    open_table,
    refuse_unknown,
    required,
)
from markets.instruments import (
    KINDS,
    LANGUAGES,
    Alias,
    Instrument,
    Instruments,
    NameSet,
    Receipt,
    Trap,
)
from markets.membership import memberships
from markets.tickers import normalize_ticker

LotRows = dict[str, tuple[DatedRow[int], ...]]
_KEYS = frozenset(
    {"ticker", "kind", "sector", "listed", "listed_source", "listed_verified", "adr", "counters"}
    | {"names", "products", "people", "traps", "source", "checked_on", "verified"}
)


def default_register() -> Instruments:
    """Return the project's instruments, lots and indices."""
    lots = _lots(open_table("lots"), {})
    instruments = list(_instruments(open_table("instruments"), lots, {}))
    return Instruments(instruments, memberships(open_table("members")))


def read_register(path: Path) -> Instruments:
    """Return a user's instruments, lots and indices; sources may be left out."""
    tables = open_table(path)
    known = ("instruments", "lots", "indices")
    for key in tables.content:
        if key not in known:
            raise TableError.no_such("unknown table", key, known, tables.name)
    defaults = {"source": tables.name, "verified": True}
    lots = _lots(tables, defaults)
    instruments = list(_instruments(tables, lots, defaults))
    named = {one.ticker for one in instruments}
    loose = {ticker: rows for ticker, rows in lots.items() if ticker not in named}
    # A lot can be read off any screen: its user vouches for it. Who belonged to an index years ago
    # is a claim about the past, unconfirmed unless its row says otherwise.
    unconfirmed = {"source": tables.name, "verified": False}
    return Instruments(instruments, memberships(tables, unconfirmed), loose)


def _lots(tables: TableFile, defaults: Fields) -> LotRows:
    found: dict[str, list[DatedRow[int]]] = {}
    for where, row in tables.rows("lots") if "lots" in tables.content else ():
        ticker = normalize_ticker(required(row, "ticker", str, where), where=where)
        parsed = dated_row(row, _lot, where, extra=frozenset({"ticker"}), defaults=defaults)
        found.setdefault(ticker, []).append(parsed)
    # Overlaps are refused here, with the ticker named, not later when a run asks for a lot.
    return {ticker: Dated(f"lots of {ticker}", rows).rows for ticker, rows in found.items()}


def _lot(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TableError("no board lot", given=value, wanted="a positive integer", where=where)
    return value


def _instruments(tables: TableFile, lots: LotRows, defaults: Fields) -> Iterator[Instrument]:
    for where, row in tables.rows("instruments") if "instruments" in tables.content else ():
        refuse_unknown(row, _KEYS, where)
        yield _instrument({**defaults, **row}, lots, where)


def _instrument(row: Fields, lots: LotRows, where: str) -> Instrument:
    ticker = normalize_ticker(required(row, "ticker", str, where), where=where)
    where = f"{where} ({ticker})"
    kind = row.get("kind", "equity")
    _one_of(kind, KINDS, "no such kind", where)
    rows = lots.get(ticker)
    return Instrument(
        ticker=ticker,
        kind=kind,
        sector=str(row.get("sector", "")),
        names=_names(row.get("names", {}), where),
        lots=None if rows is None else Dated(f"lots of {ticker}", rows),
        listed=required(row, "listed", date, where) if "listed" in row else None,
        listed_verified=bool(row.get("listed_verified", False)),
        verified=required(row, "verified", bool, where),
        source=required(row, "source", str, where),
        checked_on=required(row, "checked_on", date, where) if "checked_on" in row else None,
        products=tuple(_terms(row.get("products", ()), where)),
        people=tuple(_terms(row.get("people", ()), where)),
        traps=tuple(_trap(trap, where) for trap in row.get("traps", ())),
        receipt=Receipt(**row["adr"]) if "adr" in row else None,
        counters=tuple(normalize_ticker(one, where=where) for one in row.get("counters", ())),
    )


def _names(names: Fields, where: str) -> dict[str, NameSet]:
    for language in names:
        _one_of(language, LANGUAGES, "no such language", where)
    return {
        language: NameSet(
            official=str(fields.get("official", "")),
            aliases=tuple(_alias(alias, language, where) for alias in fields.get("aliases", ())),
        )
        for language, fields in names.items()
    }


def _alias(given: Any, language: str, where: str) -> Alias:
    if isinstance(given, str):
        return Alias(given, language=language)
    if not isinstance(given, Mapping):
        raise TableError("no alias", given=given, wanted="a text or { text = … }", where=where)
    return Alias(required(given, "text", str, where), *_validity(given, where), language=language)


def _terms(groups: Iterable[Fields], where: str) -> Iterator[Alias]:
    """Yield each spelling of each product or person, once: many are alike in both scripts."""
    for group in groups:
        validity = _validity(group, where)
        role = str(group.get("role", ""))
        seen: set[str] = set()
        for language in LANGUAGES:
            for text in group.get(language, ()):
                if text not in seen:
                    seen.add(text)
                    yield Alias(text, *validity, language=language, role=role)


def _validity(given: Fields, where: str) -> tuple[date | None, date | None]:
    start, end = (
        required(given, key, date, where) if key in given else None
        for key in ("valid_from", "valid_to")
    )
    if start is not None and end is not None and end < start:
        raise TableError("a name ends before it begins", given=f"{start} to {end}", where=where)
    return start, end


def _trap(given: Fields, where: str) -> Trap:
    effect = given.get("effect")
    if effect not in ("block", "confirm"):
        raise TableError("no such effect", given=effect, wanted="block or confirm", where=where)
    texts = tuple(required(given, "texts", list, where))
    return Trap(effect, texts, required(given, "why", str, where))


def _one_of(given: str, known: tuple[str, ...], problem: str, where: str) -> None:
    if given not in known:
        raise TableError.no_such(problem, str(given), known, where)
