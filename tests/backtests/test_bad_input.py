"""Bad input on the command line: a clear error or a counted rejection, never a silent drop."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backtests.cli import app
from signals.sources import collect as collecting

AT = "2025-09-11T01:00:00Z"
GOOD = json.dumps({"id": "good", "title": "Alibaba hebt die Prognose an", "published_at": AT})
MAINLAND = "腾讯控股斥资10亿港元回购股份，公司表示"
TAIWAN = "騰訊控股斥資10億港元回購股份，公司表示會繼續發展業務"


def line(**fields: object) -> str:
    return json.dumps({"id": "x", "published_at": AT, **fields}, ensure_ascii=False)


def events(*words: str) -> Result:
    return CliRunner().invoke(app, ["events", *words])


def imported(folder: Path, name: str, *words: str, source: str = "jsonl") -> Result:
    config = folder / "config.toml"
    config.write_text(
        f'name = "x"\nstart = 2023-01-17\nend = 2025-09-30\ndata_dir = {json.dumps(str(folder))}\n'
        f'[news]\nsource = "{source}"\npath = "{name}"\n',
        encoding="utf-8",
    )
    store = ["--store", str(folder / "news.sqlite"), "--json"]
    return CliRunner().invoke(app, ["news", "import", str(config), *store, *words])


def documents(result: Result) -> list[dict[str, object]]:
    return [json.loads(text) for text in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b'{"id": "b", "title": "Alib\xff\xfe"}', "bytes that are not utf-8"),
        (line(title=MAINLAND).encode("gb18030"), "bytes that are not utf-8"),
        (line(title=TAIWAN).encode("big5"), "bytes that are not utf-8"),
        (line(title="x" * 3_000_000).encode(), "a story over the size limit"),
        (line(title="", body="  ").encode(), "a story needs a title or a body"),
        (line(title="\u200b\u200b&nbsp;").encode(), "a story needs a title or a body"),
        (line(title="x", published_at="2199-01-01T00:00:00Z").encode(), "a clock in the future"),
        (line(title="x", published_at="2025-09-11T00:00:00").encode(), "needs its zone"),
        (line(title="x", published_at=1757552400).encode(), "a number is no time"),
        (b'{"id": "s", "title": "x\\ud800"}', "bytes that are not in the declared encoding"),
        (b"[" * 100_000, "JSON nested too deep"),
        (b"\0", "broken JSON"),
        (b'{"id": 1, "id": 2}', "a key that stands twice"),
    ],
)
def test_a_bad_line_is_refused_by_name_and_the_good_one_beside_it_read(
    tmp_path: Path, bad: bytes, problem: str
) -> None:
    (tmp_path / "x.jsonl").write_bytes(bad + b"\n" + GOOD.encode())
    result = events(str(tmp_path / "x.jsonl"))
    first, second = documents(result)
    assert first["rejected"]["given"]
    assert first["rejected"]["wanted"]
    assert (result.exit_code, first["where"], second["id"]) == (4, "x.jsonl:1", "good")
    assert problem in first["rejected"]["problem"]
    assert "1 line was no story" in result.stderr
    added = json.loads(imported(tmp_path, "x.jsonl").stdout)
    assert (added["added"], added["rejected"]) == (1, 1)
    assert problem in added["rejections"][0]["problem"]


@pytest.mark.parametrize(
    ("codec", "title", "stated"),
    [
        ("gb18030", MAINLAND, "gb18030"),
        ("gb18030", MAINLAND, "detect"),
        ("big5", TAIWAN, "big5"),
        ("big5", TAIWAN, "detect"),
        ("utf-8-sig", MAINLAND, "utf-8"),
    ],
)
def test_chinese_files_are_read_in_the_encoding_declared_or_detected(
    tmp_path: Path, codec: str, title: str, stated: str
) -> None:
    (tmp_path / "x.jsonl").write_bytes(line(title=title).encode(codec))
    (tmp_path / "x.txt").write_bytes(title.encode(codec))
    setting = ("--set", f"news.encoding={stated}")
    for words in ((str(tmp_path / "x.jsonl"),), (str(tmp_path / "x.txt"), "--published-at", AT)):
        result = events(*words, *setting)
        assert result.exit_code == 0
        (event,) = documents(result)[0]["events"]
        assert (event["kind"], event["amount"], event["currency"]) == ("buyback", 1e9, "HKD")
    assert json.loads(imported(tmp_path, "x.jsonl", *setting).stdout)["added"] == 1


def test_what_an_error_advises_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    late = line(title="Alibaba hebt die Prognose an", published_at="2199-01-01T00:00:00Z")
    path.write_text(late, encoding="utf-8")
    assert events(str(path), "--set", "news.as_of=2199-01-01T00:00:00Z").exit_code == 0
    path.write_text(line(title="x", published_at=1757552400), encoding="utf-8")
    assert events(str(path), "--set", "news.epoch_unit=s").exit_code == 0
    path.write_text(line(title="x", published_at="2025-09-11T00:00:00"), encoding="utf-8")
    assert events(str(path), "--set", "news.zone=Asia/Hong_Kong").exit_code == 0
    path.write_text(line(title="x" * 3_000_000), encoding="utf-8")
    assert events(str(path), "--set", "news.max_item_kb=4000").exit_code == 0


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("news.encodin=utf-8", 3, "unknown key"),
        ("news.encoding=utf-16", 3, "no encoding that news files can have"),
        ("news.source=csv", 3, "means nothing here"),
        ("start=2020-01-01", 3, "means nothing here"),
        ("news.max_item_kb=0", 3, "invalid value"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    tmp_path: Path, setting: str, code: int, said: str
) -> None:
    (tmp_path / "x.jsonl").write_text(GOOD, encoding="utf-8")
    result = events(str(tmp_path / "x.jsonl"), "--set", setting)
    assert result.exit_code == code
    assert said in result.stderr


def test_the_encoding_of_a_stream_is_not_guessed() -> None:
    words = ["events", "-", "--set", "news.encoding=detect"]
    result = CliRunner().invoke(app, words, input=GOOD)
    assert result.exit_code == 3
    assert "cannot be detected" in result.stderr


def test_archives_are_unpacked_within_the_limit_and_others_refused(tmp_path: Path) -> None:
    bomb, archive = tmp_path / "bomb.jsonl.gz", tmp_path / "zip.jsonl"
    with gzip.open(bomb, "wb") as file:
        file.write(GOOD.encode() + b"\n" + b"0" * 5_000_000)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.jsonl", b"0" * 1_000_000)
    result = events(str(bomb))
    assert result.exit_code == 4
    assert documents(result)[1]["rejected"]["problem"] == "a story over the size limit"
    for run in (events, lambda *words: imported(tmp_path, bomb.name, *words[1:])):
        result = run(str(bomb), "--set", "news.max_file_mb=2")
        assert result.exit_code == 4
        assert "a file over the size limit" in result.stderr
    assert "a zip archive, not a text file" in events(str(archive)).stderr
    assert "a zip archive, not a text file" in imported(tmp_path, archive.name).stderr


def test_a_huge_article_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("Alibaba\n" + "x " * 2_000_000, encoding="utf-8")
    result = events(str(tmp_path / "x.txt"), "--published-at", AT)
    assert result.exit_code == 4
    assert documents(result)[0]["rejected"]["problem"] == "a story over the size limit"


def test_what_hides_in_a_text_hides_nothing(tmp_path: Path) -> None:
    titles = [
        "Alibaba &amp; Baidu heben die Prognose an",
        "Ali\u200bba\u200dba\ufeff hebt\u202e die \u2066Prognose\u2069 an",
        "\u0410libaba hebt die Prognose an",  # a Cyrillic A
        "O700.HK hebt die Prognose an",  # a letter for the zero
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(line(id=str(n), title=t) for n, t in enumerate(titles)), "utf-8")
    tickers = [
        [event["tickers"] for event in document["events"]]
        for document in documents(events(str(path)))
    ]
    assert tickers == [[["9988.HK", "9888.HK"]], [["9988.HK"]], [], []]
    listed = json.loads(events(str(path), "--ambiguous", "--json").stdout)["ambiguous"]
    reasons = {of["alias"]: of["reasons"] for of in listed["aliases"]}
    assert reasons == {"alibaba": {"borrowed letters": 1}, "0700.hk": {"borrowed letters": 1}}


def test_a_look_alike_of_a_declared_ticker_is_set_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(line(title="x", tickers=["\u041e700.HK", "700"]), encoding="utf-8")
    assert "tickers that no instrument table lists: \u041e700.HK 1" in events(str(path)).stderr
    assert sum(json.loads(imported(tmp_path, "x.jsonl").stdout)["notices"].values()) == 1


ITEM = (
    "<item><title>{}</title><guid>{}</guid><pubDate>Fri, 12 Sep 2025 09:30:00 {}</pubDate></item>"
)
FEED = '<?xml version="1.0"?>{}<rss version="2.0"><channel><title>t</title>{}</channel></rss>'
BAD_FEEDS = {
    "outside": ('<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "declares entities"),
    "laughs": ('<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>', "declares entities"),
    "dtd": ('<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd">', "points to a file outside"),
}


@pytest.mark.parametrize("name", BAD_FEEDS)
def test_a_feed_that_reaches_outside_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    declaration, problem = BAD_FEEDS[name]
    text = FEED.format(declaration, ITEM.format("&x;", "1", "+0800"))
    (tmp_path / "x.xml").write_text(text, encoding="utf-8")
    result = imported(tmp_path, "x.xml", source="rss")
    assert result.exit_code == 4
    assert problem in result.stderr
    monkeypatch.setattr(collecting, "fetch_url", lambda address, limit_kb: text.encode())
    store = str(tmp_path / "c.sqlite")
    result = CliRunner().invoke(app, ["news", "collect", "a=http://feed", "--store", store])
    assert result.exit_code == 7
    assert problem in result.stderr


def test_collect_says_of_a_feed_that_failed_what_was_given_and_wanted(tmp_path: Path) -> None:
    words = ["news", "collect", "a=ftp://feed", "--store", str(tmp_path / "c.sqlite")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 7
    assert "no web address" in result.output
    assert "ftp://feed" in result.output


def test_collect_names_every_entry_it_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = (
        ITEM.format("Fine", "1", "+0800"),
        ITEM.format("", "2", "+0800"),
        ITEM.format("Zone of nobody", "3", "QQT"),
        ITEM.format("Ahead", "4", "+0800").replace("2025", "2199"),
    )
    feed = FEED.format("", "".join(entries)).encode()
    monkeypatch.setattr(collecting, "fetch_url", lambda address, limit_kb: feed)
    words = ["news", "collect", "a=http://feed", "--store", str(tmp_path / "c.sqlite")]
    result = CliRunner().invoke(app, words)
    assert result.stdout.startswith("a: 1 added, 0 repeated, 0 revised, 3 rejected")
    for number, problem in ((2, "a title or a body"), (3, "no such date"), (4, "in the future")):
        assert f"a: entry {number}: " in result.stderr
        assert problem in result.stderr
    feeds = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["feeds"]
    assert (feeds["a"]["repeated"], len(feeds["a"]["rejections"])) == (1, 3)
