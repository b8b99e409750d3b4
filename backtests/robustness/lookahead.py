"""audit_lookahead: whether anything that was decided changes with what came after it.

The line is run whole, then again with the future taken away, with other prices and with other
stories in it; everything decided before each cut must stay the same bit by bit. What no cut can
show is recomputed (`promises`) or looked for in the data (`suspicions`, `source_checks`).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from backtests import stages
from backtests.config import RunConfig
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.own_parts import is_own
from backtests.robustness import bar_traces, source_checks, suspicions
from backtests.robustness.comparisons import check_beside, check_strategy, compare
from backtests.robustness.cuts import Cut, choose_cuts
from backtests.robustness.day_by_day import (
    check_features,
    check_labels,
    check_orders,
    check_rows,
    check_signals,
)
from backtests.robustness.examination import Examination
from backtests.robustness.foundations import check_foundations
from backtests.robustness.lookahead_report import Leak, LookaheadReport
from backtests.robustness.memory_checks import check_memory
from backtests.robustness.prices_again import prices_as_of
from backtests.robustness.promises import PROMISES, late_rows
from backtests.robustness.story_stamps import late_stamps
from backtests.robustness.traces import (
    STAGES,
    Memory,
    RememberingReader,
    Trace,
    failed_stage,
)
from backtests.robustness.watch import Watch
from markets.errors import LeakError, NewswakeError

DAYS = 59
LIMITS = (
    "A part that reads its own files instead of what it is handed, or asks a network: files are "
    "named in a note, but no cut reaches them, only the tests of what columns and answers know.",
    "A source that has one wrong clock, or one wrong text, for every story alike, unless it shows "
    "in moves told before they happened or in gaps after the news.",
    "A part that has storms from elsewhere than newswake's own calendar, or from before 2010.",
    "Choices made by a person who knew the outcome: the period, the tickers, the parameters. Those "
    "are for the ledger of trials and for months nobody has seen.",
    "Leaks smaller than a bit of a double, and leaks that act on no day that was compared: how "
    "likely that is stands under the power of each stage.",
)


def audit_lookahead(
    config: RunConfig,
    inputs: Inputs | None = None,
    *,
    cuts: int = 4,
    days: int = DAYS,
    seed: int | None = None,
    journal: Journal | None = None,
    memory: Memory | None = None,
    stop_at_first: bool = False,
) -> LookaheadReport:
    """Try to catch a run looking ahead, whatever parts its config names.

    Parameters
    ----------
    config : RunConfig
        Of the run; its sources, feature groups, classifier and strategy are audited as they are.
        Baselines are left out of the repeated runs: nothing is decided on them.
    inputs : Inputs, optional
        Already loaded; by default loaded here.
    cuts : int
        How many instants the future is cut at: each costs five runs of the line, two of them short.
    days : int
        As of how many drawn days rows, features, labels and signals are made again, and a price
        source of one's own is asked. A leak that acts on a share q of the sessions is met with at
        least ``1 - (1 - q)**days``: the default meets one of 20 with 95 %.
    seed : int, optional
        Of the cuts and poisons; the config's by default.
    journal : Journal, optional
        Told of each step.
    memory : dict, optional
        What stories were read as; kept by a caller who audits several configs on equal stories.
    stop_at_first : bool
        Stop at the first leak or suspect.

    Returns
    -------
    LookaheadReport
        `ok` if nothing was found; `require` raises a `LeakError` otherwise.

    Raises
    ------
    NewswakeError
        If the config cannot be run at all. A line that refuses itself for a leak is a finding.

    Notes
    -----
    Modules of the user's own parts are imported anew before each run, so that what a part kept from
    a longer past cannot hide that it needs it.
    """
    journal = journal or Journal()
    if inputs is None:
        with journal.stage("loading"):
            inputs = load_inputs(config)
    audit = Examination(
        config,
        inputs,
        config.seed if seed is None else seed,
        journal,
        {} if memory is None else memory,
        stop_at_first,
    )
    _check_data(audit)
    with Watch(config) as watch:
        chosen = _check_line(audit, cuts, days)
    about = "own parts keep nothing outside of what they are handed"
    audit.record("kept outside", about, watch.findings())
    order = {"leak": 0, "suspect": 1, "note": 2}
    audit.findings.sort(key=lambda leak: (order[leak.level], _place(leak.stage)))
    return LookaheadReport(
        findings=tuple(audit.findings),
        done=tuple(audit.done),
        cuts=tuple(str(cut.session) for cut in chosen),
        seed=audit.seed,
        compared=audit.compared,
        limits=LIMITS,
        reach=tuple(audit.reach),
    )


def _check_line(audit: Examination, count: int, days: int) -> tuple[Cut, ...]:
    """Run the line as it is and on other futures; return the cuts."""
    whole = _whole(audit)
    if whole is None:
        return ()
    chosen = _cuts(audit, whole, count)
    _check_run(audit, whole)
    _check_sources(audit, whole, chosen, days)
    for check in (check_rows, check_features, check_labels, check_signals):
        check(audit, whole, days)
    check_strategy(audit, whole)
    check_orders(audit, whole, days)
    check_beside(audit, whole)
    check_memory(audit, whole)
    check_foundations(audit, whole)
    compare(audit, whole, chosen)
    return chosen


def _whole(audit: Examination) -> Trace | None:
    """Run the line as it is; None where that shows a leak already, or one was found before."""
    if audit.over:
        return None
    name, about = "the line's own checks", "the line runs and refuses nothing"
    try:
        traced = audit.run(audit.inputs)
    except LeakError as error:
        audit.record(name, about, [_refusal(audit, name, error)])
        return None
    except NewswakeError:
        if audit.findings:  # data that no line can run on, and why, are in the report already
            return None
        raise
    audit.record(name, about, [])
    return traced


def _refusal(audit: Examination, name: str, error: LeakError) -> Leak:
    """Return what the line refused itself for, where it began: features trip over late rows."""
    stage = failed_stage(error)
    if stage == "features":
        reader = RememberingReader(audit.inputs, audit.memory)
        read = stages.read_stories(audit.inputs, reader)
        rows = stages.pool_rows(audit.config, audit.inputs, read)
        late = next(late_rows(audit.config, audit.inputs, rows), None)
        if late is not None:
            return replace(late, check=name)
    return Leak(
        "leak",
        name,
        stage,
        error.problem,
        row=error.where or "",
        given=str(error.given),
        expected=str(error.wanted),
    )


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else -1


def _cuts(audit: Examination, whole: Trace, count: int) -> tuple[Cut, ...]:
    learned = whole.learned
    places = learned.predictions.positions.to_numpy()
    sessions = sorted({stamp.date() for stamp in learned.features.sessions.iloc[places]})
    return choose_cuts(audit.inputs, sessions, learned.predictions.folds, count, audit.seed)


def _check_data(audit: Examination) -> None:
    """Look at the config and at the prices, before anything is run on them."""
    config, inputs, market = audit.config, audit.inputs, audit.inputs.market
    for name, about, found in (
        ("config", "no setting that looks ahead", source_checks.declared(config, inputs)),
        ("price check", "prices have no error of their own", source_checks.price_errors(inputs)),
        ("invented bars", "no bar is filled in", bar_traces.invented_bars(market)),
        (
            "adjusted in secret",
            "raw prices lie on ticks",
            bar_traces.adjusted_in_secret(market),
        ),
        ("averaged opens", "no open is a mean of its day", bar_traces.averaged_opens(market)),
        (
            "ahead of the index",
            "bars move with the index of their own session",
            bar_traces.ahead_of_the_index(market),
        ),
        ("sparse bars", "a bar a session", bar_traces.sparse_bars(inputs, market)),
    ):
        audit.record(name, about, found)


def _check_run(audit: Examination, whole: Trace) -> None:
    """Hold the whole run to its promises, and look at what it knows."""
    for promise in PROMISES:
        audit.record(promise.name, promise.about, islice(promise.breaches(whole), 1))
    for name, about, test in suspicions.TESTS:
        audit.record(name, about, test(whole))


def _check_sources(audit: Examination, whole: Trace, cuts: tuple[Cut, ...], days: int) -> None:
    """Look at the clocks of stories, and ask the sources again."""
    config, inputs = audit.config, audit.inputs
    sessions = [stamp.date() for stamp in inputs.market.sessions()]
    asked = audit.drawn("prices", sessions, days) if is_own(config, "price_sources") else []
    for name, about, found in (
        (
            "news clocks",
            "clocks of stories do not contradict themselves",
            source_checks.clock_errors(inputs, whole.learned.readings),
        ),
        (
            "late stamps",
            "ids and addresses of stories tell of no later state",
            late_stamps(item for item, _ in whole.learned.readings),
        ),
        (
            "prices as of",
            "the source's earlier bars do not depend on its later ones",
            prices_as_of(config, inputs, cuts, asked),
        ),
        (
            "closes that know",
            "no close foretells the next open",
            bar_traces.closes_that_know(inputs.market),
        ),
        (
            "stories as of",
            "the source's earlier stories do not depend on its later ones",
            source_checks.stories_as_of(config, inputs, cuts, audit.seed),
        ),
        (
            "universe as of",
            "who is in the universe does not depend on later prices",
            source_checks.universe_as_of(config, inputs, cuts, audit.seed),
        ),
    ):
        audit.record(name, about, found)
