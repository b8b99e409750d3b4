"""statistical_audit: could a run be luck? Placebos, deflation, stress and events, verdict first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.journal import Journal
from backtests.metrics import returns
from backtests.metrics.bootstrap import Interval, intervals_of
from backtests.metrics.undefined import UndefinedMetric, tidy
from backtests.result import EngineResult
from backtests.robustness.combinatorial import Combinatorial, combinatorial
from backtests.robustness.deflation import Deflation, deflation_of
from backtests.robustness.event_study import EventStudy, events_of, studies_of
from backtests.robustness.ground import Figures, Ground, ground_of
from backtests.robustness.overfitting import Overfitting, backtest_overfitting
from backtests.robustness.placebo import (
    PLACEBOS,
    Habits,
    figures_of,
    habits_of,
    p_value,
    profile,
    profile_shares,
    rounded,
    spread_of,
)
from backtests.robustness.rounds import Finished, run_placebos
from backtests.robustness.settings import AuditSettings
from backtests.robustness.stress import Stress, stress
from backtests.robustness.tries import Look, Tries, returns_by_session, together, tries_of
from backtests.robustness.verdict import verdict
from backtests.run import Learned, learn, mean_weight, trade
from backtests.trials import Ledger

SCHEMA = 1
JUDGED = ("rank_ic", "signed_return", "sharpe", "net_return")
"""Figures that get a p; the verdict speaks of `rank_ic` and `sharpe`."""


@dataclass(frozen=True, eq=False)
class PlaceboResult:
    """One placebo against the real run.

    Attributes
    ----------
    name, says, recomputes : str
        Which, what it does, and what each of its runs computed again.
    runs : int
        How many there were; 0 if none could be run.
    p : mapping of str to float or None
        By figure of `JUDGED`: share of runs at or above the real one, itself counted.
    spread : mapping of str to tuple or None
        5 %, 50 % and 95 % quantiles of the placebo figures.
    reason : str
        Why there were no runs; else empty.
    """

    name: str
    says: str
    recomputes: str
    runs: int
    p: Mapping[str, float | None]
    spread: Mapping[str, tuple[float, float, float] | None]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class AuditReport:
    """What the statistical half of an audit found.

    Attributes
    ----------
    verdict : mapping
        See `backtests.robustness.verdict.verdict`; it stands first in every form.
    real : mapping
        The run's own figures, measured as the placebos' are.
    placebos : tuple of PlaceboResult
        In the order of the settings.
    profile : tuple of mapping
        `shift, rank_ic, signed_return` with answers some sessions early or late.
    combinatorial : Combinatorial or str
        How the ranking spreads over combinatorial purged paths, or the reason why not.
    deflation, overfitting
        Or the reason why not.
    intervals : mapping
        Block-bootstrap intervals of `sharpe, net_return, rank_ic`, or the reason why not.
    stress : Stress
        Costs and delays.
    studies : tuple of EventStudy, or str
        All events first, then by kind.
    seed : int
        Of every draw.
    name : str
        Of the run.
    combinations : int
        What tuning tried for one answer; 1 where nothing was tuned.
    """

    verdict: Mapping[str, Any]
    real: Figures
    placebos: tuple[PlaceboResult, ...]
    profile: tuple[Mapping[str, Any], ...]
    combinatorial: Combinatorial | str
    deflation: Deflation | str
    overfitting: Overfitting | str
    intervals: Mapping[str, Interval | str]
    stress: Stress
    studies: tuple[EventStudy, ...] | str
    seed: int
    name: str
    combinations: int

    def headline(self) -> dict[str, Any]:
        """Return the figures the ledger keeps, under the names of a run."""
        sessions = None if isinstance(self.deflation, str) else self.deflation.sessions
        kept = {name: self.real.get(name) for name in ("net_return", "sharpe", "rank_ic")}
        return kept | {"sessions": sessions, "combinations": self.combinations}

    def as_dict(self) -> dict[str, Any]:
        """Return everything JSON-ready, the verdict first; what has no value says why."""
        figures = {
            "schema": SCHEMA,
            "verdict": dict(self.verdict),
            "name": self.name,
            "seed": self.seed,
            "real": self.real,
            "placebos": {
                one.name: {
                    "says": one.says,
                    "recomputes": one.recomputes,
                    "runs": one.runs,
                    "p": dict(one.p),
                    "spread": dict(one.spread),
                    "reason": one.reason,
                }
                for one in self.placebos
            },
            "profile": [dict(point) for point in self.profile],
            "profile_at_or_above": {
                name: {"count": count, "runs": runs}
                for name, (count, runs) in profile_shares(self.profile).items()
            },
            "combinatorial": _or_reason(self.combinatorial),
            "deflation": _or_reason(self.deflation),
            "overfitting": _or_reason(self.overfitting),
            "intervals": {name: _or_reason(one) for name, one in self.intervals.items()},
            "stress": self.stress.as_dict(),
            "event_study": (
                {"reason": self.studies}
                if isinstance(self.studies, str)
                else [one.as_dict() for one in self.studies]
            ),
        }
        return {name: tidy(value) for name, value in figures.items()}


def statistical_audit(
    config: RunConfig,
    inputs: Inputs,
    *,
    settings: AuditSettings | None = None,
    learned: Learned | None = None,
    ledger: Ledger | None = None,
    finished: Path | None = None,
    jobs: int = 1,
    journal: Journal | None = None,
    show: bool = False,
) -> AuditReport:
    """Try to explain a run by luck, by its costs, or by how often it was tried.

    Parameters
    ----------
    config, inputs
        The run.
    settings : AuditSettings, optional
        How hard to try.
    learned : Learned, optional
        What the run learned, if that is at hand; else it is computed once.
    ledger : Ledger, optional
        The trials so far; without it the run counts as the only one.
    finished : Path, optional
        File of finished placebo runs: an interrupted audit goes on where it stopped.
    jobs : int
        Processes; no figure depends on them.
    journal : Journal, optional
        Told of each stage.
    show : bool
        Whether to show the progress of placebo runs on stderr.

    Raises
    ------
    NewswakeError
        As `backtests.run.learn` and `trade` do.
    """
    settings = settings or AuditSettings()
    journal = journal or Journal()
    learned = learned or learn(config, inputs, journal, baselines=False)
    with journal.stage("trading"):
        engine, baselines = trade(config, inputs, learned)
    with journal.stage("outcomes") as found:
        ground = ground_of(config, inputs, learned)
        found |= {"answers": len(ground.answers), "sessions": len(ground.sessions)}
    habits = habits_of(engine, mean_weight(engine), settings.seed, config.strategy.reserve_bp)
    real = figures_of(ground, engine)
    with journal.stage("placebos") as found:
        placebos = _placebos(ground, habits, real, settings, finished, jobs, show)
        found |= {one.name: one.runs for one in placebos}
    with journal.stage("combinatorial"):
        paths = _paths(ground, learned, settings, show)
    with journal.stage("stress"):
        stressed = stress(
            ground,
            engine,
            baselines.get("equal_weight"),
            costs=settings.costs,
            delays=settings.delays,
            jobs=jobs,
        )
    with journal.stage("statistics"):
        tuned = learned.predictions.trials
        look = Look(config.sha256(), inputs.sha256, inputs.family_sha256)
        deflation, overfitting = _corrected(ground, engine, tries_of(ledger, look), tuned)
        intervals = intervals_of(
            _returns(engine, config),
            ground.rank_ic(),
            seed=settings.seed,
            horizon=ground.horizon,
            draws=settings.draws,
        )
    with journal.stage("event study"):
        studies = _studies(learned, inputs, settings)
    told = verdict(
        real,
        placebos,
        paths=paths,
        deflation=deflation,
        overfitting=overfitting,
        intervals=intervals,
        stress=stressed,
        studies=studies,
        level=settings.level,
        seed=settings.seed,
    )
    return AuditReport(
        verdict=told,
        real=real,
        placebos=placebos,
        profile=tuple(profile(ground, settings.shifts)),
        combinatorial=paths,
        deflation=deflation,
        overfitting=overfitting,
        intervals=intervals,
        stress=stressed,
        studies=studies,
        seed=settings.seed,
        name=config.name,
        combinations=tuned,
    )


def _placebos(
    ground: Ground,
    habits: Habits,
    real: Figures,
    settings: AuditSettings,
    finished: Path | None,
    jobs: int,
    show: bool,
) -> tuple[PlaceboResult, ...]:
    done = run_placebos(
        ground,
        habits,
        {
            name: settings.learned_runs if name == "learned" else settings.runs
            for name in settings.placebos
        },
        seed=settings.seed,
        jobs=jobs,
        finished=Finished(finished),
        show=show,
    )
    return tuple(_against(name, runs, real) for name, runs in done.items())


def _against(name: str, runs: list[Figures] | str, real: Figures) -> PlaceboResult:
    placebo = PLACEBOS[name]
    if isinstance(runs, str):
        return PlaceboResult(name, placebo.says, placebo.recomputes, 0, {}, {}, runs)
    figures = [figure for figure in JUDGED if any(figure in run for run in runs)]
    values = {figure: [run.get(figure) for run in runs] for figure in figures}
    return PlaceboResult(
        name=name,
        says=placebo.says,
        recomputes=placebo.recomputes,
        runs=len(runs),
        p={figure: p_value(rounded(real.get(figure)), values[figure]) for figure in figures},
        spread={figure: spread_of(values[figure]) for figure in figures},
    )


def _paths(
    ground: Ground, learned: Learned, settings: AuditSettings, show: bool
) -> Combinatorial | str:
    chosen = learned.predictions.folds[-1].params
    try:
        return combinatorial(ground, chosen, settings.combinatorial, show=show)
    except UndefinedMetric as reason:
        return reason.problem


def _corrected(
    ground: Ground, engine: EngineResult, tries: Tries, tuned: int
) -> tuple[Deflation | str, Overfitting | str]:
    deflation: Deflation | str
    overfitting: Overfitting | str
    try:
        deflation = deflation_of(_returns(engine, ground.config), tries.looks(tuned))
    except UndefinedMetric as reason:
        deflation = reason.problem
    try:
        mine = returns_by_session(engine.equity["equity_hkd"])
        overfitting = backtest_overfitting(together(mine, tries))
    except UndefinedMetric as reason:
        overfitting = reason.problem
    return deflation, overfitting


def _returns(engine: EngineResult, config: RunConfig) -> Any:
    path = returns.value_path(engine.equity["equity_hkd"], config.broker.cash_hkd)
    return returns.session_returns(path)


def _studies(
    learned: Learned, inputs: Inputs, settings: AuditSettings
) -> tuple[EventStudy, ...] | str:
    try:
        return studies_of(events_of(learned.rows), inputs.market, settings.event_study)
    except UndefinedMetric as reason:
        return reason.problem


def _or_reason(found: Any) -> dict[str, Any]:
    return {"reason": found} if isinstance(found, str) else found.as_dict()
