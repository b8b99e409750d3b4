"""Cluster: batches sent to a Dask scheduler, one that runs already or one on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar

from backtests.sweeps.code import code_sha256
from backtests.sweeps.interrupts import held_back
from markets.errors import ConfigError, NetworkError, UsageError

T = TypeVar("T")

REACH_SECONDS = 10.0
"""How long a scheduler may take to answer."""
ALONE_SECONDS = 60.0
"""How long a cluster may be without any worker."""
_LOUD = ("distributed", "distributed.client", "tornado.application", "asyncio")


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


@contextmanager
def open_cluster(cluster: str, jobs: int, cache: Path) -> Iterator[Cluster]:
    """Open a cluster; see `backtests.sweeps.pools.open_pool`."""
    with _client(cluster, jobs) as client:
        yield Cluster(client, _check_workers(client, cache))


def _gone(problem: str) -> NetworkError:
    return NetworkError(
        problem, wanted="the same command again, here or on a cluster: finished trials are kept"
    )


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
            resource_tracker.ensure_running()  # else the first worker's start would let Ctrl-C in
            # Workers, also those in the place of dead ones, are started by a thread begun in here.
            with held_back():
                local = LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
                stack.enter_context(local)
            yield stack.enter_context(Client(local))
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
