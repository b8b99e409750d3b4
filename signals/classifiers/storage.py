"""Storage: fitted models as skops files with a JSON manifest; nothing is ever unpickled.

A file is read only if its bytes, its types, the versions it was made with and the hash of what was
learned are all as its manifest says. Equal models give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import sparse
from scipy.special import expit

from markets.errors import ConfigError, DataError, MissingDataError
from signals.answers import Predictions
from signals.classifiers import ClassifierSettings
from signals.classifiers.calibration import Calibration
from signals.classifiers.counting import count_known
from signals.classifiers.fitted import Fitted, model_sha256
from signals.features.base import FeatureFrame

FORMAT = 2
ALLOWED = frozenset(
    {
        "signals.classifiers.build._by_sign",
        "signals.classifiers.build._cut",
        "signals.classifiers.build._dense",
        "signals.classifiers.build._signed_names",
        "signals.classifiers.lexicon.ReturnLexicon",
        "signals.classifiers.stack.PurgedStack",
        "signals.classifiers.terms.FoldTerms",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    }
)
"""Types that are read beside those that skops itself holds to be harmless."""
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "skops")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class StoredModel:
    """A model that was read back.

    Attributes
    ----------
    fitted : Fitted
        Answers the same bits as the model that was saved.
    manifest : mapping
        Where it came from: versions, fold with its data span and metrics, hashes.
    """

    fitted: Fitted
    manifest: Mapping[str, Any]

    def answer(self, features: FeatureFrame) -> pd.Series:
        """Return the calibrated probability of each row, indexed as the features.

        Raises
        ------
        MissingDataError
            If a feature column that the model learned from is absent.
        """
        absent = sorted(set(self.fitted.columns) - set(features.values.columns))
        if absent:
            raise MissingDataError(
                "the model learned from other features",
                given=f"{features.values.shape[1]} columns",
                wanted=", ".join(absent[:5]),
                where="features",
            )
        numbers = features.values[list(self.fitted.columns)].to_numpy(dtype="float64")
        parts = [sparse.csr_array(numbers)]
        if self.fitted.terms:
            texts = features.texts.tolist()
            parts.append(count_known(texts, self.fitted.settings.text, self.fitted.terms))
        matrix = sparse.csr_array(sparse.hstack(parts, format="csr"))
        decisions = pd.factorize(features.values.index.get_level_values("decision_at"))[0]
        odds = self.fitted.calibration.log_odds(self.fitted.log_odds(matrix, decisions))
        return pd.Series(expit(odds), index=features.values.index)


def save_models(predictions: Predictions, folder: Path) -> list[Path]:
    """Write the model of every fold: ``fold_00.skops`` beside its manifest ``fold_00.json``.

    Parameters
    ----------
    predictions : Predictions
        Of a walk-forward.
    folder : Path
        Made if need be; files of the same names are written over.

    Returns
    -------
    list of Path
        The manifests, in order of time.

    Raises
    ------
    ConfigError
        If skops cannot write a classifier.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for report in predictions.folds:
        fitted = predictions.models[report.fold].fitted
        content = _dumped(fitted)
        manifest = {
            "format": FORMAT,
            "versions": _versions(),
            "file_sha256": hashlib.sha256(content).hexdigest(),
            "features_sha256": _sha256([fitted.columns, fitted.terms]),
            "model_sha256": fitted.sha256,
            "settings": fitted.settings.model_dump(mode="json"),
            "columns": fitted.columns,
            "terms": fitted.terms,
            "groups": fitted.groups,
            "center": fitted.center.tolist(),
            "calibration": asdict(fitted.calibration),
            "text": fitted.text,
            "base_rate": fitted.base_rate,
            "horizon": predictions.horizon,
            "fold": report.as_dict(),
        }
        path = folder / f"fold_{report.fold:02d}.json"
        path.with_suffix(".skops").write_bytes(content)
        sealed = {**manifest, "manifest_sha256": _sha256(manifest)}
        text = json.dumps(sealed, ensure_ascii=False, indent=1, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
        written.append(path)
    return written


def load_model(manifest: Path, *, also_trust: Collection[str] = ()) -> StoredModel:
    """Read a model back, if everything about it is as its manifest says.

    Parameters
    ----------
    manifest : Path
        The JSON file; the model lies beside it.
    also_trust : collection of str
        Full names of further types, of a classifier of one's own. They are imported and built, so
        name only what you know.

    Raises
    ------
    MissingDataError
        If a file is not there.
    DataError
        If bytes, types, versions or the hash of the model are other than they should be.
    """
    told = _read_manifest(manifest)
    path = manifest.with_suffix(".skops")
    if not path.exists():
        raise MissingDataError("a model's file is not there", wanted=path.name, where=str(manifest))
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != told["file_sha256"]:
        raise DataError(
            "the bytes of a model are not those that were saved",
            given=found,
            wanted=told["file_sha256"],
            where=str(path),
        )
    parts = _loaded(content, frozenset(also_trust) | ALLOWED, str(path))
    try:
        fitted = Fitted(
            settings=ClassifierSettings.model_validate(told["settings"]),
            columns=tuple(told["columns"]),
            terms=tuple(told["terms"]),
            groups={name: tuple(columns) for name, columns in told["groups"].items()},
            center=np.array(told["center"], dtype="float64"),
            preprocessor=parts["preprocessor"],
            classifier=parts["classifier"],
            calibration=Calibration(**told["calibration"]),
            text=told["text"],
            base_rate=told["base_rate"],
            sha256=told["model_sha256"],
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise DataError(f"a manifest is incomplete: {error}", where=str(manifest)) from None
    if model_sha256(fitted) != fitted.sha256:
        raise DataError(
            "a model has not learned what its manifest says",
            given=model_sha256(fitted),
            wanted=fitted.sha256,
            where=str(path),
        )
    return StoredModel(fitted, told)


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise MissingDataError("a model's manifest is not there", where=str(path))
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        seal = told.pop("manifest_sha256")
        form, versions = told["format"], told["versions"]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"this is no manifest of a model: {error}", where=str(path)) from None
    if _sha256(told) != seal:
        raise DataError(
            "a manifest is not as it was saved",
            given=_sha256(told),
            wanted=seal,
            where=str(path),
        )
    if form != FORMAT:
        raise DataError("a model of another format", given=form, wanted=FORMAT, where=str(path))
    if versions != _versions():
        raise DataError(
            "a model was saved by other versions; its answers could differ",
            given=versions,
            wanted=_versions(),
            where=str(path),
        )
    if told.get("features_sha256") != _sha256([told.get("columns"), told.get("terms")]):
        raise DataError("the hash of a model's features is another", where=str(path))
    return dict(told)


def _versions() -> dict[str, str]:
    """Return what must be the same for a model to answer the same."""
    own = {name: version(name) for name in _LIBRARIES}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **own}


def _sha256(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _dumped(fitted: Fitted) -> bytes:
    """Return the estimators as a skops file with the same bytes on every run."""
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    try:
        raw = dumps({"preprocessor": fitted.preprocessor, "classifier": fitted.classifier})
    except (UnsupportedTypeException, TypeError) as error:
        raise ConfigError(
            f"the classifier cannot be saved: {error}",
            given=fitted.settings.name,
            wanted="save_models = false, or a classifier that skops can write",
            where="classifier.save_models",
        ) from None
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as given, zipfile.ZipFile(out, "w") as made:
        schema = json.loads(given.read("schema.json"))
        names: dict[str, str] = {}
        _renumber(schema, {}, names)
        for old, new in names.items():
            made.writestr(_entry(new), _without_padding(given.read(old)))
        made.writestr(_entry("schema.json"), json.dumps(schema, indent=1))
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _renumber(node: Any, ids: dict[int, int], names: dict[str, str]) -> None:
    """Set numbers by first appearance: skops takes those of places in memory."""
    if isinstance(node, list):
        for each in node:
            _renumber(each, ids, names)
    elif isinstance(node, dict):
        if "__id__" in node:
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if isinstance(node.get("file"), str):
            suffix = Path(node["file"]).suffix
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1}{suffix}")
        for each in node.values():
            _renumber(each, ids, names)


def _without_padding(content: bytes) -> bytes:
    """Return an array's file with zeros between the fields of its records."""
    if not content.startswith(b"\x93NUMPY"):
        return content
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    if not array.dtype.names:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    out = io.BytesIO()
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def _loaded(content: bytes, trusted: frozenset[str], where: str) -> dict[str, Any]:
    from skops.io import get_untrusted_types, loads

    needed = set(get_untrusted_types(data=content))
    unknown = sorted(needed - trusted)
    if unknown:
        raise DataError(
            "a model holds types that are not on the list of those to be read",
            given=", ".join(unknown[:5]),
            wanted="built-in types, or names given to `also_trust`",
            where=where,
        )
    parts = loads(content, trusted=sorted(needed))
    if not isinstance(parts, dict) or set(parts) != {"preprocessor", "classifier"}:
        raise DataError("a model's file holds something else", where=where)
    return parts
