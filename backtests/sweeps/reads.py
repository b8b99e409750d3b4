"""Reads: what a config's prices and stories hash to, known from its files without loading them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from backtests.config import OWN_TABLES, RunConfig
from backtests.inputs import Inputs
from backtests.sweeps.cache import Cache, Codec, Key
from backtests.sweeps.code import plugins_of, upstream_sha256
from markets.errors import DataError
from markets.sources import open_source
from markets.sources.files import FileSource
from signals.sources import open_news
from signals.sources.files import FileNews

INPUT_SECTIONS = ("start", "end", "universe", "instruments", "lexicon", "prices", "news")
"""What decides which prices and stories are loaded."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Hashes of what a config reads: prices, stories, and what `backtests.inputs.Inputs` states."""

    market: str
    news: str
    inputs: str
    family: str


def input_group(config: RunConfig) -> str:
    """Return a name for what a config reads: equal for configs that read the same."""
    values = config.model_dump(mode="json", include=set(INPUT_SECTIONS))
    return json.dumps(values, sort_keys=True)


def groups_of(configs: Sequence[RunConfig]) -> dict[str, RunConfig]:
    """Return one config for each set of inputs that has to be loaded."""
    found: dict[str, RunConfig] = {}
    for config in configs:
        found.setdefault(input_group(config), config)
    return found


def digest_of(inputs: Inputs) -> Digest:
    """Return the hashes of loaded inputs."""
    return Digest(inputs.market.sha256, inputs.store.sha256(), inputs.sha256, inputs.family_sha256)


def digest_through(config: RunConfig, cache: Cache, load: Callable[[], Inputs]) -> Digest:
    """Return the hashes of what a config reads, from the cache where its files are as they were.

    What does not come from files is loaded each time: nobody knows what else it depends on.
    """
    files = files_read(config)
    if files is None:
        return digest_of(load())
    contents = {name: file_sha256(path) for name, path in files.items()}
    tables = {name: contents.pop(name, None) for name in OWN_TABLES}
    values = json.loads(input_group(config))
    for name in OWN_TABLES:
        values.pop(name, None)
    parts = {
        "code": upstream_sha256(),
        "plugins": plugins_of(values),
        "values": values,
        "files": contents,
        "tables": tables,
    }
    key = Key("inputs", parts)
    if cache.has(key):
        return cache.get(key, _DIGEST, lambda: digest_of(load()))
    inputs = load()
    refused = any(not row.kept for row in inputs.rejections)
    if refused and config.news.as_of is None:
        # It may have been refused for a clock in the future, which it is not tomorrow.
        return digest_of(inputs)
    return cache.get(key, _DIGEST, lambda: digest_of(inputs))


def files_read(config: RunConfig) -> dict[str, Path] | None:
    """Return every file that a config's inputs come from; None if one is no reader of files."""
    if config.prices.source == "synthetic" and config.news.source == "synthetic":
        found: list[Path] = []
    else:
        folder = config.resolve_data_dir(os.environ)
        sources: list[Any] = []
        if config.prices.source != "synthetic":
            sources.append(open_source(config.prices, folder))
        if config.news.source != "synthetic":
            sources.append(open_news(config.news, folder))
        if not all(isinstance(source, FileSource | FileNews) for source in sources):
            return None
        found = [path for source in sources for path in source.files()]
    named = {f"{number} {path.name}": path for number, path in enumerate(found)}
    own = {name: attrgetter(name)(config) for name in OWN_TABLES}
    return named | {name: Path(path) for name, path in own.items() if path is not None}


def file_sha256(path: Path | str | None) -> str | None:
    """Return the hash of a file; None for no path, and a word for no file."""
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # Loading it will say what is wrong.
        return "no file"


def _write(folder: Path, digest: Digest) -> None:
    (folder / "digest.json").write_text(json.dumps(asdict(digest)), encoding="utf-8")


def _read(folder: Path) -> Digest:
    return Digest(**json.loads((folder / "digest.json").read_text(encoding="utf-8")))


def require_same(found: Digest, wanted: Digest) -> None:
    """Hold what was loaded to what the sweep began with.

    Raises
    ------
    DataError
        If prices or stories are others.
    """
    if found != wanted:
        raise DataError(
            "prices or stories changed while the sweep was running",
            given=found.inputs,
            wanted=wanted.inputs,
        )


_DIGEST: Codec[Digest] = Codec(_write, _read)
