"""The user's own parts that a config names, by whichever door, and how to forget what they keep."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backtests.config import RunConfig
from markets.plugins import module_of

HOUSE = ("markets", "signals", "strategies", "backtests")
SOURCES = ("news_sources", "price_sources")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is not newswake's: its kind, the name in the config, the module it is in."""

    kind: str
    name: str
    module: str


def own_parts(config: RunConfig) -> tuple[Part, ...]:
    """Return the user's own parts: sources, feature groups, label, classifier and strategy.

    Named as ``module:Class`` or as published under an entry point. A strategy is one part on
    either engine.
    """
    known = {*HOUSE, *sys.stdlib_module_names}
    found = []
    for kind, name in _named(config):
        module = module_of(kind, name)
        if module is not None and module.split(".")[0] not in known:
            found.append(Part(kind, name, module))
    return tuple(found)


def of_the_line(config: RunConfig) -> tuple[Part, ...]:
    """Return those of them that compute with what was loaded: all but the sources."""
    return tuple(part for part in own_parts(config) if part.kind not in SOURCES)


def is_own(config: RunConfig, kind: str) -> bool:
    """Return whether a part of some kind is the user's own."""
    return any(part.kind == kind for part in own_parts(config))


def forget(config: RunConfig) -> None:
    """Let the modules of the user's own parts be imported anew; the house's own are stateless.

    Of a package all its modules. What is installed stays, unless it is published as a part of
    newswake: a library's module may not be there twice.
    """
    for part in own_parts(config):
        package = part.module.split(".")[0]
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and (":" not in part.name or not _installed(file)):
                del sys.modules[name]
    importlib.invalidate_caches()


def _installed(file: str) -> bool:
    return "site-packages" in Path(file).parts


def _named(config: RunConfig) -> Iterator[tuple[str, str]]:
    yield "news_sources", config.news.source
    yield "price_sources", config.prices.source
    yield from (("features", name) for name in config.features.groups)
    yield "labels", config.label.name
    yield "classifiers", config.classifier.name
    yield "strategies", config.strategy.name
