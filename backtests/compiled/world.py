"""Build the arrays of a run: a tape, signals, lots and fees as the kernel reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np

from backtests.broker import BrokerSettings, Costs, Lots, kind_of
from backtests.compiled import layout
from backtests.compiled.layout import (
    COMPONENTS,
    SAFE,
    Draws,
    Flags,
    Floats,
    Ints,
    Told,
    World,
)
from backtests.tape import Tape
from markets.costs import CostSchedule
from markets.errors import ConfigError, NewswakeError
from markets.rules import UNITS_PER_HKD, tick_table
from signals.decisions import Signal

# Draws of `random_entries` are kept for pools of any size: twice the words they need on average.
_SPARE_WORDS = 64
# In 1e-8: the largest rate whose charge on a million million units still fits 64 bits.
_STEEPEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Columns:
    """The order of sessions and tickers in the arrays, and who has prices."""

    sessions: tuple[date, ...]  # of the run
    known: date  # the session before
    coming: date  # the session after
    tickers: tuple[str, ...]  # sorted, those without prices among them
    places: tuple[int, ...]  # of the tickers that have prices
    kinds: tuple[str, ...]  # of all tickers


def columns_of(
    tape: Tape, around: Sequence[date], signals: Sequence[Signal], lots: Lots
) -> Columns:
    """Return the order of sessions and tickers.

    Parameters
    ----------
    tape : Tape
        The market.
    around : sequence of date
        The session before the run, those of the run, the one after.
    signals : sequence of Signal
        Their tickers count too.
    lots : Lots
        For kinds.
    """
    tickers = tuple(sorted({*tape.tickers, *(signal.ticker for signal in signals)}))
    at = {ticker: place for place, ticker in enumerate(tickers)}
    return Columns(
        sessions=tape.sessions,
        known=around[0],
        coming=around[-1],
        tickers=tickers,
        places=tuple(at[ticker] for ticker in tape.tickers),
        kinds=tuple(kind_of(lots, ticker) for ticker in tickers),
    )


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
        For costs that are no dated tables, shares distributed in specie, or a dividend too fine to
        be counted in 64 bits.
    """
    if not isinstance(costs, CostSchedule):
        raise unserved(f"costs of one's own ({type(costs).__name__})", "a CostSchedule")
    kinds = sorted(set(columns.kinds))
    days = _days([*columns.sessions, columns.coming])
    opens, volumes, traded, closes = _bars(tape, columns)
    marks, starts, actions = _marks(tape, columns, closes)
    fee_rows, fees = _fees(columns, kinds, costs)
    tick_rows, bounds, ticks = _ticks(columns, kinds)
    foreign = np.ones(len(columns.tickers), dtype=np.bool_)
    foreign[list(columns.places)] = False
    firsts = {t: int(track.days[0]) for t, track in tape.tracks.items() if len(track.days)}
    before = int(_days([columns.known])[0])
    fed = np.array([firsts.get(ticker, before + 1) <= before for ticker in columns.tickers])
    first = min(firsts.values())
    usual = volumes
    if broker.participation_of == "previous":
        usual = _wide(columns, np.float64)
        for place, ticker in zip(columns.places, tape.tickers, strict=True):
            usual[:, place] = tape.usual_volumes(ticker, broker.participation_sessions)
    volatility, depth = _wide(columns, np.float64), _wide(columns, np.float64)
    if broker.impact > 0.0:
        for place, ticker in zip(columns.places, tape.tickers, strict=True):
            depth[:, place] = tape.usual_volumes(ticker, broker.impact_sessions)
            volatility[:, place] = [
                tape.usual_volatility(ticker, number, broker.impact_sessions)
                for number in range(len(columns.sessions))
            ]
    return World(
        opens=opens,
        volumes=volumes,
        usual=usual,
        volatility=volatility,
        depth=depth,
        members=_members(columns, universe),
        traded=traded,
        marks=marks,
        lots=_lots(columns, lots),
        foreign=foreign,
        fed=fed,
        ready=0 if first <= before else int(np.searchsorted(days, first)) + 1,
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
    )


def told_of(columns: Columns, signals: Sequence[Signal]) -> tuple[Told, list[Signal]]:
    """Return signals as arrays, and in the order of these."""
    ordered = sorted(
        signals, key=lambda each: (each.effective_session, each.ticker, each.signal_id)
    )
    at = {ticker: place for place, ticker in enumerate(columns.tickers)}
    told = Told(
        days=_days([signal.effective_session for signal in ordered]),
        tickers=np.array([at[signal.ticker] for signal in ordered], dtype=np.int64),
        expires=_days([signal.expires_session for signal in ordered]),
        directions=np.array([signal.direction for signal in ordered], dtype=np.int64),
        probabilities=np.array([signal.probability for signal in ordered], dtype=np.float64),
    )
    return told, ordered


def draws_of(columns: Columns, entries: Any, seed: int, *, rounds: int = 1) -> Draws:
    """Return the entries of `random_entries` by session and the words behind its choices.

    Parameters
    ----------
    columns : Columns
        The sessions.
    entries : mapping of date to int
        Stocks to buy by session.
    seed : int
        Of the draws.
    rounds : int
        How many times the usual number of words.
    """
    sessions = (*columns.sessions, columns.coming)
    counts = np.array([entries.get(session, 0) for session in sessions], dtype=np.int64)
    rows = np.cumsum(counts != 0) - 1
    size = (len(columns.tickers) + _SPARE_WORDS) * rounds
    words = np.zeros((max(1, int(rows[-1]) + 1), 2 * size), dtype=np.uint32)
    for number in np.flatnonzero(counts).tolist():
        generator = np.random.PCG64([seed, sessions[number].toordinal()])
        raw = generator.random_raw(size)
        words[rows[number], 0::2] = raw & np.uint64(0xFFFFFFFF)
        words[rows[number], 1::2] = raw >> np.uint64(32)
    return Draws(counts, rows.astype(np.int64), words)


def unserved(feature: str, wanted: str) -> ConfigError:
    """Return the error for what the compiled engine does not serve."""
    return ConfigError(
        "the compiled engine does not serve this",
        given=feature,
        wanted=f'{wanted}, or broker.engine = "backtrader", which serves it',
        where="broker.engine",
    )


def _days(dates: Sequence[date]) -> Ints:
    return np.array(dates, dtype="datetime64[D]").astype(np.int64)


def _wide(columns: Columns, kind: Any, extra: int = 0, fill: int = 0) -> Any:
    return np.full((len(columns.sessions) + extra, len(columns.tickers)), fill, dtype=kind)


def _month_turns(columns: Columns) -> Flags:
    around = (columns.known, *columns.sessions, columns.coming)
    months = np.array([day.month for day in around])
    turns: Flags = months[1:] != months[:-1]
    return turns


def _members(columns: Columns, universe: Mapping[date, frozenset[str]] | None) -> Flags:
    members: Flags = _wide(columns, np.bool_, extra=1, fill=universe is None)
    if universe is not None:
        for number, session in enumerate((*columns.sessions, columns.coming)):
            members[number] = [ticker in universe[session] for ticker in columns.tickers]
    return members


def _bars(tape: Tape, columns: Columns) -> tuple[Ints, Floats, Flags, Ints]:
    """Return opens, volumes, who traded in the session before, and closes (-1 without a bar)."""
    opens, closes = _wide(columns, np.int64), _wide(columns, np.int64, fill=-1)
    volumes, traded = _wide(columns, np.float64), _wide(columns, np.bool_, extra=1)
    for place, ticker in zip(columns.places, tape.tickers, strict=True):
        track = tape.tracks[ticker]
        rows = np.array(track.rows)
        at = np.flatnonzero(rows >= 0)
        rows = rows[at]
        opens[at, place] = np.rint(track.columns["open"][rows] * UNITS_PER_HKD)
        closes[at, place] = np.rint(track.columns["close"][rows] * UNITS_PER_HKD)
        volumes[at, place] = track.columns["volume"][rows]
        traded[at + 1, place] = True
        traded[0, place] = tape.traded_on(ticker, columns.known)
    return opens, volumes, traded, closes


def _marks(tape: Tape, columns: Columns, closes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return last known closes by session, and the corporate actions with what they come to."""
    sessions = len(closes)
    marks = _wide(columns, np.int64, extra=1, fill=-1)
    for place, ticker in zip(columns.places, tape.tickers, strict=True):
        before = tape.close_before(ticker)
        column = np.concatenate([[-1 if before is None else before], closes[:, place]])
        known = np.maximum.accumulate(np.where(column >= 0, np.arange(sessions + 1), 0))
        marks[:, place] = column[known]
    at = dict(zip(tape.tickers, columns.places, strict=True))
    starts = np.zeros(sessions + 1, dtype=np.int64)
    rows = []
    for number, actions in sorted(tape.actions.items()):
        today: dict[int, int] = {}
        for action in actions:
            place = at[action.ticker]
            close = today.get(place, int(marks[number, place]))
            ex_dividend = max(Fraction(0), close - action.cash * UNITS_PER_HKD)
            if action.other:
                raise unserved(
                    f"shares of {action.other} in specie for {action.ticker}", "other tickers"
                )
            due = layout.NEVER if action.paid is None else int(_days([action.paid])[0])
            rows.append([*_action(place, action.ratio, action.cash, ex_dividend), due])
            if close >= 0:
                today[place] = round(ex_dividend / action.ratio)
        for place, mark in today.items():
            bars = np.flatnonzero(closes[number:, place] >= 0)
            marks[number + 1 : number + 1 + (bars[0] if len(bars) else sessions), place] = mark
        starts[number + 1] = len(actions)
    return marks, np.cumsum(starts), np.array(rows, dtype=np.int64).reshape(-1, 10)


def _action(place: int, ratio: Fraction, cash: Fraction, ex_dividend: Fraction) -> list[int]:
    """Return a corporate action in whole numbers: cents are whole + rest / unit, exactly."""
    row = [place, ratio.numerator, ratio.denominator]
    # A fraction of a new share counts 1 / ratio old ones; without a split there is none.
    spare = ex_dividend / 100 / ratio.numerator if ratio.denominator > 1 else Fraction(0)
    for cents in (cash * 100, spare):
        whole, rest = divmod(cents.numerator, cents.denominator)
        if cents.denominator >= 2**60 or whole >= 2**40:
            raise unserved(f"a dividend of HKD {float(cash)!r}", "a coarser or smaller amount")
        row += [whole, rest, cents.denominator]
    return row


def _lots(columns: Columns, lots: Lots) -> Ints:
    """Return board lots by session; 0 where none is known, which matters only to who needs it."""
    found: Ints = _wide(columns, np.int64, extra=1)
    days = (*columns.sessions, columns.coming)
    for place in columns.places:
        ticker = columns.tickers[place]
        for number, day in enumerate(days):
            found[number, place] = _or_none(lambda t=ticker, d=day: lots.lot(t, d)) or 0  # type: ignore[misc]
    return found


def _fees(columns: Columns, kinds: Sequence[str], costs: CostSchedule) -> tuple[Ints, Ints]:
    """Return by session and kind the row of charges, and these."""
    rows = np.full((len(columns.sessions), len(kinds)), -1, dtype=np.int64)
    seen: dict[int, int] = {}
    table: list[list[list[int]]] = []
    for number, session in enumerate(columns.sessions):
        for place, kind in enumerate(kinds):
            charges = _or_none(lambda s=session, k=kind: costs.charges_on(s, k))  # type: ignore[misc]
            if charges is None:
                continue
            if id(charges) not in seen:
                seen[id(charges)] = len(table)
                table.append(
                    [
                        [
                            charge.rate,
                            charge.amount,
                            charge.minimum,
                            SAFE if charge.maximum is None else charge.maximum,
                            charge.rounding == "dollar_up",
                        ]
                        for charge in charges.values()
                    ]
                )
            rows[number, place] = seen[id(charges)]
    fees = np.array(table, dtype=np.int64).reshape(-1, COMPONENTS, 5)
    steep = fees[:, :, 0][fees[:, :, 4] == 1]
    if steep.max(initial=0) > _STEEPEST:
        raise unserved("a charge of over 4 %, rounded up to the dollar", "a lower rate")
    return rows, fees


def _ticks(columns: Columns, kinds: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """Return by session and kind the row of tick bands, and their bounds and steps."""
    rows = np.full((len(columns.sessions), len(kinds)), -1, dtype=np.int64)
    tables: list[Any] = []
    for number, session in enumerate(columns.sessions):
        for place, kind in enumerate(kinds):
            table = _or_none(lambda k=kind, s=session: tick_table(k, s))  # type: ignore[misc]
            if table is not None:
                if table not in tables:
                    tables.append(table)
                rows[number, place] = tables.index(table)
    width = max((len(table.bounds) for table in tables), default=1)
    bounds, ticks = np.zeros((2, max(1, len(tables)), width), dtype=np.int64)
    for row, table in enumerate(tables):
        bounds[row, : len(table.bounds)] = table.bounds
        ticks[row, : len(table.ticks)] = table.ticks
    return rows, np.ascontiguousarray(bounds), np.ascontiguousarray(ticks)


def _or_none(ask: Callable[[], Any]) -> Any:
    """Return an answer, or None where a table has none: the kernel stops if it needs it."""
    try:
        return ask()
    except NewswakeError:
        return None
