"""What the planner may know of a world (no edge, ever), and the drafts it makes of stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from markets.sources.synthetic.draws import Bools, Ints, Stream
from markets.sources.synthetic.kinds import Certainty
from markets.sources.synthetic.paths import Moves
from markets.sources.synthetic.stories import Role, Subject
from markets.sources.synthetic.timing import Clocks, Timetable

_CURRENCIES = ("HKD", "USD", "CNY")
_AMOUNTS_100_MILLION = (1, 2, 3, 5, 8, 12, 15, 18, 20, 25, 30, 32, 45, 60, 80, 120, 150, 240, 320)


@dataclass(frozen=True, slots=True)
class Facts:
    """Figures that a story may quote: money in millions of a currency, and a percentage."""

    amount_million: int | None = None
    currency: str | None = None
    magnitude_pct: float | None = None


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Draft:
    """A story before it has an id and a language.

    Attributes
    ----------
    position : int
        Effective session, as a position in the sessions.
    gap : float
        Jump in the gap into the effective open, as a fraction; 0 unless fresh.
    takes_up, replaces : int or None
        Places in the list of all drafts: of the story that is repeated or denied, and corrected.
    """

    position: int
    clocks: Clocks
    ticker: str | None
    kind: str
    polarity: float
    role: Role
    certainty: Certainty = "confirmed"
    subject: Subject = "company"
    facts: Facts = NO_FACTS
    gap: float = 0.0
    reported_session: date | None = None
    takes_up: int | None = None
    replaces: int | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """What the planner may know.

    Attributes
    ----------
    seed : int
        The world's seed.
    horizon : int
        Sessions over which a planted drift would run.
    gap_bp : float
        Mean size of the jump of a fresh story of polarity 1, basis points.
    sessions : sequence of date
        All sessions of the world.
    moves : mapping of str to Moves
        Each company's moves before any news.
    """

    seed: int
    horizon: int
    gap_bp: float
    sessions: Sequence[date]
    moves: Mapping[str, Moves]

    @cached_property
    def tickers(self) -> tuple[str, ...]:
        """All tickers, sorted."""
        return tuple(sorted(self.moves))

    @cached_property
    def usable(self) -> Mapping[str, Bools]:
        """Where a story can be measured: a bar before its session, and from it to the exit."""
        return {ticker: self._usable(moves.traded) for ticker, moves in self.moves.items()}

    @cached_property
    def places(self) -> Sequence[tuple[str, int]]:
        """All (ticker, position) where a story can be measured."""
        return self.places_in(self.usable)

    def places_in(self, where: Mapping[str, Bools]) -> Sequence[tuple[str, int]]:
        """Return the (ticker, position) that are true, in this order."""
        return [
            (ticker, int(position))
            for ticker in self.tickers
            for position in np.flatnonzero(where[ticker])
        ]

    def after_drift(self, draft: Draft, delay: int) -> int | None:
        """Return a session by which a draft's drift is over, or None where none can be measured."""
        position = draft.position + self.horizon + delay
        usable = self.usable[draft.ticker or ""]
        return position if position < len(usable) and usable[position] else None

    def stream(self, name: str) -> Stream:
        """Return a stream of draws for the planner."""
        return Stream(self.seed, f"plan/{name}")

    def timetable(self, name: str) -> Timetable:
        """Return the timetable of one role."""
        return Timetable(self.seed, name, self.sessions)

    def facts(self, name: str, count: int) -> Sequence[Facts]:
        """Return figures for `count` stories of one role."""
        stream = self.stream(f"{name}/facts")
        amounts = stream.integers(count, below=len(_AMOUNTS_100_MILLION)).tolist()
        currencies = stream.integers(count, below=len(_CURRENCIES)).tolist()
        tenths = stream.integers(count, below=340)
        # Every other percentage is a whole number, as headlines like them.
        tenths = 60 + tenths - np.where(tenths % 2 == 0, tenths % 10, 0)
        return [
            Facts(100 * _AMOUNTS_100_MILLION[amount], _CURRENCIES[currency], tenth / 10.0)
            for amount, currency, tenth in zip(amounts, currencies, tenths.tolist(), strict=True)
        ]

    def counts(self, drafts: Sequence[Draft]) -> Mapping[str, Ints]:
        """Return how many stories are effective, by ticker and session."""
        counts = {ticker: np.zeros(len(self.sessions), np.int64) for ticker in self.tickers}
        for draft in drafts:
            if draft.ticker:
                counts[draft.ticker][draft.position] += 1
        return counts

    def _usable(self, traded: Bools) -> Bools:
        usable = np.zeros(len(traded), dtype=np.bool_)
        for position in range(1, len(traded) - self.horizon):
            usable[position] = bool(traded[position - 1 : position + self.horizon + 1].all())
        return usable
