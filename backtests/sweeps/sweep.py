"""sweep: many runs of one config; what they share once, every trial counted, none lost."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backtests.config import LoadedConfig, RunConfig, with_values
from backtests.inputs import Inputs, load_inputs
from backtests.sweeps.book import Book, Row, row_of
from backtests.sweeps.cache import Lookup
from backtests.sweeps.code import code_sha256, plugins_of
from backtests.sweeps.pools import Pool, open_pool
from backtests.sweeps.progress import Tell, progress
from backtests.sweeps.space import MOST, Space
from backtests.sweeps.trial import (
    Batch,
    Outcome,
    Trial,
    headline,
    open_cache,
    prepare,
    run_batch,
    trial_to_blame,
)
from backtests.sweeps.upstream import (
    Digest,
    Line,
    digest_of,
    files_of,
    groups_of,
    input_group,
    keys_of,
)
from backtests.trials import Ledger
from markets.errors import DataError, NetworkError, UsageError
from markets.plugins import load
from strategies.base import SignalStrategy, build_params

BATCH_SECONDS = 1.0
"""How long a batch should take: what a killed worker can lose, and seldom enough to send."""
LARGEST_BATCH = 500
PATIENCE = 3
"""How often workers may die in a row without a single trial coming back."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a sweep runs and what it keeps.

    Attributes
    ----------
    out : Path
        Folder of run folders, with the ledger; the sweep lies in ``sweeps/`` under it.
    cache : Path or None
        Folder of what trials share; ``cache/`` under `out` by default.
    jobs : int
        Processes.
    cluster : str or None
        Address of a Dask scheduler, or ``local``.
    """

    out: Path
    cache: Path | None = None
    jobs: int = 1
    cluster: str | None = None

    @property
    def cache_folder(self) -> Path:
        """Folder of what trials share, as an absolute path: workers stand elsewhere."""
        return (self.cache or self.out / "cache").absolute()


@dataclass(frozen=True, eq=False)
class Swept:
    """A finished sweep.

    Attributes
    ----------
    folder : Path
        Its folder.
    name : str
        Of the config.
    keys : tuple of str
        What varied.
    rows : list of Row
        All trials, in the order of the space.
    book : Book
        For the equity of each; closed by whoever asked for the sweep.
    lookups : list of Lookup
        What was found in the cache, and why the rest was not.
    seconds : dict of str to float
        What it took: upstream and trials.
    fresh : int
        Trials that this very sweep ran; the rest were finished before.
    """

    folder: Path
    name: str
    keys: tuple[str, ...]
    rows: list[Row]
    book: Book
    lookups: list[Lookup]
    seconds: dict[str, float]
    fresh: int


@dataclass(slots=True)
class _State:
    """A sweep under way."""

    base: LoadedConfig
    book: Book
    ledger: Ledger
    cache: Path
    name: str
    tell: Tell
    todo: deque[Trial]
    under_way: dict[Future[list[Outcome]], tuple[tuple[Trial, ...], list[int]]] = field(
        default_factory=dict
    )
    begun: set[int] = field(default_factory=set)  # in the ledger, without an outcome so far
    pace: float | None = None  # seconds a trial, as last seen
    losses: int = 0


def sweep(
    base: LoadedConfig, space: Space, where: Where, *, most: int = MOST, show: bool | None = None
) -> Swept:
    """Run every trial of a space that is not finished yet.

    Everything is checked before anything runs. A trial is a config: its results are those of
    `backtests.run.run` with the same values, to the bit, on any number of processes.

    Parameters
    ----------
    base : LoadedConfig
        The config that is varied.
    space : Space
        Which values are tried.
    where : Where
        Processes and folders.
    most : int
        More trials than this are refused.
    show : bool, optional
        Whether to show progress; by default where stderr is a terminal.

    Raises
    ------
    UsageError, ConfigError
        If the space is empty, too large, or holds a value that is out of bounds.
    DataError
        If data are missing, or the folders cannot be written; finished trials are kept.
    NetworkError
        If the cluster cannot be reached.
    KeyboardInterrupt
        Finished trials are kept, and the tables written.
    """
    points = space.points(base.config.seed, most)
    configs = checked(base, points)
    cache = open_cache(str(where.cache_folder))
    seen = len(cache.lookups)
    began = time.perf_counter()
    loaded = _Loaded(configs)
    trials = [
        Trial(number, point, config.sha256(), loaded.digests[input_group(config)])
        for number, (point, config) in enumerate(zip(points, configs, strict=True))
    ]
    identity = _identity(base, space, trials, configs)
    folder = where.out / "sweeps" / f"{base.config.name}_{identity['sha256'][:8]}"
    book = Book(folder, identity)
    book.name_keys(space.keys)
    try:
        finished = {row.number for row in book.finished()}
        todo = [trial for trial in trials if trial.number not in finished]
        # With nothing left to do, and with one trial, nobody else is needed.
        jobs = where.jobs if len(todo) > 1 else 1
        cluster = where.cluster if todo else None
        with open_pool(jobs, cluster, where.cache_folder) as pool:
            lookups = _prepare(base, [(t, configs[t.number]) for t in todo], loaded, pool, where)
            ready = time.perf_counter()
            ordered = _sharing_most(todo, configs, loaded)
            with progress(len(trials), len(finished), show=show) as tell:
                state = _State(
                    base=base,
                    book=book,
                    ledger=Ledger(where.out / "ledger.sqlite"),
                    cache=where.cache_folder,
                    name=folder.name,
                    tell=tell,
                    todo=deque(ordered),
                )
                _drive(state, pool)
    except BaseException:
        _keep(book)
        raise
    book.settle()
    ended = time.perf_counter()
    return Swept(
        folder=folder,
        name=base.config.name,
        keys=space.keys,
        rows=[row for _, row in sorted(book.rows.items())],
        book=book,
        lookups=[*cache.lookups[seen:], *lookups],
        seconds={"upstream": round(ready - began, 3), "trials": round(ended - ready, 3)},
        fresh=len(todo),
    )


def finish(swept: Swept, judged: Mapping[str, Any]) -> None:
    """Write what a sweep was judged to be, and its page, into its folder.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    from backtests.folder import to_json
    from backtests.sweeps.report import html

    pages = {
        "judged.json": to_json(judged),
        "report.html": html(swept.name, swept.rows, swept.keys, judged),
    }
    for name, content in pages.items():
        swept.book.write(name, content)


def checked(base: LoadedConfig, points: Sequence[Mapping[str, Any]]) -> list[RunConfig]:
    """Return the config of every point, each checked as a run's is, strategy parameters included.

    Raises
    ------
    ConfigError
        For the first value that is unknown or out of bounds.
    UsageError
        If two points are one config: it would be counted twice.
    """
    configs: list[RunConfig] = []
    seen: dict[str, int] = {}
    known: set[str] = set()
    classes: dict[str, Any] = {}
    for number, point in enumerate(points):
        config = with_values(base, point)
        strategy = config.strategy.model_dump_json()
        if strategy not in known:
            name = config.strategy.name
            if name not in classes:
                classes[name] = load("strategies", name)
            _check_strategy(config, classes[name])
            known.add(strategy)
        other = seen.setdefault(config.sha256(), number)
        if other != number:
            raise UsageError(
                "two trials are the same config",
                given=f"trials {other} and {number}: {dict(point)}",
            )
        configs.append(config)
    return configs


def _check_strategy(config: RunConfig, cls: Any) -> None:
    if isinstance(cls, type) and issubclass(cls, SignalStrategy):
        where = f"strategy.params of {config.strategy.name}"
        build_params(cls.Params, config.strategy.params, where=where)


class _Loaded:
    """What the configs read, hashed; the inputs read last are kept for what is upstream."""

    def __init__(self, configs: Sequence[RunConfig]) -> None:
        self.digests: dict[str, Digest] = {}
        self._inputs: tuple[str, Inputs] | None = None
        for group, config in groups_of(configs).items():
            self.digests[group] = digest_of(self.inputs(config))

    def inputs(self, config: RunConfig) -> Inputs:
        """Return the inputs of a config."""
        group = input_group(config)
        if self._inputs is None or self._inputs[0] != group:
            self._inputs = (group, load_inputs(config))
        return self._inputs[1]


def _identity(
    base: LoadedConfig, space: Space, trials: Sequence[Trial], configs: Sequence[RunConfig]
) -> dict[str, Any]:
    """Return what a sweep is: with other code, inputs or values it is another sweep."""
    parts: dict[str, Any] = {
        "name": base.config.name,
        "config_sha256": base.config.sha256(),
        "keys": list(space.keys),
        "trials": len(trials),
        "trials_sha256": _sha256([trial.config_sha256 for trial in trials]),
        "inputs_sha256": sorted({trial.digest.inputs for trial in trials}),
        "code_sha256": code_sha256(),
        "files": files_of(configs),
        "plugins": plugins_of([dict(trial.values) for trial in trials])
        | plugins_of(base.config.model_dump(mode="json")),
    }
    return {**parts, "sha256": _sha256(parts)}


def _prepare(
    base: LoadedConfig,
    trials: Sequence[tuple[Trial, RunConfig]],
    loaded: _Loaded,
    pool: Pool,
    where: Where,
) -> list[Lookup]:
    """Compute what is upstream once for all who share it; return what workers asked the cache."""
    cache = open_cache(str(where.cache_folder))
    first: dict[str, tuple[Trial, RunConfig]] = {}
    read: dict[str, Line] = {}
    for trial, config in trials:
        line = Line(config, trial.digest, cache, _loader(loaded, config))
        first.setdefault(line.keys.answers.sha256, (trial, config))
        read.setdefault(f"{line.keys.readings.sha256} {line.keys.market.sha256}", line)
    if len(first) == 1 or pool.size == 1:
        for trial, config in first.values():
            with trial_to_blame():
                Line(config, trial.digest, cache, _loader(loaded, config)).prepare()
        return []
    for line in read.values():
        with trial_to_blame():
            line.prepare_reading()
    futures = [
        pool.submit(prepare, base, trial, str(where.cache_folder)) for trial, _ in first.values()
    ]
    return [lookup for future in futures for lookup in future.result()]


def _loader(loaded: _Loaded, config: RunConfig) -> Any:
    return lambda: loaded.inputs(config)


def _sharing_most(
    trials: Sequence[Trial], configs: Sequence[RunConfig], loaded: _Loaded
) -> list[Trial]:
    """Return the trials so that those of equal answers and signals follow each other."""
    order: dict[str, int] = {}

    def rank(trial: Trial) -> tuple[int, int, int]:
        keys = keys_of(configs[trial.number], trial.digest)
        answers = order.setdefault(keys.answers.sha256, len(order))
        signals = order.setdefault(keys.signals.sha256, len(order))
        return answers, signals, trial.number

    return sorted(trials, key=rank)


def _drive(state: _State, pool: Pool) -> None:
    """Keep the pool busy until nothing is left to do."""
    try:
        while state.todo or state.under_way:
            while state.todo and len(state.under_way) < 2 * pool.size:
                _send(state, pool)
            done, _ = wait(state.under_way, return_when=FIRST_COMPLETED)
            lost = [future for future in done if _receive(state, pool, future)]
            if lost and pool.breaks_whole:
                rest, _ = wait(set(state.under_way) - set(lost))
                lost += [future for future in rest if _receive(state, pool, future)]
            if lost:
                _take_back(state, pool, lost)
    finally:
        # However this ends: what was begun and has not come back is counted as interrupted.
        state.ledger.end_many([(n, "interrupted", {}, None) for n in sorted(state.begun)])


def _send(state: _State, pool: Pool) -> None:
    size = 1
    if state.pace is not None and not state.losses:
        fair = len(state.todo) // (2 * pool.size) + 1
        size = max(1, min(LARGEST_BATCH, fair, int(BATCH_SECONDS / max(state.pace, 1e-6))))
    trials = tuple(state.todo.popleft() for _ in range(min(size, len(state.todo))))
    rows = [
        (f"{state.name}#{trial.number}", state.base.config.name, trial.config_sha256)
        for trial in trials
    ]
    with _unbroken():
        numbers = state.ledger.start_many(rows, kind="sweep")
        state.begun.update(numbers)
    future = pool.submit(run_batch, Batch(state.base, trials, str(state.cache)))
    state.under_way[future] = trials, numbers


def _receive(state: _State, pool: Pool, future: Future[list[Outcome]]) -> bool:
    """Write down what came back; return whether a worker was lost instead."""
    error = future.exception()
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
    with _unbroken():
        state.book.append(
            [(row, outcome.equity_hkd) for row, outcome in zip(rows, outcomes, strict=True)]
        )
        del state.under_way[future]
        for inputs in sorted({trial.digest.inputs for trial in trials}):
            state.ledger.end_many(
                [
                    (number, row.status, headline(row.figures) if row.figures else {}, row.error)
                    for number, row, trial in zip(numbers, rows, trials, strict=True)
                    if trial.digest.inputs == inputs
                ],
                inputs,
            )
        state.begun.difference_update(numbers)
    took = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
    state.pace = took if state.pace is None else 0.5 * (state.pace + took)
    state.losses = 0
    state.tell(len(rows))
    return False


def _take_back(state: _State, pool: Pool, lost: Sequence[Future[list[Outcome]]]) -> None:
    """Begin again, one by one, with what was under way on workers that died."""
    state.losses += 1
    batches = [state.under_way.pop(future) for future in lost]
    trials = [trial for batch, _ in batches for trial in batch]
    numbers = [number for _, begun in batches for number in begun]
    with _unbroken():
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


@contextmanager
def _unbroken() -> Iterator[None]:
    """Let Ctrl-C wait until journal and ledger say the same."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _keep(book: Book) -> None:
    """Write the tables of what is finished; a full disk must not hide why the sweep ended."""
    try:
        book.settle()
    except DataError:
        return
    finally:
        book.close()


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
