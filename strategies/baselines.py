"""Baselines: what the market gave without reading news, and to the same habits at random."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from markets.settings import Settings
from strategies.base import NoParams, SignalStrategy, StrategySettings, View


class BuyAndHold(SignalStrategy[NoParams]):
    """Buy every stock of the universe in equal parts at the first open, and never sell.

    Stocks that are listed or join later are left out. What whole lots leave over stays in cash.
    """

    follows_signals: ClassVar[bool] = False

    def targets(self, view: View) -> Mapping[str, float]:
        """Return equal weights while nothing is held, then nothing."""
        return {} if view.engaged else _equal(view)


class EqualWeight(SignalStrategy[NoParams]):
    """Hold every stock in equal parts, brought back to them at the first open of each month.

    A late listing or a new member of the universe joins at the next month's start, and what left it
    is sold then. Stocks that had no bar in the last session are left alone until they trade again.
    """

    follows_signals: ClassVar[bool] = False

    def targets(self, view: View) -> Mapping[str, float]:
        """Return equal weights at a month's first open or while nothing is held, else nothing."""
        month_turns = view.session.month != view.known_session.month
        if view.engaged and not month_turns:
            return {}
        wanted = dict.fromkeys(sorted(set(view.holdings) - view.eligible), 0.0) | _equal(view)
        return {ticker: weight for ticker, weight in wanted.items() if ticker in view.traded}


class RandomEntriesParams(Settings):
    """Parameters of `random_entries`."""

    entries: Mapping[date, int] = {}
    """Entries by session: how many stocks are bought at its open. See `random_like`."""

    short_entries: Mapping[date, int] = {}
    """How many are sold short at it, of those that may be."""

    hold_sessions: int = Field(default=5, ge=1)
    """Opens from entry to exit."""

    weight: float = Field(default=0.1, gt=0.0, le=1.0)
    """Weight of equity in each position."""

    seed: int = 0
    """Draws depend on it and on the session alone."""


class RandomEntries(SignalStrategy[RandomEntriesParams]):
    """Enter as many stocks on the same days as another run, but drawn at random, and hold as long.

    The difference to that run is the choice of stocks. Drawn among stocks of the universe that
    traded in the last session and are not held; the draw of a session depends on the seed and its
    date alone.
    """

    Params: ClassVar[type[Settings]] = RandomEntriesParams
    follows_signals: ClassVar[bool] = False

    def targets(self, view: View) -> Mapping[str, float]:
        """Return 0 for what was held long enough, then the weights of what was drawn."""
        exits = {
            ticker: 0.0
            for ticker, age in sorted(view.ages.items())
            if age >= self.params.hold_sessions
        }
        open_to_all = view.traded if view.universe is None else view.traded & view.universe
        pool = sorted(open_to_all - view.engaged)
        count = self.params.entries.get(view.session, 0)
        shorts = self.params.short_entries.get(view.session, 0)
        if count == shorts == 0:
            return exits
        draws = np.random.default_rng([self.params.seed, view.session.toordinal()])
        drawn = [pool[place] for place in draws.permutation(len(pool)).tolist()]
        sold = [ticker for ticker in drawn[count:] if ticker in view.shortable][:shorts]
        weight = self.params.weight
        return exits | dict.fromkeys(drawn[:count], weight) | dict.fromkeys(sold, -weight)


def random_like(
    trades: pd.DataFrame, *, weight: float, seed: int, reserve_bp: float | None = None
) -> StrategySettings:
    """Return the settings of a random strategy with the habits of a finished run.

    Parameters
    ----------
    trades : DataFrame
        The run's trades: `side`, `entry_session`, `sessions_held`, `is_open`.
    weight : float
        Weight of equity that run put into each position.
    seed : int
        For the draws.
    reserve_bp : float, optional
        As in that run; by default the default.

    Returns
    -------
    StrategySettings
        As many entries of each side at the same sessions, held for the median time of the closed
        trades.
    """
    closed = trades.loc[~trades["is_open"].astype(bool), "sessions_held"]
    short = trades["side"] == "short"
    params = {
        "entries": _by_session(trades.loc[~short, "entry_session"]),
        "hold_sessions": max(1, round(float(closed.median()))) if len(closed) else 5,
        "weight": weight,
        "seed": seed,
    }
    if short.any():
        params["short_entries"] = _by_session(trades.loc[short, "entry_session"])
    settings = StrategySettings(name="random_entries", params=params)
    if reserve_bp is None:
        return settings
    return settings.model_copy(update={"reserve_bp": reserve_bp})


def _by_session(entered: pd.Series) -> dict[date, int]:
    """Return how often each session occurs, in order."""
    counts = entered.value_counts().sort_index()
    days = counts.index.to_numpy().astype("datetime64[D]")
    return {day.item(): int(count) for day, count in zip(days, counts.to_numpy(), strict=True)}


def _equal(view: View) -> dict[str, float]:
    """Return equal weights of all stocks of the universe that ever traded, by ticker."""
    tickers = sorted(view.eligible)
    return {ticker: 1.0 / len(tickers) for ticker in tickers}
