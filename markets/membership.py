"""Membership of an index by date: known from its announcement, in force from its effective date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from markets.dated import Dated, DatedRow
from markets.errors import TableError
from markets.hk.tables import Fields, TableFile, refuse_unknown, required
from markets.tickers import normalize_ticker

_SOURCE_KEYS = frozenset({"source", "checked_on", "verified"})
_INDEX_KEYS = _SOURCE_KEYS | {"name", "size", "launch", "members", "changes"}
_CHANGE_KEYS = _SOURCE_KEYS | {
    *("effective", "announced", "announced_verified", "added", "removed", "complete")
}
_WANTED = '[indices.NAME] with launch = DATE and members = ["0700.HK", ...]'


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One change of an index.

    Attributes
    ----------
    effective : date
        First date on which the new members count.
    announced : date or None
        Date in whose evening the change became known; None where no source dates it.
    added, removed : frozenset of str
        Tickers.
    complete : bool
        False if tickers may have been removed that are not recorded.
    source : str
        Where it was read.
    checked_on : date or None
        When it was last checked; None for a user's own row that does not say.
    verified, announced_verified : bool
        False for own knowledge.
    """

    effective: date
    announced: date | None
    added: frozenset[str]
    removed: frozenset[str]
    complete: bool
    source: str
    checked_on: date | None
    verified: bool
    announced_verified: bool = False


class Membership:
    """The members of one index from its launch on.

    Parameters
    ----------
    name : str
        The index, as a config spells it.
    launch : DatedRow
        The first members, in force from the launch date.
    changes : iterable of MembershipChange
        In any order.

    Raises
    ------
    TableError
        If a change adds a member, removes a stranger, or precedes the launch.
    """

    def __init__(
        self, name: str, launch: DatedRow[frozenset[str]], changes: Iterable[MembershipChange]
    ) -> None:
        self.name = name
        self.changes = tuple(sorted(changes, key=lambda change: change.effective))
        rows = [launch]
        for change in self.changes:
            rows.append(_after(rows[-1], change, f"{name}: change effective {change.effective}"))
        self.members = Dated(f"members of {name}", rows)

    @property
    def launch(self) -> date:
        """First date of the index."""
        return self.members.rows[0].valid_from

    def on(self, day: date) -> frozenset[str]:
        """Return the members on a date; none before the launch, when there was no index."""
        return frozenset() if day < self.launch else self.members.on(day)

    def between(self, start: date, end: date) -> frozenset[str]:
        """Return whoever is a member on some date from `start` to `end`, both included."""
        return frozenset[str]().union(*(row.value for row in self.members.between(start, end)))

    def announced(self, day: date) -> tuple[MembershipChange, ...]:
        """Return the changes known at the end of a date and not yet in force on it."""
        return tuple(
            change
            for change in self.changes
            if change.effective > day and change.announced is not None and change.announced <= day
        )

    def complete_until(self) -> date | None:
        """Return the first date from which the list may be too long, or None."""
        return next((one.effective for one in self.changes if not one.complete), None)


def memberships(tables: TableFile, defaults: Fields | None = None) -> list[Membership]:
    """Read every index under `indices` in a table file; none if the file has no such key.

    Parameters
    ----------
    tables : TableFile
        ``[indices.NAME]`` with `launch` and `members`, ``[[indices.NAME.changes]]`` with
        `effective`, `added` and `removed`; `source`, `checked_on` and `verified` in both.
    defaults : mapping, optional
        `source` and `verified` of rows that leave them out; `checked_on` may be left out then too.
    """
    indices = tables.content.get("indices", {})
    if not isinstance(indices, Mapping):
        where = tables.name
        raise TableError("not a table of indices", given=indices, wanted=_WANTED, where=where)
    return [_membership(name, fields, tables, defaults) for name, fields in indices.items()]


def _membership(name: str, fields: Any, tables: TableFile, defaults: Fields | None) -> Membership:
    where = f"{tables.name}: indices.{name}"
    if not isinstance(fields, Mapping):
        raise TableError("no index", given=fields, wanted=_WANTED, where=where)
    refuse_unknown(fields, _INDEX_KEYS, where)
    fields = _complete(fields, defaults)
    launch = DatedRow(
        valid_from=required(fields, "launch", date, where),
        value=_tickers(fields, "members", where),
        source=required(fields, "source", str, where),
        checked_on=_checked_on(fields, where),
        verified=required(fields, "verified", bool, where),
    )
    has_changes = "changes" in fields
    rows = tables.rows(f"indices.{name}.changes") if has_changes else ()
    return Membership(name, launch, [_change(row, place, defaults) for place, row in rows])


def _complete(row: Fields, defaults: Fields | None) -> Fields:
    """Return a row with what may be left out in it."""
    return row if defaults is None else {"checked_on": None, **defaults, **row}


def _checked_on(row: Fields, where: str) -> date | None:
    unsaid = "checked_on" in row and row["checked_on"] is None
    return None if unsaid else required(row, "checked_on", date, where)


def _change(row: Fields, where: str, defaults: Fields | None) -> MembershipChange:
    refuse_unknown(row, _CHANGE_KEYS, where)
    row = _complete(row, defaults)
    effective = required(row, "effective", date, where)
    announced = required(row, "announced", date, where) if "announced" in row else None
    if announced is not None and announced >= effective:
        raise TableError(
            "a change is announced before it is effective",
            given=f"announced {announced}, effective {effective}",
            wanted=f"announced before {effective}",
            where=where,
        )
    return MembershipChange(
        effective=effective,
        announced=announced,
        added=_tickers(row, "added", where),
        removed=_tickers(row, "removed", where),
        complete=bool(row.get("complete", True)),
        source=required(row, "source", str, where),
        checked_on=_checked_on(row, where),
        verified=required(row, "verified", bool, where),
        announced_verified=bool(row.get("announced_verified", False)),
    )


def _after(
    row: DatedRow[frozenset[str]], change: MembershipChange, where: str
) -> DatedRow[frozenset[str]]:
    if change.added & row.value:
        raise TableError("already a member", given=_listed(change.added & row.value), where=where)
    if change.removed - row.value:
        raise TableError("no member", given=_listed(change.removed - row.value), where=where)
    return DatedRow(
        valid_from=change.effective,
        value=(row.value - change.removed) | change.added,
        source=change.source,
        checked_on=change.checked_on,
        verified=change.verified and change.complete,
    )


def _tickers(row: Fields, key: str, where: str) -> frozenset[str]:
    given: list[Any] = required(row, key, list, where)
    found = frozenset(normalize_ticker(str(one), where=where) for one in given)
    if len(found) < len(given):
        raise TableError("a ticker stands twice", given=key, wanted="each once", where=where)
    return found


def _listed(tickers: Iterable[str]) -> str:
    return ", ".join(sorted(tickers))
