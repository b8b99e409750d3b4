"""Shorts: what Hong Kong and a broker ask of who sells stock that he has borrowed."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

from pydantic import Field, model_validator

from backtests.account import Account
from backtests.orders import NO_BAR_YET, NOT_DESIGNATED, STOP_SHORT, Order
from markets.designated import DesignatedList
from markets.settings import Settings


class ShortSettings(Settings):
    """Short selling: off, or covered by a borrow in designated securities only."""

    enabled: bool = False
    """Whether stock may be sold short; then the two keys below must be given."""

    designated: str | None = None
    """File of the securities that could be sold short, by date: TOML rows `[[designated]]` or CSV,
    with `ticker`, `valid_from` and maybe `valid_to`. Relative paths as in `instruments`."""

    borrow_rate_pct: float | None = Field(default=None, ge=0.0)
    """What borrowed stock costs a year, in percent of its worth at the close before, paid for each
    night (a year has 365)."""

    margin_pct: float = Field(default=50.0, ge=0.0)
    """Cash that must be there for a new short, in percent of its worth, beside its proceeds; both
    stay with the lender and buy nothing."""

    maintenance_pct: float = Field(default=25.0, ge=0.0)
    """Where a close leaves less cash than this beside the worth of all shorts, in percent of it,
    they are bought in at the next open."""

    @model_validator(mode="after")
    def _declared(self) -> ShortSettings:
        if self.enabled and self.designated is None:
            raise ValueError(
                "short selling needs designated = a dated list: Hong Kong lets only designated"
                " securities be sold short, and without a list none is"
            )
        if self.enabled and self.borrow_rate_pct is None:
            raise ValueError("short selling needs borrow_rate_pct: what a borrow costs a year")
        if self.maintenance_pct > self.margin_pct:
            raise ValueError("maintenance_pct must not lie above margin_pct")
        return self


class Shorts:
    """The rules of short selling over one account.

    Every short is covered: the stock is borrowed for all of it, which can be had in a session if
    the list names the stock on that date. Worth is at the last known close throughout.

    Parameters
    ----------
    settings : ShortSettings
        Rates, and where the list lies.
    account : Account
        Whose cash stands in for its shorts.

    Raises
    ------
    MissingDataError, TableError
        If the list cannot be read.
    """

    def __init__(self, settings: ShortSettings, account: Account) -> None:
        self.enabled = settings.enabled
        self.margin = _part(settings.margin_pct)
        self._maintenance = _part(settings.maintenance_pct)
        self._nightly = _part(settings.borrow_rate_pct or 0.0) / 365
        self._account = account
        self.listed = DesignatedList({})
        if self.enabled and settings.designated is not None:
            self.listed = DesignatedList.read(Path(settings.designated))

    @property
    def free(self) -> int:
        """Cash that may be spent, in cents: not what stands in for shorts or is owed for them."""
        return self._left(self.margin) if self.enabled else self._account.cash

    @property
    def called(self) -> bool:
        """Whether too little cash stands in for the shorts to keep them."""
        return bool(self._account.short_worth) and self._left(self._maintenance) < 0

    def refusal(self, order: Order, session: date) -> str:
        """Return why stock may not be sold short by an order in a session; empty if it may."""
        if not self.listed.has(order.ticker, session):
            return NOT_DESIGNATED
        if order.kind == "stop":
            return STOP_SHORT
        return "" if self._account.marks.get(order.ticker) else NO_BAR_YET

    def charge(self, number: int, nights: int) -> None:
        """Pay what was borrowed over the nights before session `number`, before it begins."""
        for ticker in self._account.sold_short:
            cost = -self._account.worth(ticker) * self._nightly * nights
            self._account.pay_borrow(number, ticker, floor(cost + Fraction(1, 2)))

    def _left(self, margin: Fraction) -> int:
        worth = self._account.short_worth
        return self._account.cash - self._account.debts - worth - ceil(worth * margin)


def _part(percent: float) -> Fraction:
    return Fraction(str(percent)) / 100
