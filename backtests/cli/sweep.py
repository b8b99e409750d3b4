"""The command that runs many configs: sweep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from backtests.cli.contract import Config, Json, Set, command, emit, print_report


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("sweep")(sweep)


@command
def sweep(
    config: Config,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES", help="a,b,c or LOW:HIGH:STEP or a TOML array; each is combined."
        ),
    ] = None,
    interval: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="KEY=LOW:HIGH", help="Drawn from; add :log for ratios."),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, help="Draw so many points of grid and ranges.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="How --draws are chosen: random, or optuna (extra newswake[optuna]).",
        ),
    ] = "random",
    objective: Annotated[
        str, typer.Option(metavar="FIGURE", help="What Optuna makes as large as it can.")
    ] = "sharpe",
    rows: Annotated[
        Path | None, typer.Option("--list", help="A CSV or JSON lines file: a row is a trial.")
    ] = None,
    sets: Set = None,
    most: Annotated[
        int, typer.Option("--max", min=1, help="Refuse more trials than this.")
    ] = 100_000,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, one a core by default; results do not depend on it."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler, tcp://…, or local with --jobs."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    cache: Annotated[
        Path | None, typer.Option(help="Folder of what trials share; OUT/cache by default.")
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Say what the cache held, and why not the rest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a config with many values; what is finished is never run again.

    Exit 1 if every trial failed.

    Example: newswake sweep configs/quickstart.toml --grid label.horizon=1,3,5 --jobs 2
    """
    from contextlib import closing
    from dataclasses import asdict

    from backtests.config import load_config
    from backtests.sweeps.flags import parse_axis, parse_interval, read_rows
    from backtests.sweeps.report import write
    from backtests.sweeps.space import Space
    from backtests.sweeps.sweep import Where, finish
    from backtests.sweeps.sweep import sweep as run_sweep

    space = Space(
        axes=tuple(parse_axis(flag) for flag in grid or []),
        intervals=tuple(parse_interval(flag) for flag in interval or []),
        draws=draws,
        rows=read_rows(rows) if rows else (),
        method=method,
        objective=objective,
    )
    where = Where(out=out, cache=cache, jobs=jobs or os.cpu_count() or 1, cluster=cluster)
    swept = run_sweep(load_config(config, sets or []), space, where, most=most)
    with closing(swept.book):
        judged = swept.judged()
        finish(swept, judged)
    for lookup in swept.lookups:
        if lookup.corrupt and not why:
            typer.echo(f"note: {lookup.stage} in the cache: {lookup.why}", err=True)
    failed = [row for row in swept.rows if row.status == "failed"]
    if failed:
        typer.echo(f"note: trial {failed[0].number} failed: {failed[0].error}", err=True)
    if len(failed) == len(swept.rows):
        raise typer.Exit(1)
    if as_json:
        emit(
            {
                "sweep": str(swept.folder),
                "judged": judged,
                "ran": swept.fresh,
                "seconds": swept.seconds,
                "cache": [asdict(lookup) for lookup in swept.lookups],
            }
        )
        return
    lookups = swept.lookups if why else ()
    print_report(
        lambda console: write(console, swept.name, swept.rows, swept.keys, judged, lookups=lookups)
    )
    upstream, trials = swept.seconds["upstream"], swept.seconds["trials"]
    typer.echo(
        f"\n{swept.fresh:,} of {len(swept.rows):,} trials ran now: {upstream:.1f} s for what they "
        f"share, {trials:.1f} s for themselves"
    )
    typer.echo(f"sweep folder  {swept.folder}")
