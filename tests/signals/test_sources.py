"""Rows of files: each a story, or a rejection that names place and reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from markets.errors import ConfigError, DataError, MissingDataError
from signals.news import NewsItem, Rejection
from signals.sources import NewsSettings, open_news
from signals.sources.jsonl import JsonLines
from signals.testing import check_news_source

AT = "2025-09-11T23:43:00+08:00"
UTC_AT = datetime(2025, 9, 11, 15, 43, tzinfo=UTC)


def line(**fields: object) -> str:
    row = {"id": "a", "title": "Cloud grows", "published_at": AT, **fields}
    return json.dumps({name: value for name, value in row.items() if value is not None})


def read(folder: Path, source: str = "jsonl", **settings: object) -> list[NewsItem | Rejection]:
    return list(open_news(NewsSettings(source=source, **settings), folder).read())


def read_lines(folder: Path, *lines: str | bytes, **settings: object) -> list[NewsItem | Rejection]:
    raw = b"\n".join(text.encode() if isinstance(text, str) else text for text in lines)
    (folder / "news.jsonl").write_bytes(raw)
    return read(folder, **settings)


def stories(rows: Sequence[NewsItem | Rejection]) -> list[NewsItem]:
    return [row for row in rows if isinstance(row, NewsItem)]


def rejections(rows: Sequence[NewsItem | Rejection]) -> list[Rejection]:
    return [row for row in rows if isinstance(row, Rejection)]


def test_a_line_of_the_events_command_is_a_story(tmp_path: Path) -> None:
    (item,) = stories(read_lines(tmp_path, line(title=None, text="Cloud grows", language="en")))
    assert (item.item_id, item.body, item.language) == ("a", "Cloud grows", "en")
    assert item.available_at == UTC_AT


def test_every_field_finds_its_place(tmp_path: Path) -> None:
    full = line(
        body="More",
        first_seen_at="2025-09-11T15:44:00Z",
        enriched_at="2025-09-11T15:45:00Z",
        source="wire",
        language="zh-Hant",
        url="https://example.org/a",
        revision_of="z",
        tickers=["700", "HK9988"],
        outlets=3,
    )
    (item,) = stories(read_lines(tmp_path, full))
    assert item == NewsItem(
        "a",
        UTC_AT,
        "wire",
        "Cloud grows",
        "More",
        "zh",
        datetime(2025, 9, 11, 15, 44, tzinfo=UTC),
        datetime(2025, 9, 11, 15, 45, tzinfo=UTC),
        "https://example.org/a",
        "z",
        ("0700.HK", "9988.HK"),
        3,
    )


def test_a_date_alone_is_known_at_its_end_in_hong_kong(tmp_path: Path) -> None:
    (item,) = stories(read_lines(tmp_path, line(published_at="2025-09-12")))
    assert item.available_at == datetime(2025, 9, 12, 15, 59, 59, 999_999, tzinfo=UTC)


BAD_LINES = {
    "naive time": (line(published_at="2025-09-12T09:30:00"), "published_at: a time needs its zone"),
    "no such date": (line(published_at="2025-02-30"), "published_at: no such date or time"),
    "no clock": (line(published_at=None), "a story needs a clock"),
    "number as clock": (line(published_at=1757605380), "a number is no time without its unit"),
    "boolean as clock": (line(published_at=True), "published_at: no time"),
    "year one": (line(published_at="0001-01-01T00:00:00+08:00"), "published_at: no such date"),
    "year 9999": (line(published_at="9999-12-31"), "published_at: no such date"),
    "odd year": (line(published_at="1757-01-01"), "published_at: no news is from that year"),
    "future": (line(published_at="2190-01-01T00:00:00Z"), "a clock in the future"),
    "no text": (line(title=" ", body=""), "a story needs a title or a body"),
    "empty id": (line(id=""), "a story needs its id"),
    "title as list": (line(title=["a"]), "title is no text"),
    "half a character": (line(title="\ud83d"), "title holds bytes that are not"),
    "broken JSON": ('{"id": "a", "title": ', "broken JSON"),
    "no object": ("[1, 2]", "no JSON object"),
    "key twice": ('{"id": "a", "id": "b"}', "a key that stands twice"),
    "deep": ("[" * 100_000, "JSON nested too deep"),
    "huge integer": ('{"id": ' + "9" * 5_000 + "}", "broken JSON"),
    "wrong bytes": (line().encode()[:-2] + b'\xff"}', "bytes that are not utf-8"),
    "outlets": (line(outlets="many"), "outlets is no count"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_rejected_by_its_place_and_the_others_are_kept(
    tmp_path: Path, name: str
) -> None:
    bad, problem = BAD_LINES[name]
    rows = read_lines(tmp_path, line(id="one"), "", bad, line(id="two"))
    assert [item.item_id for item in stories(rows)] == ["one", "two"]
    (rejection,) = rejections(rows)
    assert rejection.where == "news.jsonl:3"
    assert problem in rejection.problem
    assert not rejection.kept


def test_a_second_text_under_one_id_is_refused_and_a_repeat_is_noted(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(), line(), line(title="Cloud shrinks"))
    assert [item.title for item in stories(rows)] == ["Cloud grows"]
    again, other = rejections(rows)
    assert (again.where, again.kept) == ("news.jsonl:2", True)
    assert (other.where, other.kept) == ("news.jsonl:3", False)


def test_ids_are_unique_by_source(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(source="one"), line(source="two", title="Other"))
    assert len(stories(rows)) == 2


def test_a_layout_without_ids_gets_them_from_the_content(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(id=None), line(id=None, title="Other"))
    one, two = stories(rows)
    assert one.item_id.startswith("sha256:")
    assert one.item_id != two.item_id


def test_an_unknown_ticker_is_reported_and_the_story_kept(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(
        line(tickers="700 AAPL")
        + "\n"
        + line(id="b", tickers="1")
        + "\n"
        + line(id="c", tickers="1")
    )
    settings = NewsSettings(source="jsonl")
    rows = list(open_news(settings, tmp_path, known=["0700.HK"]).read())
    assert [item.tickers for item in stories(rows)] == [("0700.HK",), ("0001.HK",), ("0001.HK",)]
    notices = [(notice.where, notice.given, notice.kept) for notice in rejections(rows)]
    assert notices == [("news.jsonl:1", "AAPL", True), ("news.jsonl:2", "0001.HK", True)]


def test_a_long_line_is_passed_over_unread(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(id="one"), line(body="x" * 5_000), line(id="b"), max_item_kb=2)
    assert [item.item_id for item in stories(rows)] == ["one", "b"]
    (rejection,) = rejections(rows)
    assert rejection.where == "news.jsonl:2"
    assert rejection.wanted == "at most 2 kB (news.max_item_kb)"


def test_an_archive_that_unpacks_beyond_the_limit_is_an_error(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.jsonl.gz", "wb") as stream:
        for _ in range(40):
            stream.write(b"0" * 1_048_576)
    with pytest.raises(DataError, match="over the size limit") as error:
        read(tmp_path, max_file_mb=8)
    assert error.value.where == "bomb.jsonl.gz:1"


def test_a_cut_off_archive_keeps_what_was_whole(tmp_path: Path) -> None:
    # Random ids, so that the archive is long enough to be cut between lines.
    packed = gzip.compress("\n".join(line(id=str(n)) for n in range(20_000)).encode())
    (tmp_path / "news.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    rows = read(tmp_path)
    assert len(stories(rows)) > 1_000
    assert "cut off" in rejections(rows)[-1].problem


def test_an_empty_file_is_named_and_no_story_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="no story could be read") as error:
        read(tmp_path)
    assert error.value.exit_code == 4
    rows = read_lines(tmp_path, line())
    assert rejections(rows)[0].where == "empty.jsonl"
    assert len(stories(rows)) == 1


def test_absent_files_and_other_formats_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="no news file"):
        read(tmp_path)
    (tmp_path / "news.jsonl").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataError, match="a zip archive"):
        read(tmp_path)
    (tmp_path / "news.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError):
        read(tmp_path, "parquet")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "腾讯公司公布回购计划，股价上涨"),
        ("big5hkscs", "騰訊公司公布回購計劃，股價上漲"),
        ("utf-8-sig", "小米集團公布業績"),
    ],
)
def test_encodings_are_declared_or_detected(tmp_path: Path, encoding: str, text: str) -> None:
    row = f'{{"id": "a", "title": "{text}", "published_at": "{AT}"}}'
    for declared in (encoding, "detect"):
        rows = read_lines(tmp_path, row.encode(encoding), encoding=declared)
        assert [item.title for item in stories(rows)] == [text]


def test_gb18030_read_as_utf8_is_rejected_not_garbled(tmp_path: Path) -> None:
    bad = f'{{"id": "b", "title": "腾讯", "published_at": "{AT}"}}'.encode("gb18030")
    rows = read_lines(tmp_path, line(), bad)
    assert len(stories(rows)) == 1
    assert "news.encoding" in rejections(rows)[0].wanted


@pytest.mark.parametrize("encoding", ["utf-16", "klingon", "rot13", "hex"])
def test_an_encoding_no_line_can_have_is_a_config_error(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match="no encoding"):
        read_lines(tmp_path, line(), encoding=encoding)


def test_zone_and_unit_can_be_declared(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(published_at="2025-09-11T23:43:00"), zone="Asia/Hong_Kong")
    assert stories(rows)[0].available_at == UTC_AT
    rows = read_lines(tmp_path, line(published_at=UTC_AT.timestamp() * 1000), epoch_unit="ms")
    assert stories(rows)[0].available_at == UTC_AT
    with pytest.raises(ConfigError, match="no such time zone"):
        read_lines(tmp_path, line(), zone="Asia/Atlantis")


def test_an_hour_that_clocks_show_twice_is_the_later_one(tmp_path: Path) -> None:
    rows = read_lines(tmp_path, line(published_at="2024-10-27T02:30:00"), zone="Europe/Berlin")
    assert stories(rows)[0].available_at == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)


def test_the_layout_s_own_clock_makes_later_never_earlier(tmp_path: Path) -> None:
    rows = read_lines(
        tmp_path,
        line(id="later", available_at="2025-09-12T00:00:00Z"),
        line(id="earlier", available_at="2025-09-11T00:00:00Z"),
        line(id="seen", first_seen_at="2025-09-13T00:00:00Z", available_at="2025-09-12T00:00:00Z"),
    )
    later, earlier, seen = stories(rows)
    assert seen.available_at == datetime(2025, 9, 13, tzinfo=UTC)
    assert later.available_at == datetime(2025, 9, 12, tzinfo=UTC)
    assert earlier.available_at == UTC_AT


def test_future_is_measured_against_the_file_s_own_closing(tmp_path: Path) -> None:
    rows = read_lines(
        tmp_path,
        line(id="in"),
        line(id="out", published_at="2025-09-14T00:00:00Z"),
        as_of=datetime(2025, 9, 12, tzinfo=UTC),
    )
    assert [item.item_id for item in stories(rows)] == ["in"]


def test_single_lines_are_read_like_files() -> None:
    lines = JsonLines(NewsSettings())
    (item,) = lines.read(line(), "stdin:1")
    assert isinstance(item, NewsItem)
    assert list(lines.read("  ", "stdin:2")) == []
    (rejection,) = lines.read(b"\xff", "stdin:3")
    assert isinstance(rejection, Rejection)
    assert rejection.where == "stdin:3"


def test_csv_rows_with_quotes_breaks_and_pooled_tickers(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text(
        "id,title,body,published_at,ticker\n"
        f'a,"Cloud, grows","two\nlines",{AT},700\n'
        f'a,"Cloud, grows","two\nlines",{AT},9988\n'
        f"b,Other,,{AT},\n"
        f"c,short\n"
        f'd,"open quote,,{AT},\n'
    )
    rows = read(tmp_path, "csv")
    one, two = stories(rows)
    assert (one.title, one.body, one.tickers) == (
        "Cloud, grows",
        "two\nlines",
        ("0700.HK", "9988.HK"),
    )
    assert two.item_id == "b"
    assert [rejection.where for rejection in rejections(rows)] == ["news.csv:7", "news.csv:8"]


def test_csv_in_another_encoding_and_delimiter(tmp_path: Path) -> None:
    text = f"id;title;published_at\na;騰訊;{AT}\n"
    (tmp_path / "news.csv").write_bytes(text.encode("big5"))
    rows = read(tmp_path, "csv", encoding="big5", delimiter=";")
    assert stories(rows)[0].title == "騰訊"
    (tmp_path / "news.csv").write_bytes(
        f"id;title;published_at\nb;ok;{AT}\n".encode() + text.encode("big5")
    )
    rows = read(tmp_path, "csv", delimiter=";")
    assert [item.item_id for item in stories(rows)] == ["b"]
    assert "title holds bytes that are not" in rejections(rows)[-1].problem


def test_csv_without_the_columns_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("id,titel,published\na,b,c\n")
    with pytest.raises(MissingDataError) as error:
        read(tmp_path, "csv")
    assert error.value.nearest == "published"
    with pytest.raises(MissingDataError) as error:
        read(tmp_path, "csv", columns={"title": "title", "published_at": "published"})
    assert error.value.nearest == "titel"
    (tmp_path / "news.csv").write_text("id,id,published_at\na,b,c\n")
    with pytest.raises(DataError, match="stands twice"):
        read(tmp_path, "csv")


def frame(**columns: object) -> pd.DataFrame:
    base = {"id": ["a", "b"], "title": ["One", "Two"], "published_at": pd.to_datetime([AT, AT])}
    return pd.DataFrame({**base, **columns})


def test_parquet_pools_rows_of_a_story_and_maps_columns(tmp_path: Path) -> None:
    frame(
        id=["a", "b"],
        code=["700", "9988"],
        stamp=pd.to_datetime([None, AT]),
        seen=pd.to_datetime([AT, "2025-09-12T00:00:00Z"], utc=True),
    ).pipe(lambda table: pd.concat([table, table.assign(code=["1810", "9988"])])).drop(
        columns="published_at"
    ).to_parquet(tmp_path / "topics_1.parquet")
    rows = read(
        tmp_path,
        "parquet",
        path="topics_*.parquet",
        columns={"published_at": ["stamp", "seen"], "tickers": "code"},
    )
    one, two = stories(rows)
    assert (one.tickers, two.tickers) == (("0700.HK", "1810.HK"), ("9988.HK",))
    assert one.available_at == two.available_at == UTC_AT
    (repeat,) = rejections(rows)
    assert (repeat.problem, repeat.given, repeat.kept) == ("the same story again", "b", True)


def test_rows_of_a_story_beyond_the_window_are_reported(tmp_path: Path) -> None:
    table = frame(tickers=["700", "9988"])
    pd.concat([table, table.assign(tickers="1810")]).to_parquet(tmp_path / "news.parquet")
    rows = read(tmp_path, "parquet", pool_rows=1)
    assert len(stories(rows)) == 2
    assert [rejection.kept for rejection in rejections(rows)] == [False, False]


def test_parquet_clocks_of_every_unit(tmp_path: Path) -> None:
    for unit in ("s", "ms", "us", "ns"):
        clock = frame()["published_at"].dt.as_unit(unit)
        frame(published_at=clock).to_parquet(tmp_path / "news.parquet")
        assert {item.available_at for item in stories(read(tmp_path, "parquet"))} == {UTC_AT}
    # A part of a microsecond is rounded up: never available too early.
    nanos = pd.to_datetime(["2025-09-11T15:42:59.999999001Z"] * 2).as_unit("ns")
    frame(published_at=nanos).to_parquet(tmp_path / "news.parquet")
    assert {item.available_at for item in stories(read(tmp_path, "parquet"))} == {UTC_AT}


def test_parquet_without_a_zone_is_rejected_row_by_row(tmp_path: Path) -> None:
    frame(published_at=frame()["published_at"].dt.tz_localize(None)).to_parquet(
        tmp_path / "news.parquet"
    )
    with pytest.raises(DataError, match="no story could be read") as error:
        read(tmp_path, "parquet")
    assert "needs its zone" in str(error.value.given)


def test_parquet_limits(tmp_path: Path) -> None:
    frame(body=["x" * 50_000_000, "short"]).to_parquet(tmp_path / "news.parquet")
    rows = read(tmp_path, "parquet")
    assert [item.item_id for item in stories(rows)] == ["b"]
    assert "news.max_item_kb" in rejections(rows)[0].wanted
    with pytest.raises(DataError, match="over the size limit"):
        read(tmp_path, "parquet", max_file_mb=10)


def test_sources_are_found_by_name_or_path(tmp_path: Path) -> None:
    settings = NewsSettings(source="signals.sources.jsonl:JsonlNews")
    assert type(open_news(settings, tmp_path)).__name__ == "JsonlNews"
    with pytest.raises(ConfigError) as error:
        open_news(NewsSettings(source="parket"), tmp_path)
    assert error.value.nearest == "parquet"
    with pytest.raises(ConfigError, match="synthetic"):
        open_news(NewsSettings(), tmp_path)


def test_what_is_no_news_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.sources.load", lambda *asked: lambda *given, known: None)
    with pytest.raises(ConfigError, match="this is no news source") as caught:
        open_news(NewsSettings(source="mine:Own"), tmp_path)
    assert (caught.value.given, caught.value.where) == ("mine:Own", "news.source")


@pytest.mark.real
def test_the_real_topics_keep_every_story_at_its_honest_clock(shared_dir: Path) -> None:
    path = next((shared_dir / "data").glob("events_*.parquet"))
    table = pd.read_parquet(path, columns=["id", "symbol", "available_at"])
    settings = NewsSettings(
        source="parquet",
        path="events_*.parquet",
        columns={
            "published_at": ["publish_date", "first_seen_commit"],
            "available_at": "available_at",
            "body": "summary",
            "tickers": "symbol",
            "outlets": "n_sites",
        },
        language="zh",
    )
    items = check_news_source(lambda: open_news(settings, shared_dir / "data"))
    honest = table.groupby("id")["available_at"].first()
    assert {item.item_id: item.available_at for item in items} == honest.to_dict()
    symbols = table.groupby("id")["symbol"].agg(frozenset).to_dict()
    assert {item.item_id: frozenset(item.tickers) for item in items} == symbols
