"""What labels, splits and answers promise, computed again from prices, rows and answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from backtests.robustness.breaches import breach, row_name
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.traces import Trace
from markets.calendar import Calendar
from signals import training
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
    """Yield labels that are not what their span earned, less the benchmark over the same.

    What one's own measures nobody else can say.
    """
    labels, market = traced.learned.labels.values, traced.inputs.market
    settings = traced.config.label
    if settings.name != FORWARD_RETURN:
        return
    opens = {ticker: market.forward_adjusted(ticker)["open"] for ticker in market.tickers}
    days = market.sessions()
    panel = pd.DataFrame({ticker: series.reindex(days) for ticker, series in opens.items()})
    tickers = labels.index.get_level_values("ticker")
    begin, end = pd.DatetimeIndex(labels["t0"]), pd.DatetimeIndex(labels["t1"])
    first, last = panel.reindex(begin).to_numpy(), panel.reindex(end).to_numpy()
    earned = last / first - 1.0
    column = panel.columns.get_indexer(tickers)
    raw = earned[np.arange(len(labels)), column]
    given = labels["raw_return"].to_numpy()
    broken = ~(np.abs(given - raw) <= 1e-9)
    yield from breach(
        "labels",
        "label values",
        labels.index,
        broken,
        "raw_return",
        given,
        raw,
        "a label is not the return from the open of t0 to the open of t1",
    )
    if settings.benchmark == "universe" and settings.beta == "one":
        with np.errstate(all="ignore"):
            known = ~np.isnan(earned) & _members_at(traced, begin, panel.columns)
            mean = np.where(known, earned, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        given, wanted = labels["forward_return"].to_numpy(), raw - mean
        broken = ~(np.abs(given - wanted) <= 1e-9)
        yield from breach(
            "labels",
            "label values",
            labels.index,
            broken,
            "forward_return",
            given,
            wanted,
            "a label is not less the benchmark over the same span",
        )
    target = labels["target"].to_numpy()
    wanted = (labels["forward_return"].to_numpy() > 0.0).astype("int64")
    yield from breach(
        "labels",
        "label values",
        labels.index,
        target != wanted,
        "target",
        target,
        wanted,
        "a target is not the sign of its return",
    )


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
        begin = timeline.sessions[one.test].min()
        first = min(begin, one.first)
        checks: tuple[tuple[str, np.ndarray, str], ...] = (
            (
                "t1",
                ~(timeline.known[one.train] < first),
                "a training row's outcome was not known when the test began",
            ),
            (
                "session",
                timeline.sessions[one.train] >= first,
                "a training row lies in or after the test window",
            ),
            ("row", np.isin(one.train, one.test), "a row both trains and is tested"),
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
                    expected=f"more than {embargo} sessions before {begin}"
                    if column == "embargo"
                    else f"before {first}",
                    count=int(broken.sum()),
                )
        yield from _straddling(name, keys, numbers, one.train, one.test, settings.story_sessions)


def _sessions_to(calendar: Calendar, days: np.ndarray, end: np.datetime64) -> np.ndarray:
    """Return how many sessions each day lies before another, by the exchange's calendar."""
    if not len(days):
        return np.empty(0, dtype="int64")
    first, last = (pd.Timestamp(day).date() for day in (days.min(), end))
    grid = np.array(calendar.sessions(first, last), dtype=_DAY)
    return np.asarray(np.searchsorted(grid, end) - np.searchsorted(grid, days))


def _straddling(
    name: str,
    keys: Sequence[frozenset[str]],
    numbers: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    sessions: int,
) -> Iterator[Leak]:
    """Yield headlines that stand in training and, within so many sessions, in test."""
    tested: dict[str, int] = {}
    for row in test.tolist():
        for key in keys[row]:
            tested[key] = min(tested.get(key, numbers[row]), numbers[row])
    hit = [
        row
        for row in train.tolist()
        for key in keys[row]
        if key in tested and abs(int(tested[key]) - int(numbers[row])) <= sessions
    ]
    if hit:
        yield Leak(
            "leak",
            "splits",
            "splits",
            "a story stands in training and in test",
            column="story",
            row=f"{name}, row {hit[0]}",
            count=len(hit),
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


def out_of_sample(traced: Trace) -> Iterator[Leak]:
    """Yield answers that are not of a model learned before their own test window."""
    predictions, features = traced.learned.predictions, traced.learned.features
    labels = traced.learned.labels.values
    sessions = features.sessions.iloc[predictions.positions.to_numpy()].to_numpy().astype(_DAY)
    given = predictions.values["fold"].to_numpy()
    for fold in predictions.folds:
        mine = given == fold.fold
        first, last = np.datetime64(fold.test_start, "D"), np.datetime64(fold.test_end, "D")
        outside = mine & ((sessions < first) | (sessions > last))
        if outside.any():
            place = int(np.argmax(outside))
            yield Leak(
                "leak",
                "out of sample",
                "probabilities",
                "an answer of a model whose test window it does not lie in",
                column="fold",
                row=row_name(predictions.values.index, place),
                given=str(sessions[place]),
                expected=f"{first} to {last}",
                count=int(outside.sum()),
            )
        if fold.train_end >= fold.test_start:
            yield Leak(
                "leak",
                "out of sample",
                "splits",
                "a fold trains on its own test window",
                column="train_end",
                row=f"fold {fold.fold}",
                given=str(fold.train_end),
                expected=f"before {fold.test_start}",
            )
        wanted = traced.config.classifier
        fixed = {name: value for name, value in fold.params.items() if name not in wanted.tune}
        if fixed != dict(wanted.params):
            yield Leak(
                "leak",
                "out of sample",
                "splits",
                "a fold's model is not the one that the config names: chosen by what it showed?",
                column="params",
                row=f"fold {fold.fold}",
                given=repr(fixed),
                expected=repr(dict(wanted.params)),
            )
        known = labels.reindex(predictions.values.index[mine])["target"].dropna()
        answers = predictions.values["probability"][mine].reindex(known.index)
        brier = float(((answers - known) ** 2).mean()) if len(known) else None
        told = fold.metrics.get("brier")
        if brier is not None and (told is None or abs(told - brier) > 1e-9):
            yield Leak(
                "leak",
                "out of sample",
                "probabilities",
                "a fold's figures are not those of its test rows",
                column="brier",
                row=f"fold {fold.fold}",
                given=repr(told),
                expected=repr(brier),
            )
