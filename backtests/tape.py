"""Tape: one market over one run, session by session, prices in integer ten-thousandths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from markets.errors import DataError, MissingDataError
from markets.prices import BAR_COLUMNS, MarketData
from markets.rules import UNITS_PER_HKD

Floats = npt.NDArray[np.float64]

# Ratios are small fractions (1/10, 18/17) that a float approximates; shares are counted exactly.
_LARGEST_DENOMINATOR = 10_000


class Bar(NamedTuple):
    """One session of one stock: prices in ten-thousandths of a dollar, volume in shares."""

    open: int
    high: int
    low: int
    close: int
    volume: float


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to one share at the open of a session."""

    ticker: str
    ratio: Fraction  # new shares for an old one
    cash: Fraction  # HKD


@dataclass(frozen=True, slots=True)
class Track:
    """All bars of one ticker up to the end of a run, and where the run's sessions lie in them."""

    days: npt.NDArray[np.int64]  # days since 1970
    columns: Mapping[str, Floats]
    closes: list[int]  # ten-thousandths of a dollar
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
        self.actions = {} if market.adjusted else self._actions(market)

    def bar(self, ticker: str, number: int) -> Bar | None:
        """Return a ticker's bar in the run's session `number`, or None if it had none."""
        track = self.tracks[ticker]
        row = track.rows[number]
        if row < 0:
            return None
        columns = track.columns
        prices = (round(float(columns[name][row]) * UNITS_PER_HKD) for name in BAR_COLUMNS[:4])
        opened, high, low, close = prices
        return Bar(opened, high, low, close, float(columns["volume"][row]))

    def close_before(self, ticker: str) -> int | None:
        """Return a ticker's last close before the run, or None if it never traded before."""
        track = self.tracks[ticker]
        return track.closes[track.before - 1] if track.before else None

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
        track = self.tracks[ticker]
        end = self.known(ticker, number - 1)
        rows = slice(max(0, end - count), end)
        volumes = track.columns["volume"][rows] / track.growth[rows]
        if not len(volumes):
            return 0.0
        ratio = Fraction(1)
        for action in self.actions.get(number, ()):
            if action.ticker == ticker:
                ratio *= action.ratio
        return float(volumes.mean()) * float(track.growth[end - 1]) * float(ratio)

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
        closes = np.rint(columns["close"] * UNITS_PER_HKD).astype(np.int64).tolist()
        return Track(days, columns, closes, growth, before, rows.tolist(), known.tolist())

    def _closes(self) -> list[dict[str, int]]:
        found: list[dict[str, int]] = [{} for _ in self.sessions]
        for ticker, track in self.tracks.items():
            for closes, row in zip(found, track.rows, strict=True):
                if row >= 0:
                    closes[ticker] = track.closes[row]
        return found

    def _actions(self, market: MarketData) -> dict[int, tuple[Action, ...]]:
        found: dict[int, list[Action]] = defaultdict(list)
        table = market.actions.sort_values(["ex_date", "ticker"], kind="stable")
        for ticker, ex_date, ratio, cash in zip(
            table["ticker"].tolist(),
            table["ex_date"].to_numpy().astype("datetime64[D]").astype(np.int64).tolist(),
            table["ratio"].tolist(),
            table["cash_hkd"].tolist(),
            strict=True,
        ):
            number = int(np.searchsorted(self.days, ex_date))
            if ticker in self.tracks and number < len(self.days) and ex_date >= self.days[0]:
                found[number].append(Action(ticker, _exact(ratio), Fraction(str(cash))))
        return {number: tuple(actions) for number, actions in found.items()}


def _exact(ratio: float) -> Fraction:
    return Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR)


def _ratios(market: MarketData) -> dict[str, list[tuple[int, Fraction]]]:
    splits: dict[str, list[tuple[int, Fraction]]] = defaultdict(list)
    if market.adjusted:
        return splits
    table = market.actions[market.actions["ratio"] != 1.0]
    days = table["ex_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    for ticker, day, ratio in zip(
        table["ticker"].tolist(), days.tolist(), table["ratio"].tolist(), strict=True
    ):
        splits[ticker].append((day, _exact(ratio)))
    return splits
