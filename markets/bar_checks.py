"""Whether the bars of one ticker can be true: closes that stand still, jumps that are splits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from markets.findings import Finding
from markets.prices import MarketData

STALE_CLOSES = 5
_WHOLE = np.array([2.0, 3.0, 4.0, 5.0, 8.0, 10.0, 20.0, 25.0, 50.0, 100.0])
SPLIT_RATIOS = np.concatenate((_WHOLE, 1 / _WHOLE))
SPLIT_TOLERANCE = 0.05  # in logarithms: what the open may move besides the split
BIG_JUMP = 1.8


def check_stale_closes(ticker: str, frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding if the close stood still for `STALE_CLOSES` bars or more in a row."""
    closes = frame["close"].to_numpy()
    days = frame.index.to_numpy().astype("datetime64[D]")
    changed = np.flatnonzero(np.diff(closes) != 0) + 1
    edges = np.concatenate(([0], changed, [len(closes)]))
    lengths = np.diff(edges)
    stale = lengths >= STALE_CLOSES
    if stale.any():
        longest = int(np.argmax(lengths))
        first, last = edges[longest], edges[longest + 1] - 1
        message = (
            f"{int(stale.sum())} times the same close {STALE_CLOSES} bars or more in a row; the "
            f"longest {int(lengths[longest])} bars, {days[first]} to {days[last]} "
            f"at {closes[first]:g}"
        )
        yield Finding("warning", "stale closes", ticker, message, count=int(stale.sum()))


def check_jumps(ticker: str, market: MarketData) -> Iterator[Finding]:
    """Yield opens that look like a split nobody declared, and declared splits that never show.

    An open is compared with the close before, less what declared actions explain. A jump near one
    of `SPLIT_RATIOS` is an error, any other beyond `BIG_JUMP` a note: it may well have happened.
    """
    frame = market.bars[ticker]
    days = frame.index.to_numpy().astype("datetime64[D]")
    before, opens = frame["close"].to_numpy()[:-1], frame["open"].to_numpy()[1:]
    ratio, cash = _declared(ticker, market, days)
    jump = before / opens
    unexplained = before / (opens * ratio[1:] + cash[1:])
    split = ~np.isclose(ratio[1:], 1.0)
    big = (unexplained > BIG_JUMP) | (unexplained < 1 / BIG_JUMP)
    for at in np.flatnonzero(big & ~split).tolist():
        distance = np.abs(np.log(unexplained[at] / SPLIT_RATIOS))
        nearest = float(SPLIT_RATIOS[int(np.argmin(distance))])
        message = f"opened at {opens[at]:g} after a close of {before[at]:g} on {days[at + 1]}"
        if distance.min() < SPLIT_TOLERANCE:
            kind = f"{nearest:g} for 1" if nearest > 1 else f"1 for {1 / nearest:g}"
            message += f": looks like a split ({kind}) that no action declares"
            yield Finding("error", "jumps", ticker, message)
        else:
            yield Finding("note", "jumps", ticker, message)
    for at in np.flatnonzero(split).tolist():
        if abs(np.log(jump[at])) < abs(np.log(unexplained[at])):
            message = (
                f"a split of {ratio[at + 1]:g} on {days[at + 1]} does not show: {before[at]:g} "
                f"before, {opens[at]:g} at the open; are these prices adjusted already?"
            )
            yield Finding("error", "jumps", ticker, message)


def _declared(ticker: str, market: MarketData, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratio and the cash that take effect at each bar."""
    mine = market.payouts(ticker)
    ratio, cash = np.ones(len(days)), np.zeros(len(days))
    bars = np.searchsorted(days, mine["ex_date"].to_numpy().astype("datetime64[D]"))
    for bar, own, paid in zip(bars, mine["ratio"], mine["cash_hkd"], strict=True):
        if bar < len(days):
            cash[bar] += ratio[bar] * paid
            ratio[bar] *= own
    return ratio, cash
