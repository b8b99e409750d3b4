"""What every command keeps: one JSON document with ``--json``, clear errors, exit codes."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from markets.errors import INTERRUPTED, NewswakeError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

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
    """Say what is refused on stderr, under ``--json`` on stdout too, and return how to end."""
    complain(error)
    if options.get("as_json"):
        with contextlib.suppress(OSError):  # stdout itself may be what cannot be written
            emit_line(error.as_dict())  # one line: fit for streams as well
    return typer.Exit(error.exit_code)


def complain(error: NewswakeError) -> None:
    """Print a refusal on stderr, its first word marked."""
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(str(error), err=True)


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
