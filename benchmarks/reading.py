"""How well and how fast stories are read: labeled headlines, stories per second, ratios to spaCy.

Run with ``python benchmarks/reading.py``; exits 1 if a promise on quality is broken. The ratio of
speed needs spaCy (``pip install spacy``, no model): its blank pipeline with a phrase matcher of the
same names, in the same run. Without it only our own rates are shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
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
    "Alibaba teilte mit, binnen drei Jahren mindestens 53 Mrd. USD in Rechenzentren zu stecken. "
    "Die Aktie legte in Hongkong um 5,9 % auf 151,80 Hongkong-Dollar zu. Analysten von Jefferies "
    "werteten das als Zeichen der Zuversicht. Das Unternehmen nannte keine Einzelheiten. ",
)
FOREIGN = (
    "Stadtrat berät über neue Brücke",
    "Die Sitzung dauerte bis in den Abend, ohne dass ein Beschluss fiel. Der Verein der Anwohner "
    "fordert einen Tunnel, die Verwaltung rechnet mit mehr Verkehr und höheren Kosten. ",
)


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


def stories(parts: tuple[str, str], count: int, length: int = 2000) -> list[NewsItem]:
    """Return stories of about `length` characters, no two alike."""
    title, sentence = parts
    body = sentence * (length // len(sentence))
    return [
        NewsItem(str(n), AT, "bench", f"{title} ({n})", body, language="de") for n in range(count)
    ]


def per_second(run: Callable[[Sequence[NewsItem]], None], items: Sequence[NewsItem]) -> float:
    """Return items a second, the best of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run(items)
        times.append(time.perf_counter() - start)
    return len(items) / min(times)


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
    """Print stories a second for articles of ours, and for a stream that is 95 % foreign."""

    def read(items: Sequence[NewsItem]) -> None:
        for item in items:
            reader.read(item)

    def link(items: Sequence[NewsItem]) -> None:
        for item in items:
            reader.linker.link(item)

    ours = stories(STORY, 200)
    stream = [*stories(FOREIGN, 1900), *stories(STORY, 100)]
    rates = {
        "read, 2 KB articles of ours": per_second(read, ours),
        "link, 2 KB articles of ours": per_second(link, ours),
        "read, a stream 95 % foreign": per_second(read, stream),
        "filter, foreign stories": per_second(
            lambda items: [reader.linker.may_concern(item.text) for item in items] and None,
            stories(FOREIGN, 2000),
        ),
    }
    for name, rate in rates.items():
        print(f"{name:<30} {rate:>10,.0f} a second")
    matcher = spacy_matcher(reader.linker)
    if matcher is None:
        print("spaCy is not installed: no ratio")
        return
    for name, items in (("2 KB articles of ours", ours), ("a stream 95 % foreign", stream)):
        other = per_second(matcher, items)
        mine = per_second(read, items)
        linked = per_second(link, items)
        print(
            f"{name}: spaCy matches names in {other:,.0f} a second; "
            f"we link {linked / other:.1f} ×, link and read {mine / other:.1f} ×"
        )


if __name__ == "__main__":
    the_reader = Reader(Linker(Instruments.default()))
    is_kept = quality(the_reader)
    speed(the_reader)
    sys.exit(0 if is_kept else 1)
