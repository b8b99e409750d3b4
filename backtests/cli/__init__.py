"""The command line: a contract of commands, JSON documents and exit codes.

Nothing heavy is imported before a command needs it: ``newswake --help`` must answer at once.
"""

from __future__ import annotations

import typer

import backtests.cli.audits as audits
import backtests.cli.configs as configs
import backtests.cli.data as data
import backtests.cli.market as market
import backtests.cli.news as news
import backtests.cli.runs as runs
import backtests.cli.sweep as sweep
import backtests.cli.system as system
from backtests.cli.usage import PROGRAM, Commands, root

app = typer.Typer(
    name=PROGRAM,
    cls=Commands,
    callback=root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (runs, sweep, audits, news, system):
    room.register(app)
app.add_typer(data.app, name="data")
app.add_typer(news.app, name="news")
app.add_typer(news.lexicon_app, name="lexicon")
app.add_typer(market.app, name="market")
app.add_typer(configs.app, name="config")
