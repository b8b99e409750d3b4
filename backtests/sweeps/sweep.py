"""sweep: many runs of one config; what they share once, every trial counted, none lost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtests.config import LoadedConfig
from backtests.sweeps.book import Book, Row
from backtests.sweeps.cache import Lookup
from backtests.sweeps.choosers import chooser_of
from backtests.sweeps.drive import Drive, drive
from backtests.sweeps.plan import Plan, Planned, identity_of
from backtests.sweeps.pools import open_pool
from backtests.sweeps.progress import progress
from backtests.sweeps.reads import Digest
from backtests.sweeps.space import MOST, Space
from backtests.sweeps.trial import open_cache
from backtests.trials import Ledger
from markets.errors import DataError


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
    space : Space
        What was tried.
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
    inputs : tuple of Digest
        By trial: the hashes of what it read.
    ledger : Ledger
        Holds these trials, and whatever else was tried.
    """

    folder: Path
    name: str
    space: Space
    rows: list[Row]
    book: Book
    lookups: list[Lookup]
    seconds: dict[str, float]
    fresh: int
    inputs: tuple[Digest, ...]
    ledger: Ledger

    @property
    def keys(self) -> tuple[str, ...]:
        """What varied."""
        return self.space.keys

    def judged(self) -> dict[str, Any]:
        """Return what it showed, beside all that was ever tried on the same stories."""
        from backtests.sweeps.judged import judge

        equity_of, method = self.book.equity_of, self.space.method
        return judge(self.rows, self.keys, equity_of, self.elsewhere, method=method)

    def elsewhere(self, number: int) -> dict[str, float | None]:
        """Return what else was ever tried on the stories of a trial, outside this sweep.

        Annual Sharpe ratio by look; None for one that showed none, and for every
        further combination that tuning tried inside it.
        """
        from backtests.robustness.tries import Look, combinations_of, others_of, sharpe_of

        looks = [
            Look(row.config_sha256, read.inputs, read.family)
            for row, read in zip(self.rows, self.inputs, strict=True)
        ]
        others = others_of(self.ledger, looks[number], looks)
        inner = {
            f"{look}, combination {place}": None
            for look, count in combinations_of(others).items()
            for place in range(2, count + 1)
        }
        return {**sharpe_of(others), **inner}


def sweep(
    base: LoadedConfig, space: Space, where: Where, *, most: int = MOST, show: bool | None = None
) -> Swept:
    """Run every trial of a space that is not finished yet.

    Everything that is known beforehand is checked before anything runs. A trial is a config: its
    results are those of `backtests.run.run` with the same values, to the bit, on any number of
    processes.

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
    chooser = chooser_of(space, base.config.seed, most)
    cache = open_cache(str(where.cache_folder))
    seen = len(cache.lookups)
    began = time.perf_counter()
    plan = Plan(base, cache)
    planned = plan.add(chooser.ask())
    chosen = chooser.identity([one.trial.config_sha256 for one in planned])
    identity = identity_of(base, chosen, plan)
    folder = where.out / "sweeps" / f"{base.config.name}_{identity['sha256'][:8]}"
    book = Book(folder, identity, space.keys)
    before = {row.number for row in book.finished()}
    looked: list[Lookup] = []
    upstream = time.perf_counter() - began
    left = len(space) - len(before)
    # With nothing left to do, and with one trial, nobody else is needed.
    jobs, cluster = (where.jobs if left > 1 else 1), (where.cluster if left else None)
    try:
        ledger = Ledger(where.out / "ledger.sqlite")
        with (
            open_pool(jobs, cluster, where.cache_folder) as pool,
            progress(len(space), len(before), show=show) as tell,
        ):
            state = Drive(base, book, ledger, where.cache_folder, folder.name, tell)
            while planned:
                todo = [one for one in planned if one.trial.number not in before]
                entered = time.perf_counter()
                looked += plan.prepare(todo, pool)
                upstream += time.perf_counter() - entered
                state.todo.extend(plan.ordered(todo))
                drive(state, pool, light=_light(todo))
                chooser.tell([book.rows[one.trial.number] for one in planned])
                planned = plan.add(chooser.ask())
    except BaseException:
        _keep(book)
        raise
    book.settle()
    trials = time.perf_counter() - began - upstream
    return Swept(
        folder=folder,
        name=base.config.name,
        space=space,
        rows=[row for _, row in sorted(book.rows.items())],
        book=book,
        lookups=[*cache.lookups[seen:], *looked],
        seconds={"upstream": round(upstream, 3), "trials": round(trials, 3)},
        fresh=len(plan.planned) - len(before),
        inputs=tuple(one.trial.digest for one in plan.planned),
        ledger=ledger,
    )


def _light(planned: Sequence[Planned]) -> bool:
    """Return whether the kernel alone runs all: what a class of one's own does nobody knows."""
    return all(
        one.config.broker.engine == "compiled" and ":" not in one.config.strategy.name
        for one in planned
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


def _keep(book: Book) -> None:
    """Write the tables of what is finished; a full disk must not hide why the sweep ended."""
    try:
        book.settle()
    except DataError:
        return
    finally:
        book.close()
