"""A wrong call says where, what and what else; the examples of help are right; shells complete."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from backtests.cli import app

ROOT = Path(__file__).resolve().parents[2]


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def commands(group: Any = None, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = dict(commands())


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("rnu", {"problem": "no such command", "given": "rnu", "nearest": "run"}),
        ("market nte", {"where": "newswake market", "nearest": "note"}),
        ("run", {"problem": "an argument is missing", "where": "newswake run"}),
        ("run a b", {"problem": "too many arguments", "given": "b"}),
        ("run a --sett b", {"problem": "no such option", "given": "--sett", "nearest": "--set"}),
        ("run a --set", {"problem": "option '--set' requires an argument"}),
        (
            "report a --format pfd",
            {"given": "pfd", "wanted": "text, html, md or json"},
        ),
        (
            "explain a one",
            {"where": "newswake explain: TRADE_ID", "given": "one", "wanted": "a whole number"},
        ),
        (
            "audit a --cuts 0",
            {"where": "newswake audit: --cuts", "given": "0", "wanted": "1 or more"},
        ),
        ("signals a", {"wanted": "--as-of: ISO 8601 with a zone: what was known then."}),
    ],
)
def test_a_wrong_call_is_told_as_every_refusal(call: str, told: dict[str, str]) -> None:
    result = invoke(*call.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert "--help` says more" in result.stderr
    assert "Input should" not in result.stderr
    words = call.split()
    document = json.loads(invoke(*words[:2], "--json", *words[2:]).stdout)
    assert {name: document[name] for name in told} == told
    assert document["error"] == "UsageError"


def test_a_call_without_words_is_answered_with_help() -> None:
    for words in ((), ("market",)):
        result = invoke(*words)
        assert result.exit_code == 2
        assert "Usage: newswake" in result.output
        assert "error:" not in result.output


def test_the_version_is_that_of_the_package() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout) == (0, f"newswake {version('newswake')}\n")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_has_an_example_that_the_command_takes(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    call = " ".join(command.help.partition("Example: ")[2].split())
    words = shlex.split(call)
    assert words[: len(path) + 1] == ["newswake", *path]
    command.make_context(path[-1], words[len(path) + 1 :])  # refuses what it does not take
    shown = " ".join(invoke(*path, "--help").stdout.split())
    assert call in shown
    if path[0] in ("market", "config") and "runs/" not in call:
        inside = [word.replace("configs/", f"{ROOT}/configs/") for word in words[1:]]
        assert invoke(*inside).exit_code == 0


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_and_argument_is_described(path: tuple[str, ...]) -> None:
    assert [one.name for one in COMMANDS[path].params if not one.help] == []


DATED = [
    (path, one) for path in COMMANDS for one in COMMANDS[path].params
    if one.metavar in ("DATE", "INSTANT")
]  # fmt: skip


@pytest.mark.parametrize(("path", "option"), DATED, ids=lambda of: getattr(of, "name", " "))
@pytest.mark.parametrize("text", ["nonsense", "2025-02-30", "", "12.9.2025", "2025-09-12T08:30"])
def test_what_is_no_date_is_a_wrong_call(path: tuple[str, ...], option: Any, text: str) -> None:
    """A call as its help has it, with one date or time that is none."""
    words = shlex.split(COMMANDS[path].help.partition("Example: ")[2])[1:]
    words = [word.replace("configs/", f"{ROOT}/configs/") for word in words]
    name = option.opts[0] if option.param_type_name == "option" else option.metavar
    if name in words:
        words[words.index(name) + 1] = text
    else:
        words[-1:] = [text] if name == option.metavar else [words[-1], name, text]
    result = invoke(*words, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["where"], told["given"]) == (2, name, text)
    assert "2025-09-12" in told["wanted"]
    assert "no such date" in told["problem"] or "zone" in told["problem"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("newswake ru", "run"),
        ("newswake market n", "note"),
        ("newswake report r --format ", "html"),
    ],
)
def test_a_shell_completes_what_was_begun(typed: str, offered: str) -> None:
    asked = {
        "_NEWSWAKE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "backtests"],
        cwd=ROOT,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert offered in done.stdout.split()
