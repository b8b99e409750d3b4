"""The prices of the known-answer market: market factor, own noise, news gaps, planted drift.

A session has two parts: the gap from the last close to its open, and the way from its open to its
close. The planted drift of a fresh story touches only parts after the open of its effective
session; its jump lies wholly in the gap into that open, where no reader of it can still buy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from markets.sources.synthetic.companies import Company
from markets.sources.synthetic.draws import Bools, Floats, Ints, Stream
from markets.sources.synthetic.ticks import on_ticks

MARKET_GAP, MARKET_DAY, MARKET_DRIFT = 0.006, 0.010, 0.0002
OWN_GAP, OWN_DAY = 0.010, 0.017
TAIL_SCALE, TAIL_ONE_IN = 2.2, 16
INDEX_START = 10_000.0


@dataclass(frozen=True, eq=False)
class Impact:
    """What one fresh story does to the price of one company.

    Attributes
    ----------
    position : int
        Its effective session, as a position in the list of sessions.
    gap : float
        Jump in the gap into that session's open, as a fraction.
    drift : float
        Planted return from that open to the open `horizon` sessions later, as a fraction.
    """

    position: int
    gap: float
    drift: float


@dataclass(frozen=True, eq=False)
class Moves:
    """Returns of one company by session before any news: shape (n_sessions,), fractions.

    Attributes
    ----------
    gap, day : ndarray of float64
        From the last close to the open, and from the open to the close.
    traded : ndarray of bool
        Whether the session has a bar: listed, and not halted.
    """

    gap: Floats
    day: Floats
    traded: Bools


def market_moves(seed: int, n_sessions: int) -> tuple[Floats, Floats]:
    """Return the market factor's gaps and days, each of shape (n_sessions,)."""
    gap = MARKET_GAP * Stream(seed, "market/gap").normal(n_sessions)
    day = MARKET_DAY * Stream(seed, "market/day").normal(n_sessions) + MARKET_DRIFT
    return gap, day


def own_moves(
    seed: int, company: Company, market: tuple[Floats, Floats], sessions: Sequence[date]
) -> Moves:
    """Return a company's moves: beta times the market, and noise of its own with fat tails."""
    n_sessions = len(sessions)
    parts = []
    for name, scale, factor in (("gap", OWN_GAP, market[0]), ("day", OWN_DAY, market[1])):
        stream = Stream(seed, f"{company.ticker}/{name}")
        noise = stream.normal(n_sessions)
        tail = np.where(stream.integers(n_sessions, below=TAIL_ONE_IN) == 0, TAIL_SCALE, 1.0)
        parts.append(company.beta * factor + scale * noise * tail)
    traded = np.array([company.trades_on(session) for session in sessions], dtype=np.bool_)
    return Moves(gap=parts[0], day=parts[1], traded=traded)


def drift_path(n_sessions: int, impacts: Sequence[Impact], horizon: int) -> Floats:
    """Return the product of all planted drift by part of session, shape (2 x n_sessions,).

    Position 2s is the open of session s, 2s + 1 its close. A story's drift grows in equal steps
    over the 2 x horizon parts from its open on and reaches exactly ``1 + drift``; without drift the
    path is 1.0 to the last bit.
    """
    factors: Floats = np.ones(2 * n_sessions)
    steps = 2 * horizon
    for impact in impacts:
        reached = 1.0
        for step in range(1, steps + 1):
            level = 1.0 + impact.drift * step / steps
            part = 2 * impact.position + step
            if part < 2 * n_sessions:
                factors[part] *= level / reached
            reached = level
    return np.multiply.accumulate(factors)


def raw_levels(
    company: Company,
    moves: Moves,
    impacts: Sequence[Impact],
    horizon: int,
    sessions: Sequence[date],
) -> Floats:
    """Return HKD a share by part of session, shape (2 x n_sessions,), not yet on ticks.

    Splits and cash dividends take their part out of the price from the open of the ex date on.
    """
    gap = moves.gap.copy()
    for impact in impacts:
        gap[impact.position] += impact.gap
    parts = np.empty(2 * len(sessions))
    parts[0::2] = 1.0 + gap
    parts[1::2] = 1.0 + moves.day
    level = company.price_hkd * np.cumprod(parts) * drift_path(len(sessions), impacts, horizon)
    for action in company.actions:
        if action.ex_date not in sessions[1:]:
            continue
        first = 2 * sessions.index(action.ex_date)
        before = level[first - 1]
        level[first:] *= (before - action.cash_hkd) / before / action.ratio
    return level


def bars_of(
    seed: int,
    company: Company,
    moves: Moves,
    levels: Floats,
    stories: Ints,
    sessions: Sequence[date],
) -> pd.DataFrame:
    """Return the raw daily bars on valid ticks, of the sessions in which the company traded."""
    n_sessions = len(sessions)
    opening, closing = levels[0::2], levels[1::2]
    wicks = Stream(seed, f"{company.ticker}/wicks")
    high = np.maximum(opening, closing) * (1.0 + 0.6 * OWN_DAY * wicks.uniform(n_sessions))
    low = np.minimum(opening, closing) * (1.0 - 0.6 * OWN_DAY * wicks.uniform(n_sessions))
    columns: dict[str, Floats] = {}
    for name, price in (("open", opening), ("high", high), ("low", low), ("close", closing)):
        columns[name] = on_ticks(price, sessions).astype(np.float64) / 1000.0
    columns["volume"] = _volume(seed, company, moves, stories, sessions)
    frame = pd.DataFrame(columns, index=session_index(sessions))
    return frame[moves.traded]


def _volume(
    seed: int, company: Company, moves: Moves, stories: Ints, sessions: Sequence[date]
) -> Floats:
    """Return shares traded, in whole lots: more with large moves and news, never with drift."""
    n_sessions = len(sessions)
    mood = 0.4 + 1.2 * Stream(seed, f"{company.ticker}/volume").uniform(n_sessions)
    busy = 1.0 + 20.0 * (np.abs(moves.gap) + np.abs(moves.day)) + 0.5 * stories
    shares = company.volume_shares * mood * busy
    for action in company.actions:
        after = np.array([session >= action.ex_date for session in sessions])
        shares = np.where(after, shares * action.ratio, shares)
    lots = np.ones(n_sessions)
    lots[moves.traded] = [
        company.lots.on(session) for session in sessions if company.trades_on(session)
    ]
    return np.maximum(np.floor(shares / lots), 1.0) * lots


def index_levels(market: tuple[Floats, Floats], sessions: Sequence[date]) -> pd.DataFrame:
    """Return open and close of the index: the market factor alone, so no story ever moves it."""
    parts = np.empty(2 * len(sessions))
    parts[0::2] = 1.0 + market[0]
    parts[1::2] = 1.0 + market[1]
    cents = np.floor(INDEX_START * np.cumprod(parts) * 100.0 + 0.5)
    return pd.DataFrame(
        {"open": cents[0::2] / 100.0, "close": cents[1::2] / 100.0}, index=session_index(sessions)
    )


def actions_of(companies: Sequence[Company], sessions: Sequence[date]) -> pd.DataFrame:
    """Return the corporate actions that fall on the sessions, sorted by (ex_date, ticker)."""
    known = frozenset(sessions[1:])
    rows = sorted(
        (action.ex_date, company.ticker, action.ratio, action.cash_hkd)
        for company in companies
        for action in company.actions
        if action.ex_date in known and company.trades_on(action.ex_date)
    )
    return pd.DataFrame(
        {
            "ticker": pd.Series([row[1] for row in rows], dtype="str"),
            "ex_date": pd.Series(
                [np.datetime64(row[0], "s") for row in rows], dtype="datetime64[s]"
            ),
            "ratio": pd.Series([row[2] for row in rows], dtype="float64"),
            "cash_hkd": pd.Series([row[3] for row in rows], dtype="float64"),
        }
    )


def session_index(sessions: Sequence[date]) -> pd.DatetimeIndex:
    """Return sessions as a naive index of dates, named ``session``."""
    return pd.DatetimeIndex(np.array(sessions, dtype="datetime64[s]"), name="session")


def session_moves(moves: Moves, impacts: Sequence[Impact]) -> Mapping[str, Floats]:
    """Return what a report can tell of a session: the whole move, and the one up to its middle.

    Planted drift is left out, so that no story ever depends on the edge.
    """
    gap = moves.gap.copy()
    for impact in impacts:
        gap[impact.position] += impact.gap
    return {
        "whole": (1.0 + gap) * (1.0 + moves.day) - 1.0,
        "half": (1.0 + gap) * (1.0 + 0.5 * moves.day) - 1.0,
    }
