"""Sweeps in processes of their own, to be killed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
StartSweep = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_sweep() -> Iterator[StartSweep]:
    """Return what starts a sweep of some axes as the leader of its own group."""
    processes: list[subprocess.Popen[str]] = []

    def start(
        config: Path, axes: Sequence[str], out: Path, cache: Path, *more: str
    ) -> subprocess.Popen[str]:
        flags = [part for axis in axes for part in ("--grid", axis)]
        command = [sys.executable, "-m", "backtests", "sweep", str(config), *flags]
        process = subprocess.Popen(
            [*command, "--out", str(out), "--cache", str(cache), *more],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def wait_for_a_trial() -> Callable[[Path], None]:
    """Return what waits until the first trial of a sweep is in its journal."""

    def wait(out: Path) -> None:
        until = time.monotonic() + 120.0
        while time.monotonic() < until:
            if any(path.stat().st_size for path in out.glob("sweeps/*/trials.jsonl")):
                return
            time.sleep(0.005)
        raise AssertionError("no trial finished in time")

    return wait
