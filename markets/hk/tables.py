"""Read dated rows from TOML: the project's own tables, or a user's file in the same form."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from markets.dated import Dated, DatedRow
from markets.errors import MissingDataError, TableError, nearest_name

T = TypeVar("T")
Fields = Mapping[str, Any]
ROW_KEYS = frozenset({"valid_from", "valid_to", "value", "source", "checked_on", "verified"})


@dataclass(frozen=True)
class TableFile:
    """One TOML file of tables.

    Attributes
    ----------
    name : str
        File name, as errors show it.
    content : mapping
        The parsed file.
    """

    name: str
    content: Fields

    def rows(self, key: str) -> Iterator[tuple[str, Fields]]:
        """Yield each row under a dotted key with the place to name in an error about it.

        Raises
        ------
        TableError
            If the key is absent or holds no list of tables.
        """
        found: Any = self.content
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                names = found if isinstance(found, Mapping) else ()
                raise TableError(
                    "no such table in this file",
                    given=key,
                    where=self.name,
                    nearest=nearest_name(part, names),
                )
            found = found[part]
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            raise TableError("not a list of rows", given=key, wanted=f"[[{key}]]", where=self.name)
        for number, row in enumerate(found, start=1):
            yield f"{self.name}: {key} row {number}", row

    def dated(self, key: str, parse: Callable[[Any, str], T]) -> Dated[T]:
        """Return the rows under a key as one dated table.

        Parameters
        ----------
        key : str
            Dotted key of the rows.
        parse : callable
            Takes a row's `value` and the place to name in an error.
        """
        rows = [dated_row(row, parse, where) for where, row in self.rows(key)]
        return Dated(f"{self.name}: {key}", rows)


def open_table(source: str | Path) -> TableFile:
    """Read one of the project's tables by bare name (``"fees"``), or a user's file by path.

    Raises
    ------
    MissingDataError
        If there is no such file.
    TableError
        If the file is no TOML; names the line.
    """
    if isinstance(source, Path):
        name, place = str(source), source
    else:
        name = f"{source}.toml"
        place = files("markets.hk") / "data" / name  # type: ignore[assignment]
    try:
        content = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingDataError(
            "a table file cannot be read", given=error.strerror, wanted="a TOML file", where=name
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"no TOML in UTF-8 ({error})", where=name) from None
    return TableFile(name, content)


def dated_row(
    row: Fields,
    parse: Callable[[Any, str], T],
    where: str,
    *,
    extra: frozenset[str] = frozenset(),
    defaults: Fields | None = None,
) -> DatedRow[T]:
    """Return one TOML row as a DatedRow.

    Parameters
    ----------
    row : mapping
        `valid_from`, `value`, `source`, `checked_on`, `verified`, and `valid_to` unless open.
    parse : callable
        Takes the `value` and `where`.
    where : str
        File and row, named in errors.
    extra : frozenset of str
        Keys that may stand in the row besides; the caller reads them.
    defaults : mapping, optional
        Values of keys that may be left out (a user's file need not cite sources).

    Raises
    ------
    TableError
        If a key is missing, unknown or of the wrong type, or the row ends before it begins.
    """
    refuse_unknown(row, ROW_KEYS | extra, where)
    full = {**(defaults or {}), **row}
    unchecked = defaults is not None and "checked_on" not in full
    valid_from = required(full, "valid_from", date, where)
    valid_to = None if full.get("valid_to") is None else required(full, "valid_to", date, where)
    if valid_to is not None and valid_to < valid_from:
        raise TableError(
            "a row ends before it begins",
            given=f"{valid_from} to {valid_to}",
            wanted=f"an end on {valid_from} or later",
            where=where,
        )
    return DatedRow(
        valid_from=valid_from,
        valid_to=valid_to,
        value=parse(required(full, "value", object, where), where),
        source=required(full, "source", str, where),
        checked_on=None if unchecked else required(full, "checked_on", date, where),
        verified=required(full, "verified", bool, where),
    )


def refuse_unknown(row: Fields, known: Collection[str], where: str) -> None:
    """Refuse a row with a key that nobody reads: a mistyped one would be left out silently.

    Raises
    ------
    TableError
        With the nearest right name.
    """
    for key in row:
        if key not in known:
            raise TableError.no_such("unknown key in a row", key, sorted(known), where)


def required(row: Fields, key: str, kind: type[T], where: str) -> T:
    """Return a key's value, which must be there and of the given type.

    Raises
    ------
    TableError
        If it is absent or of another type (a date with a time of day is no date; a bool is no int).
    """
    if key not in row:
        raise TableError(
            "a row lacks a key",
            given=", ".join(row) or "no key at all",
            wanted=f"{key} ({kind.__name__})",
            where=where,
            nearest=nearest_name(key, row),
        )
    value = row[key]
    impostor = (kind is date and isinstance(value, datetime)) or (
        kind is int and isinstance(value, bool)
    )
    if impostor or not isinstance(value, kind):
        raise TableError(
            "a key has the wrong type",
            given=f"{key} = {value!r}",
            wanted=kind.__name__,
            where=where,
        )
    return value
