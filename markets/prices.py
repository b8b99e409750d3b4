"""MarketData: raw bars, corporate actions and index levels of one market, and what they are worth.

Bars are raw: what was traded. Nothing here is ever scaled by an action that came later, so a value
computed at a session keeps every bit when later data are added, removed or changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from markets.actions import ACTION_COLUMNS as ACTION_COLUMNS
from markets.actions import all_columns, by_key, without_defaults
from markets.actions import no_actions as no_actions
from markets.errors import ConfigError, MissingDataError, nearest_name
from markets.wording import row_problem

PRICE_COLUMNS = ("open", "high", "low", "close")
BAR_COLUMNS = (*PRICE_COLUMNS, "volume")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be used as what it was read for, kept so that nothing is lost silently.

    Attributes
    ----------
    where : str
        File and line of a CSV, or file and row (from 0) of a Parquet file.
    problem, given, wanted : str
        What was wrong, what stood there, what would have been right.
    """

    where: str
    problem: str
    given: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        return row_problem(self.where, self.problem, self.given, self.wanted)

    def as_dict(self) -> dict[str, str]:
        """Return the row as JSON-ready fields."""
        return {
            "where": self.where,
            "problem": self.problem,
            "given": self.given,
            "wanted": self.wanted,
        }


@dataclass(frozen=True, eq=False)
class MarketData:
    """The prices a run stands on.

    Attributes
    ----------
    bars : mapping of str to DataFrame
        By ticker. Columns `open, high, low, close` (HKD, float64) and `volume` (shares, float64);
        index `session`: naive, strictly increasing ``datetime64`` exchange dates at midnight. A
        session without a bar is a session in which the stock did not trade; no bar is NaN. The bar
        of session D is known after D's close, its open from D's opening auction on.
    actions : DataFrame
        Columns `ticker, ex_date, ratio, cash_hkd`, sorted by `markets.actions.ACTION_KEY`, one row
        for each key. One share held before `ex_date` becomes `ratio` shares and is entitled to
        `cash_hkd` (per old share). Besides, if any row needs them, `markets.actions.LATER_COLUMNS`:
        the cash arrives on `pay_date` (NaT: on the ex date); an old share is entitled to
        `in_specie_ratio` shares of `in_specie_ticker`, as counted on the ex date, which arrive on
        `delivery_date` and cannot be sold before. Several rows of a ticker on a date add up: all
        count old shares, and none of them is a split. Empty where `adjusted`.
    indices : mapping of str to DataFrame
        Index levels by name, indexed like bars; at least a `close` column, `open` where known.
    adjusted : bool
        True if the bars are back-adjusted prices at which nobody ever traded: lots, ticks, fees and
        cash of past dates are then approximations, and a run says so.
    source : str
        What the data came from.
    as_of : datetime or None
        UTC instant at which the data were taken, where known; bars of sessions still open then are
        not in it.
    rejections : tuple of RejectedRow
        Rows the source held that are no possible bars. They are not in `bars`.
    untraded : mapping of str to DatetimeIndex
        Sessions for which the source has a row with zero volume: the stock did not trade. They are
        not in `bars` either.
    """

    bars: Mapping[str, pd.DataFrame]
    actions: pd.DataFrame
    indices: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    adjusted: bool = False
    source: str = "memory"
    as_of: datetime | None = None
    rejections: tuple[RejectedRow, ...] = ()
    untraded: Mapping[str, pd.DatetimeIndex] = field(default_factory=dict)

    @property
    def tickers(self) -> tuple[str, ...]:
        """Tickers that have bars, sorted."""
        return tuple(sorted(self.bars))

    @cached_property
    def sha256(self) -> str:
        """Hash of bars, actions, index levels and `adjusted`.

        Equal content has an equal hash, in whatever order it was loaded and wherever it came from.
        """
        digest = hashlib.sha256()
        for ticker in self.tickers:
            _feed(digest, f"bars {ticker}", self.bars[ticker].loc[:, list(BAR_COLUMNS)])
        for name in sorted(self.indices):
            frame = self.indices[name]
            _feed(digest, f"index {name}", frame.loc[:, sorted(frame.columns)])
        ordered = by_key(self.actions)
        digest.update(json.dumps(ordered["ticker"].tolist()).encode())
        _feed(digest, "actions", ordered.set_index("ex_date")[["ratio", "cash_hkd"]])
        later = without_defaults(ordered).drop(columns=list(ACTION_COLUMNS))
        if len(later.columns):
            digest.update(later.to_json(orient="split", index=False, date_format="iso").encode())
        digest.update(b"adjusted" if self.adjusted else b"raw")
        return digest.hexdigest()

    def until(self, session: date) -> MarketData:
        """Return the data as known after the close of `session`, without what came later."""
        return self.between(None, session)

    def between(self, start: date | None, end: date | None) -> MarketData:
        """Return bars, index levels and actions from `start` to `end`, both included.

        A ticker or index without a row in these dates is left out. Rejections stay.
        """
        first = None if start is None else pd.Timestamp(start)
        last = None if end is None else pd.Timestamp(end)

        def cut(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
            kept = {name: frame.loc[first:last] for name, frame in frames.items()}
            return {name: frame for name, frame in kept.items() if len(frame)}

        def within(days: pd.Series | pd.DatetimeIndex) -> np.ndarray:
            inside = np.ones(len(days), dtype=bool)
            if first is not None:
                inside &= np.asarray(days >= first)
            if last is not None:
                inside &= np.asarray(days <= last)
            return inside

        return replace(
            self,
            bars=cut(self.bars),
            actions=self.actions[within(self.actions["ex_date"])].reset_index(drop=True),
            indices=cut(self.indices),
            untraded={
                t: kept for t, days in self.untraded.items() if len(kept := days[within(days)])
            },
        )

    def only(self, tickers: Sequence[str]) -> MarketData:
        """Return the data of some tickers; indices stay.

        Raises
        ------
        MissingDataError
            If a ticker has no bars.
        """
        return replace(
            self,
            bars={ticker: self.bars_of(ticker) for ticker in tickers},
            actions=self.actions[self.actions["ticker"].isin(list(tickers))].reset_index(drop=True),
            untraded={t: days for t, days in self.untraded.items() if t in set(tickers)},
        )

    def bars_of(self, ticker: str) -> pd.DataFrame:
        """Return the bars of a ticker.

        Raises
        ------
        MissingDataError
            If it has none; the nearest ticker that has is named.
        """
        if ticker not in self.bars:
            raise MissingDataError(
                "no prices for this ticker",
                given=ticker,
                wanted=f"one of the {len(self.bars)} tickers in the price data",
                where=self.source,
                nearest=nearest_name(ticker, self.bars),
            )
        return self.bars[ticker]

    def sessions(self) -> pd.DatetimeIndex:
        """Return every session in which at least one ticker has a bar, ascending."""
        days = [frame.index.to_numpy().astype("datetime64[s]") for frame in self.bars.values()]
        union = np.unique(np.concatenate(days)) if days else np.empty(0, "datetime64[s]")
        return pd.DatetimeIndex(union, name="session")

    def matrix(
        self,
        column: str,
        sessions: pd.DatetimeIndex,
        tickers: Sequence[str] | None = None,
        *,
        forward_adjusted: bool = False,
    ) -> pd.DataFrame:
        """Return one column of all bars on given sessions.

        Parameters
        ----------
        column : {'open', 'high', 'low', 'close', 'volume'}
            What to read.
        sessions : DatetimeIndex
            Naive exchange dates, ascending.
        tickers : sequence of str, optional
            In this order; by default all, sorted.
        forward_adjusted : bool
            Read from `forward_adjusted` in place of the raw bars.

        Returns
        -------
        DataFrame of float64, shape (n_sessions, n_tickers)
            NaN where a ticker has no bar. Never filled: a last close is not a price of today.

        Raises
        ------
        ConfigError
            If there is no such column.
        MissingDataError
            If a ticker has no bars.
        """
        if column not in BAR_COLUMNS:
            raise ConfigError.no_such("no such column of a bar", column, BAR_COLUMNS)
        chosen = self.tickers if tickers is None else tuple(tickers)
        wanted = sessions.to_numpy().astype("datetime64[s]")
        values = np.full((len(wanted), len(chosen)), np.nan)
        for place, ticker in enumerate(chosen):
            frame = self.forward_adjusted(ticker) if forward_adjusted else self.bars_of(ticker)
            known = frame.index.to_numpy().astype("datetime64[s]")
            at = np.searchsorted(known, wanted)
            found = at < len(known)
            found[found] = known[at[found]] == wanted[found]
            values[found, place] = frame[column].to_numpy()[at[found]]
        return pd.DataFrame(values, index=sessions, columns=list(chosen))

    def opens(
        self, sessions: pd.DatetimeIndex, tickers: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return raw opening prices, HKD, shape (n_sessions, n_tickers); NaN without a bar."""
        return self.matrix("open", sessions, tickers)

    def closes(
        self, sessions: pd.DatetimeIndex, tickers: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return raw closing prices, HKD, shape (n_sessions, n_tickers); NaN without a bar."""
        return self.matrix("close", sessions, tickers)

    def growth(self, ticker: str) -> pd.Series:
        """Return how many shares one share of the first session has become by each session.

        Splits multiply it; cash buys more at the open of the ex session (at the next bar's open, if
        the stock does not trade on its ex date), before tax and costs. So does the worth of a
        distribution in specie, although its shares can be sold only weeks later: a return that
        counts it is what was earned, not what could be had at once. Known from that open on.

        Returns
        -------
        Series of float64, indexed by session
            1.0 at the first bar. Computed forward only: later bars and actions change no bit of it.
        """
        frame = self.bars_of(ticker)
        mine = self.payouts(ticker)
        steps = np.ones(len(frame))
        opens = frame["open"].to_numpy()
        at = np.searchsorted(_days(frame), mine["ex_date"].to_numpy().astype("datetime64[s]"))
        shares: dict[int, tuple[float, float]] = {}
        for place, ratio, cash in zip(
            at.tolist(), mine["ratio"].tolist(), mine["cash_hkd"].tolist(), strict=True
        ):
            held, received = shares.get(place, (1.0, 0.0))
            shares[place] = (held * ratio, received + held * cash)
        for place, (held, received) in shares.items():
            if 0 < place < len(steps):
                steps[place] = held + received / opens[place]
        return pd.Series(np.multiply.accumulate(steps), index=frame.index, name="growth")

    def payouts(self, ticker: str) -> pd.DataFrame:
        """Return the actions of a ticker with what was distributed in specie as cash.

        A distributed share is worth its open in the session in which the action shows in the bars
        of `ticker`, or its last close before if it did not trade in it; 0 without a price so far.

        Returns
        -------
        DataFrame
            Columns `ex_date, ratio, cash_hkd`, by `ex_date`.
        """
        mine = all_columns(self.actions[self.actions["ticker"] == ticker]).sort_values("ex_date")
        days = _days(self.bars_of(ticker))
        worth = mine["cash_hkd"].to_numpy(copy=True)
        for place, (ex_date, other, ratio) in enumerate(
            zip(mine["ex_date"], mine["in_specie_ticker"], mine["in_specie_ratio"], strict=True)
        ):
            at = int(np.searchsorted(days, np.datetime64(ex_date, "s")))
            if other and at < len(days):
                worth[place] += ratio * self._price_at(other, days[at])
        return mine[["ex_date", "ratio"]].assign(cash_hkd=worth)

    def _price_at(self, ticker: str, session: np.datetime64) -> float:
        """Return the open of a session, else the last close before it, else 0."""
        frame = self.bars.get(ticker)
        if frame is None:
            return 0.0
        at = int(np.searchsorted(_days(frame), session))
        if at < len(frame) and _days(frame)[at] == session:
            return float(frame["open"].to_numpy()[at])
        return float(frame["close"].to_numpy()[at - 1]) if at else 0.0

    def forward_adjusted(self, ticker: str) -> pd.DataFrame:
        """Return bars in shares of the first session: what that one share is worth since.

        Prices are multiplied and volumes divided by `growth`, so returns between any two of them
        are total returns with cash reinvested at the open of the ex session. Unlike back-adjusted
        prices, no value depends on anything later than its own session: for features and returns,
        never for execution.

        Returns
        -------
        DataFrame
            Shaped and indexed like the bars; equal to them, bit by bit, before the first action.
        """
        frame = self.bars_of(ticker)
        factor = self.growth(ticker).to_numpy()
        values = {name: frame[name].to_numpy() * factor for name in PRICE_COLUMNS}
        values["volume"] = frame["volume"].to_numpy() / factor
        return pd.DataFrame(values, index=frame.index)

    def total_returns(self, ticker: str, column: str = "close") -> pd.Series:
        """Return what a holder earned from the bar before to each bar, as a fraction.

        Between bars, not sessions: after a halt the return spans it. Splits and cash included.

        Returns
        -------
        Series of float64, indexed by session
            NaN at the first bar. Known when the price in `column` is.
        """
        if column not in PRICE_COLUMNS:
            raise ConfigError(
                "returns need a price column", given=column, wanted=", ".join(PRICE_COLUMNS)
            )
        worth = self.forward_adjusted(ticker)[column]
        values = worth.to_numpy()
        returns = np.full(len(values), np.nan)
        returns[1:] = values[1:] / values[:-1] - 1.0
        return pd.Series(returns, index=worth.index, name=ticker)


class PriceSource(Protocol):
    """Where bars come from: files, Yahoo, the synthetic market, or a user's own class.

    `markets.testing.check_price_source` holds an implementation to these rules.
    """

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` (None: all there are) from `start` to `end`, both included.

        Raises
        ------
        MissingDataError
            If the source, a column or a ticker that was asked for is absent; never an empty frame.
        DataError
            If the data as a whole cannot be trusted. Single rows that are no bars are left out and
            listed in `MarketData.rejections`.
        NetworkError
            If a remote source fails or limits its rate.
        """
        ...


def _days(frame: pd.DataFrame) -> np.ndarray:
    return frame.index.to_numpy().astype("datetime64[s]")


def _feed(digest: hashlib._Hash, name: str, frame: pd.DataFrame) -> None:
    """Add a frame's sessions and float columns to a hash, whatever units they are stored in."""
    columns = [str(column) for column in frame.columns]
    digest.update(json.dumps([name, len(frame), columns]).encode())
    digest.update(frame.index.to_numpy().astype("datetime64[s]").astype("<i8").tobytes())
    # Adding zero turns -0.0 into 0.0, which compares equal and must hash equal.
    digest.update(np.ascontiguousarray(frame.to_numpy(dtype="<f8") + 0.0).tobytes())
