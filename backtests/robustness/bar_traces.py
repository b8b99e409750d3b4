"""What bars look like that cannot be as they were traded: drawn in, early, scaled, or averages.

Prices that came wrong with the data stay the same on every cut. Each test states its bound; what
honest bars show was measured on 73,708 bars of 38 Hong Kong stocks and on the invented market.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from backtests.inputs import Inputs
from backtests.robustness.lookahead_report import Leak, Unseen
from markets.prices import BAR_COLUMNS, PRICE_COLUMNS, MarketData
from markets.rules import UNITS_PER_HKD, tick_size

_SAMPLE = 60
_MOST_SAME_VOLUME = 0.25  # honest: 0.1 % at the most
_FEWEST_FLAT = 5
_LEAST_PAIRS = 98
_MOST_FLAT = 0.9
_MOST_AVERAGES = 0.5  # honest: 10 % at the most
_WIDE_TICKS = 8  # in a range of few ticks an open meets their average by chance
_MOST_TO_COME = 0.2  # honest: 0.03 over all stocks, 0.14 of one
_SURE = 5.0
_invented = partial(Leak, "suspect", "invented bars", "prices")


def repeats(market: MarketData) -> list[tuple[date, str]]:
    """Return (session, ticker) of bars that equal the next one in every price and in volume."""
    found = []
    for ticker in market.tickers:
        frame = market.bars[ticker]
        values = frame.loc[:, list(BAR_COLUMNS)].to_numpy()
        same = np.flatnonzero((values[1:] == values[:-1]).all(axis=1) & (values[1:, 4] > 0))
        found += [(frame.index[place].date(), ticker) for place in same.tolist()]
    return sorted(found)


def invented_bars(market: MarketData) -> Iterator[Leak]:
    """Yield bars that were filled in from what came after them, not traded.

    Such as equal the next in all five numbers; volumes that stand still from bar to bar (a quarter
    of them), as where a month's is spread over its sessions; and bars without a range, away from
    the close before, that stand where the next one opens (five, nine of ten), as where a halt is
    filled backwards.
    """
    found = repeats(market)
    if found:
        day, ticker = found[0]
        yield _invented(
            "a bar equals the next one in every number: filled in, not traded",
            row=f"{day} {ticker}",
            count=len(found),
        )
        return
    for ticker in market.tickers:
        frame = market.bars[ticker]
        volume = frame["volume"].to_numpy()
        still = np.flatnonzero(volume[1:] == volume[:-1])
        if len(volume) >= _SAMPLE and len(still) > _MOST_SAME_VOLUME * len(volume):
            yield _invented(
                "volumes stand still from bar to bar: that of a longer span, known at its end?",
                row=f"{frame.index[still[0]].date()} {ticker}",
                column="volume",
                given=f"{len(still)} of {len(volume)} bars",
                expected=f"at most {_MOST_SAME_VOLUME:.0%}",
                count=len(still),
            )
            return
        opens, highs, lows, closes = (frame[name].to_numpy() for name in PRICE_COLUMNS)
        inner = slice(1, -1)
        flat = (highs == lows)[inner] & (closes[inner] != closes[:-2])
        ahead = np.flatnonzero(flat & (closes[inner] == opens[2:])) + 1
        if len(ahead) >= max(_FEWEST_FLAT, _MOST_FLAT * flat.sum()):
            yield _invented(
                "bars without a range stand where the next one opens: filled in backwards?",
                row=f"{frame.index[ahead[0]].date()} {ticker}",
                column="close",
                given=f"{len(ahead)} of {int(flat.sum())} bars",
                expected="few of those that left the close before",
                count=len(ahead),
            )
            return


def adjusted_in_secret(market: MarketData) -> Iterator[Leak]:
    """Yield prices said to be raw that lie off the exchange's ticks: scaled by later payouts.

    Looked at in up to 60 bars of each ticker, spread over time. Bound: a fifth of them.
    """
    if market.adjusted:
        raise Unseen("prices are adjusted: they never lay on ticks")
    for ticker in market.tickers:
        frame = market.bars[ticker]
        places = _spread(len(frame))
        for column in PRICE_COLUMNS[::-1]:  # the close first: every source has it
            off = 0
            for place in places.tolist():
                given = float(frame[column].iloc[place]) * UNITS_PER_HKD
                price = round(given)
                tick = tick_size(Decimal(price) / UNITS_PER_HKD, frame.index[place].date())
                off += abs(given - price) >= 0.05 or price % int(tick * UNITS_PER_HKD) != 0
            if off > len(places) / 5:
                yield Leak(
                    "suspect",
                    "adjusted in secret",
                    "prices",
                    "prices said to be raw are no multiples of a tick: scaled by later payouts?",
                    column=column,
                    row=ticker,
                    given=f"{off} of {len(places)} bars",
                    expected="at most a fifth",
                    count=off,
                )
                return


def _spread(count: int) -> np.ndarray:
    """Return places of up to so many bars, spread over all."""
    return np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int))


def averaged_opens(market: MarketData) -> Iterator[Leak]:
    """Yield opens that are the mean of their day: nobody knew it, or could deal at it, at the open.

    Of high, low and close, or of high and low, to half a tick; of up to 60 bars with a range of
    eight ticks or more. Bound: half of 30 or more.
    """
    if market.adjusted:
        raise Unseen("prices are adjusted: they never lay on ticks")
    for ticker in market.tickers:
        frame = market.bars[ticker]
        wide, hits = 0, {"high, low and close": 0, "high and low": 0}
        for place in _spread(len(frame)).tolist():
            opened, high, low, close = (float(frame[name].iloc[place]) for name in PRICE_COLUMNS)
            tick = float(tick_size(Decimal(repr(round(opened, 3))), frame.index[place].date()))
            if high - low < _WIDE_TICKS * tick:
                continue
            wide += 1
            for name, mean in zip(hits, ((high + low + close) / 3, (high + low) / 2), strict=True):
                hits[name] += abs(opened - mean) <= 0.51 * tick
        name = max(hits, key=lambda one: hits[one])
        if wide >= _SAMPLE / 2 and hits[name] > _MOST_AVERAGES * wide:
            yield Leak(
                "suspect",
                "averaged opens",
                "prices",
                f"opens are the mean of {name} of their session, which ends later",
                column="open",
                row=ticker,
                given=f"{hits[name]} of {wide} bars",
                expected="at most half",
                count=hits[name],
            )
            return


def closes_that_know(market: MarketData) -> Iterator[Leak]:
    """Yield closes that have part of the next open in them: read late, or blended with it.

    Then a session moves as the night after it does. Bound: a rank correlation of 0.2, and five
    standard errors, over all stocks.
    """
    sessions, nights = [], []
    for ticker in market.tickers:
        frame = market.forward_adjusted(ticker)
        opens, closes = np.log(frame["open"].to_numpy()), np.log(frame["close"].to_numpy())
        sessions.append((closes - opens)[:-1])
        nights.append(opens[1:] - closes[:-1])
    within, after = rankdata(np.concatenate(sessions)), rankdata(np.concatenate(nights))
    if len(within) < 2 * _SAMPLE or not within.std() or not after.std():
        raise Unseen(f"fewer than {2 * _SAMPLE} nights")
    rho = float(np.corrcoef(within, after)[0, 1])
    if rho > max(_MOST_TO_COME, _SURE / np.sqrt(len(within))):
        yield Leak(
            "suspect",
            "closes that know",
            "prices",
            "sessions move as the nights after them: closes hold part of the next open",
            column="close",
            given=f"rank correlation {rho:.2f}",
            expected=f"at most {_MOST_TO_COME}",
            count=len(within),
        )


def ahead_of_the_index(market: MarketData) -> Iterator[Leak]:
    """Yield bars that move with the index of the session after: they carry the wrong date.

    All stocks together, and then in parts of about 100 sessions; and each alone. Bound: the
    correlation with the next session's index move is 0.3 above that with its own; but for all
    together and over all time, also five standard errors.
    """
    days = market.sessions()
    if not market.indices or len(days) < _LEAST_PAIRS:
        raise Unseen(f"no index, or fewer than {_LEAST_PAIRS} sessions")
    closes = market.matrix("close", days, forward_adjusted=True)
    own = closes.pct_change(fill_method=None)
    mean = own.mean(axis=1)
    for name, frame in sorted(market.indices.items()):
        moves = frame["close"].pct_change().reindex(days)
        parts = np.array_split(np.arange(len(days)), max(1, len(days) // 100))
        for row, given, sure in (
            ("", mean, 0.0),
            *((f"from {days[part[0]].date()}", mean.iloc[part], _SURE) for part in parts),
            *((ticker, own[ticker], _SURE) for ticker in own.columns),
        ):
            both = pd.DataFrame({"own": given, "same": moves, "next": moves.shift(-1)}).dropna()
            if len(both) < _LEAST_PAIRS:
                continue
            same, following = (float(both["own"].corr(both[side])) for side in ("same", "next"))
            if following > same + max(0.3, sure / np.sqrt(len(both))):
                yield Leak(
                    "suspect",
                    "ahead of the index",
                    "prices",
                    f"bars move with the next session of {name}: their dates are a session early",
                    column="session",
                    row=row,
                    given=f"correlation {following:.2f}",
                    expected=f"{same:.2f} or less",
                    count=len(both),
                )
                return


def sparse_bars(inputs: Inputs, market: MarketData) -> Iterator[Leak]:
    """Yield bars that span several sessions each: a week stamped with its first day knows its end.

    Bound: bars in fewer than half of the sessions between the first and the last.
    """
    for ticker in market.tickers:
        index = market.bars[ticker].index
        sessions = inputs.calendar.sessions(index[0].date(), index[-1].date())
        idle = len(market.untraded.get(ticker, ()))
        if len(sessions) > 20 and len(index) + idle < len(sessions) / 2:
            yield Leak(
                "suspect",
                "sparse bars",
                "prices",
                "bars in fewer than half of the sessions: resampled to weeks or months?",
                row=ticker,
                given=f"{len(index)} bars",
                expected=f"{len(sessions)} sessions",
            )
            return
