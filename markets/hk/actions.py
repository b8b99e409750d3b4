"""Known corporate actions: the project's own dated table, and how it completes a price source's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from markets.actions import all_columns, by_key, clashing, without_defaults
from markets.errors import TableError
from markets.hk.tables import Fields, open_table, refuse_unknown, required
from markets.prices import MarketData
from markets.tickers import normalize_ticker

_WEEK = timedelta(days=7)
_KEYS = frozenset(
    {"ticker", "announced", "ex_date", "ratio", "cash_hkd", "cash_verified", "pay_date"}
    | {"in_specie_ticker", "in_specie_ratio", "delivery_date", "source", "checked_on", "verified"}
)


@dataclass(frozen=True, slots=True)
class KnownAction:
    """One dated corporate action.

    Attributes
    ----------
    ticker : str
        Whose holders are entitled.
    ex_date : date
        First session without the right to it.
    ratio, cash_hkd : Fraction
        New shares, and Hong Kong dollars, for an old share.
    in_specie_ticker, in_specie_ratio : str, Fraction
        Shares of another company for an old share; empty and 0 where there are none.
    pay_date, delivery_date : date or None
        When cash and shares arrive; None for the ex date.
    announced : date or None
        When it became known; nothing here is read before its ex date.
    source, checked_on : str, date
        Where it was read, and when last.
    verified : bool
        False where dates, ratios or cash are own knowledge.
    """

    ticker: str
    ex_date: date
    ratio: Fraction
    cash_hkd: Fraction
    in_specie_ticker: str
    in_specie_ratio: Fraction
    pay_date: date | None
    delivery_date: date | None
    announced: date | None
    source: str
    checked_on: date
    verified: bool

    @property
    def label(self) -> str:
        """What happened, in a line."""
        parts = []
        if self.ratio != 1:
            parts.append(f"{self.ratio} shares for one")
        if self.cash_hkd:
            parts.append(f"HKD {float(self.cash_hkd):g} a share")
        if self.in_specie_ticker:
            parts.append(f"{self.in_specie_ratio} share of {self.in_specie_ticker} a share")
        return f"{self.ticker} on {self.ex_date}: {', '.join(parts)}"

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields; ratios as fractions in a text."""

        def ready(value: object) -> object:
            if isinstance(value, date):
                return value.isoformat()
            return str(value) if isinstance(value, Fraction) else value

        fields = {name: ready(getattr(self, name)) for name in self.__slots__}
        return fields | {"cash_hkd": float(self.cash_hkd)}


@cache
def known_actions() -> tuple[KnownAction, ...]:
    """Return the project's own table, by ex date."""
    return read_known_actions("actions")


def read_known_actions(source: str | Path) -> tuple[KnownAction, ...]:
    """Read a table of `[[actions]]`: the project's own by bare name, or a file in its form.

    Raises
    ------
    TableError
        If a row is off or stands twice; names file and row.
    """
    found, places = [], []
    for where, row in open_table(source).rows("actions"):
        found.append(_action(row, where))
        places.append(where)
    clash = clashing(_table(found)).tolist()
    if any(clash):
        second = found[clash.index(True)]
        raise TableError(
            "two rows for one action",
            given=f"{second.ticker} on {second.ex_date}",
            wanted="one row; without a split, one for each in_specie_ticker",
            where=places[clash.index(True)],
        )
    return tuple(sorted(found, key=lambda one: (one.ex_date, one.ticker, one.in_specie_ticker)))


def with_known_actions(
    market: MarketData, known: Iterable[KnownAction] | None = None
) -> MarketData:
    """Return raw prices with the known actions that their source does not state.

    An action counts from the first to the last bar of its ticker. A row of the source, of the same
    ticker within a week of the ex date, wins whole: it may state the same as cash. Prices that are
    adjusted contain their actions already and stay as they are.

    Parameters
    ----------
    market : MarketData
        From any source.
    known : iterable of KnownAction, optional
        By default `known_actions`.
    """
    if market.adjusted:
        return market
    stated = list(
        zip(market.actions["ticker"], pd.DatetimeIndex(market.actions["ex_date"]), strict=True)
    )
    added = []
    for action in known_actions() if known is None else known:
        if action.ticker not in market.bars:
            continue
        first, last = (market.bars[action.ticker].index[place].date() for place in (0, -1))
        own = any(
            ticker == action.ticker and abs(day.date() - action.ex_date) <= _WEEK
            for ticker, day in stated
        )
        if first < action.ex_date <= last and not own:
            added.append(action)
    if not added:
        return market
    table = pd.concat([all_columns(market.actions), _table(added)], ignore_index=True)
    return replace(market, actions=without_defaults(by_key(table)))


def _table(actions: list[KnownAction]) -> pd.DataFrame:
    def days(values: Iterable[date | None]) -> pd.Series:
        return pd.Series(list(values), dtype="datetime64[s]")

    return all_columns(
        pd.DataFrame(
            {
                "ticker": pd.Series([one.ticker for one in actions], dtype="str"),
                "ex_date": days(one.ex_date for one in actions),
                "ratio": [float(one.ratio) for one in actions],
                "cash_hkd": [float(one.cash_hkd) for one in actions],
                "pay_date": days(one.pay_date for one in actions),
                "in_specie_ticker": pd.Series(
                    [one.in_specie_ticker for one in actions], dtype="str"
                ),
                "in_specie_ratio": [float(one.in_specie_ratio) for one in actions],
                "delivery_date": days(one.delivery_date for one in actions),
            }
        )
    )


def _action(row: Fields, where: str) -> KnownAction:
    refuse_unknown(row, _KEYS, where)
    ticker = normalize_ticker(required(row, "ticker", str, where), where=where)
    other = row.get("in_specie_ticker", "")
    ex_date = required(row, "ex_date", date, where)
    later = [
        required(row, key, date, where) if key in row else None
        for key in ("pay_date", "delivery_date", "announced")
    ]
    if any(day is not None and day < ex_date for day in later[:2]):
        raise TableError("an action arrives before its ex date", given=ex_date, where=where)
    share = _fraction(row.get("in_specie_ratio", "0"), where)
    ratio = _fraction(row.get("ratio", "1"), where)
    if bool(other) != bool(share) or not ratio:
        wanted = "ratio above 0; in_specie_ticker and in_specie_ratio together"
        raise TableError("an impossible action", given=ticker, wanted=wanted, where=where)
    return KnownAction(
        ticker=ticker,
        ex_date=ex_date,
        ratio=ratio,
        cash_hkd=_fraction(row.get("cash_hkd", "0"), where),
        in_specie_ticker=normalize_ticker(other, where=where) if other else "",
        in_specie_ratio=share,
        pay_date=later[0],
        delivery_date=later[1],
        announced=later[2],
        source=required(row, "source", str, where),
        checked_on=required(row, "checked_on", date, where),
        verified=required(row, "verified", bool, where) and bool(row.get("cash_verified", True)),
    )


def _fraction(text: Any, where: str) -> Fraction:
    try:
        found = Fraction(text) if isinstance(text, str) else None
    except (ValueError, ZeroDivisionError):
        found = None
    if found is None or found < 0:
        wanted = 'a number or fraction as a text, as in "4.34" or "1/21"'
        raise TableError("no amount", given=text, wanted=wanted, where=where)
    return found
