"""SquareRootImpact: what an order moves the price by, from what was known before the session."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from backtests.tape import Tape


@dataclass(frozen=True, slots=True)
class SquareRootImpact:
    """The square-root law of market impact: Y · σ · √(Q / V).

    σ is the standard deviation of daily logarithmic returns and V the mean daily volume, both of
    the `sessions` bars before the session; Q are the shares wanted in it. Nothing of the session
    itself enters. The form and a coefficient Y near 1 are measured by Tóth et al., "Anomalous Price
    Impact and the Critical Nature of Liquidity in Financial Markets", Physical Review X 1 (2011)
    021006; Almgren et al., "Direct Estimation of Equity Market Impact" (2005), find an exponent of
    0.6 in place of 0.5.

    Parameters
    ----------
    coefficient : float
        Y; 0 is no impact.
    sessions : int
        Bars that make up σ and V.
    tape : Tape
        The market.
    """

    coefficient: float
    sessions: int
    tape: Tape

    def bp(self, ticker: str, number: int, shares: int) -> float:
        """Return the basis points by which `shares` fill worse in session `number` of the run.

        0 for a stock whose volume or returns before the session are not known.
        """
        volume = self.tape.usual_volume(ticker, number, self.sessions)
        if volume <= 0.0 or shares <= 0:
            return 0.0
        sigma = self.tape.usual_volatility(ticker, number, self.sessions)
        return 10_000.0 * self.coefficient * sigma * sqrt(shares / volume)
