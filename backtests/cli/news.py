"""Commands on news: events, news collect, news import, lexicon check."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtests.cli.contract import Json, Set, command, emit, emit_line
from markets.wording import counted, row_problem

if TYPE_CHECKING:
    from backtests.ambiguous import Ambiguous
    from backtests.reading import Line, Reading
    from backtests.tally import Tally
    from signals.store import AddReport

app = typer.Typer(no_args_is_help=True, help="Collect and import stories into a store.")
lexicon_app = typer.Typer(no_args_is_help=True, help="Check the cues that stories are read by.")

BAD_INPUT = 4
UNREACHED = 7
COMPLAINTS = 20
"""Lines that were no stories named on stderr; all stand in the output."""

Store = Annotated[Path, typer.Option(help="The store, a SQLite file; made if absent.")]
NewsSet = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="As in --set news.encoding=gb18030."),
]
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
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty", help="Set events against earlier stories; the stream must be in order."
        ),
    ] = False,
    ambiguous: Annotated[
        bool, typer.Option("--ambiguous", help="List the names left out as ambiguous instead.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the order stays.")] = 1,
    sets: NewsSet = None,
    as_json: Json = False,
) -> None:
    """Read stories into events: JSON lines in, JSON lines out, in the same order.

    A line has id, text (or title and body), published_at and perhaps language. A line that is no
    story comes out as {"where", "rejected"}; the command then ends with exit code 4, as it does
    where files hold no story at all. A silent standard input is no error. What became of the lines
    is said on stderr at the end: stories, events, rejected lines, repeated ids, languages that are
    not read (their stories come out with "unread" and the language), tickers that no instrument
    table lists.

    Each story is read by itself and its events have novelty 1. With --novelty they have what the
    stories before them in the stream leave, as in a run: the stream must then be in order of
    available_at (exit code 5 where it is not), and the stories of a week are held in memory. A near
    copy of an earlier story has "repeats": the id of the first, how many copies came before, the
    hours since the first and the outlets that carried it.

    With --ambiguous the names of listed companies that were met and not believed come out in place
    of events, grouped by alias, most frequent first: whom each could have meant, its score, why it
    was left out, and the text around it. None of them ever makes an event.

    Example: newswake events stories.jsonl --novelty
    """
    from backtests.ambiguous import Ambiguous
    from backtests.config import news_settings
    from backtests.reading import Reading, read_lines
    from backtests.tally import Tally
    from markets.errors import MissingDataError, UsageError

    if ambiguous and novelty:
        raise UsageError(
            "a list of names has no novelty", given="--ambiguous --novelty", wanted="one of the two"
        )
    reading = Reading(
        news=news_settings(sets or [], "jsonl"),
        instruments=str(instruments) if instruments else None,
        lexicon=str(lexicon) if lexicon else None,
        novelty=novelty,
        ambiguous=ambiguous,
    )
    tally, left_out = Tally(), Ambiguous()
    for outcome in read_lines(_lines(files, reading, published_at, language), reading, jobs):
        if ambiguous:
            left_out.add(outcome.left)
        else:
            emit_line(outcome.document)
        tally.count(outcome)
        if outcome.item_id is None and tally.rejected <= COMPLAINTS:
            _complain(outcome.document)
    if ambiguous:
        _list_names(left_out, tally, as_json=as_json)
    for sentence in tally.sentences():
        typer.echo(sentence, err=True)
    if not tally.stories and any(str(file) != "-" for file in files):
        raise MissingDataError(
            "no story in the input", given=", ".join(map(str, files)), wanted="one story a line"
        )
    if tally.rejected:
        raise typer.Exit(BAD_INPUT)


def _list_names(left_out: Ambiguous, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        emit({"unread": dict(tally.unread), "ambiguous": left_out.as_dict()})
        return
    for line in left_out.lines():
        typer.echo(line)


def _lines(
    files: list[Path], reading: Reading, published_at: str | None, language: str | None
) -> Iterator[Line]:
    """Yield the lines of all files, a plain text file as one."""
    from backtests.cli.times import read_instant
    from backtests.reading import article, lines_of
    from markets.errors import UsageError
    from signals.sources.clocks import ClockReader

    if published_at is not None:
        clocks = ClockReader(reading.news.zone, reading.news.epoch_unit)
        read_instant(published_at, "--published-at", clocks.read)
    for file in files:
        if file.suffix != ".txt":
            yield from lines_of([file], sys.stdin.buffer, reading.news)
        elif published_at is None:
            raise UsageError(
                "a plain text file has no clock", given=file, wanted="--published-at INSTANT"
            )
        else:
            yield article(file, published_at, language, reading.news)


def _complain(document: dict[str, object]) -> None:
    reason = document["rejected"]
    if isinstance(reason, dict):
        typer.echo(row_problem(str(document["where"]), **reason), err=True)


@lexicon_app.command("check")
@command
def check(lexicon: Lexicon = None, as_json: Json = False) -> None:
    """Look for duplicates, unreachable cues, and cues without twins in the other languages.

    Example: newswake lexicon check --lexicon words.toml
    """
    from signals.events.lexicon import Lexicon
    from signals.events.linter import problems

    found = problems(Lexicon.default(lexicon))
    errors = [problem for problem in found if problem.is_error]
    if as_json:
        emit({"problems": [asdict(problem) for problem in found]})
    else:
        for problem in found:
            level = "error" if problem.is_error else "note"
            nearest = f" (nearest: {problem.nearest})" if problem.nearest else ""
            typer.echo(f"{level:<6} {problem.kind}: {problem.text}{nearest}")
        notes = counted(len(found) - len(errors), "note")
        typer.echo(f"{counted(len(errors), 'error')}, {notes}")
    if errors:
        raise typer.Exit(BAD_INPUT)


@app.command()
@command
def collect(
    feeds: Annotated[
        list[str], typer.Argument(metavar="NAME=ADDRESS…", help="RSS or Atom feeds by name.")
    ],
    store: Store = Path("news.sqlite"),
    sets: NewsSet = None,
    as_json: Json = False,
) -> None:
    """Fetch feeds once and add what is new; each story is stamped with when we saw it.

    Append-only and idempotent: call it as often as wanted. Exit 7 if a feed could not be read;
    what the others brought is kept.

    Example: newswake news collect wire=https://example.org/feed.xml --store news.sqlite
    """
    from datetime import UTC, datetime

    from backtests.config import news_settings
    from markets.errors import UsageError
    from signals.news import Rejection
    from signals.sources.collect import collect as collect_feeds
    from signals.sources.collect import fetch_url
    from signals.store import NewsStore

    addresses = {}
    for feed in feeds:
        name, equals, address = feed.partition("=")
        if not equals:
            raise UsageError("a feed needs a name", given=feed, wanted="name=https://…")
        addresses[name] = address
    settings = news_settings(sets or [], "rss")
    with NewsStore(store) as news:
        found = collect_feeds(
            addresses,
            news,
            fetch=lambda address: fetch_url(address, settings.max_item_kb),
            now=lambda: datetime.now(UTC),
            settings=settings,
        )
        held = len(news)
    failed = {name: error.as_dict() for name, error in found.failed.items()}
    if as_json:
        reports = {name: _document(report) for name, report in found.reports.items()}
        emit({"store": str(store), "stories": held, "feeds": reports, "failed": failed})
    else:
        for name, report in found.reports.items():
            _say(report, f"{name}: ")
        for name, failure in found.failed.items():
            typer.secho(str(Rejection.of(failure, name)), fg="red", err=True)
        typer.echo(f"{counted(held, 'story', 'stories')} in {store}")
    if failed:
        raise typer.Exit(UNREACHED)


@app.command("import")
@command
def import_(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Its [news] names the files.")],
    store: Store = Path("news.sqlite"),
    sets: Set = None,
    as_json: Json = False,
) -> None:
    """Add the stories of a config's files to a store; their own clocks stand.

    Example: newswake news import configs/hk_tech_real.toml --store news.sqlite
    """
    import os

    from backtests.config import load_config
    from signals.sources.collect import import_files
    from signals.store import NewsStore

    loaded = load_config(config, sets or []).config
    with NewsStore(store) as news:
        report = import_files(loaded.news, loaded.resolve_data_dir(os.environ), news)
        held = len(news)
    if as_json:
        emit({"store": str(store), "stories": held, **_document(report)})
        return
    _say(report)
    typer.echo(f"{counted(held, 'story', 'stories')} in {store}")


def _document(report: AddReport) -> dict[str, object]:
    """Return what became of the stories as JSON has it; notices are counted by what they say."""
    rejected = [row.as_dict() for row in report.rejections if not row.kept]
    return {**_counts(report), "rejections": rejected, "notices": dict(_notices(report))}


def _say(report: AddReport, name: str = "") -> None:
    rejected = [row for row in report.rejections if not row.kept]
    for row in rejected[:50]:
        typer.echo(f"rejected {row}", err=True)
    if len(rejected) > 50:
        typer.echo(f"{len(rejected) - 50:,} more rejected: --json has them all", err=True)
    for problem, count in _notices(report).most_common():
        typer.echo(f"{name}kept with a notice, {count:,}: {problem}", err=True)
    typer.echo(name + ", ".join(f"{n:,} {what}" for what, n in _counts(report).items()))


def _notices(report: AddReport) -> Counter[str]:
    return Counter(row.problem for row in report.rejections if row.kept)


def _counts(report: AddReport) -> dict[str, int]:
    return {
        "added": report.added,
        "repeated": report.repeated,
        "revised": report.revised,
        "rejected": report.rejected,
    }
