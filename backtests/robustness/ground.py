"""Ground: what a run answered, what came of it, and what it takes to trade it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from backtests.config import RunConfig
from backtests.engine import run_engine
from backtests.inputs import Inputs, Universe, round_trip_of
from backtests.metrics import returns
from backtests.metrics.trades import total_hkd
from backtests.metrics.undefined import Floats, UndefinedMetric
from backtests.own_parts import own_parts, part_sha256
from backtests.result import EngineResult
from backtests.run import Learned
from backtests.sweeps.code import code_sha256
from markets.calendar import Calendar
from markets.costs import CostSchedule
from markets.instruments import Instruments
from markets.prices import MarketData
from signals import pipeline
from signals.classifiers.inputs import Inputs as CountedInputs
from signals.classifiers.inputs import inputs_of
from signals.decisions import Signal
from signals.features.base import ROW_INDEX, FeatureFrame
from signals.labels import LabelFrame
from strategies.base import StrategySettings

Places = np.ndarray[Any, np.dtype[np.int64]]
Figures = dict[str, float | None]
"""`rank_ic, signed_return, sharpe, net_return, gross_return, fills`; None where undefined."""


@dataclass(frozen=True, eq=False)
class Ground:
    """A finished run, ready to be tried again with its answers elsewhere.

    Reading, features, labels and, but for one placebo, learning are never done again.

    Attributes
    ----------
    config : RunConfig
        The run's.
    inputs_sha256 : str
        Hash of what the run read.
    market, instruments, calendar, universe
        What trading needs.
    features, labels : FeatureFrame, LabelFrame
        What learning needs.
    sessions : tuple of date
        Sessions out of sample, ascending.
    decided : tuple of datetime
        Decision instant of each session.
    expires : tuple of date
        Session at whose open an answer of each session ends.
    tickers : tuple of str
        Stocks, sorted.
    outcomes : Floats, shape (n_sessions, n_tickers)
        Abnormal return that a decision at each session on each stock could have earned, whether it
        had news or not; NaN where not known.
    answers : tuple of Signal
        Every answer out of sample, abstentions included.
    place, column : array of int, shape (n_answers,)
        Where in `outcomes` each answer stands.
    """

    config: RunConfig
    inputs_sha256: str
    market: MarketData
    instruments: Instruments
    calendar: Calendar
    universe: Universe
    features: FeatureFrame
    labels: LabelFrame
    sessions: tuple[date, ...]
    decided: tuple[datetime, ...]
    expires: tuple[date, ...]
    tickers: tuple[str, ...]
    outcomes: Floats
    answers: tuple[Signal, ...]
    place: Places
    column: Places

    @property
    def horizon(self) -> int:
        """Sessions an outcome spans."""
        return self.labels.horizon

    @cached_property
    def probability(self) -> Floats:
        """Probability of each answer."""
        return np.array([answer.probability for answer in self.answers], dtype=np.float64)

    @cached_property
    def direction(self) -> Floats:
        """Direction of each answer: 1, -1, or 0."""
        return np.array([answer.direction for answer in self.answers], dtype=np.float64)

    @cached_property
    def counted(self) -> CountedInputs:
        """Features and counted terms of every row: a placebo's are these, in another order."""
        return inputs_of(self.features, self.config.classifier.text)

    @cached_property
    def sha256(self) -> str:
        """Hash of config, code, inputs, answers, outcomes: what a placebo's figures follow from."""
        code = [code_sha256(), *(part_sha256(part.module) for part in own_parts(self.config))]
        told = f"{self.config.sha256()}{self.inputs_sha256}{''.join(code)}"
        digest = hashlib.sha256(told.encode())
        for part in (self.place, self.column, self.probability, self.direction, self.outcomes):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def judged(self, place: Places, column: Places) -> Figures:
        """Return how the answers would have ranked and leaned at other places; -1 drops one."""
        kept = place >= 0
        outcome = self.outcomes[place[kept], column[kept]]
        known = np.isfinite(outcome)
        score, leaning = self.probability[kept][known], self.direction[kept][known]
        return _judged(place[kept][known], score, leaning, outcome[known])

    def rank_ic(self) -> Floats:
        """Return the daily rank IC of the run, in order of session."""
        outcome = self.outcomes[self.place, self.column]
        known = np.isfinite(outcome)
        return session_rank_ic(self.place[known], self.probability[known], outcome[known])

    def moved(self, place: Places, column: Places) -> list[Signal]:
        """Return the answers as signals at other places; those at -1 are left out."""
        return [
            replace(
                answer,
                signal_id=f"moved-{number}",
                ticker=self.tickers[at],
                decided_at=self.decided[session],
                effective_session=self.sessions[session],
                expires_session=self.expires[session],
            )
            for number, (answer, session, at) in enumerate(
                zip(self.answers, place.tolist(), column.tolist(), strict=True)
            )
            if session >= 0
        ]

    def traded(
        self,
        signals: Sequence[Signal],
        strategy: StrategySettings | None = None,
        costs: Any = None,
    ) -> EngineResult:
        """Trade signals over the sessions of the run, with its strategy and costs by default.

        The compiled engine knows dated tables only: other costs are charged by its twin, which
        gives the same bits.
        """
        broker, charged = self.config.broker, costs or self.config.broker.schedule()
        if not isinstance(charged, CostSchedule):
            broker = broker.model_copy(update={"engine": "backtrader"})
        return run_engine(
            strategy or self.config.strategy,
            self.market,
            signals,
            start=self.sessions[0],
            end=self.config.end,
            broker=broker,
            instruments=self.instruments,
            calendar=self.calendar,
            costs=charged,
            seed=self.config.seed,
            universe=self.universe,
        )


def ground_of(config: RunConfig, inputs: Inputs, learned: Learned) -> Ground:
    """Return the ground of a run that has learned.

    The outcomes of all sessions and stocks come from the same function as the run's own labels.
    """
    start = learned.predictions.folds[0].test_start
    sessions = tuple(inputs.calendar.sessions(start, config.end))
    tickers = inputs.market.tickers
    number = {session: place for place, session in enumerate(sessions)}
    columns = {ticker: place for place, ticker in enumerate(tickers)}
    answers = tuple(
        answer
        for answer in learned.signals
        if answer.effective_session in number and answer.ticker in columns
    )
    horizon = config.decision.horizon or learned.predictions.horizon
    return Ground(
        config=config,
        inputs_sha256=inputs.sha256,
        market=inputs.market,
        instruments=inputs.instruments,
        calendar=inputs.calendar,
        universe=inputs.universe,
        features=learned.features,
        labels=learned.labels,
        sessions=sessions,
        decided=tuple(inputs.clock.decision_at(session) for session in sessions),
        expires=tuple(inputs.calendar.next_session(session, horizon) for session in sessions),
        tickers=tickers,
        outcomes=_outcomes(config, inputs, sessions),
        answers=answers,
        place=np.array([number[a.effective_session] for a in answers], dtype=np.int64),
        column=np.array([columns[a.ticker] for a in answers], dtype=np.int64),
    )


def _outcomes(config: RunConfig, inputs: Inputs, sessions: Sequence[date]) -> Floats:
    """Return what a decision could have earned at each session on each stock."""
    tickers = inputs.market.tickers
    decided = [inputs.clock.decision_at(session) for session in sessions]
    index = pd.MultiIndex.from_product([pd.DatetimeIndex(decided), list(tickers)], names=ROW_INDEX)
    stamps = np.repeat(np.array(sessions, dtype="datetime64[s]"), len(tickers))
    nothing = pd.Series([()] * len(index), index=index, dtype="object")
    everywhere = FeatureFrame(
        values=pd.DataFrame(index=index),
        texts=pd.Series("", index=index, dtype="str"),
        sessions=pd.Series(stamps, index=index),
        available_at=pd.Series(index.get_level_values(0), index=index),
        event_ids=nothing,
        item_ids=nothing,
        story_keys=nothing,
        groups={},
    )
    labels = pipeline.label(
        everywhere,
        inputs.market,
        inputs.calendar,
        config.label,
        inputs.universe,
        round_trip_of(config, inputs),
    )
    values = labels.values["forward_return"].reindex(index).to_numpy(dtype=np.float64)
    return np.asarray(values.reshape(len(sessions), len(tickers)))


def answers_judged(ground: Ground, signals: Sequence[Signal]) -> Figures:
    """Return how other answers, at their own places, ranked and leaned."""
    number = {session: place for place, session in enumerate(ground.sessions)}
    columns = {ticker: place for place, ticker in enumerate(ground.tickers)}
    kept = [s for s in signals if s.effective_session in number and s.ticker in columns]
    place = np.array([number[s.effective_session] for s in kept], dtype=np.int64)
    column = np.array([columns[s.ticker] for s in kept], dtype=np.int64)
    outcome = ground.outcomes[place, column]
    known = np.isfinite(outcome)
    score = np.array([s.probability for s in kept], dtype=np.float64)[known]
    leaning = np.array([s.direction for s in kept], dtype=np.float64)[known]
    return _judged(place[known], score, leaning, outcome[known])


def money_of(engine: EngineResult, capital_hkd: float) -> Figures:
    """Return what trading earned; the Sharpe ratio of a run always in cash is 0."""
    path = returns.value_path(engine.equity["equity_hkd"], capital_hkd)
    cost = total_hkd(engine.equity["cost_hkd"])
    net = returns.total_return(path)
    ratio: float | None
    try:
        ratio = returns.sharpe(returns.session_returns(path))
    except UndefinedMetric:
        ratio = 0.0 if engine.fills.empty else None
    return {
        "sharpe": ratio,
        "net_return": net,
        "gross_return": net + cost / float(path[0]),
        "fills": float(len(engine.fills)),
    }


def _judged(place: Places, score: Floats, leaning: Floats, outcome: Floats) -> Figures:
    values = session_rank_ic(place, score, outcome)
    acting = leaning != 0
    signed = leaning[acting] * outcome[acting]
    return {
        "rank_ic": float(values.mean()) if len(values) else None,
        "signed_return": float(signed.mean()) if len(signed) else None,
    }


def session_rank_ic(session: Places, score: Floats, outcome: Floats, fewest: int = 3) -> Floats:
    """Return what `metrics.predictions.rank_ic_by_session` does, for all sessions at once.

    A placebo run ranks every session anew, so this is where its time would go.
    """
    if not len(session):
        return np.empty(0)
    count = np.bincount(session).astype(np.float64)
    middle = (count + 1.0) / 2.0
    left = _ranks_within(session, score) - middle[session]
    right = _ranks_within(session, outcome) - middle[session]
    product = np.bincount(session, weights=left * right)
    power = np.bincount(session, weights=left**2) * np.bincount(session, weights=right**2)
    kept = (count >= fewest) & (power > 0)
    return np.asarray(product[kept] / np.sqrt(power[kept]))


def _ranks_within(group: Places, values: Floats) -> Floats:
    """Return ranks from 1 within each group; equal values share the mean of their ranks."""
    order = np.lexsort((values, group))
    groups, ordered = group[order], values[order]
    turns = np.r_[True, groups[1:] != groups[:-1]]
    begins = np.flatnonzero(turns)
    number = np.arange(len(order)) - begins[np.cumsum(turns) - 1]
    ties = np.cumsum(turns | np.r_[True, ordered[1:] != ordered[:-1]]) - 1
    shared = np.bincount(ties, weights=number) / np.bincount(ties)
    ranks = np.empty(len(order))
    ranks[order] = shared[ties] + 1.0
    return ranks
