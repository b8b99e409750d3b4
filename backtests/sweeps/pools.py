"""Pools: where batches run: in this process, in joblib's processes, or on a Dask cluster."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from backtests.sweeps.code import code_sha256
from markets.errors import ConfigError, NetworkError, UsageError

T = TypeVar("T")

REACH_SECONDS = 10.0
"""How long a scheduler may take to answer."""
_LOUD = ("distributed", "distributed.client", "tornado.application", "asyncio")
ALONE_SECONDS = 60.0
"""How long a cluster may be without any worker."""


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
            with _held_back():
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
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None

    def _started(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.backend import resource_tracker

        resource_tracker.ensure_running()  # else the first work would start it, and let Ctrl-C in
        return ProcessPoolExecutor(self.size, initializer=_follow, initargs=(os.getpid(),))


class Cluster:
    """A Dask cluster: one that runs already, or one on this machine."""

    breaks_whole = False
    starts_late = False

    def __init__(self, client: Any, size: int) -> None:
        self.size = size
        self._client = client
        self._executor = client.get_executor(retries=3)
        self._alone_since: float | None = None

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Send work to the scheduler; should its worker die, another one does it."""
        try:
            future: Future[T] = self._executor.submit(work, *arguments)
        except Exception:
            self.renew()  # which says so if the scheduler has gone
            raise
        return future

    def renew(self) -> None:
        """Leave it to the cluster: its nanny or its owner starts workers.

        Raises
        ------
        NetworkError
            If the scheduler has gone.
        """
        if self._client.status != "running":
            raise _gone("the scheduler of the cluster has gone")

    def look(self) -> None:
        """Raise if the scheduler has gone, or has had no worker for long.

        Raises
        ------
        NetworkError
            See above.
        """
        self.renew()
        if self._client.scheduler_info(n_workers=-1)["workers"]:
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        if now - self._alone_since >= ALONE_SECONDS:
            raise _gone("the cluster has lost all its workers")

    def is_loss(self, error: BaseException) -> bool:
        """Return whether workers died so often that the scheduler gave up, or it went itself."""
        from distributed import KilledWorker

        return isinstance(error, KilledWorker | CancelledError)


def failure(future: Future[Any]) -> BaseException | None:
    """Return why work that is over has no result, also where it was given up."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _gone(problem: str) -> NetworkError:
    return NetworkError(
        problem, wanted="the same command again, here or on a cluster: finished trials are kept"
    )


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
        with _client(cluster, jobs) as client:
            size = _check_workers(client, cache)
            yield Cluster(client, size)
    elif jobs == 1:
        yield Here()
    else:
        pool = Processes(jobs)
        try:
            yield pool
        finally:
            pool.close()


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask from logging what is said in words of our own, and its tracebacks with it."""
    loggers = [logging.getLogger(name) for name in _LOUD]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _client(cluster: str, jobs: int) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigError(
            "the cluster engine is not installed",
            given=f"--cluster {cluster}",
            wanted="pip install 'newswake[cluster]'",
        ) from None
    with ExitStack() as stack:
        stack.enter_context(_silent())  # after the import, which sets levels of its own
        if cluster == "local":
            local = LocalCluster(
                n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None
            )
            yield stack.enter_context(Client(stack.enter_context(local)))
            return
        try:
            client = Client(cluster, timeout=REACH_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise NetworkError(
                f"the cluster cannot be reached: {reason.splitlines()[0]}",
                given=cluster,
                wanted="the address of a running scheduler, as tcp://host:8786, or local",
            ) from None
        yield stack.enter_context(client)


def _check_workers(client: Any, cache: Path) -> int:
    """Hold every worker to what the results rest on; return how many there are."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise NetworkError("the cluster has no worker", wanted="dask worker ADDRESS --nthreads 1")
    for address, told in workers.items():
        if told["nthreads"] != 1:
            raise UsageError(
                "a worker has several threads, and the engine is made for one",
                given=f"{told['nthreads']} threads at {address}",
                wanted="dask worker ADDRESS --nworkers N --nthreads 1",
            )
    mark = cache / ".seen"
    cache.mkdir(parents=True, exist_ok=True)
    mark.write_text(code_sha256(), encoding="utf-8")
    for address, (code, seen) in client.run(_probe, str(mark)).items():
        if code != code_sha256():
            raise ConfigError(
                "a worker has other code", given=address, wanted="the same version everywhere"
            )
        if not seen:
            raise ConfigError(
                "a worker does not see the cache",
                given=f"{cache} at {address}",
                wanted="--cache DIR on a file system that all machines share",
            )
    return len(workers)


def _probe(mark: str) -> tuple[str, bool]:
    """Return, from a worker, its code and whether it sees a file."""
    path = Path(mark)
    return code_sha256(), path.is_file() and path.read_text(encoding="utf-8") == code_sha256()


@contextmanager
def _held_back() -> Iterator[None]:
    """Let Ctrl-C wait while processes are started: they begin life without hearing it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
