"""The job of `benchmarks/job.py` on other engines, each where it is installed; none is needed.

Engines that ask a strategy are asked for the same decisions. Those that simulate given orders
(vectorbt, bt) are given the orders that a NumPy pass found, which is not in their time. Final
equities are compared: where one differs, the engine does another job, and its speed says less.

``pip install backtrader-next lib-pybroker vectorbt bt backtesting pyqlib 'mlflow>=3'`` into an
environment that holds this project brings them all. zipline-reloaded and nautilus_trader for Python
3.11 ask for pandas below 3, which no environment of this project has, and are left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bare import arrays, numpy_pass
from benchmarks.event_driven import plain_backtrader, pybroker, qlib_engine
from benchmarks.job import CASH, COMMISSION, ENTER, LEAVE, LOT, POSITIONS, RESERVE, Job

# Returns the final equity.
Run = Callable[[], float]


def vectorbt_orders(job: Job) -> Run:
    """Return its simulation of orders: next opens, shared cash, lots."""
    import vectorbt as vbt

    opens, closes = arrays(job)
    traded = numpy_pass(job)[1]
    size = np.where(traded, traded, np.nan)

    def simulate() -> float:
        portfolio = vbt.Portfolio.from_orders(
            closes,
            size=size,
            price=opens,
            fees=COMMISSION,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            size_granularity=LOT,
        )
        return _value(portfolio, closes)

    return simulate


def vectorbt_signals(job: Job) -> Run:
    """Return its simulation of entries and exits, which knows no slots."""
    import vectorbt as vbt

    opens, closes = arrays(job)

    def simulate() -> float:
        portfolio = vbt.Portfolio.from_signals(
            closes,
            job.scores >= ENTER,
            job.scores <= LEAVE,
            price=opens,
            size=CASH / POSITIONS / (1.0 + RESERVE),
            size_type="value",
            fees=COMMISSION,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            size_granularity=LOT,
        )
        return _value(portfolio, closes)

    return simulate


def _value(portfolio: Any, closes: np.ndarray) -> float:
    """Return the final equity by the order records: the whole path would cost as much again."""
    records = portfolio.order_records
    signed = np.where(records["side"] == 0, records["size"], -records["size"])
    cash = CASH - (signed * records["price"]).sum() - records["fees"].sum()
    held = np.bincount(records["col"], signed, closes.shape[1])
    return float(cash + held @ closes[-1])


def bt_orders(job: Job) -> Run:
    """Return its simulation of orders, at prices of our own through its bid and offer."""
    import bt

    opens, closes = arrays(job)
    days, names = pd.DatetimeIndex(job.sessions), list(job.market.tickers)
    data = pd.DataFrame(closes, days, names)
    traded = numpy_pass(job)[1]
    orders = {
        day: [(names[stock], float(row[stock]), float(at[stock])) for stock in np.flatnonzero(row)]
        for day, row, at in zip(days, traded, opens, strict=True)
    }

    class Given(bt.Algo):  # type: ignore[misc]
        def __call__(self, target: Any) -> bool:
            for name, shares, price in orders[target.now]:
                target[name].transact(shares, price=price)
            return True

    def simulate() -> float:
        securities = [bt.Security(name) for name in names]
        test = bt.Backtest(
            bt.Strategy("orders", [Given()], securities),
            data,
            initial_capital=CASH,
            commissions=lambda shares, price: abs(shares) * price * COMMISSION,
            integer_positions=True,
            progress_bar=False,
            additional_data={"bidoffer": data * 0.0},
        )
        test.run()
        return float(test.strategy.value)

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

    def simulate() -> float:
        with redirect_stderr(StringIO()):  # its progress bars
            return sum(
                backtesting.Backtest(frame, Scores, cash=CASH / len(frames), commission=COMMISSION)
                .run()
                .loc["Equity Final [$]"]
                for frame in frames
            )

    return simulate


# By what is printed: the module that must be there, and what makes a run of it.
PEERS: dict[str, tuple[str, Callable[[Job], Run]]] = {
    "backtrader, preloaded": (
        "backtrader",
        lambda job: partial(plain_backtrader, job, preloaded=True),
    ),
    "backtrader-next": (
        "backtrader_next",
        lambda job: partial(plain_backtrader, job, "backtrader_next"),
    ),
    "pybroker": ("pybroker", lambda job: partial(pybroker, job)),
    "qlib": ("qlib", qlib_engine),
    "vectorbt, from orders": ("vectorbt", vectorbt_orders),
    "vectorbt, from signals": ("vectorbt", vectorbt_signals),
    "bt, from orders": ("bt", bt_orders),
    "backtesting.py, by stock": ("backtesting", backtesting_stocks),
    "bare NumPy pass": ("numpy", lambda job: lambda: numpy_pass(job)[0]),
}


def installed(module: str) -> bool:
    """Return whether a peer can be measured."""
    return importlib.util.find_spec(module) is not None
