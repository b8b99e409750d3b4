"""Tape: one market over one run, session by session, prices in integer ten-thousandths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from markets.actions import all_columns, exact_ratio
from markets.errors import DataError, MissingDataError
from markets.prices import BAR_COLUMNS, MarketData
from markets.rules import UNITS_PER_HKD

Floats = npt.NDArray[np.float64]


class Bar(NamedTuple):
    """One session of one stock: prices in ten-thousandths of a dollar, volume in shares."""

    open: int
    high: int
    low: int
    close: int
    volume: float


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to one share at the open of a session, and what is received for it later."""

    ticker: str
    ratio: Fraction  # new shares for an old one
    cash: Fraction  # HKD
    paid: date | None = None  # first date on which the cash is there; None: at once
    other: str = ""  # whose shares are distributed in specie
    other_ratio: Fraction = Fraction(0)  # of those, for an old share
    delivered: date | None = None  # first date on which they can be sold; None: at once


@dataclass(frozen=True, slots=True)
class Track:
    """All bars of one ticker up to the end of a run, and where the run's sessions lie in them."""

    days: npt.NDArray[np.int64]  # days since 1970
    columns: Mapping[str, Floats]
    bars: tuple[list[Any], ...]  # the columns of `Bar`
    growth: Floats  # shares that one share of the first bar became by each bar, splits only
    before: int  # bars before the first session
    rows: list[int]  # by session of the run: its bar, or -1
    known: list[int]  # by session of the run: bars up to its close


class Tape:
    """One market over one run.

    `closes` holds, for each session, the closes of the tickers that traded in it, in
    ten-thousandths of a dollar; `actions` the corporate actions of the sessions that have some, by
    session number.

    Parameters
    ----------
    market : MarketData
        Bars before the first session are kept as known history; later than the last are left out.
    sessions : sequence of date
        The run's sessions, ascending.

    Raises
    ------
    MissingDataError
        If there is no session, or no bar in any of them.
    DataError
        If a bar lies inside the run but on no session of it.
    """

    def __init__(self, market: MarketData, sessions: Sequence[date]) -> None:
        if not sessions:
            raise MissingDataError("the run has no session", wanted="a start before the end")
        self.sessions = tuple(sessions)
        self.tickers = market.tickers
        self.adjusted = market.adjusted
        self.days = np.array(sessions, dtype="datetime64[D]").astype(np.int64)
        splits = _ratios(market)
        self.tracks = {
            ticker: self._track(market, ticker, splits.get(ticker, [])) for ticker in self.tickers
        }
        if not any(row >= 0 for track in self.tracks.values() for row in track.rows):
            raise MissingDataError(
                "no bar in any session of the run",
                wanted=f"prices from {sessions[0]} to {sessions[-1]}",
                where=market.source,
            )
        self.closes = self._closes()
        self._usual: dict[tuple[str, int], list[float]] = {}
        self.actions = {} if market.adjusted else self._actions(market)

    def bar(self, ticker: str, number: int) -> Bar | None:
        """Return a ticker's bar in the run's session `number`, or None if it had none."""
        track = self.tracks[ticker]
        row = track.rows[number]
        return None if row < 0 else Bar(*[column[row] for column in track.bars])

    def close_before(self, ticker: str) -> int | None:
        """Return a ticker's last close before the run, or None if it never traded before."""
        track = self.tracks[ticker]
        return track.bars[3][track.before - 1] if track.before else None

    def traded_on(self, ticker: str, day: date) -> bool:
        """Return whether a ticker had a bar on a day."""
        days = self.tracks[ticker].days
        wanted = int(np.datetime64(day, "D").astype(np.int64))
        at = int(np.searchsorted(days, wanted))
        return at < len(days) and int(days[at]) == wanted

    def known(self, ticker: str, number: int) -> int:
        """Return how many bars are known after session `number` closed (-1: before the run)."""
        track = self.tracks[ticker]
        return track.before if number < 0 else track.known[number]

    def usual_volume(self, ticker: str, number: int, count: int) -> float:
        """Return the mean volume of up to `count` bars before session `number`, in its shares.

        Known before the session opens. Volumes before a split are counted in new shares. 0 without
        any bar before.
        """
        if (ticker, count) not in self._usual:
            self._usual[ticker, count] = self.usual_volumes(ticker, count).tolist()
        return self._usual[ticker, count][number]

    def usual_volumes(self, ticker: str, count: int) -> Floats:
        """Return `usual_volume` for every session of the run."""
        track = self.tracks[ticker]
        ends = np.array([track.before, *track.known[:-1]])
        volumes = track.columns["volume"] / track.growth
        means = np.zeros(len(volumes) + 1)
        for end in range(1, min(count, len(means))):
            means[end] = volumes[:end].mean()
        if len(volumes) >= count:
            # In rows of their own: a mean adds up in the same order, whoever asks for it.
            windows = np.ascontiguousarray(sliding_window_view(volumes, count))
            means[count:] = windows.mean(axis=1)
        found: Floats = means[ends] * np.append(track.growth, 1.0)[ends - 1]
        for number, actions in self.actions.items():
            ratio = Fraction(1)
            for action in actions:
                if action.ticker == ticker:
                    ratio *= action.ratio
            found[number] *= float(ratio)
        return found

    def usual_volatility(self, ticker: str, number: int, count: int) -> float:
        """Return the standard deviation of up to `count` returns before session `number`.

        Logarithms of close over close of the bars known before the session opens, splits undone.
        0 where fewer than two returns are known.
        """
        track = self.tracks[ticker]
        end = self.known(ticker, number - 1)
        rows = slice(max(0, end - count - 1), end)
        worth = np.array(track.bars[3][rows], dtype=np.float64) * track.growth[rows]
        returns = np.diff(np.log(worth))
        if len(returns) < 2:
            return 0.0
        spread = returns - returns.mean()
        return sqrt(float(spread @ spread) / (len(returns) - 1))

    def _track(self, market: MarketData, ticker: str, splits: list[tuple[int, Fraction]]) -> Track:
        frame = market.bars[ticker]
        days = frame.index.to_numpy().astype("datetime64[D]").astype(np.int64)
        days = days[: int(np.searchsorted(days, self.days[-1], side="right"))]
        before = int(np.searchsorted(days, self.days[0]))
        inside = days[before:]
        at = np.searchsorted(self.days, inside)
        stray = self.days[at] != inside
        if stray.any():
            raise DataError(
                "a bar lies on a day that is no session",
                given=np.datetime64(int(inside[stray][0]), "D"),
                where=f"{market.source}: {ticker}",
            )
        rows = np.full(len(self.days), -1)
        rows[at] = np.arange(before, len(days))
        growth = np.ones(len(days))
        for ex_day, ratio in splits:
            growth[int(np.searchsorted(days, ex_day)) :] *= float(ratio)
        known = np.searchsorted(days, self.days, side="right")
        columns = {name: frame[name].to_numpy(dtype="float64")[: len(days)] for name in BAR_COLUMNS}
        units = [
            np.rint(columns[name] * UNITS_PER_HKD).astype(np.int64).tolist()
            for name in BAR_COLUMNS[:4]
        ]
        bars = (*units, columns["volume"].tolist())
        return Track(days, columns, bars, growth, before, rows.tolist(), known.tolist())

    def _closes(self) -> list[dict[str, int]]:
        found: list[dict[str, int]] = [{} for _ in self.sessions]
        for ticker, track in self.tracks.items():
            for closes, row in zip(found, track.rows, strict=True):
                if row >= 0:
                    closes[ticker] = track.bars[3][row]
        return found

    def _actions(self, market: MarketData) -> dict[int, tuple[Action, ...]]:
        found: dict[int, list[Action]] = defaultdict(list)
        table = all_columns(market.actions).sort_values(["ex_date", "ticker"], kind="stable")
        # Shares received are counted as they stand on the ex date, so after their own split.
        table = table.sort_values(["ex_date", "in_specie_ratio"], kind="stable")
        rows: Iterable[Any] = table.itertuples(index=False)
        for row in rows:
            ex_day = int(np.datetime64(row.ex_date.date(), "D").astype(np.int64))
            number = int(np.searchsorted(self.days, ex_day))
            if row.ticker in self.tracks and number < len(self.days) and ex_day >= self.days[0]:
                found[number].append(self._action(row))
        return {number: tuple(actions) for number, actions in found.items()}

    def _action(self, row: Any) -> Action:
        """Return a row as an action; shares without prices here cannot be held, see the checks."""
        other = row.in_specie_ticker if row.in_specie_ticker in self.tracks else ""
        return Action(
            ticker=row.ticker,
            ratio=exact_ratio(row.ratio),
            cash=Fraction(str(row.cash_hkd)),
            paid=None if pd.isna(row.pay_date) else row.pay_date.date(),
            other=other,
            other_ratio=exact_ratio(row.in_specie_ratio) if other else Fraction(0),
            delivered=None if pd.isna(row.delivery_date) else row.delivery_date.date(),
        )


def _ratios(market: MarketData) -> dict[str, list[tuple[int, Fraction]]]:
    splits: dict[str, list[tuple[int, Fraction]]] = defaultdict(list)
    if market.adjusted:
        return splits
    table = market.actions[market.actions["ratio"] != 1.0]
    days = table["ex_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    for ticker, day, ratio in zip(
        table["ticker"].tolist(), days.tolist(), table["ratio"].tolist(), strict=True
    ):
        splits[ticker].append((day, exact_ratio(ratio)))
    return splits
