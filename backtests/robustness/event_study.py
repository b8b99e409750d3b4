"""Event study: abnormal returns around events, by kind, with every test side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from backtests.metrics.undefined import Floats, Sheet, UndefinedMetric, need
from backtests.robustness import event_tests
from backtests.robustness.event_tests import Significance
from backtests.robustness.settings import EventStudySettings
from markets.prices import MarketData
from signals.features.base import Row

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, order=True)
class StockEvent:
    """One event of a stock, as an event study counts it.

    Attributes
    ----------
    session : date
        Effective session: the first whose open the news could reach.
    ticker : str
        The stock.
    kind : str
        Kind of the event.
    sign : int
        1 for good news, -1 for bad: abnormal returns are multiplied by it.
    """

    session: date
    ticker: str
    kind: str
    sign: int


@dataclass(frozen=True, eq=False)
class Abnormal:
    """Abnormal returns of n events, each multiplied by the event's sign.

    A session's return is from its open to the next: session 0 is what could be earned from the
    effective open on, session -1 holds the jump into it, which could not.

    Attributes
    ----------
    events : tuple of StockEvent
        Those that could be measured, by (session, ticker).
    window : Floats, shape (n, k)
        Abnormal returns of sessions `first` to `first` + k - 1.
    first : int
        Relative session of the first column.
    residuals : Floats, shape (n, m)
        Residuals of the estimation sessions; NaN without a bar.
    sigma : Floats, shape (n,)
        Their standard deviation, with m - 2 degrees of freedom.
    counts : Floats, shape (n,)
        Sessions behind each market model.
    market : Floats, shape (n, k)
        Market return of each window session, less its mean over the estimation sessions.
    market_power : Floats, shape (n,)
        Sum of squared deviations of the market return over the estimation sessions.
    place : array of int, shape (n,)
        Calendar number of each effective session.
    left_out : mapping of str to int
        By kind, events that could not be measured: too few sessions around them, or a session of
        the window without a bar.
    """

    events: tuple[StockEvent, ...]
    window: Floats
    first: int
    residuals: Floats
    sigma: Floats
    counts: Floats
    market: Floats
    market_power: Floats
    place: np.ndarray[Any, np.dtype[np.int64]]
    left_out: Mapping[str, int]

    def of(self, kind: str) -> Abnormal:
        """Return the events of one kind."""
        chosen = np.array([event.kind == kind for event in self.events], dtype=bool)
        kept = tuple(e for e, inside in zip(self.events, chosen, strict=True) if inside)
        names = ("residuals", "sigma", "counts", "market", "market_power", "place")
        parts = {name: getattr(self, name)[chosen] for name in names}
        left_out = {kind: self.left_out.get(kind, 0)}
        return Abnormal(kept, self.window[chosen], self.first, **parts, left_out=left_out)

    def cumulative(self, start: int, stop: int) -> tuple[Floats, Floats]:
        """Return each event's return over sessions `start` to `stop`, and it standardized.

        Standardized by its prediction error: ``sigma * sqrt(L + L**2/m + (sum of the market's
        deviations over the window)**2 / its power over the estimation)``, L sessions. Source:
        Patell 1976; Campbell, Lo and MacKinlay, The Econometrics of Financial Markets, 1997, 4.4.
        """
        columns = slice(start - self.first, stop - self.first + 1)
        length = stop - start + 1
        cars = self.window[:, columns].sum(axis=1)
        moved = self.market[:, columns].sum(axis=1)
        spread = length + length**2 / self.counts + moved**2 / self.market_power
        return cars, cars / (self.sigma * np.sqrt(spread))


def events_of(rows: Sequence[Row]) -> list[StockEvent]:
    """Return the fresh forward events of decisions, one for each session, ticker and kind.

    The sign is that of the summed polarity, weighted by novelty; without one the event is left out.
    """
    leaning: dict[tuple[date, str, str], float] = {}
    for row in rows:
        for event in row.events:
            if event.is_fresh_forward and row.ticker in event.tickers:
                key = (row.session, row.ticker, event.kind)
                leaning[key] = leaning.get(key, 0.0) + event.polarity * event.novelty
    return [StockEvent(*key, sign=1 if lean > 0 else -1) for key, lean in leaning.items() if lean]


def abnormal_returns(
    events: Iterable[StockEvent], market: MarketData, settings: EventStudySettings
) -> Abnormal:
    """Return market-model abnormal returns around events.

    The model, ``return = alpha + beta * market + e`` by least squares, is estimated on sessions
    that end `settings.gap` sessions before the window. The market is the equal-weight mean of all
    stocks that have a return. Returns are total returns from open to open.

    Raises
    ------
    UndefinedMetric
        If no event has enough sessions around it.
    """
    sessions = market.sessions()
    opens = market.matrix("open", sessions, forward_adjusted=True).to_numpy()
    returns = np.full(opens.shape, np.nan)
    returns[:-1] = opens[1:] / opens[:-1] - 1.0
    known = np.isfinite(returns)
    count = known.sum(axis=1)
    level = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(count, 1)
    level[count == 0] = np.nan
    columns = {ticker: place for place, ticker in enumerate(market.tickers)}
    number = {stamp.date(): place for place, stamp in enumerate(sessions)}
    found: list[tuple[StockEvent, int, dict[str, Any]]] = []
    left_out: Counter[str] = Counter()
    for event in sorted(set(events)):
        place, column = number.get(event.session), columns.get(event.ticker)
        fitted = None
        if place is not None and column is not None:
            fitted = _fit(returns[:, column], level, place, settings)
        if place is None or fitted is None:
            left_out[event.kind] += 1
        else:
            found.append((event, place, fitted))
    need(bool(found), "no event has enough sessions around it")
    signs = np.array([event.sign for event, _, _ in found], dtype=np.float64)[:, None]

    def stacked(name: str) -> Floats:
        return np.array([fitted[name] for _, _, fitted in found], dtype=np.float64)

    return Abnormal(
        events=tuple(event for event, _, _ in found),
        window=stacked("window") * signs,
        first=settings.first,
        residuals=stacked("residuals") * signs,
        sigma=stacked("sigma"),
        counts=stacked("count"),
        market=stacked("market"),
        market_power=stacked("power"),
        place=np.array([place for _, place, _ in found], dtype=np.int64),
        left_out=left_out,
    )


def _fit(
    stock: Floats, level: Floats, place: int, settings: EventStudySettings
) -> dict[str, Any] | None:
    """Return the market model around one event; None where there is too little."""
    end = place + settings.first - settings.gap
    begin = end - settings.estimation_sessions
    last = place + settings.last + 1
    if begin < 0 or last > len(stock):
        return None
    inside, market_inside = (
        stock[place + settings.first : last],
        level[place + settings.first : last],
    )
    before, market_before = stock[begin:end], level[begin:end]
    both = np.isfinite(before) & np.isfinite(market_before)
    count = int(both.sum())
    if count < settings.fewest_sessions or not np.isfinite(inside).all():
        return None
    if not np.isfinite(market_inside).all():
        return None
    x, y = market_before[both], before[both]
    centered = x - x.mean()
    power = float(centered @ centered)
    if power <= 0:
        return None
    beta = float(centered @ y) / power
    alpha = float(y.mean() - beta * x.mean())
    residuals = before - alpha - beta * market_before
    sigma = math.sqrt(float((residuals[both] ** 2).sum()) / (count - 2))
    if sigma <= 0:
        return None
    return {
        "window": inside - alpha - beta * market_inside,
        "residuals": residuals,
        "sigma": sigma,
        "count": count,
        "market": market_inside - x.mean(),
        "power": power,
    }


@dataclass(frozen=True, eq=False)
class EventStudy:
    """What one kind of event did to prices.

    Attributes
    ----------
    kind : str
        Kind of the events, or "all".
    n, sessions : int
        Events, and different sessions they lie in.
    left_out : int
        Further events that could not be measured; see `Abnormal`.
    window : tuple of int
        First and last relative session that is tested.
    mean : float
        Mean cumulative abnormal return over the window, signed by the news; a fraction.
    correlation : float or None
        Mean correlation of pairs of events, behind Kolari and Pynnönen's test.
    tests : mapping of str to Significance or str
        By name; the reason where there is none. `naive`, `patell` and `bmp` take events for
        independent; `clustered`, `kolari_pynnonen`, `grank` and `rank` do not.
    path : tuple of mapping
        By relative session: `session`, `abnormal` (its mean), `cumulative`, and the 95 % band of
        the latter from clustered errors (`low`, `high`).
    """

    kind: str
    n: int
    sessions: int
    left_out: int
    window: tuple[int, int]
    mean: float
    correlation: float | None
    tests: Mapping[str, Significance | str]
    path: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        sheet = Sheet("event_study")
        sheet.note(
            kind=self.kind,
            n=self.n,
            sessions=self.sessions,
            left_out=self.left_out,
            window=list(self.window),
            mean=self.mean,
            correlation=self.correlation,
            tests={
                name: {"reason": test} if isinstance(test, str) else test.as_dict()
                for name, test in self.tests.items()
            },
            path=[dict(point) for point in self.path],
        )
        return sheet.figures


def study(abnormal: Abnormal, settings: EventStudySettings, kind: str = "all") -> EventStudy:
    """Return mean abnormal returns with bands, and all tests of the window.

    Raises
    ------
    UndefinedMetric
        If there is no event.
    """
    need(len(abnormal.events) > 0, "no event")
    start, stop = 0, settings.tested_sessions - 1
    cars, scars = abnormal.cumulative(start, stop)
    length = stop - start + 1
    standardized = abnormal.residuals / abnormal.sigma[:, None]
    columns = slice(start - abnormal.first, stop - abnormal.first + 1)
    inside = abnormal.window[:, columns] / abnormal.sigma[:, None]
    correlation: float | None = None
    if len(cars) > 1:
        begin = abnormal.place + abnormal.first - settings.gap - settings.estimation_sessions
        correlation = event_tests.pair_correlation(
            abnormal.residuals, begin, abnormal.place, length
        )
    tests: dict[str, Significance | str] = {}
    measures: Mapping[str, Callable[[], Significance]] = {
        "naive": lambda: event_tests.naive_t(cars),
        "patell": lambda: event_tests.patell_z(scars, abnormal.counts),
        "bmp": lambda: event_tests.bmp_t(scars),
        "clustered": lambda: event_tests.clustered_t(cars, abnormal.place, length),
        "kolari_pynnonen": lambda: event_tests.kolari_pynnonen_t(scars, correlation or 0.0),
        "grank": lambda: event_tests.grank_t(standardized, scars),
        "rank": lambda: event_tests.rank_z(standardized, inside),
    }
    for name, test in measures.items():
        try:
            tests[name] = test()
        except UndefinedMetric as reason:
            tests[name] = reason.problem
    return EventStudy(
        kind=kind,
        n=len(cars),
        sessions=len(np.unique(abnormal.place)),
        left_out=sum(abnormal.left_out.values()),
        window=(start, stop),
        mean=float(cars.mean()),
        correlation=correlation,
        tests=tests,
        path=tuple(_path(abnormal)),
    )


def _path(abnormal: Abnormal) -> list[dict[str, Any]]:
    points = []
    sums = abnormal.window.cumsum(axis=1)
    for column in range(sums.shape[1]):
        total = float(sums[:, column].mean())
        point: dict[str, Any] = {
            "session": abnormal.first + column,
            "abnormal": float(abnormal.window[:, column].mean()),
            "cumulative": total,
            "low": None,
            "high": None,
        }
        try:
            tested = event_tests.clustered_t(sums[:, column], abnormal.place, column + 1)
            if tested.statistic:
                reach = _Z95 * abs(total / tested.statistic)
                point |= {"low": total - reach, "high": total + reach}
        except UndefinedMetric:
            pass
        points.append(point)
    return points


def studies_of(
    events: Iterable[StockEvent], market: MarketData, settings: EventStudySettings
) -> tuple[EventStudy, ...]:
    """Return the study of all events, and of each kind that has enough, most events first."""
    abnormal = abnormal_returns(events, market, settings)
    counts = pd.Series([event.kind for event in abnormal.events]).value_counts()
    kinds = sorted(
        (str(kind) for kind, count in counts.items() if count >= settings.fewest_events),
        key=lambda kind: (-int(counts[kind]), kind),
    )
    return (study(abnormal, settings), *(study(abnormal.of(k), settings, k) for k in kinds))
