"""What learning costs: features and walk-forward of a run, and one fold more or fewer.

Run with ``python -m benchmarks.learning [CONFIG]``; exits 1 if features, labels and walk-forward
take more than 60 seconds, or if another number of folds computes features again. All is measured in
time of this process, so that what else the machine does falls out; wall time stands beside it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from backtests import stages
from backtests.config import RunConfig, load_config
from backtests.inputs import Inputs, load_inputs
from backtests.sweeps.cache import Cache
from backtests.sweeps.reads import digest_of
from backtests.sweeps.upstream import Line

T = TypeVar("T")
PROMISE_SECONDS = 60.0
LATER = (0, 3, 6, 9)
"""Months by which the first test window is put off: a fold fewer for each quarter."""


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """Return what work came to, its CPU seconds and its wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def with_later_start(config: RunConfig, months: int) -> RunConfig:
    """Return the config with the first test window put off."""
    split = config.split
    later = {"min_train_months": split.min_train_months + months}
    return config.model_copy(update={"split": split.model_copy(update=later)})


def once(config: RunConfig, inputs: Inputs) -> bool:
    """Measure each stage of a run, then the walk-forward by its number of folds."""
    read, reading, _ = timed(lambda: stages.read_stories(inputs))
    rows = stages.pool_rows(config, inputs, read)
    features, building, first = timed(lambda: stages.build_features(config, inputs, rows))
    labels, labeling, second = timed(lambda: stages.label(config, inputs, features))
    whole, walking, third = timed(lambda: stages.walk_forward(config, features, labels))
    print(f"{len(read):,} stories, {len(features):,} rows, {features.values.shape[1]} columns")
    print(f"reading, before all this      {reading:7.2f} s CPU")
    print(f"features                      {building:7.2f} s CPU")
    print(f"labels                        {labeling:7.2f} s CPU")
    print(f"walk-forward, {len(whole.folds):2} folds        {walking:7.2f} s CPU")
    total, wall = building + labeling + walking, first + second + third
    print(f"features to answers           {total:7.2f} s CPU, {wall:.2f} s wall")
    print(
        f"promise of {PROMISE_SECONDS:.0f} s: {'kept' if wall <= PROMISE_SECONDS else 'not kept'}"
    )
    print("the walk-forward by its folds, features as they are")
    for months in LATER:
        one = with_later_start(config, months)
        answers, cpu, _ = timed(partial(stages.walk_forward, one, features, labels))
        folds = len(answers.folds)
        print(f"  {folds:2} folds                    {cpu:7.2f} s CPU, {cpu / folds:.2f} s a fold")
    return wall <= PROMISE_SECONDS


def cached(config: RunConfig, inputs: Inputs) -> bool:
    """Measure one fold more where all upstream of it is in the cache, and where nothing is."""
    print("one fold more, as a sweep computes it (no baselines)")
    with tempfile.TemporaryDirectory() as folder:

        def answer(one: RunConfig) -> tuple[float, list[str]]:
            # A cache of its own, so that nothing is taken from memory.
            cache = Cache(Path(folder))
            line = Line(one, digest_of(inputs), cache, lambda: inputs)
            _, cpu, _ = timed(line.answers)
            return cpu, [lookup.stage for lookup in cache.lookups if not lookup.hit]

        cold, everything = answer(with_later_start(config, 3))
        warm, again = answer(config)
    print(f"  nothing cached              {cold:7.2f} s CPU: {', '.join(everything)}")
    print(f"  a fold more, rest cached    {warm:7.2f} s CPU: {', '.join(again)}")
    print(f"  {cold / warm:.1f} times cheaper; computed again: {', '.join(again)}")
    return again == ["answers"]


def main(path: Path) -> int:
    config = load_config(path).config
    inputs = load_inputs(config)
    kept = [once(config, inputs), cached(config, inputs)]
    return int(not all(kept))


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[1] / "configs" / "hk_tech_real.toml"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
