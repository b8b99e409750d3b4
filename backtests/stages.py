"""Stages: the arrows between inputs and fills, each a function of the config and what came before.

A run and a sweep call the same ones; that is why their results are the same to the bit. What learns
is imported where it learns: trials that find their answers in the cache start a second earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from backtests.config import RunConfig
from backtests.engine import run_engine
from backtests.inputs import Inputs, round_trip_of
from backtests.result import EngineResult
from markets.errors import DataError
from signals.decisions import Signal
from signals.features.base import FeatureFrame, Row
from signals.features.rows import Reading
from strategies.base import StrategySettings

if TYPE_CHECKING:
    from signals.answers import Predictions
    from signals.labels import LabelFrame
    from signals.pipeline import EventReader


def read_stories(inputs: Inputs, reader: EventReader | None = None) -> list[Reading]:
    """Return every story with its events, in order of `available_at`.

    Parameters
    ----------
    inputs : Inputs
        Of the run.
    reader : EventReader, optional
        By default the inputs' own.
    """
    from signals import pipeline
    from signals.events.novelty import NoveltyTracker

    return pipeline.read_events(inputs.store.items(), reader or inputs.reader(), NoveltyTracker())


def pool_rows(config: RunConfig, inputs: Inputs, read: Sequence[Reading]) -> list[Row]:
    """Return the decisions of a run, each with the stories that are fresh for it.

    Raises
    ------
    DataError
        If no story concerns the universe in the time of the run.
    """
    from signals import pipeline

    rows = pipeline.rows_of(read, inputs.clock, inputs.universe)
    rows = [row for row in rows if config.start <= row.session <= config.end]
    if not rows:
        raise DataError(
            "no story concerns the universe in this time",
            given=f"{len(read)} stories, {sum(len(events) for _, events in read)} events",
            wanted=f"stories on {len(inputs.universe)} tickers, {config.start} to {config.end}",
        )
    return rows


def build_features(config: RunConfig, inputs: Inputs, rows: Sequence[Row]) -> FeatureFrame:
    """Return what was known at each decision."""
    from signals import pipeline

    return pipeline.build_features(rows, inputs.market, config.features)


def label(config: RunConfig, inputs: Inputs, features: FeatureFrame) -> LabelFrame:
    """Return what each decision could have earned."""
    from signals import pipeline

    return pipeline.label(
        features,
        inputs.market,
        inputs.calendar,
        config.label,
        inputs.universe,
        round_trip_of(config, inputs),
    )


def walk_forward(
    config: RunConfig, features: FeatureFrame, labels: LabelFrame, *, baselines: bool = True
) -> Predictions:
    """Return the answers, each of a model of what was known before its window.

    With `baselines`, three others stand beside each: see `signals.classifiers.BASELINES`. A run
    always has them; what only repeats a run, to the same bits, can do without.
    """
    from signals import pipeline

    return pipeline.walk_forward(
        features, labels, config.split, config.classifier, config.seed, baselines=baselines
    )


def decide(
    config: RunConfig, inputs: Inputs, predictions: Predictions, features: FeatureFrame
) -> list[Signal]:
    """Return a signal for every answer, abstentions included."""
    from signals import decisions

    return decisions.decide(predictions, features, inputs.calendar, config.decision)


def first_session(config: RunConfig, predictions: Predictions) -> date:
    """Return the first session that is out of sample: before it nobody could have traded.

    Raises
    ------
    DataError
        If there is none.
    """
    if not len(predictions.values):
        raise DataError(
            "no decision is out of sample",
            given=f"{config.start} to {config.end}",
            wanted="a longer time, or a shorter split.min_train_months",
        )
    return predictions.folds[0].test_start


def trade_one(
    config: RunConfig,
    inputs: Inputs,
    signals: Sequence[Signal],
    strategy: StrategySettings,
    start: date,
    *,
    check: bool = False,
    resolve: Callable[[str], Any] | None = None,
) -> EngineResult:
    """Trade the signals by one strategy, from `start` to the end of the config.

    With `check`, both engines do, and one differing value is an error. `resolve` returns the class
    that a strategy's name stands for; by default the published one.
    """
    from backtests.compiled.check import check_engines

    engine: Callable[..., EngineResult] = check_engines if check else run_engine
    return engine(
        strategy,
        inputs.market,
        signals,
        start=start,
        end=config.end,
        broker=config.broker,
        instruments=inputs.instruments,
        calendar=inputs.calendar,
        costs=config.broker.schedule(),
        seed=config.seed,
        universe=inputs.universe,
        resolve=resolve,
    )
