"""What labels, splits and answers promise, computed again from prices, rows and answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from backtests.metrics.undefined import Floats
from backtests.robustness.breaches import breach, row_name
from backtests.robustness.lookahead_report import Leak, Unseen
from backtests.robustness.traces import Trace
from markets.calendar import Calendar
from signals import training
from signals.answers import FoldReport
from signals.labels import FORWARD_RETURN
from signals.splits import PurgedWalkForward
from signals.timeline import Timeline

_DAY = "datetime64[D]"


def label_spans(traced: Trace) -> Iterator[Leak]:
    """Yield labels that do not span from their decision's session to a horizon later.

    One's own may enter later, and end when it likes after that.
    """
    labels, features = traced.learned.labels.values, traced.learned.features
    settings, calendar = traced.config.label, traced.inputs.calendar
    t0, t1 = (labels[name].to_numpy().astype(_DAY) for name in ("t0", "t1"))
    session = features.sessions.reindex(labels.index).to_numpy().astype(_DAY)
    own = settings.name != FORWARD_RETURN
    least = settings.horizon if settings.exit == "horizon" and not own else 1
    after = {day: calendar.next_session(day.item(), least) for day in np.unique(session)}
    wanted = np.array([after[day] for day in session], dtype=_DAY)
    for broken, what, given, expected in (
        (t0 < session if own else t0 != session, "t0", t0, session),
        (t1 < wanted, "t1", t1, wanted),
    ):
        yield from breach(
            "labels",
            "label spans",
            labels.index,
            broken,
            what,
            given,
            expected,
            "a label does not span from its decision's session to a horizon later",
        )


def label_values(traced: Trace) -> Iterator[Leak]:
    """Yield labels that are not what their span earned, or whose target is not their sign.

    What one's own measures nobody else can say.
    """
    _require_built_in(traced)
    labels = traced.learned.labels.values
    given, wanted = labels["raw_return"].to_numpy(), _of_its_own(traced, _earned(traced))
    yield from breach(
        "labels",
        "label values",
        labels.index,
        ~(np.abs(given - wanted) <= 1e-9),
        "raw_return",
        given,
        wanted,
        "a label is not the return from the open of t0 to the open of t1",
    )
    target = labels["target"].to_numpy()
    sign = (labels["forward_return"].to_numpy() > 0.0).astype("int64")
    yield from breach(
        "labels",
        "label values",
        labels.index,
        target != sign,
        "target",
        target,
        sign,
        "a target is not the sign of its return",
    )


def label_benchmarks(traced: Trace) -> Iterator[Leak]:
    """Yield labels that are not less what the benchmark earned over their span."""
    _require_built_in(traced)
    settings = traced.config.label
    if settings.beta != "one" and settings.benchmark != "none":
        raise Unseen("a trailing beta is not estimated again")
    labels = traced.learned.labels.values
    earned = _earned(traced)
    given = labels["forward_return"].to_numpy()
    wanted = _of_its_own(traced, earned) - _benchmark(traced, earned)
    yield from breach(
        "labels",
        "label benchmarks",
        labels.index,
        ~(np.abs(given - wanted) <= 1e-9),
        "forward_return",
        given,
        wanted,
        "a label is not less the benchmark over the same span",
    )


def _require_built_in(traced: Trace) -> None:
    if traced.config.label.name != FORWARD_RETURN:
        raise Unseen("a label of one's own")


def _earned(traced: Trace) -> pd.DataFrame:
    """Return what each stock earned over the span of each label."""
    market = traced.inputs.market
    opens = {ticker: market.forward_adjusted(ticker)["open"] for ticker in market.tickers}
    return _over_spans(traced, pd.DataFrame(opens))


def _of_its_own(traced: Trace, earned: pd.DataFrame) -> Floats:
    """Return what each label's own stock earned."""
    tickers = traced.learned.labels.values.index.get_level_values("ticker")
    return earned.to_numpy()[np.arange(len(earned)), earned.columns.get_indexer(tickers)]


def _over_spans(traced: Trace, opens: pd.DataFrame) -> pd.DataFrame:
    """Return the return of each column from the open of t0 to that of t1, by label."""
    labels = traced.learned.labels.values
    panel = opens.reindex(traced.inputs.market.sessions())
    first, last = (panel.reindex(pd.DatetimeIndex(labels[name])) for name in ("t0", "t1"))
    return last.set_axis(labels.index) / first.set_axis(labels.index) - 1.0


def _benchmark(traced: Trace, earned: pd.DataFrame) -> Floats:
    """Return what the benchmark earned over the span of each label."""
    name = traced.config.label.benchmark
    if name == "none":
        return np.zeros(len(earned))
    if name != "universe":
        levels = traced.inputs.market.indices[name]["open"].to_frame()
        return _over_spans(traced, levels).iloc[:, 0].to_numpy()
    begin = pd.DatetimeIndex(traced.learned.labels.values["t0"])
    known = earned.notna().to_numpy() & _members_at(traced, begin, earned.columns)
    sums = np.where(known, earned.to_numpy(), 0.0).sum(axis=1)
    return np.asarray(sums / np.maximum(known.sum(axis=1), 1))


def _members_at(traced: Trace, days: pd.DatetimeIndex, tickers: pd.Index) -> np.ndarray:
    """Return which tickers were in the universe on each day, shape (n_days, n_tickers)."""
    universe = traced.inputs.universe
    named = {day: tickers.isin(list(universe[day.date()])) for day in days.unique()}
    return np.array([named[day] for day in days], dtype=bool).reshape(len(days), len(tickers))


def splits(traced: Trace) -> Iterator[Leak]:
    """Yield training rows whose outcome, session or story reaches into the test."""
    learned, settings = traced.learned, traced.config.split
    timeline = Timeline.of(learned.features, learned.labels)
    keys = _story_keys(traced)
    calendar = traced.inputs.calendar
    stated = settings.embargo_sessions
    memory = max((n or 0 for n in learned.features.memory.values()), default=0)
    embargo = memory if stated is None else stated
    numbers = timeline.session_numbers()
    # The one that the walk-forward uses, should somebody have put another in its place.
    splitter: PurgedWalkForward = vars(training)["PurgedWalkForward"](timeline, settings)
    for number, one in enumerate(splitter.splits()):
        name = f"fold {number}"
        yield from _learned_more(learned.predictions.folds, number, len(one.train))
        begin = timeline.sessions[one.test].min()
        first = min(begin, one.first)
        straddling = _straddling(keys, numbers, one.train, one.test, settings.story_sessions)
        # The narrowest first: a row of the test itself also knows its outcome too late.
        checks: tuple[tuple[str, np.ndarray, str], ...] = (
            ("row", np.isin(one.train, one.test), "a row both trains and is tested"),
            (
                "session",
                timeline.sessions[one.train] >= first,
                "a training row lies in or after the test window",
            ),
            (
                "t1",
                ~(timeline.known[one.train] < first),
                "a training row's outcome was not known when the test began",
            ),
            ("story", straddling, "a story stands in training and in test"),
            (
                "embargo",
                _sessions_to(calendar, timeline.sessions[one.train], begin) <= embargo,
                "a training row stands inside the embargo",
            ),
        )
        for column, broken, message in checks:
            if broken.any():
                row = int(one.train[int(np.argmax(broken))])
                yield Leak(
                    "leak",
                    "splits",
                    "splits",
                    message,
                    column=column,
                    row=f"{name}, {row_name(learned.features.values.index, row)}",
                    given=str((timeline.known if column == "t1" else timeline.sessions)[row]),
                    expected=_wanted(column, embargo, begin, first, settings.story_sessions),
                    count=int(broken.sum()),
                )


def _learned_more(folds: Sequence[FoldReport], number: int, most: int) -> Iterator[Leak]:
    """Yield a fold that says it learned from more rows than its split has."""
    mine = [fold for fold in folds if fold.fold == number]
    for fold in mine:
        if fold.train_rows + fold.calibration_rows > most:
            yield Leak(
                "leak",
                "splits",
                "splits",
                "a fold learned from more rows than lie before its test",
                column="train_rows",
                row=f"fold {number}",
                given=f"{fold.train_rows} and {fold.calibration_rows} to calibrate on",
                expected=f"{most} in all",
            )


def _wanted(
    column: str, embargo: int, begin: np.datetime64, first: np.datetime64, stories: int
) -> str:
    if column == "embargo":
        return f"more than {embargo} sessions before {begin}"
    if column == "story":
        return f"no equal headline within {stories} sessions"
    return f"before {first}"


def _sessions_to(calendar: Calendar, days: np.ndarray, end: np.datetime64) -> np.ndarray:
    """Return how many sessions each day lies before another, by the exchange's calendar."""
    if not len(days):
        return np.empty(0, dtype="int64")
    first, last = (pd.Timestamp(day).date() for day in (days.min(), end))
    grid = np.array(calendar.sessions(first, last), dtype=_DAY)
    return np.asarray(np.searchsorted(grid, end) - np.searchsorted(grid, days))


def _straddling(
    keys: Sequence[frozenset[str]],
    numbers: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    sessions: int,
) -> np.ndarray:
    """Return which training rows tell a headline that, within so many sessions, is tested."""
    tested: dict[str, int] = {}
    for row in test.tolist():
        for key in keys[row]:
            tested[key] = min(tested.get(key, numbers[row]), numbers[row])
    return np.array(
        [
            any(
                key in tested and abs(int(tested[key]) - int(numbers[row])) <= sessions
                for key in keys[row]
            )
            for row in train.tolist()
        ],
        dtype=bool,
    )


def _story_keys(traced: Trace) -> list[frozenset[str]]:
    """Return the headlines of each row, letters and digits only."""
    return [
        frozenset(
            "".join(filter(str.isalnum, (item.title or item.body[:200]).casefold()))
            for item in row.items
        )
        for row in traced.learned.rows
    ]
