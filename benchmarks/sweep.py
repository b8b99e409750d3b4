"""What a sweep costs, as seconds and ratios in one run: a start, a trial, a second worker.

Run with ``python -m benchmarks.sweep [CONFIG] [--trials N] [--quick]``. Every sweep is a command of
its own, start-up included. CPU seconds are those of the command and its processes: on a machine
that does other things too, wall times say little.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMPILED = ("--set", "broker.engine=compiled")
PROMISE_SECONDS = 10.0


@dataclass(frozen=True)
class Cost:
    """What a command took: wall and CPU seconds, its largest memory in MB, and what it said."""

    wall: float
    cpu: float
    memory_mb: float
    said: dict[str, Any]

    @property
    def trials(self) -> float:
        """Wall seconds of the trials alone, the start of workers included."""
        return float(self.said["seconds"]["trials"])


def swept(config: Path, cache: Path, count: int, *more: str) -> Cost:
    """Run a sweep of so many combinations of strategy values, into a folder that is left behind."""
    out = cache.parent / f"out-{time.monotonic_ns()}"
    flags = [
        *("--grid", "strategy.params.max_positions=1:20:1"),
        *("--range", "strategy.params.weight=0.01:0.2", "--draws", str(count)),
    ]
    command = [sys.executable, "-m", "backtests", "sweep", str(config), *flags, *more]
    command += ["--out", str(out), "--cache", str(cache), "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the sweep ended with {process.returncode}")
    shutil.rmtree(out)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, json.loads(answer))


def thousand(config: Path, cache: Path) -> Cost:
    """Measure 1,000 trials with upstream to compute, then with it in the cache."""
    cold = swept(config, cache, 1_000, *COMPILED)
    warm = swept(config, cache, 1_000, *COMPILED)
    alone = swept(config, cache, 1_000, *COMPILED, "--jobs", "1")
    print("1,000 combinations of strategy values, compiled engine, start-up included")
    for name, cost in (("upstream computed", cold), ("upstream cached", warm)):
        print(f"  {name:<28}{cost.wall:>8.1f} s wall{cost.cpu:>8.1f} s CPU")
    print(f"  {'the same, one process':<28}{alone.wall:>8.1f} s wall{alone.cpu:>8.1f} s CPU")
    kept = "kept" if warm.wall <= PROMISE_SECONDS else "not kept"
    print(f"  promise of {PROMISE_SECONDS:.0f} s on 2 cores, cached: {kept}")
    return alone


def per_trial(config: Path, cache: Path, base: Cost, trials: int) -> None:
    """Measure what one more trial costs on either engine, in one process."""
    more = swept(config, cache, 10_000, *COMPILED, "--jobs", "1", "--max", "10000")
    few, many = (swept(config, cache, n, "--jobs", "1") for n in (2, 2 + trials))
    compiled = (more.cpu - base.cpu) / 9_000
    backtrader = (many.cpu - few.cpu) / trials
    memory = (more.memory_mb - base.memory_mb) / 9_000 * 1024
    print("one more trial, CPU of the whole command, journal, ledger and judging included")
    print(f"  compiled, in a block        {1e3 * compiled:>8.2f} ms, {memory:.0f} kB of memory")
    print(f"  backtrader                  {1e3 * backtrader:>8.2f} ms")
    print(f"  ratio                       {backtrader / compiled:>8.0f}")


def workers(config: Path, cache: Path, trials: int) -> None:
    """Measure what a second worker is worth on trials of backtrader.

    By wall time where the machine is idle; by CPU where it is not: what two workers do at once is
    worth half of what it costs them, against what it costs the leading process alone.
    """
    print(f"a second worker, {trials} trials of backtrader")
    few = max(4, trials // 4)
    alone, start = (swept(config, cache, count, "--jobs", "1") for count in (trials, few))
    each = (alone.cpu - start.cpu) / (trials - few)
    print(
        f"  {'in the leading process':<26}{alone.trials:>6.1f} s wall{alone.cpu:>8.1f} s CPU, "
        f"{1e3 * each:.0f} ms a trial"
    )
    for name, flags in (("processes", ()), ("Dask on this machine", ("--cluster", "local"))):
        two, start = (swept(config, cache, count, "--jobs", "2", *flags) for count in (trials, few))
        one = (two.cpu - start.cpu) / (trials - few)
        print(
            f"  {f'two {name}':<26}{two.trials:>6.1f} s wall{two.cpu:>8.1f} s CPU, "
            f"{1e3 * one:.0f} ms a trial; start included {alone.trials / two.trials:.2f} times as "
            f"fast; efficiency by CPU, start aside, {each / one:.0%}"
        )


def breadth() -> None:
    """Measure how preparation and kernel grow with the market."""
    from benchmarks.engine import prepare, trial
    from benchmarks.job import make_job

    print("one preparation and one trial on it, CPU, by stocks x sessions")
    for stocks, sessions in ((30, 2_500), (300, 2_500)):
        job = make_job(stocks, sessions)
        began = time.process_time()
        ready = prepare(job)
        prepared = time.process_time() - began
        ready.sweep([trial()])
        began = time.process_time()
        ready.sweep([trial()] * 10)
        each = (time.process_time() - began) / 10
        cells = stocks * sessions / 1e6
        print(
            f"  {stocks:>5,} x {sessions:,}{prepared:>9.2f} s{1e3 * each:>9.2f} ms, a bar: "
            f"{prepared / cells:.1f} us and {1e3 * each / cells:.0f} ns"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", nargs="?", type=Path, default=ROOT / "configs" / "quickstart.toml"
    )
    parser.add_argument("--trials", type=int, default=60, help="of backtrader, a measurement")
    parser.add_argument("--quick", action="store_true", help="the first table alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        swept(options.config, Path(folder) / "other" / "cache", 2, *COMPILED)  # the kernel
        alone = thousand(options.config, cache)
        if not options.quick:
            per_trial(options.config, cache, alone, options.trials)
            workers(options.config, cache, options.trials)
            breadth()


if __name__ == "__main__":
    main()
