"""Promises that a finished run must keep, computed again by other means than the run's own.

Taking the future away cannot show what is wrong in the past itself: a label that begins before its
decision, a fill at the price it was decided on. Each check here recomputes one such thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from backtests.robustness.lookahead_report import Leak
from backtests.robustness.traces import Trace
from markets.rules import UNITS_PER_HKD, tick_size
from signals import training
from signals.news import NewsItem
from signals.splits import PurgedWalkForward, Timeline

_DAY = "datetime64[D]"
_AUCTION = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its name, what is checked, and the check, which yields each breach."""

    name: str
    about: str
    breaches: Callable[[Trace], Iterator[Leak]]


def clocks_of(item: NewsItem) -> datetime:
    """Return the latest clock of a story, from the clocks themselves."""
    clocks = (item.published_at, item.first_seen_at, item.enriched_at)
    return max(clock for clock in clocks if clock is not None)


def _rows(traced: Trace) -> Iterator[Leak]:
    """Yield stories of a row that came after its cut-off, counted from the regular open."""
    clock = traced.config.clock
    calendar = traced.inputs.calendar
    lead = timedelta(minutes=clock.lead_minutes) + clock.latency
    traded = traced.inputs.market.sessions()
    held = set(traded.date)
    for row in traced.learned.rows:
        name = f"{row.session} {row.ticker}"
        if not calendar.is_session(row.session) or (
            traded[0].date() <= row.session <= traded[-1].date() and row.session not in held
        ):
            yield Leak(
                "leak",
                "row clocks",
                "rows",
                "a decision for a day on which nothing traded",
                row=name,
                column="session",
                given=str(row.session),
            )
            continue
        cutoff = calendar.hours(row.session).regular_open - lead
        if row.decision_at > cutoff + clock.latency:
            yield Leak(
                "leak",
                "row clocks",
                "rows",
                "a decision later than its declared instant",
                row=name,
                column="decision_at",
                given=str(row.decision_at),
                expected=str(cutoff + clock.latency),
            )
        for item in row.items:
            if clocks_of(item) > cutoff:
                yield Leak(
                    "leak",
                    "row clocks",
                    "rows",
                    "a story that became available after the cut-off of its decision",
                    row=f"{name} {item.item_id}",
                    column="available_at",
                    given=str(clocks_of(item)),
                    expected=f"by {cutoff}",
                )
        known = {item.item_id for item in row.items}
        for event in row.events:
            if event.item_id not in known:
                yield Leak(
                    "leak",
                    "row clocks",
                    "rows",
                    "an event of a story that is not the row's",
                    row=name,
                    column="events",
                    given=event.event_id,
                )


def _members(traced: Trace) -> Iterator[Leak]:
    """Yield decisions on a ticker that was not in the universe of their session."""
    universe, instruments = traced.inputs.universe, traced.inputs.instruments
    for row in traced.learned.rows:
        member = row.ticker in universe[row.session]
        if member and universe.index is not None:
            member = row.ticker in instruments.members(universe.index, row.session)
        if not member:
            yield Leak(
                "leak",
                "universe",
                "rows",
                "a decision on a ticker that was not in the universe on that date",
                row=f"{row.session} {row.ticker}",
                column="ticker",
            )


def _label_spans(traced: Trace) -> Iterator[Leak]:
    """Yield labels that do not span from their decision's session to a horizon later."""
    labels, features = traced.learned.labels.values, traced.learned.features
    settings, calendar = traced.config.label, traced.inputs.calendar
    t0, t1 = (labels[name].to_numpy().astype(_DAY) for name in ("t0", "t1"))
    session = features.sessions.reindex(labels.index).to_numpy().astype(_DAY)
    least = settings.horizon if settings.exit == "horizon" else 1
    after = {day: calendar.next_session(day.item(), least) for day in np.unique(session)}
    wanted = np.array([after[day] for day in session], dtype=_DAY)
    for broken, what, given, expected in (
        (t0 != session, "t0", t0, session),
        (t1 < wanted, "t1", t1, wanted),
    ):
        yield from _broken(
            "labels",
            "label spans",
            labels.index,
            broken,
            what,
            given,
            expected,
            "a label does not span from its decision's session to a horizon later",
        )


def _label_values(traced: Trace) -> Iterator[Leak]:
    """Yield labels that are not what their span earned, less the benchmark over the same."""
    labels, market = traced.learned.labels.values, traced.inputs.market
    settings = traced.config.label
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
    yield from _broken(
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
        yield from _broken(
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
    wanted = (labels["forward_return"].to_numpy() > settings.dead_band_bp / 1e4).astype("int64")
    yield from _broken(
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


def _splits(traced: Trace) -> Iterator[Leak]:
    """Yield training rows whose outcome, session or story reaches into the test."""
    learned, settings = traced.learned, traced.config.split
    timeline = Timeline.of(learned.features, learned.labels)
    keys = _story_keys(traced)
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
                    row=f"{name}, {_row_name(learned.features.values.index, row)}",
                    given=str(timeline.known[row]),
                    expected=f"before {first}",
                    count=int(broken.sum()),
                )
        yield from _straddling(name, keys, numbers, one.train, one.test, settings.story_sessions)


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


def _out_of_sample(traced: Trace) -> Iterator[Leak]:
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
                row=_row_name(predictions.values.index, place),
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


def _signals(traced: Trace) -> Iterator[Leak]:
    """Yield signals decided in their opening auction or later, or that no model spoke for."""
    calendar, learned = traced.inputs.calendar, traced.learned
    predictions = learned.predictions.values
    said = dict(zip(predictions.index, predictions["probability"].tolist(), strict=True))
    for signal in learned.signals:
        name = f"{signal.effective_session} {signal.ticker}"
        latest = calendar.hours(signal.effective_session).regular_open - _AUCTION
        if signal.decided_at > latest:
            yield Leak(
                "leak",
                "signal clocks",
                "signals",
                "decided after its opening auction began",
                row=name,
                column="decided_at",
                given=str(signal.decided_at),
                expected=f"by {latest}",
            )
        probability = said.get((pd.Timestamp(signal.decided_at), signal.ticker))
        if probability != signal.probability:
            yield Leak(
                "leak",
                "signal clocks",
                "signals",
                "a signal that no model spoke for",
                row=name,
                column="probability",
                given=repr(signal.probability),
                expected=repr(probability),
            )


def _fills(traced: Trace) -> Iterator[Leak]:
    """Yield fills not later than their decision, and market orders that beat the open."""
    market = traced.inputs.market
    orders = traced.engine.orders.set_index("order_id")
    only_market = _trades_at_open(traced)
    fills: Any = traced.engine.fills.itertuples()
    for fill in fills:
        order = orders.loc[fill.order_id]
        name = f"fill {fill.fill_id} on {fill.session:%Y-%m-%d} {fill.ticker}"
        if not order["decided_session"] < order["effective_session"] <= fill.session:
            yield Leak(
                "leak",
                "fills",
                "fills",
                "a fill in the session it was decided on, or before",
                row=name,
                column="session",
                given=str(fill.session),
                expected=f"after {order['decided_session']}, from {order['effective_session']} on",
            )
        bars = market.bars[fill.ticker]
        if fill.session not in bars.index:
            yield Leak(
                "leak",
                "fills",
                "fills",
                "a fill in a session without a bar",
                row=name,
                column="session",
            )
            continue
        sign = 1 if fill.side == "buy" else -1
        opened = round(float(bars["open"].loc[fill.session]) * UNITS_PER_HKD)
        paid = round(fill.price_hkd * UNITS_PER_HKD)
        if only_market and sign * paid < sign * opened:
            yield Leak(
                "leak",
                "fills",
                "fills",
                "a market order fills better than the open it meets",
                row=name,
                column="price_hkd",
                given=repr(fill.price_hkd),
                expected=f"{opened / UNITS_PER_HKD!r} or worse",
            )
        elif only_market and sign * (paid - opened) > _most_slippage(traced, opened, fill.session):
            yield Leak(
                "leak",
                "fills",
                "fills",
                "a fill far from the open it was meant for",
                row=name,
                column="price_hkd",
                given=repr(fill.price_hkd),
                expected=f"about {opened / UNITS_PER_HKD!r}",
            )


def _trades_at_open(traced: Trace) -> bool:
    """Whether the strategy sends market orders only: a SignalStrategy has no others."""
    from markets.plugins import load
    from strategies.base import SignalStrategy

    strategy = load("strategies", traced.config.strategy.name)
    return isinstance(strategy, type) and issubclass(strategy, SignalStrategy)


def _most_slippage(traced: Trace, opened: int, session: pd.Timestamp) -> float:
    from decimal import Decimal

    broker = traced.config.broker
    worse = opened * broker.slippage_bp / 1e4
    if traced.inputs.market.adjusted:
        return worse + 1
    # Slippage can carry a price into a coarser band of ticks.
    tick = tick_size(Decimal(round(opened + worse)) / UNITS_PER_HKD, session.date())
    return worse + float(tick) * UNITS_PER_HKD * 2 * (broker.slippage_ticks + 2)


def _marks(traced: Trace) -> Iterator[Leak]:
    """Yield sessions in which holdings are not worth their last close by then."""
    engine, market = traced.engine, traced.inputs.market
    days = pd.DatetimeIndex(engine.holdings.index)
    worth = np.zeros(len(days))
    for ticker in engine.holdings.columns:
        shares = engine.holdings[ticker].to_numpy()
        if not shares.any():
            continue
        closes = market.bars[ticker]["close"]
        known = closes.reindex(closes.index.union(days)).ffill().reindex(days).fillna(0.0)
        worth += shares * known.to_numpy()
    told = engine.equity["holdings_hkd"].to_numpy()
    broken = np.abs(told - worth) > 0.02 * max(1, len(engine.holdings.columns))
    # On the ex date of a stock that is halted the mark follows the split before the next close.
    ex_dates = market.actions.loc[market.actions["ratio"] != 1.0, "ex_date"]
    broken &= ~_near(days, ex_dates)
    yield from _broken(
        "equity",
        "marks",
        [f"{day:%Y-%m-%d}" for day in days],
        broken,
        "holdings_hkd",
        told,
        worth,
        "holdings are not worth their last close",
    )


def _near(days: pd.DatetimeIndex, others: pd.Series) -> np.ndarray:
    near = np.zeros(len(days), dtype=bool)
    for other in others:
        gap = (days - other).days
        near |= np.asarray((gap >= 0) & (gap <= 20))
    return near


def _broken(
    stage: str,
    check: str,
    names: Sequence[object] | pd.Index,
    broken: np.ndarray,
    column: str,
    given: np.ndarray,
    expected: np.ndarray,
    message: str,
) -> Iterator[Leak]:
    if broken.any():
        place = int(np.argmax(broken))
        yield Leak(
            "leak",
            check,
            stage,
            message,
            column=column,
            row=_row_name(names, place),
            given=str(given[place]),
            expected=str(expected[place]),
            count=int(broken.sum()),
        )


def _row_name(names: Sequence[object] | pd.Index, place: int) -> str:
    name = names[place]
    if isinstance(name, tuple):
        return f"{name[0]:%Y-%m-%d %H:%M} {name[1]}"
    return str(name)


PROMISES = (
    Promise(
        "row clocks", "stories of a row were available by its cut-off, on a day that traded", _rows
    ),
    Promise("universe", "decisions are on members of that date", _members),
    Promise(
        "label spans", "labels span from the decision's session to a horizon later", _label_spans
    ),
    Promise(
        "label values",
        "labels are open to open, less the benchmark over the same span",
        _label_values,
    ),
    Promise(
        "splits", "training outcomes were known before the test; no story on both sides", _splits
    ),
    Promise(
        "out of sample", "answers and figures are of each model's own test window", _out_of_sample
    ),
    Promise("signal clocks", "signals precede their auction and say what the model said", _signals),
    Promise("fills", "fills follow their decision, and no market order beats the open", _fills),
    Promise("marks", "holdings are worth their last close", _marks),
)


def first_breach(promise: Promise, traced: Trace) -> Leak | None:
    """Return the first breach of a promise, None if it is kept."""
    return next(iter(promise.breaches(traced)), None)
