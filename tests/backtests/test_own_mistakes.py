"""A mistake in a part of one's own: their file, their line, their message, and no traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtests.cli import app

FEATURE = """
class Mine:
    name = "mine"
    memory = 0

    def __init__(self, settings):
        self.settings = settings

    def build(self, rows, market):
        return self.column(rows)

    def column(self, rows):
        return pd.DataFrame({"mine__one": [1.0 for row in rows]})
"""
LABEL = """
class Mine:
    def __init__(self, settings):
        self.settings = settings

    def outcomes(self, entries, market, calendar):
        return entires
"""
STRATEGY = """
from strategies.base import SignalStrategy


class Mine(SignalStrategy):
    def targets(self, view):
        best = view.signals[0].tickr
        return {best: 0.1}
"""
PARTS = {
    "features": (
        FEATURE,
        'features.groups=["prices", "mistaken_part:Mine"]',
        "NameError: name 'pd' is not defined",
        "column",
        'return pd.DataFrame({"mine__one": [1.0 for row in rows]})',
    ),
    "label": (
        LABEL,
        "label.name=mistaken_part:Mine",
        "NameError: name 'entires' is not defined",
        "outcomes",
        "return entires",
    ),
    "strategy": (
        STRATEGY,
        "strategy.name=mistaken_part:Mine",
        "AttributeError: 'Signal' object has no attribute 'tickr'",
        "targets",
        "best = view.signals[0].tickr",
    ),
    "import": (
        "import numpy as np\nSIZE = np.nonsense\n",
        "strategy.name=mistaken_part:Mine",
        "has no attribute 'nonsense'",
        "<module>",
        "SIZE = np.nonsense",
    ),
}


@pytest.fixture(autouse=True)
def _on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("mistaken_part", None)


@pytest.mark.parametrize("kind", PARTS)
def test_it_is_told_at_its_line(kind: str, small_config: Path, tmp_path: Path) -> None:
    text, setting, message, function, line = PARTS[kind]
    file = tmp_path / "mistaken_part.py"
    file.write_text(text, encoding="utf-8")
    command = ["run", str(small_config), "--set", setting, "--out", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1, result.output
    at = next(n for n, each in enumerate(text.splitlines(), 1) if line in each)
    told = json.loads(result.stdout)
    assert told["error"] == "PartError"
    assert message in told["problem"]
    assert told["where"].startswith(f"{file}, line {at}, in ")
    assert function in told["where"]
    assert told["given"] == line
    assert "Traceback" not in result.output
    assert len(result.stderr.splitlines()) < 10


def test_what_cannot_be_read_is_told_at_its_line(small_config: Path, tmp_path: Path) -> None:
    file = tmp_path / "mistaken_part.py"
    file.write_text("size = 1\ndef targets(:\n    pass\n", encoding="utf-8")
    setting = "strategy.name=mistaken_part:Mine"
    result = CliRunner().invoke(
        app, ["run", str(small_config), "--set", setting, "--out", str(tmp_path)]
    )
    assert result.exit_code == 1, result.output
    assert "SyntaxError" in result.stderr
    assert f"{file}, line 2" in result.stderr
    assert "def targets(:" in result.stderr


def test_a_mistake_of_the_house_keeps_its_traceback(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backtests.stages.pool_rows", None)
    result = CliRunner().invoke(app, ["run", str(small_config), "--out", str(tmp_path)])
    assert isinstance(result.exception, TypeError)
