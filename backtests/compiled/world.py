"""Build the arrays of a market: a tape, lots and fees as the kernel reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np

from backtests.broker import BrokerSettings, Costs, Lots
from backtests.compiled.codes import SAFE
from backtests.compiled.columns import Columns, days_of
from backtests.compiled.dated import fees_of, lots_of, ticks_of
from backtests.compiled.entitlements import marks_of
from backtests.compiled.layout import Flags, Floats, Ints, Narrow, World
from backtests.compiled.refusals import unserved
from backtests.tape import Tape
from markets.costs import CostSchedule
from markets.designated import DesignatedList
from markets.rules import UNITS_PER_HKD


def world_of(
    tape: Tape,
    columns: Columns,
    broker: BrokerSettings,
    costs: Costs,
    lots: Lots,
    universe: Mapping[date, frozenset[str]] | None,
) -> World:
    """Return a market as arrays.

    Raises
    ------
    ConfigError
        For costs that are no dated tables, or a dividend too fine to be counted in 64 bits.
    MissingDataError, TableError
        If the list of securities that may be sold short cannot be read.
    """
    if not isinstance(costs, CostSchedule):
        raise unserved(f"costs of one's own ({type(costs).__name__})", "a CostSchedule")
    kinds = sorted(set(columns.kinds))
    days = days_of([*columns.sessions, columns.coming])
    opens, usual, traded, closes = _bars(tape, columns)
    marks, starts, actions = marks_of(tape, columns, closes)
    fee_rows, fees = fees_of(columns, kinds, costs)
    tick_rows, bounds, ticks = ticks_of(columns, kinds)
    lot_rows, lot_table = lots_of(columns, lots)
    foreign = np.ones(len(columns.tickers), dtype=np.bool_)
    foreign[list(columns.places)] = False
    firsts = {t: int(track.days[0]) for t, track in tape.tracks.items() if len(track.days)}
    known = days_of([columns.known, *columns.sessions])
    never = int(days[-1]) + 1
    fed = np.searchsorted(known, [firsts.get(ticker, never) for ticker in columns.tickers])
    first = min(firsts.values())
    if broker.participation_of == "previous":
        for place, ticker in zip(columns.places, tape.tickers, strict=True):
            usual[:, place] = tape.usual_volumes(ticker, broker.participation_sessions)
    volatility, depth = _impact(tape, columns, broker)
    return World(
        opens=narrow(opens),
        usual=usual,
        volatility=volatility,
        depth=depth,
        members=_members(columns, universe),
        traded=traded,
        marks=narrow(marks),
        lot_rows=lot_rows,
        lots=lot_table,
        foreign=foreign,
        fed=fed.astype(np.int64),
        ready=0 if first <= known[0] else int(np.searchsorted(days, first)) + 1,
        days=days,
        month_turns=_month_turns(columns),
        kinds=np.array([kinds.index(kind) for kind in columns.kinds], dtype=np.int64),
        fee_rows=fee_rows,
        fees=fees,
        widest_note=SAFE // max(1, int(fees[:, :, 0].max(initial=0))),
        tick_rows=tick_rows,
        bounds=bounds,
        ticks=ticks,
        adjusted=tape.adjusted,
        action_starts=starts,
        actions=actions,
        gives=any(action.other for group in tape.actions.values() for action in group),
        listed=_listed(columns, broker),
    )


def _impact(tape: Tape, columns: Columns, broker: BrokerSettings) -> tuple[Floats, Floats]:
    """Return volatilities and volumes of the sessions before; empty where nothing asks for them."""
    if broker.impact <= 0.0:
        return np.zeros((0, 0)), np.zeros((0, 0))
    volatility, depth = columns.table(np.float64), columns.table(np.float64)
    for place, ticker in zip(columns.places, tape.tickers, strict=True):
        depth[:, place] = tape.usual_volumes(ticker, broker.impact_sessions)
        volatility[:, place] = [
            tape.usual_volatility(ticker, number, broker.impact_sessions)
            for number in range(len(columns.sessions))
        ]
    return volatility, depth


def _month_turns(columns: Columns) -> Flags:
    around = (columns.known, *columns.sessions, columns.coming)
    months = np.array([day.month for day in around])
    turns: Flags = months[1:] != months[:-1]
    return turns


def _members(columns: Columns, universe: Mapping[date, frozenset[str]] | None) -> Flags:
    members: Flags = columns.table(np.bool_, extra=1, fill=universe is None)
    if universe is not None:
        for number, session in enumerate((*columns.sessions, columns.coming)):
            members[number] = [ticker in universe[session] for ticker in columns.tickers]
    return members


def _listed(columns: Columns, broker: BrokerSettings) -> Flags:
    """Return what is designated for short selling, by session; empty with shorts off."""
    if not broker.short.enabled or broker.short.designated is None:
        return np.zeros((0, 0), dtype=np.bool_)
    listed = DesignatedList.read(Path(broker.short.designated))
    found: Flags = columns.table(np.bool_, extra=1)
    for number, session in enumerate((*columns.sessions, columns.coming)):
        found[number] = [listed.has(ticker, session) for ticker in columns.tickers]
    return found


def narrow(values: Ints) -> Narrow:
    """Return whole numbers, in half the width if they fit."""
    widest = np.iinfo(np.int32).max
    fits = len(values) == 0 or max(-int(values.min()), int(values.max())) <= widest
    return values.astype(np.int32) if fits else values


def _bars(tape: Tape, columns: Columns) -> tuple[Ints, Floats, Flags, Ints]:
    """Return opens, volumes, who traded in the session before, and closes (-1 without a bar).

    An open is -1 where nothing can trade at it: without a bar or without volume.
    """
    opens, closes = columns.table(np.int64, fill=-1), columns.table(np.int64, fill=-1)
    volumes, traded = columns.table(np.float64), columns.table(np.bool_, extra=1)
    for place, ticker in zip(columns.places, tape.tickers, strict=True):
        track = tape.tracks[ticker]
        rows = np.array(track.rows)
        at = np.flatnonzero(rows >= 0)
        rows = rows[at]
        volumes[at, place] = track.columns["volume"][rows]
        units = np.rint(track.columns["open"][rows] * UNITS_PER_HKD)
        opens[at, place] = np.where(volumes[at, place] > 0.0, units, -1.0)
        closes[at, place] = np.rint(track.columns["close"][rows] * UNITS_PER_HKD)
        traded[at + 1, place] = True
        traded[0, place] = tape.traded_on(ticker, columns.known)
    return opens, volumes, traded, closes
