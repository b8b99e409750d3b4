"""compare: two finished runs, what differs in their figures, settings and trades."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtests.folder import read_run
from backtests.metrics import bootstrap
from backtests.metrics.bootstrap import Interval
from backtests.metrics.predictions import rank_ic_by_session
from backtests.metrics.returns import SESSIONS_PER_YEAR
from backtests.metrics.undefined import UndefinedMetric, need, tidy
from backtests.metrics.verdict import LUCK, decimal, percent
from backtests.reports.table import Table
from backtests.view import RunView

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
FIGURES: Mapping[str, tuple[str, ...]] = {
    "performance": ("total_return", "gross_total_return", "cagr", "cost_drag"),
    "risk": ("volatility", "sharpe", "sortino", "max_drawdown"),
    "trading": ("trades", "turnover", "exposure", "hit_rate", "mean_net_return"),
    "costs": ("total_hkd", "paid_bp", "break_even_bp"),
    "predictions.model": ("n", "auc", "mcc", "brier", "rank_ic", "rank_ic_t"),
}
"""Figures set side by side, by section of a run's metrics."""
TRADES_SHOWN = 200
"""Trades listed of each kind; all are counted."""


def compare(run_a: Path | RunView, run_b: Path | RunView, *, seed: int = 0) -> dict[str, Any]:
    """Return what differs between two finished runs; differences are B less A.

    Parameters
    ----------
    run_a, run_b : Path or RunView
        Run folders, or runs in memory.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        JSON-ready: `headline`; `runs`; `figures` (each of `FIGURES`: `a, b, difference`); `paired`
        (`net_return, mean_return, sharpe, rank_ic` over the sessions both have: the difference with
        its paired block-bootstrap interval, or `reason`); `config` (`key, a, b` where values
        differ); `trades` (counts and net profit of trades only in A, only in B, in both alike, in
        both but different; lists of the first).

    Notes
    -----
    Intervals draw the same sessions for both runs, so that what moves both cancels. Trades are
    matched by ticker and entry session.
    """
    a, b = (run if isinstance(run, RunView) else read_run(run) for run in (run_a, run_b))
    found = {
        "schema": SCHEMA,
        "runs": {"a": _identity(a), "b": _identity(b)},
        "figures": _figures(a, b),
        "paired": _paired(a, b, seed),
        "config": _config(a, b),
        "trades": _trades(a, b),
    }
    return {"headline": _headline(found), **{key: tidy(value) for key, value in found.items()}}


def text(found: Mapping[str, Any], *, width: int = 80, color: bool = False) -> str:
    """Return a comparison as text of some columns."""
    from backtests.reports.terminal import written

    return written(lambda console: write(console, found), width=width, color=color)


def write(console: Console, found: Mapping[str, Any]) -> None:
    """Write a comparison on a console."""
    from rich.text import Text

    from backtests.reports.terminal import plain, write_table

    console.print(Text(found["headline"], style="bold"))
    for letter in ("a", "b"):
        one = found["runs"][letter]
        console.print(Text(plain(f"{letter.upper()}  {one['name']}  {one['run']}"), style="dim"))
    for table in tables_of(found):
        if table.rows:
            console.print()
            write_table(console, table)


def tables_of(found: Mapping[str, Any]) -> list[Table]:
    """Return the tables of a comparison."""
    paired = [
        (
            name.replace("_", " "),
            *(("–", "–", one["reason"]) if "reason" in one else _band(one)),
        )
        for name, one in found["paired"].items()
    ]
    figures = [
        (
            f"{section.removesuffix('.model')} {name}".replace("_", " "),
            *(decimal(one[side], 4) for side in ("a", "b", "difference")),
        )
        for section, ones in found["figures"].items()
        for name, one in ones.items()
    ]
    trades = [
        (name.replace("_", " "), str(one["count"]), decimal(one["net_pnl_hkd"], 0, sign=True))
        for name, one in found["trades"].items()
    ]
    changed = [(one["key"], str(one["a"]), str(one["b"])) for one in found["config"]]
    return [
        Table("paired", "B less A", ("<figure", "difference", "95 %", "<"), tuple(paired)),
        Table("figures", "Figures", ("<figure", "A", "B", "B − A"), tuple(figures)),
        Table("config", "Settings that differ", ("<key", "<A", "<B"), tuple(changed)),
        Table("trades", "Trades", ("<", "trades", "net HKD"), tuple(trades)),
    ]


def _band(one: Mapping[str, Any]) -> tuple[str, str, str]:
    band = f"{decimal(one['low'], 4)} to {decimal(one['high'], 4)}"
    said = LUCK if one["low"] <= 0 <= one["high"] else "differs"
    return decimal(one["estimate"], 4, sign=True), band, said


def _identity(view: RunView) -> dict[str, Any]:
    return {
        "name": view.name,
        "run": None if view.folder is None else view.folder.name,
        "config_sha256": view.manifest.get("config_sha256"),
        "inputs_sha256": view.manifest.get("inputs_sha256"),
    }


def _figures(a: RunView, b: RunView) -> dict[str, dict[str, dict[str, float | None]]]:
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for section, names in FIGURES.items():
        left, right = _section(a.metrics, section), _section(b.metrics, section)
        found[section] = {}
        for name in names:
            one, other = left.get(name), right.get(name)
            difference = None if one is None or other is None else other - one
            found[section][name] = {"a": one, "b": other, "difference": difference}
    return found


def _section(metrics: Mapping[str, Any], dotted: str) -> Mapping[str, Any]:
    found: Any = metrics
    for name in dotted.split("."):
        found = (found or {}).get(name)
    return found or {}


def _paired(a: RunView, b: RunView, seed: int) -> dict[str, dict[str, Any]]:
    """Return differences over what both runs have, with paired intervals."""
    horizon = float(max(_horizon(a), _horizon(b)))

    def money(statistic: bootstrap.Statistic) -> Interval:
        left, right = _together(_returns(a), _returns(b), "session")
        return bootstrap.paired_interval(right, left, statistic, seed=seed)

    def ranking() -> Interval:
        left, right = _together(_rank_ic(a), _rank_ic(b), "session with a rank IC")
        return bootstrap.paired_interval(
            right, left, bootstrap.mean, seed=seed, least_block=horizon
        )

    def annual_mean(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return bootstrap.mean(samples) * SESSIONS_PER_YEAR

    found: dict[str, dict[str, Any]] = {}
    for name, measure in {
        "net_return": lambda: money(bootstrap.net_return),
        "mean_return": lambda: money(annual_mean),
        "sharpe": lambda: money(bootstrap.annual_sharpe),
        "rank_ic": ranking,
    }.items():
        try:
            found[name] = measure().as_dict()
        except UndefinedMetric as reason:
            found[name] = {"reason": reason.problem}
    return found


def _horizon(view: RunView) -> int:
    return int(view.config.get("label", {}).get("horizon", 1))


def _returns(view: RunView) -> pd.Series:
    equity = view.equity.set_index("session")["equity_hkd"]
    return equity.pct_change().iloc[1:]


def _rank_ic(view: RunView) -> pd.Series:
    known = view.predictions.dropna(subset=["forward_return"])
    sessions, values = rank_ic_by_session(
        known["session"].to_numpy(),
        known["probability"].to_numpy(),
        known["forward_return"].to_numpy(),
    )
    return pd.Series(values, index=pd.DatetimeIndex(sessions))


def _together(left: pd.Series, right: pd.Series, what: str) -> tuple[np.ndarray, np.ndarray]:
    shared = left.index.intersection(right.index).sort_values()
    need(len(shared) > 0, f"the runs share no {what}")
    return left.loc[shared].to_numpy(), right.loc[shared].to_numpy()


def _config(a: RunView, b: RunView) -> list[dict[str, Any]]:
    left, right = dict(_flat(a.config)), dict(_flat(b.config))
    return [
        {"key": key, "a": left.get(key), "b": right.get(key)}
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found.extend(_flat(value, f"{prefix}{name}."))
        else:
            plain = list(value) if isinstance(value, tuple) else value
            found.append((f"{prefix}{name}", plain))
    return found


def _trades(a: RunView, b: RunView) -> dict[str, dict[str, Any]]:
    keys = ["ticker", "entry_session"]
    left, right = (view.trades.set_index(keys).sort_index() for view in (a, b))
    shared = left.index.intersection(right.index)
    ours, theirs = left.loc[shared], right.loc[shared]
    compared = ["exit_session", "shares", "net_pnl_hkd"]
    alike = np.ones(len(shared), dtype=bool)
    for column in compared:
        one, other = ours[column], theirs[column]
        alike &= (one.eq(other) | (one.isna() & other.isna())).to_numpy()
    # A change has two sides: what it earned more in B is what counts.
    more = theirs["net_pnl_hkd"] - ours["net_pnl_hkd"]
    moved = theirs.assign(net_pnl_hkd=more)[~alike]
    return {
        "only_a": _listed(left.drop(shared)),
        "only_b": _listed(right.drop(shared)),
        "same": {
            "count": int(alike.sum()),
            "net_pnl_hkd": float(ours.loc[alike, "net_pnl_hkd"].sum()),
        },
        "different": _listed(moved),
    }


def _listed(trades: pd.DataFrame) -> dict[str, Any]:
    shown = trades.head(TRADES_SHOWN).reset_index()
    return {
        "count": len(trades),
        "net_pnl_hkd": float(trades["net_pnl_hkd"].sum()),
        "first": [
            {
                "ticker": row["ticker"],
                "entry_session": str(row["entry_session"].date()),
                "exit_session": None
                if pd.isna(row["exit_session"])
                else str(row["exit_session"].date()),
                "shares": int(row["shares"]),
                "net_pnl_hkd": float(row["net_pnl_hkd"]),
            }
            for row in shown.to_dict("records")
        ],
    }


def _headline(found: Mapping[str, Any]) -> str:
    if (
        not found["config"]
        and found["trades"]["same"]["count"]
        and not any(found["trades"][name]["count"] for name in ("only_a", "only_b", "different"))
    ):
        return "The runs have the same settings and the same trades."
    one = found["paired"]["mean_return"]
    if "reason" in one:
        return f"The runs cannot be set side by side: {one['reason']}."
    said = (
        f"the difference is {LUCK}"
        if one["low"] <= 0 <= one["high"]
        else "the difference is more than luck"
    )
    return (
        f"B less A: {percent(one['estimate'])} a year"
        f" (95 %: {percent(one['low'])} to {percent(one['high'])}): {said}."
    )
