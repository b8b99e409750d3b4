"""SessionCerebro: backtrader's engine with the exchange calendar as its clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import backtrader as bt
import numpy as np

from markets.errors import ConfigError
from strategies.feed import SessionFeed, hide_future


class SessionCerebro(bt.Cerebro):
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
        if strategy._minperstatus < 0:  # bars are never lost: once ready, always ready
            return -1
        lacking = [
            period - len(data)
            for period, data in zip(strategy._minperiods, strategy.datas, strict=True)
        ]
        strategy._minperstatus = min(lacking)
        return int(strategy._minperstatus)

    return status
