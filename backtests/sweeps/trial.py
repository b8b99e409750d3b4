"""Trial: one set of values, what it came to, and the work of one process on a batch of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from backtests import stages
from backtests.config import LoadedConfig, RunConfig, with_values
from backtests.sweeps.blocks import block_of, prepare_block, run_block
from backtests.sweeps.cache import Cache, Key, Lookup, UnkeptError
from backtests.sweeps.figures import Tally, figures_of
from backtests.sweeps.reads import Digest
from backtests.sweeps.upstream import Line
from markets.errors import NewswakeError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of values.

    Attributes
    ----------
    number : int
        0-based, in the order of the space.
    values : mapping of str to object
        What differs from the base config, by dotted key.
    config_sha256 : str
        Of the whole config: that of the single run with the same values.
    digest : Digest
        What it reads.
    """

    number: int
    values: Mapping[str, Any]
    config_sha256: str
    digest: Digest


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a trial came to.

    Attributes
    ----------
    number : int
        The trial.
    status : str
        finished or failed.
    figures : mapping
        `backtests.sweeps.figures.FIGURES` and `by_year`, JSON-ready; empty where it failed.
    equity_hkd : ndarray of float64, shape (sessions + 1,)
        Capital before the first session, then equity at each close; empty where it failed.
    error : str or None
        Why it failed.
    seconds : float
        What it took; in no table.
    """

    number: int
    status: str
    figures: Mapping[str, Any]
    equity_hkd: npt.NDArray[np.float64]
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Trials that one process runs in one go.

    Attributes
    ----------
    base : LoadedConfig
        The config they vary.
    trials : tuple of Trial
        In the order in which they share most.
    cache : str
        Folder of the cache, which every worker must see.
    """

    base: LoadedConfig
    trials: tuple[Trial, ...]
    cache: str


def run_batch(batch: Batch) -> list[Outcome]:
    """Run trials; one that fails says why and keeps no other from running."""
    cache = open_cache(batch.cache)
    tasks = [_task(batch.base, trial, cache) for trial in batch.trials]
    found: list[Outcome] = []
    for block, group in groupby(tasks, key=lambda task: task.block):
        members = list(group)
        if block is None:
            found += [_alone(task) for task in members]
        else:
            found += _together(block, members, cache)
    return found


def prepare(base: LoadedConfig, trial: Trial, folder: str) -> list[Lookup]:
    """Compute what a trial shares with others, in a process of its own; return what was asked."""
    cache = open_cache(folder)
    seen = len(cache.lookups)
    with trial_to_blame():
        Line(with_values(base, trial.values), trial.digest, cache).prepare()
    return cache.lookups[seen:]


@contextmanager
def trial_to_blame() -> Iterator[None]:
    """Pass over what a trial's own values cause: the trial itself will fail by it, and say so."""
    try:
        yield
    except UnkeptError:
        raise
    except NewswakeError:
        return


@lru_cache(maxsize=1)
def open_cache(folder: str) -> Cache:
    """Return the cache of this process: its memory is what makes the second trial fast."""
    return Cache(Path(folder))


@dataclass(frozen=True, slots=True)
class _Task:
    """A trial about to be run."""

    trial: Trial
    config: RunConfig
    line: Line
    block: Key | None


def _task(base: LoadedConfig, trial: Trial, cache: Cache) -> _Task:
    config = with_values(base, trial.values)
    line = Line(config, trial.digest, cache)
    return _Task(trial, config, line, block_of(config, line))


def _alone(task: _Task) -> Outcome:
    """Run a trial by itself, on whichever engine it names."""
    began = time.perf_counter()
    config, line = task.config, task.line

    def traded() -> Outcome:
        start = stages.first_session(config, line.answers().predictions)
        engine = stages.trade_one(config, line.ground(), line.signals(), config.strategy, start)
        return _finished(task, Tally.of(engine, config.broker.cash_hkd))

    found = _tried(traded)
    outcome = _failed(task, found) if isinstance(found, str) else found
    return replace(outcome, seconds=time.perf_counter() - began)


def _together(block: Key, tasks: Sequence[_Task], cache: Cache) -> list[Outcome]:
    """Run the trials of a block at one go, and where one fails each by itself."""
    first = tasks[0]
    prepared = _tried(lambda: cache.memo(block, lambda: prepare_block(first.config, first.line)))
    if isinstance(prepared, str):
        return [_failed(task, prepared) for task in tasks]
    began = time.perf_counter()

    def traded(part: Sequence[_Task]) -> list[Outcome]:
        tallies = run_block(prepared, [task.config for task in part])
        return [_finished(task, tally) for task, tally in zip(part, tallies, strict=True)]

    found = _tried(lambda: traded(tasks))
    if isinstance(found, str):
        one_by_one = [(task, _tried(lambda task=task: traded([task]))) for task in tasks]  # type: ignore[misc]
        found = [_failed(task, one) if isinstance(one, str) else one[0] for task, one in one_by_one]
    seconds = (time.perf_counter() - began) / len(tasks)
    return [replace(outcome, seconds=seconds) for outcome in found]


def _finished(task: _Task, tally: Tally) -> Outcome:
    answers = task.line.answers()
    figures = figures_of(tally, answers.quality)
    figures["combinations"] = answers.predictions.trials
    return Outcome(task.trial.number, "finished", figures, tally.path)


def _failed(task: _Task, problem: str) -> Outcome:
    return Outcome(task.trial.number, "failed", {}, np.empty(0), problem)


def _tried(work: Callable[[], T]) -> T | str:
    """Return what work came to, or why it failed; what stops every trial is raised."""
    try:
        return work()
    except UnkeptError:
        raise
    except NewswakeError as error:
        return str(error)
    except Exception as error:  # a user's own strategy may raise anything
        return f"{type(error).__name__}: {error}"
