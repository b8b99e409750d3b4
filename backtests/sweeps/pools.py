"""Pools: where batches run: in this process, in joblib's processes, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from backtests.sweeps.code import code_sha256
from markets.errors import ConfigError, NetworkError, UsageError

T = TypeVar("T")

REACH_SECONDS = 10.0
"""How long a scheduler may take to answer."""


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
            future: Future[T] = self._executor.submit(work, *arguments)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Let new processes be started."""
        self.close()

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

        return ProcessPoolExecutor(self.size, initializer=_quiet)


class Cluster:
    """A Dask cluster: one that runs already, or one on this machine."""

    breaks_whole = False
    starts_late = False

    def __init__(self, client: Any, size: int) -> None:
        self.size = size
        self._executor = client.get_executor(retries=3)

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Send work to the scheduler; should its worker die, another one does it."""
        future: Future[T] = self._executor.submit(work, *arguments)
        return future

    def renew(self) -> None:
        """Leave it to the cluster: its nanny or its owner starts workers."""

    def is_loss(self, error: BaseException) -> bool:
        """Return whether workers died so often that the scheduler gave up."""
        from distributed import KilledWorker

        return isinstance(error, KilledWorker | CancelledError)


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
def _client(cluster: str, jobs: int) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigError(
            "the cluster engine is not installed",
            given=f"--cluster {cluster}",
            wanted="pip install 'newswake[cluster]'",
        ) from None
    if cluster == "local":
        with (
            LocalCluster(
                n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None
            ) as local,
            Client(local) as client,
        ):
            yield client
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
    with client:
        yield client


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


def _quiet() -> None:
    """Leave Ctrl-C to the process that leads: it ends the workers itself."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
