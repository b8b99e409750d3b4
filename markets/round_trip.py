"""RoundTrip: what buying and selling again costs on a date, as a fraction of the value traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from markets.costs import CostSchedule


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """The cost of a purchase and a sale, by the tables of one date.

    Both legs pay what is in force on the date itself: the exit's own tables are not always known
    when the entry is decided.

    Attributes
    ----------
    schedule : CostSchedule
        Whose notes are counted.
    value_hkd : float
        What one order is worth: minimum charges weigh more on a small one.
    slippage_bp : float
        Paid on each leg besides, in basis points of the value.
    kinds : mapping of str to str
        Instrument kind by ticker; a ticker that is not in it is an equity.

    Examples
    --------
    >>> paid = RoundTrip(CostSchedule("none"), value_hkd=100_000.0)
    >>> days = np.array(["2023-11-16", "2023-11-17"], dtype="datetime64[D]")
    >>> (paid(np.array(["0700.HK", "0700.HK"], dtype=object), days) * 1e4).round(1).tolist()
    [28.1, 22.1]
    """

    schedule: CostSchedule
    value_hkd: float = 100_000.0
    slippage_bp: float = 0.0
    kinds: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, tickers: npt.NDArray[np.object_], sessions: npt.NDArray[np.datetime64]
    ) -> npt.NDArray[np.float64]:
        """Return the cost of a round trip in each ticker on each session.

        Parameters
        ----------
        tickers : ndarray of object, shape (n,)
            Normalized.
        sessions : ndarray of datetime64[D], shape (n,)
            Exchange dates that the cost tables cover.

        Returns
        -------
        ndarray of float64, shape (n,)
            Fraction of `value_hkd`, not negative.

        Raises
        ------
        TableError
            If the tables begin later or do not know a kind.
        """
        kinds = np.array([self.kinds.get(ticker, "equity") for ticker in tickers.tolist()])
        found = np.zeros(len(tickers))
        for kind in sorted(set(kinds.tolist())):
            here = np.flatnonzero(kinds == kind)
            notes = self.schedule.notes(
                sessions=sessions[here],
                prices=np.full(len(here), self.value_hkd / 1000.0),
                shares=np.full(len(here), 1000, dtype=np.int64),
                kind=kind,
            )
            found[here] = 2.0 * (notes.total / 100.0 / self.value_hkd + self.slippage_bp / 1e4)
        return found
