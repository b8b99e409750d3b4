"""audit_lookahead: whether anything that was decided changes with what came after it.

The line is run whole, then again with the future taken away, with other prices and with other
stories in it; everything decided before each cut must stay the same bit by bit. What no cut can
show is recomputed (`promises`) or looked for in the data (`suspicions`, `source_checks`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from backtests.config import RunConfig
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.robustness import source_checks, suspicions
from backtests.robustness.cuts import Cut, choose_cuts, cut_at
from backtests.robustness.differences import Moved, first_difference, values_in
from backtests.robustness.elsewhere import tables_elsewhere
from backtests.robustness.futures import (
    delayed,
    held_back,
    led,
    other_prices,
    other_rest_of_session,
    other_stories,
    rebased,
    truncated,
)
from backtests.robustness.lookahead_report import Done, Leak, LookaheadReport
from backtests.robustness.promises import PROMISES, first_breach
from backtests.robustness.traces import (
    STAGES,
    Memory,
    Table,
    Trace,
    features_table,
    trace,
)
from markets.errors import LeakError, NewswakeError
from signals import pipeline

LATER_SESSIONS = 5
"""By how much clocks are delayed and led."""

HOUSE = ("markets", "signals", "strategies", "backtests")

LIMITS = (
    "A part that reads its own files instead of what it is handed: no cut reaches them, only the "
    "tests of what features and answers know.",
    "A source that has one wrong clock, or one wrong text, for every story alike, unless it shows "
    "in moves told before they happened or in gaps after the news.",
    "A part that asks the calendar of coming closures: it knows typhoon days that nobody knew.",
    "Choices made by a person who knew the outcome: the period, the tickers, the parameters. Those "
    "are for the ledger of trials and for months nobody has seen.",
    "Leaks smaller than a bit of a double, and leaks between the cuts that touch none of them.",
)

_WHAT = {
    "future taken away": "with later stories and bars taken away",
    "features day by day": "with later rows and bars taken away",
    "other prices": "with other prices after the cut",
    "other stories": "with other stories after the cut",
    "clocks delayed": f"with later stories seen {LATER_SESSIONS} sessions later",
    "clocks led": f"with later stories published {LATER_SESSIONS} sessions earlier, seen no sooner",
    "in a process of its own": "where nothing remembers a longer past",
    "the session's own end": "with another close and volume in the session that opens",
    "prices halved by a later payout": "with all prices scaled by a later payout",
    "stories seen too late": "with stories that were seen after the cut-off",
    "the same again": "run again on the same inputs, so it draws numbers without a seed",
}


@dataclass(eq=False)
class _Audit:
    """The state of one audit: what it runs on, and what it has found."""

    config: RunConfig
    inputs: Inputs
    seed: int
    journal: Journal
    memory: Memory
    stop_at_first: bool
    findings: list[Leak] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    compared: int = 0

    @property
    def over(self) -> bool:
        return self.stop_at_first and any(leak.level != "note" for leak in self.findings)

    def record(self, name: str, about: str, leaks: Iterator[Leak] | list[Leak]) -> None:
        """Keep the findings of a check, and that it was run."""
        if self.over:
            return
        with self.journal.stage(name) as told:
            found = list(leaks)
            told["findings"] = len(found)
        self.findings += found
        self.done.append(Done(name, about, not found))


def audit_lookahead(
    config: RunConfig,
    inputs: Inputs | None = None,
    *,
    cuts: int = 4,
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
    config = _without_baselines(config)
    if inputs is None:
        with journal.stage("loading"):
            inputs = load_inputs(config)
    audit = _Audit(
        config,
        inputs,
        config.seed if seed is None else seed,
        journal,
        {} if memory is None else memory,
        stop_at_first,
    )
    chosen: tuple[Cut, ...] = ()
    _check_data(audit)
    whole = _whole(audit)
    if whole is not None:
        chosen = _cuts(audit, whole, cuts)
        _check_run(audit, whole)
        _check_sources(audit, whole, chosen)
        _compare_features(audit, whole)
        _compare(audit, whole, chosen)
    order = {"leak": 0, "suspect": 1, "note": 2}
    audit.findings.sort(key=lambda leak: (order[leak.level], _place(leak.stage)))
    return LookaheadReport(
        findings=tuple(audit.findings),
        done=tuple(audit.done),
        cuts=tuple(str(cut.session) for cut in chosen),
        seed=audit.seed,
        compared=audit.compared,
        limits=LIMITS,
    )


def _whole(audit: _Audit) -> Trace | None:
    """Run the line as it is; None where that shows a leak already, or one was found before."""
    if audit.over:
        return None
    name, about = "the line's own checks", "the line runs and refuses nothing"
    try:
        traced = _run(audit, audit.inputs)
    except LeakError as error:
        refusal = Leak(
            "leak",
            name,
            "line",
            error.problem,
            row=error.where or "",
            given=str(error.given),
            expected=str(error.wanted),
        )
        audit.record(name, about, [refusal])
        return None
    except NewswakeError:
        if audit.findings:  # data that no line can run on, and why, are in the report already
            return None
        raise
    audit.record(name, about, [])
    return traced


def _without_baselines(config: RunConfig) -> RunConfig:
    classifier = config.classifier.model_copy(update={"baselines": ()})
    return config.model_copy(update={"classifier": classifier})


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else -1


def _cuts(audit: _Audit, whole: Trace, count: int) -> tuple[Cut, ...]:
    learned = whole.learned
    places = learned.predictions.positions.to_numpy()
    sessions = sorted({stamp.date() for stamp in learned.features.sessions.iloc[places]})
    return choose_cuts(audit.inputs, sessions, learned.predictions.folds, count, audit.seed)


def _check_data(audit: _Audit) -> None:
    """Look at the config and at the prices, before anything is run on them."""
    config, inputs, market = audit.config, audit.inputs, audit.inputs.market
    for name, about, found in (
        ("config", "no setting that looks ahead", source_checks.declared(config, inputs)),
        ("price check", "prices have no error of their own", source_checks.price_errors(inputs)),
        ("invented bars", "no bar repeats the next", source_checks.invented_bars(market)),
        (
            "adjusted in secret",
            "raw prices lie on ticks",
            source_checks.adjusted_in_secret(market),
        ),
        (
            "ahead of the index",
            "bars move with the index of their own session",
            source_checks.ahead_of_the_index(market),
        ),
        ("sparse bars", "a bar a session", source_checks.sparse_bars(inputs, market)),
    ):
        audit.record(name, about, found)


def _check_run(audit: _Audit, whole: Trace) -> None:
    """Hold the whole run to its promises, and look at what it knows."""
    for promise in PROMISES:
        breach = None if audit.over else first_breach(promise, whole)
        audit.record(promise.name, promise.about, [breach] if breach else [])
    for name, about, test in suspicions.TESTS:
        audit.record(name, about, test(whole))


def _check_sources(audit: _Audit, whole: Trace, cuts: tuple[Cut, ...]) -> None:
    """Look at the clocks of stories, and ask the sources again."""
    config, inputs = audit.config, audit.inputs
    for name, about, found in (
        (
            "news clocks",
            "clocks of stories do not contradict themselves",
            source_checks.clock_errors(inputs, whole.learned.readings),
        ),
        (
            "prices as of",
            "the source's earlier bars do not depend on its later ones",
            source_checks.prices_as_of(config, inputs, cuts),
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


def _compare_features(audit: _Audit, whole: Trace, count: int = 8) -> None:
    """Build features as of many days of the whole span, and compare them with the full run's.

    The cuts of whole runs lie out of sample. A model also learns from what rows of the training
    span knew, and some leaks show only where a stock had no bar: these days are among them.
    """
    if audit.over:
        return
    inputs, rows = audit.inputs, whole.learned.rows
    days = sorted({row.session for row in rows})
    places = np.linspace(0, len(days) - 1, count + 2).round().astype(int)[:-1]
    chosen = {days[place] for place in places.tolist()} | set(_gaps(inputs, days)[:count])
    name, about = "features day by day", f"features of {len(chosen)} days do not know later ones"
    found: list[Leak] = []
    for day in sorted(chosen):
        cut = cut_at(inputs, day)
        expected = features_table(whole.learned.features, cut)
        known = inputs.market.until(cut.known_session)
        _forget_parts(audit.config)
        try:
            past = [row for row in rows if row.session <= day]
            built = pipeline.build_features(past, known, audit.config.features)
            moved = first_difference(expected, features_table(built, cut), ("features",))
        except Exception as error:  # a user's group may fail in any way when its future is gone
            found.append(_failed(name, error, cut))
            break
        audit.compared += values_in(expected)
        if moved is not None:
            found.append(_moved(name, moved, cut))
            break
    audit.record(name, about, found)


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


def _compare(audit: _Audit, whole: Trace, cuts: tuple[Cut, ...]) -> None:
    """Run the line on other futures, and compare what was decided before."""
    if audit.over:
        return
    inputs, seed = audit.inputs, audit.seed
    stories = source_checks.stories_again(audit.config, inputs)
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
    last = cuts[-1]
    rest = other_rest_of_session(inputs, last, seed)
    _same(audit, whole, last, "the session's own end", rest, open_known=True)
    if inputs.market.adjusted:
        decided = STAGES[: STAGES.index("orders")]
        _same(
            audit, whole, last, "prices halved by a later payout", rebased(inputs), stages=decided
        )
    if not audit.over:
        without = held_back(inputs, stories, last, kept=False)
        fewer = _run(audit, without, start=_start(whole), until=last)
        late = held_back(inputs, stories, last, kept=True)
        _same(audit, fewer, last, "stories seen too late", late, short=True)
    _same(audit, whole, last, "the same again", inputs)
    if _own_parts(audit.config):
        past = truncated(inputs, stories, last)
        _same(audit, whole, last, "in a process of its own", past, elsewhere=True)


def _same(
    audit: _Audit,
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
            other = _run(
                audit, inputs, start=start, until=cut if short else None, anew=anew
            ).tables(cut, open_known=open_known)
        moved = first_difference(expected, other, stages)
    except Exception as error:  # a user's part may fail in any way when its future is gone
        found = [_failed(name, error, cut)]
    else:
        found = [] if moved is None else [_moved(name, moved, cut)]
    audit.record(name, f"what was decided by {cut.session} stays the same", found)


def _moved(name: str, moved: Moved, cut: Cut) -> Leak:
    return Leak(
        "leak",
        name,
        moved.stage,
        f"{_WHAT[name]}: {moved.stage} moved",
        column=moved.column,
        row=moved.row,
        expected=moved.expected,
        given=moved.given,
        cut=str(cut.session),
        count=moved.count,
    )


def _failed(name: str, error: Exception, cut: Cut) -> Leak:
    told = f"{_WHAT[name]}: the line fails with {type(error).__name__}: {error}"
    return Leak("leak", name, "line", told, cut=str(cut.session))


def _start(whole: Trace) -> date:
    first: date = whole.engine.equity.index[0].date()
    return first


def _run(
    audit: _Audit,
    inputs: Inputs,
    *,
    start: date | None = None,
    until: Cut | None = None,
    anew: bool = False,
) -> Trace:
    _forget_parts(audit.config)
    memory: Memory = {} if anew else audit.memory
    return trace(audit.config, inputs, memory, start=start, until=until)


def _forget_parts(config: RunConfig) -> None:
    """Let the modules of the user's own parts be imported anew; the house's own are stateless."""
    for module in _own_parts(config):
        _forget(module)


def _own_parts(config: RunConfig) -> list[str]:
    """Return the modules of the user's own feature groups, classifier and strategy."""
    names = [*config.features.groups, config.classifier.name, config.strategy.name]
    parted = [name.partition(":") for name in names]
    known = {*HOUSE, *sys.stdlib_module_names}
    return [module for module, colon, _ in parted if colon and module.split(".")[0] not in known]


def _forget(name: str) -> None:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is not None and "site-packages" not in Path(file).parts:
        del sys.modules[name]
        importlib.invalidate_caches()
