"""How often a run and its audit call luck a finding, on worlds in which nothing can be earned.

Run: python -m benchmarks.error_rate [WORLDS] [FILE]. Each world is a small known-answer market of
another seed with edge 0: labeled, learned, traded, judged, and set against the placebos. All have
the stories of the first: they are read once, and what they tell was never followed by anything.
Whatever prints a p, a t, an interval or a verdict is counted. A test at 5 % must reject about 5 %:
of 200 worlds 10, give or take 6 (95 % of the binomial). Exits 1 if one rejects more often than an
honest one does once in a thousand times: so many are looked at that one in twenty would cry wolf.
Those that take events for independent are shown, not counted.

An interval must hold the truth, which is another in each world: what was held there earned the
market's drift and paid its costs. So the truth of a figure is the same figure of the same returns
less what luck added to their mean; of the rank IC it is 0.

With FILE each world is a line of JSON as it is done, and an interrupted benchmark goes on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from backtests.config import RunConfig
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.metrics import inference, returns
from backtests.metrics.bootstrap import annual_sharpe, intervals_of, net_return
from backtests.metrics.undefined import UndefinedMetric
from backtests.metrics.verdict import LUCK_T
from backtests.result import EngineResult
from backtests.robustness.deflation import Deflation, deflation_of
from backtests.robustness.event_study import events_of, studies_of
from backtests.robustness.ground import Ground, ground_of
from backtests.robustness.placebo import (
    PLACEBOS,
    dates,
    delayed,
    figures_of,
    generator,
    habits_of,
    led,
    p_value,
    tickers,
)
from backtests.robustness.settings import EventStudySettings
from backtests.robustness.traces import Memory, RememberingReader
from backtests.robustness.verdict import ENOUGH
from backtests.run import judge, learn, mean_weight, trade
from markets.sources.synthetic.companies import companies
from markets.sources.synthetic.paths import MARKET_DRIFT

LEVEL = 0.05
RUNS, COSTLY_RUNS = 99, 19
"""Placebo runs where only places move, and where something is traded or learned again."""
TRIES = 10
NAIVE = ("event naive", "event patell", "event bmp")
"""They take events for independent: shown, and expected to reject too often."""
MOVES = {"dates": dates, "tickers": tickers, "delayed": delayed, "led": led}
STUDY = EventStudySettings(estimation_sessions=60, fewest_sessions=40)
World = dict[str, dict[str, Any]]
"""Of one world: `p` (at or below 5 % rejects), `t` (two-sided), `said` (true where luck is called
a finding), `band` (low, high, truth)."""


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
            "broker": {"engine": "compiled"},
        }
    )


def world_of(seed: int, told: Inputs, memory: Memory) -> World:
    """Return what every test of a run and of its audit says of one world, by the stories told."""
    config = config_of(seed, 0.0)
    inputs = replace(load_inputs(config), store=told.store)
    reader = RememberingReader(inputs, memory)
    learned = learn(config, inputs, Journal(), reader, baselines=False)
    engine, baselines = trade(config, inputs, learned)
    metrics = judge(config, inputs, learned, engine, baselines).metrics
    ground = ground_of(config, inputs, learned)
    # A world in which nothing was traded has no habits to draw by, and is no finding.
    traded = not engine.fills.empty
    p = _placebos(ground, engine, seed, traded=traded)
    for name, test in studies_of(events_of(learned.rows), inputs.market, STUDY)[0].tests.items():
        assert not isinstance(test, str)
        p[f"event {name}"] = test.p
    net = _earned(engine, config)
    alone = _alone(net)
    said = {
        **{
            f"alpha over {name.replace('_', ' ')}, after costs": other["alpha_t"] >= LUCK_T
            for name, other in metrics["baselines"].items()
            if other["alpha_t"] is not None
        },
        "a run's verdict: the edge stands": metrics["verdict"]["found"],
        "probabilistic Sharpe ≥ 0.95": alone is not None and alone.probabilistic >= ENOUGH,
    }
    if traded:
        best = _best_of_random(ground, engine, seed)
        said[f"deflated Sharpe ≥ 0.95, best of {TRIES} random traders"] = best >= ENOUGH
        said["an audit's verdict: the edge stands"] = bool(
            p["hardest rank_ic"] <= LEVEL
            and p["hardest sharpe"] <= LEVEL
            and metrics["performance"]["total_return"] > 0
            and alone is not None
            and alone.deflated >= ENOUGH
        )
    ranked = {"rank IC, Newey-West": metrics["predictions"]["model"]["rank_ic_t"]}
    return {
        "p": p,
        "t": ranked | _before_costs(engine, baselines, config),
        "said": said,
        "band": _bands(ground, net, metrics, net - luck_of(engine, inputs, config), seed),
    }


def _alone(net: np.ndarray) -> Deflation | None:
    """Return what is left of a Sharpe ratio that was the only one tried; None of none."""
    try:
        return deflation_of(net, [])
    except UndefinedMetric:
        return None


def _placebos(ground: Ground, engine: EngineResult, seed: int, *, traded: bool) -> dict[str, float]:
    """Return p against each placebo; without a figure of its own a run is no finding."""
    config = ground.config
    real = figures_of(ground, engine)
    habits = habits_of(engine, mean_weight(engine), seed, config.strategy.reserve_bp)
    found: dict[str, float] = {}

    def against(name: str, runs: Sequence[Mapping[str, float | None]], *figures: str) -> None:
        for figure in figures:
            p = p_value(real[figure], [run.get(figure) for run in runs])
            found[f"{name} {figure}"] = 1.0 if p is None else p

    for name, move in MOVES.items():
        possible = min(RUNS, len(ground.sessions) // 2 - 20) if move in (delayed, led) else RUNS
        moved = [ground.judged(*move(ground, run, seed)) for run in range(possible)]
        against(name, moved, "rank_ic", "signed_return")
    for name, placebo in PLACEBOS.items() if traded else ():
        runs = [placebo.run(ground, habits, run, seed) for run in range(COSTLY_RUNS)]
        if name == "learned":
            against(name, runs, "rank_ic", "signed_return")
        against(name, runs, "sharpe", "net_return")
    for figure in ("rank_ic", "sharpe") if traded else ():
        found[f"hardest {figure}"] = max(p for name, p in found.items() if name.endswith(figure))
    return found


def _before_costs(
    engine: EngineResult, baselines: Mapping[str, EngineResult], config: RunConfig
) -> dict[str, float | None]:
    """Return the t of alpha with what was paid added back: after costs it is truly below zero."""
    mine = _earned(engine, config, gross=True)
    found: dict[str, float | None] = {}
    for name in ("equal_weight", "buy_and_hold"):
        theirs = _earned(baselines[name], config, gross=True)
        lag = returns.default_lags(len(mine))
        told = f"alpha over {name.replace('_', ' ')}, before costs"
        try:
            found[told] = inference.alpha_over(mine, theirs, lag).t
        except UndefinedMetric:
            found[told] = None
    return found


def _best_of_random(ground: Ground, engine: EngineResult, seed: int) -> float:
    """Return the deflated Sharpe ratio of the best of some random traders."""
    config = ground.config
    trader = habits_of(engine, mean_weight(engine), seed, config.strategy.reserve_bp).trader
    paths = []
    for run in range(TRIES):
        draw = int(generator("tries", run, seed).integers(2**31))
        drawn = trader.model_copy(update={"params": {**trader.params, "seed": draw}})
        paths.append(_earned(ground.traded((), strategy=drawn), config))
    ratios = [float(returns.sharpe(path)) for path in paths]
    best = int(np.argmax(ratios))
    return deflation_of(paths[best], ratios[:best] + ratios[best + 1 :]).deflated


def _bands(
    ground: Ground, net: np.ndarray, metrics: Mapping[str, Any], due: np.ndarray, seed: int
) -> dict[str, list[float]]:
    """Return low, high and truth of each interval at 95 %; `due` are returns without luck."""
    found: dict[str, list[float]] = {}
    truth = {"sharpe": annual_sharpe, "net_return": net_return}
    ranked = ground.rank_ic()
    for name, one in intervals_of(net, ranked, seed=seed, horizon=ground.horizon).items():
        if not isinstance(one, str):
            true = float(truth[name](due[None, :])[0]) if name in truth else 0.0
            found[f"{name}, the audit's"] = [one.low, one.high, true]
    if metrics["risk"]["sharpe_interval_95"] is not None:
        true = float(annual_sharpe(due[None, :])[0])
        found["sharpe, the run's"] = [*metrics["risk"]["sharpe_interval_95"], true]
    return found


def luck_of(engine: EngineResult, inputs: Inputs, config: RunConfig) -> float:
    """Return what luck added to the mean session return; a fraction.

    Without an edge a company is expected to earn its beta times the market's drift from each open
    to its close, and nothing in the gaps. Orders are filled at opens, so what stands at a close was
    held since the open.
    """
    equity = engine.equity["equity_hkd"]
    before = equity.shift(1).fillna(config.broker.cash_hkd)
    drift = {company.ticker: company.beta * MARKET_DRIFT for company in companies()}
    held = engine.holdings
    earned = sum(
        held[ticker] * inputs.market.bars[ticker]["open"].reindex(held.index).fillna(0.0) * each
        for ticker, each in drift.items()
        if ticker in held
    )
    due = (earned - engine.equity["cost_hkd"]) / before
    return float((_earned(engine, config) - due.to_numpy()).mean())


def _earned(engine: EngineResult, config: RunConfig, *, gross: bool = False) -> np.ndarray:
    equity = engine.equity["equity_hkd"]
    paid = engine.equity["cost_hkd"].cumsum() if gross else 0.0
    path = returns.value_path(equity + paid, config.broker.cash_hkd)
    return returns.session_returns(path)


def rejections(worlds: Sequence[World]) -> dict[str, tuple[int, int]]:
    """Return, for each test, in how many worlds it rejects and in how many it was made.

    An interval rejects where it misses the truth.
    """
    rejects: dict[str, Callable[[Any], bool]] = {
        "p": lambda p: bool(p <= LEVEL),
        "t": lambda t: abs(t or 0.0) >= LUCK_T,
        "said": bool,
        "band": lambda band: not band[0] <= band[2] <= band[1],
    }
    told = {"t": "t of {}", "band": "interval of {}"}
    found: dict[str, tuple[int, int]] = {}
    for kind, rejected in rejects.items():
        for name in dict.fromkeys(name for world in worlds for name in world[kind]):
            given = [world[kind][name] for world in worlds if name in world[kind]]
            found[told.get(kind, "{}").format(name)] = (sum(map(rejected, given)), len(given))
    return found


def too_often(rejected: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return what rejects more often than a test at 5 % does once in a thousand times."""
    return [
        name
        for name, (count, worlds) in rejected.items()
        if count > int(binom.ppf(0.999, worlds, LEVEL)) and name not in NAIVE
    ]


def main(count: int, file: Path | None) -> int:
    began = time.process_time()
    worlds: list[World] = []
    if file is not None and file.exists():
        worlds = [json.loads(line) for line in file.read_text().splitlines()][:count]
    fresh = range(len(worlds) + 1, count + 1)
    told, memory = load_inputs(config_of(1, 0.0)), Memory()
    for seed in fresh:
        print(f"world {seed} of {count}", end="\r", file=sys.stderr)
        worlds.append(world_of(seed, told, memory))
        if file is not None:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(worlds[-1], default=float) + "\n")
    rejected = rejections(worlds)
    print(
        f"{count} worlds with edge 0, and what a 5 % test rejects in 95 % of such numbers of them"
    )
    for name, (often, made) in rejected.items():
        low, high = (int(binom.ppf(side, made, LEVEL)) for side in (0.025, 0.975))
        side = "" if low <= often <= high else "below" if often < low else "ABOVE"
        print(f"  {name:<52} {often:3d} of {made:3d}   {low:2d} to {high:2d}  {side}")
    if fresh:
        print(f"{(time.process_time() - began) / len(fresh):.2f} s of processor time a world")
    broken = too_often(rejected)
    print(f"promise: {'broken by ' + ', '.join(broken) if broken else 'kept'}")
    return int(bool(broken))


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else 200, Path(given[1]) if len(given) > 1 else None))
