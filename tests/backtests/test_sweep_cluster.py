"""A sweep on a Dask cluster of two processes, one of them killed on the way."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from backtests.config import load_config
from backtests.sweeps import pools
from backtests.sweeps.flags import parse_axis
from backtests.sweeps.space import Space
from backtests.sweeps.sweep import Where, sweep
from backtests.trials import Ledger
from markets.errors import NetworkError, UsageError

distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # of the cluster's own making

SPACE = Space(
    axes=(
        parse_axis("decision.long_above=0.51:0.56:0.01"),
        parse_axis("strategy.params.max_positions=2:5:1"),
    )
)


def wait_for_a_trial(folder: Path) -> None:
    for _ in range(12_000):
        if any(path.stat().st_size for path in folder.glob("sweeps/*/trials.jsonl")):
            return
        threading.Event().wait(0.01)
    raise AssertionError("no trial finished in time")


def test_a_killed_worker_of_a_cluster_changes_nothing(small_config: Path, tmp_path: Path) -> None:
    loaded = load_config(small_config, environment={})
    alone = sweep(loaded, SPACE, Where(tmp_path / "alone", cache=tmp_path / "cache"))
    alone.book.close()
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
        where = Where(out, cache=tmp_path / "cache", cluster=cluster.scheduler_address)
        done = sweep(loaded, SPACE, where)
        done.book.close()
        thread.join()
        survivors = set(client.run(os.getpid).values())
    assert killed
    assert killed[0] not in survivors
    for name in ("results.csv", "results.json"):
        assert (done.folder / name).read_bytes() == (alone.folder / name).read_bytes()
    trials = list(Ledger(out / "ledger.sqlite").trials())
    assert len(trials) == len(SPACE)
    assert {trial.status for trial in trials} == {"finished"}


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
    monkeypatch.setattr(pools, "REACH_SECONDS", 0.3)
    with pytest.raises(NetworkError) as refused:
        sweep(load_config(small_config, environment={}), SPACE, Where(tmp_path, cluster=address))
    assert refused.value.exit_code == 7
