"""LabelFrame: what a decision could have earned, from the first price it could trade."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from markets.calendar import Calendar
from markets.errors import ConfigError, MissingDataError, nearest_name
from markets.prices import MarketData
from markets.settings import Settings
from signals.features.base import FeatureFrame
from signals.features.prices import trailing_beta
from signals.features.rows import Universe
from signals.panel import Floats, Ints, Panel, before, has_entry, scaled
from signals.weights import day_share, uniqueness

_DAY = "datetime64[D]"
Costs = Callable[[NDArray[np.object_], NDArray[np.datetime64]], Floats]
"""Tickers and sessions into the cost of a round trip, a fraction: see `markets.round_trip`."""


FORWARD_RETURN = "forward_return"


class LabelSettings(Settings):
    """What counts as an outcome."""

    name: str = FORWARD_RETURN
    """``forward_return``, from the first open that can be had to a later one; a published name, or
    ``module:Class``. A class is called with these settings and must fit
    `signals.own_labels.Labeler`; it need not heed what stands below but `horizon`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Of a label of one's own, which finds them in its settings."""
    horizon: int = Field(default=3, ge=1, le=250)
    """Sessions from the entry at one open to the exit at another; a signal stands as long."""
    exit: Literal["horizon", "triple_barrier"] = "horizon"
    """Leave after the horizon, or at the open after a close beyond a barrier, if that is sooner."""
    barrier_volatilities: float = Field(default=1.5, gt=0)
    """Distance of the barriers: trailing daily volatilities × square root of the horizon."""
    benchmark: str = "universe"
    """Less what: "universe" (its equal-weight mean), the name of an index with opens, or "none"."""
    beta: Literal["one", "trailing"] = "one"
    """Exposure to the benchmark: 1, or the slope over `beta_sessions` before the entry."""
    beta_sessions: int = Field(default=120, ge=20)
    """Sessions behind a trailing beta; with fewer it is 1."""
    dead_band_bp: Annotated[float, Field(ge=0)] | Literal["round_trip"] = 0.0
    """A row whose abnormal return is smaller than this either way, in basis points, teaches no
    model; "round_trip" is what buying and selling cost on the date of the entry. Models are
    calibrated and judged on all rows."""
    order_hkd: float = Field(default=100_000.0, gt=0)
    """Value of the order whose round trip is counted: minimum charges weigh on small ones."""
    volatility_sessions: int = Field(default=20, ge=5)
    """Sessions behind the trailing volatility that barriers and `scaled_return` are measured in;
    what learns from sizes, the return-driven lexicon, ranks the latter."""


@dataclass(frozen=True, eq=False)
class LabelFrame:
    """Outcomes of decisions; for training and for judging only.

    Attributes
    ----------
    values : DataFrame
        Indexed as the FeatureFrame, (`decision_at`, `ticker`); rows whose outcome is not yet known
        are absent. Columns:

        target : int64
            1 if the abnormal forward return is positive, else 0.
        forward_return : float64
            Abnormal return from the open of `t0` to the open of `t1`.
        raw_return : float64
            The same, not yet less the benchmark's.
        scaled_return : float64
            `forward_return` in trailing volatilities of its horizon, known before the entry: sizes
            that compare over stocks and times. NaN where no stock had a volatility yet.
        neutral : bool
            Within the dead band: too small to teach a model which way it went.
        cost : float64
            Of a round trip on the date of `t0`, a fraction; NaN where no costs were given.
        t0, t1 : datetime64
            Entry and exit session. The label is known from the open of `t1` on.
        weight : float64
            Sample weight, positive: uniqueness among the labels of its ticker × 1 / rows of its
            session.
    horizon : int
        Sessions from entry to exit.
    """

    values: pd.DataFrame
    horizon: int

    def __len__(self) -> int:
        return len(self.values)


def label(
    features: FeatureFrame,
    market: MarketData,
    calendar: Calendar,
    settings: LabelSettings,
    universe: Universe | None = None,
    costs: Costs | None = None,
) -> LabelFrame:
    """Return what each decision could have earned.

    Parameters
    ----------
    features : FeatureFrame
        Its rows are labeled.
    market : MarketData
        Opens; returns are total returns.
    calendar : Calendar
        Counts the sessions of the horizon.
    settings : LabelSettings
        Horizon, benchmark, barriers.
    universe : callable or mapping, optional
        Session → members of the "universe" benchmark, as known at the entry; by default every
        ticker that has prices.
    costs : callable, optional
        What a round trip costs, by ticker and entry session.

    Returns
    -------
    LabelFrame
        A row whose stock does not trade in its effective session has no label: the order would not
        have filled. A stock that does not trade in the exit session leaves at its next open. A
        label stands on prices up to the open of its `t1` only; benchmark members that do not trade
        at both ends are left out of the mean.

    Raises
    ------
    ConfigError
        If the dead band is a round trip, and no costs are given; if there is no label of that name.
    MissingDataError
        If the benchmark is no index with opens.
    DataError, LeakError
        As `signals.own_labels.own_label`, of a label of one's own.
    """
    if settings.name != FORWARD_RETURN:
        # Imported here: it needs the LabelFrame of this module.
        from signals.own_labels import own_label

        return own_label(features.sessions, market, calendar, settings, costs)
    panel = Panel.of(features.sessions, market, calendar)
    tickers = features.values.index.get_level_values("ticker").to_numpy().astype(object)
    sessions = features.sessions.to_numpy().astype(_DAY)
    column = np.array([panel.columns.get(ticker, -1) for ticker in tickers])
    start = np.searchsorted(panel.sessions, sessions)
    volatility = before(panel.volatility(settings.volatility_sessions), start, column)
    can_enter = has_entry(panel, sessions, start, column)
    stop = _exits(panel, settings, start, column, volatility, can_enter)
    known = stop < len(panel.sessions)
    # A label still open spans to the end: what overlaps it now does not depend on when it ends.
    weight = np.ones(len(start))
    weight[can_enter] = uniqueness(tickers[can_enter], start[can_enter], stop[can_enter])
    weight *= day_share(sessions)
    start, stop, column = start[known], stop[known], column[known]
    raw = panel.opens[stop, column] / panel.opens[start, column] - 1.0
    members = _membership(panel, universe)
    benchmark = _benchmark(panel, market, settings, members, start, stop)
    abnormal = raw - _beta(panel, market, settings, members, start, column) * benchmark
    window, horizon = settings.volatility_sessions, settings.horizon
    cost = np.full(len(raw), np.nan) if costs is None else costs(tickers[known], sessions[known])
    values = pd.DataFrame(
        {
            "target": (abnormal > 0.0).astype("int64"),
            "forward_return": abnormal,
            "raw_return": raw,
            "scaled_return": scaled(abnormal, panel, window, horizon, start, column),
            "neutral": np.abs(abnormal) < _dead_band(settings, costs, cost),
            "cost": cost,
            "t0": panel.sessions[start].astype("datetime64[s]"),
            "t1": panel.sessions[stop].astype("datetime64[s]"),
            "weight": weight[known],
        },
        index=features.values.index[known],
    )
    # An index without a level at either end leaves no outcome to speak of.
    return LabelFrame(values[~np.isnan(abnormal)], settings.horizon)


def _dead_band(settings: LabelSettings, costs: Costs | None, cost: Floats) -> Floats | float:
    """Return the size of an abnormal return from which on it teaches."""
    if settings.dead_band_bp != "round_trip":
        return settings.dead_band_bp / 1e4
    if costs is None:
        raise ConfigError(
            "a dead band of a round trip needs to know what one costs",
            wanted="costs by ticker and session, or a number of basis points",
            where="label.dead_band_bp",
        )
    return cost


def _exits(
    panel: Panel,
    settings: LabelSettings,
    start: Ints,
    column: Ints,
    volatility: Floats,
    can_enter: NDArray[np.bool_],
) -> Ints:
    """Return the position of each exit session; the number of sessions where not known yet."""
    n = len(panel.sessions)
    next_open = panel.next_open()
    stop = np.full(len(start), n)
    for row in np.flatnonzero(can_enter).tolist():
        planned, place = start[row] + settings.horizon, column[row]
        if settings.exit == "triple_barrier" and volatility[row] > 0:
            width = settings.barrier_volatilities * volatility[row] * math.sqrt(settings.horizon)
            closes = panel.closes[start[row] : min(planned, n), place]
            moved = np.abs(closes / panel.opens[start[row], place] - 1.0) >= width
            if moved.any():
                planned = min(planned, start[row] + int(np.argmax(moved)) + 1)
        if planned < n:
            stop[row] = next_open[planned, place]
    return stop


def _benchmark(
    panel: Panel,
    market: MarketData,
    settings: LabelSettings,
    members: NDArray[np.bool_],
    start: Ints,
    stop: Ints,
) -> Floats:
    """Return the benchmark's open-to-open return over each row's span."""
    if settings.benchmark == "none":
        return np.zeros(len(start))
    if settings.benchmark != "universe":
        levels = _index_opens(panel, market, settings.benchmark)
        return np.asarray(levels[stop] / levels[start] - 1.0)
    spans, place = np.unique(np.column_stack([start, stop]), axis=0, return_inverse=True)
    means = [_mean_return(panel, members[first], first, last) for first, last in spans.tolist()]
    return np.array(means)[place.reshape(-1)] if means else np.zeros(len(start))


def _mean_return(panel: Panel, members: NDArray[np.bool_], first: int, last: int) -> float:
    returns = panel.opens[last, members] / panel.opens[first, members] - 1.0
    known = returns[~np.isnan(returns)].tolist()
    # fsum: correctly rounded, so the order and number of other tickers change nothing.
    return math.fsum(known) / len(known) if known else 0.0


def _membership(panel: Panel, universe: Universe | None) -> NDArray[np.bool_]:
    members = np.ones((len(panel.sessions), len(panel.columns)), dtype=bool)
    if universe is None:
        return members
    look_up = universe if callable(universe) else lambda day: universe.get(day, frozenset())
    for at, day in enumerate(panel.sessions.tolist()):
        named = look_up(day)
        members[at] = [ticker in named for ticker in panel.columns]
    return members


def _index_opens(panel: Panel, market: MarketData, name: str) -> Floats:
    frame = market.indices.get(name)
    if frame is None:
        raise MissingDataError(
            "no such index to measure against",
            given=name,
            wanted=f"universe, none, or one of {', '.join(sorted(market.indices)) or 'no index'}",
            where="label.benchmark",
            nearest=nearest_name(name, ["universe", "none", *market.indices]),
        )
    if "open" not in frame.columns:
        raise MissingDataError(
            "an index without opens cannot be a benchmark from open to open",
            given=name,
            wanted='an index with opens, or "universe"',
            where="label.benchmark",
        )
    opens = frame["open"].reindex(pd.DatetimeIndex(panel.sessions)).to_numpy()
    return np.asarray(opens, dtype="float64")


def _beta(
    panel: Panel,
    market: MarketData,
    settings: LabelSettings,
    members: NDArray[np.bool_],
    start: Ints,
    column: Ints,
) -> Floats:
    """Return each row's exposure, estimated on opens before its entry session.

    The universe is that of each past session, a stock itself among its members.
    """
    if settings.beta == "one" or settings.benchmark == "none":
        return np.ones(len(start))
    one_session = panel.opens[1:] / panel.opens[:-1] - 1.0
    if settings.benchmark == "universe":
        spans = range(len(one_session))
        benchmark = np.array([_mean_return(panel, members[at], at, at + 1) for at in spans])
    else:
        levels = _index_opens(panel, market, settings.benchmark)
        benchmark = np.nan_to_num(levels[1:] / levels[:-1] - 1.0)
    slopes = np.full(panel.opens.shape, np.nan)
    for place in range(one_session.shape[1]):
        traded = np.flatnonzero(~np.isnan(one_session[:, place]))
        slopes[traded + 1, place] = trailing_beta(
            one_session[traded, place], benchmark[traded], settings.beta_sessions
        )
    found = before(slopes, start, column)
    return np.where(found == 0.0, 1.0, found)
