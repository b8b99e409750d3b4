"""Usage: what a call itself gets wrong, told as every other refusal is; and the version."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from backtests.cli.contract import refuse
from markets.errors import UsageError, nearest_name

PROGRAM = "newswake"

# Typer brings its parser along, and once took it from another package: this is, either way, the
# class of all that the parser finds wrong.
_Wrong: Any = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """The commands by name; a wrong call ends with 2 and says where, what and what else."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> Any:
        """Run a command; under ``--json`` a wrong call is answered with a document, too."""
        words = list(sys.argv[1:] if args is None else args)
        # By whatever door it is called: help and completion name the one that is installed.
        options |= {"prog_name": PROGRAM, "standalone_mode": False}
        try:
            ended = super().main(words, **options)
        except _Wrong as wrong:
            _answer(wrong, as_json="--json" in words)
            sys.exit(UsageError.exit_code)
        except typer.Abort:
            sys.exit(1)
        sys.exit(ended if isinstance(ended, int) else 0)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit(0)


def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """What can still be earned from a piece of news, once it was known?"""  # noqa: D400, D401


def _answer(wrong: Any, *, as_json: bool) -> None:
    where = wrong.ctx.command_path if wrong.ctx else PROGRAM
    if type(wrong).__name__ == "NoArgsIsHelpError":  # its help stands there already
        return
    refuse(_told(wrong, where), as_json=as_json)
    typer.echo(f"`{where} --help` says more", err=True)


def _told(wrong: Any, where: str) -> UsageError:
    """Return what the parser found wrong, with what was given, wanted and near."""
    command = re.match(r"No such command '(.*?)'", str(wrong.message))
    if command and wrong.ctx:
        names = list(wrong.ctx.command.commands)
        return UsageError(
            "no such command",
            where=where,
            given=command[1],
            wanted=", ".join(names),
            nearest=nearest_name(command[1], names),
        )
    if hasattr(wrong, "possibilities") and wrong.ctx:
        names = [name for one in wrong.ctx.command.params for name in one.opts if name[0] == "-"]
        given = str(wrong.option_name)
        near = nearest_name(given, names)
        return UsageError("no such option", where=where, given=given, nearest=near)
    if getattr(wrong, "param", None) is not None:
        return _of_parameter(wrong, where)
    extra = re.search(r"unexpected extra arguments?\S* \((.*)\)", str(wrong.message))
    if extra:
        return UsageError("too many arguments", where=where, given=extra[1])
    problem = str(wrong.format_message()).rstrip(".")
    return UsageError(problem[:1].lower() + problem[1:], where=where)


def _of_parameter(wrong: Any, where: str) -> UsageError:
    """Return what is wrong with an argument or the value of an option."""
    kind = wrong.param.param_type_name
    name = wrong.param.opts[0] if kind == "option" else wrong.param.metavar or wrong.param.name
    if not wrong.message:
        return UsageError(
            f"an {kind} is missing", where=where, wanted=f"{name}: {wrong.param.help}"
        )
    where = f"{where}: {name}"
    choice = re.search(r"'(.*?)' is not one of (.*)", wrong.message)
    if choice:
        names = re.findall(r"'(.*?)'", choice[2])
        return UsageError(
            "no such choice",
            where=where,
            given=choice[1],
            wanted=" or ".join([", ".join(names[:-1]), names[-1]]),
            nearest=nearest_name(choice[1], names),
        )
    problems = wrong.__cause__.errors() if hasattr(wrong.__cause__, "errors") else []
    if not problems:
        return UsageError("invalid value", where=where, wanted=wrong.message)
    from markets.validation import wanted

    return UsageError(
        "invalid value", where=where, given=problems[0]["input"], wanted=wanted(problems)
    )
