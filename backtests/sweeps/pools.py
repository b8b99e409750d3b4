"""Pools: where batches run: in this process, in joblib's processes, or on a Dask cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from backtests.sweeps.cluster import open_cluster
from backtests.sweeps.interrupts import held_back, unheard_threads

T = TypeVar("T")


class Pool(Protocol):
    """Where work is sent.

    Attributes
    ----------
    size : int
        Batches that run at once.
    breaks_whole : bool
        Whether the death of one worker fails everything that is under way.
    starts_late : bool
        Whether nothing is started before the first work is sent.
    """

    size: int
    breaks_whole: bool
    starts_late: bool

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Send work; what it needs must be importable there."""
        ...

    def renew(self) -> None:
        """Put new workers in the place of dead ones."""
        ...

    def look(self) -> None:
        """Raise if nobody is left who could do the work."""
        ...

    def is_loss(self, error: BaseException) -> bool:
        """Return whether an error means that a worker died, and not that the work failed."""
        ...


class Here:
    """The leading process, one batch at a time."""

    size = 1
    breaks_whole = False
    starts_late = False

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Do the work at once."""
        future: Future[T] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """There is nothing that could have died."""

    def look(self) -> None:
        """Whoever could look is there."""

    def is_loss(self, error: BaseException) -> bool:
        """Return False: were this process dead, nobody would ask."""
        return False


class Processes:
    """joblib's worker processes on this machine, started when the first work is sent."""

    breaks_whole = True
    starts_late = True

    def __init__(self, jobs: int) -> None:
        self.size = jobs
        self._executor: Any = None

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Send work to a process."""
        self._executor = self._executor or self._started()
        try:
            with held_back():
                future: Future[T] = self._executor.submit(work, *arguments)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Let new processes be started."""
        self.close()

    def look(self) -> None:
        """Nothing to see: should a process die, its work says so."""

    def is_loss(self, error: BaseException) -> bool:
        """Return whether the pool broke."""
        return isinstance(error, BrokenExecutor)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        if self._executor is not None:
            with unheard_threads():
                self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None

    def _started(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.backend import resource_tracker

        resource_tracker.ensure_running()  # else the first work would start it, and let Ctrl-C in
        return ProcessPoolExecutor(self.size, initializer=_follow, initargs=(os.getpid(),))


def failure(future: Future[Any]) -> BaseException | None:
    """Return why work that is over has no result, also where it was given up."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


@contextmanager
def open_pool(jobs: int, cluster: str | None, cache: Path) -> Iterator[Pool]:
    """Open a pool, and close it however the sweep ends.

    Parameters
    ----------
    jobs : int
        Processes; 1 does without any. With ``cluster="local"`` the number of its workers.
    cluster : str or None
        The address of a Dask scheduler, or ``local``.
    cache : Path
        Folder that every worker must see.

    Raises
    ------
    NetworkError
        If the cluster cannot be reached.
    ConfigError
        If the extra is not installed, or a worker has other code or does not see the cache.
    """
    if cluster is not None:
        with open_cluster(cluster, jobs, cache) as pool:
            yield pool
    elif jobs == 1:
        yield Here()
    else:
        processes = Processes(jobs)
        try:
            yield processes
        finally:
            processes.close()


def _follow(leader: int) -> None:
    """Leave Ctrl-C to the process that leads, and end when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_without, args=(leader,), daemon=True).start()


def _end_without(leader: int) -> None:
    # Nothing else would end it: it waits for work on a pipe that its like keep open.
    while os.getppid() == leader:
        time.sleep(1.0)
    os._exit(1)
