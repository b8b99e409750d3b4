"""The known-answer market as a whole: settings, world, and the price source that serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pydantic import Field, model_validator

from markets.calendar import hong_kong_calendar
from markets.errors import MissingDataError
from markets.instruments import Instruments
from markets.prices import MarketData
from markets.settings import Settings
from markets.sources.synthetic import paths
from markets.sources.synthetic.companies import companies, instruments
from markets.sources.synthetic.plan import plan_stories
from markets.sources.synthetic.scene import Scene
from markets.sources.synthetic.stories import PlannedStory
from markets.tickers import normalize_ticker

INDEX_NAME = "SYNTH"


class SyntheticSettings(Settings):
    """The known-answer market: what is planted, and how much of it.

    Examples
    --------
    >>> SyntheticSettings(edge_bp=0).seed
    20250912
    """

    seed: int = 20250912
    """Every bar and story follows from it."""
    edge_bp: float = Field(default=150.0, ge=-500.0, le=500.0)
    """Abnormal return from the open of the effective session to the open `horizon` sessions later,
    in basis points, planted after a fresh story of polarity 1. At 0 nothing can be earned."""
    horizon: int = Field(default=3, ge=1, le=20)
    """Sessions over which the planted return is spread."""
    gap_bp: float = Field(default=250.0, ge=0.0, le=1000.0)
    """Mean size of the jump in the gap into the effective open, in basis points, for polarity 1:
    what a backtest that looks ahead believes to earn."""
    start: date = date(2022, 10, 3)
    """First session at the earliest."""
    end: date = date(2025, 9, 30)
    """Last session at the latest."""
    tickers: int = Field(default=12, ge=1, le=12)
    """How many of the twelve companies there are."""
    n_stories: int = Field(default=3200, ge=0, le=100_000)
    """Stories in all, of every role."""

    @model_validator(mode="after")
    def _in_order(self) -> SyntheticSettings:
        if (self.end - self.start).days < 60:
            raise ValueError("a world needs at least 60 days from start to end")
        return self


@dataclass(frozen=True, eq=False)
class World:
    """One known-answer market.

    Attributes
    ----------
    market : MarketData
        Raw bars on valid ticks, actions, and the index ``SYNTH`` (the market factor).
    instruments : Instruments
        The invented companies: names in four languages, sectors, board lots.
    plan : tuple of PlannedStory
        Every story with the truth about it, in order of `available_at`.
    """

    market: MarketData
    instruments: Instruments
    plan: tuple[PlannedStory, ...]


def world(settings: SyntheticSettings) -> World:
    """Build the market and the plan of its stories.

    Bit-identical for equal settings on every machine. Two settings that differ in `edge_bp` alone
    give the same stories at the same instants, and bars that differ by the planted drift alone.

    Parameters
    ----------
    settings : SyntheticSettings
        The seed, the edge and the size.
    """
    calendar = hong_kong_calendar()
    sessions = calendar.sessions(settings.start, settings.end)
    chosen = companies()[: settings.tickers]
    factor = paths.market_moves(settings.seed, len(sessions))
    moves = {
        company.ticker: paths.own_moves(settings.seed, company, factor, sessions)
        for company in chosen
    }
    scene = Scene(settings.seed, settings.horizon, settings.gap_bp, sessions, moves)
    plan = plan_stories(scene, settings.n_stories, settings.edge_bp)
    bars = {}
    for company in chosen:
        own, impacts = moves[company.ticker], plan.impacts[company.ticker]
        levels = paths.raw_levels(company, own, impacts, settings.horizon, sessions)
        attention = plan.attention[company.ticker]
        bars[company.ticker] = paths.bars_of(
            settings.seed, company, own, levels, attention, sessions
        )
    index = {INDEX_NAME: paths.index_levels(factor, sessions)}
    actions = paths.actions_of(chosen, sessions)
    market = MarketData(
        bars=bars,
        actions=actions,
        indices=index,
        source=f"synthetic:{settings.seed}",
        as_of=calendar.close_at(sessions[-1]),
    )
    known = Instruments(instruments()[company.ticker] for company in chosen)
    return World(market=market, instruments=known, plan=plan.stories)


class SyntheticSource:
    """The known-answer market as a price source.

    Parameters
    ----------
    settings : SyntheticSettings
        Which world.

    Examples
    --------
    >>> market = SyntheticSource(SyntheticSettings()).load(["99001.HK"], None, None)
    >>> market.tickers
    ('99001.HK',)
    """

    def __init__(self, settings: SyntheticSettings) -> None:
        self._settings = settings

    @cached_property
    def _market(self) -> MarketData:
        return world(self._settings).market

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` (None: all) from `start` to `end`, both included.

        Raises
        ------
        MissingDataError
            If a ticker is none of this world, or has no bar on these dates.
        """
        wanted = None if tickers is None else [normalize_ticker(ticker) for ticker in tickers]
        kept = (self._market if wanted is None else self._market.only(wanted)).between(start, end)
        for ticker in wanted or ():
            kept.bars_of(ticker)
        if not kept.bars:
            raise MissingDataError(
                "the known-answer market has no bar on these dates",
                given=f"{start} to {end}",
                wanted=f"dates within {self._settings.start} to {self._settings.end}",
            )
        return kept
