"""A made-up finished run, and the check that holds a report to its contract."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics import summarize
from backtests.metrics.breakdowns import kinds_of
from backtests.result import (
    ACTION_COLUMNS,
    COST_COLUMNS,
    FILL_COLUMNS,
    ORDER_COLUMNS,
    TRADE_COLUMNS,
    BacktestResult,
    EngineResult,
)
from backtests.view import RunView, view_of
from markets.clock import hong_kong
from markets.errors import DataError
from markets.prices import MarketData, no_actions
from signals.events.schema import KINDS, Event
from signals.features import BUILT_IN_GROUPS
from signals.features.base import Row
from signals.news import NewsItem, Rejection

CAPITAL_HKD = 1_000_000.0
HOSTILE_TITLE = "</script><img src=x onerror=alert(1)> [bold]&amp; \x1b[31m{{ 7 * 7 }} | \u2028"
"""A title that would break out of HTML, JSON, a template, Rich markup, a terminal and Markdown."""


def sample_view(
    seed: int = 0, sessions: int = 260, tickers: int = 5, titles: Sequence[str] = ()
) -> RunView:
    """Return a made-up run: random prices, random decisions, real arithmetic.

    Parameters
    ----------
    seed : int
        Same seed, same run.
    sessions : int
        Weekdays from 2024-01-02 on; 0 gives a run in which nothing was measured.
    tickers : int
        Invented companies 99001.HK and so on.
    titles : sequence of str
        Titles of the first stories.
    """
    generator = np.random.default_rng(seed)
    days = pd.DatetimeIndex(pd.bdate_range("2024-01-02", periods=sessions), dtype="datetime64[s]")
    market = _market(generator, days, [f"{99001 + i}.HK" for i in range(tickers)])
    rows = _rows(generator, days, market.tickers, titles)
    predictions = _predictions(generator, rows, market)
    signals = _signals(predictions, rows)
    engine = _traded(signals, market, days)
    idle = replace(engine, fills=engine.fills.iloc[:0], trades=engine.trades.iloc[:0])
    held = engine.equity.assign(equity_hkd=engine.equity["benchmark"] * 1.01, cost_hkd=0.0)
    baselines = {"equal_weight": replace(idle, equity=held)} if sessions else {}
    metrics = summarize(
        engine,
        capital_hkd=CAPITAL_HKD,
        baselines=baselines,
        predicted=predictions,
        signals=signals,
        event_kinds=kinds_of(rows),
        horizon=3,
    )
    result = BacktestResult(
        config={"name": "sample", "seed": seed, "label": {"horizon": 3}, "universe": "all"},
        signals=signals,
        predictions=predictions,
        engine=engine,
        baselines=baselines,
        metrics=metrics,
        checks=_checks(),
        provenance={"newswake": "0.1.0", "seed": seed, "inputs": {"prices": "5f" * 32}},
    )
    folds = [
        {
            "fold": i,
            "test_start": f"2024-{3 * i + 1:02d}-01",
            "train_rows": 200 + 90 * i,
            "test_rows": 90,
            "auc": 0.5 + 0.01 * i,
            "drift": {
                **{f"psi_{group}": 0.02 * (i + 1) for group in BUILT_IN_GROUPS},
                "psi_probability": 0.3,
                "unseen_terms": 0.05,
                "brier_60": 0.2431,
            },
        }
        for i in range(4)
    ]
    rejected = [Rejection("news.jsonl:7", "a time needs its zone", "2024-02-30T09:00", "an offset")]
    return view_of(result, market=market, rows=rows, folds=folds, rejections=rejected)


def check_report(report: Callable[[RunView], str]) -> None:
    """Hold a report to its contract: it copes with an empty run and lets no title break out.

    Parameters
    ----------
    report : callable
        A `RunView` in, a document out.

    Raises
    ------
    DataError
        With what the report did wrong.

    Examples
    --------
    >>> check_report(lambda view: f"{view.name}: {len(view.trades)} trades")
    """
    for view in (sample_view(sessions=0), sample_view(titles=[HOSTILE_TITLE])):
        document = report(view)
        if not isinstance(document, str):
            raise DataError("a report must be a text", given=type(document).__name__, wanted="str")
        signs = ("\x1b[31m", "</script><img") if "<html" in document else ("\x1b[31m",)
        for sign in signs:
            if sign in document:
                raise DataError("a story's title broke out of the report", given=repr(sign))
        if document != report(view):
            raise DataError("a report must be the same each time it is made")


def _market(
    generator: np.random.Generator, days: pd.DatetimeIndex, tickers: Sequence[str]
) -> MarketData:
    bars = {}
    for ticker in tickers:
        close = 60.0 * np.exp(generator.normal(0.0002, 0.02, len(days)).cumsum())
        open_ = close * np.exp(generator.normal(0.0, 0.006, len(days)))
        reach = np.exp(np.abs(generator.normal(0.0, 0.008, (2, len(days)))))
        bars[ticker] = pd.DataFrame(
            {
                "open": open_.round(2),
                "high": (np.maximum(open_, close) * reach[0]).round(2),
                "low": (np.minimum(open_, close) / reach[1]).round(2),
                "close": close.round(2),
                "volume": generator.integers(1, 90, len(days)) * 100_000.0,
            },
            index=days.rename("session"),
        )
    return MarketData(bars=bars, actions=no_actions(), source="made up")


def _rows(
    generator: np.random.Generator,
    days: pd.DatetimeIndex,
    tickers: Sequence[str],
    titles: Sequence[str],
) -> list[Row]:
    rows = []
    waiting = list(titles)
    for day in days:
        for ticker in tickers:
            if generator.random() > 0.4 and not waiting:
                continue
            decision_at = hong_kong(day.date(), time(9, 0))
            items, events = [], []
            for number in range(int(generator.integers(1, 4))):
                title = waiting.pop(0) if waiting else f"{ticker} in the news, part {number + 1}"
                at = decision_at - timedelta(minutes=int(generator.integers(2, 900)))
                item_id = f"{day.date()}-{ticker}-{number}"
                items.append(NewsItem(item_id, at, "made-up wire", title))
                events.append(_event(generator, item_id, ticker, at))
            rows.append(Row(decision_at, day.date(), ticker, tuple(items), tuple(events)))
    return rows


def _event(generator: np.random.Generator, item_id: str, ticker: str, at: datetime) -> Event:
    return Event(
        event_id=f"e-{item_id}",
        item_id=item_id,
        sentence=0,
        kind=KINDS[int(generator.integers(0, 6))],
        tickers=(ticker,),
        polarity=float(generator.choice([-1.0, -0.5, 0.0, 0.5, 1.0])),
        certainty="confirmed",
        available_at=at,
        rule_id="en:made:up",
        is_reaction=bool(generator.random() < 0.2),
    )


def _predictions(
    generator: np.random.Generator, rows: Sequence[Row], market: MarketData
) -> pd.DataFrame:
    found = []
    for row in rows:
        opens = market.bars[row.ticker]["open"]
        start = _position(opens, pd.Timestamp(row.session))
        stop = min(start + 3, len(opens) - 1)
        forward = float(opens.iloc[stop] / opens.iloc[start] - 1.0)
        lean = 0.8 * forward + generator.normal(0.0, 0.06)
        found.append(
            {
                "decision_at": row.decision_at,
                "ticker": row.ticker,
                "session": pd.Timestamp(row.session),
                "fold": start * 4 // len(opens),
                "probability": float(1.0 / (1.0 + np.exp(-8.0 * lean))),
                "target": float(forward > 0),
                "forward_return": forward,
                "t0": opens.index[start],
                "t1": opens.index[stop],
                "probability_dummy": 0.5,
                "probability_prices": float(np.clip(generator.normal(0.5, 0.04), 0.01, 0.99)),
            }
        )
    columns = ["decision_at", "ticker", "session", "fold", "probability", "target"]
    columns += ["forward_return", "t0", "t1", "probability_dummy", "probability_prices"]
    return pd.DataFrame(found, columns=columns).set_index(["decision_at", "ticker"])


def _signals(predictions: pd.DataFrame, rows: Sequence[Row]) -> pd.DataFrame:
    table = predictions.reset_index()
    strong = (table["probability"] > 0.62).to_numpy()
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{i:05d}" for i in range(len(table))],
            "ticker": table["ticker"],
            "decided_at": table["decision_at"],
            "effective_session": table["session"],
            "expires_session": table["t1"],
            "direction": strong.astype("int64"),
            "probability": table["probability"],
            "fold": table["fold"],
            "model_sha256": "ab" * 32,
            "event_ids": [tuple(e.event_id for e in row.events) for row in rows],
            "size": 1.0,
        }
    )
    return signals[strong].reset_index(drop=True)


def _traded(signals: pd.DataFrame, market: MarketData, days: pd.DatetimeIndex) -> EngineResult:
    """Buy 100,000 HKD of each signal at its open, sell at its expiry; 0.15 % a side."""
    orders: list[dict[str, Any]] = []
    fills: list[dict[str, Any]] = []
    trades: list[dict[str, Any]] = []
    busy: dict[str, pd.Timestamp] = {}
    for signal in map(_record, signals.to_dict("records")):
        start, stop = signal.effective_session, signal.expires_session
        if stop <= start or busy.get(signal.ticker, days[0]) >= start:
            continue
        busy[signal.ticker] = stop
        opens = market.bars[signal.ticker]["open"]
        shares = int(100_000.0 // (opens[start] * 100)) * 100
        trade_id = len(trades) + 1
        for side, session in (("buy", start), ("sell", stop)):
            order = _order(len(orders) + 1, signal, side, shares, session, days)
            orders.append(order)
            fills.append(_fill(order, trade_id, float(opens[session])))
        trades.append(_trade(trade_id, signal, shares, opens, start, stop))
    if orders:
        refused = {"status": "rejected", "reason": "cash", "filled_shares": 0}
        orders.append(
            orders[-1] | refused | {"order_id": len(orders) + 1, "filled_session": pd.NaT}
        )
    tables = (
        pd.DataFrame(orders, columns=list(ORDER_COLUMNS)),
        pd.DataFrame(fills, columns=list(FILL_COLUMNS)),
        pd.DataFrame(trades, columns=list(TRADE_COLUMNS)),
    )
    equity, holdings = _equity(tables[1], market, days)
    return EngineResult(
        *tables, equity, holdings, pd.DataFrame(columns=list(ACTION_COLUMNS), dtype=object)
    )


def _record(row: Mapping[Hashable, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{str(name): value for name, value in row.items()})


def _order(
    order_id: int,
    signal: Any,
    side: str,
    shares: int,
    session: pd.Timestamp,
    days: pd.DatetimeIndex,
) -> dict[str, Any]:
    before = days[max(int(days.searchsorted(session)) - 1, 0)]
    return {
        "order_id": order_id,
        "ticker": signal.ticker,
        "side": side,
        "short": False,
        "shares": shares,
        "decided_session": before,
        "effective_session": session,
        "status": "filled",
        "reason": "",
        "filled_shares": shares,
        "filled_session": session,
        "signal_id": signal.signal_id,
    }


def _fill(order: dict[str, Any], trade_id: int, price: float) -> dict[str, Any]:
    value = round(price * order["shares"], 2)
    parts = _cost(value)
    return {
        "fill_id": order["order_id"],
        "trade_id": trade_id,
        "session": order["filled_session"],
        "price_hkd": price,
        "consideration_hkd": value,
        "cost_hkd": round(sum(parts.values()), 2),
        **parts,
        **{name: order[name] for name in ("order_id", "ticker", "side", "shares", "signal_id")},
    }


def _cost(value: float) -> dict[str, float]:
    paid = {
        "stamp_duty_hkd": float(np.ceil(value * 0.001)),
        "commission_hkd": round(value * 0.0004, 2),
        "trading_fee_hkd": round(value * 0.0000565, 2),
    }
    return dict.fromkeys(COST_COLUMNS, 0.0) | paid


def _trade(
    trade_id: int,
    signal: Any,
    shares: int,
    opens: pd.Series,
    start: pd.Timestamp,
    stop: pd.Timestamp,
) -> dict[str, Any]:
    entry, exit_ = float(opens[start]), float(opens[stop])
    gross = round(shares * (exit_ - entry), 2)
    cost = sum(sum(_cost(round(price * shares, 2)).values()) for price in (entry, exit_))
    last = bool(stop == opens.index[-1])
    return {
        "trade_id": trade_id,
        "ticker": signal.ticker,
        "side": "long",
        "entry_session": start,
        "exit_session": pd.NaT if last else stop,
        "shares": shares,
        "entry_price_hkd": entry,
        "exit_price_hkd": exit_,
        "sessions_held": _position(opens, stop) - _position(opens, start),
        "gross_pnl_hkd": gross,
        "cost_hkd": round(cost, 2),
        "net_pnl_hkd": round(gross - cost, 2),
        "net_return": (gross - cost) / (entry * shares),
        "signal_id": signal.signal_id,
        "is_open": last,
    }


def _equity(
    fills: pd.DataFrame, market: MarketData, days: pd.DatetimeIndex
) -> tuple[pd.DataFrame, pd.DataFrame]:
    closes = pd.DataFrame({ticker: market.bars[ticker]["close"] for ticker in market.tickers})
    signed = fills["shares"].where(fills["side"] == "buy", -fills["shares"]).astype("int64")
    held = pd.DataFrame(
        {
            ticker: _by_session(fills, signed.where(fills["ticker"] == ticker, 0), days).cumsum()
            for ticker in market.tickers
        },
        index=days,
    )
    values = fills["consideration_hkd"].astype(float)
    paid = _by_session(fills, fills["cost_hkd"].astype(float), days)
    spent = _by_session(fills, values * np.sign(signed), days) + paid
    cash = CAPITAL_HKD - spent.cumsum()
    holdings = (held * closes).sum(axis=1) if len(days) else cash
    level = closes.div(closes.iloc[0]).mean(axis=1) if len(days) else cash
    table = pd.DataFrame(
        {
            "equity_hkd": cash + holdings,
            "cash_hkd": cash,
            "holdings_hkd": holdings,
            "short_hkd": 0.0,
            "cost_hkd": paid,
            "borrow_hkd": 0.0,
            "turnover_hkd": _by_session(fills, values, days),
            "income_hkd": 0.0,
            "benchmark": CAPITAL_HKD * level,
        },
        index=days.rename("session"),
    )
    return table, held.astype("int64")


def _by_session(fills: pd.DataFrame, values: pd.Series, days: pd.DatetimeIndex) -> pd.Series:
    return values.groupby(fills["session"]).sum().reindex(days).fillna(0.0)


def _position(prices: pd.Series, session: pd.Timestamp) -> int:
    return int(prices.index.searchsorted(session))


def _checks() -> tuple[dict[str, str], ...]:
    return (
        {"name": "no look-ahead", "level": "ok", "message": "every decision is after its inputs"},
        {"name": "prices", "level": "warning", "message": "Made-up prices: nothing to learn here."},
        {"name": "news", "level": "note", "message": "1 row could not be used."},
    )
