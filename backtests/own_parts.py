"""What parts are a user's own: their kinds and modules, and the files that they are made of.

One home for all who treat them apart: the audit tries them, and caches are kept by their files.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from backtests.config import RunConfig
from markets.plugins import KINDS, module_of, names

HOUSE = ("markets", "signals", "strategies", "backtests")
SOURCES = ("news_sources", "price_sources")
_BY_VERSION = (
    *("exchange_calendars", "numpy", "pandas", "pyarrow", "sklearn", "scipy"),
    *("backtrader", "numba"),
)
"""Libraries whose versions stand in every hash of code: their files are not gone through."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is not newswake's: its kind, the name in the config, the module it is in."""

    kind: str
    name: str
    module: str


def is_house(module: str) -> bool:
    """Return whether a module is newswake's own, or Python's."""
    top = module.partition(".")[0]
    return top in HOUSE or top in sys.stdlib_module_names


def is_installed(file: str | Path) -> bool:
    """Return whether a file lies where packages are installed."""
    return bool({"site-packages", "dist-packages"} & {*Path(file).parts})


def own_parts(config: RunConfig) -> tuple[Part, ...]:
    """Return the user's own parts: sources, feature groups, label, classifier and strategy.

    Named as ``module:Class`` or as published under an entry point. A strategy is one part on
    either engine.
    """
    found = []
    for kind, name in _named(config):
        module = module_of(kind, name)
        if module is not None and not is_house(module):
            found.append(Part(kind, name, module))
    return tuple(found)


def of_the_line(config: RunConfig) -> tuple[Part, ...]:
    """Return those of them that compute with what was loaded: all but the sources."""
    return tuple(part for part in own_parts(config) if part.kind not in SOURCES)


def is_own(config: RunConfig, kind: str) -> bool:
    """Return whether a part of some kind is the user's own."""
    return any(part.kind == kind for part in own_parts(config))


@cache
def published_by_others() -> dict[str, str]:
    """Return name and module of what others installed; it stays while a process runs."""
    found = {name: module_of(kind, name) for kind in KINDS for name in names(kind)}
    return {name: module for name, module in found.items() if module and not is_house(module)}


def part_sha256(module: str) -> str:
    """Return the hash of a part's module and of those beside it that it imports, as they lie now.

    Beside it are the modules of its package; of a module in a plain folder, those of the folder.
    They are found by the import statements of the files, wherever in a file these stand: nothing
    is imported, so that the hash is the same whatever a process has loaded. What a part imports
    by a name that it computes is not seen.
    """
    digest = hashlib.sha256()
    files = _files_of(module)
    if not files:
        # Loading it will say what is wrong; until then it is like no other.
        return "no file"
    for name, content in sorted(files.items()):
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files_of(module: str) -> dict[str, bytes]:
    """Return the content of every file that a part's module is made of, by name of its module."""
    try:
        spec = find_spec(module)
        place = Path((spec.origin if spec else None) or "").resolve(strict=True)
        found = {module: place.read_bytes()}
    except (ImportError, ValueError, OSError):
        return {}
    top, *below = module.split(".")
    root = place.parents[len(below) + (place.name == "__init__.py")]
    if top in _BY_VERSION:
        return found
    within = top if is_installed(place) else None
    waiting = [(module, place)]
    while waiting:
        name, file = waiting.pop()
        for wanted in _imported(name, file, found[name]):
            beside = _file_of(wanted, root)
            inside = within is None or wanted.partition(".")[0] == within
            if beside is not None and inside and wanted not in found and not is_house(wanted):
                found[wanted] = beside.read_bytes()
                waiting.append((wanted, beside))
    return found


def _file_of(module: str, root: Path) -> Path | None:
    place = root.joinpath(*module.split("."))
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return file
    return None


def _imported(name: str, file: Path, content: bytes) -> Iterator[str]:
    """Yield the modules that a module's text imports, the packages they lie in, and its own."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # its bytes are hashed all the same
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    wanted = [name]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            whence = ".".join([*above, *([node.module] if node.module else [])])
            wanted += [f"{whence}.{alias.name}" for alias in node.names]
    for each in wanted:
        parts = each.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _named(config: RunConfig) -> Iterator[tuple[str, str]]:
    yield "news_sources", config.news.source
    yield "price_sources", config.prices.source
    yield from (("features", name) for name in config.features.groups)
    yield "labels", config.label.name
    yield "classifiers", config.classifier.name
    yield "strategies", config.strategy.name
