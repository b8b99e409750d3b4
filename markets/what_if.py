"""Other prices than those that were: a session half known, another past, another scale.

Pure functions of a market: whoever doubts what was computed from it computes that again on these.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from markets.prices import BAR_COLUMNS, PRICE_COLUMNS, MarketData

_WILDER = 1.5


def opened(market: MarketData, session: date) -> MarketData:
    """Return the market as known at the open of a session: how the session ends is another.

    Opens stay. The close is that of a rise where it fell and of a fall where it rose, by a fifth;
    high and low hold both; a thousandth of the volume is traded, and what else a source tells of
    the session is half of it. Nothing comes later. The index closes are moved in the same way.
    """
    known, day = market.until(session), pd.Timestamp(session)

    def ended(frame: pd.DataFrame) -> pd.DataFrame:
        if frame.index[-1] != day or "open" not in frame.columns:
            return frame
        changed, last = frame.copy(), frame.iloc[-1]
        rose = last["close"] >= last["open"]
        close = float(last["open"]) * (0.8 if rose else 1.2)
        row: dict[str, float] = {"close": close}
        if "high" in frame.columns:
            row["high"] = max(close, float(last["open"])) * 1.01
        if "low" in frame.columns:
            row["low"] = min(close, float(last["open"])) * 0.99
        if "volume" in frame.columns:
            row["volume"] = float(np.floor(last["volume"] * 0.001)) + 1.0
        for name in frame.select_dtypes("number").columns.difference(list(BAR_COLUMNS)):
            changed[name] = frame[name].astype("float64")
            row[name] = 0.5 * float(last[name])
        for name, value in row.items():
            changed.loc[day, name] = value
        return changed

    return replace(
        known,
        bars={ticker: ended(frame) for ticker, frame in known.bars.items()},
        indices={name: ended(frame) for name, frame in known.indices.items()},
    )


def halved_before(market: MarketData, session: date) -> MarketData:
    """Return the market with every price, level and payout before a session halved.

    Half is exact in binary: what rests on returns within the past, or on prices from the session's
    open on, keeps every bit. Only the step into the session is another.
    """
    day = pd.Timestamp(session)

    def halved(frame: pd.DataFrame) -> pd.DataFrame:
        columns = [name for name in frame.columns if name in PRICE_COLUMNS]
        changed = frame.astype(dict.fromkeys(columns, "float64"))
        changed.loc[changed.index < day, columns] *= 0.5
        return changed

    actions = market.actions.copy()
    earlier = np.asarray(actions["ex_date"] < day)
    actions.loc[earlier, "cash_hkd"] = actions.loc[earlier, "cash_hkd"] * 0.5
    return replace(
        market,
        bars={ticker: halved(frame) for ticker, frame in market.bars.items()},
        indices={name: halved(frame) for name, frame in market.indices.items()},
        actions=actions,
    )


def pays_around(market: MarketData, day: date, calendar_days: int = 10) -> bool:
    """Return whether something is paid out around a day: its worth then hangs on both sides."""
    apart = (market.actions["ex_date"] - pd.Timestamp(day)).abs()
    return bool((apart < pd.Timedelta(days=calendar_days)).any())


def redrawn_before(market: MarketData, session: date, seed: int) -> MarketData:
    """Return the market with another past before a session, of the same kind, half as wild again.

    Returns of earlier bars are drawn anew from among them, so are their volumes; the last price
    before the session joins on. Bars of the session and later stay bit by bit, and so do the dates
    of all bars.
    """
    day = pd.Timestamp(session)
    draws = np.random.default_rng([seed, session.toordinal()])
    factors: dict[str, pd.Series] = {}

    def redrawn(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        older = int(frame.index.searchsorted(day))
        if older < 3:
            return frame
        values = frame.astype("float64")
        closes = values["close"].to_numpy()[:older]
        steps = np.diff(np.log(closes))
        drawn = _WILDER * draws.choice(steps, size=len(steps))
        path = np.concatenate([[0.0], np.cumsum(drawn)])
        factor = np.exp(path - path[-1]) * closes[-1] / closes
        for column in frame.columns:
            if column in PRICE_COLUMNS:
                values.loc[values.index < day, column] *= factor
        if BAR_COLUMNS[-1] in frame.columns:
            volume = values[BAR_COLUMNS[-1]].to_numpy()[:older]
            values.loc[values.index < day, BAR_COLUMNS[-1]] = np.floor(
                draws.choice(volume, size=older) * _WILDER
            )
        factors[name] = pd.Series(factor, index=frame.index[:older])
        return values

    bars = {ticker: redrawn(ticker, market.bars[ticker]) for ticker in market.tickers}
    actions = market.actions.copy()
    cash = actions["cash_hkd"].to_numpy(copy=True)
    for place, (ticker, ex_date) in enumerate(
        zip(actions["ticker"].tolist(), actions["ex_date"].tolist(), strict=True)
    ):
        own = factors.get(ticker)
        at = 0 if own is None else int(own.index.searchsorted(ex_date))
        if own is not None and at < len(own):
            cash[place] *= own.iloc[at]  # the same share of the price that it was
    actions["cash_hkd"] = cash
    indices = {name: redrawn(f"index {name}", frame) for name, frame in market.indices.items()}
    return replace(market, bars=bars, indices=indices, actions=actions)
