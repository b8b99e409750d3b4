"""Tick sizes and board lots: what prices and quantities an order may have on a date.

Prices are whole ten-thousandths of a Hong Kong dollar inside, a tenth of the finest tick, so that a
price off the grid can be told from one on it and no binary fraction decides at a boundary.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal

from markets.dated import Dated
from markets.errors import DataError, TableError
from markets.hk.tables import open_table, required

Direction = Literal["up", "down", "nearest"]
Price = Decimal | float | int | str
UNITS_PER_HKD = 10_000
# The exchange quotes nothing below one cent.
_LOWEST = UNITS_PER_HKD // 100


@dataclass(frozen=True, slots=True)
class TickTable:
    """Price bands in units of 0.0001 HKD: up to and with `bounds[i]`, the step is `ticks[i]`."""

    bounds: tuple[int, ...]
    ticks: tuple[int, ...]

    def tick(self, units: int, where: str) -> int:
        """Return the step at a price; a boundary price belongs to the lower band."""
        if not _LOWEST <= units <= self.bounds[-1]:
            raise DataError(
                "no price the exchange quotes",
                given=f"HKD {as_hkd(units)}",
                wanted=f"HKD {as_hkd(_LOWEST)} to {as_hkd(self.bounds[-1])}",
                where=where,
            )
        return self.ticks[bisect_left(self.bounds, units)]


def read_price(price: Price, where: str = "price") -> int:
    """Return a price in units of 0.0001 HKD.

    Binary floats are read to the nearest unit: what lies beyond is noise of the file it came from.

    Raises
    ------
    DataError
        If it is no positive finite number.

    Examples
    --------
    >>> read_price("151.10"), read_price(0.1 + 0.2)
    (1511000, 3000)
    """
    try:
        if isinstance(price, (int, float)):
            if not math.isfinite(price):
                raise InvalidOperation
            # The same two operations as numpy's, so that vectors agree to the last unit.
            units = round(float(price) * UNITS_PER_HKD)
        else:
            exact = Decimal(price) * UNITS_PER_HKD
            units = int(exact.to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError):
        raise DataError(
            "not a price", given=price, wanted="a number above 0", where=where
        ) from None
    if units <= 0:
        wanted = "HKD 0.01 or more"
        raise DataError("a price must be positive", given=price, wanted=wanted, where=where)
    return units


def as_hkd(units: int) -> Decimal:
    """Return units of 0.0001 HKD as dollars, with two decimals or as many more as it needs."""
    if units % 100 == 0:
        return Decimal(units // 100).scaleb(-2)
    return Decimal(units // 10).scaleb(-3) if units % 10 == 0 else Decimal(units).scaleb(-4)


def tick_size(price: Price, day: date, kind: str = "equity") -> Decimal:
    """Return the smallest price step at a price on a date, in HKD.

    Parameters
    ----------
    price : Decimal, float, int or str
        HKD. A boundary price belongs to the lower band.
    day : date
        Hong Kong date, from 2006-07-24 on.
    kind : str
        An instrument's kind; shares and funds have tables of their own.

    Raises
    ------
    TableError
        If the tables begin later, or have no such kind.
    DataError
        If the price lies outside the bands.

    Examples
    --------
    >>> tick_size("43.20", date(2025, 8, 1)), tick_size("43.20", date(2025, 8, 4))
    (Decimal('0.05'), Decimal('0.02'))
    """
    where = f"{kind} on {day}"
    return as_hkd(_table(kind).on(day).tick(read_price(price, where), where))


def round_to_tick(
    price: Price, day: date, kind: str = "equity", direction: Direction = "nearest"
) -> Decimal:
    """Return the next price on the grid: up (against a buyer), down (against a seller) or nearest.

    A price on the grid stays; halfway between two, "nearest" goes up.

    Examples
    --------
    >>> round_to_tick(151.13, date(2025, 9, 12), direction="up")
    Decimal('151.20')
    """
    where = f"{kind} on {day}"
    units = read_price(price, where)
    tick = _table(kind).on(day).tick(units, where)
    if direction == "up":
        return as_hkd(-(-units // tick) * tick)
    if direction == "down":
        return as_hkd(units // tick * tick)
    if direction == "nearest":
        return as_hkd((2 * units + tick) // (2 * tick) * tick)
    raise ValueError(f"direction is up, down or nearest: {direction!r}")


def check_tick(price: Price, day: date, kind: str = "equity", *, where: str | None = None) -> None:
    """Refuse a price that is not on the grid.

    Raises
    ------
    DataError
        Names the two nearest prices that are.
    """
    units = read_price(price, where or f"{kind} on {day}")
    below, above = (round_to_tick(price, day, kind, way) for way in ("down", "up"))
    if below != above or as_hkd(units) != below:
        raise DataError(
            "the price is not on a tick",
            given=f"HKD {price}",
            wanted=f"a multiple of HKD {tick_size(price, day, kind)}, such as {below} or {above}",
            where=where or f"{kind} on {day}",
        )


def check_lot(shares: int, lot: int, *, where: str | None = None) -> None:
    """Refuse a number of shares that is no positive multiple of the board lot.

    Raises
    ------
    DataError
        Names the nearest whole numbers of lots.
    """
    if shares <= 0 or shares % lot:
        whole = max(shares, 0) // lot * lot
        wanted = f"a multiple of {lot}, such as " + (
            f"{whole} or {whole + lot}" if whole else f"{lot}"
        )
        raise DataError("an odd lot", given=f"{shares} shares", wanted=wanted, where=where)


def tick_tables() -> Mapping[str, Dated[TickTable]]:
    """Return the tick tables by the kind of instrument they apply to."""
    return _tables()


def tick_table(kind: str, day: date) -> TickTable:
    """Return the bands of a kind of instrument on a date.

    Raises
    ------
    TableError
        If the tables begin later, or have no such kind.
    """
    return _table(kind).on(day)


def _table(kind: str) -> Dated[TickTable]:
    tables = _tables()
    if kind not in tables:
        raise TableError.no_such("no tick table for this kind", kind, sorted(tables), "ticks.toml")
    return tables[kind]


@cache
def _tables() -> Mapping[str, Dated[TickTable]]:
    file = open_table("ticks")
    found: dict[str, Dated[TickTable]] = {}
    for section, fields in file.content.items():
        table = file.dated(f"{section}.rows", _bands)
        for kind in required(fields, "applies_to", list, f"ticks.toml: {section}"):
            found[kind] = table
    return found


def _bands(value: Any, where: str) -> TickTable:
    try:
        pairs = [(read_price(bound, where), read_price(tick, where)) for bound, tick in value]
    except (TypeError, ValueError):
        raise TableError(
            "no bands", given=value, wanted="[[up to, step], …]", where=where
        ) from None
    bounds, ticks = zip(*pairs, strict=True)
    if list(bounds) != sorted(set(bounds)):
        raise TableError("bands do not rise", given=value, where=where)
    if any(bound % tick for bound, tick in pairs):
        raise TableError("a band does not end on its own grid", given=value, where=where)
    return TickTable(bounds, ticks)
