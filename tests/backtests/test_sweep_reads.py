"""What a config reads is known by its files: the same bytes are not loaded twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backtests.config import OWN_TABLES, RunConfig, load_config
from backtests.own_parts import published_by_others
from backtests.sweeps import code
from backtests.sweeps.cache import Cache
from backtests.sweeps.reads import Digest, digest_through, files_read
from backtests.sweeps.upstream import files_of
from signals.news import Rejection

Load = Callable[[], Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("prices_1.csv", "prices_2.csv", "stories.jsonl", "splits.csv", "unread.csv"):
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def config_of(data: Path, *flags: str) -> RunConfig:
    path = data.parent / "files.toml"
    path.write_text(
        f"""
        start = 2023-01-03
        end = 2023-12-29
        data_dir = "{data}"
        [prices]
        source = "files"
        [prices.files]
        pattern = "prices_*.csv"
        actions_pattern = "splits*.csv"
        [news]
        source = "jsonl"
        path = "*.jsonl"
        """,
        encoding="utf-8",
    )
    return load_config(path, flags, environment={}).config


def test_every_table_of_the_users_own_is_kept_with_a_sweep(data: Path) -> None:
    flags = []
    for number, key in enumerate(OWN_TABLES):
        table = data / f"{number}.toml"
        table.write_text(key, encoding="utf-8")
        flags.append(f"{key}={table}")
    kept = files_of([config_of(data), config_of(data, *flags)])
    assert {Path(path).read_text(encoding="utf-8") for path in kept} == set(OWN_TABLES)
    assert all(kept.values())


class Loads:
    """Counts how often somebody loads."""

    def __init__(self, *rejections: Rejection) -> None:
        self.count = 0
        self.rejections = rejections

    def __call__(self) -> Any:
        self.count += 1
        return SimpleNamespace(
            market=SimpleNamespace(sha256=f"market {self.count}"),
            store=SimpleNamespace(sha256=lambda: "news"),
            sha256="both",
            family_sha256="family",
            rejections=self.rejections,
        )


def test_files_of_a_config_are_those_that_are_read(data: Path) -> None:
    found = files_read(config_of(data))
    assert found is not None
    # Of several price files the newest; of actions every one.
    assert [path.name for path in found.values()] == ["prices_2.csv", "splits.csv", "stories.jsonl"]


def test_the_same_bytes_are_loaded_once_and_others_again(data: Path, tmp_path: Path) -> None:
    load = Loads()

    def digest(*flags: str) -> Digest:
        return digest_through(config_of(data, *flags), Cache(tmp_path / "cache"), load)

    first = digest()
    os.utime(data / "stories.jsonl", (1, 1))
    (data / "unread.csv").write_text("changed")
    (data / "prices_1.csv").write_text("changed")
    assert digest("strategy.reserve_bp=1", "broker.engine=compiled") == first
    assert load.count == 1
    for number, change in enumerate(["stories.jsonl", "prices_2.csv", "splits.csv"], 2):
        (data / change).write_text("changed")
        assert digest().market == f"market {number}"
    assert digest("news.path=stories.jsonl").market == "market 5"
    (data / "own.toml").write_text("")
    assert digest(f"instruments={data / 'own.toml'}").market == "market 6"
    (data / "own.toml").write_text("# changed")
    assert digest(f"instruments={data / 'own.toml'}").market == "market 7"


def test_a_row_that_may_be_accepted_tomorrow_is_loaded_again(data: Path, tmp_path: Path) -> None:
    load = Loads(Rejection("stories.jsonl:1", "a clock in the future"))
    for _ in range(2):
        digest_through(config_of(data), Cache(tmp_path / "cache"), load)
    assert load.count == 2
    dated = config_of(data, "news.as_of=2024-01-01T00:00:00Z")
    for _ in range(2):
        digest_through(dated, Cache(tmp_path / "cache"), load)
    assert load.count == 3


def test_a_source_of_the_users_own_is_loaded_each_time(data: Path, tmp_path: Path) -> None:
    load = Loads()
    own = config_of(data, "news.source=backtests.testing:NoSuchSourceIsNeeded")
    with pytest.raises(Exception, match="no such name"):
        digest_through(own, Cache(tmp_path / "cache"), load)
    (data.parent / "own_source.py").write_text(
        "class Own:\n    def __init__(self, settings, data_dir, known=None): pass\n"
        "    def read(self): yield from ()\n"
    )
    own = config_of(data, "news.source=own_source:Own")
    for _ in range(2):
        digest_through(own, Cache(tmp_path / "cache"), load)
    assert load.count == 2


def test_a_part_that_others_publish_is_told_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "parts_of_a_user-1.0.dist-info"
    about.mkdir()
    named = "Metadata-Version: 2.1\nName: parts-of-a-user\nVersion: 1.0\n"
    (about / "METADATA").write_text(named, encoding="utf-8")
    points = "[newswake.features]\nhour_of_a_user = parts_of_a_user:Hour\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    module = tmp_path / "parts_of_a_user.py"
    monkeypatch.syspath_prepend(tmp_path)
    published_by_others.cache_clear()
    try:
        found = []
        for line in ("Hour = 1\n", "Hour = 2\n"):
            module.write_text(line, encoding="utf-8")
            found.append(code.plugins_of({"groups": ["events", "hour_of_a_user"]}))
        assert [set(one) for one in found] == [{"hour_of_a_user"}] * 2
        assert found[0] != found[1]
    finally:
        published_by_others.cache_clear()
