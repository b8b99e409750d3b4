"""Which rows nobody confirmed: how many each table has, and which of them a run leans on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from markets.dated import Dated
from markets.hk.actions import known_actions
from markets.hk.fees import broker_plan, fee_tables, plan_names
from markets.hk.timetable import Rulebook, read_rulebook
from markets.instruments import Instruments
from markets.rules import tick_tables


@dataclass(frozen=True, slots=True)
class TableCount:
    """How many rows a table has, and how many of them no public source confirmed."""

    table: str
    rows: int
    unverified: int


@dataclass(frozen=True, slots=True)
class UnverifiedRow:
    """One unconfirmed row.

    Attributes
    ----------
    table : str
        Its table.
    row : str
        What it is about: a ticker, a date, a name.
    valid_from, valid_to : date or None
        When it is in force.
    source : str
        Where it comes from.
    """

    table: str
    row: str
    valid_from: date | None
    valid_to: date | None
    source: str

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields."""
        return {
            "table": self.table,
            "row": self.row,
            "valid_from": None if self.valid_from is None else self.valid_from.isoformat(),
            "valid_to": None if self.valid_to is None else self.valid_to.isoformat(),
            "source": self.source,
        }


def table_counts(instruments: Instruments | None = None) -> list[TableCount]:
    """Return rows and unverified rows of every table of the rulebook."""
    register = instruments or Instruments.default()
    everything = list(_everything(register))
    tables = list(dict.fromkeys(table for table, _, _ in everything))
    return [
        TableCount(
            table,
            sum(name == table for name, _, _ in everything),
            sum(name == table and not verified for name, verified, _ in everything),
        )
        for table in tables
    ]


def leans_on(
    tickers: Iterable[str],
    start: date,
    end: date,
    *,
    instruments: Instruments | None = None,
    index: str | None = None,
    plan: str | None = None,
) -> list[UnverifiedRow]:
    """Return the unverified rows that a run with these tickers and dates stands on.

    Parameters
    ----------
    tickers : iterable of str
        What the run may trade.
    start, end : date
        Its first and last session.
    index : str, optional
        The index its universe follows.
    plan : str, optional
        Its broker plan.
    """
    register = instruments or Instruments.default()
    chosen = set(tickers)
    kinds = {register[ticker].kind for ticker in chosen if ticker in register}
    found = []
    for _, verified, row in _everything(register):
        if verified or (row.valid_from is not None and row.valid_from > end):
            continue
        if row.valid_to is not None and row.valid_to < start:
            continue
        if row.table in ("lots", "names", "actions"):
            concerned = row.row in chosen
        elif row.table == "listings":
            # A guess at the first session matters only to a run that begins before it.
            listed = register[row.row].listed
            concerned = row.row in chosen and (listed is None or listed > start)
        elif row.table == "ticks":
            concerned = not kinds.isdisjoint(row.row.split(", "))
        elif row.table == "members":
            concerned = row.row == index
        elif row.table == "brokers":
            concerned = row.row == plan
        else:
            concerned = True
        if concerned:
            found.append(row)
    return found


def run_warnings(
    tickers: Iterable[str],
    start: date,
    end: date,
    *,
    instruments: Instruments | None = None,
    index: str | None = None,
) -> list[str]:
    """Return sentences on what a run cannot know: before a listing or launch, after a gap."""
    register = instruments or Instruments.default()
    warnings = []
    for ticker in sorted(set(tickers)):
        listed = register[ticker].listed if ticker in register else None
        if listed is not None and listed > start:
            warnings.append(f"{ticker} was listed on {listed}, after the run begins on {start}")
    if index is not None:
        membership = register.membership(index)
        if membership.launch > start:
            warnings.append(
                f"{index} was launched on {membership.launch}: a run from {start} holds nothing "
                "before, and choosing an index that came later is itself hindsight"
            )
        incomplete = membership.complete_until()
        if incomplete is not None and incomplete <= end:
            warnings.append(
                f"the members of {index} are incomplete from {incomplete} on: who left is not known"
            )
    return warnings


_Entry = tuple[str, bool, UnverifiedRow]


def _everything(register: Instruments) -> Iterator[_Entry]:
    """Yield table, verified and row for every row of the rulebook."""
    rulebook = read_rulebook()
    yield from _timetable(rulebook)
    fees = fee_tables()
    for name, charges in fees.charges.items():
        yield from _rows("fees", name, charges)
    yield from _rows("fees", "stamp_duty_exemption", fees.duty_free)
    for name in plan_names():
        plan = broker_plan(name)
        yield "brokers", plan.verified, UnverifiedRow("brokers", name, None, None, plan.source)
    tables = tick_tables()
    for ticks in dict.fromkeys(tables.values()):
        kinds = ", ".join(kind for kind, table in tables.items() if table is ticks)
        yield from _rows("ticks", kinds, ticks)
    for ticker, one in register.items():
        if one.lots is not None:
            yield from _rows("lots", ticker, one.lots)
        yield "names", one.verified, UnverifiedRow("names", ticker, None, None, one.source)
        listing = UnverifiedRow("listings", ticker, None, None, "listing date")
        yield "listings", one.listed_verified, listing
    for index in register.indices:
        yield from _rows("members", index, register.membership(index).members)
    for action in known_actions():
        day, source = action.ex_date, action.source
        known = UnverifiedRow("actions", action.ticker, day, day, source)
        yield "actions", action.verified, known


def _timetable(rulebook: Rulebook) -> Iterator[_Entry]:
    yield from _rows("sessions", "hours", rulebook.hours)
    yield from _rows("sessions", "opening_auction", rulebook.opening)
    yield from _rows("sessions", "closing_auction", rulebook.closing)
    yield from _rows("sessions", "severe_weather", rulebook.severe_weather)
    for day, row in rulebook.closures.items():
        closure = UnverifiedRow("closures", row.value.closure, day, day, row.source)
        yield "closures", row.verified, closure


def _rows(table: str, name: str, dated: Dated[Any]) -> Iterator[_Entry]:
    for row in dated:
        yield (
            table,
            row.verified,
            UnverifiedRow(table, name, row.valid_from, row.valid_to, row.source),
        )
