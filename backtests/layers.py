"""The layers of a config, flags over the environment over the file: their values and places."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markets.errors import ConfigError
from markets.toml import placed

Origins = Mapping[str, str]
"""``flag``, ``environment``, ``sweep`` or ``file``, by dotted key; what is absent is a default."""

FILE = "file"
ENVIRONMENT = "environment"
FLAG = "flag"
DEFAULT = "default"
_PREFIX = "NEWSWAKE__"


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that variables set: ``NEWSWAKE__A__B`` is ``a.b``."""
    layer: dict[str, Any] = {}
    for name in sorted(environment):
        if name.startswith(_PREFIX):
            key = name.removeprefix(_PREFIX).lower().replace("__", ".")
            set_value(layer, key, parse_value(environment[name]))
    return layer


def from_flags(flags: Iterable[str]) -> dict[str, Any]:
    """Return the values of ``a.b=value`` each.

    Raises
    ------
    ConfigError
        If one has no key or no value, or sets a key inside what is no section.
    """
    layer: dict[str, Any] = {}
    for flag in flags:
        key, equals, text = flag.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                "a flag needs key and value",
                given=flag,
                wanted="KEY=VALUE, as in label.horizon=5",
                where="--set",
            )
        set_value(layer, key.strip(), parse_value(text))
    return layer


def parse_value(text: str) -> Any:
    """Return a value written as in TOML; a bare word is a string.

    Examples
    --------
    >>> parse_value("3"), parse_value("[1, 2]"), parse_value("event_hold")
    (3, [1, 2], 'event_hold')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested values; an empty table is a value."""
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{key}.")
        else:
            yield key, value


def set_value(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested values.

    Raises
    ------
    ConfigError
        If a part of the key holds a value, and no section.
    """
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                "a value is no section", given=key, wanted=f"{section} = VALUE", where=section
            )
        values = inner
    values[name] = value


def origin_of(key: str, origins: Origins) -> str:
    """Return where a key was set: itself, something under it, or the section it lies in."""
    under = (origin for name, origin in origins.items() if name.startswith(f"{key}."))
    found = origins.get(key) or next(under, None)
    while found is None and key:
        key = key.rpartition(".")[0]
        found = origins.get(key)
    return found or DEFAULT


def place_of(key: str, path: Path, origin: str) -> str:
    """Return where a person finds a key: the file and the line of it, or what it came by."""
    if origin != FILE:
        name = _PREFIX + key.upper().replace(".", "__") if origin == ENVIRONMENT else key
        return f"{origin}: {name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    return placed(path, text, key)
