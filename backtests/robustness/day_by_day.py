"""Rows, features, labels and signals as of many days: stages that are cheap without the rest.

The cuts of whole runs lie out of sample. A model also learns from what rows of the training span
knew, and some leaks show only where a stock had no bar: days of the whole span are among these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from backtests import stages
from backtests.inputs import Inputs
from backtests.own_parts import is_own
from backtests.robustness.cuts import Cut, cut_at
from backtests.robustness.differences import first_difference, values_in
from backtests.robustness.examination import Examination, failed_leak, moved_leak
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.parts import forget
from backtests.robustness.traces import (
    Table,
    Trace,
    features_table,
    labels_table,
    orders_table,
    rows_table,
    signals_table,
)
from backtests.robustness.weather import as_announced, weather_days
from markets.prices import MarketData
from markets.what_if import halved_before, opened, pays_around
from signals import pipeline
from signals.features.base import FeatureFrame

Expect = Callable[[Cut], Mapping[str, Table]]
Build = Callable[[Cut], Mapping[str, Table] | None]
"""What is made as of a cut; None where that is known to be the same."""
_GAPS = 8


def check_rows(audit: Examination, whole: Trace, count: int) -> None:
    """Pool rows as of many days, from the stories there were by then."""
    if audit.over:
        return
    inputs, readings, rows = audit.inputs, whole.learned.readings, whole.learned.rows
    days = sorted({row.session for row in rows})

    def expect(cut: Cut) -> Mapping[str, Table]:
        return {"rows": rows_table([row for row in rows if row.session <= cut.session])}

    def build(cut: Cut) -> Mapping[str, Table] | None:
        past = [reading for reading in readings if reading[0].available_at <= cut.instant]
        made = stages.pool_rows(audit.config, inputs, past)
        # Told in words only where they differ: words take longer than the rows.
        known = [row for row in rows if row.session <= cut.session]
        return None if made == known else {"rows": rows_table(made)}

    chosen = audit.drawn("rows", days, count)
    name, about = "rows day by day", f"rows of {len(chosen)} days do not know later stories"
    audit.record(name, about, _moved(audit, name, "with later stories gone", chosen, expect, build))


def check_features(audit: Examination, whole: Trace, count: int) -> None:
    """Build features as of many days, from the rows and bars there were by then.

    Of drawn days, and of those where a slip of a day, of a stamp or of a bar shows.
    """
    if audit.over:
        return
    inputs, rows = audit.inputs, whole.learned.rows
    days = sorted({row.session for row in rows})
    chosen = {
        *audit.drawn("features", days, count),
        *_gaps(inputs, days)[:_GAPS],
        *_marked(inputs, days),
    }

    def build(cut: Cut) -> Mapping[str, Table]:
        past = [row for row in rows if row.session <= cut.session]
        known = inputs.market.until(cut.known_session)
        return features_table(pipeline.build_features(past, known, audit.config.features), cut)

    def expect(cut: Cut) -> Mapping[str, Table]:
        return features_table(whole.learned.features, cut)

    name = "features day by day"
    about = f"features of {len(chosen)} days do not know later ones"
    how = "with later rows and bars taken away"
    audit.record(name, about, _moved(audit, name, how, sorted(chosen), expect, build))
    if not is_own(audit.config, "features"):
        return

    def build_unwarned(cut: Cut) -> Mapping[str, Table]:
        with as_announced(inputs.calendar, cut.session):
            return build(cut)

    eves = weather_days(inputs.calendar, days[0], days[-1])
    name, about = "features before storms", f"features of {len(eves)} days know of no storm to come"
    how = "with no storm in the calendar that nobody knew of"
    audit.record(name, about, _moved(audit, name, how, eves, expect, build_unwarned))


def check_labels(audit: Examination, whole: Trace, count: int) -> None:
    """Label decisions as of many opens, and where what came before an entry stood elsewhere.

    A label is known from the open of its `t1` on: nothing later may move it, not even how that
    session ends. It begins at the open of its `t0`: a gap into that open was not to be had.
    """
    if audit.over:
        return
    learned, market = whole.learned, audit.inputs.market
    ends = _days_of(learned.labels.values["t1"])
    known = sorted({*audit.drawn("labels", ends, count), *_marked(audit.inputs, ends)})

    def of_known(cut: Cut) -> Mapping[str, Table]:
        return _kept(labels_table(learned.labels), cut, "t1")

    def as_of(cut: Cut) -> Mapping[str, Table]:
        features = _until(learned.features, cut.session)
        made = _labels(audit, features, opened(market, cut.session))
        return _kept(made, cut, "t1")

    name, about = "labels day by day", f"labels known at {len(known)} opens do not know later bars"
    how = "with all but the open taken away from the session it is known in"
    audit.record(name, about, _moved(audit, name, how, known, of_known, as_of))
    begins = [day for day in _days_of(learned.labels.values["t0"]) if not pays_around(market, day)]
    entries = audit.drawn("entries of labels", begins, count)

    def of_entry(cut: Cut) -> Mapping[str, Table]:
        return _outcome(_kept(labels_table(learned.labels), cut, "t0"))

    def halved(cut: Cut) -> Mapping[str, Table]:
        features = _until(learned.features, cut.session)
        made = _labels(audit, features, halved_before(market, cut.session))
        return _outcome(_kept(made, cut, "t0"))

    name = "labels from their entry"
    about = f"outcomes of {len(entries)} entries begin at the open that can be had"
    how = "with every price before the entry halved"
    audit.record(name, about, _moved(audit, name, how, entries, of_entry, halved))


def check_signals(audit: Examination, whole: Trace, count: int) -> None:
    """Decide as of many days, from the answers there were by then."""
    if audit.over:
        return
    learned = whole.learned
    predictions, features = learned.predictions, learned.features
    sessions = features.sessions.iloc[predictions.positions.to_numpy()]
    days = _days_of(sessions)

    def expect(cut: Cut) -> Mapping[str, Table]:
        known = [one for one in learned.signals if one.effective_session <= cut.session]
        return {"signals": signals_table(known)}

    def build(cut: Cut) -> Mapping[str, Table] | None:
        kept = (sessions <= pd.Timestamp(cut.session)).to_numpy()
        values = predictions.values[kept]
        begun = {*values["fold"].tolist()}
        past = replace(
            predictions,
            values=values,
            positions=predictions.positions[kept],
            drift=predictions.drift[kept],
            folds=tuple(fold for fold in predictions.folds if fold.fold in begun),
            models={fold: model for fold, model in predictions.models.items() if fold in begun},
        )
        made = stages.decide(audit.config, audit.inputs, past, _until(features, cut.session))
        known = [one for one in learned.signals if one.effective_session <= cut.session]
        return None if made == known else {"signals": signals_table(made)}

    chosen = audit.drawn("signals", days, count)
    name, about = "signals day by day", f"signals of {len(chosen)} days do not know later answers"
    audit.record(name, about, _moved(audit, name, "with later answers gone", chosen, expect, build))


def check_orders(audit: Examination, whole: Trace, count: int) -> None:
    """Trade with a strategy of one's own to many days, on the bars and signals there were by then.

    An indicator that is computed in one go for all bars knows later ones before the first session
    is traded: to blindfold what asks it is too late then.
    """
    if audit.over or not is_own(audit.config, "strategies"):
        return
    traded = [stamp.date() for stamp in whole.engine.equity.index]

    def expect(cut: Cut) -> Mapping[str, Table]:
        return orders_table(whole.engine, cut)

    def build(cut: Cut) -> Mapping[str, Table]:
        config = audit.config.model_copy(update={"end": cut.known_session})
        inputs = replace(audit.inputs, market=audit.inputs.market.until(cut.known_session))
        known = [one for one in whole.learned.signals if one.effective_session <= cut.session]
        engine = stages.trade_one(config, inputs, known, config.strategy, traded[0])
        return orders_table(engine, cut)

    chosen = audit.drawn("orders", traded[1:], count)
    name, about = "orders day by day", f"orders of {len(chosen)} days do not know later bars"
    how = "with later bars and signals taken away"
    audit.record(name, about, _moved(audit, name, how, chosen, expect, build))


def _moved(
    audit: Examination, name: str, how: str, days: Sequence[date], expect: Expect, build: Build
) -> Iterator[Leak]:
    """Yield the first value that is another when built again, day by day."""
    if audit.over:
        return
    for day in days:
        cut = cut_at(audit.inputs, day)
        forget(audit.config)
        try:
            made = build(cut)
        except Exception as error:  # a user's part may fail in any way when its future is gone
            yield failed_leak(name, how, next(iter(expect(cut))), error, cut)
            return
        if made is None:
            audit.compared += 1
            continue
        expected = expect(cut)
        audit.compared += values_in(expected)
        moved = first_difference(expected, made, tuple(expected))
        if moved is not None:
            yield moved_leak(name, how, moved, cut)
            return


def _labels(audit: Examination, features: FeatureFrame, market: MarketData) -> Table:
    inputs = replace(audit.inputs, market=market)
    return labels_table(stages.label(audit.config, inputs, features))


def _until(features: FeatureFrame, session: date) -> FeatureFrame:
    """Return the rows of a frame up to a session: a label asks for no more than their sessions."""
    kept = (features.sessions <= pd.Timestamp(session)).to_numpy()
    names = ("values", "texts", "sessions", "available_at", "event_ids", "item_ids", "story_keys")
    return replace(features, **{name: getattr(features, name)[kept] for name in names})


def _kept(table: Table, cut: Cut, column: str) -> dict[str, Table]:
    """Return the labels known by a cut's open (`t1`), or entered at it (`t0`)."""
    days, day = table.values[column].to_numpy(), np.datetime64(cut.session, "s")
    kept = days <= day if column == "t1" else days == day
    return {"labels": Table(table.values[kept], table.when[kept])}


def _outcome(tables: Mapping[str, Table]) -> dict[str, Table]:
    columns = ["target", "forward_return", "raw_return"]
    return {name: Table(one.values[columns], one.when) for name, one in tables.items()}


def _days_of(stamps: pd.Series) -> list[date]:
    return sorted({stamp.date() for stamp in stamps})


def _spread(days: Sequence[date], count: int) -> list[date]:
    places = np.linspace(0, len(days) - 1, count + 2).round().astype(int)[:-1]
    return sorted({days[place] for place in places.tolist()})


def _marked(inputs: Inputs, days: Sequence[date], each: int = 2) -> set[date]:
    """Return some of the days that the calendar marks, a few of each sort.

    The first and the last session of a month, half days, ex dates, those before and after a
    holiday: where a slip of a day or of a stamp shows, and drawn days seldom fall.
    """
    calendar = inputs.calendar
    paying = {stamp.date() for stamp in inputs.market.actions["ex_date"]}
    sorts: dict[str, list[date]] = {}
    for day in days:
        before, after = calendar.previous_session(day), calendar.next_session(day)
        for sort, holds in (
            ("first of a month", before.month != day.month),
            ("last of a month", after.month != day.month),
            ("half day", calendar.hours(day).half_day),
            ("ex date", day in paying),
            ("after a holiday", (day - before).days > 3),
            ("before a holiday", (after - day).days > 3),
        ):
            if holds:
                sorts.setdefault(sort, []).append(day)
    return {day for those in sorts.values() for day in _spread(those, each)}


def _gaps(inputs: Inputs, days: Sequence[date]) -> list[date]:
    """Return days of decisions before which a listed stock had no bar, or its first ones."""
    market = inputs.market
    grid = market.sessions()
    bare: set[date] = set()
    for ticker in market.tickers:
        own = market.bars[ticker].index
        inside = grid[(grid >= own[0]) & (grid <= own[-1])]
        absent = inside.difference(own)
        first = own[min(10, len(own) - 1)]
        bare.update(stamp.date() for stamp in [*absent[:3], *([first] if own[0] > grid[0] else [])])
    after = (next((day for day in days if day > one), None) for one in sorted(bare))
    return sorted({day for day in after if day is not None})
