"""Commands that doubt a result: audit, compare."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from backtests.cli.contract import Config, Json, Run, Set, command, emit, print_report
from markets.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("audit")(audit)
    app.command("compare")(compare)


@command
def audit(
    config: Config,
    sets: Set = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs and their ledger.")] = Path("runs"),
    cuts: Annotated[int, typer.Option(min=1, help="Instants the future is cut at.")] = 4,
    days: Annotated[
        int,
        typer.Option(
            min=1, help="Days as of which rows, features, labels and signals are made again."
        ),
    ] = 59,
    statistics: Annotated[
        bool,
        typer.Option(
            "--statistics/--no-statistics", help="Placebos, deflation, event study, stress too."
        ),
    ] = True,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; no figure depends on them.")] = 1,
    html: Annotated[
        Path | None,
        typer.Option(help="File for the report as one HTML page, whatever is found."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try to prove a run wrong: whether it looks ahead, and whether its result is luck.

    Exit 5 if anything looks ahead; then there are no statistics. An interrupted audit keeps its
    finished placebo runs.

    Example: newswake audit configs/quickstart.toml --html audit.html
    """
    import sys
    from datetime import UTC, datetime

    from backtests.config import load_config
    from backtests.folder import replace_text
    from backtests.inputs import load_inputs
    from backtests.journal import Journal
    from backtests.robustness import report as page
    from backtests.robustness.lookahead import audit_lookahead

    if html is not None:
        _require_place(html)
    loaded = load_config(config, sets or []).config
    show = sys.stderr.isatty()
    journal = Journal(show=show)
    with journal.stage("loading"):
        inputs = load_inputs(loaded)
    lookahead = audit_lookahead(loaded, inputs, cuts=cuts, days=days, journal=journal)
    verdict: dict[str, Any] = {"headline": lookahead.verdict, "found": False}
    found = {"verdict": verdict, "config": str(config), "lookahead": lookahead.as_dict()}
    shown = page.lookahead_html(loaded.name, lookahead) if html is not None else ""
    if lookahead.ok and statistics:
        from backtests.robustness.audit import statistical_audit
        from backtests.trials import Ledger

        typer.echo(f"{lookahead.verdict} Now the statistics.", err=True)
        ledger = Ledger(out / "ledger.sqlite")
        # An audit shows what a run shows: it is a look, even where no run was ever made.
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{loaded.name}_{loaded.sha256()[:8]}_audit"
        with ledger.look(run_id, loaded.name, loaded.sha256(), "audit") as look:
            report = statistical_audit(
                loaded,
                inputs,
                settings=loaded.robustness,
                ledger=ledger,
                finished=out / "placebos.jsonl",
                jobs=jobs,
                journal=journal,
                show=show,
            )
            look |= {
                "inputs_sha256": inputs.sha256,
                "family_sha256": inputs.family_sha256,
                "metrics": report.headline(),
            }
        found |= {"verdict": dict(report.verdict), "statistics": report.as_dict()}
        if html is not None:
            shown = page.html(report, lookahead)
        if not as_json:
            print_report(lambda console: page.write(console, report))
            typer.echo()
    if html is not None:
        replace_text(html, shown)
    if as_json:
        emit(found)
    else:
        typer.echo(lookahead.text())
    if not lookahead.ok:
        raise typer.Exit(5)


def _require_place(page: Path) -> None:
    """Make the page's folder, or refuse it before an audit of minutes, not after it."""
    with contextlib.suppress(OSError):
        page.parent.mkdir(parents=True, exist_ok=True)
    if page.is_dir() or not page.parent.is_dir() or not os.access(page.parent, os.W_OK):
        wanted = "a file in a folder that can be written to"
        raise UsageError("no place for the page", given=page, wanted=wanted, where="--html")


@command
def compare(
    run_a: Run,
    run_b: Run,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: Json = False,
) -> None:
    """Print how two runs differ: figures with paired bootstrap intervals, config, trades.

    Example: newswake compare runs/20251001T093000Z_quickstart_9c1a3ab9
    runs/20251001T093100Z_quickstart_17f0c2de
    """
    from backtests.compare import compare as compare_runs
    from backtests.compare import write

    found = compare_runs(run_a, run_b, seed=seed)
    if as_json:
        emit(found)
    else:
        print_report(lambda console: write(console, found))
