"""SignalTrader: the backtrader strategy that asks a SignalStrategy what to hold and orders it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import backtrader as bt

from markets.errors import ConfigError, nearest_name
from strategies.base import SignalStrategy, View
from strategies.sizing import Wish, wishes


class Desk(Protocol):
    """What a trader needs of the engine."""

    def view(self) -> View:
        """Return what is known for the coming open."""

    def lot(self, ticker: str) -> int:
        """Return the board lot in the coming session."""

    @property
    def quiet(self) -> bool:
        """Whether nobody listens to backtrader's orders: then they need not be made."""

    @property
    def shorts(self) -> bool:
        """Whether stock may be sold short."""

    def place(self, wish: Wish, signal_id: str) -> None:
        """Give an order straight to the broker."""

    def cancel_waiting(self, ticker: str) -> None:
        """Cancel orders of a ticker that still wait."""

    def decline(self, wish: Wish, signal_id: str) -> None:
        """Record an order that was wanted and could not be made."""


class SignalTrader(bt.Strategy):
    """Runs a `SignalStrategy` on backtrader: view → targets → whole lots → orders."""

    params = (("policy", None), ("desk", None), ("reserve_bp", 0.0))

    def next(self) -> None:
        """Decide for the coming open."""
        desk: Desk = self.p.desk
        strategy: SignalStrategy[object] = self.p.policy  # type: ignore[type-var]
        view = desk.view()
        targets = strategy.targets(view)
        check_targets(targets, self.env.datasbyname, type(strategy).__name__, shorts=desk.shorts)
        ids = signal_ids(view) if strategy.follows_signals else {}
        for wish in wishes(view, targets, desk.lot, self.p.reserve_bp):
            signal_id = ids.get(wish.ticker, "")
            if wish.replaces:
                desk.cancel_waiting(wish.ticker)
            if wish.shares and desk.quiet:
                desk.place(wish, signal_id)
            elif wish.shares:
                order = self.buy if wish.side == "buy" else self.sell
                data = self.env.datasbyname[wish.ticker]
                order(data=data, size=wish.shares, short=wish.short, signal_id=signal_id)
            elif wish.reason:
                desk.decline(wish, signal_id)


def signal_ids(view: View) -> dict[str, str]:
    """Return the signal each ticker's order answers to: of today, else the last that stood."""
    found = dict(view.origins)
    found.update({signal.ticker: signal.signal_id for signal in view.standing})
    found.update({signal.ticker: signal.signal_id for signal in view.signals if signal.direction})
    return found


def check_targets(
    targets: Mapping[str, float], tickers: Mapping[str, object], name: str, *, shorts: bool = False
) -> None:
    """Refuse targets that no broker could serve.

    Raises
    ------
    ConfigError
        For what is no mapping, a ticker without prices, or a weight that is no number, or negative
        without shorts.
    """
    if not isinstance(targets, Mapping):
        raise ConfigError(
            "the strategy's targets are no mapping",
            given=type(targets).__name__,
            wanted="weights of equity by ticker",
            where=name,
        )
    for ticker, weight in targets.items():
        if ticker not in tickers:
            raise ConfigError(
                "the strategy wants a ticker that has no prices",
                given=ticker,
                where=name,
                nearest=nearest_name(ticker, tickers),
            )
        if not _finite(weight):
            raise ConfigError(
                "a target weight must be a finite number", given=f"{ticker}: {weight}", where=name
            )
        if weight < 0.0 and not shorts:
            raise ConfigError(
                "a target weight below 0 is a short, and short selling is off",
                given=f"{ticker}: {weight}",
                wanted="at least 0, or broker.short.enabled = true with its list and its rate",
                where=name,
            )


def _finite(weight: float) -> bool:
    try:
        return math.isfinite(weight)
    except TypeError:  # a strategy of one's own may say anything
        return False
