"""Inputs: what a config stands on, loaded and hashed: prices, stories, instruments, universe."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from backtests.config import OWN_TABLES, RunConfig
from markets.calendar import Calendar, DecisionClock, hong_kong_calendar
from markets.errors import (
    ConfigError,
    DataError,
    MissingDataError,
    nearest_file,
    nearest_name,
)
from markets.instruments import Instruments
from markets.prices import MarketData
from markets.round_trip import RoundTrip
from markets.sources import load_prices
from markets.tickers import normalize_ticker
from signals.events.lexicon import Lexicon
from signals.labels import FORWARD_RETURN
from signals.news import NewsSource, Rejection
from signals.sources import open_news
from signals.store import NewsStore

if TYPE_CHECKING:
    from markets.sources.synthetic import World
    from signals.events.extract import Reader

WARM_UP = timedelta(days=400)
"""Prices before the start of a run, for trailing features; a year of sessions fits in it."""


class Universe(Mapping[date, frozenset[str]]):
    """The tickers a run may decide on, by session.

    Parameters
    ----------
    config : RunConfig
        Its `universe`: tickers, an index by name, or "all" that have prices. Of an index, whoever
        is a member on some day of the run can be traded, each only while it is one.
    instruments : Instruments
        Index membership by date: a session's universe holds the members of that session.
    market : MarketData
        A ticker without prices cannot be traded and is left out; so is one that no instrument
        table knows, because nobody can say how many shares its board lot has.

    Attributes
    ----------
    candidates : frozenset of str
        Every ticker that may be in it on some session.
    unpriced, unknown : frozenset of str
        Tickers that have no prices; that have no instrument record, so no board lot.
    index : str or None
        The index it follows.
    """

    def __init__(self, config: RunConfig, instruments: Instruments, market: MarketData) -> None:
        self._instruments = instruments
        self.index: str | None = None
        if isinstance(config.universe, tuple):
            named = {normalize_ticker(ticker, where="universe") for ticker in config.universe}
        else:
            named = set(market.tickers)
            if config.universe != "all":
                self.index = index_name(config.universe, instruments)
                members = instruments.membership(self.index)
                named = set(members.between(config.start, config.end))
        priced = named & set(market.tickers)
        self.unpriced = frozenset(named - priced)
        self.unknown = frozenset(t for t in priced if t not in instruments)
        self.candidates = frozenset(priced - self.unknown)
        if not self.candidates:
            raise DataError(
                "no ticker of the universe can be traded",
                given=config.universe,
                wanted="tickers with prices and an instrument record",
                where="universe",
            )

    def __getitem__(self, session: date) -> frozenset[str]:
        if self.index is None:
            return self.candidates
        return self.candidates & self._instruments.members(self.index, session)

    def __iter__(self) -> Iterator[date]:
        raise TypeError("a universe is asked for a session, it is no list of them")

    def __len__(self) -> int:
        return len(self.candidates)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a run reads, before it computes anything.

    Attributes
    ----------
    market : MarketData
        Bars of the universe from `WARM_UP` before the start to the end, and all index levels.
    store : NewsStore
        Stories, in memory.
    rejections : tuple of Rejection
        Rows of the news input that did not become a story, and notices.
    instruments, calendar, clock, universe
        What is true of the market on a date.
    lexicon : Lexicon
        What stories are read by.
    sha256 : str
        Hash of prices, stories and the user's own tables: with the config's, the identity of a run.
    family_sha256 : str
        What runs are tries of, whatever each made of it: the stories, by their ids, and which
        market they tell of, where that is an invented one. There is one real past: its other dates,
        stocks, mappings and tables of one's own are other looks at it, and no other past.
    repeated : int
        Rows of the news input that told a story again, word for word.
    """

    market: MarketData
    store: NewsStore
    rejections: tuple[Rejection, ...]
    instruments: Instruments
    calendar: Calendar
    clock: DecisionClock
    universe: Universe
    lexicon: Lexicon
    sha256: str
    family_sha256: str
    repeated: int = 0

    def reader(self) -> Reader:
        """Return a reader of stories, on these instruments and this lexicon."""
        from signals.events.extract import Reader
        from signals.linking import Linker

        return Reader(Linker(self.instruments), self.lexicon)


def round_trip_of(config: RunConfig, inputs: Inputs) -> RoundTrip:
    """Return what buying and selling costs on a date, by the broker's own plan."""
    return RoundTrip(
        config.broker.schedule(),
        value_hkd=config.label.order_hkd,
        slippage_bp=config.broker.slippage_bp,
        kinds={ticker: one.kind for ticker, one in inputs.instruments.items()},
    )


def load_inputs(config: RunConfig, environment: Mapping[str, str] | None = None) -> Inputs:
    """Load prices, stories and instruments as a config names them.

    Raises
    ------
    MissingDataError, DataError
        If data are absent or corrupt; single bad rows are kept as rejections.
    ConfigError
        If the universe names nothing.
    """
    world = _world(config)
    instruments = _instruments(config, world)
    calendar = hong_kong_calendar()
    market = _market(config, world, instruments, _data_dir(config, environment))
    require_indices(config, market.indices)
    universe = Universe(config, instruments, market)
    store = NewsStore(":memory:")
    known = frozenset(instruments) | set(market.tickers)
    source = open_news(config.news, _data_dir(config, environment), known=known, world=world)
    added = store.add(source.read(), where=config.news.source)
    content = f"{market.sha256}{store.sha256()}{own_tables(config)}"
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Inputs(
        market=market.only(sorted(universe.candidates)),
        store=store,
        rejections=added.rejections,
        instruments=instruments,
        calendar=calendar,
        clock=DecisionClock(calendar, config.clock),
        universe=universe,
        lexicon=Lexicon.default(config.lexicon),
        sha256=digest,
        family_sha256=_family(store, None if world is None else market),
        repeated=added.repeated,
    )


def load_market(config: RunConfig, environment: Mapping[str, str] | None = None) -> MarketData:
    """Load all bars that a run chooses its universe from; `Inputs.market` holds those chosen."""
    world = _world(config)
    return _market(config, world, _instruments(config, world), _data_dir(config, environment))


def open_stories(
    config: RunConfig,
    inputs: Inputs,
    as_of: datetime | None = None,
    environment: Mapping[str, str] | None = None,
) -> NewsSource:
    """Open the news source of a run anew, as `load_inputs` does.

    Parameters
    ----------
    config, inputs
        Of the run.
    as_of : datetime, optional
        UTC instant at which the source is to be read, in place of that of the config.
    environment : mapping, optional
        As for `load_inputs`.
    """
    news = config.news if as_of is None else config.news.model_copy(update={"as_of": as_of})
    known = frozenset(inputs.instruments) | set(inputs.market.tickers)
    folder = _data_dir(config, environment)
    return open_news(news, folder, known=known, world=_world(config))


def instruments_of(config: RunConfig) -> Instruments:
    """Return the instruments of a run, without loading its prices or stories."""
    return _instruments(config, _world(config))


def _family(store: NewsStore, invented: MarketData | None) -> str:
    told = f"{store.ids_sha256()}{'' if invented is None else invented.sha256}"
    return hashlib.sha256(told.encode()).hexdigest()


def _world(config: RunConfig) -> World | None:
    if config.prices.source != "synthetic":
        return None
    from markets.sources.synthetic import world

    return world(config.prices.synthetic)


def _instruments(config: RunConfig, world: World | None) -> Instruments:
    instruments = Instruments.default()
    if world is not None:
        instruments = instruments.extended(world.instruments)
    if config.instruments is not None:
        instruments = instruments.extended(Instruments.from_toml(Path(config.instruments)))
    return instruments


def own_tables(config: RunConfig) -> str:
    """Return the hashes of the user's own files that a config names; often there are none."""
    digests = []
    for key in OWN_TABLES:
        name = attrgetter(key)(config)
        if name is None:
            continue
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise MissingDataError(
                f"a file of your own cannot be read: {reason}",
                given=name,
                wanted="a file of your own tables",
                where=key,
                nearest=nearest_file(Path(name)),
            ) from None
        digests.append(f"{key} {hashlib.sha256(content).hexdigest()}")
    return "".join(digests)


def _market(
    config: RunConfig, world: World | None, instruments: Instruments, data_dir: Path
) -> MarketData:
    if world is not None:
        return world.market
    tickers = _asked_for(config, instruments)
    return load_prices(config.prices, tickers, config.start - WARM_UP, config.end, data_dir)


def _asked_for(config: RunConfig, instruments: Instruments) -> list[str] | None:
    """Return the tickers to ask the price source for; None for all it has."""
    if isinstance(config.universe, tuple):
        return list(config.universe)
    # Yahoo has no list of all it has; whoever was a member in the run is asked for by name.
    if config.prices.source == "yahoo" and config.universe != "all":
        index = instruments.membership(index_name(config.universe, instruments))
        return sorted(index.between(config.start, config.end))
    return None


def _data_dir(config: RunConfig, environment: Mapping[str, str] | None) -> Path:
    """Return the data folder; a run on the synthetic market needs none."""
    if config.prices.source == "synthetic" and config.news.source == "synthetic":
        return Path()
    return config.resolve_data_dir(os.environ if environment is None else environment)


def require_indices(config: RunConfig, known: Collection[str]) -> None:
    """Refuse an index to measure against that the prices do not have, with the nearest.

    A label of one's own need not heed `label.benchmark`.
    """
    asked: dict[str, tuple[str | None, tuple[str, ...]]] = {"benchmark": (config.benchmark, ())}
    if config.label.name == FORWARD_RETURN:
        asked["label.benchmark"] = (config.label.benchmark, ("universe", "none"))
    for where, (name, others) in asked.items():
        choices = [*others, *sorted(known)]
        if name is not None and name not in choices:
            raise ConfigError(
                "the prices have no such index",
                given=name,
                wanted=f"one of {', '.join(choices)}" if choices else "prices with index levels",
                where=where,
                nearest=nearest_name(name, choices),
            )


def index_name(name: str, instruments: Instruments) -> str:
    """Return the name of an index whose members are known, or refuse it with the nearest."""
    known = instruments.indices
    if name not in known:
        raise ConfigError(
            "no such universe",
            given=name,
            wanted=f'"all", a list of tickers, or one of {", ".join(sorted(known))}',
            where="universe",
            nearest=nearest_name(name, ["all", *known]),
        )
    return name
