"""SignalStrategy: what to hold at the next open, as a pure function of what is known before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from markets.settings import Settings
from markets.validation import explained, require_known
from signals.decisions import Signal

Floats = npt.NDArray[np.float64]
_EMPTY: Mapping[Any, Any] = MappingProxyType({})


class StrategySettings(Settings):
    """Which strategy runs, and with what."""

    name: str = "event_hold"
    """A published strategy, or a class of one's own as `module:Class`."""

    params: dict[str, Any] = Field(default_factory=dict)
    """The strategy's own parameters; unknown ones are errors."""

    reserve_bp: float = Field(default=50.0, ge=0.0)
    """Basis points of each purchase kept back for costs, slippage and a higher open."""


class NoParams(Settings):
    """Parameters of a strategy that has none."""


class History:
    """Raw bars up to the last close before a decision; there is no way to ask for later ones.

    Parameters
    ----------
    bars : mapping of str to mapping of str to ndarray
        By ticker and column, ascending by session.
    known : callable
        How many of a ticker's bars are known.
    """

    __slots__ = ("_bars", "_known")

    def __init__(
        self, bars: Mapping[str, Mapping[str, Floats]], known: Callable[[str], int]
    ) -> None:
        self._bars = bars
        self._known = known

    def last(self, ticker: str, column: str, count: int) -> Floats:
        """Return up to `count` latest known values of a column, oldest first.

        Parameters
        ----------
        ticker : str
            A ticker without bars so far gives an empty array.
        column : {'open', 'high', 'low', 'close', 'volume'}
            Raw, in HKD and shares: a split in between shows as a jump.
        count : int
            At most this many bars; sessions without a bar are left out, never filled.
        """
        end = self._known(ticker) if ticker in self._bars else 0
        if end == 0:
            return np.empty(0)
        # A copy: a slice would lead back to the whole array, future included.
        return self._bars[ticker][column][max(0, end - count) : end].copy()


@dataclass(frozen=True, slots=True)
class View:
    """All that a strategy may know when it decides for the open of a session.

    Prices, holdings and cash are those after the close of the session before; signals are those
    whose decision instant lies before the open of `session`. Mappings are ordered by ticker.

    Attributes
    ----------
    session : date
        The coming session, at whose open orders are meant to fill.
    known_session : date
        The session before it: the last one whose close is known.
    number : int
        0 for the first session of the run, then counting up.
    signals : tuple of Signal
        Those that take effect at `session`, abstentions included, ordered by ticker.
    standing : tuple of Signal
        Signals of direction +1 or -1 in force at `session`, new ones included, by ticker and
        date: a signal stands until the open at which it expires or an opposite one takes effect.
    holdings : mapping of str to int
        Shares held; only tickers held. Negative where sold short.
    waiting : mapping of str to int
        Shares of orders still waiting for a session with a bar; sales negative.
    ages : mapping of str to int
        By ticker held: sessions from its first purchase to `session`; 1 if bought at the last open.
    origins : mapping of str to str
        By ticker held: id of the signal its first purchase answered to, if any.
    closes : mapping of str to float
        Last known close in HKD, also of a stock that is halted now; only tickers that ever traded.
    traded : frozenset of str
        Tickers that had a bar in `known_session`.
    cash_hkd, equity_hkd : float
        Cash, what stands in for shorts included, and cash with holdings at their last known closes.
    shortable : frozenset of str
        Tickers that may be sold short at `session`; none where short selling is off.
    universe : frozenset of str or None
        The tickers the run may decide on at `session`, such as the members of an index then; None
        for all.
    history : History
        Raw bars to `known_session`.
    """

    session: date
    known_session: date
    number: int
    signals: tuple[Signal, ...] = ()
    standing: tuple[Signal, ...] = ()
    holdings: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    waiting: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    ages: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    origins: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    closes: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    traded: frozenset[str] = frozenset()
    cash_hkd: float = 0.0
    equity_hkd: float = 0.0
    shortable: frozenset[str] = frozenset()
    universe: frozenset[str] | None = None
    history: History = field(default_factory=lambda: History({}, lambda _: 0))

    @property
    def eligible(self) -> frozenset[str]:
        """Tickers of the universe that ever traded."""
        known = frozenset(self.closes)
        return known if self.universe is None else known & self.universe

    @property
    def stances(self) -> dict[str, int]:
        """Side, 1 or -1, of each ticker held, or that an order still waiting is to open."""
        opened = {t: n for t, n in self.waiting.items() if n > 0 or t not in self.holdings}
        return {t: 1 if n > 0 else -1 for t, n in (opened | dict(self.holdings)).items() if n}

    @property
    def engaged(self) -> frozenset[str]:
        """Tickers held, or that an order still waiting is to open."""
        return frozenset(self.stances)

    @property
    def directions(self) -> dict[str, int]:
        """Side that standing signals want, by ticker: 1, or -1 where it can be had.

        A short can be had in stock that may be sold short, or that is sold short already.
        """
        stances = self.stances
        return {
            signal.ticker: signal.direction
            for signal in self.standing
            if signal.direction == 1
            or signal.ticker in self.shortable
            or stances.get(signal.ticker) == -1
        }


ParamsT = TypeVar("ParamsT", bound=Settings)


class SignalStrategy(ABC, Generic[ParamsT]):
    """A strategy that says what to hold and leaves orders, lots and cash to newswake.

    It is a pure function of a `View`: no clock, no memory of its own, no broker. So it can be held
    to its laws without a market (`strategies.testing.check_strategy`), it cannot look ahead, and
    every engine that builds the same views trades it the same way.

    Parameters
    ----------
    params : Settings
        Of the class's own `Params`.

    Attributes
    ----------
    Params : type of Settings
        What the config may set; every field has a default. A field named `seed` gets the run's.
    follows_signals : bool
        Whether its orders answer to signals; then they carry the signal's id.

    Examples
    --------
    >>> class AllIn(SignalStrategy[NoParams]):
    ...     '''Everything into the best signal of the day.'''
    ...     def targets(self, view: View) -> Mapping[str, float]:
    ...         best = max(view.signals, key=lambda signal: signal.probability, default=None)
    ...         return {best.ticker: 1.0} if best else {}
    >>> AllIn(NoParams()).targets(View(date(2025, 9, 12), date(2025, 9, 11), 0))
    {}
    """

    Params: ClassVar[type[Settings]] = NoParams
    follows_signals: ClassVar[bool] = True

    def __init__(self, params: ParamsT) -> None:
        self.params = params

    @abstractmethod
    def targets(self, view: View) -> Mapping[str, float]:
        """Return target weights for the coming open.

        Parameters
        ----------
        view : View
            Known after the close of the session before, and the signals that reach the open.

        Returns
        -------
        mapping of str to float
            Weight of equity by ticker, the most wanted first: orders are created in this order, and
            cash goes to the first. 0 sells or covers all; a ticker left out is left alone. Below 0
            is sold short, where the run allows it.
        """


def build_params(model: type[Settings], values: Mapping[str, Any], *, where: str) -> Settings:
    """Return a strategy's parameters, checked.

    Raises
    ------
    ConfigError
        For an unknown key (with the nearest right one) or a value that does not fit.
    """
    require_known(values, model.model_fields, part="strategy", where=where)
    try:
        return model(**values)
    except ValidationError as error:
        told = explained(error, model, lambda key: f"{where}: {key}" if key else where)
        told.problem = "a parameter of the strategy does not fit"
        raise told from None
