"""What a value path earned and what it risked.

A *path* is the equity in HKD at the start and after each session: float64 (n_sessions + 1,). Its
*returns* are float64 (n_sessions,), simple, one a session. Annual figures count `SESSIONS_PER_YEAR`
sessions, except CAGR, which counts calendar days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtests.metrics.undefined import Floats, need

SESSIONS_PER_YEAR = 246
"""Median number of XHKG sessions in the years 2004-2025 (244 to 249), not the 252 of New York."""

DAYS_PER_YEAR = 365.25


def value_path(equity_hkd: npt.ArrayLike, capital_hkd: float | None = None) -> Floats:
    """Return the path: the capital before the first session, then the equity at each close.

    Without `capital_hkd` the first close stands for the capital, and what the first session cost is
    not seen.
    """
    equity = np.asarray(equity_hkd, dtype=np.float64)
    start = equity[:1] if capital_hkd is None else np.array([capital_hkd], dtype=np.float64)
    return np.concatenate([start, equity])


def session_returns(path: npt.ArrayLike) -> Floats:
    """Return simple session returns, ``path[t] / path[t-1] - 1``; shape (len(path) - 1,).

    Raises
    ------
    UndefinedMetric
        If the path is empty, or not positive before its last value.
    """
    values = np.asarray(path, dtype=np.float64)
    need(len(values) > 1, "no session")
    need(bool(np.isfinite(values).all()), "the path has gaps")
    need(bool((values[:-1] > 0).all()), "the capital was lost")
    return np.asarray(values[1:] / values[:-1] - 1.0, dtype=np.float64)


def total_return(path: npt.ArrayLike) -> float:
    """Return ``last / first - 1``: a fraction, not annual.

    Raises
    ------
    UndefinedMetric
        If the path has no session or starts at zero or less.
    """
    values = np.asarray(path, dtype=np.float64)
    need(len(values) > 1, "no session")
    need(bool(values[0] > 0), "no capital at the start")
    return float(values[-1] / values[0] - 1.0)


def cagr(path: npt.ArrayLike, calendar_days: float) -> float:
    """Return the compound annual growth rate, ``(last / first) ** (365.25 / calendar_days) - 1``.

    A fraction a year; the day count is actual days over 365.25.

    Raises
    ------
    UndefinedMetric
        If the span is under 30 days: a year extrapolated from that says nothing.
    """
    growth = 1.0 + total_return(path)
    need(calendar_days >= 30, "fewer than 30 calendar days")
    return float(max(growth, 0.0) ** (DAYS_PER_YEAR / calendar_days) - 1.0)


def volatility(returns: npt.ArrayLike, per_year: int = SESSIONS_PER_YEAR) -> float:
    """Return ``std(returns, ddof=1) * sqrt(per_year)``: a fraction a year.

    Raises
    ------
    UndefinedMetric
        If there are fewer than two returns.
    """
    values = np.asarray(returns, dtype=np.float64)
    need(len(values) > 1, "fewer than 2 sessions")
    return float(values.std(ddof=1) * np.sqrt(per_year))


def sharpe(
    returns: npt.ArrayLike, risk_free: float = 0.0, per_year: int = SESSIONS_PER_YEAR
) -> float:
    """Return the annual Sharpe ratio, ``mean(excess) / std(excess, ddof=1) * sqrt(per_year)``.

    `risk_free` is a fraction a year, spread evenly over the sessions. The root is right only for
    returns without autocorrelation; see `sharpe_lo`. Source: Sharpe, JPM 21(1), 1994.

    Raises
    ------
    UndefinedMetric
        If there are fewer than two returns or they do not vary.
    """
    excess, deviation = _excess(returns, risk_free, per_year)
    return float(excess.mean() / deviation * np.sqrt(per_year))


def sharpe_lo(
    returns: npt.ArrayLike,
    risk_free: float = 0.0,
    per_year: int = SESSIONS_PER_YEAR,
    lags: int | None = None,
) -> float:
    """Return the annual Sharpe ratio corrected for autocorrelation.

    ``mean / std * lo_factor(rho_1..rho_lags, per_year)``, with the sample autocorrelations rho.
    Lags beyond `lags` count as zero, because all sample autocorrelations of a series together
    always sum to -1/2; the default is `default_lags`. Source: Lo, FAJ 58(4), 2002.

    Raises
    ------
    UndefinedMetric
        As `sharpe`; also if the correction is not positive.
    """
    excess, deviation = _excess(returns, risk_free, per_year)
    kept = default_lags(len(excess)) if lags is None else lags
    factor = lo_factor(autocorrelations(excess, min(kept, len(excess) - 1)), per_year)
    return float(excess.mean() / deviation * factor)


def lo_factor(autocorrelation: npt.ArrayLike, periods: int) -> float:
    """Return what turns a one-period Sharpe ratio into one of `periods` periods.

    ``q / sqrt(q + 2 * sum((q - k) * rho_k))``; sqrt(q) if all rho are zero. Source:
    Lo 2002.

    Raises
    ------
    UndefinedMetric
        If the variance the autocorrelations imply is not positive.
    """
    rho = np.asarray(autocorrelation, dtype=np.float64)[: periods - 1]
    lags = np.arange(1, len(rho) + 1)
    variance = periods + 2.0 * float(((periods - lags) * rho).sum())
    need(variance > 0, "autocorrelations imply no variance")
    return float(periods / np.sqrt(variance))


def autocorrelations(values: npt.ArrayLike, lags: int) -> Floats:
    """Return sample autocorrelations of lags 1..`lags`, each over the full-sample variance.

    Raises
    ------
    UndefinedMetric
        If the values do not vary.
    """
    series = np.asarray(values, dtype=np.float64)
    centered = series - series.mean()
    power = float(centered @ centered)
    need(power > 0, "no variation")
    return np.array([centered[k:] @ centered[:-k] / power for k in range(1, lags + 1)])


def default_lags(n: int) -> int:
    """Return ``floor(4 * (n / 100) ** (2 / 9))``, the plug-in rule of Newey and West (1994)."""
    return int(4 * (n / 100) ** (2 / 9))


def sortino(
    returns: npt.ArrayLike, risk_free: float = 0.0, per_year: int = SESSIONS_PER_YEAR
) -> float:
    """Return the annual Sortino ratio: mean excess over downside deviation.

    ``mean(excess) / sqrt(mean(min(excess, 0)**2)) * sqrt(per_year)``.
    The downside deviation counts every session, gains as zero. Source: Sortino and Price, JoI 3(3),
    1994; Rollinger and Hoffman, "Sortino: a sharper ratio", Red Rock Capital.

    Raises
    ------
    UndefinedMetric
        If there is no return, or none below the target.
    """
    excess = np.asarray(returns, dtype=np.float64) - risk_free / per_year
    need(len(excess) > 0, "no session")
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    need(downside > 0, "no session below the target")
    return float(excess.mean() / downside * np.sqrt(per_year))


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak of a path, in positions of that path.

    Attributes
    ----------
    depth : float
        ``trough / peak - 1``: a negative fraction, 0 if the path never falls.
    peak, trough : int
        Where the fall began, where it ended.
    recovery : int or None
        Where the peak was first reached again; None if it never was.
    sessions : int
        Sessions from the peak to the recovery, or to the end.
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None
    sessions: int


def drawdowns(path: npt.ArrayLike) -> Floats:
    """Return ``path / running maximum - 1`` at each point: fractions, zero or negative."""
    values = np.asarray(path, dtype=np.float64)
    need(len(values) > 1, "no session")
    need(bool(values[0] > 0), "no capital at the start")
    return np.asarray(values / np.maximum.accumulate(values) - 1.0, dtype=np.float64)


def max_drawdown(path: npt.ArrayLike) -> float:
    """Return the deepest drawdown: a negative fraction, 0 if the path never falls."""
    return float(drawdowns(path).min())


def deepest_drawdown(path: npt.ArrayLike) -> Drawdown:
    """Return the deepest drawdown (the first of equal ones) with its dates and length."""
    values = np.asarray(path, dtype=np.float64)
    falls = drawdowns(values)
    trough = int(falls.argmin())
    peak = int(values[: trough + 1].argmax())
    again = np.flatnonzero(values[trough:] >= values[peak])
    recovery = trough + int(again[0]) if len(again) else None
    end = len(values) - 1 if recovery is None else recovery
    return Drawdown(float(falls[trough]), peak, trough, recovery, end - peak)


def longest_under_water(path: npt.ArrayLike) -> int:
    """Return the most sessions in a row that closed below an earlier peak."""
    longest = run = 0
    for fall in drawdowns(path):
        run = run + 1 if fall < 0 else 0
        longest = max(longest, run)
    return longest


def _excess(returns: npt.ArrayLike, risk_free: float, per_year: int) -> tuple[Floats, float]:
    """Return excess returns and their deviation, which must be more than rounding noise."""
    excess = np.asarray(returns, dtype=np.float64) - risk_free / per_year
    need(len(excess) > 1, "fewer than 2 sessions")
    deviation = float(excess.std(ddof=1))
    need(deviation > 1e-12 * max(float(np.abs(excess).max()), 1e-300), "returns do not vary")
    return excess, deviation
