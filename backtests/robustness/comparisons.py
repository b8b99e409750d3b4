"""Runs of the line on other futures, each compared bit by bit with the whole run's past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import date

from backtests import stages
from backtests.inputs import Inputs
from backtests.own_parts import is_own, of_the_line
from backtests.robustness.blindfold import traded_blind
from backtests.robustness.cuts import Cut, cut_at
from backtests.robustness.differences import first_difference, values_in
from backtests.robustness.elsewhere import tables_elsewhere
from backtests.robustness.examination import Examination, failed_leak, moved_leak
from backtests.robustness.futures import (
    Stories,
    delayed,
    held_back,
    led,
    other_prices,
    other_rest_of_session,
    other_stories,
    rebased,
    truncated,
)
from backtests.robustness.lookahead_report import Reach
from backtests.robustness.parts import forget
from backtests.robustness.source_checks import stories_again
from backtests.robustness.traces import STAGES, Table, Trace, failed_stage
from backtests.robustness.weather import as_announced, weather_days

LATER_SESSIONS = 5
"""By how much clocks are delayed and led."""
MOST_STORMS = 3

_WHAT = {
    "future taken away": "with later stories and bars taken away",
    "other prices": "with other prices after the cut",
    "other stories": "with other stories after the cut",
    "clocks delayed": f"with later stories seen {LATER_SESSIONS} sessions later",
    "clocks led": f"with later stories published {LATER_SESSIONS} sessions earlier, seen no sooner",
    "closures not announced": "with no storm in the calendar that nobody knew of",
    "in a process of its own": "where nothing remembers a longer past",
    "the session's own end": "with another close and volume in the session that opens",
    "prices halved by a later payout": "with all prices scaled by a later payout",
    "stories seen too late": "with stories that were seen after the cut-off",
    "the same again": "run again on the same inputs, so it draws numbers without a seed",
}


def compare(audit: Examination, whole: Trace, cuts: Sequence[Cut]) -> None:
    """Run the line on other futures, and compare what was decided before."""
    if audit.over:
        return
    inputs, seed = audit.inputs, audit.seed
    audit.reach.append(Reach("the whole line, learned", len(cuts), len(whole.engine.equity)))
    stories = stories_again(audit.config, inputs)
    for number, cut in enumerate(cuts):
        # The first is read anew: what a reader remembers from other stories would show in it.
        past = truncated(inputs, stories, cut)
        _same(audit, whole, cut, "future taken away", past, short=True, anew=number == 0)
        _same(audit, whole, cut, "other prices", other_prices(inputs, cut, seed))
        _same(audit, whole, cut, "other stories", other_stories(inputs, stories, cut, seed))
        later = delayed(inputs, stories, cut, LATER_SESSIONS)
        _same(audit, whole, cut, "clocks delayed", later)
        earlier = led(inputs, stories, cut, LATER_SESSIONS)
        _same(audit, whole, cut, "clocks led", earlier, short=True)
    _compare_weather(audit, whole, stories)
    _compare_last(audit, whole, stories, cuts[-1])


def check_beside(audit: Examination, whole: Trace) -> None:
    """Let a classifier of one's own learn beside the baselines, as in a run; the audit does not."""
    if audit.over or not is_own(audit.config, "classifiers"):
        return
    name, how = "beside its baselines", "with the baselines learned beside it, as in a run"
    learned, last = whole.learned, _after_all(audit)
    stages_of = ("splits", "probabilities")
    expected = {stage: table for stage, table in whole.tables(last).items() if stage in stages_of}
    audit.compared += values_in(expected)
    forget(audit.config)
    try:
        predictions = stages.walk_forward(audit.config, learned.features, learned.labels)
        beside = replace(whole, learned=replace(learned, predictions=predictions)).tables(last)
        moved = first_difference(expected, beside, stages_of)
    except Exception as error:  # a user's part may fail in any way where others learn, too
        found = [failed_leak(name, how, "probabilities", error, last)]
    else:
        found = [] if moved is None else [moved_leak(name, how, moved, last)]
    audit.record(name, "what a run answers is what is audited", found)


def _after_all(audit: Examination) -> Cut:
    return cut_at(audit.inputs, audit.inputs.calendar.next_session(audit.config.end))


def check_strategy(audit: Examination, whole: Trace) -> None:
    """Trade with a strategy of one's own that finds no future in what it is handed."""
    if audit.over or not is_own(audit.config, "strategies"):
        return
    last = _after_all(audit)
    traded = STAGES[STAGES.index("orders") :]
    expected = {name: table for name, table in whole.tables(last).items() if name in traded}
    audit.compared += values_in(expected)
    forget(audit.config)
    name, how = "strategy blindfolded", "with no later bar or signal in what it is handed"
    sessions = len(whole.engine.equity)
    try:
        engine = traded_blind(audit.config, audit.inputs, whole.learned.signals, _start(whole))
        blind = replace(whole, engine=engine).tables(last)
        moved = first_difference(expected, blind, traded)
    except Exception as error:  # a user's part may fail in any way when its future is gone
        found = [failed_leak(name, how, "orders", error, last)]
    else:
        found = [] if moved is None else [moved_leak(name, how, moved, last)]
    audit.record(name, f"orders of all {sessions} sessions rest on what was handed over", found)
    audit.reach.append(Reach("orders, as handed over", sessions, sessions))


def _compare_last(audit: Examination, whole: Trace, stories: Stories, last: Cut) -> None:
    """Make the comparisons that are made at one cut only."""
    inputs = audit.inputs
    rest = other_rest_of_session(inputs, last, audit.seed)
    _same(audit, whole, last, "the session's own end", rest, open_known=True)
    if inputs.market.adjusted:
        decided = STAGES[: STAGES.index("orders")]
        _same(
            audit, whole, last, "prices halved by a later payout", rebased(inputs), stages=decided
        )
    if not audit.over:
        without = held_back(inputs, stories, last, kept=False)
        fewer = audit.run(without, start=_start(whole), until=last)
        late = held_back(inputs, stories, last, kept=True)
        _same(audit, fewer, last, "stories seen too late", late, short=True)
    _same(audit, whole, last, "the same again", inputs)
    if of_the_line(audit.config):
        past = truncated(inputs, stories, last)
        _same(audit, whole, last, "in a process of its own", past, elsewhere=True)


def _compare_weather(audit: Examination, whole: Trace, stories: Stories) -> None:
    """Run the line up to the eves of storms, on a calendar that does not know of them.

    Only where parts of one's own might ask the calendar: the house does so of nothing that is
    decided, but for the session in which a signal expires, which is counted as sessions come.
    """
    if not of_the_line(audit.config):
        return
    eves = weather_days(audit.inputs.calendar, _start(whole), audit.config.end)[1:]
    step = max(1, -(-len(eves) // MOST_STORMS))
    for eve in eves[::step]:
        cut = cut_at(audit.inputs, eve)
        past = truncated(audit.inputs, stories, cut)
        during = as_announced(audit.inputs.calendar, eve)
        _same(
            audit, whole, cut, "closures not announced", past, short=True, during=during,
            but=("signals", "expires_session"),
        )  # fmt: skip


def _same(
    audit: Examination,
    whole: Trace,
    cut: Cut,
    name: str,
    inputs: Inputs,
    *,
    short: bool = False,
    anew: bool = False,
    open_known: bool = False,
    elsewhere: bool = False,
    stages: Sequence[str] = STAGES,
    during: AbstractContextManager[None] | None = None,
    but: tuple[str, str] | None = None,
) -> None:
    """Run the line on other inputs; record the first value decided by the cut that moved.

    Parameters
    ----------
    short : bool
        Run up to the cut only, as on that day.
    anew : bool
        Read every story again.
    open_known : bool
        Compare what the open of the cut's session makes known, too.
    elsewhere : bool
        Run up to the cut in a process of its own.
    stages : sequence of str
        Which are compared.
    during : context manager, optional
        What the run stands in.
    but : (str, str), optional
        A stage's column that may differ.
    """
    if audit.over:
        return
    expected = whole.tables(cut, open_known=open_known)
    audit.compared += values_in(expected)
    start = _start(whole)
    try:
        other: Mapping[str, Table]
        if elsewhere:
            other = tables_elsewhere(audit.config, inputs, audit.memory, start, cut)
        else:
            with during or nullcontext():
                other = audit.run(
                    inputs, start=start, until=cut if short else None, anew=anew
                ).tables(cut, open_known=open_known)
        moved = first_difference(_without(expected, but), _without(other, but), stages)
    except Exception as error:  # a user's part may fail in any way when its future is gone
        found = [failed_leak(name, _WHAT[name], failed_stage(error), error, cut)]
    else:
        found = [] if moved is None else [moved_leak(name, _WHAT[name], moved, cut)]
    audit.record(name, f"what was decided by {cut.session} stays the same", found)


def _without(tables: Mapping[str, Table], but: tuple[str, str] | None) -> Mapping[str, Table]:
    if but is None:
        return tables
    stage, column = but
    table = tables[stage]
    return {**tables, stage: replace(table, values=table.values.drop(columns=column))}


def _start(whole: Trace) -> date:
    first: date = whole.engine.equity.index[0].date()
    return first
