"""Inside a training window: the latest block calibrates, earlier ones tune, all purged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.classifiers import ClassifierSettings
from signals.splits import PurgedWalkForward, Split, SplitSettings, check_split
from signals.timeline import Timeline

Ints = NDArray[np.int64]


def calibration_block(
    timeline: Timeline, one: Split, settings: ClassifierSettings, split: SplitSettings
) -> tuple[Ints, Ints]:
    """Return the rows to fit on, and the latest ones to calibrate on, purged as a test is.

    Raises
    ------
    LeakError
        If the two break the invariant of a split.
    """
    if settings.calibration == "none":
        return one.train, one.train[:0]
    numbers = timeline.session_numbers()
    trained = np.unique(numbers[one.train])
    boundary = int(trained[int(len(trained) * (1.0 - settings.calibration_share))])
    begin = timeline.sessions[numbers == boundary][0]
    block = one.train[numbers[one.train] >= boundary]
    embargo = split.embargo(timeline.memory)
    early = one.train[
        (timeline.known[one.train] < begin) & (numbers[one.train] < boundary - embargo)
    ]
    if len(block) < settings.min_calibration_rows or len(early) < split.min_train_rows // 2:
        return one.train, one.train[:0]
    inner = Split(early, block, begin, one.first - np.timedelta64(1, "D"), 0, 0, embargo)
    check_split(timeline, inner, split.story_sessions)
    return early, block


def inner_folds(
    timeline: Timeline, train: Ints, settings: ClassifierSettings, split: SplitSettings
) -> list[tuple[Ints, Ints]]:
    """Return purged walk-forward folds inside the rows that a model is fitted on.

    The same windows, gaps and checks as outside, with half the time and a third of the rows to
    start from; the latest `inner_folds` of them, in order of time. None if the window is too short.

    Returns
    -------
    list of (ndarray of int64, ndarray of int64)
        Rows to learn from and rows to be asked about, as positions in the timeline.

    Raises
    ------
    LeakError
        If a fold breaks the invariant of a split.
    """
    changed = {
        "min_train_months": max(1, split.min_train_months // 2),
        "min_train_rows": max(10, split.min_train_rows // 3),
    }
    inside = PurgedWalkForward(timeline.take(train), split.model_copy(update=changed))
    found = [(train[one.train], train[one.test]) for one in inside.splits()]
    return found[-settings.inner_folds :]
