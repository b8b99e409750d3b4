"""What every command keeps: one JSON document with ``--json``, clear errors, exit codes."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from markets.errors import INTERRUPTED, NewswakeError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file, as in configs/.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as in runs/….")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a value, as in --set label.horizon=5."),
]


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Let a command end as the contract says: refusals with their exit code, Ctrl-C with 130.

    What a part of the user's own raises is a refusal, too, at their line.

    A refusal goes to stderr; under ``--json`` stdout carries it as a document too.
    """

    @functools.wraps(function)
    def kept(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return function(*arguments, **options)
        except NewswakeError as error:
            _place(error, options)
            raise _refused(error, options) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read us has gone (`| head`): keep the interpreter from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            # A place that cannot be read or written is a person's to mend: no traceback.
            problem = f"cannot read or write: {error.strerror or error}"
            raise _refused(NewswakeError(problem, given=error.filename), options) from None
        except typer.Exit:
            raise
        except Exception as error:
            # Imported here: what belongs to a config takes a while to import.
            from backtests.cli.own_code import part_error

            # A mistake in a user's own part is theirs to mend; one of ours keeps its traceback.
            theirs = part_error(error)
            if theirs is None:
                raise
            raise _refused(theirs, options) from None

    return kept


def _refused(error: NewswakeError, options: Mapping[str, object]) -> typer.Exit:
    """Say what is refused; return the exit that the contract has for it."""
    refuse(error, as_json=bool(options.get("as_json")))
    return typer.Exit(error.exit_code)


def _place(error: NewswakeError, options: Mapping[str, object]) -> None:
    """Let a refusal that names a key of the command's config say where that key is set."""
    path = options.get("config")
    key, of, part = (error.where or "").partition(" of ")
    if not isinstance(path, Path) or not re.fullmatch(r"\w+(\.\w+)*", key):
        return
    from backtests.config import RunConfig, load_config

    if key.partition(".")[0] in RunConfig.model_fields:
        sets = options.get("sets")
        # Loaded again, as it was a moment ago: only where something is wrong, and read in no time.
        with contextlib.suppress(NewswakeError):
            loaded = load_config(path, sets if isinstance(sets, list) else [])
            error.where = (loaded.place(key) or key) + of + part


def refuse(error: NewswakeError, *, as_json: bool) -> None:
    """Say what is refused on stderr, its first word marked, and as a document on stdout too."""
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(str(error), err=True)
    if as_json:
        with contextlib.suppress(OSError):  # stdout itself may be what cannot be written
            emit_line(error.as_dict())  # one line: fit for streams as well


def print_report(write: Callable[[Console], None]) -> None:
    """Write to stdout as every report is."""
    from backtests.reports.terminal import to_stdout

    to_stdout(write)


def emit(document: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str, allow_nan=False))


_LINE = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=False)


def emit_line(document: Any) -> None:
    """Print one JSON line on stdout at once: whoever reads a stream wants it as it comes."""
    sys.stdout.write(_LINE.encode(document) + "\n")
    sys.stdout.flush()
