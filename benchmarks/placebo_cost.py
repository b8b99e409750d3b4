"""What a placebo run costs beside the full run it is a placebo of.

Run with ``python benchmarks/placebo_cost.py [CONFIG]``; exits 1 if a placebo that reuses what was
learned is not at least ten times cheaper than reading, learning and trading again.
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
RUNS = 3


def main(path: Path) -> int:
    config = load_config(path).config
    began = time.perf_counter()
    inputs = load_inputs(config)
    learned = learn(config, inputs, Journal())
    engine, baselines = trade(config, inputs, learned)
    judge(config, inputs, learned, engine, baselines)
    full = time.perf_counter() - began
    print(f"full run          {full:7.2f} s")
    began = time.perf_counter()
    ground = ground_of(config, inputs, learned)
    print(f"ground, once      {time.perf_counter() - began:7.2f} s")
    habits = habits_of(engine, mean_weight(engine), 7, config.strategy.reserve_bp)
    broken = False
    for name, placebo in PLACEBOS.items():
        began = time.perf_counter()
        run_placebos(ground, habits, {name: RUNS}, seed=7)
        ratio = full / ((time.perf_counter() - began) / RUNS)
        print(f"{name:<17} {full / ratio:7.2f} s  {ratio:5.1f} × cheaper  ({placebo.recomputes})")
        broken |= name != "learned" and ratio < PROMISE
    return int(broken)


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[1] / "configs" / "quickstart.toml"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
