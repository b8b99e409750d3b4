"""What the sources give when asked again as of an earlier day, and what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain

import numpy as np
import pandas as pd

from backtests.config import RunConfig
from backtests.inputs import Inputs, Universe, load_market, open_stories
from backtests.own_parts import is_own
from backtests.robustness.cuts import Cut
from backtests.robustness.elsewhere import in_own_process
from backtests.robustness.futures import other_prices
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.parts import forget
from markets.check import check
from markets.news_clocks import NewsClock, check_news_clocks
from markets.prices import BAR_COLUMNS, MarketData
from signals.features.rows import Reading
from signals.news import NewsItem

_DOUBTFUL_CLOCK = re.compile(r"creat|cluster|insert|event_?(date|time)", re.IGNORECASE)
_CORRECTED = re.compile(r"correct|updat|berichtig|korrig|korrektur|更正|更新|修正", re.IGNORECASE)
_FEW_STORIES = 30
Told = dict[tuple[str, str], NewsItem]
"""Stories by source and id."""
_CLOCKS = ("published_at", "first_seen_at", "enriched_at", "available_at")


def stories_again(config: RunConfig, inputs: Inputs) -> list[NewsItem]:
    """Return every version of every story, read from the source anew, in order of their clocks."""
    found = [item for item in open_stories(config, inputs).read() if isinstance(item, NewsItem)]
    return sorted(found, key=lambda item: (item.available_at, item.source, item.item_id))


def stories_as_of(
    config: RunConfig, inputs: Inputs, cuts: Sequence[Cut], seed: int, count: int = 24
) -> Iterator[Leak]:
    """Yield stories that were others when the source is asked as of an earlier instant.

    Asked at every cut, and at the clocks of `count` stories: of those that speak of a correction
    first, then of a seeded draw; one's own source also where nothing remembers that more was asked
    before. A source that does not heed `news.as_of` cannot be seen through.
    """
    whole = {(item.source, item.item_id): item for item in stories_again(config, inputs)}
    items = list(whole.values())
    order = np.random.default_rng([seed, 11]).permutation(len(items)).tolist()
    order.sort(key=lambda place: _CORRECTED.search(items[place].text) is None)
    instants = [cut.instant for cut in cuts]
    if config.news.source == "synthetic":
        del instants[1:]  # the built-in source tells its plan, whenever it is asked
    else:
        instants += [items[place].available_at for place in order[:count]]
    answers: Iterable[tuple[datetime, Told]] = _answers(config, inputs, instants)
    if is_own(config, "news_sources"):
        slim = replace(inputs, store=None, lexicon=None)  # type: ignore[arg-type]
        anew = in_own_process(_answers_anew, config, slim, sorted(instants))
        answers = chain(answers, zip(sorted(instants), anew, strict=True))
    for instant, given in answers:
        known = {key: item for key, item in whole.items() if item.available_at <= instant}
        for key in sorted({*given} | {*known}):
            if given.get(key) != known.get(key):
                yield Leak(
                    "leak",
                    "stories as of",
                    "stories",
                    "a story is another when the source is asked as of an earlier instant",
                    row="/".join(key),
                    expected=_told(known.get(key)),
                    given=_told(given.get(key)),
                    cut=instant.isoformat(),
                )
                return


def _answers(
    config: RunConfig, inputs: Inputs, instants: Sequence[datetime]
) -> Iterator[tuple[datetime, Told]]:
    for instant in instants:
        forget(config)
        yield instant, _stories_by(config, inputs, instant)


def _answers_anew(config: RunConfig, inputs: Inputs, instants: Sequence[datetime]) -> list[Told]:
    """Return what is told as of ascending instants, where nobody has asked for more before."""
    return [_stories_by(config, inputs, instant) for instant in instants]


def _stories_by(config: RunConfig, inputs: Inputs, instant: datetime) -> Told:
    """Return what the source tells when asked as of an instant."""
    source = open_stories(config, inputs, as_of=instant)
    return {
        (item.source, item.item_id): item
        for item in source.read()
        if isinstance(item, NewsItem) and item.available_at <= instant
    }


def _told(item: NewsItem | None) -> str:
    return "no story" if item is None else f"{item.available_at.isoformat()} {item.text[:100]}"


def universe_as_of(
    config: RunConfig, inputs: Inputs, cuts: Sequence[Cut], seed: int
) -> Iterator[Leak]:
    """Yield tickers that are in the universe, or not, because of what their prices did later.

    Chosen anew from prices cut off, and from others after each cut; of tickers with a bar by then.
    """
    wide = load_market(config)
    full = Universe(config, inputs.instruments, wide)
    for cut in cuts:
        known = wide.until(cut.known_session)
        others = [
            other_prices(replace(inputs, market=wide), cut, seed + number).market
            for number in range(3)
        ]
        for market in [known, *others, *_turned(wide, cut)]:
            anew = Universe(config, inputs.instruments, market)
            for day in (config.start, cut.session):
                moved = (full[day] ^ anew[day]) & set(known.tickers)
                if moved:
                    ticker = min(moved)
                    yield Leak(
                        "leak",
                        "universe as of",
                        "universe",
                        "who is in the universe depends on prices that came later",
                        row=f"{day} {ticker}",
                        expected=str(ticker in full[day]),
                        given=str(ticker in anew[day]),
                        cut=str(cut.session),
                        count=len(moved),
                    )
                    return


def _turned(market: MarketData, cut: Cut) -> Iterator[MarketData]:
    """Yield two markets whose later prices and volumes turn any order among stocks upside down.

    In one every other stock is worth and trades a thousand times as much after the cut, and the
    rest a thousandth; in the other it is the other way round.
    """
    last = pd.Timestamp(cut.known_session)
    for odd in (0, 1):
        bars = {}
        for place, ticker in enumerate(market.tickers):
            frame = market.bars[ticker].astype("float64")
            factor = 1000.0 if place % 2 == odd else 0.001
            frame.loc[frame.index > last, list(BAR_COLUMNS)] *= factor
            bars[ticker] = frame
        yield replace(market, bars=bars)


def price_errors(inputs: Inputs) -> Iterator[Leak]:
    """Yield the errors that the data check finds in prices: dates of no session, wrong zones."""
    for finding in check(inputs.market, inputs.calendar).errors:
        yield Leak(
            "suspect",
            "price check",
            "prices",
            f"{finding.kind}: {finding.message}",
            row=finding.where,
            count=finding.count,
        )


def clock_errors(inputs: Inputs, readings: Sequence[Reading]) -> Iterator[Leak]:
    """Yield the errors that the data check finds in the clocks of stories.

    One about fewer than 30 stories is a note: among few, five with a round delay are chance.
    """
    clocks = []
    for item, events in readings:
        only_reacts = bool(events) and all(event.is_reaction for event in events)
        hints = frozenset({"reaction"}) if only_reacts else frozenset[str]()
        clocks.append(
            NewsClock(item.item_id, item.published_at, item.first_seen_at, item.title, hints)
        )
    days = inputs.market.sessions()
    sessions = inputs.calendar.sessions(days[0].date(), days[-1].date())
    for finding in check_news_clocks(clocks, inputs.calendar, np.array(sessions, "datetime64[D]")):
        if finding.level == "error":
            yield Leak(
                "suspect" if finding.count >= _FEW_STORIES else "note",
                "news clocks",
                "stories",
                f"{finding.kind}: {finding.message}",
                row=finding.where,
                count=finding.count,
            )


def declared(config: RunConfig, inputs: Inputs) -> Iterator[Leak]:
    """Yield what the config itself says that looks ahead."""
    if config.broker.participation is not None and config.broker.participation_of == "session":
        yield Leak(
            "leak",
            "config",
            "fills",
            "fills at the open are sized by the volume of the session they fill in",
            column="broker.participation_of",
            given="session",
            expected="previous",
        )
    if config.clock.latency_seconds < 0 or config.clock.lead_minutes < 15:
        yield Leak(
            "leak",
            "config",
            "rows",
            "a decision is taken after the auction takes no more orders, or before its news",
            column="clock",
            given=f"lead {config.clock.lead_minutes} min, latency {config.clock.latency_seconds} s",
            expected="at least 15 min and 0 s",
        )
    for name in _CLOCKS:
        for column in getattr(config.news.columns, name):
            if _DOUBTFUL_CLOCK.search(column):
                yield Leak(
                    "suspect",
                    "config",
                    "stories",
                    "a clock is read from a column that can precede publication",
                    column=f"news.columns.{name}",
                    given=column,
                )
    universe = inputs.universe
    if universe.index is None:
        for index in inputs.instruments.indices:
            today = inputs.instruments.members(index, config.end)
            then = inputs.instruments.members(index, max(config.start, _launch(inputs, index)))
            if universe.candidates == today and today != then:
                yield Leak(
                    "suspect",
                    "config",
                    "universe",
                    f"the universe is the list of {index} at the end of the run, not that "
                    "of each date",
                    column="universe",
                    row=index,
                    expected=f'universe = "{index}"',
                    count=len(today ^ then),
                )


def _launch(inputs: Inputs, index: str) -> date:
    return inputs.instruments.membership(index).launch
