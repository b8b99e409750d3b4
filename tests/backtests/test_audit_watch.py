"""What the audit looks on at: parts that keep things outside, and a calendar without its storms."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from backtests.config import RunConfig
from backtests.robustness.watch import Watch
from backtests.robustness.weather import as_announced, weather_days
from markets.calendar import announced_calendar, hong_kong_calendar

CALENDAR = hong_kong_calendar()
PART = """
import os
import pathlib

def write(path):
    pathlib.Path(path).write_text("kept")

def read(path):
    return pathlib.Path(path).read_text()

def append(path):
    with open(path, "a+") as file:
        file.write("kept")

def remember(name):
    os.environ[name] = "kept"

def ask_the_house():
    from markets.hk.timetable import read_rulebook
    return read_rulebook()
"""


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of a user's, on the path."""
    (tmp_path / "part_that_keeps.py").write_text(PART, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("part_that_keeps")


def watch() -> Watch:
    span = {"start": date(2023, 1, 3), "end": date(2023, 6, 30)}
    return Watch(RunConfig.model_validate({**span, "strategy": {"name": "part_that_keeps:Any"}}))


def test_what_is_written_and_read_back_is_suspect(part: ModuleType, tmp_path: Path) -> None:
    with watch() as looking:
        part.write(tmp_path / "kept")
        part.read(tmp_path / "kept")
    (found,) = looking.findings()
    assert (found.level, found.column, found.given) == ("suspect", "file", str(tmp_path / "kept"))
    with watch() as looking:
        part.append(tmp_path / "kept")
    assert [one.level for one in looking.findings()] == ["suspect"]


def test_what_is_only_read_is_noted_and_what_is_only_written_is_not(
    part: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "table").write_text("1", encoding="utf-8")
    with watch() as looking:
        part.write(tmp_path / "log")
        part.read(tmp_path / "table")
    (found,) = looking.findings()
    assert (found.level, found.given) == ("note", str(tmp_path / "table"))


def test_the_environment_is_no_place_to_keep_things(
    part: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT_BY_A_PART", "")
    with watch() as looking:
        part.remember("KEPT_BY_A_PART")
    (found,) = looking.findings()
    assert (found.level, found.given) == ("suspect", "KEPT_BY_A_PART")


def test_others_and_what_comes_before_or_after_are_nobody_s_affair(
    part: ModuleType, tmp_path: Path
) -> None:
    part.write(tmp_path / "kept")
    with watch() as looking:
        (tmp_path / "kept").read_text(encoding="utf-8")
        (tmp_path / "kept").write_text("", encoding="utf-8")
        part.ask_the_house()
    part.read(tmp_path / "kept")
    assert list(looking.findings()) == []


def test_a_calendar_is_as_announced_for_a_while() -> None:
    saola = date(2023, 9, 1)
    days = weather_days(CALENDAR, date(2023, 8, 1), date(2023, 10, 31))
    assert date(2023, 8, 31) in days
    assert {date(2023, 10, 6), date(2023, 10, 9)} <= set(days)
    with as_announced(CALENDAR, date(2023, 8, 31)):
        assert hong_kong_calendar().is_session(saola)
        assert not announced_calendar(date(2023, 9, 4)).is_session(saola)
    assert not CALENDAR.is_session(saola)
