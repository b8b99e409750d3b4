"""Plugins: published parts are those of the import path of the moment, read once for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from markets import plugins
from markets.plugins import KINDS, module_of, names


def publish(folder: Path, name: str) -> None:
    about = folder / "parts_of_a_user-1.0.dist-info"
    about.mkdir(parents=True)
    named = "Metadata-Version: 2.1\nName: parts-of-a-user\nVersion: 1.0\n"
    (about / "METADATA").write_text(named, encoding="utf-8")
    points = f"[newswake.features]\n{name} = parts_of_a_user:Part\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")


def test_what_is_published_is_what_the_path_of_the_moment_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names("features")
    for name in ("one", "other"):
        publish(tmp_path / name, name)
        with monkeypatch.context() as patched:
            patched.syspath_prepend(tmp_path / name)
            assert set(names("features")) == {*before, name}
            assert module_of("features", name) == "parts_of_a_user"
    assert names("features") == before


def test_packages_are_read_once_for_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read: list[Any] = []
    whole = plugins.entry_points
    monkeypatch.setattr(plugins, "entry_points", lambda **by: read.append(by) or whole(**by))
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(3):
        for kind in KINDS:
            names(kind)
            module_of(kind, "event_hold")
    assert len(read) == len(KINDS)
