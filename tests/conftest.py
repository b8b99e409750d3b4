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


SMALL_WORLD = """
name = "small"
start = 2022-10-03
end = 2023-08-31
benchmark = "SYNTH"
[prices.synthetic]
tickers = 5
n_stories = 600
edge_bp = 300
end = 2023-08-31
[split]
min_train_months = 4
min_train_rows = 60
embargo_sessions = 5
test_window = "month"
[decision]
threshold = "fixed"  # calibration blocks of a few dozen rows would choose to abstain
"""


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config of a known-answer market so small that a run takes about a second."""
    path = tmp_path_factory.mktemp("small") / "small.toml"
    path.write_text(SMALL_WORLD, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_run(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run folder of that config."""
    from backtests.config import load_config
    from backtests.run import run

    loaded = load_config(small_config, environment={})
    return run(loaded, tmp_path_factory.mktemp("runs"), show=False)


@pytest.fixture(scope="session")
def answers_dir() -> Path:
    """Known answers from outside the code."""
    return ROOT / "tests" / "answers"
