"""The job that every engine does in `benchmarks/engine.py`: a market, signals, and who trades it.

Thirty invented stocks; a score a day each; bought at the next open when the score rises above one
threshold, sold at the next open when it falls below another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from backtests.broker import BrokerSettings
from backtests.engine import run_engine
from backtests.result import EngineResult
from markets.costs import CostSchedule
from markets.prices import MarketData, no_actions
from signals.decisions import Signal
from strategies.base import StrategySettings

ENTER, LEAVE = 0.93, 0.15
POSITIONS = 10
CASH = 1_000_000.0
LOT = 100
STEP = timedelta(days=1)


class Lots:
    """One lot for all."""

    def lot(self, ticker: str, day: date) -> int:
        return LOT

    def get(self, ticker: str) -> Any:
        return SimpleNamespace(kind="equity")


class Days:
    """Every weekday is a session."""

    def sessions(self, start: date, end: date) -> list[date]:
        days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
        return days[np.is_busday(days)].tolist()

    def next_session(self, day: date, n: int = 1) -> date:
        return np.busday_offset(np.datetime64(day), n, roll="backward").item()

    def previous_session(self, day: date, n: int = 1) -> date:
        return np.busday_offset(np.datetime64(day), -n, roll="forward").item()


@dataclass(frozen=True)
class Job:
    """A market and the score of each stock at each open."""

    market: MarketData
    scores: np.ndarray  # sessions x tickers, known before the open of the session
    sessions: list[date]

    def signals(self, *, abstentions: bool = False) -> list[Signal]:
        """Return what the scores say; abstentions too if wanted."""
        found = []
        last = self.sessions[-1] + 400 * STEP
        for session, row in zip(self.sessions, self.scores.tolist(), strict=True):
            decided = datetime(session.year, session.month, session.day, 1, tzinfo=UTC)
            for ticker, score in zip(self.market.tickers, row, strict=True):
                direction = 1 if score >= ENTER else -1 if score <= LEAVE else 0
                if direction or abstentions:
                    name = f"{ticker}-{session}"
                    found.append(
                        Signal(name, ticker, decided, session, last, direction, score, 0, "")
                    )
        return found

    def run(self, signals: list[Signal], engine: Any = "backtrader") -> EngineResult:
        """Run newswake with all its rules."""
        return run_engine(
            StrategySettings(name="event_hold", params={"max_positions": POSITIONS}),
            self.market,
            signals,
            start=self.sessions[0],
            end=self.sessions[-1],
            broker=BrokerSettings(cash_hkd=CASH, engine=engine),
            instruments=Lots(),
            calendar=Days(),
            costs=CostSchedule(),
        )


def make_job(stocks: int, sessions: int, seed: int = 20250912) -> Job:
    """Return a job of some size."""
    rng = np.random.default_rng(seed)
    days = np.busday_offset("2010-01-04", np.arange(sessions), roll="forward")
    index = pd.DatetimeIndex(days.astype("datetime64[s]"), name="session")
    bars = {}
    for number in range(stocks):
        # Pulled back to its start, so that 100 years of prices stay on the exchange's grid.
        noise = rng.normal(0, 0.02, sessions)
        level = np.empty(sessions)
        state = 0.0
        for at, shock in enumerate(noise.tolist()):
            state = 0.995 * state + shock
            level[at] = state
        close = np.round(60 * np.exp(level) / 0.05) * 0.05
        opens = np.round(close * np.exp(rng.normal(0, 0.005, sessions)) / 0.05) * 0.05
        frame = {
            "open": np.round(opens, 2),
            "high": np.round(np.maximum(opens, close), 2),
            "low": np.round(np.minimum(opens, close), 2),
            "close": np.round(close, 2),
            "volume": np.round(rng.uniform(1e6, 5e6, sessions)),
        }
        bars[f"{number + 1:04d}.HK"] = pd.DataFrame(frame, index=index)
    scores = np.round(rng.random((sessions, stocks)), 6)
    return Job(MarketData(bars, no_actions()), scores, days.tolist())


def plain_backtrader(job: Job) -> float:
    """Run the job as backtrader's own documentation would; return the final equity."""
    import backtrader as bt

    enter, leave = job.scores >= ENTER, job.scores <= LEAVE

    class Scores(bt.Strategy):  # type: ignore[misc]
        def next(self) -> None:
            row = len(self)  # orders made now fill at the next open
            if row >= len(enter):
                return
            held = 0
            for number, data in enumerate(self.datas):
                if self.getposition(data).size:
                    if leave[row, number]:
                        self.close(data)
                    else:
                        held += 1
            value = self.broker.getvalue()
            for number, data in enumerate(self.datas):
                if held >= POSITIONS:
                    break
                if enter[row, number] and not self.getposition(data).size:
                    size = int(value / POSITIONS / 1.005 / data.close[0] / LOT) * LOT
                    if size:
                        self.buy(data, size=size)
                        held += 1

    cerebro = bt.Cerebro()
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(0.001)
    for ticker, frame in job.market.bars.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=ticker)
    cerebro.addstrategy(Scores)
    cerebro.run()
    return float(cerebro.broker.getvalue())
