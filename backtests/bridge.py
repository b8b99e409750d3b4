"""The bridge to backtrader: its broker interface over our broker, its loop over our sessions."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import backtrader as bt
import numpy as np
from backtrader.order import BuyOrder, SellOrder
from backtrader.position import Position

from backtests.account import Fill
from backtests.broker import Broker
from backtests.orders import BY_STRATEGY, CASH, LOTS, NO_BAR_YET, PROCEEDS, Kind, Order, Side
from backtests.tape import Action
from markets.errors import ConfigError
from strategies.feed import SessionFeed, hide_future
from strategies.sizing import price_micros

_KINDS: dict[int, Kind] = {
    bt.Order.Market: "market",
    bt.Order.Limit: "limit",
    bt.Order.Stop: "stop",
}


class BridgeBroker(bt.BrokerBase):  # type: ignore[misc]
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
        """Return 1: nothing is borrowed."""
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
        """Take a purchase."""
        return self._take(BuyOrder, "buy", owner, data, size, **options)

    def sell(self, owner: Any, data: Any, size: float, **options: Any) -> Any:
        """Take a sale."""
        return self._take(SellOrder, "sell", owner, data, size, **options)

    def cancel(self, order: Any) -> bool:
        """Cancel an order at its strategy's wish; return whether it could still fill."""
        return self.cancel_core(self.core.orders[order.info["order_id"] - 1], BY_STRATEGY)

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
        for order, fill in outcomes:
            if fill is not None:
                self._report(order, fill)
            if not order.alive and order.status != "filled":
                self._close(order)

    def _take(
        self,
        make: type[Any],
        side: Side,
        owner: Any,
        data: Any,
        size: float,
        *,
        price: float | None = None,
        plimit: float | None = None,
        exectype: int | None = None,
        valid: Any = None,
        tradeid: int = 0,
        signal_id: str = "",
        **options: Any,
    ) -> Any:
        kind = _kind(exectype, plimit, options)
        about = {"decided": self.known, "effective": self.coming, "signal_id": signal_id}
        shares = int(abs(size)) if math.isfinite(size) else 0
        if shares == 0 or not len(data):
            # backtrader would date the order by the feed's current bar, and there is none.
            self.core.decline(data._name, side, NO_BAR_YET if shares else LOTS, **about)
            return None
        if kind != "market" and (price is None or not math.isfinite(price) or price <= 0.0):
            raise ConfigError("a limit or stop order needs its price", given=price, wanted="HKD")
        theirs = make(
            owner=owner,
            data=data,
            size=shares,
            price=price,
            exectype=exectype,
            valid=valid,
            tradeid=tradeid,
        )
        theirs.addinfo(**{key: value for key, value in options.items() if value is not None})
        theirs.addcomminfo(self.getcommissioninfo(data))
        until = None if theirs.valid is None else data.num2date(theirs.valid).date()
        ours = self.core.place(
            data._name,
            side,
            shares,
            kind=kind,
            price_micros=price_micros(price) if kind != "market" and price else 0,
            until=until,
            **about,
        )
        theirs.addinfo(order_id=ours.order_id)
        self._by_id[ours.order_id] = theirs
        theirs.submit(self)
        theirs.accept(self)
        self._news.append(theirs.clone())
        return theirs

    def _report(self, order: Order, fill: Fill) -> None:
        """Tell backtrader of a fill, in its floats."""
        theirs = self._by_id[order.order_id]
        data = theirs.data
        price = fill.micros / 1_000_000
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
        theirs = self._by_id[order.order_id]
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
        if action.ratio == 1 or not position.size:
            return
        ratio = float(action.ratio)
        position.fix(self.core.account.shares.get(action.ticker, 0), position.price / ratio)
        for strategy in self.cerebro.runningstrats:
            for trades in strategy._trades[data].values():
                if trades and trades[-1].isopen:
                    trades[-1].size = position.size
                    trades[-1].price /= ratio


class ContractNotes(bt.CommInfoBase):  # type: ignore[misc]
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
        micros = price_micros(price)
        note = self._broker.core.note(self._ticker, side, self._broker.coming, micros, shares)
        return sum(note) / 100


class SessionCerebro(bt.Cerebro):  # type: ignore[misc]
    """backtrader's engine with the exchange calendar as its clock.

    `next` runs after the close of every session, whether or not some feed has a bar: a late listing
    holds nobody up, a halt stops nothing. The first call comes after the session before the run, so
    that the run's first open can be traded. An indicator that lacks bars reads NaN.
    """

    params = (("stdstats", False), ("preload", True), ("runonce", True), ("maxcpus", 1))

    def __init__(self, days: tuple[int, ...], turn: Callable[[], None]) -> None:
        super().__init__()
        self._days = days  # backtrader day numbers: the session before the run, those of the run
        self._turn = turn

    def _disable_runonce(self) -> None:
        raise ConfigError("this indicator needs backtrader's bar-by-bar mode, which is not served")

    def _runonce(self, strategies: list[Any]) -> None:
        for strategy in strategies:
            strategy._once()
            hide_future(strategy)
            strategy.reset()
            strategy._getminperstatus = _readiness(strategy)
        plan = _plan(self.datas, self._days)
        for number, day in enumerate(self._days, start=-1):
            for feed, bars in plan[number + 1]:
                feed.step(bars)
            if number < 0:
                _catch_up(strategies)
            else:
                self._brokernotify()
            self._turn()
            for strategy in strategies:
                strategy._oncepost(float(day))
                if self._event_stop:
                    return


def backtrader_day(session: date) -> int:
    """Return a date as backtrader's day number at midnight."""
    return session.toordinal()


def _plan(feeds: Sequence[SessionFeed], days: Sequence[int]) -> list[list[tuple[SessionFeed, int]]]:
    """Return, by day, the feeds that go on and by how many bars: several only at the first."""
    plan: list[list[tuple[SessionFeed, int]]] = [[] for _ in days]
    for feed in feeds:
        own = np.array(feed.lines.datetime.array[: feed.buflen()])
        reached = np.searchsorted(own, np.array(days), side="right")
        for place, bars in enumerate(np.diff(reached, prepend=0).tolist()):
            if bars:
                plan[place].append((feed, bars))
    return plan


def _catch_up(strategies: list[Any]) -> None:
    """Move indicators over the bars before the run."""
    for strategy in strategies:
        for indicator in strategy.getindicators():
            behind = len(indicator._clock) - len(indicator)
            if behind > 1:
                indicator.advance(size=behind - 1)


def _readiness(strategy: Any) -> Callable[[], int]:
    """Return when `next` runs: as soon as one feed has the bars its indicators need.

    backtrader waits for the youngest feed, which lets one late listing freeze all others.
    """

    def status() -> int:
        lacking = [
            period - len(data)
            for period, data in zip(strategy._minperiods, strategy.datas, strict=True)
        ]
        strategy._minperstatus = min(lacking)
        return int(strategy._minperstatus)

    return status


def _kind(exectype: int | None, plimit: float | None, options: dict[str, Any]) -> Kind:
    kind = _KINDS.get(bt.Order.Market if exectype is None else exectype)
    asked = [name for name in ("oco", "parent", "trailamount", "trailpercent") if options.get(name)]
    if kind is None or plimit is not None or asked:
        raise ConfigError(
            "this kind of order is not served",
            given=bt.Order.ExecTypes[exectype or 0] if kind is None else ", ".join(asked),
            wanted="a market, limit or stop order",
        )
    options.pop("transmit", None)
    return kind
