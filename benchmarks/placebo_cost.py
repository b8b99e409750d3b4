"""What a placebo run costs beside the full run it is a placebo of.

Run with ``python -m benchmarks.placebo_cost [CONFIG]``; exits 1 if a placebo, the one that learns
again included, is not at least ten times cheaper than reading, learning, trading and judging anew.
Both are measured in time of this process, so that what else the machine does falls out.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from backtests.config import load_config
from backtests.inputs import load_inputs
from backtests.journal import Journal
from backtests.robustness.ground import ground_of
from backtests.robustness.placebo import PLACEBOS, habits_of
from backtests.robustness.rounds import run_placebos
from backtests.run import judge, learn, mean_weight, trade

PROMISE = 10.0
RUNS = 5


def main(path: Path) -> int:
    config = load_config(path).config
    began = time.process_time()
    inputs = load_inputs(config)
    learned = learn(config, inputs, Journal())
    engine, baselines = trade(config, inputs, learned)
    judge(config, inputs, learned, engine, baselines)
    full = time.process_time() - began
    print(f"full run          {full:7.2f} s")
    began = time.process_time()
    ground = ground_of(config, inputs, learned)
    rows, columns = ground.counted.matrix.shape
    seconds = time.process_time() - began
    print(f"ground, once      {seconds:7.2f} s  ({rows:,} rows, {columns:,} columns and terms)")
    habits = habits_of(engine, mean_weight(engine), 7, config.strategy.reserve_bp)
    broken = False
    for name, placebo in PLACEBOS.items():
        began = time.process_time()
        run_placebos(ground, habits, {name: RUNS}, seed=7)
        ratio = full / ((time.process_time() - began) / RUNS)
        print(f"{name:<17} {full / ratio:7.2f} s  {ratio:5.1f} × cheaper  ({placebo.recomputes})")
        broken |= ratio < PROMISE
    return int(broken)


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[1] / "configs" / "quickstart.toml"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
