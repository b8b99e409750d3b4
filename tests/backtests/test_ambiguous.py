"""`newswake events --ambiguous`, and what a run says of names and languages it left out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backtests.ambiguous import Ambiguous, CountingReader, left_out
from backtests.checks import reading
from backtests.cli import app
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.linking import Linker
from signals.news import NewsItem

READER = Reader(Linker(Instruments.default()))
AT = datetime(2025, 9, 12, tzinfo=UTC)
LINES = [
    {"id": "a", "title": "京东方发布柔性屏"},
    {"id": "b", "title": "京东方与Tencent合作"},
    {"id": "c", "title": "Xi\u0430omi und alibaba posten auf Weibo"},
    {"id": "d", "title": "Alibaba hebt die Prognose an"},
    {"id": "e", "title": "Alibaba lance une voiture pour les clients de la ville"},
    {"id": "f", "title": "Акции Alibaba растут в Гонконге вторую неделю подряд"},
]


def invoke(*words: str, lines: Iterable[object] = LINES) -> Result:
    at = {"published_at": "2025-09-11T01:00:00Z"}
    text = "\n".join(json.dumps({**at, **dict(line)}) for line in lines)
    return CliRunner().invoke(app, ["events", "-", *words], input=text)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_names_left_out_come_grouped_by_alias_most_frequent_first(jobs: str) -> None:
    result = invoke("--ambiguous", "--json", "--jobs", jobs)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["unread"] == {"fr": 1, "und-Cyrl": 1}
    found = document["ambiguous"]
    assert (found["names"], found["stories"]) == (5, 3)
    counts = [(of["alias"], of["count"], of["tickers"]) for of in found["aliases"]]
    assert counts == [
        ("京东", 2, ["9618.HK"]),
        ("alibaba", 1, ["9988.HK"]),
        ("weibo", 1, ["9898.HK"]),
        ("xiaomi", 1, ["1810.HK"]),
    ]
    first = found["aliases"][0]
    assert first["reasons"] == {"look-alike": 2}
    assert first["languages"] == {"zh": 2}
    place = first["places"][0]
    assert place["where"] == "stdin:1"
    assert (place["score"], place["inside"], place["text"]) == (0.0, "京东方", "京东方发布柔性屏")


def test_the_list_as_text_names_place_reason_and_surroundings() -> None:
    lines = invoke("--ambiguous").stdout.splitlines()
    assert lines[0] == "     2  京东  9618.HK  zh 2  look-alike 2"
    assert lines[1] == "        stdin:1  zh  0.00  look-alike 京东方: 京东方发布柔性屏"
    assert lines[-1].startswith("5 names of listed firms left out as ambiguous in 3 stories")


def test_a_list_of_names_has_no_novelty() -> None:
    assert invoke("--ambiguous", "--novelty").exit_code == 2


def test_an_unread_story_of_ours_comes_out_with_its_language() -> None:
    documents = [json.loads(line) for line in invoke().stdout.splitlines()]
    assert [document.get("unread") for document in documents] == [None] * 4 + ["fr", "und-Cyrl"]
    assert "2 stories of ours in a language that is not read: fr 1, und-Cyrl 1" in invoke().stderr


def test_a_flood_of_one_alias_is_counted_in_full_and_shown_in_part() -> None:
    found = Ambiguous()
    for number in range(500):
        item = NewsItem(str(number), AT, "wire", f"京东方第{number}条")
        found.add(left_out(READER, item, "here", None))
    (of,) = found.as_dict()["aliases"]
    assert of["count"] == 500
    assert len(of["places"]) == 3


def test_a_run_says_what_its_reading_left_out() -> None:
    counting = CountingReader(READER)
    for line in LINES:
        item = NewsItem(line["id"], AT, "wire", line["title"])
        assert counting.read(item) == READER.read(item)
    said = {check["name"]: check for check in reading(counting)}
    assert said["languages"]["level"] == "note"
    assert said["languages"]["message"].endswith("not read: fr 1, und-Cyrl 1")
    assert said["ambiguous names"]["message"].startswith("5 names of listed firms left out")
    assert [check["level"] for check in reading(CountingReader(READER))] == ["ok", "ok"]
    assert list(reading(None)) == []
