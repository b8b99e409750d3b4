"""The one door for parts: a name published under an entry point, or a user's own ``module:Class``.

Built-in parts come in by the same door: `pyproject.toml` publishes them under the same groups.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from markets.errors import ConfigError, nearest_name

KINDS = (
    "news_sources",
    "price_sources",
    "features",
    "labels",
    "classifiers",
    "strategies",
    "reports",
)


def load(kind: str, name: str, built_in: Collection[str] = (), where: str | None = None) -> Any:
    """Return the object that a config names.

    Parameters
    ----------
    kind : str
        One of `KINDS`; the entry point group is ``newswake.<kind>``.
    name : str
        A published name, or ``module:Class`` importable from an installed package, from the
        working folder, or from beside the config.
    built_in : collection of str
        Names that the asking room has of its own, for the error.
    where : str, optional
        Key of the config, for the error.

    Raises
    ------
    ConfigError
        If there is no such name, module or class; with the nearest right one.

    Examples
    --------
    >>> load("strategies", "collections:OrderedDict").__name__
    'OrderedDict'
    """
    if ":" in name:
        return _load_path(kind, name)
    published = _published(kind)
    if name not in published:
        known = sorted({*published, *built_in})
        raise ConfigError(
            f"no such part under {kind}",
            given=name,
            wanted=f"{', '.join(known)}, or module:Class",
            where=where,
            nearest=nearest_name(name, known),
        )
    return published[name].load()


def require_method(
    made: object, method: str, *, part: str, protocol: str, given: str, where: str
) -> None:
    """Refuse what a user's class made if it lacks the method that the part is asked by.

    Raises
    ------
    ConfigError
        With the protocol that it must fit.
    """
    if not callable(getattr(made, method, None)):
        raise ConfigError(
            f"this is no {part}",
            given=given,
            wanted=f"a class with a method `{method}`: see {protocol}",
            where=where,
        )


def import_from(folder: Path) -> None:
    """Let modules of a folder be imported; those that could be before keep their precedence."""
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.append(place)


def names(kind: str) -> tuple[str, ...]:
    """Return the published names of a kind, sorted."""
    return tuple(sorted(_published(kind)))


def module_of(kind: str, name: str) -> str | None:
    """Return the module that a name is loaded from; None of one that is not published."""
    if ":" in name:
        return name.partition(":")[0]
    published = _published(kind).get(name)
    return None if published is None else published.module


def _published(kind: str) -> dict[str, EntryPoint]:
    return _published_on(tuple(sys.path), f"newswake.{kind}")


@lru_cache(maxsize=64)
def _published_on(path: tuple[str, ...], group: str) -> dict[str, EntryPoint]:
    """Return what is published on an import path; every package there is read for it, once."""
    return {point.name: point for point in entry_points(group=group)}


def _load_path(kind: str, name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    try:
        module = _import(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"cannot import a part for {kind}: {error}",
            given=name,
            wanted=_missing(module_name, error.name or module_name),
        ) from None
    if not hasattr(module, attribute):
        raise ConfigError(
            f"the module has no such name for {kind}",
            given=name,
            wanted=f"a class or function of {module_name}",
            nearest=nearest_name(attribute, dir(module)),
        )
    return getattr(module, attribute)


def _missing(module_name: str, missing: str) -> str:
    """Return what to do where a part's module, or a module that it imports, is not there."""
    if f"{module_name}.".startswith(f"{missing}."):
        return "module:Class, installed, in the working folder or beside the config"
    wanted = f"{missing} installed: {module_name} is there and imports it"
    if missing == "hypothesis":
        # The check_* functions need it, and a run does not.
        wanted += "; a check_* function belongs into tests (make setup-dev), not beside its part"
    return wanted


def _import(module_name: str) -> Any:
    import_from(Path.cwd())
    return importlib.import_module(module_name)
