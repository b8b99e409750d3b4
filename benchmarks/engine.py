"""Speed of the engines as ratios to plain backtrader, all in one run, and that the two agree.

Run with ``python -m benchmarks.engine [--cases N]``. Peers are measured where they are installed;
none is a dependency. Times are CPU time of this process, the best of a few runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from backtests.broker import BrokerSettings
from backtests.compiled.check import check_engines, first_difference
from backtests.compiled.engine import CompiledRun
from backtests.compiled.testing import STRATEGIES, random_case
from backtests.compiled.trials import Trial
from benchmarks.job import (
    CASH,
    ENTER,
    LEAVE,
    POSITIONS,
    Days,
    Job,
    Lots,
    make_job,
    plain_backtrader,
)
from benchmarks.peers import PEERS, arrays, bare, installed
from markets.costs import CostSchedule
from markets.errors import NewswakeError
from signals.decisions import Thresholds
from strategies.base import StrategySettings
from strategies.event_hold import EventHold

# Seconds of CPU time that one measurement takes at least.
LEAST = 2.0


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Return the CPU time of a run: the shortest of a few times, each at least `LEAST` long.

    On a busy machine a long run never meets a quiet moment, and a short one does: so that the
    ratio of two is fair, the short one is repeated until it is a long one too.
    """
    calls, found = 1, []
    while len(found) < repeats:
        start = time.process_time()
        for _ in range(calls):
            run()
        taken = time.process_time() - start
        if taken < LEAST and not found:
            calls = max(2 * calls, int(1.2 * calls * LEAST / max(taken, 1e-6)))
        else:
            found.append(taken / calls)
    return min(found)


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


class Asked(EventHold):
    """`event_hold` as a policy of one's own: the kernel does not know it, and asks it."""


def single_runs(stocks: int, sessions: int, *, slow_peers: bool) -> None:
    """Print how many times plain backtrader's speed each engine has, after holding both equal."""
    job = make_job(stocks, sessions)
    signals = job.signals()
    found = first_difference(job.run(signals), job.run(signals, "compiled"))
    assert found is None, found
    ready, one = prepare(job), [trial()]
    many = one * 100
    own = {"resolve": lambda _: Asked}
    assert (ready.sweep(one, **own).equity == ready.sweep(one).equity).all()
    rows: dict[str, float | None] = {}
    rows["newswake compiled, equity alone"] = seconds(lambda: ready.sweep(many)) / 100
    opens, closes = arrays(job)
    rows["bare numba kernel, no rules"] = seconds(
        lambda: bare(opens, closes, job.scores, ENTER, LEAVE, POSITIONS)
    )
    for name, (module, made) in PEERS.items():
        rows[name] = None
        if installed(module) and (slow_peers or module == "vectorbt"):
            run = made(job)
            run()
            rows[name] = seconds(run)
    rows["newswake compiled, all tables"] = seconds(lambda: ready.run(one[0]))
    rows["newswake compiled, preparation too"] = seconds(lambda: job.run(signals, "compiled"))
    rows["newswake compiled, own policy"] = seconds(lambda: ready.sweep(one, **own))
    rows["newswake on backtrader"] = seconds(lambda: job.run(signals))
    plain = seconds(lambda: plain_backtrader(job), 3 if slow_peers else 1)
    rows["plain backtrader"] = plain
    print(f"{stocks} stocks x {sessions:,} sessions: times plain backtrader, milliseconds")
    for name, taken in sorted(rows.items(), key=lambda row: row[1] or 1e9):
        told = (
            "   not measured" if taken is None else f"{plain / taken:>10,.1f} {taken * 1e3:>11,.2f}"
        )
        print(f"  {name:<36}{told}")
    compiled, least = rows["newswake compiled, equity alone"], rows["bare numba kernel, no rules"]
    assert compiled is not None
    assert least is not None
    orders = rows["vectorbt, from orders"]
    against = "" if orders is None else f", {orders / compiled:.1f} times vectorbt from orders"
    print(f"  equity alone takes {compiled / least:.2f} times the bare kernel{against}")


def linearity() -> None:
    """Print what a stock's session costs, equity alone, as sessions and stocks grow.

    A third of the stocks can be held, so that the trades grow with them.
    """
    print("nanoseconds a stock and session, a third of the stocks held")
    for stocks, sessions in ((10, 2500), (30, 2500), (100, 2500), (300, 2500), (30, 25_000)):
        ready = prepare(make_job(stocks, sessions))
        one = [trial(slots=stocks // 3)]
        many = one * max(1, 3_000_000 // (stocks * sessions))
        ready.sweep(one)
        taken = seconds(lambda: ready.sweep(many)) / len(many)  # noqa: B023
        fills = int(ready.sweep(one).fills[0])
        each, whole = taken / stocks / sessions * 1e9, taken * 1e3
        print(f"  {stocks:>3} x {sessions:>6,}: {each:6.1f} ns, {whole:8.2f} ms, {fills:,} fills")


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
    fills = int(ready.sweep(trials).fills.sum())
    ours = seconds(lambda: ready.sweep(trials))
    opens, closes = arrays(job)
    bare(opens, closes, job.scores, ENTER, LEAVE, 5)
    least = seconds(lambda: [bare(opens, closes, job.scores, a, b, 5) for a, b in cuts])
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
    parser.add_argument("--cases", type=int, default=1000, help="random cases of each strategy")
    options = parser.parse_args()
    single_runs(30, 2500, slow_peers=True)
    single_runs(30, 25_000, slow_peers=False)
    linearity()
    sweep()
    agreement(options.cases)


if __name__ == "__main__":
    main()
