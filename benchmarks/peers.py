"""The job of `benchmarks/job.py` on other engines, each where it is installed; none is needed.

They keep no rule of an exchange, and not all of them the same rules of the job: some fill at the
close or trade one stock at a time. What is compared is the time for the same bars and scores.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from benchmarks.job import CASH, ENTER, LEAVE, LOT, POSITIONS, Job

Run = Callable[[], object]


def arrays(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return opens and closes, sessions × stocks."""
    frames = [job.market.bars[ticker] for ticker in job.market.tickers]
    opens, closes = (
        np.ascontiguousarray(np.stack([frame[name].to_numpy() for frame in frames], axis=1))
        for name in ("open", "close")
    )
    return opens, closes


@njit
def bare(opens: Any, closes: Any, scores: Any, enter: float, leave: float, slots: int) -> float:
    """Run the job without a rule of any exchange: floats, one commission, no records."""
    sessions, stocks = opens.shape
    held, wanted = np.zeros(stocks), np.zeros(stocks)
    cash, value, count = CASH, CASH, 0
    for number in range(sessions):
        for stock in range(stocks):
            if wanted[stock] < 0:
                cash += held[stock] * opens[number, stock] * 0.999
                held[stock] = 0.0
        for stock in range(stocks):
            cost = wanted[stock] * opens[number, stock] * 1.001
            if 0 < cost <= cash:
                cash -= cost
                held[stock] = wanted[stock]
        value, count = cash, 0
        for stock in range(stocks):
            value += held[stock] * closes[number, stock]
            wanted[stock] = 0.0
            count += held[stock] > 0
        if number + 1 < sessions:
            for stock in range(stocks):
                score = scores[number + 1, stock]
                if held[stock] > 0 and score <= leave:
                    wanted[stock] = -1.0
                    count -= 1
                elif held[stock] == 0 and score >= enter and count < slots:
                    size = value / slots / 1.005 / closes[number, stock] // LOT * LOT
                    wanted[stock] = size
                    count += size > 0
    return value


def vectorbt_orders(job: Job) -> Run:
    """Return its simulation of orders: next opens, shared cash, lots."""
    import vectorbt as vbt

    opens, closes = arrays(job)
    size = np.full(opens.shape, np.nan)
    size[job.scores >= ENTER] = 1.0 / POSITIONS
    size[job.scores <= LEAVE] = 0.0

    def simulate() -> object:
        return vbt.Portfolio.from_orders(
            closes,
            size=size,
            size_type="targetpercent",
            price=opens,
            fees=0.001,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            size_granularity=LOT,
        ).order_records

    return simulate


def vectorbt_signals(job: Job) -> Run:
    """Return its simulation of entries and exits, which fills no two sides in one session."""
    import vectorbt as vbt

    opens, closes = arrays(job)

    def simulate() -> object:
        return vbt.Portfolio.from_signals(
            closes,
            job.scores >= ENTER,
            job.scores <= LEAVE,
            price=opens,
            size=CASH / POSITIONS,
            size_type="value",
            fees=0.001,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            size_granularity=LOT,
        ).order_records

    return simulate


def bt_weights(job: Job) -> Run:
    """Return the job as target weights of bt, which fills at the close."""
    import bt

    closes = pd.DataFrame(
        arrays(job)[1], index=pd.DatetimeIndex(job.sessions), columns=list(job.market.tickers)
    )
    state = np.where(job.scores >= ENTER, 1.0, np.where(job.scores <= LEAVE, 0.0, np.nan))
    held = pd.DataFrame(state, closes.index, closes.columns).ffill().fillna(0.0)
    weights = held.div(held.sum(axis=1).clip(lower=POSITIONS), axis=0)
    changed = weights[(weights != weights.shift()).any(axis=1)]

    def simulate() -> object:
        algos = [bt.algos.WeighTarget(changed), bt.algos.Rebalance()]
        test = bt.Backtest(
            bt.Strategy("scores", algos),
            closes,
            initial_capital=CASH,
            commissions=lambda shares, price: abs(shares) * price * 0.001,
            integer_positions=True,
            progress_bar=False,
        )
        test.run()
        return test.strategy.value

    return simulate


def backtesting_stocks(job: Job) -> Run:
    """Return the job on backtesting.py, stock by stock with its part of the cash."""
    import backtesting

    class Scores(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            score = self.data.Score[-1]
            if self.position and score <= LEAVE:
                self.position.close()
            elif not self.position and score >= ENTER:
                self.buy()

    frames = []
    for number, bars in enumerate(job.market.bars.values()):
        # Known before the open of its session: it decides on the bar before.
        scores = np.append(job.scores[1:, number], 0.5)
        frames.append(bars.rename(columns=str.title).assign(Score=scores))

    def simulate() -> object:
        with redirect_stderr(StringIO()):  # its progress bars
            return [
                backtesting.Backtest(
                    frame, Scores, cash=CASH / len(frames), commission=0.001, finalize_trades=True
                ).run()
                for frame in frames
            ]

    return simulate


# By what is printed: the module that must be there, and what makes a run of it.
PEERS: dict[str, tuple[str, Callable[[Job], Run]]] = {
    "vectorbt, from orders": ("vectorbt", vectorbt_orders),
    "vectorbt, from signals": ("vectorbt", vectorbt_signals),
    "bt": ("bt", bt_weights),
    "backtesting.py, by stock": ("backtesting", backtesting_stocks),
}


def installed(module: str) -> bool:
    """Return whether a peer can be measured."""
    return importlib.util.find_spec(module) is not None
