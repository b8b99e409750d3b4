"""Reading a stream of stories into events, line by line, in order, in flat memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markets.errors import MissingDataError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings

if TYPE_CHECKING:
    from signals.events.extract import Reader

CHUNK = 200
"""Lines a worker takes at once: small enough to stream, large enough to be worth sending."""

Line = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Reading:
    """How stories are read.

    Attributes
    ----------
    news : NewsSettings
        Keys, limits, encoding.
    instruments, lexicon : str or None
        The user's own TOML files on top of the built-in ones.
    """

    news: NewsSettings = field(default_factory=lambda: NewsSettings(source="jsonl"))
    instruments: str | None = None
    lexicon: str | None = None


def lines_of(paths: Sequence[Path], stdin: Iterable[bytes]) -> Iterator[Line]:
    """Yield each line with its place; ``-`` is standard input.

    Raises
    ------
    MissingDataError
        If a file is not there.
    """
    for path in paths:
        if str(path) == "-":
            yield from ((f"stdin:{number}", line) for number, line in enumerate(stdin, 1))
            continue
        try:
            with path.open("rb") as file:
                yield from ((f"{path.name}:{number}", line) for number, line in enumerate(file, 1))
        except OSError as error:
            raise MissingDataError(f"cannot read the file: {error.strerror}", given=path) from None


def article(path: Path, published_at: str, language: str | None) -> Line:
    """Return a plain text file as one line: its first line is the title.

    Raises
    ------
    MissingDataError
        If the file is not there.
    """
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise MissingDataError(f"cannot read the file: {error.strerror}", given=path) from None
    story = {"id": path.stem, "text": text, "published_at": published_at}
    if language:
        story["language"] = language
    return path.name, json.dumps(story, ensure_ascii=False).encode("utf-8", "surrogateescape")


def read_lines(lines: Iterable[Line], reading: Reading, jobs: int = 1) -> Iterator[dict[str, Any]]:
    """Yield one document a story, in the order of the lines, whatever the number of jobs.

    A line that is no story yields ``{"where", "rejected": {…}}`` in its place: nothing is lost and
    the order holds. Events have novelty 1: each story is read by itself.
    """
    if jobs == 1:
        for line in lines:
            yield from _read_chunk([line], reading)
        return
    with ProcessPoolExecutor(jobs) as pool:
        under_way: deque[Future[list[dict[str, Any]]]] = deque()
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


def _read_chunk(lines: Sequence[Line], reading: Reading) -> list[dict[str, Any]]:
    from signals.sources.jsonl import JsonLines

    reader = _reader(reading.instruments, reading.lexicon)
    parser = JsonLines(reading.news)
    documents: list[dict[str, Any]] = []
    for where, line in lines:
        for found in parser.read(line, where):
            if isinstance(found, NewsItem):
                events = [event.as_dict() for event in reader.read(found)]
                documents.append({"id": found.item_id, "events": events})
            elif not found.kept:
                documents.append({"where": found.where, "rejected": _as_dict(found)})
    return documents


@lru_cache(maxsize=1)
def _reader(instruments: str | None, lexicon: str | None) -> Reader:
    """Return the reader; building one takes longer than reading a story, so a process keeps it."""
    from markets.instruments import Instruments
    from signals.events.extract import Reader
    from signals.events.lexicon import Lexicon
    from signals.linking import Linker

    known = Instruments.default()
    if instruments is not None:
        known = known.extended(Instruments.from_toml(Path(instruments)))
    own = Path(lexicon) if lexicon is not None else None
    return Reader(Linker(known), Lexicon.default(own))


def _as_dict(rejection: Rejection) -> dict[str, str]:
    return {
        "problem": rejection.problem,
        "given": rejection.given,
        "wanted": rejection.wanted,
    }
