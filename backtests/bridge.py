"""BridgeBroker: what backtrader asks of a broker, answered by ours."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import backtrader as bt
from backtrader.order import BuyOrder, SellOrder
from backtrader.position import Position

from backtests.broker import Broker
from backtests.entries import Fill
from backtests.orders import BY_STRATEGY, CASH, LOTS, NO_BAR_YET, PROCEEDS, Kind, Order, Side
from backtests.tape import Action
from markets.errors import ConfigError
from markets.rules import UNITS_PER_HKD
from strategies.sizing import price_units

_KINDS: dict[int, Kind] = {
    bt.Order.Market: "market",
    bt.Order.Limit: "limit",
    bt.Order.Stop: "stop",
}
_REFUSED = ("plimit", "oco", "parent", "trailamount", "trailpercent")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a backtrader strategy says about an order beside its size."""

    owner: Any
    price: float | None
    exectype: int | None
    valid: Any
    tradeid: int
    signal_id: str
    short: bool | None
    refused: tuple[str, ...]
    info: dict[str, Any]

    @classmethod
    def of(cls, owner: Any, options: dict[str, Any]) -> Asked:
        """Sort out the options of `Strategy.buy` and `sell`."""
        rest = {name: value for name, value in options.items() if value is not None}
        rest.pop("transmit", None)
        return cls(
            owner=owner,
            price=rest.pop("price", None),
            exectype=rest.pop("exectype", None),
            valid=rest.pop("valid", None),
            tradeid=rest.pop("tradeid", 0),
            signal_id=rest.pop("signal_id", ""),
            short=rest.pop("short", None),
            refused=tuple(name for name in _REFUSED if rest.pop(name, None) is not None),
            info=rest,
        )

    def kind(self) -> Kind:
        """Return the kind of order, or refuse it.

        Raises
        ------
        ConfigError
            If the broker has no such kind, or the price it needs is no price.
        """
        asked = bt.Order.Market if self.exectype is None else self.exectype
        kind = _KINDS.get(asked)
        if kind is None or self.refused:
            raise ConfigError(
                "this kind of order is not served",
                given=", ".join(self.refused) if kind else bt.Order.ExecTypes[asked],
                wanted="a market, limit or stop order",
            )
        price = self.price
        if kind != "market" and (price is None or not math.isfinite(price) or price <= 0.0):
            raise ConfigError("a limit or stop order needs its price", given=price, wanted="HKD")
        return kind


class BridgeBroker(bt.BrokerBase):
    """What backtrader asks of a broker, answered by `backtests.broker.Broker`.

    Strategies, sizers and analyzers of backtrader see floats of exact cents. Market, limit and stop
    orders are taken; trailing, closing-auction, bracket and one-cancels-other orders are refused.
    """

    def __init__(self, broker: Broker, calendar: tuple[date, ...]) -> None:
        super().__init__()
        self.core = broker
        self.number = -1  # session last traded; -1 before the first
        self._calendar = calendar  # the session before the run, those of the run, the one after
        self.startingcash = broker.account.cash / 100
        self.positions: defaultdict[Any, Position] = defaultdict(Position)
        self._feeds: dict[str, Any] = {}
        self._by_id: dict[int, Any] = {}
        self._news: deque[Any] = deque()
        self._gifts: list[tuple[str, int, float]] = []  # ticker, shares, HKD

    def start(self) -> None:
        """Meet the feeds, and price every one with our contract notes."""
        super().start()
        self._feeds = {data._name: data for data in self.cerebro.datas}
        for ticker in self._feeds:
            self.addcommissioninfo(ContractNotes(self, ticker), name=ticker)

    @property
    def known(self) -> date:
        """Last session whose close is known."""
        return self._calendar[self.number + 1]

    @property
    def coming(self) -> date:
        """Session whose open an order made now is meant for."""
        return self._calendar[self.number + 2]

    def getcash(self) -> float:
        """Return cash in HKD."""
        return self.core.account.cash / 100

    get_cash = getcash

    def getvalue(self, datas: Iterable[Any] | None = None, **_: Any) -> float:
        """Return equity, or the worth of holdings in some feeds, at last known closes, in HKD."""
        account = self.core.account
        if datas is None:
            return account.equity / 100
        return sum(account.worth(data._name) for data in datas) / 100

    get_value = getvalue

    def get_leverage(self) -> float:
        """Return 1: no cash is borrowed."""
        return 1.0

    def getposition(self, data: Any) -> Position:
        """Return the position in a feed."""
        return self.positions[data]

    def get_orders_open(self, safe: bool = False) -> list[Any]:
        """Return orders that can still fill."""
        found = [self._by_id[order.order_id] for order in self.core.pending]
        return [order.clone() for order in found] if safe else found

    def orderstatus(self, order: Any) -> int:
        """Return an order's status."""
        return int(order.status)

    def buy(self, owner: Any, data: Any, size: float, **options: Any) -> Any:
        """Take a purchase; return backtrader's order, or None if there is none to be made."""
        return self._take(BuyOrder, "buy", data, size, Asked.of(owner, options))

    def sell(self, owner: Any, data: Any, size: float, **options: Any) -> Any:
        """Take a sale; return backtrader's order, or None if there is none to be made."""
        return self._take(SellOrder, "sell", data, size, Asked.of(owner, options))

    def cancel(self, order: Any) -> bool:
        """Cancel an order at its strategy's wish; return whether it could still fill."""
        return self.cancel_core(self.core.orders[order.info["order_id"] - 1], BY_STRATEGY)

    def place_core(self, ticker: str, side: Side, shares: int, short: bool, signal_id: str) -> None:
        """Take a market order that backtrader need not know of: nobody listens to it."""
        more: dict[str, Any] = {
            "effective": self.coming,
            "signal_id": signal_id,
            "short": short,
        }
        if len(self._feeds[ticker]):
            self.core.place(ticker, side, shares, **more)
        else:
            self.core.decline(ticker, side, NO_BAR_YET, **more)

    def cancel_core(self, order: Order, reason: str) -> bool:
        """Cancel one of our orders and tell its strategy."""
        if not self.core.cancel(order, reason):
            return False
        self._close(order)
        return True

    def get_notification(self) -> Any:
        """Return the next order event for a strategy, or None."""
        return self._news.popleft() if self._news else None

    def next(self) -> None:
        """Trade the next session."""
        self.number += 1
        actions, outcomes = self.core.trade(self.number)
        for action in actions:
            self._adjust(action)
        self._deliver()
        for order, fill in outcomes:
            if order.forced:
                self._adopt(order)
            if fill is not None:
                self._report(order, fill)
            if not order.alive and order.status != "filled":
                self._close(order)

    def _take(self, make: type[Any], side: Side, data: Any, size: float, asked: Asked) -> Any:
        kind = asked.kind()
        short = self._is_short(side, data._name) if asked.short is None else asked.short
        shares = int(abs(size)) if math.isfinite(size) else 0
        if shares == 0 or not len(data):
            # backtrader would date the order by the feed's current bar, and there is none.
            reason = NO_BAR_YET if shares else LOTS
            self.core.decline(
                data._name,
                side,
                reason,
                effective=self.coming,
                signal_id=asked.signal_id,
                short=short,
            )
            return None
        theirs = make(
            owner=asked.owner,
            data=data,
            size=shares,
            price=asked.price,
            exectype=asked.exectype,
            valid=asked.valid,
            tradeid=asked.tradeid,
        )
        ours = self.core.place(
            data._name,
            side,
            shares,
            effective=self.coming,
            signal_id=asked.signal_id,
            kind=kind,
            price_units=price_units(asked.price) if kind != "market" and asked.price else 0,
            until=None if theirs.valid is None else data.num2date(theirs.valid).date(),
            short=short,
        )
        theirs.addinfo(**asked.info)
        return self._take_up(theirs, ours)

    def _take_up(self, theirs: Any, ours: Order) -> Any:
        """Keep backtrader's order beside ours and tell its owner that it is taken."""
        theirs.addinfo(order_id=ours.order_id)
        theirs.addcomminfo(self.getcommissioninfo(theirs.data))
        self._by_id[ours.order_id] = theirs
        theirs.submit(self)
        theirs.accept(self)
        self._news.append(theirs.clone())
        return theirs

    def _is_short(self, side: Side, ticker: str) -> bool:
        """Whether an order opens or covers a short, once what waits has filled."""
        if not self.core.shorts.enabled:
            return False
        expected = self.core.account.shares.get(ticker, 0) + self.core.waiting().get(ticker, 0)
        return expected < 0 if side == "buy" else expected <= 0

    def _adopt(self, ours: Order) -> None:
        """Show backtrader an order that our broker made itself, where it keeps the position."""
        data = self._feeds[ours.ticker]
        if ours.order_id not in self._by_id and self.positions[data].size:
            owner = self.cerebro.runningstrats[0]
            market = bt.Order.Market
            theirs = BuyOrder(owner=owner, data=data, size=ours.shares, exectype=market)
            self._take_up(theirs, ours)

    def _report(self, order: Order, fill: Fill) -> None:
        """Tell backtrader of a fill, in its floats."""
        theirs = self._by_id.get(order.order_id)
        if theirs is None:
            return
        data = theirs.data
        price = fill.units / UNITS_PER_HKD
        position = self.positions[data]
        before = position.price
        signed = fill.shares if fill.side == "buy" else -fill.shares
        size, average, opened, closed = position.update(signed, price)
        cost = fill.cost / 100
        theirs.execute(
            data.datetime[0],
            signed,
            price,
            closed,
            abs(closed) * before,
            cost if closed else 0.0,
            opened,
            abs(opened) * price,
            cost if opened else 0.0,
            None,
            -closed * (price - before),
            size,
            average,
        )
        self._news.append(theirs.clone())

    def _close(self, order: Order) -> None:
        """Tell backtrader that an order ended without filling as wanted."""
        theirs = self._by_id.get(order.order_id)
        if theirs is None:
            return
        theirs.addinfo(reason=order.reason)
        if order.status == "expired":
            theirs.status = bt.Order.Expired
        elif order.status == "rejected":
            short_of_cash = order.reason in (CASH, PROCEEDS)
            theirs.status = bt.Order.Margin if short_of_cash else bt.Order.Rejected
        else:
            theirs.status = bt.Order.Canceled
        self._news.append(theirs.clone())

    def _adjust(self, action: Action) -> None:
        """Bring backtrader's position and open trades onto the basis after a split."""
        data = self._feeds[action.ticker]
        position = self.positions[data]
        if action.ratio == 1:
            return
        self._gifts = [
            (ticker, int(shares * action.ratio) if ticker == action.ticker else shares, worth)
            for ticker, shares, worth in self._gifts
        ]
        if not position.size:
            return
        ratio = float(action.ratio)
        position.fix(self.core.account.shares.get(action.ticker, 0), position.price / ratio)
        for strategy in self.cerebro.runningstrats:
            for trades in strategy._trades[data].values():
                if trades and trades[-1].isopen:
                    trades[-1].size = position.size
                    trades[-1].price /= ratio

    def _deliver(self) -> None:
        """Add shares that came in specie to backtrader's positions and trades, at their worth.

        backtrader dates a trade by its feed's bar: shares of a stock that never traded wait.
        """
        for row in self.core.deliveries:
            self._gifts.append((row.ticker, row.other_shares, row.other_worth / 100))
        waiting = []
        for ticker, shares, worth in self._gifts:
            if len(self._feeds[ticker]):
                self._give(self._feeds[ticker], shares, worth)
            else:
                waiting.append((ticker, shares, worth))
        self._gifts = waiting

    def _give(self, data: Any, shares: int, worth: float) -> None:
        if not shares:
            return
        price = worth / shares
        self.positions[data].update(shares, price)
        for strategy in self.cerebro.runningstrats:
            trades = strategy._trades[data][0]
            if not trades or not trades[-1].isopen:
                trades.append(bt.Trade(data=data, tradeid=0, historyon=False))
            # No order stands behind it; backtrader asks of one only whether it is simulated.
            gift = SimpleNamespace(p=SimpleNamespace(simulated=False))
            info = self.getcommissioninfo(data)
            trades[-1].update(gift, shares, price, worth, 0.0, 0.0, info)


class ContractNotes(bt.CommInfoBase):
    """What sizers and analyzers of backtrader see as commission: the same contract note."""

    def __init__(self, broker: BridgeBroker, ticker: str) -> None:
        super().__init__()
        self._broker = broker
        self._ticker = ticker

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        shares = int(abs(size))
        if shares == 0 or not math.isfinite(price) or price <= 0.0:
            return 0.0
        side: Side = "buy" if size > 0 else "sell"
        units = price_units(price)
        note = self._broker.core.note(self._ticker, side, self._broker.coming, units, shares)
        return sum(note) / 100
