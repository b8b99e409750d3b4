"""What a price source gives when it is asked again, as of an earlier day."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from backtests.config import RunConfig
from backtests.inputs import WARM_UP, Inputs
from backtests.own_parts import is_own
from backtests.robustness.bar_traces import repeats
from backtests.robustness.cuts import Cut
from backtests.robustness.elsewhere import in_own_process
from backtests.robustness.lookahead_report import Leak, Unseen
from backtests.robustness.parts import forget
from markets.actions import all_columns
from markets.errors import MissingDataError
from markets.prices import MarketData
from markets.sources import load_prices

_BUILT_IN_PRICES = ("synthetic", "yahoo")
Frames = Mapping[str, pd.DataFrame]


def prices_as_of(
    config: RunConfig, inputs: Inputs, cuts: Sequence[Cut], more: Sequence[date] = ()
) -> Iterator[Leak]:
    """Yield bars that are others when the source is asked only up to an earlier session.

    Asked at every cut, at `more` days, and around bars that repeat their neighbor; one's own source
    also where nothing remembers that more was asked before. The built-in market and Yahoo are not
    asked again: the one is known to be cut, the other would go to the network.
    """
    if config.prices.source in _BUILT_IN_PRICES:
        raise Unseen(f"source {config.prices.source} is not asked again")
    folder = config.resolve_data_dir(os.environ)
    days = {*more, *(cut.known_session for cut in cuts)}
    days |= {day for day, _ in repeats(inputs.market)[:5]}
    asked: list[tuple[date, bool]] = [(day, False) for day in sorted(days)]
    if is_own(config, "price_sources"):
        asked.append((cuts[-1].known_session, True))
    for day, elsewhere in asked:
        whole = inputs.market.until(day)
        question = (config.prices, list(whole.tickers), config.start - WARM_UP, day, folder)
        forget(config)
        try:
            given = in_own_process(load_prices, *question) if elsewhere else load_prices(*question)
        except MissingDataError as error:
            leak = partial(Leak, message=f"bars vanish: {error.problem}", given=str(error.given))
        else:
            moved = _first_moved(whole, given)
            if moved is None:
                continue
            row, column, was, now = moved
            leak = partial(
                Leak,
                message="what the source gave is another when later bars are not asked for",
                column=column,
                row=row,
                expected=was,
                given=now,
            )
        yield leak("leak", "prices as of", "prices", cut=str(day))
        return


def _first_moved(whole: MarketData, given: MarketData) -> tuple[str, str, str, str] | None:
    """Return row, column, what stood there and what stands there now; None where all is the same.

    Of bars with every column and note that a source gives them, of index levels, of actions:
    those may be announced ahead, so only such as were due are held to one another.
    """
    last = whole.sessions()[-1].date()
    due = given.until(last)
    frames: tuple[tuple[str, Frames, Frames], ...] = (
        ("", whole.bars, given.bars),
        ("index ", whole.indices, due.indices),
        ("action", {"": _by_row(whole.actions)}, {"": _by_row(due.actions)}),
    )
    for kind, left, right in frames:
        for name in sorted(left):
            moved = _moved_cell(left[name], right.get(name, left[name].iloc[:0]))
            if moved is not None:
                row, column, was, now = moved
                return " ".join(filter(None, (row, f"{kind}{name}"))), column, was, now
    return None


def _by_row(actions: pd.DataFrame) -> pd.DataFrame:
    """Return actions, each by its date, stock and place among those of the day."""
    every = all_columns(actions)
    keys = zip(every["ex_date"], every["ticker"], every["in_specie_ticker"], strict=True)
    names = [f"{day:%Y-%m-%d} {ticker} {other}".strip() for day, ticker, other in keys]
    return every.set_axis(pd.Index(names, dtype="object"), axis=0)


def _moved_cell(whole: pd.DataFrame, asked: pd.DataFrame) -> tuple[str, str, str, str] | None:
    apart = whole.index.symmetric_difference(asked.index)
    if len(apart):
        row = apart[0]
        was, now = ("there" if row in frame.index else "absent" for frame in (whole, asked))
        return _named(row), "session", was, now
    for name in whole.columns.union(asked.columns, sort=False):
        if name not in whole.columns or name not in asked.columns:
            was, now = ("there" if name in frame.columns else "absent" for frame in (whole, asked))
            return "", str(name), was, now
        left, right = whole[name], asked[name]
        moved = np.flatnonzero(~((left == right) | (left.isna() & right.isna())).to_numpy())
        if len(moved):
            at = int(moved[0])
            was, now = (repr(column.tolist()[at]) for column in (left, right))
            return _named(whole.index[at]), str(name), was, now
    was, now = (_notes(frame) for frame in (whole, asked))
    return None if was == now else ("", "attrs", was, now)


def _named(row: Any) -> str:
    return str(row.date()) if isinstance(row, pd.Timestamp) else str(row)


def _notes(frame: pd.DataFrame) -> str:
    """Return what a source noted on a frame; of what has no text of its own only its type."""
    return json.dumps(frame.attrs, default=_told_type, sort_keys=True)


def _told_type(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else type(value).__name__
