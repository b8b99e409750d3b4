"""Stress: the same answers at other costs, and acted on later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import inference, returns
from backtests.metrics.trades import break_even_bp, cost_bp, total_hkd
from backtests.metrics.undefined import UndefinedMetric
from backtests.result import EngineResult
from backtests.robustness.ground import Ground, money_of
from markets.costs import COMPONENTS, CostSchedule

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class ScaledCosts:
    """A cost schedule with every component multiplied, rounded to the cent.

    Parameters
    ----------
    schedule : CostSchedule
        What is really charged.
    factor : float
        Multiple; 0 trades for nothing.
    """

    schedule: CostSchedule
    factor: float

    def note(self, **order: Any) -> Any:
        """Return the contract note of `CostSchedule.note`, its components multiplied."""
        note = self.schedule.note(**order)
        if self.factor == 1.0:
            return note
        factor = Decimal(str(self.factor))
        scaled = {
            name: (getattr(note, name) * factor).quantize(_CENT, ROUND_HALF_UP)
            for name in COMPONENTS
        }
        return replace(note, **scaled)


@dataclass(frozen=True, slots=True)
class Cell:
    """The strategy at one multiple of the costs and one delay.

    Attributes
    ----------
    cost : float
        Multiple of what the run paid a trade.
    delay : int
        Sessions by which every signal, its end included, was held back.
    net_return : float or None
        Over all sessions; a fraction.
    sharpe : float or None
        Annual.
    alpha, alpha_t : float or None
        A year, over equal weight of the same stocks, and its Newey-West t.
    """

    cost: float
    delay: int
    net_return: float | None
    sharpe: float | None
    alpha: float | None
    alpha_t: float | None


@dataclass(frozen=True, slots=True)
class Stress:
    """What costs and delays leave.

    Attributes
    ----------
    cells : tuple of Cell
        By cost, then delay.
    paid_bp, break_even_bp : float or None
        Paid a side, and what could have been paid a side until nothing was earned.
    break_even_multiple : float or None
        Multiple of the costs at which the net return is zero, between those that were tried; None
        if none of them is on either side.
    latest_profitable_delay : int or None
        Longest delay up to which every one tried earned something net, at the run's own costs; None
        if not even the run itself did.
    """

    cells: tuple[Cell, ...]
    paid_bp: float | None
    break_even_bp: float | None
    break_even_multiple: float | None
    latest_profitable_delay: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)


def stress(
    ground: Ground,
    engine: EngineResult,
    rival: EngineResult | None,
    *,
    costs: Sequence[float],
    delays: Sequence[int],
    jobs: int = 1,
) -> Stress:
    """Trade the run's answers at every multiple of the costs and every delay.

    A delayed signal takes effect and ends that many sessions later; one that would take effect
    after the last session is left out. Nothing is learned again: the answers stay.

    Parameters
    ----------
    engine : EngineResult
        The run as it was traded.
    rival : EngineResult or None
        Equal weight of the same stocks, for alpha.
    costs, delays : sequence
        What is tried; each pair of them.
    jobs : int
        Processes; the result does not depend on them.
    """
    grid = [(cost, delay) for cost in sorted(costs) for delay in sorted(delays)]
    reference = None if rival is None else rival.equity["equity_hkd"]
    if jobs == 1:
        cells = [_cell(ground, reference, cost, delay) for cost, delay in grid]
    else:
        from joblib import Parallel
        from joblib import delayed as later

        parallel = Parallel(n_jobs=jobs, max_nbytes=None)
        cells = parallel(later(_cell)(ground, reference, cost, delay) for cost, delay in grid)
    cost = total_hkd(engine.equity["cost_hkd"])
    traded = float(engine.equity["turnover_hkd"].sum())
    earned = float(engine.equity["equity_hkd"].iloc[-1]) - ground.config.broker.cash_hkd + cost
    return Stress(
        cells=tuple(cells),
        paid_bp=_or_none(cost_bp, cost, traded),
        break_even_bp=_or_none(break_even_bp, earned, traded),
        break_even_multiple=crossing([(c.cost, c.net_return) for c in cells if c.delay == 0]),
        latest_profitable_delay=latest_profitable(
            [(c.delay, c.net_return) for c in cells if c.cost == 1.0]
        ),
    )


def crossing(points: Sequence[tuple[float, float | None]]) -> float | None:
    """Return where a falling line through points in order first meets zero; None outside them.

    Examples
    --------
    >>> crossing([(0.0, 0.10), (1.0, 0.04), (2.0, -0.02)])
    1.6666666666666667
    """
    known = [(at, value) for at, value in points if value is not None]
    for (left, above), (right, below) in pairwise(known):
        if above >= 0 > below:
            return left + (right - left) * above / (above - below)
    return None


def latest_profitable(points: Sequence[tuple[int, float | None]]) -> int | None:
    """Return the last delay, in order, up to which every net return is positive; None if none is.

    Examples
    --------
    >>> latest_profitable([(0, 0.1), (1, 0.02), (2, -0.01), (5, 0.03)])
    1
    """
    latest = None
    for delay, value in points:
        if value is None or value <= 0:
            break
        latest = delay
    return latest


def _cell(ground: Ground, reference: pd.Series | None, cost: float, delay: int) -> Cell:
    place = ground.place + delay
    place = np.where(place < len(ground.sessions), place, -1)
    costs = ScaledCosts(ground.config.broker.schedule(), cost)
    # At no delay the run's own signals are traded: where they end is theirs to say.
    signals = ground.moved(place, ground.column) if delay else ground.answers
    engine = ground.traded(signals, costs=costs)
    capital = ground.config.broker.cash_hkd
    money = money_of(engine, capital)
    alpha = None if reference is None else _alpha(engine.equity["equity_hkd"], reference, capital)
    return Cell(
        cost=cost,
        delay=delay,
        net_return=money["net_return"],
        sharpe=money["sharpe"],
        alpha=None if alpha is None else alpha.alpha * returns.SESSIONS_PER_YEAR,
        alpha_t=None if alpha is None else alpha.t,
    )


def _alpha(equity: pd.Series, reference: pd.Series, capital: float) -> inference.Alpha | None:
    mine = returns.session_returns(returns.value_path(equity, capital))
    theirs = returns.session_returns(returns.value_path(reference, capital))
    try:
        return inference.alpha_over(mine, theirs, returns.default_lags(len(mine)))
    except UndefinedMetric:
        return None


def _or_none(measure: Any, *figures: float) -> float | None:
    try:
        return float(measure(*figures))
    except UndefinedMetric:
        return None
