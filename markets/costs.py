"""CostSchedule: what a contract note costs on a date, part by part, to the cent.

All arithmetic is in integers: consideration in units of 0.0001 HKD, rates in 1e-8, cents out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from markets.errors import DataError, TableError
from markets.hk.fees import STATUTORY, BrokerPlan, Charge, broker_plan, fee_tables
from markets.rules import UNITS_PER_HKD, Price, as_hkd, read_price

Side = Literal["buy", "sell"]
Grouping = Literal["order", "day"]
Ints = npt.NDArray[np.int64]
COMPONENTS = (*STATUTORY, "commission", "platform_fee")
# consideration x rate counts 1e-12 HKD.
_PER_CENT = 10**10
_PER_HKD = 10**12
_SAFE = 2**62
# Notes computed at once: what fits a processor's cache is several times faster.
_CHUNK = 2**15


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The parts of one contract note; all Decimal HKD with two decimals.

    Attributes
    ----------
    session : date
        Trade date.
    side : {"buy", "sell"}
        Both sides pay alike.
    shares : int
        On the note.
    consideration : Decimal
        Price times shares, exact.
    stamp_duty, sfc_levy, afrc_levy, trading_fee, trading_tariff, settlement_fee : Decimal
        Statutory parts.
    commission, platform_fee : Decimal
        The broker's.
    """

    session: date
    side: Side
    shares: int
    consideration: Decimal
    stamp_duty: Decimal
    sfc_levy: Decimal
    afrc_levy: Decimal
    trading_fee: Decimal
    trading_tariff: Decimal
    settlement_fee: Decimal
    commission: Decimal
    platform_fee: Decimal

    @property
    def parts(self) -> dict[str, Decimal]:
        """The eight components by name."""
        return {name: getattr(self, name) for name in COMPONENTS}

    @property
    def total(self) -> Decimal:
        """Sum of the eight components."""
        return sum(self.parts.values(), Decimal(0))

    @property
    def cash_hkd(self) -> Decimal:
        """What the note moves: negative for a purchase, costs included."""
        return -self.total + (self.consideration if self.side == "sell" else -self.consideration)


@dataclass(frozen=True, eq=False)
class CostCents:
    """The parts of many notes: int64 arrays of cents, shaped like the input."""

    stamp_duty: Ints
    sfc_levy: Ints
    afrc_levy: Ints
    trading_fee: Ints
    trading_tariff: Ints
    settlement_fee: Ints
    commission: Ints
    platform_fee: Ints

    @property
    def total(self) -> Ints:
        """Sum of the eight components."""
        found: Ints = np.sum([getattr(self, name) for name in COMPONENTS], axis=0, dtype=np.int64)
        return found


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill that is to be put on a note.

    Attributes
    ----------
    order_id : int
        Its order.
    session : date
        Trade date.
    ticker : str
        What was traded.
    side : {"buy", "sell"}
        Which way.
    price : Decimal, float, int or str
        HKD a share.
    shares : int
        Positive.
    kind : str
        The instrument's.
    """

    order_id: int
    session: date
    ticker: str
    side: Side
    price: Price
    shares: int
    kind: str = "equity"


class CostSchedule:
    """Contract notes by date: statutory costs and one broker's plan.

    Parameters
    ----------
    plan : str or BrokerPlan
        ``ibkr_hk_tiered``, ``ibkr_hk_fixed``, ``futu_hk_fixed``, ``futu_hk_tiered``, ``none`` for
        statutory costs only, or a plan of one's own.
    tier : int
        Volume tier of the plan, from 1.
    plans_file : Path, optional
        A file of `[[plans]]`, as brokers.toml; its plans win.

    Raises
    ------
    ConfigError
        If there is no such plan or tier.

    Examples
    --------
    >>> schedule = CostSchedule("none")
    >>> schedule.note(session=date(2025, 9, 12), side="buy", price="151.10", shares=100).total
    Decimal('17.91')
    """

    def __init__(
        self,
        plan: str | BrokerPlan = "ibkr_hk_tiered",
        *,
        tier: int = 1,
        plans_file: Path | None = None,
    ) -> None:
        self.plan = broker_plan(plan, tier, plans_file) if isinstance(plan, str) else plan
        self._tables = fee_tables()
        self._starts = self._tables.breakpoints()
        self._charges: dict[tuple[int, str], Mapping[str, Charge]] = {}

    def note(
        self, *, session: date, side: Side, price: Price, shares: int, kind: str = "equity"
    ) -> CostBreakdown:
        """Return the note of one execution that is an order of its own.

        Parameters
        ----------
        session : date
            Trade date, from 2010-01-01 on.
        side : {"buy", "sell"}
            Both sides pay alike.
        price : Decimal, float, int or str
            HKD a share, read to 0.0001.
        shares : int
            Positive.
        kind : str
            The instrument's kind.

        Raises
        ------
        TableError
            If the tables begin later or do not know the kind.
        DataError
            If price, shares or side are impossible.
        """
        units = read_price(price) * _counted(shares)
        return self._breakdown(session, side, kind, shares, [units])

    def cents(self, *, session: date, kind: str, units: int) -> tuple[int, ...]:
        """Return the parts of `note` in cents, in the order of `COMPONENTS`.

        Parameters
        ----------
        session : date
            Trade date.
        kind : str
            The instrument's.
        units : int
            Price times shares in 0.0001 HKD.
        """
        charges = self.charges_on(session, kind)
        return tuple([_charged(charge, units) for charge in charges.values()])

    def charges_on(self, session: date, kind: str) -> Mapping[str, Charge]:
        """Return what each of `COMPONENTS` charges on a date for a kind, in their order.

        Raises
        ------
        TableError
            If the tables begin later or do not know the kind.
        """
        epoch = bisect_right(self._starts, session) - 1
        if epoch < 0:
            raise self._too_early(session)
        return self._charges_in(epoch, kind)

    def grouped(
        self, executions: Sequence[Execution], grouping: Grouping = "order"
    ) -> list[CostBreakdown]:
        """Return one note per order and session, or per session, ticker and side.

        Duties and levies are rounded once a note; commission and platform fee are per order either
        way. Notes stand in order of their first execution.
        """
        if grouping not in get_args(Grouping):
            raise ValueError(f"grouping is order or day: {grouping!r}")
        groups: dict[tuple[object, ...], list[Execution]] = {}
        for one in executions:
            key: tuple[object, ...] = (one.session, one.ticker, one.side)
            groups.setdefault((one.order_id, *key) if grouping == "order" else key, []).append(one)
        return [self._group_note(group) for group in groups.values()]

    def notes(
        self,
        *,
        sessions: npt.NDArray[np.datetime64],
        prices: npt.NDArray[np.float64],
        shares: Ints,
        kind: str = "equity",
    ) -> CostCents:
        """Return the notes of many executions of one kind, each an order of its own.

        The same cents as `note`, at least a hundred times faster for a million.

        Parameters
        ----------
        sessions : datetime64 array, shape (n,)
            Trade dates.
        prices : float64 array, shape (n,)
            HKD a share, read to 0.0001.
        shares : int64 array, shape (n,)
            Positive.
        kind : str
            Of all of them.
        """
        units = _considerations(_read_prices(prices), _counted_all(shares))
        epochs = self._epochs(np.asarray(sessions, dtype="datetime64[D]"))
        charges = [self._charges_in(epoch, kind) for epoch in range(len(self._starts))]
        columns = {name: np.empty(len(units), dtype=np.int64) for name in COMPONENTS}
        for start in range(0, len(units), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            for name, column in columns.items():
                of_name = [charge[name] for charge in charges]
                column[chunk] = _charged_all(of_name, epochs[chunk], units[chunk])
        return CostCents(**columns)

    def _group_note(self, group: Sequence[Execution]) -> CostBreakdown:
        first = group[0]
        by_order: dict[int, int] = {}
        for one in group:
            units = read_price(one.price) * _counted(one.shares)
            by_order[one.order_id] = by_order.get(one.order_id, 0) + units
        shares = sum(one.shares for one in group)
        return self._breakdown(
            first.session, first.side, first.kind, shares, list(by_order.values())
        )

    def _breakdown(
        self, session: date, side: Side, kind: str, shares: int, orders: Sequence[int]
    ) -> CostBreakdown:
        if side not in ("buy", "sell"):
            raise DataError("no side", given=side, wanted="buy or sell", where="contract note")
        charges = self.charges_on(session, kind)
        units = sum(orders)
        cents = {name: _charged(charges[name], units) for name in STATUTORY}
        for name in ("commission", "platform_fee"):
            cents[name] = sum(_charged(charges[name], order) for order in orders)
        parts = {name: Decimal(value).scaleb(-2) for name, value in cents.items()}
        return CostBreakdown(session, side, shares, as_hkd(units), **parts)

    def _charges_in(self, epoch: int, kind: str) -> Mapping[str, Charge]:
        """Return every component's charge between two changes of the tables, for a kind."""
        if (epoch, kind) not in self._charges:
            self._charges[epoch, kind] = self._charges_from(self._starts[epoch], kind)
        return self._charges[epoch, kind]

    def _charges_from(self, day: date, kind: str) -> Mapping[str, Charge]:
        tables = self._tables
        known = frozenset[str]().union(*tables.applies_to.values())
        if kind not in known:
            raise TableError.no_such("no fees for this kind", kind, sorted(known), "fees.toml")
        charges = {}
        for name in STATUTORY:
            free = name == "stamp_duty" and kind in tables.duty_free.on(day)
            paid = name in self.plan.passes_on and kind in tables.applies_to[name] and not free
            charges[name] = tables.charges[name].on(day) if paid else Charge()
        platform = Charge(amount=self.plan.platform_fee)
        return {**charges, "commission": self.plan.commission, "platform_fee": platform}

    def _epochs(self, days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.intp]:
        """Return the position of each date among the changes of the tables."""
        if not len(days):
            return np.zeros(0, dtype=np.intp)
        numbers = days.astype(np.int64)
        first, last = numbers.min(), numbers.max()
        if days.min() < np.datetime64(self._starts[0]):
            raise self._too_early(days.min().item())
        starts = np.array(self._starts, dtype="datetime64[D]").astype(np.int64)
        # Few dates, many notes: look each date up once.
        by_day = np.searchsorted(starts, np.arange(first, last + 1), side="right") - 1
        epochs: npt.NDArray[np.intp] = by_day[numbers - first]
        return epochs

    def _too_early(self, session: date) -> TableError:
        return TableError(
            "the cost tables begin later",
            given=session.isoformat(),
            wanted=f"from {self._starts[0]} on",
            where="fees.toml",
        )


def _charged(charge: Charge, units: int) -> int:
    """Return a charge in cents."""
    product = units * charge.rate
    if charge.rounding == "dollar_up":
        cents = -(-product // _PER_HKD) * 100
    else:
        cents = (product + _PER_CENT // 2) // _PER_CENT
    cents = max(cents + charge.amount, charge.minimum)
    return cents if charge.maximum is None else min(cents, charge.maximum)


def _charged_all(charges: Sequence[Charge], epochs: npt.NDArray[np.intp], units: Ints) -> Ints:
    """Return the charges of many notes, each by the charge of its epoch, in cents."""
    wide = int(units.max(initial=0)) * max(charge.rate for charge in charges) >= _SAFE
    if wide:
        # Billions on one note do not fit 64 bits: one by one, in Python's integers.
        pairs = zip(epochs.tolist(), units.tolist(), strict=True)
        return np.array([_charged(charges[epoch], one) for epoch, one in pairs], dtype=np.int64)
    product = units * _by_epoch([charge.rate for charge in charges], epochs)
    if charges[0].rounding == "dollar_up":
        cents = (product + (_PER_HKD - 1)) // _PER_HKD * 100
    else:
        cents = (product + _PER_CENT // 2) // _PER_CENT
    cents = cents + _by_epoch([charge.amount for charge in charges], epochs)
    cents = np.maximum(cents, _by_epoch([charge.minimum for charge in charges], epochs))
    maxima = [_SAFE if charge.maximum is None else charge.maximum for charge in charges]
    bounded: Ints = np.minimum(cents, _by_epoch(maxima, epochs)).astype(np.int64)
    return bounded


def _by_epoch(values: Sequence[int], epochs: npt.NDArray[np.intp]) -> Ints | np.int64:
    """Return a value for each note, or one for all where it never changed."""
    if len(set(values)) == 1:
        return np.int64(values[0])
    by_note: Ints = np.array(values, dtype=np.int64)[epochs]
    return by_note


def _considerations(prices: Ints, shares: Ints) -> Ints:
    """Return price times shares; as Python's integers where 64 bits would not hold them."""
    if int(prices.max(initial=0)) * int(shares.max(initial=0)) >= _SAFE:
        wide: Ints = prices.astype(object) * shares.astype(object)
        return wide
    return prices * shares


def _counted(shares: int) -> int:
    if isinstance(shares, bool) or int(shares) != shares or shares <= 0:
        raise DataError(
            "no number of shares", given=shares, wanted="a positive integer", where="contract note"
        )
    return int(shares)


def _counted_all(shares: Ints) -> Ints:
    counted = np.asarray(shares)
    if counted.dtype.kind not in "iu" or (len(counted) and counted.min() <= 0):
        raise DataError("no number of shares", wanted="positive int64", where="contract notes")
    return counted.astype(np.int64)


def _read_prices(prices: npt.NDArray[np.float64]) -> Ints:
    given = np.asarray(prices, dtype=np.float64)
    off = np.flatnonzero(~np.isfinite(given) | (given * UNITS_PER_HKD < 0.5))
    if len(off):
        raise DataError(
            "not a price",
            given=given[off[0]],
            wanted="a number above 0",
            where=f"contract notes, position {off[0]}",
        )
    return np.rint(given * UNITS_PER_HKD).astype(np.int64)
