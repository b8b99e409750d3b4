"""Fixtures that every test room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "newswake", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("newswake")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real third-party data, which is never part of the project."""
    folder = Path(os.environ.get("NEWSWAKE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data at {folder} (set NEWSWAKE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def answers_dir() -> Path:
    """Known answers from outside the code."""
    return ROOT / "tests" / "answers"
