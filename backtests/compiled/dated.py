"""Dated tables as the kernel reads them: board lots, charges and ticks by session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backtests.broker import Lots
from backtests.compiled.codes import COMPONENTS, SAFE
from backtests.compiled.columns import Columns
from backtests.compiled.layout import Ints
from backtests.compiled.refusals import unserved
from markets.costs import CostSchedule
from markets.errors import NewswakeError
from markets.hk.fees import Charge
from markets.rules import tick_table

# In 1e-8: the largest rate whose charge on a million million units still fits 64 bits.
_STEEPEST = 4_000_000


def lots_of(columns: Columns, lots: Lots) -> tuple[Ints, Ints]:
    """Return by session the row of board lots, and these.

    0 where none is known, which matters only to who needs it.
    """
    days = (*columns.sessions, columns.coming)
    found: Ints = np.zeros((len(days), len(columns.tickers)), dtype=np.int64)
    for place in columns.places:
        ticker = columns.tickers[place]
        found[:, place] = [_or_none(lambda t=ticker, d=day: lots.lot(t, d)) or 0 for day in days]  # type: ignore[misc]
    changes = np.append(True, (found[1:] != found[:-1]).any(axis=1))
    return np.cumsum(changes) - 1, np.ascontiguousarray(found[changes])


def fees_of(columns: Columns, kinds: Sequence[str], costs: CostSchedule) -> tuple[Ints, Ints]:
    """Return by session and kind the row of charges, and these."""
    rows = np.full((len(columns.sessions), len(kinds)), -1, dtype=np.int64)
    seen: dict[int, int] = {}
    table: list[list[list[int]]] = []
    for number, session in enumerate(columns.sessions):
        for place, kind in enumerate(kinds):
            charges = _or_none(lambda s=session, k=kind: costs.charges_on(s, k))  # type: ignore[misc]
            if charges is None:
                continue
            if id(charges) not in seen:
                require_gentle(*charges.values())
                seen[id(charges)] = len(table)
                table.append(
                    [
                        [
                            charge.rate,
                            charge.amount,
                            charge.minimum,
                            SAFE if charge.maximum is None else charge.maximum,
                            charge.rounding == "dollar_up",
                        ]
                        for charge in charges.values()
                    ]
                )
            rows[number, place] = seen[id(charges)]
    fees = np.array(table, dtype=np.int64).reshape(-1, COMPONENTS, 5)
    return rows, fees


def require_gentle(*charges: Charge) -> None:
    """Refuse a charge whose rounding up to the dollar might not fit 64 bits."""
    for charge in charges:
        if charge.rounding == "dollar_up" and charge.rate > _STEEPEST:
            raise unserved("a charge of over 4 %, rounded up to the dollar", "a lower rate")


def ticks_of(columns: Columns, kinds: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """Return by session and kind the row of tick bands, and their bounds and steps.

    Beyond the last bound the step is 0.
    """
    rows = np.full((len(columns.sessions), len(kinds)), -1, dtype=np.int64)
    tables: list[Any] = []
    for number, session in enumerate(columns.sessions):
        for place, kind in enumerate(kinds):
            table = _or_none(lambda k=kind, s=session: tick_table(k, s))  # type: ignore[misc]
            if table is not None:
                if table not in tables:
                    tables.append(table)
                rows[number, place] = tables.index(table)
    width = max((len(table.bounds) for table in tables), default=1)
    bounds = np.full((max(1, len(tables)), width), SAFE, dtype=np.int64)
    ticks = np.zeros((max(1, len(tables)), width + 1), dtype=np.int64)
    for row, table in enumerate(tables):
        bounds[row, : len(table.bounds)] = table.bounds
        ticks[row, : len(table.ticks)] = table.ticks
    return rows, bounds, ticks


def _or_none(ask: Callable[[], Any]) -> Any:
    """Return an answer, or None where a table has none: the kernel stops if it needs it."""
    try:
        return ask()
    except NewswakeError:
        return None
