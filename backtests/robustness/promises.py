"""Promises that a finished run must keep, computed again by other means than the run's own.

Taking the future away cannot show what is wrong in the past itself: a label that begins before its
decision, a fill at the price it was decided on. Each check here recomputes one such thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.robustness import promised_answers, promised_learning, promised_trading
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.traces import Trace
from signals.features.base import Row
from signals.news import NewsItem


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
    return late_rows(traced.config, traced.inputs, traced.learned.rows)


def late_rows(config: RunConfig, inputs: Inputs, rows: Sequence[Row]) -> Iterator[Leak]:
    """Yield stories of a row that came after its cut-off, counted from the regular open."""
    clock, calendar = config.clock, inputs.calendar
    lead = timedelta(minutes=clock.lead_minutes) + clock.latency
    traded = inputs.market.sessions()
    held = set(traded.date)
    for row in rows:
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


PROMISES = (
    Promise(
        "row clocks", "stories of a row were available by its cut-off, on a day that traded", _rows
    ),
    Promise("universe", "decisions are on members of that date", _members),
    Promise(
        "label spans",
        "labels span from the decision's session to a horizon later",
        promised_learning.label_spans,
    ),
    Promise(
        "label values",
        "labels are open to open, and targets their sign",
        promised_learning.label_values,
    ),
    Promise(
        "label benchmarks",
        "labels are less the benchmark over the same span",
        promised_learning.label_benchmarks,
    ),
    Promise(
        "splits",
        "training outcomes were known before the test; no story on both sides",
        promised_learning.splits,
    ),
    Promise(
        "out of sample",
        "answers and figures are of each model's own test window",
        promised_answers.out_of_sample,
    ),
    Promise(
        "signal clocks",
        "signals precede their auction and say what the model said",
        promised_trading.signals,
    ),
    Promise(
        "fills",
        "fills follow their decision, and no market order beats the open",
        promised_trading.fills,
    ),
    Promise("marks", "holdings are worth their last close", promised_trading.marks),
)
