"""RunView: a finished run as every report sees it, from memory or from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from backtests import columns
from backtests.result import BacktestResult
from markets.prices import MarketData
from signals.events.schema import Event
from signals.features.base import Row
from signals.news import Rejection


@dataclass(frozen=True, eq=False)
class RunView:
    """Plain data of a finished run. Reading a folder that was written from it gives the same again.

    Attributes
    ----------
    config : mapping
        The resolved config, TOML-ready.
    manifest : mapping
        Hashes, versions, revision, seed, clocks: the only part with a clock of its own.
    metrics : mapping
        As `backtests.metrics.summarize` returns.
    checks : tuple of mapping
        `name, level (ok|note|warning|error), message`.
    folds : tuple of mapping
        One JSON-ready mapping each walk-forward fold.
    rejections : tuple of mapping
        Rows of the input that could not be used: `of` (prices or stories), `where, problem,
        given, wanted`.
    equity : DataFrame
        Columns `columns.EQUITY` and one ``baseline_<name>`` (HKD) each baseline strategy.
    orders, fills, trades, actions, signals, predictions : DataFrame
        Columns as in `backtests.columns`; a plain range index.
    stories : DataFrame
        `columns.STORIES`: one row each (ticker, story) a decision could use, in order of
        `available_at`; `session` is the effective session.
    prices : DataFrame
        `columns.PRICES`: bars of the run's tickers and sessions, by (ticker, session).
    folder : Path or None
        Where it was read from.
    """

    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    checks: tuple[Mapping[str, str], ...]
    folds: tuple[Mapping[str, Any], ...]
    rejections: tuple[Mapping[str, str], ...]
    equity: pd.DataFrame
    orders: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    actions: pd.DataFrame
    signals: pd.DataFrame
    predictions: pd.DataFrame
    stories: pd.DataFrame
    prices: pd.DataFrame
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.config.get("name", "run"))

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baseline strategies, in the order of their equity columns."""
        return tuple(
            str(column).removeprefix(columns.BASELINE)
            for column in self.equity.columns
            if str(column).startswith(columns.BASELINE)
        )


def view_of(
    result: BacktestResult,
    *,
    market: MarketData | None = None,
    rows: Sequence[Row] = (),
    folds: Sequence[Mapping[str, Any]] = (),
    rejections: Sequence[Rejection] = (),
) -> RunView:
    """Return the view of a result in memory.

    Parameters
    ----------
    result : BacktestResult
        The run; `metrics` already summarized.
    market : MarketData, optional
        For the price charts; bars outside the run's sessions are left out.
    rows : sequence of Row, optional
        The decisions' stories and events, for the price charts.
    folds : sequence of mapping, optional
        JSON-ready.
    rejections : sequence of Rejection, optional
        Input rows that could not be used.

    Raises
    ------
    DataError
        If a table lacks a column or holds a value of another kind.
    """
    engine = result.engine
    equity = engine.equity.rename_axis("session").reset_index()
    for name, other in sorted(result.baselines.items()):
        equity[columns.BASELINE + name] = other.equity["equity_hkd"].to_numpy()
    predictions = result.predictions
    if "decision_at" not in predictions.columns:
        predictions = predictions.reset_index()
    return RunView(
        config=result.config,
        manifest=result.provenance,
        metrics=result.metrics,
        checks=tuple(dict(check) for check in result.checks),
        folds=tuple(folds),
        rejections=tuple(
            {"of": of, **r.as_dict()}
            for of, rows_of in (
                ("prices", market.rejections if market is not None else ()),
                ("stories", [r for r in rejections if not r.kept]),
            )
            for r in rows_of
        ),
        equity=columns.typed(equity, columns.EQUITY, "equity"),
        orders=columns.typed(engine.orders, columns.ORDERS, "orders"),
        fills=columns.typed(engine.fills, columns.FILLS, "fills"),
        trades=columns.typed(engine.trades, columns.TRADES, "trades"),
        actions=columns.typed(engine.actions, columns.ACTIONS, "actions"),
        signals=columns.typed(result.signals, columns.SIGNALS, "signals"),
        predictions=columns.typed(predictions, columns.PREDICTIONS, "predictions"),
        stories=stories_of(rows),
        prices=prices_of(market, equity["session"]),
    )


def stories_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return `columns.STORIES`: the stories of each decision, each with its strongest event."""
    found = []
    for row in rows:
        events: dict[str, list[Event]] = {}
        for said in row.events:
            events.setdefault(said.item_id, []).append(said)
        for item in row.items:
            event = max(events.get(item.item_id, ()), key=_strength, default=None)
            found.append(
                {
                    "ticker": row.ticker,
                    "session": row.session,
                    "available_at": item.available_at,
                    "item_id": item.item_id,
                    "source": item.source,
                    "title": item.title or item.body[:120],
                    "kind": event.kind if event else "",
                    "polarity": event.polarity if event else 0.0,
                    "forward": bool(event and event.is_fresh_forward),
                    "published_at": item.published_at,
                    "first_seen_at": item.first_seen_at,
                    "enriched_at": item.enriched_at,
                    "language": item.language,
                    "url": item.url or "",
                    "events": _told(events.get(item.item_id, ())),
                }
            )
    if not found:
        return columns.empty(columns.STORIES)
    table = columns.typed(pd.DataFrame(found), columns.STORIES, "stories")
    return table.sort_values(["available_at", "ticker", "item_id"], ignore_index=True)


def prices_of(market: MarketData | None, sessions: pd.Series) -> pd.DataFrame:
    """Return `columns.PRICES`: the bars of the run's sessions."""
    if market is None or not len(sessions):
        return columns.empty(columns.PRICES)
    first, last = pd.Timestamp(sessions.iloc[0]), pd.Timestamp(sessions.iloc[-1])
    parts = [
        market.bars[ticker]
        .loc[first:last]
        .rename_axis("session")
        .reset_index()
        .assign(ticker=ticker)
        for ticker in market.tickers
    ]
    if not parts:
        return columns.empty(columns.PRICES)
    bars = pd.concat(parts, ignore_index=True)[list(columns.PRICES)]
    return columns.typed(bars, columns.PRICES, "prices")


def _told(events: Sequence[Event]) -> str:
    """Return a story's events as one JSON text."""
    return json.dumps([event.as_dict() for event in events], ensure_ascii=False)


def _strength(event: Event) -> tuple[bool, float, str]:
    """Order events of one story: forward ones first, then by novelty times polarity."""
    return event.is_fresh_forward, abs(event.polarity) * event.novelty, event.event_id
