"""Refusals: what the compiled engine does not serve, and what the other would refuse too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backtests.broker import BrokerSettings, Costs, Lots
from backtests.compiled import codes as c
from backtests.compiled.columns import Columns
from backtests.compiled.layout import Ints
from backtests.impact import SquareRootImpact
from backtests.orders import Order, Side
from backtests.pricing import FillPrices
from backtests.tape import Tape
from markets.errors import ConfigError, NewswakeError, nearest_name
from markets.rules import UNITS_PER_HKD


def unserved(feature: str, wanted: str) -> ConfigError:
    """Return the error for what the compiled engine does not serve."""
    return ConfigError(
        "the compiled engine does not serve this",
        given=feature,
        wanted=f'{wanted}, or broker.engine = "backtrader", which serves it',
        where="broker.engine",
    )


@dataclass(frozen=True, slots=True)
class Stops:
    """Says why the kernel stopped, in the words of the engine that it is a twin of.

    Parameters
    ----------
    tape, columns : Tape, Columns
        The market.
    around : tuple of date
        The session before the run, those of the run, the one after.
    lots, costs : Lots, Costs
        Board lots and kinds; contract notes.
    """

    tape: Tape
    columns: Columns
    around: tuple[date, ...]
    lots: Lots
    costs: Costs

    def refuse(self, state: Ints, broker: BrokerSettings, strategy: str) -> None:
        """Raise what the other engine raises where the kernel stopped."""
        code, number = int(state[c.FAIL]), int(state[c.FAIL_SESSION])
        session = self.around[number + 1]
        ticker = self.columns.tickers[int(state[c.FAIL_TICKER])]
        if code == c.BAD_LOT:
            self.lots.lot(ticker, session)
        elif code == c.BAD_PRICE:
            self._price(state, broker, ticker, number)
        elif code == c.BAD_COST:
            self._cost(state, ticker, session)
        elif code == c.BAD_TICKER:
            raise ConfigError(
                "the strategy wants a ticker that has no prices",
                given=ticker,
                where=strategy,
                nearest=nearest_name(ticker, self.tape.tickers),
            )
        elif code == c.BAD_WIDTH:
            raise unserved(f"amounts beyond 64 bits ({ticker}, {session})", "smaller amounts")
        raise NewswakeError(
            "the compiled engine stopped where the other would not", given=code, where=ticker
        )

    def _price(self, state: Ints, broker: BrokerSettings, ticker: str, number: int) -> None:
        session, kinds = self.around[number + 1], self._kinds()
        prices = FillPrices(broker.slippage_ticks, broker.slippage_bp, self.tape.adjusted, kinds)
        bar, impact = self.tape.bar(ticker, number), 0.0
        if broker.impact:
            law = SquareRootImpact(broker.impact, broker.impact_sessions, self.tape)
            impact = law.bp(ticker, number, int(state[c.FAIL_SHARES]))
        if bar is not None:
            order = Order(1, ticker, _side(state), 1, session)
            prices.fill(order, bar, "open", session, impact, int(state[c.FAIL_UNITS]))

    def _cost(self, state: Ints, ticker: str, session: date) -> None:
        self.costs.note(
            session=session,
            side=_side(state),
            price=int(state[c.FAIL_UNITS]) / UNITS_PER_HKD,
            shares=int(state[c.FAIL_SHARES]),
            kind=self._kinds()[ticker],
        )

    def _kinds(self) -> dict[str, str]:
        return dict(zip(self.columns.tickers, self.columns.kinds, strict=True))


def _side(state: Ints) -> Side:
    return "buy" if state[c.FAIL_SIDE] > 0 else "sell"
