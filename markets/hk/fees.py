"""Read what a trade costs by date: duties, levies and fees, and what brokers add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Literal

from markets.dated import Dated
from markets.errors import ConfigError, TableError
from markets.hk.tables import Fields, open_table, required

Rounding = Literal["dollar_up", "cent"]
STATUTORY = (
    "stamp_duty",
    "sfc_levy",
    "afrc_levy",
    "trading_fee",
    "trading_tariff",
    "settlement_fee",
)
RATE_DIGITS = 8
_MAX_RATE = 10**RATE_DIGITS


@dataclass(frozen=True, slots=True)
class Charge:
    """What one component charges.

    Attributes
    ----------
    rate : int
        Of the consideration, in units of 1e-8.
    amount : int
        Cents per note or order, on top.
    minimum, maximum : int or None
        Bounds of the rounded charge, in cents.
    rounding : {"dollar_up", "cent"}
        Up to the next whole dollar, or to the nearest cent with halves up.
    """

    rate: int = 0
    amount: int = 0
    minimum: int = 0
    maximum: int | None = None
    rounding: Rounding = "cent"


@dataclass(frozen=True)
class FeeTables:
    """Statutory components by date, the kinds each applies to, and who is free of stamp duty."""

    charges: Mapping[str, Dated[Charge]]
    applies_to: Mapping[str, frozenset[str]]
    duty_free: Dated[frozenset[str]]

    @property
    def first(self) -> date:
        """First date on which every table has a row."""
        starts = [table.rows[0].valid_from for table in self.charges.values()]
        return max(*starts, self.duty_free.rows[0].valid_from)

    def breakpoints(self) -> list[date]:
        """Return the dates from `first` on at which any table changes, `first` included."""
        starts = {row.valid_from for table in self.charges.values() for row in table}
        starts |= {row.valid_from for row in self.duty_free}
        return sorted({self.first, *(start for start in starts if start > self.first)})


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """What a broker adds to each order.

    Attributes
    ----------
    name : str
        As a config spells it.
    commission : Charge
        Percentage and minimum per order.
    platform_fee : int
        Cents per order.
    passes_on : frozenset of str
        The statutory components charged separately; the others are inside the commission.
    source : str
        Where it was read.
    checked_on : date or None
        When it was last checked.
    verified : bool
        False for own knowledge.
    """

    name: str
    commission: Charge
    platform_fee: int = 0
    passes_on: frozenset[str] = frozenset(STATUTORY)
    source: str = ""
    checked_on: date | None = None
    verified: bool = True


@cache
def fee_tables() -> FeeTables:
    """Return the project's statutory tables."""
    file = open_table("fees")
    charges, applies_to = {}, {}
    for name in STATUTORY:
        where = f"fees.toml: {name}"
        section = required(file.content, name, dict, where)
        rounding = required(section, "rounding", str, where)
        if rounding not in ("dollar_up", "cent"):
            raise TableError("no such rounding", given=rounding, where=where)
        charges[name] = file.dated(
            f"{name}.rows",
            lambda value, at, how=rounding: read_charge(value, at, how),  # type: ignore[misc]
        )
        applies_to[name] = frozenset(required(section, "applies_to", list, where))
    exempt = file.dated("stamp_duty_exemption.rows", lambda value, _: frozenset(value))
    return FeeTables(charges, applies_to, exempt)


def broker_plan(name: str, tier: int = 1, path: Path | None = None) -> BrokerPlan:
    """Return a broker's plan by name.

    Parameters
    ----------
    name : str
        As in brokers.toml, or in the user's file.
    tier : int
        Volume tier, from 1.
    path : Path, optional
        A user's file of `[[plans]]`; its plans win over the project's.

    Raises
    ------
    ConfigError
        If there is no such plan or tier.
    """
    files = [open_table("brokers"), *([open_table(path)] if path else [])]
    plans = {row["name"]: (where, row) for file in files for where, row in file.rows("plans")}
    if name not in plans:
        raise ConfigError.no_such("no such broker plan", name, sorted(plans), "broker.costs")
    where, row = plans[name]
    tiers = required(row, "tiers", list, where)
    if not 1 <= tier <= len(tiers):
        raise ConfigError(
            "no such tier", given=tier, wanted=f"1 to {len(tiers)}", where=f"{where} ({name})"
        )
    return BrokerPlan(
        name=name,
        commission=read_charge(_only(tiers[tier - 1], ("rate", "minimum", "maximum")), where),
        platform_fee=read_cents(tiers[tier - 1].get("platform_fee", "0"), where),
        passes_on=_passed_on(row.get("passes_on", "all"), where),
        source=str(row.get("source", where)),
        checked_on=row.get("checked_on"),
        verified=bool(row.get("verified", True)),
    )


def plan_names() -> tuple[str, ...]:
    """Return the names of the project's broker plans."""
    return tuple(row["name"] for _, row in open_table("brokers").rows("plans"))


def read_charge(value: Fields, where: str, rounding: Rounding = "cent") -> Charge:
    """Return a charge from its TOML fields `rate`, `amount`, `minimum`, `maximum` (texts)."""
    known = ("rate", "amount", "minimum", "maximum")
    for key in value:
        if key not in known:
            raise TableError.no_such("unknown key", key, known, where)
    rate = _exact(value.get("rate", "0"), _MAX_RATE, where)
    if rate >= _MAX_RATE:
        raise TableError("a rate of the whole price", given=value["rate"], where=where)
    return Charge(
        rate=rate,
        amount=read_cents(value.get("amount", "0"), where),
        minimum=read_cents(value.get("minimum", "0"), where),
        maximum=read_cents(value["maximum"], where) if "maximum" in value else None,
        rounding=rounding,
    )


def read_cents(text: Any, where: str) -> int:
    """Return an amount in HKD, written as text, in whole cents."""
    return _exact(text, 100, where)


def _exact(text: Any, scale: int, where: str) -> int:
    try:
        scaled = Decimal(text) * scale if isinstance(text, str) else Decimal("NaN")
        whole = int(scaled)
    except (InvalidOperation, ValueError):
        raise TableError(
            "no amount", given=text, wanted='a number as a text, as in "0.0010"', where=where
        ) from None
    if whole != scaled or whole < 0:
        raise TableError(
            "an amount must be positive and not finer than it is counted",
            given=text,
            wanted=f"a multiple of {Decimal(1) / scale}",
            where=where,
        )
    return whole


def _passed_on(value: Any, where: str) -> frozenset[str]:
    if value == "all":
        return frozenset(STATUTORY)
    unknown = sorted(set(value) - set(STATUTORY))
    if unknown:
        raise TableError.no_such("no statutory component", unknown[0], STATUTORY, where)
    return frozenset(value)


def _only(fields: Fields, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: fields[key] for key in keys if key in fields}
