"""Splits: training rows whose outcome was known, and whose stories are not the test's own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from markets.errors import DataError, LeakError
from markets.settings import Settings
from signals.timeline import Ints, Timeline

_DAY = "datetime64[D]"
_MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}


class SplitSettings(Settings):
    """How the past is kept apart from the future."""

    test_window: Literal["month", "quarter", "half", "year"] = "quarter"
    """Calendar window each model decides in; anchored to the calendar, never to the data's end."""
    train: Literal["expanding", "rolling"] = "expanding"
    """Learn from all the past, or from the last `train_months`."""
    train_months: int = Field(default=24, ge=1)
    """Months a rolling training window reaches back."""
    min_train_months: int = Field(default=6, ge=1)
    """Months between the first row and the first test window."""
    min_train_rows: int = Field(default=150, ge=10)
    """A test window with fewer training rows is left out."""
    embargo_sessions: int | None = Field(default=None, ge=0)
    """Sessions before a test window whose rows do not train; unset, as many as the slowest feature
    group looks back. A smaller number is allowed, and stands in the report as a warning. At least
    `story_sessions` in either case."""
    story_sessions: int = Field(default=5, ge=0)
    """Sessions over which the same headline is one story; after that it is news again. With 0 and a
    short embargo a story can stand in training and in test: the report has a warning."""

    def embargo(self, memory: int) -> int:
        """Return the sessions that are kept free between what trains and what is tested after it.

        As stated, else as long as the slowest feature remembers; never shorter than a story.
        """
        stated = self.embargo_sessions
        return max(memory if stated is None else stated, self.story_sessions)


@dataclass(frozen=True, eq=False)
class Split:
    """One training set and one test set, as row positions.

    Attributes
    ----------
    train, test : ndarray of int64
        Ascending positions.
    first, last : numpy.datetime64
        Calendar window of the test, both included.
    purged : int
        Earlier rows kept out of training because their outcome was not known in time, or never.
    embargoed : int
        Earlier rows kept out because they stand too close to the test.
    embargo : int
        Sessions kept free between the two.
    """

    train: Ints
    test: Ints
    first: np.datetime64
    last: np.datetime64
    purged: int
    embargoed: int
    embargo: int


class PurgedWalkForward:
    """Calendar windows, each tested with a model of rows whose outcome was known before it began.

    A row trains only if its `t1` lies before the first day of the test window and its own session
    before the embargo. Nothing about the rows of the test window decides who trains: cutting the
    future off changes no earlier split. A story that came again within `story_sessions` cannot
    straddle, because the embargo is at least that long; and with the embargo that is not stated
    otherwise, no feature of a test row rests on what a training row rested on.

    Parameters
    ----------
    timeline : Timeline
        The rows that are split.
    settings : SplitSettings, optional
        Windows and gaps.

    Notes
    -----
    `split` follows scikit-learn's splitter protocol, so a splitter can be a `cv` argument. Every
    split is checked by `check_split` before it is handed out.
    """

    def __init__(self, timeline: Timeline, settings: SplitSettings | None = None) -> None:
        self.timeline = timeline
        self.settings = settings or SplitSettings()

    def split(
        self, X: object = None, y: object = None, groups: object = None
    ) -> Iterator[tuple[Ints, Ints]]:
        """Yield (train, test) positions of each window that has rows, in order of time."""
        _check_length(X, len(self.timeline))
        for one in self.splits():
            yield one.train, one.test

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits."""
        return sum(1 for _ in self.splits())

    def splits(self) -> Iterator[Split]:
        """Yield each split with its window and what was kept out of it.

        Raises
        ------
        LeakError
            If a split breaks the invariant; it names the rows.
        """
        sessions, known = self.timeline.sessions, self.timeline.known
        if not len(sessions):
            return
        numbers = self.timeline.session_numbers()
        settings = self.settings
        embargo = settings.embargo(self.timeline.memory)
        for first, following in self._windows():
            test = np.flatnonzero((sessions >= first) & (sessions < following))
            past = sessions < first
            if settings.train == "rolling":
                past &= sessions >= _plus_months(first, -settings.train_months)
            in_time = past & (known < first)  # NaT is never before anything
            # The first session that has rows on or after the window's start, counted from the past.
            boundary = int(numbers[sessions < first].max()) + 1 if (sessions < first).any() else 0
            far = numbers < boundary - embargo if embargo else np.ones(len(sessions), dtype=bool)
            train = np.flatnonzero(in_time & far)
            if not len(test) or len(train) < settings.min_train_rows:
                continue
            one = Split(
                train,
                test,
                first,
                following - np.timedelta64(1, "D"),
                purged=int((past & ~in_time).sum()),
                embargoed=int((in_time & ~far).sum()),
                embargo=embargo,
            )
            check_split(self.timeline, one, settings.story_sessions)
            yield one

    def _windows(self) -> Iterator[tuple[np.datetime64, np.datetime64]]:
        sessions = self.timeline.sessions
        earliest = _plus_months(sessions[0], self.settings.min_train_months)
        step = _MONTHS[self.settings.test_window]
        month = earliest.astype("datetime64[M]").astype(int)
        start = np.datetime64(int(month - month % step), "M").astype(_DAY)
        if start < earliest:
            start = _plus_months(start, step)
        while start <= sessions[-1]:
            following = _plus_months(start, step)
            yield start, following
            start = following


class CombinatorialPurged:
    """Every choice of test blocks out of n, purged on both sides: how far results spread.

    Tests some of the past with a model of what came after it, so it is for the spread of a result,
    never for decisions.

    Parameters
    ----------
    timeline : Timeline
        The rows that are split; those without a known outcome are left out.
    n_blocks, n_test : int
        Blocks of consecutive sessions, and how many of them each split tests.
    embargo_sessions : int, optional
        Sessions on each side of a test block whose rows do not train; by default as many as the
        slowest feature of the rows looks back.
    story_sessions : int
        As in `SplitSettings`.
    """

    def __init__(
        self,
        timeline: Timeline,
        n_blocks: int = 6,
        n_test: int = 2,
        embargo_sessions: int | None = None,
        story_sessions: int = 5,
    ) -> None:
        self.timeline = timeline
        self.n_blocks = n_blocks
        self.n_test = n_test
        self.embargo_sessions = timeline.memory if embargo_sessions is None else embargo_sessions
        self.story_sessions = story_sessions

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits: n choose k."""
        return sum(1 for _ in itertools.combinations(range(self.n_blocks), self.n_test))

    def split(
        self, X: object = None, y: object = None, groups: object = None
    ) -> Iterator[tuple[Ints, Ints]]:
        """Yield (train, test) positions of each choice of blocks.

        Raises
        ------
        LeakError
            If a split breaks the invariant; it names the rows.
        """
        _check_length(X, len(self.timeline))
        numbers = self.timeline.session_numbers()
        ends = self._ends(numbers)
        edges = np.linspace(0, int(numbers.max()) + 1, self.n_blocks + 1).round().astype(int)
        block = np.searchsorted(edges, numbers, side="right") - 1
        labeled = ~np.isnat(self.timeline.known)
        clusters = self.timeline.clusters(self.story_sessions)
        for chosen in itertools.combinations(range(self.n_blocks), self.n_test):
            in_test = np.isin(block, chosen)
            test = np.flatnonzero(in_test & labeled)
            allowed = labeled & ~in_test
            for one in chosen:
                # The span of everything the block's outcomes touch, and the embargo around it.
                inside = np.flatnonzero(block == one)
                if not len(inside):
                    continue
                reach = int(ends[inside].max())
                before = (ends <= edges[one]) & (numbers < edges[one] - self.embargo_sessions)
                allowed &= before | (numbers > reach + self.embargo_sessions)
            told = frozenset[tuple[str, int]]().union(*(clusters[row] for row in test.tolist()))
            train = np.flatnonzero(allowed)
            train = train[[not (clusters[row] & told) for row in train.tolist()]]
            _check_disjoint(self.timeline, train, test, clusters)
            _check_spans(self.timeline, train, test, block)
            _check_embargo(self.timeline, train, test, self.embargo_sessions)
            yield train, test

    def _ends(self, numbers: Ints) -> Ints:
        """Return the number of the session of each row's `t1`; its own where that is not known."""
        known = self.timeline.known
        ends = np.searchsorted(self.timeline.grid(), known)
        return np.where(np.isnat(known), numbers, ends)


def check_split(timeline: Timeline, split: Split, story_sessions: int) -> None:
    """Hold a walk-forward split to its promise.

    Raises
    ------
    LeakError
        If a training row's outcome was not known before the test window, if one stands inside the
        split's embargo, if a row stands on both sides, or if a story does.
    """
    train, test = split.train, split.test
    late = train[~(timeline.known[train] < split.first)]
    if len(late):
        raise LeakError(
            "a training row's outcome was not yet known when the test began",
            given=f"t1 {timeline.known[late[0]]}",
            wanted=f"before {split.first}",
            where=f"rows {late[:5].tolist()} of {len(late)}",
        )
    early = test[timeline.sessions[test] < split.first]
    if len(early):
        raise LeakError(
            "a test row lies before its window",
            given=timeline.sessions[early[0]],
            wanted=f"from {split.first} on",
            where=f"rows {early[:5].tolist()} of {len(early)}",
        )
    _check_disjoint(timeline, train, test, timeline.clusters(story_sessions))
    numbers = timeline.session_numbers()
    begin = int(numbers[test].min()) if len(test) else len(timeline.grid())
    near = train[numbers[train] >= begin - split.embargo]
    if len(near):
        raise LeakError(
            "a training row stands inside the embargo",
            given=timeline.sessions[near[0]],
            wanted=f"more than {split.embargo} sessions before the first test row",
            where=f"rows {near[:5].tolist()} of {len(near)}",
        )


def _check_disjoint(
    timeline: Timeline,
    train: Ints,
    test: Ints,
    clusters: Sequence[frozenset[tuple[str, int]]],
) -> None:
    shared = np.intersect1d(train, test)
    if len(shared):
        raise LeakError("a row both trains and is tested", where=f"rows {shared[:5].tolist()}")
    told = frozenset[tuple[str, int]]().union(*(clusters[row] for row in test.tolist()))
    straddling = [row for row in train.tolist() if clusters[row] & told]
    if straddling:
        raise LeakError(
            "a story stands in training and in test",
            given=f"session {timeline.sessions[straddling[0]]}",
            wanted="one side for each story",
            where=f"rows {straddling[:5]} of {len(straddling)}",
        )


def _check_spans(timeline: Timeline, train: Ints, test: Ints, block: Ints) -> None:
    """Refuse training outcomes that overlap the sessions which a test block's outcomes span."""
    for one in np.unique(block[test]).tolist():
        inside = test[block[test] == one]
        begin, end = timeline.sessions[inside].min(), timeline.known[inside].max()
        overlapping = train[(timeline.sessions[train] < end) & (timeline.known[train] > begin)]
        if len(overlapping):
            raise LeakError(
                "a training outcome overlaps a tested one",
                given=f"session {timeline.sessions[overlapping[0]]}",
                wanted=f"outside {begin} to {end}",
                where=f"rows {overlapping[:5].tolist()} of {len(overlapping)}",
            )


def _check_embargo(timeline: Timeline, train: Ints, test: Ints, embargo: int) -> None:
    """Refuse training rows within the embargo of a tested session, on either side."""
    numbers = timeline.session_numbers()
    tested = np.unique(numbers[test])
    if not len(tested):
        return
    at = np.searchsorted(tested, numbers[train])
    below = numbers[train] - tested[np.maximum(at - 1, 0)]
    above = tested[np.minimum(at, len(tested) - 1)] - numbers[train]
    near = (np.abs(below) <= embargo) | (np.abs(above) <= embargo)
    if near.any():
        raise LeakError(
            "a training row stands inside the embargo of a tested one",
            given=f"session {timeline.sessions[train[near][0]]}",
            wanted=f"more than {embargo} sessions away",
            where=f"rows {train[near][:5].tolist()} of {int(near.sum())}",
        )


def _check_length(X: object, n_rows: int) -> None:
    shape = getattr(X, "shape", None)
    given = shape[0] if shape else (len(X) if isinstance(X, Sequence) else n_rows)
    if given != n_rows:
        raise DataError("the splitter was made for other rows", given=given, wanted=n_rows)


def _plus_months(day: np.datetime64, months: int) -> np.datetime64:
    moved = pd.Timestamp(day) + pd.DateOffset(months=months)
    return np.datetime64(moved.date(), "D")
