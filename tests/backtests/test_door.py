"""An interruption ends a command with 130 whenever it comes, and kills none that is over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A signal comes at the very moment that a module is asked for, or the interpreter gets to a place.
SCRIPT = """
import atexit, signal, sys
from importlib.abc import MetaPathFinder

def press():
    signal.raise_signal(signal.{name})

class When(MetaPathFinder):
    def __init__(self, name, then):
        self.name, self.then = name, then
    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            sys.meta_path.remove(self)
            self.then()

class Last:
    def __del__(self):
        press()

sys.argv = ["newswake", "market", "tick", "700", "--price", "400", "--on", "2025-09-12", "--json"]
{moment}
from backtests.__main__ import main
main()
"""
MIDST = "sys.meta_path.insert(0, When({module!r}, {then}))"


def ended(moment: str, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name=name, moment=moment)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("module", ["backtests.cli", "markets.lookup"])
def test_before_and_in_a_command_it_is_said(module: str, name: str) -> None:
    done = ended(MIDST.format(module=module, then="press"), name)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_while_pools_and_threads_close_the_rest_is_let_be(name: str) -> None:
    then = "lambda: atexit.register(press)"
    done = ended(MIDST.format(module="markets.lookup", then=then), name)
    assert (done.returncode, done.stderr) == (130, "")
    assert json.loads(done.stdout)["ticker"] == "0700.HK"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_while_the_interpreter_tidies_up_nothing_is_left_to_stop(name: str) -> None:
    done = ended("sys.modules['last'] = Last()", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ticker"] == "0700.HK"
