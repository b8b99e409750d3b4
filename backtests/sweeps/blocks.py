"""Blocks: trials of equal answers that the compiled engine runs on one preparation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from backtests import stages
from backtests.config import RunConfig
from backtests.engine import sessions_around
from backtests.metrics import returns
from backtests.sweeps.cache import Key
from backtests.sweeps.figures import Span, Tally
from backtests.sweeps.upstream import Line
from markets.errors import NewswakeError

if TYPE_CHECKING:
    from backtests.compiled.engine import CompiledRun, SweepResult
    from backtests.compiled.trials import Trial

FREE = {"cash_hkd", "slippage_ticks", "slippage_bp", "participation", "max_wait_sessions"}
"""What of the broker may differ in a block; all else of it goes into the preparation."""
THRESHOLDS = {"long_above", "short_below"}


def block_of(config: RunConfig, line: Line) -> Key | None:
    """Return what a trial shares with the others of its block; None if it has to run alone.

    Fixed thresholds may differ in a block: the kernel makes directions of the probabilities.
    """
    if config.broker.engine != "compiled":
        return None
    free = THRESHOLDS if config.decision.threshold == "fixed" else set()
    return Key(
        "block",
        {
            "answers": line.keys.answers.sha256,
            "decision": config.decision.model_dump(mode="json", exclude=free),
            "broker": config.broker.model_dump(mode="json", exclude=FREE),
        },
    )


def prepare_block(config: RunConfig, line: Line) -> CompiledRun:
    """Return market and signals of a block as the kernel reads them, and the kernel loaded."""
    from backtests.compiled.engine import CompiledRun

    ground = line.ground()
    start = stages.first_session(config, line.answers().predictions)
    prepared = CompiledRun(
        ground.market,
        line.signals(),
        sessions_around(ground.calendar, start, config.end),
        broker=config.broker,
        lots=ground.instruments,
        costs=config.broker.schedule(),
        universe=ground.universe,
    )
    # The first run of a process loads the kernel, which says nothing about the pace of a trial.
    with suppress(NewswakeError):
        prepared.sweep([_trial(config)], seed=config.seed)
    return prepared


def run_block(prepared: CompiledRun, configs: Sequence[RunConfig]) -> list[Tally]:
    """Run trials of one block; each is what `backtests.stages.trade_one` makes of it.

    Raises
    ------
    NewswakeError
        If one of them cannot be run: none of the others is said then.
    """
    found = prepared.sweep([_trial(config) for config in configs], seed=configs[0].seed)
    span = Span.of(prepared.around[1:-1])
    return [_tally(found, place, span, config) for place, config in enumerate(configs)]


def _trial(config: RunConfig) -> Trial:
    from backtests.compiled.trials import Trial
    from signals.decisions import Thresholds

    decision = config.decision
    fixed = decision.threshold == "fixed"
    thresholds = Thresholds(decision.long_above, decision.short_below) if fixed else None
    return Trial(config.strategy, config.broker, thresholds)


def _tally(found: SweepResult, place: int, span: Span, config: RunConfig) -> Tally:
    def count(column: Any) -> int:
        return int(column[place])

    return Tally(
        span=span,
        path=returns.value_path(
            found.equity[place].astype(np.float64) / 100, config.broker.cash_hkd
        ),
        orders=count(found.orders),
        fills=count(found.fills),
        trades=count(found.trips),
        closed=count(found.trades),
        won=count(found.won),
        cost_hkd=count(found.cost) / 100,
        turnover_hkd=count(found.turnover) / 100,
    )
