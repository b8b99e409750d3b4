"""Whether a MarketData keeps the promises of its docstring, whoever made it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from markets.actions import (
    ACTION_COLUMNS,
    ACTION_KEY,
    LATER_COLUMNS,
    all_columns,
    clashing,
)
from markets.errors import DataError, TickerError
from markets.prices import BAR_COLUMNS, PRICE_COLUMNS, MarketData
from markets.tickers import normalize_ticker


def require_sound(market: MarketData, *, where: str | None = None) -> None:
    """Raise unless bars, actions and index levels are what `MarketData` says they are.

    Parameters
    ----------
    market : MarketData
        From any source.
    where : str, optional
        Named in errors; by default the market's own source.

    Raises
    ------
    DataError
        Naming the ticker and the first session that breaks a promise. Sources drop bad rows and
        list them, so a bad bar here is the source's mistake and nothing is repaired.
    """
    where = where or market.source
    if not market.bars:
        raise DataError("no bars at all", where=where, wanted="at least one ticker")
    for ticker, frame in market.bars.items():
        at = f"{where}: {ticker}"
        _require_ticker(ticker, at)
        _require_index(frame, at)
        _require_bars(frame, at)
    for name, frame in market.indices.items():
        at = f"{where}: index {name}"
        _require_index(frame, at)
        if "close" not in frame.columns:
            raise DataError("an index needs closes", where=at, given=list(frame.columns))
        closes = frame["close"].to_numpy()
        _refuse(frame, ~(np.isfinite(closes) & (closes > 0)), "no index level", "above 0", at)
    _require_actions(market, f"{where}: actions")


def _require_ticker(ticker: str, where: str) -> None:
    try:
        normal = normalize_ticker(ticker)
    except TickerError as error:
        raise DataError(error.problem, given=ticker, wanted=error.wanted, where=where) from None
    if normal != ticker:
        raise DataError("a ticker in another spelling", given=ticker, wanted=normal, where=where)


def _require_index(frame: pd.DataFrame, where: str) -> None:
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None:
        raise DataError(
            "sessions are naive exchange dates",
            given=str(index.dtype),
            wanted="datetime64 without a zone",
            where=where,
        )
    if index.name != "session":
        raise DataError("the index is named session", given=index.name, where=where)
    if not len(index):
        raise DataError("an empty frame", wanted="at least one row, or no frame", where=where)
    days = index.to_numpy()
    if np.isnat(days).any() or (days != days.astype("datetime64[D]")).any():
        raise DataError("a session is a date at midnight", given=str(index[0]), where=where)
    if not index.is_monotonic_increasing or not index.is_unique:
        raise DataError("sessions must strictly increase", where=where)


def _require_bars(frame: pd.DataFrame, where: str) -> None:
    absent = [name for name in BAR_COLUMNS if name not in frame.columns]
    if absent:
        raise DataError(
            "a bar lacks columns",
            given=", ".join(map(str, frame.columns)),
            wanted=", ".join(BAR_COLUMNS),
            where=where,
        )
    for name in BAR_COLUMNS:
        if frame[name].dtype != np.float64:
            raise DataError(
                f"{name} is no float64", given=str(frame[name].dtype), wanted="float64", where=where
            )
    values = frame.loc[:, list(PRICE_COLUMNS)].to_numpy()
    opens, highs, lows, closes = values.T
    volume = frame["volume"].to_numpy()
    with np.errstate(invalid="ignore"):
        impossible = ~(np.isfinite(values) & (values > 0)).all(axis=1)
        inverted = (lows > np.fmin(opens, closes)) | (highs < np.fmax(opens, closes))
        idle = ~(np.isfinite(volume) & (volume > 0))
    _refuse(frame, impossible, "no price", "prices above 0", where)
    _refuse(frame, inverted, "prices out of order", "low ≤ open, close ≤ high", where)
    _refuse(frame, idle, "a bar without volume", "no bar where the stock did not trade", where)


def _require_actions(market: MarketData, where: str) -> None:
    actions = market.actions
    later = [name for name in LATER_COLUMNS if name in actions.columns]
    if list(actions.columns) != [*ACTION_COLUMNS, *later]:
        raise DataError(
            "other columns than wanted",
            given=", ".join(map(str, actions.columns)),
            wanted=f"{', '.join(ACTION_COLUMNS)}, and any of {', '.join(LATER_COLUMNS)}",
            where=where,
        )
    if market.adjusted and len(actions):
        raise DataError(
            "adjusted prices contain their actions already",
            given=f"{len(actions)} actions",
            wanted="none, or raw prices",
            where=where,
        )
    keys = list(all_columns(actions)[list(ACTION_KEY)].itertuples(index=False, name=None))
    if keys != sorted(set(keys)):
        raise DataError(
            f"actions must be sorted by ({', '.join(ACTION_KEY)}), one row for each", where=where
        )
    for possible, wanted in _possible_actions(actions):
        if not possible.all():
            row = actions.iloc[int(np.flatnonzero(~possible)[0])]
            raise DataError(
                "an impossible action",
                given=", ".join(f"{name} {row[name]}" for name in actions.columns),
                wanted=wanted,
                where=where,
            )


def _possible_actions(actions: pd.DataFrame) -> list[tuple[np.ndarray, str]]:
    """Return which rows keep each rule, and the rule."""
    full = all_columns(actions)
    ratio, cash, share = (
        full[name].to_numpy() for name in ("ratio", "cash_hkd", "in_specie_ratio")
    )
    other, ex_date = full["in_specie_ticker"], full["ex_date"]
    named = (other != "").to_numpy()
    late = [
        (full[name].isna() | (full[name] >= ex_date)).to_numpy()
        for name in ("pay_date", "delivery_date")
    ]
    return [
        (np.isfinite(ratio) & (ratio > 0), "ratio above 0"),
        (np.isfinite(cash) & (cash >= 0), "cash_hkd 0 or more"),
        (np.isfinite(share) & (share >= 0), "in_specie_ratio 0 or more"),
        (
            ~clashing(actions).to_numpy(),
            "a split in one row with its cash and what else its holders get",
        ),
        ((share > 0) == named, "in_specie_ticker and in_specie_ratio together"),
        ((other != full["ticker"]).to_numpy(), "in specie, shares of another company"),
        (
            named | full["delivery_date"].isna().to_numpy(),
            "delivery_date only with in_specie_ticker",
        ),
        (late[0] & late[1], "pay_date and delivery_date on or after ex_date"),
    ]


def _refuse(frame: pd.DataFrame, bad: np.ndarray, problem: str, wanted: str, where: str) -> None:
    if not bad.any():
        return
    at = int(np.flatnonzero(bad)[0])
    given = ", ".join(f"{name} {value:g}" for name, value in frame.iloc[at].items())
    session = pd.DatetimeIndex(frame.index)[at]
    raise DataError(problem, given=given, wanted=wanted, where=f"{where}: {session:%Y-%m-%d}")
