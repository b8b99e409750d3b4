"""Speed of the engines as ratios to plain backtrader, all in one run, and that they agree.

Run with ``python -m benchmarks.engine [--cases N]``. Peers are measured where they are installed
(`benchmarks/peers.py` says how); none is a dependency. Times are CPU time of this process, the best
of a few runs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np

from backtests.broker import BrokerSettings
from backtests.compiled.check import check_engines, first_difference
from backtests.compiled.engine import CompiledRun
from backtests.compiled.short_cases import short_case
from backtests.compiled.testing import STRATEGIES, random_case
from backtests.compiled.trials import Trial
from backtests.result import EngineResult
from benchmarks.bare import UNSORTED, arrays, best_first, kernel
from benchmarks.event_driven import Fill, plain_backtrader
from benchmarks.hong_kong import BROKER as ALL_RULES
from benchmarks.hong_kong import HORIZON, bitten, rough
from benchmarks.job import (
    ENTER,
    FLAT,
    LEAVE,
    PLAIN,
    POSITIONS,
    Days,
    Job,
    Lots,
    make_job,
    strategy,
)
from benchmarks.peers import PEERS, installed
from markets.costs import CostSchedule
from markets.errors import NewswakeError
from signals.decisions import Signal, Thresholds
from strategies.event_hold import EventHold

SAME, HK_COSTS = "the same", "costs of Hong Kong"
BARE = "bare numba kernel"
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


def prepare(
    job: Job,
    signals: Sequence[Signal] | None = None,
    broker: BrokerSettings = PLAIN,
    costs: CostSchedule | None = None,
) -> CompiledRun:
    days = Days()
    around = [
        days.previous_session(job.sessions[0]),
        *job.sessions,
        days.next_session(job.sessions[-1]),
    ]
    return CompiledRun(
        job.market,
        job.signals() if signals is None else signals,
        around,
        broker=broker,
        lots=Lots(),
        costs=costs or CostSchedule(),
    )


def trial(
    thresholds: Thresholds | None = None, slots: int = POSITIONS, broker: BrokerSettings = PLAIN
) -> Trial:
    return Trial(strategy(slots), broker, thresholds)


class Asked(EventHold):
    """`event_hold` as a policy of one's own: the kernel does not know it, and asks it."""


@dataclass
class Table:
    """What was measured: CPU seconds by name, and what is said of the final equity."""

    seconds: dict[str, float] = field(default_factory=dict)
    equity: dict[str, str] = field(default_factory=dict)

    repeats: int = 3

    def add(self, name: str, run: Callable[[], object], equity: str = "", calls: int = 1) -> None:
        """Measure a run that does its work so many times."""
        self.seconds[name] = seconds(run, self.repeats) / calls
        self.equity[name] = equity

    def write(self, title: str) -> None:
        """Print the table, the fastest first."""
        plain = self.seconds["plain backtrader"]
        print(f"{title}: times plain backtrader, milliseconds, final equity")
        for name, taken in sorted(self.seconds.items(), key=lambda row: row[1]):
            print(f"  {name:<38}{plain / taken:>9,.1f}{taken * 1e3:>11,.2f}  {self.equity[name]}")

    def ratio(self, slow: str, fast: str) -> float:
        return self.seconds[slow] / self.seconds[fast]


def same_fills(job: Job) -> float:
    """Hold both engines to plain backtrader's fills and final equity; return that equity."""
    fills: list[Fill] = []
    equity = plain_backtrader(job, fills=fills)
    for engine in ("backtrader", "compiled"):
        result = job.run(job.signals(), engine, costs=FLAT)
        found = fills_of(result)
        for place, pair in enumerate(zip_longest(fills, found)):
            assert pair[0] == pair[1], f"{engine}, fill {place + 1}: {pair[0]} and {pair[1]}"
        assert len(result.orders) == len(fills), engine
        assert round(equity * 100) == round(result.equity["equity_hkd"].iloc[-1] * 100), engine
    print(
        f"at a flat commission both engines make plain backtrader's {len(fills):,} fills (session, "
        f"stock, shares, price) and its final equity of {equity:,.2f} HKD"
    )
    return equity


def fills_of(result: EngineResult) -> list[Fill]:
    """Return newswake's fills as those of plain backtrader are kept."""
    fills = result.fills
    signed = fills["shares"].where(fills["side"] == "buy", -fills["shares"])
    days = [day.date() for day in fills["session"]]
    return list(zip(days, fills["ticker"], signed, fills["price_hkd"], strict=True))


def with_all_rules(table: Table, job: Job) -> None:
    """Add the job with halts, actions, slippage, impact, participation, waiting and expiry."""
    hard = rough(job)
    signals = hard.signals(horizon=HORIZON)
    first, second = (
        hard.run(signals, engine, broker=ALL_RULES) for engine in ("backtrader", "compiled")
    )
    found = first_difference(first, second)
    assert found is None, found
    print(f"with all rules on both engines agree in every bit: {bitten(second)}")
    ready, many = prepare(hard, signals, ALL_RULES), [trial(broker=ALL_RULES)] * 100
    table.add("newswake compiled, all rules on", lambda: ready.sweep(many), "all rules", 100)


def single_runs(stocks: int, sessions: int, *, slow_peers: bool) -> None:
    """Print how many times plain backtrader's speed each engine has, after holding all equal."""
    job = make_job(stocks, sessions)
    expected, table = same_fills(job), Table(repeats=3 if slow_peers else 1)
    signals, one = job.signals(), [trial()]
    found = first_difference(job.run(signals), job.run(signals, "compiled"))
    assert found is None, found
    ready, many = prepare(job), one * 100
    own = {"resolve": lambda _: Asked}
    assert (ready.sweep(one, **own).equity == ready.sweep(one).equity).all()
    flat = prepare(job, costs=FLAT)
    table.add("newswake compiled, equity alone", lambda: ready.sweep(many), HK_COSTS, 100)
    table.add("newswake compiled, flat commission", lambda: flat.sweep(many), SAME, 100)
    if slow_peers:  # not on a century, whose costs ruin the account
        with_all_rules(table, job)
    for name, order in ((BARE, UNSORTED), (f"{BARE}, scores sorted", best_first(job))):
        given = (*arrays(job), job.scores, order, ENTER, LEAVE, POSITIONS)
        table.add(name, partial(kernel, *given), told(kernel(*given), expected))
    for name, (module, made) in PEERS.items():
        if not installed(module):
            print(f"  {name}: not installed")
        elif slow_peers or module in ("vectorbt", "bt", "numpy"):
            run = made(job)
            table.add(name, run, told(run(), expected))
    table.add("newswake compiled, all tables", lambda: ready.run(one[0]), HK_COSTS)
    table.add("newswake compiled, preparation too", lambda: job.run(signals, "compiled"), HK_COSTS)
    table.add("newswake compiled, own policy", lambda: ready.sweep(one, **own), HK_COSTS)
    table.add("newswake on backtrader", lambda: job.run(signals), HK_COSTS)
    table.add("plain backtrader", lambda: plain_backtrader(job), SAME)
    table.write(f"{stocks} stocks x {sessions:,} sessions")
    orders = "vectorbt, from orders"
    ours = ("newswake compiled, equity alone", "newswake compiled, all rules on")
    for name in filter(table.seconds.__contains__, ours):
        line = f"  {name}: {table.ratio(name, BARE):.2f} times the bare kernel's time"
        if orders in table.seconds:
            line += f", {table.ratio(orders, name):.1f} times as fast as vectorbt from orders"
        print(line)


def told(equity: float, expected: float) -> str:
    """Return what is said of a final equity."""
    if round(equity * 100) == round(expected * 100):
        return SAME
    return f"{equity / expected - 1.0:+.2%}: another job"


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
    ready = prepare(job, job.signals(abstentions=True))
    cuts = [
        (above, below)
        for above in np.linspace(0.6, 0.99, 40).tolist()
        for below in np.linspace(0.01, 0.4, 25).tolist()
    ]
    trials = [trial(Thresholds(above, below), 5) for above, below in cuts]
    fills = int(ready.sweep(trials).fills.sum())
    ours = seconds(lambda: ready.sweep(trials))
    given = (*arrays(job), job.scores, UNSORTED)
    kernel(*given, ENTER, LEAVE, 5)
    least = seconds(lambda: [kernel(*given, above, below, 5) for above, below in cuts])
    print(f"1,000 pairs on 10 x 2,500: {ours:.2f} s CPU, {fills:,} fills, bare kernel {least:.2f}")


def agreement(cases: int, lists: Path | None = None) -> None:
    """Compare the engines on random cases and count the differences; with a folder, on shorts."""
    refused = fills = filled = 0
    for seed in range(10_000, 10_000 + cases):
        for name in STRATEGIES:
            case = short_case(seed, name, lists) if lists else random_case(seed, name)
            try:
                found = len(check_engines(**case.arguments).fills)
            except NewswakeError as error:
                if type(error).__name__ == "EngineMismatchError":
                    raise
                refused += 1
                continue
            fills, filled = fills + found, filled + (found > 0)
    kind = "cases with short selling" if lists else "cases"
    count = cases * len(STRATEGIES)
    print(
        f"{count:,} {kind} agree in every bit: {fills:,} fills in {filled:,} of them, "
        f"{refused} refused"
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
    with tempfile.TemporaryDirectory() as folder:
        agreement(options.cases, Path(folder))


if __name__ == "__main__":
    main()
