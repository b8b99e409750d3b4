"""Timeline: when rows were decided, when their outcomes were known, which stories they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from markets.errors import DataError
from signals.features.base import FeatureFrame
from signals.labels import LabelFrame

_DAY = "datetime64[D]"
Days = NDArray[np.datetime64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """When each row was decided, when its outcome was known, and which stories it stands on.

    Attributes
    ----------
    sessions : ndarray of datetime64[D], shape (n_rows,)
        Effective sessions, ascending.
    known : ndarray of datetime64[D], shape (n_rows,)
        `t1`: the outcome is known from its open on. NaT where it is not known yet.
    stories : sequence of tuple of str
        Story keys of each row.
    memory : int
        Sessions that the slowest feature of the rows looks back.
    """

    sessions: Days
    known: Days
    stories: Sequence[tuple[str, ...]]
    memory: int = 0
    _told: dict[int, list[frozenset[tuple[str, int]]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        if len(self.sessions) and (np.diff(self.sessions) < np.timedelta64(0, "D")).any():
            raise DataError("rows must be in order of their sessions", where="Timeline")
        if not len(self.sessions) == len(self.known) == len(self.stories):
            raise DataError("a timeline needs one session, outcome and story key a row")

    @classmethod
    def of(cls, features: FeatureFrame, labels: LabelFrame) -> Timeline:
        """Return the timeline of a frame and its labels; rows without a label never train."""
        known = labels.values["t1"].reindex(features.values.index)
        return cls(
            features.sessions.to_numpy().astype(_DAY),
            known.to_numpy().astype(_DAY),
            features.story_keys.tolist(),
            max((sessions or 0 for sessions in features.memory.values()), default=0),
        )

    def __len__(self) -> int:
        return len(self.sessions)

    def take(self, rows: Ints) -> Timeline:
        """Return the timeline of some rows, in their order."""
        stories = [self.stories[row] for row in rows.tolist()]
        return Timeline(self.sessions[rows], self.known[rows], stories, self.memory)

    def session_numbers(self) -> Ints:
        """Return each row's session as its place among all that rows are decided or known in.

        Never more apart than in the exchange calendar: an embargo counted in these is as long as
        asked, or longer. Later rows renumber none before them.
        """
        return np.searchsorted(self.grid(), self.sessions)

    def grid(self) -> Days:
        """Return every session in which a row was decided or its outcome became known."""
        known = self.known[~np.isnat(self.known)]
        return np.unique(np.concatenate([self.sessions, known]))

    def clusters(self, sessions: int) -> list[frozenset[tuple[str, int]]]:
        """Return the story clusters of each row: a headline and the session it first came in.

        The same headline within `sessions` of its first report is the same story. Where a cluster
        begins is known when its row is: later rows change nothing. Computed once for each length.
        """
        if sessions in self._told:
            return self._told[sessions]
        first: dict[str, int] = {}
        found = []
        for number, keys in zip(self.session_numbers().tolist(), self.stories, strict=True):
            for key in keys:
                if number - first.get(key, -sessions - 1) > sessions:
                    first[key] = number
            found.append(frozenset((key, first[key]) for key in keys))
        self._told[sessions] = found
        return found
