"""summarize: all metrics of a run as one nested, JSON-ready mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import bootstrap, breakdowns, inference, predictions, returns, trades
from backtests.metrics.undefined import Floats, Sheet, need
from backtests.metrics.verdict import verdict
from backtests.result import COST_COLUMNS, EngineResult

SCHEMA = 1


def summarize(
    engine: EngineResult,
    *,
    capital_hkd: float | None = None,
    baselines: Mapping[str, EngineResult] | None = None,
    predicted: pd.DataFrame | None = None,
    signals: pd.DataFrame | None = None,
    event_kinds: Mapping[str, str] | None = None,
    horizon: int = 1,
    risk_free: float = 0.0,
    seed: int = 0,
    planted_edge_bp: float | None = None,
) -> dict[str, Any]:
    """Return every metric of a run, nested and JSON-ready.

    A metric without a value on this input is None, and ``undefined["section.name"]`` says why;
    there is no NaN and no infinity. Ratios are fractions (0.01 is one percent) unless the name
    ends in `_hkd`, `_bp`, `_sessions` or `_days`; annual figures count 246 sessions, CAGR calendar
    days.

    Parameters
    ----------
    engine : EngineResult
        The chosen strategy.
    capital_hkd : float, optional
        Equity before the first session; without it the first close stands for it.
    baselines : mapping of str to EngineResult, optional
        The same market under baseline strategies.
    predicted : DataFrame, optional
        As `BacktestResult.predictions`; rows without a target are left out.
    signals : DataFrame, optional
        As `BacktestResult.signals`.
    event_kinds : mapping of str to str, optional
        Kind by event_id, `breakdowns.NOTHING_NEW` for what was not new; without it `by_event_kind`
        knows no kind.
    horizon : int
        Sessions a label spans: the lag of the Newey-West t of the rank IC.
    risk_free : float
        A fraction a year; the Sharpe and Sortino ratios are over it.
    seed : int
        Of the bootstrap.
    planted_edge_bp : float, optional
        What fresh news moves the prices of a synthetic market by; None where the market is real.

    Returns
    -------
    dict
        ``schema, verdict, span, performance, risk, trading, costs, benchmark, baselines,
        predictions, by_year, by_side, by_ticker, by_event_kind, undefined``. Keys are named like
        the functions that tell their formulas.
    """
    path = returns.value_path(engine.equity["equity_hkd"], capital_hkd)
    others = {
        name: _other(f"baselines.{name}", other.equity, _path(other, capital_hkd), path, risk_free)
        for name, other in sorted((baselines or {}).items())
    }
    for name, other in (baselines or {}).items():
        others[name].note(
            cost_hkd=trades.total_hkd(other.equity["cost_hkd"]), trades=len(other.trades)
        )
    level = breakdowns.benchmark_path(engine.equity, capital_hkd)
    quality = _quality(predicted, horizon)
    sheets = [
        _span(engine.equity, path, capital_hkd, risk_free),
        _performance(engine, path),
        _risk(engine.equity, path, risk_free, seed),
        _trading(engine),
        _costs(engine, path),
    ]
    if level is not None:
        sheets.append(_other("benchmark", engine.equity, level, path, risk_free))
    values: dict[str, Any] = {sheet.name: sheet.figures for sheet in sheets}
    values.setdefault("benchmark", None)
    values["baselines"] = {name: sheet.figures for name, sheet in others.items()}
    values["predictions"] = {sheet.name.split(".")[1]: sheet.figures for sheet in quality}
    values["by_year"] = breakdowns.by_year(engine.equity, capital_hkd)
    values["by_side"] = breakdowns.by_side(engine.trades)
    values["by_ticker"] = breakdowns.by_ticker(engine.trades)
    values["by_event_kind"] = breakdowns.by_event_kind(
        engine.trades, signal_events(signals), event_kinds or {}
    )
    reasons = {
        k: v for sheet in [*sheets, *others.values(), *quality] for k, v in sheet.undefined.items()
    }
    return {
        "schema": SCHEMA,
        "verdict": verdict(values, planted_edge_bp),
        **values,
        "undefined": dict(sorted(reasons.items())),
    }


def signal_events(signals: pd.DataFrame | None) -> dict[str, tuple[str, ...]]:
    """Return `event_ids` by signal_id."""
    if signals is None or not len(signals):
        return {}
    events = [tuple(ids) for ids in signals["event_ids"]]
    return dict(zip(signals["signal_id"].tolist(), events, strict=True))


def _span(equity: pd.DataFrame, path: Floats, capital_hkd: float | None, risk_free: float) -> Sheet:
    sheet = Sheet("span")
    sheet.put("first_session", _session, equity, 0)
    sheet.put("last_session", _session, equity, -1)
    sheet.note(sessions=len(equity))
    sheet.put("calendar_days", _calendar_days, equity)
    sheet.put("years", lambda: _calendar_days(equity) / returns.DAYS_PER_YEAR)
    sheet.put("capital_hkd", _at, path, 0)
    sheet.note(
        capital_is_first_close=capital_hkd is None,
        sessions_per_year=returns.SESSIONS_PER_YEAR,
        risk_free=float(risk_free),
    )
    return sheet


def _performance(engine: EngineResult, path: Floats) -> Sheet:
    """Earnings; gross adds back what was paid, so gross less cost is net to the cent."""
    sheet = Sheet("performance")
    cost = trades.total_hkd(engine.equity["cost_hkd"])
    sheet.put("total_return", returns.total_return, path)
    sheet.put("gross_total_return", lambda: returns.total_return(path) + cost / _at(path, 0))
    sheet.put("cost_drag", lambda: cost / _at(path, 0))
    sheet.put("cagr", lambda: returns.cagr(path, _calendar_days(engine.equity)))
    sheet.put("final_equity_hkd", _at, path, -1)
    sheet.put("net_pnl_hkd", _pnl, path)
    sheet.put("gross_pnl_hkd", lambda: _pnl(path) + cost)
    sheet.put("mean_return_t", lambda: _mean_t(returns.session_returns(path)))
    return sheet


def _risk(equity: pd.DataFrame, path: Floats, risk_free: float, seed: int) -> Sheet:
    sheet = Sheet("risk")
    _ratios(sheet, path, risk_free)
    sheet.put("sharpe_interval_95", _sharpe_interval, path, risk_free, seed)
    sheet.put("max_drawdown_sessions", lambda: returns.deepest_drawdown(path).sessions)
    sheet.put("longest_under_water_sessions", returns.longest_under_water, path)
    for name in ("peak", "trough", "recovery"):
        sheet.put(f"max_drawdown_{name}_session", _drawdown_session, equity, path, name)
    return sheet


def _sharpe_interval(path: Floats, risk_free: float, seed: int) -> tuple[float, float]:
    free = risk_free / returns.SESSIONS_PER_YEAR
    found = bootstrap.interval_of_returns(
        returns.session_returns(path),
        lambda samples: bootstrap.annual_sharpe(samples - free),
        seed=seed,
    )
    return found.low, found.high


def _ratios(sheet: Sheet, path: Floats, risk_free: float) -> None:
    """Put what is measured alike for the strategy, the benchmark and the baselines."""

    def of_returns(measure: Callable[..., float], *more: float) -> float:
        return measure(returns.session_returns(path), *more)

    sheet.put("volatility", of_returns, returns.volatility)
    sheet.put("sharpe", of_returns, returns.sharpe, risk_free)
    sheet.put("sharpe_lo", of_returns, returns.sharpe_lo, risk_free)
    sheet.put("sortino", of_returns, returns.sortino, risk_free)
    sheet.put("max_drawdown", returns.max_drawdown, path)


def _other(
    name: str, equity: pd.DataFrame, path: Floats, strategy: Floats, risk_free: float
) -> Sheet:
    """Measure another path, and how far the strategy's is from it."""
    sheet = Sheet(name)
    sheet.put("total_return", returns.total_return, path)
    sheet.put("cagr", lambda: returns.cagr(path, _calendar_days(equity)))
    _ratios(sheet, path, risk_free)
    sheet.put(
        "excess_total_return",
        lambda: returns.total_return(strategy) - returns.total_return(path),
    )
    sheet.put("excess_t", lambda: _mean_t(_excess(strategy, path)))
    sheet.put("beta", lambda: _alpha(strategy, path).beta)
    sheet.put("alpha", lambda: _alpha(strategy, path).alpha * returns.SESSIONS_PER_YEAR)
    sheet.put("alpha_t", lambda: _alpha(strategy, path).t)
    return sheet


def _trading(engine: EngineResult) -> Sheet:
    sheet = Sheet("trading")
    equity, table = engine.equity, engine.trades
    closed = table[~table["is_open"].astype(bool)]
    statuses = engine.orders["status"].value_counts().sort_index()
    traded = trades.total_hkd(equity["turnover_hkd"])
    sheet.note(
        orders=len(engine.orders),
        orders_by_status={str(name): int(count) for name, count in statuses.items()},
        fills=len(engine.fills),
        trades=len(table),
        open_trades=len(table) - len(closed),
        short_trades=int((table["side"] == "short").sum()),
        traded_hkd=traded,
    )
    sheet.put("turnover", trades.turnover, traded, equity["equity_hkd"])
    both = equity["holdings_hkd"] - 2.0 * equity["short_hkd"]
    sheet.put("exposure", trades.exposure, equity["holdings_hkd"], equity["equity_hkd"])
    sheet.put("gross_exposure", trades.exposure, both, equity["equity_hkd"])
    sheet.put("time_in_market", trades.time_in_market, both)
    sheet.put("hit_rate", trades.hit_rate, closed["net_pnl_hkd"])
    sheet.put("gross_hit_rate", trades.hit_rate, closed["gross_pnl_hkd"])
    sheet.put("profit_factor", trades.profit_factor, closed["net_pnl_hkd"])
    for column in ("net_return", "sessions_held"):
        sheet.put(f"mean_{column}", _center, np.mean, closed[column])
        sheet.put(f"median_{column}", _center, np.median, closed[column])
    return sheet


def _costs(engine: EngineResult, path: Floats) -> Sheet:
    sheet = Sheet("costs")
    cost = trades.total_hkd(engine.equity["cost_hkd"])
    traded = trades.total_hkd(engine.equity["turnover_hkd"])
    sheet.note(
        total_hkd=cost,
        by_component_hkd={
            name.removesuffix("_hkd"): trades.total_hkd(engine.fills[name]) for name in COST_COLUMNS
        }
        | {"borrow": trades.total_hkd(engine.equity["borrow_hkd"])},
    )
    sheet.put("paid_bp", trades.cost_bp, cost, traded)
    sheet.put("break_even_bp", lambda: trades.break_even_bp(_pnl(path) + cost, traded))
    return sheet


def _quality(predicted: pd.DataFrame | None, horizon: int) -> list[Sheet]:
    """Measure the classifier and each baseline classifier on the same rows."""
    if predicted is None:
        return []
    known = predicted[predicted["target"].notna() & predicted["forward_return"].notna()]
    columns = {"model": "probability"} | {
        str(name).removeprefix("probability_"): str(name)
        for name in known.columns
        if str(name).startswith("probability_")
    }
    return [
        prediction_sheet(f"predictions.{name}", known, column, horizon)
        for name, column in columns.items()
    ]


def prediction_sheet(name: str, known: pd.DataFrame, column: str, horizon: int) -> Sheet:
    """Measure one column of probabilities on rows that have a target and a forward return."""
    sheet = Sheet(name)
    rows = known[known[column].notna()]
    target = rows["target"].to_numpy(dtype=np.float64)
    probability = rows[column].to_numpy(dtype=np.float64)
    sheet.note(n=len(rows))
    sheet.put("base_rate", _center, np.mean, target)
    for measure in (predictions.auc, predictions.mcc, predictions.brier, predictions.log_loss):
        sheet.put(measure.__name__, measure, target, probability)
    sheet.put("brier_parts", lambda: asdict(predictions.brier_parts(target, probability)))
    sheet.put("brier_skill", lambda: _brier_skill(target, probability))
    sheet.put("calibration_error", predictions.calibration_error, target, probability)
    sheet.put(
        "calibration", lambda: [asdict(b) for b in predictions.calibration(target, probability)]
    )
    _, values = predictions.rank_ic_by_session(
        rows["session"].to_numpy(), probability, rows["forward_return"].to_numpy(dtype=np.float64)
    )
    sheet.note(rank_ic_sessions=len(values), rank_ic_lag=horizon)
    sheet.put("rank_ic", _center, np.mean, values)
    sheet.put("rank_ic_t", inference.newey_west_t, values, horizon)
    return sheet


def _brier_skill(target: Floats, probability: Floats) -> float:
    """Return ``1 - brier / uncertainty``: positive only if better than the base rate itself."""
    uncertainty = predictions.brier_parts(target, probability).uncertainty
    need(uncertainty > 0, "only one class")
    return 1.0 - predictions.brier(target, probability) / uncertainty


def _mean_t(values: Floats) -> float:
    return inference.newey_west_t(values, returns.default_lags(len(values)))


def _excess(strategy: Floats, other: Floats) -> Floats:
    need(len(strategy) == len(other), "other sessions than the strategy's")
    return returns.session_returns(strategy) - returns.session_returns(other)


def _alpha(strategy: Floats, other: Floats) -> inference.Alpha:
    lag = returns.default_lags(len(strategy) - 1)
    mine, theirs = returns.session_returns(strategy), returns.session_returns(other)
    return inference.alpha_over(mine, theirs, lag)


def _path(engine: EngineResult, capital_hkd: float | None) -> Floats:
    return returns.value_path(engine.equity["equity_hkd"], capital_hkd)


def _pnl(path: Floats) -> float:
    return _at(path, -1) - _at(path, 0)


def _at(path: Floats, position: int) -> float:
    need(len(path) > 0, "no session")
    return float(path[position])


def _center(measure: Callable[..., Any], values: Any) -> float:
    need(len(values) > 0, "nothing to average")
    return float(measure(np.asarray(values, dtype=np.float64)))


def _session(equity: pd.DataFrame, position: int) -> str:
    need(len(equity) > 0, "no session")
    return str(pd.DatetimeIndex(equity.index)[position].date())


def _calendar_days(equity: pd.DataFrame) -> int:
    """Return days from the first session to the last, both counted."""
    need(len(equity) > 0, "no session")
    days = pd.DatetimeIndex(equity.index)
    return int((days[-1] - days[0]).days) + 1


def _drawdown_session(equity: pd.DataFrame, path: Floats, name: str) -> str:
    """Return when the deepest drawdown began, ended or was made good."""
    fall = returns.deepest_drawdown(path)
    need(fall.depth < 0, "never below a peak")
    position = {"peak": fall.peak, "trough": fall.trough, "recovery": fall.recovery}[name]
    need(position is not None, "not yet recovered")
    # Position 0 of the path is the capital, before the first session.
    return _session(equity, max(int(position or 0) - 1, 0))
