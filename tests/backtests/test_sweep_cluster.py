"""A sweep on a Dask cluster of two processes; a worker, the sweep or all of it killed midway."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backtests.config import load_config
from backtests.sweeps import cluster, drive
from backtests.sweeps.flags import parse_axis
from backtests.sweeps.space import Space
from backtests.sweeps.sweep import Swept, Where, sweep
from backtests.trials import Ledger
from markets.errors import NetworkError, UsageError

distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("default")  # of the cluster's own making

AXES = ("decision.long_above=0.51:0.56:0.01", "strategy.params.max_positions=2:5:1")
SPACE = Space(axes=tuple(parse_axis(axis) for axis in AXES))
TABLES = ("results.csv", "results.json")
StartSweep = Callable[..., subprocess.Popen[str]]
Wait = Callable[[Path], None]


@dataclass(frozen=True)
class Apart:
    """A scheduler and two workers in processes of their own."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: subprocess.Popen[bytes]  # leads a group: the nannies with their workers


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    file = tmp_path / "scheduler.json"
    host = ("--no-dashboard", "--host", "127.0.0.1")
    scheduler = _start("dask_scheduler", "--scheduler-file", str(file), "--port", "0", *host)
    address = _address(file)
    workers = _start("dask_worker", address, "--nworkers", "2", "--nthreads", "1", *host)
    try:
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=120)
        yield Apart(address, scheduler, workers)
    finally:
        for process in (workers, scheduler):
            _kill(process)


def _start(module: str, *flags: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *flags],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _address(file: Path) -> str:
    for _ in range(6_000):
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text(encoding="utf-8"))["address"])
        time.sleep(0.02)
    raise AssertionError("no scheduler in time")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finished(out: Path) -> int:
    return next(out.glob("sweeps/*/trials.jsonl")).read_bytes().count(b"\n")


def require_kept(out: Path) -> int:
    """Hold that the results of a sweep that ended early are those of its finished trials."""
    kept = finished(out)
    assert len(json.loads(next(out.glob("sweeps/*/results.json")).read_text())) == kept
    return kept


def require_taken_up(alone: Swept, config: Path, where: Where) -> None:
    """Hold that a sweep taken up runs what is left, no more, and ends as the undisturbed one."""
    kept = finished(where.out)
    again = sweep(load_config(config, environment={}), SPACE, where)
    again.book.close()
    assert 0 < again.fresh == len(SPACE) - kept
    assert tables(again) == tables(alone)


def tables(done: Swept) -> dict[str, bytes]:
    return {name: (done.folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def alone(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """The sweep that nobody disturbed, in one process; its cache is that of all others."""
    out = tmp_path_factory.mktemp("alone")
    done = sweep(load_config(small_config, environment={}), SPACE, Where(out))
    done.book.close()
    return done


@pytest.fixture
def warm(alone: Swept) -> Path:
    return alone.folder.parents[1] / "cache"


@pytest.fixture
def under_way(
    apart: Apart,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    start_sweep: StartSweep,
    wait_for_a_trial: Wait,
) -> subprocess.Popen[str]:
    """A sweep on that cluster, in a process of its own, with its first trial finished."""
    process = start_sweep(small_config, AXES, tmp_path, warm, "--cluster", apart.address)
    wait_for_a_trial(tmp_path)
    return process


def test_a_sweep_killed_on_a_cluster_is_taken_up_on_it(
    under_way: subprocess.Popen[str],
    apart: Apart,
    alone: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
) -> None:
    os.killpg(under_way.pid, signal.SIGKILL)
    under_way.wait()
    require_taken_up(alone, small_config, Where(tmp_path, cache=warm, cluster=apart.address))


def test_a_cluster_that_dies_under_a_sweep_is_said_and_keeps_what_is_finished(
    under_way: subprocess.Popen[str],
    apart: Apart,
    alone: Swept,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
) -> None:
    _kill(apart.workers)
    _kill(apart.scheduler)
    _, said = under_way.communicate(timeout=120)
    assert under_way.returncode == 7
    assert said.startswith("error: the scheduler of the cluster has gone")
    assert "Traceback" not in said
    require_kept(tmp_path)
    require_taken_up(alone, small_config, Where(tmp_path, cache=warm))


def test_a_cluster_without_workers_is_not_waited_for_for_ever(
    apart: Apart,
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_for_a_trial: Wait,
) -> None:
    monkeypatch.setattr(cluster, "ALONE_SECONDS", 0.5)
    monkeypatch.setattr(drive, "LOOK_SECONDS", 0.2)

    def kill_all() -> None:
        wait_for_a_trial(tmp_path)
        _kill(apart.workers)

    thread = threading.Thread(target=kill_all)
    thread.start()
    where = Where(tmp_path, cache=warm, cluster=apart.address)
    with pytest.raises(NetworkError, match="lost all its workers"):
        sweep(load_config(small_config, environment={}), SPACE, where)
    thread.join()


def test_a_killed_worker_of_a_cluster_changes_nothing(
    alone: Swept, warm: Path, small_config: Path, tmp_path: Path, wait_for_a_trial: Wait
) -> None:
    loaded = load_config(small_config, environment={})
    out = tmp_path / "cluster"
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        assert len(set(pids)) == 2
        killed: list[int] = []

        def kill_one() -> None:
            wait_for_a_trial(out)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        thread = threading.Thread(target=kill_one)
        thread.start()
        where = Where(out, cache=warm, cluster=cluster.scheduler_address)
        done = sweep(loaded, SPACE, where)
        done.book.close()
        thread.join()
        survivors = set(client.run(os.getpid).values())
    assert killed
    assert killed[0] not in survivors
    assert tables(done) == tables(alone)
    trials = list(Ledger(out / "ledger.sqlite").trials())
    assert len(trials) == len(SPACE)
    assert {trial.status for trial in trials} == {"finished"}


def test_ctrl_c_ends_a_cluster_on_this_machine_in_one_word(
    warm: Path,
    small_config: Path,
    tmp_path: Path,
    start_sweep: StartSweep,
    wait_for_a_trial: Wait,
) -> None:
    """Its workers hear nothing of Ctrl-C: they would print where they stood."""
    process = start_sweep(small_config, AXES, tmp_path, warm, "--cluster", "local", "--jobs", "2")
    wait_for_a_trial(tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=120)  # as long as a worker is left to write
    assert (process.returncode, output, errors) == (130, "", "interrupted\n")
    assert 0 < require_kept(tmp_path) < len(SPACE)


def test_a_worker_with_several_threads_is_refused(small_config: Path, tmp_path: Path) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        where = Where(tmp_path, cluster=cluster.scheduler_address)
        with pytest.raises(UsageError, match="several threads"):
            sweep(load_config(small_config, environment={}), SPACE, where)


@pytest.mark.parametrize("address", ["nonsense://nowhere", "tcp://127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_said(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(cluster, "REACH_SECONDS", 0.3)
    with pytest.raises(NetworkError) as refused:
        sweep(load_config(small_config, environment={}), SPACE, Where(tmp_path, cluster=address))
    assert refused.value.exit_code == 7
