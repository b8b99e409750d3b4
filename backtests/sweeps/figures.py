"""Figures: what a trial is told by, made of the same sums whichever engine traded it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtests.metrics import returns, trades
from backtests.metrics.breakdowns import number
from backtests.metrics.undefined import Sheet, need
from backtests.result import EngineResult

QUALITY = ("auc", "mcc", "brier", "rank_ic", "rank_ic_t")
"""Figures of the answers, out of sample: whatever was made of them in trading."""
PLACEBO = "placebo_p"
"""Share of runs with each stock's stories shuffled over dates whose rank IC is at or above that of
the answers, as an audit with its defaults has it."""
FIGURES = (
    "sharpe",
    "net_return",
    "gross_return",
    "max_drawdown",
    "volatility",
    *QUALITY,
    PLACEBO,
    "orders",
    "fills",
    "trades",
    "hit_rate",
    "turnover",
    "cost_hkd",
    "final_equity_hkd",
    "sessions",
    "first_session",
)
"""Figures of a trial, in the order of the table; each is that of the report of a run, or of its
audit."""


@dataclass(frozen=True, slots=True)
class Span:
    """The sessions of a trial: how many, the first, and where each calendar year lies in them."""

    sessions: int
    first: str
    years: tuple[tuple[str, slice], ...]

    @classmethod
    def of(cls, sessions: Sequence[date] | pd.DatetimeIndex) -> Span:
        """Return the span of sessions; a year's slice is of a path, with the value before it."""
        index = pd.DatetimeIndex(np.array(sessions, dtype="datetime64[s]"))
        years = index.year.to_numpy()
        places = [(year, np.flatnonzero(years == year)) for year in np.unique(years)]
        return cls(
            sessions=len(index),
            first=str(index[0].date()),
            years=tuple(
                (str(year), slice(int(inside[0]), int(inside[-1]) + 2)) for year, inside in places
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What the figures are made of.

    Attributes
    ----------
    span : Span
        The sessions.
    path : ndarray of float64, shape (sessions + 1,)
        Capital before the first session, then equity at each close, in HKD.
    orders, fills, trades, closed, won : int
        How many; `closed` of the trades have ended, `won` of those earned something.
    cost_hkd, turnover_hkd : float
        Of all sessions, to the cent.
    """

    span: Span
    path: npt.NDArray[np.float64]
    orders: int
    fills: int
    trades: int
    closed: int
    won: int
    cost_hkd: float
    turnover_hkd: float

    @classmethod
    def of(cls, engine: EngineResult, capital_hkd: float) -> Tally:
        """Return the tally of a run's tables."""
        equity, table = engine.equity, engine.trades
        pnl = table["net_pnl_hkd"].to_numpy()[~table["is_open"].to_numpy(dtype=np.bool_)]
        return cls(
            span=Span.of(pd.DatetimeIndex(equity.index)),
            path=returns.value_path(equity["equity_hkd"], capital_hkd),
            orders=len(engine.orders),
            fills=len(engine.fills),
            trades=len(table),
            closed=len(pnl),
            won=int((pnl > 0).sum()),
            cost_hkd=trades.total_hkd(equity["cost_hkd"]),
            turnover_hkd=trades.total_hkd(equity["turnover_hkd"]),
        )


def figures_of(tally: Tally, quality: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the figures of a trial, by the same functions as the report of a run."""
    path, cost = tally.path, tally.cost_hkd
    sheet = Sheet("trial")
    sheet.put("sharpe", lambda: returns.sharpe(returns.session_returns(path)))
    sheet.put("net_return", returns.total_return, path)
    sheet.put("gross_return", lambda: returns.total_return(path) + cost / float(path[0]))
    sheet.put("max_drawdown", returns.max_drawdown, path)
    sheet.put("volatility", lambda: returns.volatility(returns.session_returns(path)))
    sheet.put("hit_rate", _hit_rate, tally)
    sheet.put("turnover", trades.turnover, tally.turnover_hkd, path[1:])
    sheet.note(
        **{name: quality[name] for name in (*QUALITY, PLACEBO)},
        orders=tally.orders,
        fills=tally.fills,
        trades=tally.trades,
        cost_hkd=cost,
        final_equity_hkd=float(path[-1]),
        sessions=tally.span.sessions,
        first_session=tally.span.first,
    )
    by_year = {year: number(returns.total_return, path[part]) for year, part in tally.span.years}
    return {**{name: sheet.figures[name] for name in FIGURES}, "by_year": by_year}


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of a trial, under the names of a run."""
    kept = ("net_return", "sharpe", "sessions", "rank_ic", "combinations")
    return {name: figures.get(name) for name in kept}


def _hit_rate(tally: Tally) -> float:
    """Return `backtests.metrics.trades.hit_rate` where only the counts are known."""
    need(tally.closed > 0, "no closed trade")
    return tally.won / tally.closed
