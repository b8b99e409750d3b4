"""Law: a flood of one item costs as much an item as the first few, in calls and in memory."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest

from backtests.reading import Reading, read_lines
from backtests.tally import Tally
from markets.instruments import Instruments
from signals.events import copies
from signals.events.extract import Reader
from signals.events.minhash import signature
from signals.events.novelty import NoveltyTracker
from signals.linking import Linker
from signals.news import NewsItem
from signals.sources import NewsSettings
from signals.sources.collect import import_files
from signals.store import AddReport, NewsStore

MANY = 100_000
AT = datetime(2025, 9, 12, 9, tzinfo=UTC)
TITLE = "Alibaba hebt die Prognose an"
READER = Reader(Linker(Instruments.default()))


def line(item_id: str) -> str:
    at = "2025-09-11T01:00:00Z"
    return json.dumps({"id": item_id, "source": "wire", "title": TITLE, "published_at": at})


def flood(folder: Path, count: int, *, same_id: bool) -> NewsSettings:
    path = folder / f"{count}-{same_id}.jsonl"
    ids = ("a" if same_id else f"n{number}" for number in range(count))
    path.write_text("\n".join(map(line, ids)), encoding="utf-8")
    return NewsSettings(source="jsonl", path=str(path))


def calls(run: Callable[[], object]) -> int:
    """Count the functions called, Python's and C's: a measure of work that no machine moves."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def told(number: int) -> NewsItem:
    return NewsItem(f"n{number}", AT + timedelta(seconds=number), "wire", TITLE)


def test_a_hundred_thousand_times_one_story_is_stored_once_and_counted(tmp_path: Path) -> None:
    store = NewsStore(tmp_path / "s.sqlite")
    report = import_files(flood(tmp_path, MANY, same_id=True), tmp_path, store)
    assert report == AddReport(added=1, repeated=MANY - 1)
    assert len(store) == 1


def test_a_hundred_thousand_copies_have_one_signature_and_one_story(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signed: list[str] = []
    monkeypatch.setattr(copies, "signature", lambda text: (signed.append(text), signature(text))[1])
    tracker = NoveltyTracker()
    (event,) = READER.read(told(0))
    for number in range(MANY):
        (seen,) = tracker.see(told(number), [replace(event, item_id=f"n{number}")])
    assert signed == [TITLE]
    assert seen.novelty == pytest.approx(1 / MANY)
    assert (len(tracker._copies), len(tracker._stories)) == (1, 1)


@pytest.mark.parametrize("same_id", [True, False])
def test_work_grows_as_the_flood_does(tmp_path: Path, same_id: bool) -> None:
    def line_of(count: int) -> None:
        """Import, then read what was kept, with novelty."""
        store = NewsStore(":memory:")
        import_files(flood(tmp_path, count, same_id=same_id), tmp_path, store)
        tracker = NoveltyTracker()
        for item in store.items():
            tracker.see(item, READER.read(item))

    def stream(count: int) -> None:
        tally = Tally()
        lines = ((f"t:{n}", line("a" if same_id else f"n{n}").encode()) for n in range(count))
        for outcome in read_lines(lines, Reading(novelty=True)):
            tally.count(outcome)

    for run in (line_of, stream):
        run(10)  # what is made once is made
        few, many = calls(lambda run=run: run(300)), calls(lambda run=run: run(3_000))
        assert many <= 10.5 * few


def test_a_flood_of_one_story_is_held_in_the_memory_of_a_few(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        settings = flood(tmp_path, count, same_id=True)
        tracemalloc.start()
        try:
            import_files(settings, tmp_path, NewsStore(":memory:"))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    few, many = peak(2_000), peak(20_000)
    assert many <= 1.2 * few
