"""Commands on runs: run, report, explain, signals."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtests.cli.contract import Config, Json, Run, Set, command, emit

if TYPE_CHECKING:
    from backtests.view import RunView


class Format(StrEnum):
    """What a report can be printed as."""

    TEXT = "text"
    HTML = "html"
    MD = "md"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("run")(run)
    app.command("report")(report)
    app.command("explain")(explain)
    app.command("signals")(signals)


@command
def run(
    config: Config,
    sets: Set = None,
    out: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=VALUE", help="Exit 6 if a metric ends below this value."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Trade by both engines; fail if one value differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the whole line and print its performance report.

    Example: newswake run configs/quickstart.toml --set label.horizon=5
    """
    from backtests.config import load_config
    from backtests.folder import read_run
    from backtests.gates import check_gates, parse_gates, require_metrics
    from backtests.reports import print_text
    from backtests.run import run as run_line

    gates = parse_gates(fail_under or [])
    loaded = load_config(config, sets or [])
    require_metrics(gates, loaded.config)
    folder = run_line(loaded, out, check=check)
    view = read_run(folder)
    agreed = {"fills_compared": _compared(folder), "differences": 0} if check else None
    if as_json:
        emit(_document(folder, view) | ({"engines": agreed} if agreed else {}))
    else:
        print_text(view)
    if agreed:
        fills = agreed["fills_compared"]
        typer.echo(f"both engines agree: {fills:,} fills compared, zero differences", err=True)
    check_gates(gates, view.metrics)


@command
def report(
    run: Run,
    form: Annotated[Format, typer.Option("--format", help="text, html, md or json.")] = Format.TEXT,
    as_json: Json = False,
) -> None:
    """Print the report of a finished run again.

    Example: newswake report runs/20251001T093000Z_quickstart_9c1a3ab9 --format md
    """
    from backtests.folder import read_run
    from backtests.reports import markdown, print_text

    view = read_run(run)
    if as_json or form is Format.JSON:
        emit(_document(run, view))
    elif form is Format.HTML:
        typer.echo((run / "report.html").read_text(encoding="utf-8"))
    elif form is Format.MD:
        typer.echo(markdown(view))
    else:
        print_text(view)


@command
def explain(
    run: Run,
    trade_id: Annotated[int, typer.Argument(metavar="TRADE_ID", help="As in trades.csv.")],
    as_json: Json = False,
) -> None:
    """Trace a trade: fill, order, signal, probability, features, events, stories, all clocks.

    Example: newswake explain runs/20251001T093000Z_quickstart_9c1a3ab9 17
    """
    from backtests.explain import explain as explain_trade
    from backtests.explain import print_explanation

    explanation = explain_trade(run, trade_id)
    if as_json:
        emit(explanation)
    else:
        print_explanation(explanation)


@command
def signals(
    config: Config,
    as_of: Annotated[
        str, typer.Option(metavar="INSTANT", help="ISO 8601 with a zone: what was known then.")
    ],
    sets: Set = None,
    as_json: Json = False,
) -> None:
    """Print the signals and whole-lot orders for the coming session, as known at an instant.

    Example: newswake signals configs/quickstart.toml --as-of 2025-09-12T08:30+08:00
    """
    from backtests.cli.times import read_instant
    from backtests.config import load_config
    from backtests.live import coming_session, print_coming

    instant = read_instant(as_of, "--as-of")
    coming = coming_session(load_config(config, sets or []), instant)
    if as_json:
        emit(coming)
    else:
        print_coming(coming)


def _compared(run: Path) -> int:
    """Return on how many fills of a run, its baselines' too, both engines agree."""
    from backtests.run import COMPARED

    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(int(json.loads(line).get(COMPARED, 0)) for line in lines)


def _document(run: Path, view: RunView) -> dict[str, Any]:
    """Return a report as one JSON document; drift stands in its folds."""
    return {
        "run": str(run),
        "metrics": view.metrics,
        "checks": view.checks,
        "folds": view.folds,
    }
