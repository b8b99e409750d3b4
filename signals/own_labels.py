"""A label of one's own: the protocol, and what its outcomes are held to before anything learns."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.calendar import Calendar
from markets.errors import DataError, LeakError
from markets.plugins import load, require_method
from markets.prices import MarketData
from signals.labels import FORWARD_RETURN, Costs, LabelFrame, LabelSettings
from signals.panel import Panel, has_entry, scaled
from signals.weights import day_share, uniqueness

_DAY = "datetime64[D]"
_NEEDED = ("t1", "target", "forward_return")
_KNOWN = ("t0", *_NEEDED, "raw_return")
_NUMBERS, _DAYS = ("target", "forward_return", "raw_return"), ("t0", "t1")


class Labeler(Protocol):
    """Measures what decisions could have earned.

    Notes
    -----
    A class named in a config is called with the LabelSettings. It is for training and for judging
    only: no feature, decision or order ever sees its outcomes.
    `signals.testing.check_labeler` holds a user's own class to its promises.
    """

    def outcomes(self, entries: pd.Series, market: MarketData, calendar: Calendar) -> pd.DataFrame:
        """Return the outcomes that are known by the last bar.

        Parameters
        ----------
        entries : Series of datetime64
            Effective session of each decision: the first whose open it can trade at. Indexed by
            (`decision_at` UTC, `ticker`).
        market : MarketData
            Bars so far.
        calendar : Calendar
            Counts sessions.

        Returns
        -------
        DataFrame
            Indexed by some of the decisions; one whose outcome is not known yet, or whose stock
            does not trade at its entry, is left out. Columns:

            target : 0 or 1
                Whether entering was right.
            forward_return : float
                What it earned, as a fraction, from the open of `t0` on. Prices before that open may
                set a scale (a volatility, a beta), never a level.
            t1 : datetime64
                Session from whose open on all of this is known: after `t0`. A close is known at the
                next open.
            t0 : datetime64, optional
                Session of the entry; the effective session, or one after it.
            raw_return : float, optional
                Before a benchmark is taken off; by default `forward_return`.
        """
        ...


def own_label(
    entries: pd.Series,
    market: MarketData,
    calendar: Calendar,
    settings: LabelSettings,
    costs: Costs | None = None,
) -> LabelFrame:
    """Return the outcomes of the label that the settings name, checked, with what the house adds.

    Parameters
    ----------
    entries : Series of datetime64
        Effective session of each decision, indexed by (`decision_at`, `ticker`).
    market, calendar, settings, costs
        As for `signals.labels.label`.

    Raises
    ------
    ConfigError
        If there is no such label.
    DataError
        If its outcomes are no table of what was asked.
    LeakError
        If an outcome begins before its decision can trade, without a bar to trade at, or is said to
        be known before it can be.
    """
    return measured(labeler_of(settings), entries, market, calendar, settings, costs)


def measured(
    labeler: Labeler,
    entries: pd.Series,
    market: MarketData,
    calendar: Calendar,
    settings: LabelSettings,
    costs: Costs | None = None,
) -> LabelFrame:
    """Return what a label measures, checked; arguments and errors as of `own_label`."""
    panel = Panel.of(entries, market, calendar)
    tickers = entries.index.get_level_values("ticker").to_numpy().astype(object)
    sessions = entries.to_numpy().astype(_DAY)
    given = _in_order(labeler.outcomes(entries.copy(), market, calendar), entries.index, settings)
    rows = entries.index.get_indexer(given.index)
    column = np.array([panel.columns.get(ticker, -1) for ticker in tickers])
    start = np.searchsorted(panel.sessions, sessions)
    stop = start + settings.horizon
    # Planned spans count: which of them are known by now, and since when, says something of later.
    planned = stop.copy()
    t0 = given["t0"].to_numpy().astype(_DAY) if "t0" in given else sessions[rows]
    t1 = given["t1"].to_numpy().astype(_DAY)
    _check_spans(given.index, sessions[rows], t0, t1, panel, column[rows], settings.name)
    stop[rows] = np.searchsorted(panel.sessions, t1)
    weight = (uniqueness(tickers, start, stop, planned) * day_share(sessions))[rows]
    earned = given["forward_return"].to_numpy()
    cost = np.full(len(rows), np.nan) if costs is None else costs(tickers[rows], sessions[rows])
    values = pd.DataFrame(
        {
            "target": given["target"].to_numpy(),
            "forward_return": earned,
            "raw_return": given["raw_return"].to_numpy(),
            "scaled_return": scaled(
                earned,
                panel,
                settings.volatility_sessions,
                settings.horizon,
                start[rows],
                column[rows],
            ),
            "neutral": np.zeros(len(rows), dtype=bool),
            "cost": cost,
            "t0": t0.astype("datetime64[s]"),
            "t1": t1.astype("datetime64[s]"),
            "weight": weight,
        },
        index=given.index,
    )
    return LabelFrame(values, settings.horizon)


def labeler_of(settings: LabelSettings) -> Labeler:
    """Return the label of a name: its class, called with the settings.

    Raises
    ------
    ConfigError
        If there is none, or it gives no outcomes.
    """
    made = load("labels", settings.name, (FORWARD_RETURN,), "label.name")(settings)
    require_method(
        made,
        "outcomes",
        part="label",
        protocol="signals.own_labels.Labeler",
        given=settings.name,
        where="label.name",
    )
    labeler: Labeler = made
    return labeler


def _in_order(given: pd.DataFrame, asked: pd.Index, settings: LabelSettings) -> pd.DataFrame:
    """Return outcomes in the order of the decisions, with every column and its own dtype."""
    where = settings.name
    if not isinstance(given, pd.DataFrame):
        raise DataError("outcomes are no table", given=type(given).__name__, where=where)
    missing = [name for name in _NEEDED if name not in given.columns]
    stray = [name for name in given.columns if name not in _KNOWN]
    if missing or stray:
        raise DataError(
            "outcomes have other columns",
            given=", ".join(map(str, given.columns)),
            wanted=", ".join(_KNOWN),
            where=where,
        )
    if given.index.has_duplicates or not given.index.isin(asked).all():
        raise DataError("outcomes of no decision, or two of one", where=where)
    found = given.loc[asked[asked.isin(given.index)]].copy()
    for name in (*_NUMBERS, *_DAYS):
        if name in found:
            found[name] = _converted(found[name], name, where)
    if not found["target"].isin([0, 1]).all():
        raise DataError("a target is neither 0 nor 1", where=where)
    found["target"] = found["target"].astype("int64")
    found["raw_return"] = found.get("raw_return", found["forward_return"])
    return found


def _converted(column: pd.Series, name: str, where: str) -> pd.Series:
    """Return a column as float64, all finite, or as days, all known."""
    days = name in _DAYS
    try:
        found = column.astype("datetime64[s]" if days else "float64")
        bad = found.isna() if days else ~np.isfinite(found)
    except (ValueError, TypeError):
        bad = pd.Series(True, index=column.index)
    if bad.any():
        raise DataError(
            f"a {name} is no {'session' if days else 'number'}",
            given=column[bad].iloc[0],
            wanted="an exchange date" if days else "a finite number",
            where=where,
        )
    return found


def _check_spans(
    index: pd.Index,
    sessions: NDArray[np.datetime64],
    t0: NDArray[np.datetime64],
    t1: NDArray[np.datetime64],
    panel: Panel,
    column: NDArray[np.int64],
    name: str,
) -> None:
    """Refuse spans that begin before the decision, end before they can, or have no entry."""
    start = np.searchsorted(panel.sessions, t0)
    strange = ~(np.isin(t0, panel.sessions) & np.isin(t1, panel.sessions))
    last = panel.sessions[-1]
    for broken, problem, wanted in (
        (t0 < sessions, "an outcome begins before its decision can trade", "t0 {session} or later"),
        (~(t1 > t0), "an outcome is known before it can be", "t1 after t0"),
        (t1 > last, "an outcome is known that no bar reaches yet", "t1 by {last}"),
        (strange, "an outcome begins or ends on no session", "sessions of the exchange"),
        (
            ~has_entry(panel, t0, start, column),
            "an outcome without a bar at its entry: the order would not have filled",
            "no outcome",
        ),
    ):
        if broken.any():
            place = int(np.argmax(broken))
            at, ticker = index[place]
            raise LeakError(
                problem,
                given=f"t0 {t0[place]}, t1 {t1[place]}",
                wanted=wanted.format(session=sessions[place], last=last),
                where=f"{name}, row {at:%Y-%m-%d %H:%M} {ticker}",
            )
