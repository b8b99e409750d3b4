"""Rounds: placebo runs over processes, kept as they finish, so that an audit can go on later."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from backtests.metrics.undefined import UndefinedMetric
from backtests.robustness.ground import Figures, Ground
from backtests.robustness.placebo import PLACEBOS, Habits, available, rounded

SCHEMA = 1
"""Raised when a placebo's draws or figures change, so that old lines are not taken for new."""

BATCH = 4
"""Runs a process takes at a time: handing over the ground must not cost more than the runs."""


class Finished:
    """Finished placebo runs in an append-only file of JSON lines.

    Parameters
    ----------
    path : Path or None
        The file, made where absent; None keeps nothing.

    Notes
    -----
    A line that a killed process left half-written is skipped; what it would have held is run again.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._known: dict[tuple[str, int], Figures] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._remember(line)

    def get(self, key: str, number: int) -> Figures | None:
        """Return the figures of a run, or None if it has not finished."""
        return self._known.get((key, number))

    def add(self, key: str, placebo: str, number: int, figures: Figures) -> None:
        """Keep the figures of a run that finished."""
        self._known[key, number] = figures
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        row = {"key": key, "placebo": placebo, "run": number, "figures": figures}
        # A newline first where the last line was cut off, so that this one stays whole.
        torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(("\n" if torn else "") + json.dumps(row, sort_keys=True) + "\n")

    def _remember(self, line: str) -> None:
        try:
            row = json.loads(line)
            self._known[str(row["key"]), int(row["run"])] = dict(row["figures"])
        except (ValueError, KeyError, TypeError):
            return


def key_of(placebo: str, ground: Ground, habits: Habits, seed: int) -> str:
    """Return the identity of a placebo's runs: what the ground follows from, habits, seed."""
    parts = [SCHEMA, placebo, ground.sha256, seed]
    if placebo == "random_trader":
        parts.append(habits.trader.model_dump_json())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def run_placebos(
    ground: Ground,
    habits: Habits,
    placebos: Mapping[str, int],
    *,
    seed: int,
    jobs: int = 1,
    finished: Finished | None = None,
    show: bool = False,
) -> dict[str, list[Figures] | str]:
    """Run every placebo as often as wanted, but for runs that finished before.

    Parameters
    ----------
    placebos : mapping of str to int
        How often each is run, by its name in `PLACEBOS`.
    seed : int
        Run i of a placebo depends on its name, the seed and i alone: neither on `jobs` nor on what
        was finished before.
    jobs : int
        Processes.
    finished : Finished, optional
        What is known already; grows as runs finish.
    show : bool
        Whether to show progress on stderr.

    Returns
    -------
    dict
        By placebo: figures by number of run, or the reason why the run is too small for it.
    """
    finished = finished or Finished(None)
    found: dict[str, list[Figures] | str] = {}
    keys: dict[str, str] = {}
    wanted: dict[str, int] = {}
    for name, runs in placebos.items():
        try:
            most = available(name, ground)
        except UndefinedMetric as reason:
            found[name] = reason.problem
            continue
        keys[name] = key_of(name, ground, habits, seed)
        wanted[name] = runs if most is None else min(runs, most)
    missing = [
        (name, number)
        for name, count in wanted.items()
        for number in range(count)
        if finished.get(keys[name], number) is None
    ]
    with _undisturbed(), progress("placebo runs", len(missing), show) as step:
        for name, number, figures in _run(ground, habits, missing, seed, jobs):
            finished.add(keys[name], name, number, figures)
            step()
    for name, count in wanted.items():
        known = [finished.get(keys[name], number) for number in range(count)]
        found[name] = [figures for figures in known if figures is not None]
    return {name: found[name] for name in placebos}


def _run(
    ground: Ground, habits: Habits, missing: Sequence[tuple[str, int]], seed: int, jobs: int
) -> Iterator[tuple[str, int, Figures]]:
    if jobs == 1 or len(missing) <= BATCH:
        for one in missing:
            yield from _batch(ground, habits, [one], seed)
        return
    from joblib import Parallel, delayed

    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    # Memory-mapped arguments would be read-only for one process and not for another.
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", max_nbytes=None)
    for done in parallel(delayed(_batch)(ground, habits, batch, seed) for batch in batches):
        yield from done


def _batch(
    ground: Ground, habits: Habits, numbers: Sequence[tuple[str, int]], seed: int
) -> list[tuple[str, int, Figures]]:
    return [
        (name, number, _tidied(PLACEBOS[name].run(ground, habits, number, seed)))
        for name, number in numbers
    ]


def _tidied(figures: Figures) -> Figures:
    """Return the figures as they are read back from the file."""
    return {name: rounded(value) for name, value in figures.items()}


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the collector of garbage away from all that is there now: no placebo run frees it.

    Looking through everything that a run has read would cost as much as a short placebo.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def progress(name: str, total: int, show: bool) -> Iterator[Callable[[], None]]:
    """Show on stderr how many of so many steps are done; yields what is called after each."""
    if not show or not total:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda: progress.advance(task)
