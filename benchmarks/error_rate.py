"""How often the audit calls luck a finding, on worlds in which nothing can be earned.

Run: python -m benchmarks.error_rate [WORLDS]. Each world is a small known-answer market of another
seed with edge 0, read, learned and traded; then its answers are set against each placebo. A test at
5 % must reject about 5 % of 200 worlds: 10, give or take 6 (95 % of the binomial). Exits 1 if a
placebo, or a test that does not take events for independent, rejects more often than an honest one
does once in a thousand times: so many are looked at that one in twenty would cry wolf.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping

from scipy.stats import binom

from backtests.config import RunConfig
from backtests.inputs import load_inputs
from backtests.journal import Journal
from backtests.robustness.event_study import events_of, studies_of
from backtests.robustness.ground import ground_of
from backtests.robustness.placebo import dates, delayed, led, p_value, tickers
from backtests.robustness.settings import EventStudySettings
from backtests.run import learn

LEVEL = 0.05
RUNS = 99
NAIVE = ("event naive", "event patell", "event bmp")
"""They take events for independent: shown, and expected to reject too often."""
MOVES = {"dates": dates, "tickers": tickers, "delayed": delayed, "led": led}
STUDY = EventStudySettings(estimation_sessions=60, fewest_sessions=40)


def config_of(seed: int, edge_bp: float) -> RunConfig:
    span = {"start": "2023-10-03", "end": "2024-12-31"}
    world = {"n_stories": 1000, "tickers": 8, "seed": seed, "edge_bp": edge_bp, **span}
    return RunConfig.model_validate(
        {
            "name": f"world-{seed}",
            **span,
            "prices": {"source": "synthetic", "synthetic": world},
            "news": {"source": "synthetic"},
            "split": {"min_train_months": 4, "min_train_rows": 80},
        }
    )


def p_of(seed: int, edge_bp: float = 0.0) -> dict[str, float]:
    """Return the p of the ranking against each placebo, and of each event-study test."""
    config = config_of(seed, edge_bp)
    inputs = load_inputs(config)
    learned = learn(config, inputs, Journal(), baselines=False)
    ground = ground_of(config, inputs, learned)
    real = ground.judged(ground.place, ground.column)
    found: dict[str, float] = {}
    for name, move in MOVES.items():
        possible = min(RUNS, len(ground.sessions) // 2 - 20) if move in (delayed, led) else RUNS
        placebos = [ground.judged(*move(ground, run, seed)) for run in range(possible)]
        for figure in ("rank_ic", "signed_return"):
            p = p_value(real[figure], [placebo[figure] for placebo in placebos])
            # Without a figure of its own a run is no finding.
            found[f"{name} {figure}"] = 1.0 if p is None else p
    found["hardest rank_ic"] = max(p for name, p in found.items() if name.endswith("rank_ic"))
    for name, test in studies_of(events_of(learned.rows), inputs.market, STUDY)[0].tests.items():
        assert not isinstance(test, str)
        found[f"event {name}"] = test.p
    return found


def too_often(rejected: Mapping[str, int], worlds: int) -> list[str]:
    """Return what rejects more often than a test at 5 % does once in a thousand times."""
    most = int(binom.ppf(0.999, worlds, LEVEL))
    return [name for name, count in rejected.items() if count > most and name not in NAIVE]


def main(worlds: int) -> int:
    began = time.perf_counter()
    rejected: Counter[str] = Counter()
    for seed in range(1, worlds + 1):
        p = p_of(seed)
        rejected.update({name: int(value <= LEVEL) for name, value in p.items()})
    low, high = (LEVEL + side * 1.96 * (LEVEL * (1 - LEVEL) / worlds) ** 0.5 for side in (-1, 1))
    print(f"{worlds} worlds with edge 0; a 5 % test should reject {low:.1%} to {high:.1%}")
    for name, count in rejected.items():
        print(f"  {name:<26} {count / worlds:6.1%}")
    print(f"{(time.perf_counter() - began) / worlds:.2f} s a world")
    broken = too_often(rejected, worlds)
    print(f"promise: {'broken by ' + ', '.join(broken) if broken else 'kept'}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
