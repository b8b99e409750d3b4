"""Provenance: hashes, versions and clocks by which a run can be told apart and made again."""

from __future__ import annotations

import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backtests.config import RunConfig
from backtests.inputs import Inputs

PACKAGES = (
    "newswake",
    "backtrader",
    "exchange-calendars",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
)


def provenance_of(config: RunConfig, inputs: Inputs) -> dict[str, Any]:
    """Return what identifies a run: no clock is in it."""
    return {
        "name": config.name,
        "seed": config.seed,
        "config_sha256": config.sha256(),
        "inputs_sha256": inputs.sha256,
        "family_sha256": inputs.family_sha256,
        "prices": {
            "source": inputs.market.source,
            "sha256": inputs.market.sha256,
            "adjusted": inputs.market.adjusted,
        },
        "news": {"stories": len(inputs.store), "sha256": inputs.store.sha256()},
        "revision": revision(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
    }


def clocks_of(started: datetime, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return when a run was made and what it took: wall seconds by stage, peak memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "started_at": started.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(),
        "seconds": dict(seconds),
        "peak_memory_mb": round(peak / 1e6),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that results depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def revision() -> str | None:
    """Return the commit of the code, with ``+`` for local changes; None outside a checkout."""
    git = shutil.which("git")
    home = Path(__file__).resolve().parents[1]
    if git is None or not (home / ".git").exists():
        return None
    described = subprocess.run(  # noqa: S603 (a fixed command)
        [git, "-C", str(home), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None
