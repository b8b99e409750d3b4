"""Trial: one set of values, what it came to, and the work of one process on a batch of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtests import stages
from backtests.config import LoadedConfig, RunConfig, with_values
from backtests.metrics import returns, trades
from backtests.metrics.breakdowns import number
from backtests.metrics.undefined import Sheet
from backtests.result import EngineResult
from backtests.sweeps.cache import Cache, Lookup, UnkeptError
from backtests.sweeps.upstream import Digest, Line
from markets.errors import NewswakeError

FIGURES = (
    "sharpe",
    "net_return",
    "gross_return",
    "max_drawdown",
    "volatility",
    "rank_ic",
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
"""Figures of a trial, in the order of the table; each is that of the report of a run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of values.

    Attributes
    ----------
    number : int
        0-based, in the order of the space.
    values : mapping of str to object
        What differs from the base config, by dotted key.
    config_sha256 : str
        Of the whole config: that of the single run with the same values.
    digest : Digest
        What it reads.
    """

    number: int
    values: Mapping[str, Any]
    config_sha256: str
    digest: Digest


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a trial came to.

    Attributes
    ----------
    number : int
        The trial.
    status : str
        finished or failed.
    figures : mapping
        `FIGURES` and `by_year`, JSON-ready; empty where it failed.
    equity_hkd : ndarray of float64, shape (sessions + 1,)
        Capital before the first session, then equity at each close; empty where it failed.
    error : str or None
        Why it failed.
    seconds : float
        What it took; in no table.
    """

    number: int
    status: str
    figures: Mapping[str, Any]
    equity_hkd: npt.NDArray[np.float64]
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Trials that one process runs in one go.

    Attributes
    ----------
    base : LoadedConfig
        The config they vary.
    trials : tuple of Trial
        In the order in which they share most.
    cache : str
        Folder of the cache, which every worker must see.
    """

    base: LoadedConfig
    trials: tuple[Trial, ...]
    cache: str


def run_batch(batch: Batch) -> list[Outcome]:
    """Run trials; one that fails says why and keeps no other from running."""
    cache = open_cache(batch.cache)
    return [_run(batch.base, trial, cache) for trial in batch.trials]


def prepare(base: LoadedConfig, trial: Trial, folder: str) -> list[Lookup]:
    """Compute what a trial shares with others, in a process of its own; return what was asked."""
    cache = open_cache(folder)
    seen = len(cache.lookups)
    with trial_to_blame():
        Line(with_values(base, trial.values), trial.digest, cache).prepare()
    return cache.lookups[seen:]


@contextmanager
def trial_to_blame() -> Iterator[None]:
    """Pass over what a trial's own values cause: the trial itself will fail by it, and say so."""
    try:
        yield
    except UnkeptError:
        raise
    except NewswakeError:
        return


@lru_cache(maxsize=1)
def open_cache(folder: str) -> Cache:
    """Return the cache of this process: its memory is what makes the second trial fast."""
    return Cache(Path(folder))


def _run(base: LoadedConfig, trial: Trial, cache: Cache) -> Outcome:
    began = time.perf_counter()
    try:
        config = with_values(base, trial.values)
        found = outcome_of(trial.number, config, Line(config, trial.digest, cache))
        return replace(found, seconds=time.perf_counter() - began)
    except UnkeptError:
        raise
    except NewswakeError as error:
        problem = str(error)
    except Exception as error:  # a user's own strategy may raise anything
        problem = f"{type(error).__name__}: {error}"
    return Outcome(trial.number, "failed", {}, np.empty(0), problem)


def outcome_of(place: int, config: RunConfig, line: Line) -> Outcome:
    """Trade one config on what is upstream of it, and measure it as a run would."""
    answers = line.answers()
    start = stages.first_session(config, answers.predictions)
    engine = stages.trade_one(config, line.ground(), line.signals(), config.strategy, start)
    path = returns.value_path(engine.equity["equity_hkd"], config.broker.cash_hkd)
    figures = figures_of(engine, path, answers.rank_ic)
    return Outcome(place, "finished", figures, path)


def figures_of(
    engine: EngineResult, path: npt.NDArray[np.float64], rank_ic: float | None
) -> dict[str, Any]:
    """Return the figures of a trial, by the same functions as the report of a run."""
    equity, table = engine.equity, engine.trades
    cost = float(engine.fills["cost_hkd"].sum())
    closed = table[~table["is_open"].astype(bool)]
    sheet = Sheet("trial")
    sheet.put("sharpe", lambda: returns.sharpe(returns.session_returns(path)))
    sheet.put("net_return", returns.total_return, path)
    sheet.put("gross_return", lambda: returns.total_return(path) + cost / float(path[0]))
    sheet.put("max_drawdown", returns.max_drawdown, path)
    sheet.put("volatility", lambda: returns.volatility(returns.session_returns(path)))
    sheet.note(rank_ic=rank_ic, orders=len(engine.orders), fills=len(engine.fills))
    sheet.note(trades=len(table))
    sheet.put("hit_rate", trades.hit_rate, closed["net_pnl_hkd"])
    sheet.put("turnover", trades.turnover, equity["turnover_hkd"], equity["equity_hkd"])
    sheet.note(cost_hkd=cost, final_equity_hkd=float(path[-1]), sessions=len(equity))
    sheet.note(first_session=str(pd.DatetimeIndex(equity.index)[0].date()))
    return {**{name: sheet.figures[name] for name in FIGURES}, "by_year": _by_year(equity, path)}


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of a trial, under the names of a run."""
    return {name: figures.get(name) for name in ("net_return", "sharpe", "sessions", "rank_ic")}


def _by_year(equity: pd.DataFrame, path: Sequence[float] | npt.NDArray[np.float64]) -> Any:
    years = pd.DatetimeIndex(equity.index).year.to_numpy()
    found = {}
    for year in np.unique(years):
        inside = np.flatnonzero(years == year)
        part = np.asarray(path)[inside[0] : inside[-1] + 2]
        found[str(year)] = number(returns.total_return, part)
    return found
