"""Commands on news: events, news collect, news import, lexicon check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backtests.cli.contract import Json, command, emit, emit_line

app = typer.Typer(no_args_is_help=True, help="Collect and import stories into a store.")
lexicon_app = typer.Typer(no_args_is_help=True, help="Check the cues that stories are read by.")

BAD_INPUT = 4

Store = Annotated[Path, typer.Option(help="The store, a SQLite file; made if absent.")]
Lexicon = Annotated[Path | None, typer.Option(help="TOML file of your own cues, on top of ours.")]


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.command("events")(events)


@command
def events(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="JSON lines; - is stdin.")],
    published_at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Clock of a plain text file (.txt).")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of a plain text file: de, en, zh.")
    ] = None,
    instruments: Annotated[
        Path | None, typer.Option(help="TOML file of your own instruments, on top of ours.")
    ] = None,
    lexicon: Lexicon = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the order stays.")] = 1,
    as_json: Json = False,
) -> None:
    """Read stories into events: JSON lines in, JSON lines out, in the same order.

    A line has id, text (or title and body), published_at and perhaps language. A line that is no
    story comes out as {"where", "rejected"}; the command then ends with exit code 4.
    """
    from backtests.reading import Reading, article, lines_of, read_lines
    from markets.errors import UsageError

    lines = []
    for file in files:
        if file.suffix == ".txt":
            if published_at is None:
                raise UsageError(
                    "a plain text file has no clock", given=file, wanted="--published-at INSTANT"
                )
            lines.append(iter([article(file, published_at, language)]))
        else:
            lines.append(lines_of([file], sys.stdin.buffer))
    reading = Reading(
        instruments=str(instruments) if instruments else None,
        lexicon=str(lexicon) if lexicon else None,
    )
    rejected = 0
    for document in read_lines((line for part in lines for line in part), reading, jobs):
        emit_line(document)
        if "rejected" in document:
            rejected += 1
            _complain(document)
    if rejected:
        typer.echo(f"{rejected} lines were no stories", err=True)
        raise typer.Exit(BAD_INPUT)


def _complain(document: dict[str, object]) -> None:
    reason = document["rejected"]
    if isinstance(reason, dict):
        given = f", given {reason['given']}" if reason["given"] else ""
        wanted = f", wanted {reason['wanted']}" if reason["wanted"] else ""
        typer.echo(f"{document['where']}: {reason['problem']}{given}{wanted}", err=True)


@lexicon_app.command("check")
@command
def check(lexicon: Lexicon = None, as_json: Json = False) -> None:
    """Look for duplicates, unreachable cues, and cues without twins in the other languages."""
    from signals.events.lexicon import check_lexicon

    findings = [finding.as_dict() for finding in check_lexicon(lexicon)]
    errors = [finding for finding in findings if finding["level"] == "error"]
    if as_json:
        emit({"findings": findings})
    else:
        for finding in findings:
            typer.echo(f"{finding['level']:<8} {finding['where']}: {finding['message']}")
        typer.echo(f"{len(errors)} errors, {len(findings) - len(errors)} notes")
    if errors:
        raise typer.Exit(BAD_INPUT)
