"""Whether the bars of one ticker can be true: lent opens, bars drawn in, odd jumps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from markets.findings import Finding
from markets.prices import BAR_COLUMNS, MarketData

STALE_CLOSES = 5
LENT_SHARE = 0.5  # 38 Hong Kong stocks over eleven years: 9 % of the opens, 26 % at the most
LENT_BARS = 60
DRAWN_BARS = 3
DRAWN_TOLERANCE = 0.003  # of the price: a tick of rounding
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


def check_lent_opens(ticker: str, frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding if opens are mostly the close before: one was taken from the other.

    Then either nobody could buy at that open, or the close was not known before the next auction.
    Counted among bars whose close moved, and only where there are `LENT_BARS` of them.
    """
    closes, opens = frame["close"].to_numpy(), frame["open"].to_numpy()
    days = frame.index.to_numpy().astype("datetime64[D]")
    moved = np.flatnonzero(closes[1:] != closes[:-1]) + 1
    lent = moved[opens[moved] == closes[moved - 1]]
    if len(moved) >= LENT_BARS and len(lent) > LENT_SHARE * len(moved):
        message = (
            f"{len(lent)} of {len(moved)} opens are the close before, as on {days[lent[0]]}: opens "
            "that nobody dealt at, or closes read after the next auction"
        )
        yield Finding("error", "lent opens", ticker, message, count=len(lent))


def check_drawn_bars(ticker: str, frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding if bars lie on the line between their neighbors, volume and all prices.

    One that was missing and is drawn in knows the bar after it. Chance hardly draws one: there is
    none among 73,708 bars of 38 Hong Kong stocks.
    """
    values = frame.loc[:, list(BAR_COLUMNS)].to_numpy(dtype="float64")
    if len(values) < 3:
        return
    middle = (values[:-2] + values[2:]) / 2.0
    off = np.abs(values[1:-1] - middle)
    flat = values[:-2, -1] == values[2:, -1]
    volume = off[:, -1] <= np.maximum(1.0, 1e-6 * middle[:, -1])
    prices = (off[:, :-1] <= DRAWN_TOLERANCE * middle[:, :-1]).all(axis=1)
    drawn = np.flatnonzero(volume & prices & ~flat) + 1
    if len(drawn) >= DRAWN_BARS:
        day = frame.index.to_numpy().astype("datetime64[D]")[drawn[0]]
        message = (
            f"{len(drawn)} bars lie on the line between their neighbors in price and volume, as on "
            f"{day}: drawn in where they were missing, by the bar that follows"
        )
        yield Finding("error", "drawn bars", ticker, message, count=len(drawn))


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
