"""The audit knows a user's own parts through each door: `module:Class`, and an entry point."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import leaky_sources
import numpy as np
import pytest
from hidden_parts import KEPT
from leak_cases import GROUPS, own_sources
from small_world import CLASSIFIER

from backtests.config import RunConfig
from backtests.own_parts import of_the_line, own_parts
from backtests.robustness.lookahead import audit_lookahead
from backtests.robustness.parts import forget
from signals.events.schema import Event
from signals.news import NewsItem

HONEST = {
    "news_sources": "leaky_sources:HonestNews",
    "price_sources": "leaky_sources:HonestPrices",
    "features": "honest_parts:Weekday",
    "labels": "leaky_labels:ThreeOpens",
    "classifiers": "hidden_parts:Centered",
    "strategies": "honest_parts:HoldsLong",
}
LEAKING = {
    "news_sources": "leaky_sources:KeptRevisions",
    "price_sources": "leaky_sources:KeptScale",
    "features": "sly_parts:RankedInThePanel",
    "labels": "leaky_labels:CloseKnownAtTheOpen",
    "classifiers": "hidden_parts:HoardsElsewhere",
    "strategies": "leaky_features:Digger",
}


@pytest.fixture(scope="module")
def memory() -> dict[NewsItem, tuple[Event, ...]]:
    """What stories were read as: read once for all."""
    return {}


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what parts keep in numpy."""
    for name in (KEPT, leaky_sources.KEPT_SCALE, leaky_sources.KEPT_STORIES):
        monkeypatch.setitem(vars(np), name, None)
        monkeypatch.delitem(vars(np), name)


@pytest.fixture
def _published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution on the path that publishes every part, as `honest` or `leaking`."""
    folder = tmp_path / "parts_of_a_user-1.0.dist-info"
    folder.mkdir()
    about = "Metadata-Version: 2.1\nName: parts-of-a-user\nVersion: 1.0\n"
    (folder / "METADATA").write_text(about, encoding="utf-8")
    points = "".join(
        f"[newswake.{kind}]\nhonest = {HONEST[kind]}\nleaking = {LEAKING[kind]}\n"
        for kind in HONEST
    )
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def run_of(folder: Path, parts: Mapping[str, str], engine: str = "backtrader") -> RunConfig:
    """A run on these parts, by kind."""
    config = own_sources(
        folder,
        features={"groups": (*GROUPS, parts["features"])},
        label={"name": parts["labels"]},
        classifier={**CLASSIFIER, "name": parts["classifiers"]},
        strategy={"name": parts["strategies"]},
        broker={"engine": engine},
    )
    sources = {
        "prices": config.prices.model_copy(update={"source": parts["price_sources"]}),
        "news": config.news.model_copy(update={"source": parts["news_sources"]}),
    }
    return config.model_copy(update=sources)


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize("door", ["module:Class", "entry point"])
def test_parts_of_every_kind_are_known_and_forgotten(door: str, tmp_path: Path) -> None:
    named = HONEST if door == "module:Class" else dict.fromkeys(HONEST, "honest")
    config = run_of(tmp_path, named)
    found = own_parts(config)
    modules = {kind: name.partition(":")[0] for kind, name in HONEST.items()}
    assert {part.kind: part.module for part in found} == modules
    assert {part.kind: part.name for part in found} == named
    assert {part.kind for part in of_the_line(config)} == set(HONEST) - {
        "news_sources",
        "price_sources",
    }
    for module in modules.values():
        importlib.import_module(module)
    forget(config)
    assert not set(modules.values()) & set(sys.modules)
    assert "small_world" in sys.modules, "a module beside a part is not the part's"


def test_the_house_has_no_parts_of_its_own(tmp_path: Path) -> None:
    config = own_sources(tmp_path)
    kinds = {part.kind for part in own_parts(config)}
    assert kinds == {"news_sources", "price_sources"}
    assert of_the_line(config) == ()


def test_of_a_package_all_modules_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "package_of_a_user"
    folder.mkdir()
    for name in ("__init__", "parts", "state"):
        (folder / f"{name}.py").write_text("KEPT = []\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    names = {f"package_of_a_user.{name}" for name in ("parts", "state")}
    for name in names:
        importlib.import_module(name)
    config = own_sources(tmp_path, strategy={"name": "package_of_a_user.parts:Class"})
    forget(config)
    assert not names & set(sys.modules)


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize("engine", ["backtrader", "compiled"])
def test_honest_parts_through_entry_points_raise_nothing(
    engine: str, tmp_path: Path, memory: dict[NewsItem, tuple[Event, ...]]
) -> None:
    config = run_of(tmp_path, dict.fromkeys(HONEST, "honest"), engine)
    report = audit_lookahead(config, cuts=1, memory=memory)
    assert report.ok, report.text()


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize("kind", LEAKING)
def test_a_leaking_part_through_an_entry_point_is_caught(
    kind: str, tmp_path: Path, memory: dict[NewsItem, tuple[Event, ...]]
) -> None:
    parts = {**dict.fromkeys(HONEST, "honest"), kind: "leaking"}
    engine = "compiled" if kind == "strategies" else "backtrader"
    config = run_of(tmp_path, parts, engine)
    report = audit_lookahead(config, cuts=1, memory=memory, stop_at_first=True)
    assert not report.ok
    stages = {
        "news_sources": ("stories", "readings"),
        "price_sources": ("prices",),
        "features": ("features",),
        "labels": ("labels",),
        "classifiers": ("splits", "probabilities"),
        "strategies": ("orders",),
    }
    assert report.findings[0].stage in stages[kind], report.text()
