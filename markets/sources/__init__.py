"""Where prices come from: files, Yahoo, the synthetic market, or a user's own class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from markets import plugins
from markets.errors import ConfigError, DataError
from markets.hk.actions import with_known_actions
from markets.prices import MarketData, PriceSource
from markets.settings import Settings
from markets.sources.files import FileSettings, FileSource
from markets.sources.rows import SessionTest
from markets.sources.sound import require_sound
from markets.sources.synthetic import INDEX_NAME, SyntheticSettings, SyntheticSource
from markets.sources.yahoo import YahooSettings, YahooSource
from markets.tickers import normalize_ticker


class PriceSettings(Settings):
    """Which prices a run stands on."""

    source: str = "synthetic"
    """``files``, ``yahoo``, ``synthetic``, a name published under the entry point group
    ``newswake.price_sources``, or ``module:Class``."""
    files: FileSettings = FileSettings()
    """Used where `source` is ``files``."""
    yahoo: YahooSettings = YahooSettings()
    """Used where `source` is ``yahoo``."""
    synthetic: SyntheticSettings = SyntheticSettings()
    """Used where `source` is ``synthetic``."""
    known_actions: bool = True
    """Add the project's dated table of splits and distributions in specie where raw prices come
    without them; a row of the source within a week of the same ticker's wins. Never applied to
    adjusted prices or the synthetic market."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of any other source's class."""


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
    DataError
        If what the source returns is no sound MarketData.
    MissingDataError, NetworkError
        As `PriceSource.load`.
    """
    wanted = None if tickers is None else [normalize_ticker(ticker) for ticker in tickers]
    source = open_source(settings, data_dir, is_session or hong_kong_session)
    market = source.load(wanted, start, end)
    if not isinstance(market, MarketData):
        raise DataError(
            "a price source returned no prices",
            given=type(market).__name__,
            wanted="MarketData",
            where=settings.source,
        )
    if settings.known_actions and settings.source != "synthetic":
        market = with_known_actions(market)
    require_sound(market, where=settings.source)
    return market


def open_source(
    settings: PriceSettings, data_dir: Path, is_session: SessionTest | None = None
) -> PriceSource:
    """Return the source that a config names, built but not yet read.

    Raises
    ------
    ConfigError
        If there is no such source, its class makes none, or it takes other options.
    """
    if settings.source == "files":
        return FileSource(settings.files, data_dir, is_session)
    if settings.source == "yahoo":
        return YahooSource(settings.yahoo, data_dir, is_session)
    if settings.source == "synthetic":
        return SyntheticSource(settings.synthetic)
    maker = plugins.load(
        "price_sources", settings.source, ("files", "synthetic", "yahoo"), "prices.source"
    )
    try:
        made = maker(**settings.options)
    except TypeError as error:
        raise ConfigError(
            f"the price source takes other options ({error})",
            given=", ".join(settings.options) or "none",
            where="prices.options",
        ) from error
    plugins.require_method(
        made,
        "load",
        part="price source",
        protocol="markets.prices.PriceSource",
        given=settings.source,
        where="prices.source",
    )
    return cast(PriceSource, made)


def index_names(settings: PriceSettings) -> tuple[str, ...] | None:
    """Return the indices that prices can come with; None where only reading them tells."""
    if settings.source == "synthetic":
        return (INDEX_NAME,)
    if settings.source == "yahoo":
        return tuple(settings.yahoo.indices)
    if settings.source == "files" and settings.files.index_pattern is None:
        return ()
    return None


def hong_kong_session(day: date) -> bool:
    """Return whether a date is a session in Hong Kong; beyond the calendar, whether a weekday."""
    from markets.calendar import hong_kong_calendar

    calendar = hong_kong_calendar()
    if calendar.first <= day <= calendar.last:
        return calendar.is_session(day)
    return day.weekday() < 5
