"""Commands on data: fetch, import, check."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from backtests.cli.contract import Config, Json, Set, command, emit
from markets.wording import counted, row_problem

app = typer.Typer(no_args_is_help=True, help="Fetch, import and check prices and stories.")


@app.command()
@command
def check(config: Config, sets: Set = None, as_json: Json = False) -> None:
    """Check a config's prices and news clocks; exit 4 if something would falsify a run.

    Says too how many stories stay unread for their language, and which names were too ambiguous
    to make an event; with --json each of them with its reason and the text around it.

    Example: newswake data check configs/quickstart.toml
    """
    from backtests.ambiguous import CountingReader
    from backtests.checks import reading
    from backtests.config import load_config
    from backtests.inputs import load_inputs
    from backtests.news_clocks import news_clocks
    from markets.check import check as check_market

    loaded = load_config(config, sets or []).config
    inputs = load_inputs(loaded)
    reader = CountingReader(inputs.reader())
    report = check_market(inputs.market, inputs.calendar, news_clocks(inputs, reader), loaded.end)
    rejections = [r for r in inputs.rejections if not r.kept]
    if as_json:
        rows = [r.as_dict() for r in rejections]
        left_out = {"unread": dict(reader.unread), "ambiguous": reader.ambiguous.as_dict()}
        emit({**report.as_dict(), "rejected_stories": rows, **left_out})
    else:
        color = {"error": "red", "warning": "yellow", "note": "cyan"}
        for finding in report.findings:
            typer.secho(f"{finding.level:<8}", fg=color[finding.level], nl=False)
            typer.echo(f"{finding.where}: {finding.message}")
        for r in rejections[:20]:
            typer.echo(f"rejected {r}")
        for said in reading(reader):
            typer.secho(f"{said['level']:<8}", fg=color.get(said["level"]), nl=False)
            typer.echo(f"{said['name']}: {said['message']}")
        for ticker, found in report.coverage.items():
            span = f"{found['first']} to {found['last']}"
            typer.echo(
                f"{ticker}  {span}  {counted(found['bars'], 'bar')} of "
                f"{counted(found['sessions'], 'session')}, "
                f"{found['untraded']} without a trade, {found['missing']} missing"
            )
        nouns = {"rejected": "rejected row"}
        counts = ", ".join(
            counted(count, nouns.get(name, name.removesuffix("s")))
            for name, count in report.counts.items()
        )
        typer.echo(f"{counts}, {counted(len(rejections), 'rejected story', 'rejected stories')}")
    if not report.ok:
        raise typer.Exit(4)


@app.command()
@command
def fetch(
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER…", help="As in 0700.HK.")],
    start: Annotated[str, typer.Option(metavar="DATE", help="First session.")],
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Last session.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder of the snapshots.")] = Path("snapshots"),
    offline: Annotated[bool, typer.Option("--offline", help="Replay what is stored.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch daily bars and actions from Yahoo into immutable snapshots.

    Example: newswake data fetch 0700.HK 9988.HK --start 2023-01-01
    """
    from backtests.cli.market import read_ticker
    from backtests.cli.times import read_date
    from markets.errors import UsageError
    from markets.sources import PriceSettings, load_prices
    from markets.sources.yahoo import YahooSettings

    since = read_date(start, "--start")
    until: date | None = None if end is None else read_date(end, "--end")
    if until is not None and until < since:
        raise UsageError(
            "the end lies before the start", given=end, wanted=f"{since} or later", where="--end"
        )
    names = [read_ticker(ticker) for ticker in tickers]
    yahoo = YahooSettings(snapshots=str(folder.resolve()), offline=offline)
    # What Yahoo said, and nothing of our own: its hash must not change with our tables.
    settings = PriceSettings(source="yahoo", yahoo=yahoo, known_actions=False)
    market = load_prices(settings, names, since, until, Path())
    rows = [
        {
            "ticker": ticker,
            "bars": len(bars),
            "first": str(bars.index[0].date()),
            "last": str(bars.index[-1].date()),
        }
        for ticker, bars in market.bars.items()
    ]
    if as_json:
        emit({"folder": str(folder), "sha256": market.sha256, "tickers": rows})
    else:
        for row in rows:
            bars = counted(int(str(row["bars"])), "bar")
            typer.echo(f"{row['ticker']}  {bars}, {row['first']} to {row['last']}")
        typer.echo(f"snapshots in {folder}")


@app.command("import")
@command
def import_(
    files: Annotated[str, typer.Argument(metavar="PATTERN", help="Files: CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    as_json: Json = False,
) -> None:
    """Read price files, keep the good rows, list the others, write one Parquet file.

    Example: newswake data import "prices/*.csv" --out prices.parquet
    """
    from backtests.price_files import import_prices

    report = import_prices(files, out)
    if as_json:
        emit(report)
        return
    for row in report["rejections"][:50]:
        typer.echo(f"rejected {row_problem(**row)}", err=True)
    typer.echo(
        f"{counted(report['bars'], 'bar')} of {counted(report['tickers'], 'ticker')} in {out}; "
        f"{counted(len(report['rejections']), 'row')} rejected"
    )
