"""SignalBook: which signals take effect at a session and which still stand, session by session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from markets.errors import LeakError
from signals.decisions import Signal


class SignalBook:
    """A run's signals, opened page by page.

    A signal stands from its effective session until the open at which it expires or at which an
    opposite signal of the same ticker takes effect. A fresh signal of the same direction does not
    end it: the position is then held until the later of the two expires. Abstentions (direction 0)
    take effect but never stand. If both directions of a ticker take effect at one session, the
    exit wins.

    Parameters
    ----------
    signals : iterable of Signal
        In any order.
    """

    def __init__(self, signals: Iterable[Signal]) -> None:
        ordered = sorted(
            signals, key=lambda each: (each.effective_session, each.ticker, each.signal_id)
        )
        self._pages: dict[date, list[Signal]] = defaultdict(list)
        for signal in ordered:
            self._pages[signal.effective_session].append(signal)
        self._unread = sorted(self._pages)
        self._standing: dict[str, list[Signal]] = {}
        self._session = date.min

    def turn_to(self, session: date) -> None:
        """Open the book at a session, after all earlier ones."""
        if session < self._session:
            raise LeakError(
                "a signal book is never turned back", given=session, wanted=self._session
            )
        self._session = session
        while self._unread and self._unread[0] <= session:
            for signal in self._pages[self._unread.pop(0)]:
                self._stand(signal)
        for ticker, signals in list(self._standing.items()):
            alive = [signal for signal in signals if signal.expires_session > session]
            if alive:
                self._standing[ticker] = alive
            else:
                del self._standing[ticker]

    def _stand(self, signal: Signal) -> None:
        if signal.direction == 0:
            return
        signals = self._standing.setdefault(signal.ticker, [])
        earlier_exit = any(
            each.direction == -1 and each.effective_session == signal.effective_session
            for each in signals
        )
        if signal.direction == 1 and earlier_exit:
            return
        signals[:] = [each for each in signals if each.direction == signal.direction]
        signals.append(signal)

    @property
    def effective(self) -> tuple[Signal, ...]:
        """Signals that take effect at the open session, by ticker."""
        return tuple(self._pages.get(self._session, ()))

    @property
    def standing(self) -> tuple[Signal, ...]:
        """Signals in force at the open session, by ticker and date."""
        return tuple(
            signal for ticker in sorted(self._standing) for signal in self._standing[ticker]
        )

    def on(self, session: date) -> tuple[Signal, ...]:
        """Return the signals that took or take effect at a session.

        Raises
        ------
        LeakError
            If the session lies after the one the book is open at.
        """
        if session > self._session:
            raise LeakError(
                "signals of later sessions are not known yet", given=session, wanted=self._session
            )
        return tuple(self._pages.get(session, ()))
