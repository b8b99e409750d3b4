"""What trading did: how much was traded, how often it won, what it cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtests.metrics.returns import SESSIONS_PER_YEAR
from backtests.metrics.undefined import need


def total_hkd(amounts_hkd: npt.ArrayLike) -> float:
    """Return the sum of amounts that are whole cents, exact to the cent in any order.

    A sum of floats depends in its last bits on who adds what first; a sum of cents does not, so
    fills one by one and days one by one come to the same.
    """
    cents = np.rint(np.asarray(amounts_hkd, dtype=np.float64) * 100.0)
    return int(cents.astype(np.int64).sum()) / 100


def turnover(
    traded_hkd: npt.ArrayLike, equity_hkd: npt.ArrayLike, per_year: int = SESSIONS_PER_YEAR
) -> float:
    """Return one-way turnover a year.

    ``sum(bought + sold) / 2 / mean(equity) * per_year / n_sessions``:
    1.0 means the capital was replaced once a year. `traded_hkd` is what was bought and sold, by
    session or in all.

    Raises
    ------
    UndefinedMetric
        If there is no session, or no equity.
    """
    traded = np.asarray(traded_hkd, dtype=np.float64)
    equity = np.asarray(equity_hkd, dtype=np.float64)
    need(len(equity) > 0, "no session")
    need(bool(equity.mean() > 0), "no equity")
    return float(traded.sum() / 2.0 / equity.mean() * per_year / len(equity))


def exposure(holdings_hkd: npt.ArrayLike, equity_hkd: npt.ArrayLike) -> float:
    """Return the mean over sessions of ``holdings / equity`` at the close; 1.0 is fully invested.

    Net exposure takes holdings with shorts negative, gross exposure adds longs and shorts up.

    Raises
    ------
    UndefinedMetric
        If there is no session, or a session without equity.
    """
    holdings = np.asarray(holdings_hkd, dtype=np.float64)
    equity = np.asarray(equity_hkd, dtype=np.float64)
    need(len(equity) > 0, "no session")
    need(bool((equity > 0).all()), "the capital was lost")
    return float((holdings / equity).mean())


def time_in_market(holdings_hkd: npt.ArrayLike) -> float:
    """Return the share of sessions that closed with a holding or short, in [0, 1]."""
    holdings = np.asarray(holdings_hkd, dtype=np.float64)
    need(len(holdings) > 0, "no session")
    return float((holdings != 0).mean())


def hit_rate(pnl: npt.ArrayLike) -> float:
    """Return the share of trades with a positive result, in [0, 1]; a zero result is no hit.

    Raises
    ------
    UndefinedMetric
        If there is no trade.
    """
    results = np.asarray(pnl, dtype=np.float64)
    need(len(results) > 0, "no closed trade")
    return float((results > 0).mean())


def profit_factor(pnl: npt.ArrayLike) -> float:
    """Return ``sum of gains / -sum of losses``; above 1 the trades earned money together.

    Raises
    ------
    UndefinedMetric
        If there is no trade, or no loss.
    """
    results = np.asarray(pnl, dtype=np.float64)
    need(len(results) > 0, "no closed trade")
    losses = -float(results[results < 0].sum())
    need(losses > 0, "no losing trade")
    return float(results[results > 0].sum() / losses)


def cost_bp(cost_hkd: float, traded_hkd: float) -> float:
    """Return what a side cost on average: ``cost / (bought + sold) * 10,000`` basis points.

    Raises
    ------
    UndefinedMetric
        If nothing was traded.
    """
    need(traded_hkd > 0, "nothing traded")
    return float(cost_hkd / traded_hkd * 10_000.0)


def break_even_bp(gross_pnl_hkd: float, traded_hkd: float) -> float:
    """Return the cost a side at which nothing is left: ``gross pnl / (bought + sold) * 10,000`` bp.

    Negative if the trades lost money before costs. The run earned something net exactly where this
    is above `cost_bp`.

    Raises
    ------
    UndefinedMetric
        If nothing was traded.
    """
    need(traded_hkd > 0, "nothing traded")
    return float(gross_pnl_hkd / traded_hkd * 10_000.0)
