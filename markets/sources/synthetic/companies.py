"""The invented companies: how their shares behave, and who they are as instruments."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


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
        First session with a bar; None if listed before any world begins.
    lots : tuple of (date, int)
        Board lots, each from its date on.
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
    lots: tuple[tuple[date, int], ...]
    halts: tuple[tuple[date, date], ...] = ()
    actions: tuple[Action, ...] = ()

    def trades_on(self, session: date) -> bool:
        """Return whether the session has a bar: listed and not halted."""
        if self.listed is not None and session < self.listed:
            return False
        return not any(first <= session <= last for first, last in self.halts)

    def lot(self, session: date) -> int:
        """Return the board lot in force, in shares."""
        index = bisect_right([start for start, _ in self.lots], session) - 1
        return self.lots[max(index, 0)][1]


@cache
def companies() -> tuple[Company, ...]:
    """Return the twelve companies, by ticker."""
    text = files(__package__).joinpath("companies.toml").read_text(encoding="utf-8")
    return tuple(_company(row) for row in tomllib.loads(text)["company"])


def _company(row: Mapping[str, Any]) -> Company:
    return Company(
        ticker=row["ticker"],
        price_hkd=row["price_hkd"],
        beta=row["beta"],
        volume_shares=float(row["volume_shares"]),
        listed=row.get("listed"),
        lots=tuple((lot[0], lot[1]) for lot in row["lots"]),
        halts=tuple((halt["first"], halt["last"]) for halt in row.get("halt", ())),
        actions=tuple(
            Action(action["ex_date"], action.get("ratio", 1.0), action.get("cash_hkd", 0.0))
            for action in row.get("action", ())
        ),
    )
