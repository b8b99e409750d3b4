"""The same result cut by year, by ticker and by event kind; the parts add up to the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import returns, trades
from backtests.metrics.undefined import Floats, UndefinedMetric, tidy
from signals.features.base import Row

NO_SIGNAL = "(no signal)"
NO_KIND = "(no event)"
NOTHING_NEW = "(nothing new)"
"""What stands for the kind of an event that could no longer move a price."""


def by_year(equity: pd.DataFrame, capital_hkd: float | None = None) -> list[dict[str, Any]]:
    """Return one row a calendar year.

    Each year starts from the last close of the year before, so the years compound to the whole.
    Columns: `year, sessions, total_return, benchmark_total_return, volatility, sharpe,
    max_drawdown, turnover_hkd, cost_hkd`; fractions, not annualized, but for volatility and Sharpe.
    """
    years = pd.DatetimeIndex(equity.index).year.to_numpy()
    path = returns.value_path(equity["equity_hkd"], capital_hkd)
    benchmark = benchmark_path(equity, capital_hkd)
    rows = []
    for year in np.unique(years):
        inside = np.flatnonzero(years == year)
        part = path[inside[0] : inside[-1] + 2]
        other = None if benchmark is None else benchmark[inside[0] : inside[-1] + 2]
        session = _or_none(returns.session_returns, part)
        values = equity.iloc[inside]
        rows.append(
            {
                "year": int(year),
                "sessions": len(inside),
                "total_return": number(returns.total_return, part),
                "benchmark_total_return": None
                if other is None
                else number(returns.total_return, other),
                "volatility": None if session is None else number(returns.volatility, session),
                "sharpe": None if session is None else number(returns.sharpe, session),
                "max_drawdown": number(returns.max_drawdown, part),
                "turnover_hkd": tidy(float(values["turnover_hkd"].sum())),
                "cost_hkd": tidy(float(values["cost_hkd"].sum())),
            }
        )
    return rows


def by_ticker(trade_table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a ticker, by net result from best to worst.

    Columns: `ticker, trades, hit_rate, gross_pnl_hkd, cost_hkd, net_pnl_hkd, mean_net_return`; open
    trades count at their last close, but not in `hit_rate`.
    """
    rows = []
    for ticker, part in trade_table.groupby("ticker", sort=True):
        rows.append({"ticker": str(ticker), **_trade_row(part, np.ones(len(part)))})
    return sorted(rows, key=lambda row: (-row["net_pnl_hkd"], row["ticker"]))


def by_side(trade_table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a side, long first, where anything was sold short; else none.

    Columns: `side`, and those of `by_ticker`. Without shorts it would say again what the whole
    says; and a long side that carries a losing short one hides it.
    """
    sides = dict(tuple(trade_table.groupby("side")))
    if "short" not in sides:
        return []
    return [
        {"side": side, **_trade_row(part, np.ones(len(part)))}
        for side, part in sorted(sides.items())
    ]


def by_event_kind(
    trade_table: pd.DataFrame,
    signal_events: Mapping[str, Sequence[str]],
    event_kinds: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return one row an event kind, by net result from best to worst.

    A trade whose entry signal stood on several kinds is shared among them in equal parts, so that
    money adds up; `trades` counts these parts. What was not new (a report of the move, a repeat, a
    denial, history) accompanies nearly every story: it has a part in no trade that stood on
    something new as well, or it would earn what the news beside it earned.

    Parameters
    ----------
    trade_table : DataFrame
        `TRADE_COLUMNS`.
    signal_events : mapping
        `event_ids` by signal_id.
    event_kinds : mapping
        Kind by event_id; `NOTHING_NEW` for what was not new.
    """
    weights: dict[str, Floats] = {}
    for position, signal_id in enumerate(trade_table["signal_id"].tolist()):
        kinds = _kinds_of(signal_id, signal_events, event_kinds)
        for kind in kinds:
            weights.setdefault(kind, np.zeros(len(trade_table)))[position] += 1.0 / len(kinds)
    rows = [
        {"kind": kind, **_trade_row(trade_table[weight > 0], weight[weight > 0])}
        for kind, weight in weights.items()
    ]
    return sorted(rows, key=lambda row: (-row["net_pnl_hkd"], row["kind"]))


def kinds_of(rows: Iterable[Row]) -> dict[str, str]:
    """Return the kind of every event of some decisions by event_id, as `by_event_kind` wants it."""
    return {
        event.event_id: event.kind if event.is_fresh_forward else NOTHING_NEW
        for row in rows
        for event in row.events
    }


def benchmark_path(equity: pd.DataFrame, capital_hkd: float | None) -> Floats | None:
    """Return the benchmark's path, or None where it has a gap or is not given."""
    if "benchmark" not in equity or not len(equity):
        return None
    level = equity["benchmark"].to_numpy(dtype=np.float64)
    return None if np.isnan(level).any() else returns.value_path(level, capital_hkd)


def number(measure: Callable[..., float], *values: Any) -> float | None:
    """Return the metric, tidy, or None where it is not defined."""
    found = _or_none(lambda: tidy(measure(*values)))
    return None if found is None else float(found)


def _or_none(measure: Callable[..., Any], *values: Any) -> Any:
    try:
        return measure(*values)
    except UndefinedMetric:
        return None


def _kinds_of(
    signal_id: object, signal_events: Mapping[str, Sequence[str]], event_kinds: Mapping[str, str]
) -> list[str]:
    """Return the kinds a trade stands on, never empty."""
    if not isinstance(signal_id, str) or not signal_id:
        return [NO_SIGNAL]
    known = {
        event_kinds[event] for event in signal_events.get(signal_id, ()) if event in event_kinds
    }
    return sorted(known - {NOTHING_NEW}) or sorted(known) or [NO_KIND]


def _trade_row(part: pd.DataFrame, weight: Floats) -> dict[str, Any]:
    """Return the weighted sums of some trades."""
    closed = part.loc[~part["is_open"].astype(bool), "net_pnl_hkd"]
    sums = {
        name: tidy(float(part[name].to_numpy(dtype=np.float64) @ weight))
        for name in ("gross_pnl_hkd", "cost_hkd", "net_pnl_hkd")
    }
    mean = float(np.average(part["net_return"].to_numpy(dtype=np.float64), weights=weight))
    return {
        "trades": tidy(float(weight.sum())),
        "hit_rate": number(trades.hit_rate, closed),
        **sums,
        "mean_net_return": tidy(mean),
    }
