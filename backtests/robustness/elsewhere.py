"""A run in a process of its own: nothing that this one remembers is there to be found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.robustness.cuts import Cut
from backtests.robustness.traces import Memory, Table, trace
from signals.news import NewsItem

_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class _Task:
    """What the other process is given: the past alone."""

    config: RunConfig
    inputs: Any
    store: type
    stories: Sequence[NewsItem]
    memory: Memory
    start: date
    cut: Cut


def tables_elsewhere(
    config: RunConfig, inputs: Inputs, memory: Memory, start: date, cut: Cut
) -> dict[str, Table]:
    """Return what a run decides by a cut, where only these inputs have ever been.

    A part that keeps a longer past anywhere in this process, or looks for it in the frames of its
    callers, does not find it there. Inputs are handed over by pickling in memory.

    Parameters
    ----------
    config : RunConfig
        Of the run.
    inputs : Inputs
        As they were known at the cut.
    memory : dict
        What stories were read as; those of the inputs are handed over.
    start : date
        First session to trade in.
    cut : Cut
        The run decides to its session.
    """
    stories = list(inputs.store.items())
    # Without the finders that it built as stories were read: they are compiled, and cannot go.
    lexicon = replace(inputs.lexicon, _finders={})
    task = _Task(
        config,
        replace(inputs, store=None, lexicon=lexicon),  # type: ignore[arg-type]
        type(inputs.store),
        stories,
        {item: memory[item] for item in stories if item in memory},
        start,
        cut,
    )
    return in_own_process(_run, task)


def in_own_process(function: Callable[..., _Found], *arguments: Any) -> _Found:
    """Return what a function returns in a new process that finds the same modules."""
    from joblib.externals.loky import ProcessPoolExecutor

    with ProcessPoolExecutor(max_workers=1) as process:
        at_home = process.submit(_called, tuple(sys.path), os.getcwd(), function, arguments)
        found: _Found = at_home.result()
    return found


def _called(
    path: Sequence[str], folder: str, function: Callable[..., _Found], arguments: tuple[Any, ...]
) -> _Found:
    os.chdir(folder)
    sys.path.extend(place for place in path if place not in sys.path)
    return function(*arguments)


def _run(task: _Task) -> dict[str, Table]:
    store = task.store(":memory:")
    store.add(task.stories)
    inputs = replace(task.inputs, store=store)
    traced = trace(task.config, inputs, task.memory, start=task.start, until=task.cut)
    return traced.tables(task.cut)
