"""What the HTML report draws, as compact JSON-ready arrays; drawing itself is `report.js`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtests import columns
from backtests.metrics.predictions import rank_ic_by_session
from backtests.metrics.returns import drawdowns, value_path
from backtests.metrics.verdict import named
from backtests.reports.terminal import plain
from backtests.view import RunView
from markets.clock import HONG_KONG

HISTOGRAM_BINS = 40


def chart_data(view: RunView, stories_per_session: int) -> dict[str, Any]:
    """Return the numbers behind the charts.

    Parameters
    ----------
    view : RunView
        The run.
    stories_per_session : int
        Titles kept a session and ticker; the rest is counted.

    Returns
    -------
    dict
        ``sessions`` (ISO dates), ``equity`` and ``drawdown`` (lines in percent over them),
        ``costs`` (name and HKD), ``calibration``, ``histogram``, ``ic`` (own sessions),
        ``prices`` by ticker, most traded first.
    """
    return {
        "sessions": _iso(view.equity["session"]),
        "equity": equity_lines(view),
        "drawdown": drawdown_lines(view),
        "costs": [
            [named(name), round(value, 2)]
            for name, value in view.metrics["costs"]["by_component_hkd"].items()
            if value
        ],
        "calibration": view.metrics["predictions"].get("model", {}).get("calibration") or [],
        "histogram": histogram(view.predictions),
        "ic": rank_ic_lines(view.predictions),
        "prices": price_charts(view, stories_per_session),
    }


def equity_lines(view: RunView) -> list[dict[str, Any]]:
    """Return percent earned since the start: net, gross, the benchmark, each baseline."""
    equity = view.equity
    capital = view.metrics["span"]["capital_hkd"]
    if not len(equity):
        return []
    net = equity["equity_hkd"].to_numpy(dtype=np.float64)
    lines = [("strategy, net", "net", net)]
    lines.append(("strategy, gross", "gross", net + equity["cost_hkd"].cumsum().to_numpy()))
    benchmark = equity["benchmark"].to_numpy(dtype=np.float64)
    if not np.isnan(benchmark).any():
        lines.append(("benchmark", "benchmark", benchmark))
    for name in view.baselines:
        lines.append((named(name), "baseline", equity[columns.BASELINE + name].to_numpy()))
    return [
        {"name": name, "role": role, "values": _rounded((values / capital - 1.0) * 100.0, 3)}
        for name, role, values in lines
    ]


def drawdown_lines(view: RunView) -> list[dict[str, Any]]:
    """Return percent below the highest close so far: the strategy, and the benchmark."""
    lines = []
    capital = view.metrics["span"]["capital_hkd"]
    for name, role, column in (
        ("strategy, net", "net", "equity_hkd"),
        ("benchmark", "benchmark", "benchmark"),
    ):
        values = view.equity[column].to_numpy(dtype=np.float64)
        if len(values) and not np.isnan(values).any():
            falls = drawdowns(value_path(values, capital))[1:] * 100.0
            lines.append({"name": name, "role": role, "values": _rounded(falls, 3)})
    return lines


def histogram(predictions: pd.DataFrame) -> dict[str, Any] | None:
    """Return counts of the probabilities, split by what happened; bins over their own range."""
    known = predictions[predictions["target"].notna() & predictions["probability"].notna()]
    if not len(known):
        return None
    values = known["probability"].to_numpy(dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 0.01, HISTOGRAM_BINS + 1)
    rose = known["target"].to_numpy() == 1
    return {
        "edges": _rounded(edges, 5),
        "rose": np.histogram(values[rose], edges)[0].tolist(),
        "fell": np.histogram(values[~rose], edges)[0].tolist(),
    }


def rank_ic_lines(predictions: pd.DataFrame) -> dict[str, Any] | None:
    """Return the running sum of the daily rank IC, of the model and each baseline classifier."""
    known = predictions[predictions["forward_return"].notna()]
    if not len(known):
        return None
    names = {"probability": "model"} | {
        str(column): named(str(column).removeprefix("probability_"))
        for column in known.columns
        if str(column).startswith("probability_")
    }
    sessions = known["session"].drop_duplicates().sort_values()
    lines = []
    for column, name in names.items():
        rows = known[known[column].notna()]
        days, values = rank_ic_by_session(
            rows["session"].to_numpy(), rows[column].to_numpy(), rows["forward_return"].to_numpy()
        )
        if len(values):
            daily = pd.Series(values, index=days).reindex(sessions).fillna(0.0)
            role = "net" if name == "model" else "baseline"
            running = _rounded(daily.cumsum().to_numpy(dtype=np.float64), 4)
            lines.append({"name": name, "role": role, "values": running})
    return {"sessions": _iso(sessions), "lines": lines} if lines else None


def price_charts(view: RunView, stories_per_session: int) -> list[dict[str, Any]]:
    """Return bars and markers of each ticker, those traded most first."""
    traded = view.fills.groupby("ticker")["consideration_hkd"].sum()
    tickers = sorted(set(view.prices["ticker"]), key=lambda t: (-float(traded.get(t, 0.0)), t))
    bars = dict(tuple(view.prices.groupby("ticker")))
    told = view.stories.assign(
        session=view.stories["session"].dt.strftime("%Y-%m-%d"),
        at=view.stories["available_at"].dt.tz_convert(HONG_KONG).dt.strftime("%Y-%m-%d %H:%M"),
    )
    stories = dict(tuple(told.groupby("ticker")))
    signals = dict(tuple(view.signals.groupby("ticker")))
    fills = dict(tuple(view.fills.groupby("ticker")))
    return [
        {
            "ticker": str(ticker),
            "traded": round(float(traded.get(ticker, 0.0))),
            "days": _iso(bars[ticker]["session"]),
            **{
                name: [float(f"{value:.6g}") for value in bars[ticker][name]]
                for name in ("open", "high", "low", "close")
            },
            "stories": _stories(stories.get(ticker, told.iloc[:0]), stories_per_session),
            "signals": _signals(signals.get(ticker, view.signals.iloc[:0])),
            "fills": _fills(fills.get(ticker, view.fills.iloc[:0])),
        }
        for ticker in tickers
    ]


def _stories(table: pd.DataFrame, kept: int) -> dict[str, Any]:
    """Return by effective session: how many stories, the mean forward polarity, some of them."""
    by_session: dict[str, list[Mapping[Hashable, Any]]] = defaultdict(list)
    for row in table.to_dict("records"):
        by_session[row["session"]].append(row)
    return {session: _session_stories(rows, kept) for session, rows in by_session.items()}


def _session_stories(rows: list[Mapping[Hashable, Any]], kept: int) -> list[Any]:
    forward = [row["polarity"] for row in rows if row["forward"]]
    # Forward news first: reactions and repeats are what may be left out.
    rows = sorted(rows, key=lambda row: (not row["forward"], -abs(row["polarity"])))
    shown = [
        [
            plain(row["title"])[:160],
            row["at"],
            named(row["kind"]),
            round(float(row["polarity"]), 2),
            int(row["forward"]),
        ]
        for row in rows[:kept]
    ]
    return [len(rows), round(float(np.mean(forward)), 2) if forward else None, shown]


def _signals(table: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Return by effective session: direction, probability, expiry."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for row in table.to_dict("records"):
        found[str(row["effective_session"].date())].append(
            [
                int(row["direction"]),
                round(float(row["probability"]), 4),
                str(row["expires_session"].date()),
            ]
        )
    return dict(found)


def _fills(table: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Return by session: side, shares, price, trade."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for row in table.to_dict("records"):
        found[str(row["session"].date())].append(
            [row["side"], int(row["shares"]), float(row["price_hkd"]), int(row["trade_id"])]
        )
    return dict(found)


def _iso(sessions: pd.Series) -> list[str]:
    return [str(day) for day in sessions.dt.strftime("%Y-%m-%d")]


def _rounded(values: npt.ArrayLike, places: int) -> list[float]:
    return [float(value) for value in np.round(np.asarray(values, dtype=np.float64), places) + 0.0]
