"""Code: which code an artefact or a trial came from, as one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
_ALL = ("markets", "signals", "strategies", "backtests")


@cache
def upstream_sha256() -> str:
    """Return the hash of all code and tables that signals depend on, and of what they stand on."""
    return _sha256(_UPSTREAM, PACKAGES)


@cache
def code_sha256() -> str:
    """Return the hash of all code that a trial depends on."""
    return _sha256(_ALL, (*PACKAGES, "backtrader", "numba"))


def plugins_of(value: Any) -> dict[str, str]:
    """Return the hash of each file that a config names as ``module:Class``, by that name."""
    return {name: module_sha256(name.partition(":")[0]) for name in sorted(set(_named(value)))}


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        module, colon, cls = value.partition(":")
        if colon and cls.isidentifier() and all(part.isidentifier() for part in module.split(".")):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named(inner)


def module_sha256(name: str) -> str:
    """Return the hash of a module's file, as it lies there now."""
    try:
        spec = find_spec(name)
        origin = spec.origin if spec else None
        return hashlib.sha256(Path(origin or "").read_bytes()).hexdigest()
    except (ImportError, ValueError, OSError):
        # Loading it will say what is wrong; until then it is like no other.
        return "no file"


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
