"""The invented companies: how their shares behave, and who they are as instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from markets.dated import Dated
from markets.hk.tables import open_table
from markets.instruments import Instruments

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Action:
    """A corporate action: one share becomes `ratio` shares and receives `cash_hkd` on `ex_date`."""

    ex_date: date
    ratio: float = 1.0
    cash_hkd: float = 0.0


@dataclass(frozen=True, slots=True)
class Company:
    """How the shares of one invented company behave.

    Attributes
    ----------
    ticker : str
        99001.HK to 99012.HK.
    price_hkd : float
        Price at the first session of a world.
    beta : float
        Share of the market factor in its moves.
    volume_shares : float
        Shares traded in a quiet session, before any split.
    listed : date or None
        First session with a bar, if the world has begun by then.
    lots : Dated of int
        Board lots in shares.
    halts : tuple of (date, date)
        First and last session without trading.
    actions : tuple of Action
        Splits and cash dividends, by ex date.
    """

    ticker: str
    price_hkd: float
    beta: float
    volume_shares: float
    listed: date | None
    lots: Dated[int]
    halts: tuple[tuple[date, date], ...] = ()
    actions: tuple[Action, ...] = ()

    def trades_on(self, session: date) -> bool:
        """Return whether the session has a bar: listed and not halted."""
        if self.listed is not None and session < self.listed:
            return False
        return not any(first <= session <= last for first, last in self.halts)


@cache
def instruments() -> Instruments:
    """Return the twelve companies as instruments, through the door that a user's file takes."""
    return Instruments.from_toml(_FOLDER / "instruments.toml")


@cache
def companies() -> tuple[Company, ...]:
    """Return the twelve companies, by ticker."""
    return tuple(_company(row) for _, row in open_table(_FOLDER / "companies.toml").rows("company"))


def _company(row: Mapping[str, Any]) -> Company:
    instrument = instruments()[row["ticker"]]
    return Company(
        ticker=instrument.ticker,
        price_hkd=row["price_hkd"],
        beta=row["beta"],
        volume_shares=float(row["volume_shares"]),
        listed=instrument.listed,
        lots=instruments().lots(instrument.ticker),
        halts=tuple((halt["first"], halt["last"]) for halt in row.get("halt", ())),
        actions=tuple(Action(**action) for action in row.get("action", ())),
    )
