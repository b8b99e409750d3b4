"""Drive: trials sent to a pool and written down as they come back, whatever dies on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from backtests.config import LoadedConfig
from backtests.sweeps.book import Book, row_of
from backtests.sweeps.figures import headline
from backtests.sweeps.interrupts import unbroken
from backtests.sweeps.pools import Here, Pool, failure
from backtests.sweeps.progress import Tell
from backtests.sweeps.trial import Batch, Outcome, Trial, run_batch
from backtests.trials import Ledger
from markets.errors import DataError, NetworkError

BATCH_SECONDS = 1.0
"""How long a batch should take: what a killed worker can lose, and seldom enough to send."""
LARGEST_BATCH = 500
LOOK_SECONDS = 5.0
"""How long nothing may come back before it is looked whether anybody is there."""
PATIENCE = 3
"""How often workers may die in a row without a single trial coming back."""
START_SECONDS = 3.0
"""What it takes until a new process runs its first compiled trial."""


@dataclass(slots=True)
class Drive:
    """A sweep under way.

    Attributes
    ----------
    base : LoadedConfig
        The config that is varied.
    book, ledger : Book, Ledger
        What every trial is written into.
    cache : Path
        Folder of what trials share.
    name : str
        Of the sweep, in the ledger.
    tell : callable
        Told how many more trials are done.
    todo : deque of Trial
        What is not sent yet.
    """

    base: LoadedConfig
    book: Book
    ledger: Ledger
    cache: Path
    name: str
    tell: Tell
    todo: deque[Trial] = field(default_factory=deque)
    under_way: dict[Future[list[Outcome]], tuple[tuple[Trial, ...], list[int]]] = field(
        default_factory=dict
    )
    begun: set[int] = field(default_factory=set)  # in the ledger, without an outcome so far
    pace: float | None = None  # seconds a trial, as last seen
    losses: int = 0


def drive(state: Drive, pool: Pool, *, light: bool) -> None:
    """Run what is to do.

    Parameters
    ----------
    state : Drive
        What is to do, and what is written into.
    pool : Pool
        Where it runs.
    light : bool
        Whether trials may be so short that they are over before a pool of processes has started:
        then they begin in this one.
    """
    if light and pool.starts_late:
        _drive(state, Here(), lambda: _worth_starting(state, pool))
    _drive(state, pool, lambda: False)


def _worth_starting(state: Drive, pool: Pool) -> bool:
    """Return whether what is left takes longer here than a pool takes to start."""
    if state.pace is None:
        return False
    return state.pace * len(state.todo) * (1.0 - 1.0 / pool.size) > START_SECONDS


def _drive(state: Drive, pool: Pool, enough: Callable[[], bool]) -> None:
    """Keep the pool busy until nothing is left to do, or it is said to be enough."""
    try:
        while (state.todo and not enough()) or state.under_way:
            while state.todo and len(state.under_way) < 2 * pool.size and not enough():
                _send(state, pool)
            done, _ = wait(state.under_way, LOOK_SECONDS, return_when=FIRST_COMPLETED)
            if not done:
                pool.look()
            lost = [future for future in done if _receive(state, pool, future)]
            if lost and pool.breaks_whole:
                rest, _ = wait(set(state.under_way) - set(lost))
                lost += [future for future in rest if _receive(state, pool, future)]
            if lost:
                _take_back(state, pool, lost)
    finally:
        # However this ends: what was begun and has not come back is counted as interrupted.
        state.ledger.end_many([(n, "interrupted", {}, None) for n in sorted(state.begun)])


def _send(state: Drive, pool: Pool) -> None:
    size = 1
    if state.pace is not None and not state.losses:
        fair = len(state.todo) // (2 * pool.size) + 1
        size = max(1, min(LARGEST_BATCH, fair, int(BATCH_SECONDS / max(state.pace, 1e-6))))
    trials = tuple(state.todo.popleft() for _ in range(min(size, len(state.todo))))
    rows = [
        (f"{state.name}#{trial.number}", state.base.config.name, trial.config_sha256)
        for trial in trials
    ]
    with unbroken():
        numbers = state.ledger.start_many(rows, kind="sweep")
        state.begun.update(numbers)
    future = pool.submit(run_batch, Batch(state.base, trials, str(state.cache)))
    state.under_way[future] = trials, numbers


def _receive(state: Drive, pool: Pool, future: Future[list[Outcome]]) -> bool:
    """Write down what came back; return whether a worker was lost instead."""
    error = failure(future)
    if error is not None:
        if pool.is_loss(error):
            return True
        raise error
    trials, numbers = state.under_way[future]
    outcomes = future.result()
    rows = [
        row_of(outcome, trial.values, trial.config_sha256)
        for outcome, trial in zip(outcomes, trials, strict=True)
    ]
    with unbroken():
        state.book.append(
            [(row, outcome.equity_hkd) for row, outcome in zip(rows, outcomes, strict=True)]
        )
        del state.under_way[future]
        for digest in dict.fromkeys(trial.digest for trial in trials):
            state.ledger.end_many(
                [
                    (number, row.status, headline(row.figures) if row.figures else {}, row.error)
                    for number, row, trial in zip(numbers, rows, trials, strict=True)
                    if trial.digest == digest
                ],
                digest.inputs,
                digest.family,
            )
        state.begun.difference_update(numbers)
    took = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
    state.pace = took if state.pace is None else 0.5 * (state.pace + took)
    state.losses = 0
    state.tell(len(rows))
    return False


def _take_back(state: Drive, pool: Pool, lost: Sequence[Future[list[Outcome]]]) -> None:
    """Begin again, one by one, with what was under way on workers that died."""
    state.losses += 1
    batches = [state.under_way.pop(future) for future in lost]
    trials = [trial for batch, _ in batches for trial in batch]
    numbers = [number for _, begun in batches for number in begun]
    with unbroken():
        state.ledger.end_many([(n, "interrupted", {}, "its worker died") for n in numbers])
        state.begun.difference_update(numbers)
    if state.losses > PATIENCE:
        kind = NetworkError if type(pool).__name__ == "Cluster" else DataError
        raise kind(
            "workers died again and again, and no trial came back",
            given=f"trials {', '.join(str(trial.number) for trial in trials[:8])}",
            wanted="more memory, or fewer --jobs; finished trials are kept",
        )
    state.todo.extendleft(reversed(trials))
    pool.renew()
