"""How well and how fast stories are read: labeled headlines, stories per second, ratios to spaCy.

Run with ``python -m benchmarks.reading [--json] [--memory]``. The ratio of speed needs spaCy (``pip
install spacy``, no model): its blank pipeline with a phrase matcher of the same names, in the same
run. Without it only our own rates are shown, and the bounds on speed are not measured. With
``--memory`` a million stories go through ``newswake events`` instead, and what it holds in memory
is shown.

Exit status: 0 if every bound that was measured is kept, 1 if one on quality is missed, 3 if only
bounds on speed or memory are. Each missed bound is named with how much is lacking. (``make`` itself
ends with 2 whatever the status was.)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from benchmarks import reading_quality
from benchmarks.reading_quality import ANSWERS, Bound
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.scoring import labeled
from signals.linking import Linker
from signals.news import NewsItem

AT = datetime(2025, 9, 12, tzinfo=UTC)
STORY = (
    "Alibaba hebt die Prognose an",
    "Alibaba teilte mit, binnen drei Jahren mindestens {n},5 Mrd. USD in Rechenzentren zu stecken. "
    "Die Aktie legte in Hongkong um {n},9 % auf 1{n},80 Hongkong-Dollar zu. Analysten von "
    "Jefferies werteten das am {n}. Tag als Zeichen der Zuversicht. Das Unternehmen nannte zum "
    "Werk Nr. {n} keine Einzelheiten. ",
)
FOREIGN = (
    "Stadtrat berät über neue Brücke",
    "Die Sitzung dauerte bis {n} Uhr in den Abend, ohne dass ein Beschluss fiel. Der Verein der "
    "Anwohner Nr. {n} fordert einen Tunnel, die Verwaltung rechnet mit {n} Autos und höheren "
    "Kosten. ",
)
SPEEDS = {
    "read, 2 KB articles of ours, every sentence new": 5.0,
    "read, a stream 95 % foreign, every sentence new": 50.0,
}
"""Promised speed as times spaCy's, of stories no sentence of which was seen before."""
MEMORY_COUNTS = (100_000, 300_000, 1_000_000)


def stories(
    parts: tuple[str, str], count: int, length: int = 2000, *, first: int = 1000, new: bool = True
) -> list[NewsItem]:
    """Return stories of about `length` characters.

    With `new` no two sentences of any two stories are alike; else all stories tell the same
    sentences, as wire copy and boilerplate do.
    """
    title, sentence = parts
    each = length // len(sentence)
    made = []
    for n in range(count):
        start = first + n * each if new else first
        body = "".join(sentence.format(n=start + k) for k in range(each))
        made.append(NewsItem(str(n), AT, "bench", f"{title} ({first + n})", body, language="de"))
    return made


def labeled_articles(length: int = 2000) -> list[NewsItem]:
    """Return articles in which sentences differ in all their words: labeled headlines in a row.

    Each tells of a company, which is denser than any paper prints.
    """
    made = []
    for language in ("de", "en"):
        body = ""
        for row in labeled(ANSWERS / f"reading_{language}.jsonl"):
            body += (row.get("title") or row["text"]).rstrip(".") + ". "
            if len(body) >= length:
                name = f"{language}{len(made)}"
                made.append(NewsItem(name, AT, "bench", name, body, language=language))
                body = ""
    return made


def per_second(
    run: Callable[[Sequence[NewsItem]], None], rounds: Sequence[Sequence[NewsItem]]
) -> float:
    """Return items a second, the best of some rounds: processor time, others share the machine."""
    rates = []
    for items in rounds:
        start = time.process_time()
        run(items)
        rates.append(len(items) / (time.process_time() - start))
    return max(rates)


def spacy_matcher(linker: Linker) -> Callable[[Sequence[NewsItem]], None] | None:
    """Return spaCy's blank pipeline over the same names, or None where it is not installed."""
    try:
        import spacy
        from spacy.matcher import PhraseMatcher
    except ImportError:
        return None
    pipeline = spacy.blank("de")
    matcher = PhraseMatcher(pipeline.vocab, attr="LOWER")
    matcher.add("names", [pipeline.make_doc(name) for name in linker.spellings if name.isascii()])

    def run(items: Sequence[NewsItem]) -> None:
        for document in pipeline.pipe(item.text for item in items):
            matcher(document)

    return run


def speed(reader: Reader) -> dict[str, tuple[float, float | None]]:
    """Return stories a second, round by round in turn with spaCy's, and the ratio to those."""

    def read(items: Sequence[NewsItem]) -> None:
        for item in items:
            reader.read(item)

    def link(items: Sequence[NewsItem]) -> None:
        for item in items:
            reader.linker.link(item)

    def ours(count: int, first: int, *, new: bool) -> list[NewsItem]:
        return stories(STORY, count, first=first, new=new)

    def stream(articles: Sequence[NewsItem]) -> list[NewsItem]:
        return [*foreign, *articles]

    foreign = stories(FOREIGN, 950)
    new, newer = ([ours(50, 1000 * n, new=True) for n in range(k, k + 5)] for k in (1, 6))
    same = [ours(50, 1000, new=False)] * 5
    mixed = labeled_articles()
    others = [mixed[n::5] for n in range(5)]
    rows = {
        "link, 2 KB articles of ours": (link, new),
        "read, 2 KB articles of ours, every sentence new": (read, new),
        "read, 2 KB articles of labeled headlines": (read, others),
        "read, 2 KB articles of ours, the same sentences": (read, same),
        "read, a stream 95 % foreign, every sentence new": (read, [*map(stream, newer)]),
        "read, a stream 95 % foreign, the same sentences": (read, [*map(stream, same)]),
        "filter, foreign stories": (read, [foreign] * 5),
    }
    matcher = spacy_matcher(reader.linker)
    found = {}
    for name, (run, rounds) in rows.items():
        rate = per_second(run, rounds)
        found[name] = rate, rate / per_second(matcher, rounds[:2]) if matcher else None
    return found


def speed_bounds(found: Mapping[str, tuple[float, float | None]]) -> list[Bound]:
    """Return the promised ratios to spaCy beside those measured."""
    return [
        Bound(f"{name}, times spaCy", wanted, found[name][1]) for name, wanted in SPEEDS.items()
    ]


def memory() -> list[tuple[int, float, float]]:
    """Return stories, seconds and peak MB of ``newswake events`` by length of the stream."""
    rows = []
    for count in MEMORY_COUNTS:
        command = [sys.executable, "-m", "backtests", "events", "-"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if child.stdin is None:
            raise OSError("no pipe to the child")
        with child.stdin as pipe:
            for n in range(count):
                pipe.write(_line(n))
        _, status, used = os.wait4(child.pid, 0)
        if status:
            raise OSError(f"newswake events ended with {status}")
        rows.append((count, used.ru_utime, used.ru_maxrss / 1024))
    return rows


def memory_bounds(rows: Sequence[tuple[int, float, float]]) -> list[Bound]:
    """Return the promises on a million stories: 400 MB, and cost no faster than the stream."""
    longer, slower, _ = (last / first for first, last in zip(rows[0], rows[-1], strict=True))
    return [
        Bound(f"MB of {rows[-1][0]:,} stories", 400, round(rows[-1][2]), at_most=True),
        Bound("growth of the time over that of the stream", 1.2, slower / longer, at_most=True),
    ]


def _line(n: int) -> bytes:
    """Return one short story of an endless stream; every twentieth is about one of ours."""
    title, sentence = FOREIGN if n % 20 else STORY
    story = {
        "id": f"n{n}", "title": f"{title} ({n})", "text": sentence.format(n=n),
        "published_at": (AT + timedelta(seconds=n)).isoformat(), "language": "de",
    }  # fmt: skip
    return json.dumps(story, ensure_ascii=False).encode() + b"\n"


def main(words: Sequence[str]) -> int:
    """Measure, print, and return the exit status."""
    kept: list[Bound] = []
    said: list[str] = []
    document: dict[str, object] = {}
    if "--memory" in words:
        rows = memory()
        others = memory_bounds(rows)
        said += (f"{n:>9,} stories: {took:>6.1f} s, {held:>5.0f} MB" for n, took, held in rows)
        document["memory"] = [dict(zip(("stories", "s", "mb"), row, strict=True)) for row in rows]
    else:
        reader = Reader(Linker(Instruments.default()))
        measured = reading_quality.measure(reader)
        kept, found = list(reading_quality.promises(measured)), speed(reader)
        others = speed_bounds(found)
        said += reading_quality.lines(measured)
        for name, (rate, ratio) in found.items():
            beside = "" if ratio is None else f"{ratio:>8.1f} x spaCy"
            said.append(f"{name:<50} {rate:>10,.0f} a second {beside}")
        document["quality"] = reading_quality.as_dict(measured)
        document["speed"] = {
            name: {"a_second": rate, "times_spacy": ratio} for name, (rate, ratio) in found.items()
        }
    status = 1 if _missed(kept) else 3 if _missed(others) else 0
    document |= {"bounds": [bound.as_dict() for bound in (*kept, *others)], "exit_status": status}
    said += reading_quality.verdict((*kept, *others))
    print(json.dumps(document, indent=2) if "--json" in words else "\n".join(said))
    return status


def _missed(bounds: Sequence[Bound]) -> bool:
    return any(bound.missed_by for bound in bounds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
