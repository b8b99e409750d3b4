"""Sizing: target weights into whole board lots at the last known close, and into orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markets.rules import UNITS_PER_HKD
from strategies.base import View

_UNITS_PER_CENT = UNITS_PER_HKD // 100

Side = Literal["buy", "sell"]
NO_CLOSE = "no close known to size it with"
UNDER_ONE_LOT = "less than one board lot"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a target asks of the broker.

    Attributes
    ----------
    ticker, side : str
        What, and `buy` or `sell`.
    shares : int
        0 if the target cannot be had; then `reason` says why.
    replaces : bool
        Whether orders still waiting for this ticker are to be cancelled first.
    reason : str
        Empty unless `shares` is 0.
    short : bool
        Whether it opens or covers a short.
    """

    ticker: str
    side: Side
    shares: int
    replaces: bool = False
    reason: str = ""
    short: bool = False


def price_units(price_hkd: float) -> int:
    """Return a price in integer ten-thousandths of a dollar, the unit of `markets.rules`."""
    return round(price_hkd * UNITS_PER_HKD)


def lots_for(
    weight: float, equity_hkd: float, close_hkd: float, lot: int, reserve_bp: float
) -> int:
    """Return the whole lots, in shares, that a weight of equity buys at the last known close.

    Parameters
    ----------
    weight : float
        Of equity; at or below 0 buys nothing.
    equity_hkd, close_hkd : float
        After the close of the session before the order's.
    lot : int
        Shares of a board lot in the order's session.
    reserve_bp : float
        Kept back for costs, slippage and a higher open.

    Examples
    --------
    >>> lots_for(0.1, 1_000_000.0, 151.10, 100, 50.0)
    600
    """
    if weight <= 0.0:
        return 0
    # A policy may count in narrower floats, whose products would be narrow too.
    budget_cents = int(float(weight) * round(equity_hkd * 100) / (1.0 + reserve_bp / 10_000.0))
    # Shorts can lose more than there is: a negative equity sizes nothing, of either side.
    return max(0, budget_cents) * _UNITS_PER_CENT // (price_units(close_hkd) * lot) * lot


def wishes(
    view: View, targets: Mapping[str, float], lot: Callable[[str], int], reserve_bp: float
) -> list[Wish]:
    """Return what to order so that holdings meet their targets, in the order of the targets.

    What opens or adds is rounded down to whole lots; so is a reduction, while a target of 0 closes
    all, odd lots included. From one side to the other takes two orders. Orders still waiting that
    already do what is wanted are left alone, others are replaced.

    Parameters
    ----------
    view : View
        What was known.
    targets : mapping of str to float
        Weights of equity; 0 closes all, below 0 sells short.
    lot : callable
        Board lot of a ticker in the coming session.
    reserve_bp : float
        See `lots_for`.
    """
    found: list[Wish] = []
    for ticker, weight in targets.items():
        held = view.holdings.get(ticker, 0)
        waiting = view.waiting.get(ticker, 0)
        entry: Side = "sell" if weight < 0.0 else "buy"
        if weight != 0.0 and view.closes.get(ticker, 0.0) <= 0.0:
            found.append(Wish(ticker, entry, 0, reason=NO_CLOSE, short=weight < 0.0))
            continue
        changes = _changes(view, ticker, weight, held, lot(ticker), reserve_bp)
        total = sum(changes)
        if total == waiting and total != 0:
            continue
        if total != 0 or waiting != 0:
            found += _ordered(ticker, held, changes, replaces=waiting != 0)
        elif weight != 0.0 and held == 0:
            found.append(Wish(ticker, entry, 0, reason=UNDER_ONE_LOT, short=weight < 0.0))
    return found


def _changes(
    view: View, ticker: str, weight: float, held: int, lot: int, reserve_bp: float
) -> list[int]:
    """Return shares to buy (positive) or sell (negative) in order; none crosses zero."""
    if weight == 0.0:
        return [-held]
    wanted = lots_for(abs(weight), view.equity_hkd, view.closes[ticker], lot, reserve_bp)
    wanted = wanted if weight > 0.0 else -wanted
    if held * weight < 0.0:
        return [-held, wanted] if wanted else [-held]
    change = wanted - held
    return [change // lot * lot if change > 0 else -(-change // lot * lot)]


def _ordered(ticker: str, held: int, changes: Sequence[int], *, replaces: bool) -> Iterator[Wish]:
    """Yield the orders of changes; the first replaces what waits."""
    for change in changes:
        side: Side = "buy" if change > 0 else "sell"
        yield Wish(ticker, side, abs(change), replaces, short=(held or change) < 0)
        held, replaces = held + change, False
