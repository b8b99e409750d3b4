"""MarketData: raw bars, corporate actions and index levels of one market, and what they are worth.

Bars are raw: what was traded. Nothing here is ever scaled by an action that came later, so a value
computed at a session keeps every bit when later data are added, removed or changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

import pandas as pd

BAR_COLUMNS = ("open", "high", "low", "close", "volume")
ACTION_COLUMNS = ("ticker", "ex_date", "ratio", "cash_hkd")


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
        Columns `ticker, ex_date, ratio, cash_hkd`, sorted by (ex_date, ticker). One share held
        before `ex_date` becomes `ratio` shares and receives `cash_hkd` (per old share) on it.
    indices : mapping of str to DataFrame
        Index levels by name, indexed like bars; at least a `close` column, `open` where known.
    adjusted : bool
        True if the bars are back-adjusted prices at which nobody ever traded: lots, ticks, fees and
        cash of past dates are then approximations, and a run says so.
    source : str
        What the data came from.
    as_of : datetime
        UTC instant at which the data were taken; bars of sessions still open then are not in it.
    sha256 : str
        Hash of the content.
    """

    bars: Mapping[str, pd.DataFrame]
    actions: pd.DataFrame
    indices: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    adjusted: bool = False
    source: str = "memory"
    as_of: datetime | None = None
    sha256: str = ""

    @property
    def tickers(self) -> tuple[str, ...]:
        """Tickers that have bars, sorted."""
        return tuple(sorted(self.bars))

    def until(self, session: date) -> MarketData:
        """Return the data as known after the close of `session`: later bars and actions are gone."""
        last = pd.Timestamp(session)
        return replace(
            self,
            bars={ticker: frame.loc[:last] for ticker, frame in self.bars.items()},
            actions=self.actions[self.actions["ex_date"] <= last],
            indices={name: frame.loc[:last] for name, frame in self.indices.items()},
        )

    def only(self, tickers: Sequence[str]) -> MarketData:
        """Return the data of some tickers; indices stay."""
        return replace(
            self,
            bars={ticker: self.bars[ticker] for ticker in tickers if ticker in self.bars},
            actions=self.actions[self.actions["ticker"].isin(list(tickers))],
        )


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
            If a row is no possible bar and the source is not told to drop such rows.
        NetworkError
            If a remote source fails or limits its rate.
        """
        ...


def no_actions() -> pd.DataFrame:
    """Return an actions table without rows, with the right columns and types."""
    return pd.DataFrame(
        {
            "ticker": pd.Series(dtype="str"),
            "ex_date": pd.Series(dtype="datetime64[s]"),
            "ratio": pd.Series(dtype="float64"),
            "cash_hkd": pd.Series(dtype="float64"),
        }
    )
