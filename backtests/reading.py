"""Reading a stream of stories into events, line by line, in order, in flat memory."""

from __future__ import annotations

import codecs
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from backtests.ambiguous import Left, is_unread, left_out
from markets.errors import ConfigError, DataError, MissingDataError, nearest_file
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings
from signals.sources.files import checked_encoding, encoding_of, lines_in, read_whole
from signals.sources.files import lines as lines_in_file
from signals.sources.jsonl import JsonLines, decode_line

if TYPE_CHECKING:
    from markets.instruments import Instruments
    from signals.events.extract import Reader
    from signals.events.schema import Event

CHUNK = 200
"""Lines a worker takes at once: small enough to stream, large enough to be worth sending."""

Line = tuple[str, bytes | Rejection]
"""A line in UTF-8 with its place, or why it cannot be read."""
Found = tuple["Outcome", NewsItem | None, tuple["Event", ...]]
"""What became of a line; with novelty, its story and events as they are still to be judged."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How stories are read.

    Attributes
    ----------
    news : NewsSettings
        Keys, limits, encoding.
    instruments, lexicon : str or None
        The user's own TOML files on top of the built-in ones.
    novelty : bool
        Set events against the stories before them in the stream.
    ambiguous : bool
        List the names that were not believed.
    """

    news: NewsSettings = field(default_factory=lambda: NewsSettings(source="jsonl"))
    instruments: str | None = None
    lexicon: str | None = None
    novelty: bool = False
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line.

    Attributes
    ----------
    where : str
        File and line.
    document : dict
        What goes out for it: ``{"id", "events"}``, with ``unread`` (its language) for a story of
        ours that is not read, and with novelty ``repeats`` for a near copy of an earlier one: the
        first (``of``), ``copies`` before it, ``age_hours`` since, ``outlets``; or
        ``{"where", "rejected"}``.
    item_id : str or None
        None for a line that is no story.
    language : str or None
        The language of a story that concerns a listed company; None for the others.
    strangers : tuple of str
        Tickers it declares that no instrument table lists, or that are none.
    left : Left or None
        The names that were not believed, where they were asked for.
    """

    where: str
    document: dict[str, Any]
    item_id: str | None = None
    language: str | None = None
    strangers: tuple[str, ...] = ()
    left: Left | None = None


def lines_of(paths: Sequence[Path], stdin: BinaryIO, news: NewsSettings) -> Iterator[Line]:
    """Yield each line with its place; ``-`` is standard input, ``.gz`` is unpacked.

    A line over ``news.max_item_kb`` is passed over, so that no line fills the memory.

    Raises
    ------
    MissingDataError
        If a file is not there.
    DataError
        If it is another container, or over ``news.max_file_mb`` when unpacked.
    ConfigError
        If there is no such encoding, or that of standard input shall be detected.
    """
    for path in paths:
        try:
            if str(path) == "-":
                yield from _in_utf8(lines_in(stdin, "stdin", news), "stdin", _stated(news))
            else:
                yield from _in_utf8(lines_in_file(path, news), path.name, encoding_of(path, news))
        except OSError as error:
            raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> MissingDataError:
    return MissingDataError(
        f"cannot read the file: {(error.strerror or str(error)).lower()}",
        given=path,
        wanted="a file of JSON lines, a .txt, or - for standard input",
        nearest=nearest_file(path) if isinstance(error, FileNotFoundError) else None,
    )


def _stated(news: NewsSettings) -> str:
    if news.encoding == "detect":
        raise ConfigError(
            "the encoding of a stream cannot be detected, its lines are read as they come",
            given=news.encoding,
            wanted="utf-8, gb18030, big5 or another by name, or a file",
            where="news.encoding",
        )
    return checked_encoding(news.encoding)


def _in_utf8(
    found: Iterable[tuple[int, bytes | Rejection]], name: str, encoding: str
) -> Iterator[Line]:
    is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    for number, line in found:
        where = f"{name}:{number}"
        if is_utf8 or isinstance(line, Rejection):
            yield where, line
            continue
        try:
            yield where, decode_line(line, encoding).encode()
        except DataError as error:
            yield where, Rejection.of(error, where)


def article(path: Path, published_at: str, language: str | None, news: NewsSettings) -> Line:
    """Return a plain text file as one line: its first line is the title.

    Raises
    ------
    MissingDataError
        If the file is not there.
    DataError
        If it is over ``news.max_item_kb`` or another container.
    """
    try:
        encoding = encoding_of(path, news)
        text = decode_line(read_whole(path, news), encoding).removeprefix("\ufeff")
    except OSError as error:
        raise _unreadable(path, error) from None
    except DataError as error:
        return path.name, Rejection.of(error, path.name)
    story = {"id": path.stem, "text": text, "published_at": published_at}
    if language:
        story["language"] = language
    return path.name, json.dumps(story, ensure_ascii=False).encode()


def read_lines(lines: Iterable[Line], reading: Reading, jobs: int = 1) -> Iterator[Outcome]:
    """Yield what became of each line, in their order, whatever the number of jobs.

    A line that is no story keeps its place: nothing is lost and the order holds. A blank line
    yields nothing. Events have novelty 1 unless `reading.novelty`: then each has the novelty that
    the stories before it in the stream leave.

    Raises
    ------
    LeakError
        With novelty, if a story became available before the one before it.
    """
    found = _read_all(lines, reading) if jobs == 1 else _side_by_side(lines, reading, jobs)
    tracker = None
    if reading.novelty:
        from signals.events.novelty import NoveltyTracker

        tracker = NoveltyTracker()
    for outcome, item, events in found:
        if tracker is not None and item is not None:
            seen = tracker.sight(item, events)
            outcome.document["events"] = [event.as_dict() for event in seen.events]
            if seen.copies:
                outcome.document["repeats"] = {
                    "of": seen.copy_of,
                    "copies": seen.copies,
                    "age_hours": round(seen.age / timedelta(hours=1), 3),
                    "outlets": seen.outlets,
                }
        yield outcome


def _side_by_side(lines: Iterable[Line], reading: Reading, jobs: int) -> Iterator[Found]:
    with ProcessPoolExecutor(jobs) as pool:
        under_way: deque[Future[list[Found]]] = deque()
        for chunk in _chunks(lines):
            under_way.append(pool.submit(_read_chunk, chunk, reading))
            if len(under_way) >= 4 * jobs:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()


def _chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    stream = iter(lines)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _read_chunk(lines: Sequence[Line], reading: Reading) -> list[Found]:
    return list(_read_all(lines, reading))


def _read_all(lines: Iterable[Line], reading: Reading) -> Iterator[Found]:
    reader, parser, known = _tools(reading)
    for where, line in lines:
        strangers: list[str] = []
        for part in (line,) if isinstance(line, Rejection) else parser.read(line, where):
            if isinstance(part, Rejection):
                if part.kept:
                    strangers.append(part.given)
                else:
                    yield _refused(part), None, ()
                continue
            language, events = reader.read_in_language(part)
            strangers += [ticker for ticker in part.tickers if ticker not in known]
            told = [] if reading.novelty else [event.as_dict() for event in events]
            document: dict[str, Any] = {"id": part.item_id, "events": told}
            if is_unread(language):
                document["unread"] = language
            left = left_out(reader, part, where, language) if reading.ambiguous else None
            outcome = Outcome(where, document, part.item_id, language, tuple(strangers), left)
            yield (outcome, part, events) if reading.novelty else (outcome, None, ())


def _refused(rejection: Rejection) -> Outcome:
    reason = {
        "problem": rejection.problem,
        "given": rejection.given,
        "wanted": rejection.wanted,
    }
    return Outcome(rejection.where, {"where": rejection.where, "rejected": reason})


@lru_cache(maxsize=1)
def _tools(reading: Reading) -> tuple[Reader, JsonLines, Instruments]:
    """Return what reads; building it takes longer than reading a story, so a process keeps it."""
    from markets.instruments import Instruments
    from signals.events.extract import Reader
    from signals.events.lexicon import Lexicon
    from signals.linking import Linker

    known = Instruments.default()
    if reading.instruments is not None:
        known = known.extended(Instruments.from_toml(Path(reading.instruments)))
    own = Path(reading.lexicon) if reading.lexicon is not None else None
    return Reader(Linker(known), Lexicon.default(own)), JsonLines(reading.news), known
