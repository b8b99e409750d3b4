"""Where prices come from: files, Yahoo, the synthetic market, or a user's own class."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import date
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from markets.errors import ConfigError, nearest_name
from markets.prices import MarketData, PriceSource
from markets.settings import Settings
from markets.sources.files import FileSettings, FileSource
from markets.sources.rows import SessionTest
from markets.sources.sound import require_sound
from markets.tickers import normalize_ticker

BUILT_IN = ("files", "synthetic", "yahoo")


class PriceSettings(Settings):
    """Which prices a run stands on."""

    source: str = "files"
    """``files``, ``yahoo``, ``synthetic``, a name published under the entry point group
    ``newswake.price_sources``, or ``module:Class``."""
    files: FileSettings = FileSettings()
    """Used where `source` is ``files``."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of any other source: fields of SyntheticSettings for ``synthetic``, of the
    class's own `__init__` for a user's class."""


def load_prices(
    settings: PriceSettings,
    tickers: Sequence[str] | None,
    start: date | None,
    end: date | None,
    data_dir: Path,
    is_session: SessionTest | None = None,
) -> MarketData:
    """Load what a run needs, from the source its config names.

    Parameters
    ----------
    settings : PriceSettings
        The config's section.
    tickers : sequence of str or None
        In any spelling; None for all the source has.
    start, end : date or None
        First and last session, both included; None for no bound.
    data_dir : Path
        Folder for relative file names.
    is_session : callable, optional
        Whether a date is a session. By default the Hong Kong calendar's answer.

    Returns
    -------
    MarketData
        With a bar for each ticker asked for.

    Raises
    ------
    ConfigError
        If there is no such source.
    MissingDataError, DataError, NetworkError
        As `PriceSource.load`.
    """
    source = open_source(settings, data_dir, is_session)
    market = source.load(tickers, start, end)
    require_sound(market, where=settings.source)
    return market


class HeldPrices:
    """A source over a market that is already in memory.

    Parameters
    ----------
    market : MarketData
        All there is.
    """

    def __init__(self, market: MarketData) -> None:
        self.market = market

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` (None: all there are) from `start` to `end`, both included.

        Raises
        ------
        MissingDataError
            If a ticker has no bar in these dates.
        """
        part = self.market.between(start, end)
        return part if tickers is None else part.only([normalize_ticker(name) for name in tickers])


def open_source(
    settings: PriceSettings, data_dir: Path, is_session: SessionTest | None = None
) -> PriceSource:
    """Return the source that a config names, built but not yet read.

    Raises
    ------
    ConfigError
        If there is no such source, or its class takes other options.
    """
    if settings.source == "files":
        return FileSource(settings.files, data_dir, is_session)
    if settings.source == "synthetic":
        from markets.sources import synthetic

        return HeldPrices(synthetic.world(synthetic.SyntheticSettings(**settings.options)).market)
    maker = _own_source(settings.source)
    try:
        return cast(PriceSource, maker(**settings.options))
    except TypeError as error:
        raise ConfigError(
            f"the price source takes other options ({error})",
            given=", ".join(settings.options) or "none",
            where="prices.options",
        ) from error


def _own_source(name: str) -> Any:
    published = {point.name: point for point in entry_points(group="newswake.price_sources")}
    if name in published:
        return published[name].load()
    if ":" not in name:
        known = sorted({*BUILT_IN, *published})
        raise ConfigError(
            "no such price source",
            where="prices.source",
            given=name,
            wanted=f"{', '.join(known)}, or module:Class",
            nearest=nearest_name(name, known),
        )
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"cannot import the price source ({error})",
            where="prices.source",
            given=name,
            wanted="module:Class, importable from here",
        ) from error
