"""RunConfig: one TOML file drives a run; every value knows where it came from.

Precedence: flags (``--set a.b=value``) over the environment (``NEWSWAKE__A__B``) over the file over
the defaults that stand beside what they configure.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from backtests.broker import BrokerSettings
from backtests.layers import (
    DEFAULT,
    ENVIRONMENT,
    FILE,
    FLAG,
    Origins,
    flattened,
    from_environment,
    from_flags,
    origin_of,
    place_of,
    set_value,
)
from backtests.reports import ReportSettings
from backtests.robustness.settings import AuditSettings
from markets import plugins
from markets.calendar import ClockSettings
from markets.errors import ConfigError, MissingDataError, TickerError, nearest_name
from markets.settings import Settings
from markets.sources import PriceSettings
from markets.tickers import check_hkd
from markets.toml import read_toml
from markets.validation import TOLD, explained
from signals.classifiers import ClassifierSettings
from signals.decisions import DecisionSettings
from signals.features import FeatureSettings
from signals.labels import LabelSettings
from signals.sources import NewsSettings
from signals.splits import SplitSettings
from strategies.base import StrategySettings

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
            given = {"given": f"start = {self.start}, end = {self.end}"}
            raise PydanticCustomError(TOLD, "an end after the start", given)
        return self

    def sha256(self) -> str:
        """Return the hash of all values: with the inputs' hashes, the identity of a run.

        Where data and the user's own tables lie is no part of it: their contents' hashes are.
        """
        places = {"data_dir", *OWN_TABLES}
        dumped = flattened(self.model_dump(mode="json"))
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
    origins: Origins
    path: Path

    def rows(self) -> Iterator[tuple[str, object, str]]:
        """Yield (dotted key, value, origin) of every value, in the order of the sections."""
        for key, value in flattened(self.config.model_dump(mode="json")):
            yield key, value, origin_of(key, self.origins)

    def place(self, key: str) -> str | None:
        """Return where a person finds a key, with its line in the file; None of a default."""
        origin = origin_of(key, self.origins)
        return None if origin == DEFAULT else place_of(key, self.path, origin)


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
        (FILE, read_toml(path, "config")[0]),
        (ENVIRONMENT, from_environment(environment)),
        (FLAG, from_flags(flags)),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for key, value in flattened(layer):
            set_value(values, key, value)
            origins[key] = origin
    given = dict(flattened(values))
    for key in OWN_TABLES:
        if origins.get(key) == FILE and isinstance(given[key], str):
            set_value(values, key, str(path.parent / given[key]))
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
        set_value(nested, key, value)
    try:
        return RunConfig.model_validate(nested)
    except ValidationError as error:
        origins = {**loaded.origins, **dict.fromkeys(values, "sweep")}
        raise _explained(error, loaded.path, origins) from None


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
    layer = from_flags(flags)
    named = dict(flattened(layer))
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
        raise _explained(error, Path(), dict.fromkeys(named, FLAG)) from None


class _News(Settings):
    news: NewsSettings


def _explained(error: ValidationError, path: Path, origins: Origins) -> ConfigError:
    def place(key: str) -> str:
        return place_of(key, path, origin_of(key, origins) if key else FILE)

    return explained(error, RunConfig, place)


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
            raise PydanticCustomError(TOLD, str(error.wanted), told) from None


def _without_none(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _without_none(value) for key, value in values.items() if value is not None}
    if isinstance(values, list | tuple):
        return [_without_none(value) for value in values]
    return values
