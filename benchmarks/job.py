"""The job that every engine does in `benchmarks/engine.py`: a market, scores, and who trades them.

Thirty invented stocks; a score a day each; bought at the next open when the score is high, the best
first into free slots, sold at the next open when it is low; whole lots, 0.1 % commission.

The job lies where engines need not differ: cash never binds (backtrader refuses what it does not
cover, newswake cuts it to lots), every stock has a bar in every session, and prices are on such a
grid that a commission on whole lots is whole cents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from backtests.broker import BrokerSettings
from backtests.engine import run_engine
from backtests.result import EngineResult
from markets.costs import CostSchedule
from markets.hk.fees import BrokerPlan, Charge
from markets.prices import MarketData, no_actions
from signals.decisions import Signal
from strategies.base import StrategySettings

ENTER, LEAVE = 0.93, 0.15
POSITIONS = 10
CASH = 1_000_000.0
COMMISSION = 0.001
# Kept back of each position, so that a higher open never meets the end of the cash.
RESERVE = 0.10
LOT = 100
GRID = 0.1
STEP = timedelta(days=1)
# A plan without any duty, levy or minimum.
FLAT = CostSchedule(
    BrokerPlan("flat", Charge(rate=round(COMMISSION * 10**8)), passes_on=frozenset())
)
PLAIN = BrokerSettings(cash_hkd=CASH)


def strategy(slots: int = POSITIONS) -> StrategySettings:
    """Return the job's policy as newswake's settings."""
    return StrategySettings(
        name="event_hold", params={"max_positions": slots}, reserve_bp=1e4 * RESERVE
    )


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

    def signals(self, *, abstentions: bool = False, horizon: int | None = None) -> list[Signal]:
        """Return what the scores say; abstentions too if wanted, for some sessions or for good."""
        found = []
        ends = [*self.sessions, *[self.sessions[-1] + 400 * STEP] * len(self.sessions)]
        ahead = len(self.sessions) if horizon is None else horizon
        for number, (session, row) in enumerate(
            zip(self.sessions, self.scores.tolist(), strict=True)
        ):
            last = ends[number + ahead]
            decided = datetime(session.year, session.month, session.day, 1, tzinfo=UTC)
            for ticker, score in zip(self.market.tickers, row, strict=True):
                direction = 1 if score >= ENTER else -1 if score <= LEAVE else 0
                if direction or abstentions:
                    name = f"{ticker}-{session}"
                    found.append(
                        Signal(name, ticker, decided, session, last, direction, score, 0, "")
                    )
        return found

    def run(
        self,
        signals: list[Signal],
        engine: Any = "backtrader",
        *,
        broker: BrokerSettings | None = None,
        costs: CostSchedule | None = None,
    ) -> EngineResult:
        """Run newswake, by default with the costs of Hong Kong."""
        return run_engine(
            strategy(),
            self.market,
            signals,
            start=self.sessions[0],
            end=self.sessions[-1],
            broker=(broker or PLAIN).model_copy(update={"engine": engine}),
            instruments=Lots(),
            calendar=Days(),
            costs=costs or CostSchedule(),
        )

    @cached_property
    def leavers(self) -> list[list[int]]:
        """The stocks to sell at each open."""
        return [np.flatnonzero(row <= LEAVE).tolist() for row in self.scores]

    @cached_property
    def entrants(self) -> list[list[int]]:
        """The stocks to buy at each open, the best first."""
        order = np.argsort(-self.scores, axis=1, kind="stable")
        counts = (self.scores >= ENTER).sum(axis=1)
        return [row[:count].tolist() for row, count in zip(order, counts, strict=True)]

    def decide(
        self, row: int, held: Sequence[float], closes: Sequence[float], value: float
    ) -> list[tuple[int, int]]:
        """Return stocks and shares to order for the open of a row: sales, then purchases."""
        if row >= len(self.scores):
            return []
        orders = [(stock, -int(held[stock])) for stock in self.leavers[row] if held[stock]]
        free = POSITIONS - sum(1 for shares in held if shares) + len(orders)
        fresh = [stock for stock in self.entrants[row] if not held[stock]]
        budget = value / POSITIONS / (1.0 + RESERVE)
        bought = [(stock, int(budget / closes[stock] / LOT) * LOT) for stock in fresh[:free]]
        return orders + [(stock, shares) for stock, shares in bought if shares]


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
        close = np.round(60 * np.exp(level) / GRID) * GRID
        opens = np.round(close * np.exp(rng.normal(0, 0.005, sessions)) / GRID) * GRID
        frame = {
            "open": np.round(opens, 2),
            "high": np.round(np.maximum(opens, close), 2),
            "low": np.round(np.minimum(opens, close), 2),
            "close": np.round(close, 2),
            "volume": np.round(rng.uniform(1e6, 5e6, sessions)),
        }
        bars[f"{number + 1:04d}.HK"] = pd.DataFrame(frame, index=index)
    scores = np.round(rng.random((sessions, stocks)), 6)
    scores[0] = 0.5  # other engines make their first decision after the first bar
    return Job(MarketData(bars, no_actions()), scores, days.tolist())
