"""How well and how fast stories are read: labeled headlines, stories per second, ratios to spaCy.

Run with ``python -m benchmarks.reading``; exits 1 if a promise on quality is broken. The ratio of
speed needs spaCy (``pip install spacy``, no model): its blank pipeline with a phrase matcher of the
same names, in the same run. Without it only our own rates are shown. With ``--memory`` a million
stories go through ``newswake events`` instead, and what it holds in memory is shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import KINDS
from signals.events.scoring import Score, labeled, score
from signals.linking import Linker
from signals.news import NewsItem

ANSWERS = Path(__file__).resolve().parents[1] / "tests" / "answers"
BOUNDS = {
    "kind_f1": 0.80, "ticker_precision": 0.97, "ticker_recall": 0.95, "amount": 0.95,
    "is_reaction": 0.95, "denials": 1.0, "polarity": 0.80,
}  # fmt: skip
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
MEMORY_COUNTS = (100_000, 300_000, 1_000_000)


def quality(reader: Reader) -> bool:
    """Print all scores; return whether each language keeps every bound."""
    kept = True
    for name in ("reading", "reading_held_back"):
        total: dict[str, list[int]] = {kind: [0, 0, 0] for kind in KINDS}
        for language in ("de", "en", "zh"):
            result = score(reader, labeled(ANSWERS / f"{name}_{language}.jsonl"), declare=False)
            figures = result.as_dict()
            short = [key for key, bound in BOUNDS.items() if figures[key] < bound]
            kept = kept and not short
            print(f"{name} {language}: {figures}" + (f"  short of {short}" if short else ""))
            _add(total, result)
        print(f"{name}, precision and recall by kind:")
        for kind, (right, wrong, missed) in total.items():
            precision = right / (right + wrong) if right + wrong else 1.0
            recall = right / (right + missed) if right + missed else 1.0
            print(f"  {kind:<15} {precision:.2f} {recall:.2f}  ({right + missed} labeled)")
    return kept


def _add(total: dict[str, list[int]], result: Score) -> None:
    for kind, tally in result.by_kind.items():
        for place, count in enumerate((tally.right, tally.wrong, tally.missed)):
            total[kind][place] += count


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


def speed(reader: Reader) -> None:
    """Print stories a second, ours and spaCy's, round by round in turn, and their ratios."""

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
    if matcher is None:
        print("spaCy is not installed: no ratio")
    for name, (run, rounds) in rows.items():
        rate = per_second(run, rounds)
        ratio = f"{rate / per_second(matcher, rounds[:2]):>8.1f} x spaCy" if matcher else ""
        print(f"{name:<50} {rate:>10,.0f} a second {ratio}")


def memory() -> bool:
    """Print seconds and peak memory of ``newswake events`` by length of the stream.

    Returns whether a million stories stay within 400 MB and cost grows no faster than the stream.
    """
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
        print(f"{count:>9,} stories: {used.ru_utime:>6.1f} s, {rows[-1][2]:>5.0f} MB")
    longer, slower, larger = (last / first for first, last in zip(rows[0], rows[-1], strict=True))
    print(f"{longer:.0f} x the stories: {slower:.1f} x the time, {larger:.2f} x the memory")
    return rows[-1][2] <= 400 and slower <= 1.2 * longer


def _line(n: int) -> bytes:
    """Return one short story of an endless stream; every twentieth is about one of ours."""
    title, sentence = FOREIGN if n % 20 else STORY
    story = {
        "id": f"n{n}", "title": f"{title} ({n})", "text": sentence.format(n=n),
        "published_at": (AT + timedelta(seconds=n)).isoformat(), "language": "de",
    }  # fmt: skip
    return json.dumps(story, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    if "--memory" in sys.argv[1:]:
        sys.exit(0 if memory() else 1)
    the_reader = Reader(Linker(Instruments.default()))
    is_kept = quality(the_reader)
    speed(the_reader)
    sys.exit(0 if is_kept else 1)
