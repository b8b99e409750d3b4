"""Marks and corporate actions as the kernel reads them: what one share is worth and gets."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np

from backtests.compiled import codes as c
from backtests.compiled.columns import Columns, days_of
from backtests.compiled.layout import Ints
from backtests.compiled.refusals import unserved
from backtests.tape import Action, Tape
from markets.rules import UNITS_PER_HKD


def marks_of(tape: Tape, columns: Columns, closes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return last known closes by session, and the corporate actions with what they come to.

    Parameters
    ----------
    tape, columns : Tape, Columns
        The market, and its order.
    closes : ndarray of int64
        Of the sessions, -1 without a bar.

    Returns
    -------
    marks, starts, actions : ndarray of int64
        Closes by session; by session its first action; actions.
    """
    sessions = len(closes)
    marks = columns.table(np.int64, extra=1, fill=-1)
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
            other = at.get(action.other, -1)
            close = today.get(place, int(marks[number, place]))
            other_close = max(0, today.get(other, int(marks[number, other]))) if other >= 0 else 0
            row = _row(action, place, close, other, other_close)
            rows.append(row)
            if close >= 0:
                today[place] = row[c.W_MARK]
        for place, mark in today.items():
            bars = np.flatnonzero(closes[number:, place] >= 0)
            marks[number + 1 : number + 1 + (bars[0] if len(bars) else sessions), place] = mark
        starts[number + 1] = len(actions)
    table = np.array(rows, dtype=np.int64).reshape(-1, c.WORLD_ACTION_WIDTH)
    return marks, np.cumsum(starts), table


def _row(action: Action, place: int, close: int, other: int, other_close: int) -> list[int]:
    """Return a corporate action in whole numbers: cents are whole + rest / unit, exactly."""
    ratio, given = action.ratio, action.other_ratio
    received = given * other_close
    ex_rights = max(Fraction(0), close - action.cash * UNITS_PER_HKD - received)
    # A fraction of a new share counts 1 / ratio old ones; without a split there is none.
    spare = ex_rights / 100 / ratio.numerator if ratio.denominator > 1 else Fraction(0)
    if given.denominator * max(1, other_close) * 100 >= c.SAFE:
        raise unserved(f"{given} shares of {action.other} in specie", "a simpler ratio")
    return [
        place,
        ratio.numerator,
        ratio.denominator,
        *_cents(action, action.cash * 100),
        *_cents(action, spare),
        _day(action.paid),
        round(ex_rights / ratio) if close >= 0 else -1,
        other,
        given.numerator,
        given.denominator,
        other_close,
        _day(action.delivered),
    ]


def _cents(action: Action, cents: Fraction) -> tuple[int, int, int]:
    whole, rest = divmod(cents.numerator, cents.denominator)
    if cents.denominator >= 2**60 or whole >= 2**40:
        raise unserved(f"a dividend of HKD {float(action.cash)!r}", "a coarser or smaller amount")
    return whole, rest, cents.denominator


def _day(day: date | None) -> int:
    return c.NEVER if day is None else int(days_of([day])[0])
