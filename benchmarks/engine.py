"""Speed of the engines as ratios to plain backtrader, all in one run, and that the two agree.

Run with ``python -m benchmarks.engine [--cases N]``. vectorbt is measured where it is installed; it
is no dependency. Times are CPU seconds of this process, the best of a few runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from backtests.broker import BrokerSettings
from backtests.compiled.check import check_engines, first_difference
from backtests.compiled.engine import CompiledRun
from backtests.compiled.testing import STRATEGIES, random_case
from backtests.compiled.trials import Trial
from benchmarks.job import (
    CASH,
    ENTER,
    LEAVE,
    LOT,
    POSITIONS,
    Days,
    Job,
    Lots,
    make_job,
    plain_backtrader,
)
from markets.costs import CostSchedule
from markets.errors import NewswakeError
from signals.decisions import Thresholds
from strategies.base import StrategySettings


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest CPU time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def prepare(job: Job, *, abstentions: bool = False) -> CompiledRun:
    days = Days()
    around = [
        days.previous_session(job.sessions[0]),
        *job.sessions,
        days.next_session(job.sessions[-1]),
    ]
    return CompiledRun(
        job.market,
        job.signals(abstentions=abstentions),
        around,
        broker=BrokerSettings(cash_hkd=CASH),
        lots=Lots(),
        costs=CostSchedule(),
    )


def trial(thresholds: Thresholds | None = None, slots: int = POSITIONS) -> Trial:
    settings = StrategySettings(name="event_hold", params={"max_positions": slots})
    return Trial(settings, BrokerSettings(cash_hkd=CASH), thresholds)


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


def arrays(job: Job) -> tuple[np.ndarray, np.ndarray]:
    frames = [job.market.bars[ticker] for ticker in job.market.tickers]
    opens, closes = (
        np.ascontiguousarray(np.stack([frame[name].to_numpy() for frame in frames], axis=1))
        for name in ("open", "close")
    )
    return opens, closes


def vectorbt_seconds(job: Job) -> float | None:
    """Return the time of vectorbt's order simulation, next opens and shared cash; None without."""
    if importlib.util.find_spec("vectorbt") is None:
        return None
    import vectorbt as vbt

    opens, closes = arrays(job)
    entered = job.scores >= ENTER
    size = np.full(opens.shape, np.nan)
    size[entered] = 1.0 / POSITIONS
    size[job.scores <= LEAVE] = 0.0

    def simulate() -> object:
        portfolio = vbt.Portfolio.from_orders(
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
        )
        return portfolio.order_records

    simulate()
    return seconds(simulate)


def single_runs(stocks: int, sessions: int) -> None:
    job = make_job(stocks, sessions)
    signals = job.signals()
    found = first_difference(job.run(signals), job.run(signals, "compiled"))
    assert found is None, found
    plain = seconds(lambda: plain_backtrader(job), 1 if sessions > 5000 else 2)
    rows: list[tuple[str, float | None]] = [("plain backtrader", plain)]
    rows.append(("newswake on backtrader", seconds(lambda: job.run(signals), 2)))
    rows.append(("newswake compiled, whole", seconds(lambda: job.run(signals, "compiled"))))
    ready = prepare(job)
    rows.append(("  prepared, all tables", seconds(lambda: ready.run(trial()), 5)))
    one = [trial()] * 20
    ready.sweep(one)
    rows.append(("  prepared, equity alone", seconds(lambda: ready.sweep(one), 5) / 20))
    rows.append(("vectorbt, order simulation", vectorbt_seconds(job)))
    opens, closes = arrays(job)
    bare(opens, closes, job.scores, ENTER, LEAVE, POSITIONS)

    def bares() -> None:
        for _ in range(20):
            bare(opens, closes, job.scores, ENTER, LEAVE, POSITIONS)

    rows.append(("bare numba kernel", seconds(bares, 5) / 20))
    print(f"{stocks} stocks x {sessions} sessions, times plain backtrader")
    for name, taken in rows:
        print(f"  {name:<28}" + ("not installed" if taken is None else f"{plain / taken:>10,.1f}"))


def sweep() -> None:
    """Run 1,000 pairs of thresholds on 10 x 2,500, every score a signal."""
    job = make_job(10, 2500)
    ready = prepare(job, abstentions=True)
    cuts = [
        (above, below)
        for above in np.linspace(0.6, 0.99, 40).tolist()
        for below in np.linspace(0.01, 0.4, 25).tolist()
    ]
    trials = [trial(Thresholds(above, below), 5) for above, below in cuts]
    ready.sweep(trials[:1])
    ours = seconds(lambda: ready.sweep(trials), 2)
    opens, closes = arrays(job)
    bare(opens, closes, job.scores, ENTER, LEAVE, 5)
    least = seconds(lambda: [bare(opens, closes, job.scores, a, b, 5) for a, b in cuts], 2)
    fills = int(ready.sweep(trials).fills.sum())
    print(f"1,000 pairs on 10 x 2,500: {ours:.2f} s CPU, {fills:,} fills, bare kernel {least:.2f}")


def agreement(cases: int) -> None:
    """Compare the engines on random cases and count the differences."""
    refused = fills = 0
    for seed in range(cases):
        for strategy in STRATEGIES:
            case = random_case(10_000 + seed, strategy)
            try:
                fills += len(check_engines(**case.arguments).fills)
            except NewswakeError as error:
                if type(error).__name__ == "EngineMismatchError":
                    raise
                refused += 1
    print(
        f"{cases * len(STRATEGIES):,} cases agree in every bit: {fills:,} fills, {refused} refused"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=400, help="random cases of each strategy")
    parser.add_argument("--long", action="store_true", help="30 x 25,000 too")
    options = parser.parse_args()
    single_runs(30, 2500)
    if options.long:
        single_runs(30, 25_000)
    sweep()
    agreement(options.cases)


if __name__ == "__main__":
    main()
