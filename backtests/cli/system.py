"""Commands on the installation: doctor."""

from __future__ import annotations

import typer

from backtests.cli.contract import Json, command, emit


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("doctor")(doctor)


@command
def doctor(as_json: Json = False) -> None:
    """Say whether this installation is sound, and how far its market tables are verified.

    Example: newswake doctor
    """
    from backtests.doctor import examine

    findings = examine()
    if as_json:
        emit({"findings": findings})
    else:
        for finding in findings:
            color = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}
            typer.secho(f"{finding['level']:<8}", fg=color[finding["level"]], nl=False)
            typer.echo(f"{finding['name']:<16} {finding['message']}")
    if any(finding["level"] == "error" for finding in findings):
        raise typer.Exit(1)
