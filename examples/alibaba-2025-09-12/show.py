"""Show what could still be earned from a story everybody knows, and what a naive backtest books."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from markets.calendar import ClockSettings, DecisionClock, hong_kong_calendar
from markets.clock import HONG_KONG, hong_kong
from markets.costs import CostSchedule
from markets.errors import LeakError
from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import Event
from signals.features.base import FeatureFrame
from signals.linking import Linker
from signals.news import NewsItem
from signals.sources import NewsSettings, open_news

HERE = Path(__file__).parent
SESSION = date(2025, 9, 12)


@dataclass(frozen=True)
class Trade:
    """One way to trade the day: a price in, a price out, in HKD a share."""

    name: str
    ticker: str
    entry: Decimal
    exit: Decimal

    @property
    def gross(self) -> Decimal:
        """Return before costs, as a fraction of the entry."""
        return self.exit / self.entry - 1

    def net(self, costs: CostSchedule, shares: int = 100) -> Decimal:
        """Return after both contract notes."""
        paid = sum(
            costs.note(session=SESSION, side=side, price=price, shares=shares).total
            for side, price in (("buy", self.entry), ("sell", self.exit))
        )
        return self.gross - paid / (self.entry * shares)


def prices() -> dict[str, dict[str, Decimal]]:
    """Return the figures of the day, exact."""
    text = (HERE / "prices.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def stories() -> list[NewsItem]:
    """Return the four stories, oldest first."""
    settings = NewsSettings(source="jsonl", path=str(HERE / "stories.jsonl"))
    items = [item for item in open_news(settings, HERE).read() if isinstance(item, NewsItem)]
    return sorted(items, key=lambda item: item.available_at)


def trades() -> list[Trade]:
    """Return the honest trades and the one that was never possible."""
    by_ticker = prices()
    honest = [
        Trade("buy the open, sell the close", ticker, figures["open"], figures["close"])
        for ticker, figures in by_ticker.items()
    ]
    alibaba = by_ticker["9988.HK"]
    naive = Trade("buy the close before", "9988.HK", alibaba["previous_close"], alibaba["close"])
    return [*honest, naive]


def refusal() -> LeakError:
    """Return what newswake answers to the naive backtest.

    Stamped with the day's date and traded at the close of the day before, the story would have to
    be known before it was written. A date is known at the end of its day, so the decision for the
    12th cannot have it.
    """
    headline = next(item for item in stories() if item.item_id == "headline-de")
    decided = pd.Timestamp(hong_kong(date(2025, 9, 11), pd.Timestamp("16:00").time()))
    index = pd.MultiIndex.from_tuples([(decided, "9988.HK")], names=["decision_at", "ticker"])
    try:
        FeatureFrame(
            values=pd.DataFrame({"tone__polarity": [1.0]}, index=index),
            texts=pd.Series([headline.text], index=index),
            sessions=pd.Series([pd.Timestamp(SESSION)], index=index),
            available_at=pd.Series([pd.Timestamp(headline.available_at)], index=index),
            event_ids=pd.Series([()], index=index),
            item_ids=pd.Series([(headline.item_id,)], index=index),
            story_keys=pd.Series([(headline.item_id,)], index=index),
            groups={"tone": ("tone__polarity",)},
        )
    except LeakError as error:
        return error
    raise AssertionError("newswake accepted a look-ahead")


def figure(event: Event) -> str:
    """Return the number an event states, if any."""
    if event.magnitude_pct is not None:
        return f"{event.magnitude_pct:+.1f} %"
    if event.amount is not None:
        return f"{event.currency} {event.amount / 1e9:g} bn"
    return ""


def main() -> None:
    """Print the case."""
    clock = DecisionClock(hong_kong_calendar(), ClockSettings())
    reader = Reader(Linker(Instruments.default()))
    print("What was known when, and what it says")
    for item in stories():
        known = item.available_at.astimezone(HONG_KONG)
        session = clock.effective_session(item.available_at)
        told = f"{known:%a %d %b %H:%M} HKT -> {session:%a %d}"
        print(f"\n  {told}  [{item.language}] {item.title}")
        for event in reader.read(item):
            nature = "already happened" if event.is_reaction else event.certainty
            line = (
                f"      {event.kind:<15} {', '.join(event.tickers):<17} {nature:<17}{figure(event)}"
            )
            print(line.rstrip())
    costs = CostSchedule()
    print(f"\nWhat could be earned on {SESSION:%a %d %b %Y}, 100 shares")
    for trade in trades():
        print(
            f"  {trade.ticker}  {trade.name:<29} {trade.entry:>7} -> {trade.exit:>6}"
            f"  gross {trade.gross:+.2%}  net {trade.net(costs):+.2%}"
        )
    print("\nThe last line never happened. newswake says so:\n")
    print(refusal())


if __name__ == "__main__":
    main()
