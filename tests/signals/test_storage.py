"""Stored models: the same bits back, or a refusal that says why."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markets.errors import DataError, MissingDataError
from signals.answers import Predictions
from signals.classifiers import ClassifierSettings, storage
from signals.classifiers.storage import load_model, save_models
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame
from signals.features.testing import example
from signals.features.text import TextSettings
from signals.labels import LabelFrame, LabelSettings
from signals.pipeline import build_features, label, walk_forward
from signals.splits import SplitSettings

SPLIT = SplitSettings(min_train_rows=60)
TEXT = TextSettings(min_train_rows=60, min_rows_per_term=3)


@dataclass(frozen=True)
class Learned:
    features: FeatureFrame
    labels: LabelFrame

    def walk(self, name: str, text: TextSettings = TEXT, **params: Any) -> Predictions:
        settings = ClassifierSettings(name=name, params=params, text=text, min_calibration_rows=20)
        return walk_forward(self.features, self.labels, SPLIT, settings, 1, baselines=False)


@pytest.fixture(scope="module")
def learned() -> Learned:
    tried = example(n_stories=600)
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    return Learned(features, label(features, tried.market, tried.calendar, LabelSettings()))


@pytest.fixture(scope="module")
def kept(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "models"
    save_models(learned.walk("logistic"), folder)
    return folder


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("logistic", {}),
        ("logistic", {"text": TEXT.model_copy(update={"terms": "hashed", "n_hashed": 256})}),
        ("gradient_boosting", {"max_iter": 10}),
        ("complement_nb", {}),
        ("sestm", {}),
        ("stack", {"members": ["linear", "lexicon"]}),
        ("dummy", {}),
    ],
)
def test_a_model_comes_back_with_the_same_bits(
    learned: Learned, tmp_path: Path, name: str, params: dict[str, Any]
) -> None:
    answers = learned.walk(name, **params)
    first = save_models(answers, tmp_path / "first")
    again = save_models(learned.walk(name, **params), tmp_path / "again")
    assert len(first) == len(answers.folds)
    for report, path, other in zip(answers.folds, first, again, strict=True):
        for suffix in (".json", ".skops"):
            assert path.with_suffix(suffix).read_bytes() == other.with_suffix(suffix).read_bytes()
        stored = load_model(path)
        assert stored.fitted.sha256 == report.model_sha256
        mine = (answers.values["fold"] == report.fold).to_numpy()
        expected = answers.values["probability"].to_numpy()[mine]
        given = stored.answer(learned.features).to_numpy()[answers.positions.to_numpy()[mine]]
        np.testing.assert_array_equal(given, expected)
        assert stored.manifest["fold"]["train_end"] == report.train_end.isoformat()


def copied(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "models")
    return tmp_path / "models" / "fold_00.json"


def sealed(path: Path, **changes: Any) -> None:
    """Change a manifest as someone would who also seals it again."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told.pop("manifest_sha256")
    told |= changes
    told["manifest_sha256"] = storage._sha256(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def test_tampered_bytes_are_refused(kept: Path, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    file = path.with_suffix(".skops")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DataError, match="bytes of a model"):
        load_model(path)


def test_a_tampered_manifest_is_refused(kept: Path, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"base_rate": 0.', '"base_rate": 0.1'), encoding="utf-8")
    with pytest.raises(DataError, match="not as it was saved"):
        load_model(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="no manifest"):
        load_model(path)


def test_a_manifest_of_another_model_is_refused(kept: Path, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    told = json.loads(path.read_text(encoding="utf-8"))
    sealed(path, calibration={**told["calibration"], "slope": 3.0})
    with pytest.raises(DataError, match="not learned what its manifest says"):
        load_model(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 1}, "another format"),
        ({"versions": {"python": "3.11", "scikit-learn": "0.1"}}, "other versions"),
        ({"columns": ["events__net"]}, "features is another"),
        ({"settings": {"name": 3}}, "incomplete"),
    ],
)
def test_a_mismatch_is_refused(
    kept: Path, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    path = copied(kept, tmp_path)
    sealed(path, **changes)
    with pytest.raises(DataError, match=problem):
        load_model(path)


def test_unknown_types_are_refused_until_they_are_named(learned: Learned, tmp_path: Path) -> None:
    own = learned.walk("tests.signals.own_classifier:OwnClassifier")
    (path, *_) = save_models(own, tmp_path)
    with pytest.raises(DataError, match="not on the list"):
        load_model(path)
    stored = load_model(path, also_trust=["tests.signals.own_classifier.OwnClassifier"])
    assert stored.fitted.sha256 == own.folds[0].model_sha256


def test_what_is_missing_is_named(learned: Learned, kept: Path, tmp_path: Path) -> None:
    path = copied(kept, tmp_path)
    with pytest.raises(MissingDataError, match="manifest is not there"):
        load_model(path.with_name("fold_77.json"))
    fewer = replace(learned.features, values=learned.features.values.drop(columns=["events__net"]))
    with pytest.raises(MissingDataError, match="other features"):
        load_model(path).answer(fewer)
    path.with_suffix(".skops").unlink()
    with pytest.raises(MissingDataError, match="file is not there"):
        load_model(path)
