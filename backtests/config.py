"""RunConfig: one TOML file drives a run; every value knows where it came from.

Precedence: flags (``--set a.b=value``) over the environment (``NEWSWAKE__A__B``) over the file over
the defaults that stand beside what they configure.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import tomli_w
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from backtests.broker import BrokerSettings
from backtests.reports import ReportSettings
from backtests.robustness.settings import AuditSettings
from markets import plugins
from markets.calendar import ClockSettings
from markets.errors import ConfigError, MissingDataError, TickerError, nearest_file, nearest_name
from markets.settings import Settings
from markets.sources import PriceSettings
from markets.tickers import check_hkd
from signals.classifiers import ClassifierSettings
from signals.decisions import DecisionSettings
from signals.features import FeatureSettings
from signals.labels import LabelSettings
from signals.sources import NewsSettings
from signals.splits import SplitSettings
from strategies.base import StrategySettings

_NO_TICKER = "no_ticker"
_INVALID = "invalid value"
ENVIRONMENT_PREFIX = "NEWSWAKE__"
OWN_TABLES = ("instruments", "lexicon", "broker.costs_file", "broker.short.designated")
"""Keys of files of the user's own that a run stands on; their contents belong to its identity."""


class RunConfig(Settings):
    """A whole run, from its news to its report."""

    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of the run; part of its folder's name."""
    seed: int = Field(default=7, ge=0)
    """Seed of everything that draws numbers."""
    start: date
    """First exchange date on which an order may fill."""
    end: date
    """Last exchange date of the run."""
    universe: str | tuple[str, ...] = "all"
    """Tickers; an index by name (its members on each date); or "all" that have prices."""
    benchmark: str | None = None
    """Index whose closes stand beside the equity, by the name the prices give it."""
    instruments: str | None = None
    """TOML file of the user's own instruments; its rows win over the built-in ones. A relative path
    in a config file starts at that file, in a flag or the environment at the working folder."""
    lexicon: str | None = None
    """TOML file of the user's own cues; its entries stand on top of the built-in ones. Relative
    paths as in `instruments`."""
    data_dir: str | None = None
    """Folder of the data files, relative to the working folder; else $NEWSWAKE_SHARED/data, else
    ../shared/data."""
    clock: ClockSettings = ClockSettings()
    """When a decision is taken and how long news takes to reach it."""
    prices: PriceSettings = PriceSettings()
    """Where bars come from."""
    news: NewsSettings = NewsSettings()
    """Where stories come from."""
    features: FeatureSettings = FeatureSettings()
    """What is known of a ticker at a decision."""
    label: LabelSettings = LabelSettings()
    """What a decision could have earned."""
    split: SplitSettings = SplitSettings()
    """How the past is kept apart from the future."""
    classifier: ClassifierSettings = ClassifierSettings()
    """The model and its baselines."""
    decision: DecisionSettings = DecisionSettings()
    """From probabilities to signals."""
    strategy: StrategySettings = StrategySettings()
    """What to hold, given signals."""
    broker: BrokerSettings = BrokerSettings()
    """Cash, costs, slippage, and what an order may do."""
    robustness: AuditSettings = AuditSettings()
    """How hard `newswake audit` tries to explain a run by luck."""
    reports: ReportSettings = ReportSettings()
    """What the report shows."""

    @field_validator("universe")
    @classmethod
    def _tickers_of_this_market(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, tuple):
            _require_tickers(value)
        return value

    @model_validator(mode="after")
    def _dates_in_order(self) -> RunConfig:
        if self.end <= self.start:
            raise ValueError(f"end ({self.end}) must lie after start ({self.start})")
        return self

    def sha256(self) -> str:
        """Return the hash of all values: with the inputs' hashes, the identity of a run.

        Where data and the user's own tables lie is no part of it: their contents' hashes are.
        """
        places = {"data_dir", *OWN_TABLES}
        dumped = _flatten(self.model_dump(mode="json"))
        values = {key: value for key, value in dumped if key not in places}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def to_toml(self) -> str:
        """Return every value as TOML; a value that is None is left out."""
        return tomli_w.dumps(_without_none(self.model_dump(mode="python")))

    def resolve_data_dir(self, environment: Mapping[str, str]) -> Path:
        """Return the folder of the data files.

        Raises
        ------
        MissingDataError
            If it does not exist.
        """
        shared = environment.get("NEWSWAKE_SHARED")
        default = Path(shared) / "data" if shared else Path("..") / "shared" / "data"
        folder = Path(self.data_dir) if self.data_dir else default
        if not folder.is_dir():
            raise MissingDataError(
                "the data folder is not there",
                given=folder,
                wanted="--set data_dir=PATH, or NEWSWAKE_SHARED, or ../shared/data",
                where="data_dir",
            )
        return folder


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A config and the origin of each of its values.

    Attributes
    ----------
    config : RunConfig
        The values.
    origins : mapping of str to str
        ``flag``, ``environment``, or ``file``, by dotted key; what is absent is a default.
    path : Path
        The file.
    """

    config: RunConfig
    origins: Mapping[str, str]
    path: Path

    def rows(self) -> Iterator[tuple[str, object, str]]:
        """Yield (dotted key, value, origin) of every value, in the order of the sections."""
        for key, value in _flatten(self.config.model_dump(mode="json")):
            yield key, value, self._origin(key)

    def _origin(self, key: str) -> str:
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return "default"


def load_config(
    path: Path,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """Read a config file, lay environment and flags over it, and check the whole.

    Modules beside the file can be named in it as parts, ``module:Class``.

    Parameters
    ----------
    path : Path
        A TOML file.
    flags : sequence of str
        ``a.b=value`` each, the value written as in TOML; bare words are strings.
    environment : mapping, optional
        Variables; ``NEWSWAKE__A__B`` sets ``a.b``. The process environment by default.

    Raises
    ------
    ConfigError
        If the file is absent or no TOML, or a key is unknown, or a value is not what is wanted:
        with the key, the value, and the nearest right name.
    """
    environment = os.environ if environment is None else environment
    layers = [
        ("file", _read_toml(path)),
        ("environment", _from_environment(environment)),
        ("flag", _from_flags(flags)),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for key, value in _flatten(layer):
            _set(values, key, value)
            origins[key] = origin
    given = dict(_flatten(values))
    for key in OWN_TABLES:
        if origins.get(key) == "file" and isinstance(given[key], str):
            _set(values, key, str(path.parent / given[key]))
    plugins.import_from(path.parent)
    try:
        return LoadedConfig(RunConfig.model_validate(values), origins, path)
    except ValidationError as error:
        raise _explained(error, path, origins) from None


def with_values(loaded: LoadedConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return the config with some values replaced, checked as a whole.

    Parameters
    ----------
    loaded : LoadedConfig
        Everything else.
    values : mapping of str to object
        By dotted key, as ``--set`` takes them.

    Raises
    ------
    ConfigError
        If a key is unknown or a value is not what is wanted.
    """
    # Only what was set: sources ask which columns a person named, and defaults are no names.
    nested = loaded.config.model_dump(mode="python", exclude_unset=True)
    for key, value in values.items():
        _set(nested, key, value)
    try:
        return RunConfig.model_validate(nested)
    except ValidationError as error:
        raise _explained(error, loaded.path, dict.fromkeys(values, "sweep")) from None


def news_settings(flags: Iterable[str], source: str) -> NewsSettings:
    """Return the settings of a source that a command itself names, from flags alone.

    Parameters
    ----------
    flags : iterable of str
        ``news.key=value`` each.
    source : str
        What is read; no flag can name another.

    Raises
    ------
    ConfigError
        If a key is unknown, is none of ``news``, or a value is not what is wanted.
    """
    layer = _from_flags(flags)
    named = dict(_flatten(layer))
    for key in named:
        if not key.startswith("news.") or key in ("news.source", "news.path"):
            raise ConfigError(
                "a setting that means nothing here",
                given=key,
                wanted="settings of [news], such as news.encoding, but source and path",
                where="--set",
                nearest=nearest_name(key, [f"news.{name}" for name in NewsSettings.model_fields]),
            )
    try:
        return _News.model_validate({"news": {**layer.get("news", {}), "source": source}}).news
    except ValidationError as error:
        raise _explained(error, Path(), dict.fromkeys(named, "flag")) from None


class _News(Settings):
    news: NewsSettings


def parse_value(text: str) -> Any:
    """Return a value written as in TOML; a bare word is a string."""
    return _toml_value(text)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        nearby = nearest_file(path.with_suffix(path.suffix or ".toml"))
        raise ConfigError("no such config file", given=path, nearest=nearby) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config: {error}", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the config is no TOML: {error}", where=str(path)) from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            _set(layer, key, _toml_value(environment[name]))
    return layer


def _from_flags(flags: Iterable[str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for flag in flags:
        key, equals, text = flag.partition("=")
        if not equals or not key.strip():
            raise ConfigError("a flag needs key and value", given=flag, wanted="--set a.b=value")
        _set(layer, key.strip(), _toml_value(text))
    return layer


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{key}.")
        else:
            yield key, value


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError("a value is no section", given=key, where=section)
        values = inner
    values[name] = value


def _without_none(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _without_none(value) for key, value in values.items() if value is not None}
    if isinstance(values, list | tuple):
        return [_without_none(value) for value in values]
    return values


def _explained(error: ValidationError, path: Path, origins: Mapping[str, str]) -> ConfigError:
    """Return what a validation found as one error: the first in full, a line for each other."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors():
        key = _key(problem["loc"])
        above = (known for known in by_key if f"{key}.".startswith(f"{known}."))
        by_key.setdefault(next(above, key), []).append(problem)
    first, *others = (
        _described(key, alike, path, _origin_of(key, origins)) for key, alike in by_key.items()
    )
    first.also = tuple(
        f"{key}: {other.problem}"
        + (f", wanted {other.wanted}" if other.problem == _INVALID else "")
        + (f", nearest {other.nearest}" if other.nearest else "")
        for key, other in zip(list(by_key)[1:], others, strict=True)
    )
    return first


def _described(key: str, alike: Sequence[ErrorDetails], path: Path, origin: str) -> ConfigError:
    """Return the problems of one key as an error."""
    first = alike[0]
    source = str(path) if origin == "file" else origin
    where = f"{source}: {key}" if key else source
    if first["type"] == "extra_forbidden":
        names = _known_names(first["loc"][:-1])
        return ConfigError(
            "unknown key",
            given=key,
            wanted="one of " + ", ".join(names) if len(names) <= 12 else None,
            where=where,
            nearest=nearest_name(str(first["loc"][-1]), names),
        )
    if first["type"] == "missing":
        return ConfigError("a key is absent", wanted=f"{key} = …", where=where)
    told = {"given": repr(first["input"])} if key else {}
    wanted = (problem["msg"].removeprefix("Value error, ") for problem in alike)
    told["wanted"] = ", or: ".join(dict.fromkeys(wanted))
    if first["type"] == _NO_TICKER:
        told |= {name: text for name, text in first["ctx"].items() if text}
    return ConfigError(_INVALID, where=where, **told)


def _require_tickers(given: Sequence[str]) -> None:
    """Refuse, as pydantic wants it, a universe of no ticker or of what is none of this market."""
    if not given:
        raise ValueError("at least one ticker, an index by name, or all")
    for text in given:
        try:
            check_hkd(text)
        except TickerError as error:
            from markets.instruments import Instruments

            told = {"given": error.given, "nearest": Instruments.default().nearest(text)}
            raise PydanticCustomError(_NO_TICKER, str(error.wanted), told) from None


def _key(location: Sequence[int | str]) -> str:
    """Return the dotted key of a place, without the branch of a union that pydantic adds to it."""
    model: type[BaseModel] | None = RunConfig
    parts: list[str] = []
    branches = 0
    for part in location:
        if branches > 1 and isinstance(part, str):
            branches = 0
            continue
        parts.append(str(part))
        field = model.model_fields.get(str(part)) if model else None
        model = _model_in(field.annotation) if field else None
        named = get_args(field.annotation) if field and _is_union(field.annotation) else ()
        branches = sum(one is not type(None) for one in named)
    return ".".join(parts)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Return where a key, or anything under it, was set."""
    within = (origin for name, origin in origins.items() if name.startswith(f"{key}."))
    return origins.get(key) or next(within, "file")


def _known_names(location: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] | None = RunConfig
    for part in location:
        field = model.model_fields.get(str(part)) if model else None
        model = _model_in(field.annotation) if field else None
    return sorted(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if _is_union(annotation):
        return next((model for model in map(_model_in, get_args(annotation)) if model), None)
    return None
