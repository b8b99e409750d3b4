"""Where stories come from: the settings of a news source, and the one door that opens it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from markets.errors import ConfigError
from markets.plugins import load, require_method
from markets.settings import Settings
from signals.news import NewsSource

if TYPE_CHECKING:
    from markets.sources.synthetic import World


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]
"""One column, or several of which the first that is filled in a row counts."""


class NewsColumns(Settings):
    """Which column or JSON key holds what: a name, or several of which the first filled counts.

    The defaults read newswake's own layout. A name that is set here must exist in every table;
    a default that is absent is taken as empty.
    """

    item_id: Names = ("id", "item_id")
    """The story's id, unique within its source. Where a layout has none, a hash of source,
    clock and text stands in."""
    published_at: Names = ("published_at",)
    """Publication clock: ISO 8601 with a zone, or a date (known at its end in Hong Kong)."""
    first_seen_at: Names = ("first_seen_at",)
    """When the supplier's own feed first saw the story."""
    enriched_at: Names = ("enriched_at",)
    """When another service scored it."""
    available_at: Names = ("available_at",)
    """The layout's own honest clock. It can only make a story later than its other clocks say,
    never earlier. Never map the clock of a story cluster here: it can precede publication."""
    title: Names = ("title", "headline")
    """Headline."""
    body: Names = ("body", "text")
    """Text below it."""
    source: Names = ("source",)
    """Outlet."""
    language: Names = ("language",)
    """Language tag; its first part counts (``zh-Hans`` → ``zh``)."""
    url: Names = ("url",)
    """Where the story stands."""
    revision_of: Names = ("revision_of",)
    """Id of the story that this one replaces from its own clocks on."""
    tickers: Names = ("tickers", "ticker")
    """Tickers the supplier names: a list, or one or several parted by comma, bar or space."""
    outlets: Names = ("outlets",)
    """How many outlets carried it."""


class NewsSettings(Settings):
    """Where stories come from and what a row must look like."""

    source: str = "synthetic"
    """jsonl | csv | parquet | rss | html | synthetic, another published name, or ``module:Class``:
    a class that is called with these settings, the data folder and ``known=``."""
    path: str | None = None
    """File or pattern, relative to the data folder or absolute, as in ``events_*.parquet``.
    Unset: every file with the source's own ending. Files are read in order of their names."""
    columns: NewsColumns = NewsColumns()
    """Which column holds what."""
    feed: str = "news"
    """Source of rows that name none."""
    language: str = "und"
    """Language of rows that name none."""
    zone: str | None = None
    """IANA zone of times that state none, as in ``Asia/Hong_Kong``. Unset: they are rejected."""
    epoch_unit: Literal["s", "ms", "us"] | None = None
    """Unit of clocks given as numbers since 1970 UTC. Unset: such rows are rejected."""
    encoding: str = "utf-8"
    """Encoding of text files (``gb18030``, ``big5``, …), or ``detect`` (by the first bytes)."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """What parts the columns of a CSV file."""
    pool_rows: int = Field(default=10_000, ge=0)
    """Tables only: rows of one story (one per ticker) are pooled if they stand at most so many
    stories apart."""
    max_item_kb: int = Field(default=2_048, ge=1)
    """Longest story: a longer line, row, page or feed is rejected unread."""
    max_file_mb: int = Field(default=4_096, ge=1)
    """Longest file, unpacked: reading a longer one is an error."""
    as_of: AwareDatetime | None = None
    """When the files were closed: later clocks are rejected. Unset: when reading begins."""
    future_hours: float = Field(default=24.0, ge=0)
    """How far a clock may lie after `as_of`: a date alone is known at its end, a day ahead."""


def open_news(
    settings: NewsSettings,
    data_dir: Path | str = ".",
    *,
    as_of: datetime | None = None,
    known: Collection[str] | None = None,
    world: World | None = None,
) -> NewsSource:
    """Return the source that the settings name. Nothing is read yet.

    Parameters
    ----------
    settings : NewsSettings
        Which source, which files, which columns.
    data_dir : Path
        Folder that relative paths start from.
    as_of : datetime, optional
        UTC instant that stands in where ``settings.as_of`` is unset.
    known : collection of str, optional
        Normalized tickers of the universe: others are kept on the story and reported once each.
    world : World, optional
        The known-answer market whose plan the synthetic source tells.

    Raises
    ------
    ConfigError
        If there is no such source, its class makes none, or the synthetic one is asked for without
        its market.

    Examples
    --------
    >>> open_news(NewsSettings(source="jsonl", path="stories.jsonl")).__class__.__name__
    'JsonlNews'
    """
    if settings.source == "synthetic":
        return _open_synthetic(world)
    if as_of is not None and settings.as_of is None:
        settings = settings.model_copy(update={"as_of": as_of})
    kind = load("news_sources", settings.source, ("synthetic",), "news.source")
    made = kind(settings, Path(data_dir), known=known)
    require_method(
        made,
        "read",
        part="news source",
        protocol="signals.news.NewsSource",
        given=settings.source,
        where="news.source",
    )
    source: NewsSource = made
    return source


def _open_synthetic(world: World | None) -> NewsSource:
    if world is None:
        raise ConfigError(
            "the synthetic news tell the plan of the synthetic market",
            given='news.source = "synthetic" without it',
            wanted='prices.source = "synthetic" beside it, or another news.source',
        )
    from signals.sources.synthetic import SyntheticNews  # only where it is asked for

    return SyntheticNews(world)
