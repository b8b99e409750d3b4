"""The worked plug-in runs from anywhere, and each of its parts keeps its promises."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from backtests.cli import app
from backtests.config import load_config
from backtests.robustness.lookahead import audit_lookahead
from markets.plugins import import_from
from markets.testing import check_price_source
from signals.classifiers.testing import check_classifier
from signals.features.testing import check_feature_group
from signals.sources import NewsSettings
from signals.testing import check_news_source
from strategies.testing import check_strategy

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "own-parts"
TICKERS = ["99101.HK", "99102.HK", "99103.HK", "99104.HK"]


@pytest.fixture
def parts() -> ModuleType:
    import_from(FOLDER)
    __import__("own_parts")
    return sys.modules["own_parts"]


def test_the_price_source_keeps_its_promises(parts: ModuleType) -> None:
    market = check_price_source(parts.Ledger(), TICKERS, date(2024, 1, 2), date(2024, 12, 31))
    assert market.tickers == tuple(TICKERS)


def test_the_news_source_keeps_its_promises(parts: ModuleType) -> None:
    stories = check_news_source(lambda: parts.Diary(NewsSettings(), Path()))
    assert len(stories) == 420


def test_a_bad_line_of_the_diary_is_a_rejection(parts: ModuleType, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text(
        "2024-03-01T08:00:00 | Quillmoor cuts its guidance\n"
        "Quillmoor cuts its guidance\n"
        "2024-03-01T08:00:00+08:00 | Quillmoor cuts its guidance\n",
        encoding="utf-8",
    )
    source = parts.Diary(NewsSettings(path=str(diary)), Path())
    naive, barless, sound = source.read()
    assert "zone" in naive.problem
    assert barless.where == "diary.txt:2"
    assert sound.title == "Quillmoor cuts its guidance"


def test_feature_group_classifier_and_strategy_keep_theirs(parts: ModuleType) -> None:
    check_feature_group(parts.Hour)
    check_classifier(parts.Centroids())
    check_strategy(parts.BestOnly, examples=50)


def test_the_run_is_the_same_from_the_root_and_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    for place, config in ((ROOT, "examples/own-parts/run.toml"), (FOLDER, "run.toml")):
        monkeypatch.chdir(place)
        result = CliRunner().invoke(app, ["run", config, "--out", str(tmp_path), "--json"])
        assert result.exit_code == 0, result.output
        folders.append(Path(json.loads(result.stdout)["run"]))
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in folders)
    assert first["config_sha256"] == second["config_sha256"]
    assert first["inputs_sha256"] == second["inputs_sha256"]
    assert (folders[0] / "trades.csv").read_bytes() == (folders[1] / "trades.csv").read_bytes()
    metrics = json.loads((folders[0] / "metrics.json").read_text())
    assert metrics["predictions"]["model"]["auc"] > 0.55, "the planted drift is not found"


def test_an_audit_finds_nothing_but_that_the_parts_read_files() -> None:
    found = audit_lookahead(load_config(FOLDER / "run.toml").config, cuts=1, days=2)
    assert [(one.level, one.check) for one in found.findings] == [("note", "kept outside")]


def test_the_lexicon_of_the_run_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    story = '{"id": "a", "title": "Quillmoor bags a mandate", "published_at": "2024-03-01"}'
    reading = ["events", "-", "--instruments", "instruments.toml"]
    plain = CliRunner().invoke(app, reading, input=story)
    own = CliRunner().invoke(app, [*reading, "--lexicon", "lexicon.toml"], input=story)
    assert json.loads(plain.stdout)["events"] == []
    assert [event["kind"] for event in json.loads(own.stdout)["events"]] == ["order_supply"]


def test_the_data_are_what_the_script_invents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_from(FOLDER)
    import invent  # importable from the folder of the example only

    monkeypatch.setattr(invent, "HERE", tmp_path)
    invent.main()
    for name in ("prices.txt", "diary.txt"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
