"""What `newswake events` does with a stream as such: counts, bad input, order, novelty."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backtests.cli import app
from backtests.reading import Reading, lines_of, read_lines
from backtests.tally import Tally
from markets.errors import LeakError
from signals.news import Rejection
from signals.sources import NewsSettings


def story(
    item_id: str, title: str = "Alibaba hebt die Prognose an", hour: int = 1, **more: object
) -> str:
    at = f"2025-09-11T{hour:02d}:00:00Z"
    return json.dumps({"id": item_id, "title": title, "published_at": at, **more})


def invoke(*words: str, lines: Iterable[str] = ()) -> Result:
    return CliRunner().invoke(app, ["events", *words], input="\n".join(lines))


def documents(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_kind_of_line_is_counted_once() -> None:
    lines = [
        story("a"),
        story("a", "Alibaba senkt die Prognose"),
        "{broken",
        story("b", "Alibaba lance une voiture pour les clients de la ville", tickers=["5555.HK"]),
        story("c", "Der Stadtrat berät", tickers=["5555.HK", "no ticker"]),
    ]
    result = invoke("-", lines=lines)
    assert result.exit_code == 4
    assert len(documents(result)) == len(lines)
    assert result.stderr.splitlines() == [
        "stdin:3: broken JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1), given {broken, wanted one JSON object a line",
        "4 stories, 2 with events (2 events)",
        "1 line was no story",
        "1 id had stood before: a",
        "1 story of ours in a language that is not read: fr 1",
        "tickers that no instrument table lists: 5555.HK 2, no ticker 1",
    ]


def test_a_flood_of_bad_lines_is_named_in_part_and_counted_in_full() -> None:
    result = invoke("-", lines=["{broken"] * 300)
    assert len(documents(result)) == 300
    assert result.stderr.count("broken JSON") == 20
    assert "300 lines were no story" in result.stderr


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_file_without_a_story_is_missing_data(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text(content, encoding="utf-8")
    result = invoke(str(path), "--json")
    assert result.exit_code == 4
    assert "no story" in result.stderr
    (said,) = documents(result)
    assert said["error"] == "MissingDataError"


def test_a_silent_stream_is_no_error() -> None:
    result = invoke("-")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no story came in" in result.stderr


def test_an_empty_file_beside_a_full_one_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "full.jsonl").write_text(story("a"), encoding="utf-8")
    result = invoke(str(tmp_path / "empty.jsonl"), str(tmp_path / "full.jsonl"))
    assert result.exit_code == 0
    assert len(documents(result)) == 1


def test_copies_by_the_thousand_are_read_and_counted() -> None:
    tally = Tally()
    for outcome in read_lines(_placed([story("a")] * 5_000), Reading(novelty=True)):
        tally.count(outcome)
    assert (tally.stories, tally.repeated) == (5_000, 4_999)


@pytest.mark.parametrize("jobs", [1, 2])
def test_novelty_falls_with_each_telling_whatever_the_jobs(jobs: int) -> None:
    lines = [story(str(n), hour=n % 20) for n in range(20)]
    found = list(read_lines(_placed(lines), Reading(novelty=True), jobs))
    novelty = [outcome.document["events"][0]["novelty"] for outcome in found]
    assert novelty[:3] == pytest.approx([1, 1 / 2, 1 / 3])
    assert novelty == sorted(novelty, reverse=True)


def test_a_copy_is_marked_with_its_first_its_age_and_its_outlets() -> None:
    lines = [story(name, hour=hour, source=name) for name, hour in (("a", 4), ("b", 6), ("c", 9))]
    found = read_lines(_placed(lines), Reading(novelty=True))
    marks = [outcome.document.get("repeats") for outcome in found]
    assert marks == [
        None,
        {"of": "a", "copies": 1, "age_hours": 2.0, "outlets": 2},
        {"of": "a", "copies": 2, "age_hours": 5.0, "outlets": 3},
    ]


def test_without_the_flag_each_story_is_read_by_itself() -> None:
    found = read_lines(_placed([story("a"), story("b")]), Reading())
    assert [outcome.document["events"][0]["novelty"] for outcome in found] == [1, 1]


def test_novelty_needs_the_order_of_the_clock() -> None:
    with pytest.raises(LeakError):
        list(read_lines(_placed([story("a", hour=5), story("b", hour=4)]), Reading(novelty=True)))
    assert invoke("-", "--novelty", lines=[story("a", hour=5), story("b", hour=4)]).exit_code == 5


def test_a_line_too_long_is_refused_and_the_next_one_read() -> None:
    stream = io.BytesIO(b"x" * 5_000 + b"\n" + b"short\n" + b"y" * 2_000 + b"\n" + b"end")
    found = list(lines_of([Path("-")], stream, NewsSettings(max_item_kb=1)))
    assert [where for where, _ in found] == ["stdin:1", "stdin:2", "stdin:3", "stdin:4"]
    assert (found[1][1], found[3][1]) == (b"short", b"end")
    for where, line in (found[0], found[2]):
        assert isinstance(line, Rejection)
        assert line.where == where
        assert line.problem == "a story over the size limit"


def _placed(lines: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    return ((f"t:{number}", line.encode()) for number, line in enumerate(lines, 1))
