"""Code: which code an artefact or a trial came from, as one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backtests.own_parts import HOUSE, is_house, part_sha256, published_by_others

PACKAGES = ("exchange-calendars", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")
_HOME = Path(__file__).resolve().parents[2]
_UPSTREAM = (
    "markets",
    "signals",
    "backtests/stages.py",
    "backtests/inputs.py",
    "backtests/sweeps/codecs.py",
    "backtests/sweeps/reads.py",
)


@cache
def upstream_sha256() -> str:
    """Return the hash of all code and tables that signals depend on, and of what they stand on."""
    return _sha256(_UPSTREAM, PACKAGES)


@cache
def code_sha256() -> str:
    """Return the hash of all code that a trial depends on."""
    return _sha256(HOUSE, (*PACKAGES, "backtrader", "numba"))


def plugins_of(value: Any) -> dict[str, str]:
    """Return the hash of the files behind each part of the user's own that a config names.

    Named as ``module:Class``, or as others than newswake publish it under an entry point.
    """
    published = published_by_others()
    found = {}
    for name in sorted(set(_strings(value))):
        module = published.get(name) or _module_in(name)
        if module is not None and not is_house(module):
            found[name] = part_sha256(module)
    return found


def _module_in(name: str) -> str | None:
    module, colon, cls = name.partition(":")
    is_path = colon and cls.isidentifier() and all(p.isidentifier() for p in module.split("."))
    return module if is_path else None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _sha256(parts: tuple[str, ...], packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        place = _HOME / part
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(_HOME).as_posix()} {content}\n".encode())
    for package in packages:
        try:
            digest.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            digest.update(f"{package} none\n".encode())
    return digest.hexdigest()
