"""The coming session: what would be decided and ordered, as known at an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from backtests import stages
from backtests.config import LoadedConfig
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.metrics.verdict import decimal
from backtests.reports.formats import direction, whole
from backtests.reports.table import Table
from backtests.run import learn
from markets.calendar import Calendar
from markets.clock import for_people
from markets.errors import UsageError
from signals.store import NewsStore

if TYPE_CHECKING:
    from rich.console import Console

Record = dict[str, Any]


def coming_session(loaded: LoadedConfig, as_of: datetime) -> Record:
    """Return the signals and orders for the session that a decision at `as_of` can still reach.

    Parameters
    ----------
    loaded : LoadedConfig
        The run's config; its `end` gives way to the coming session.
    as_of : datetime
        The instant that it is asked at, UTC.

    Returns
    -------
    dict
        JSON-ready, instants UTC: ``as_of``, ``session`` (the coming one), ``known_session`` (the
        last whose close was known), ``signals``, and ``orders``: whole lots, given that the
        strategy had followed its signals from the first out-of-sample session on.

    Raises
    ------
    UsageError
        If the coming session lies before the run's start.
    """
    config = loaded.config
    inputs = load_inputs(config)
    coming = inputs.clock.effective_session(as_of)
    if coming <= config.start:
        raise UsageError("this is before the run", given=coming, wanted=f"after {config.start}")
    known = last_closed(inputs.calendar, as_of)
    asked = config.model_copy(update={"end": coming})
    cut = known_at(inputs, as_of, known)
    learned = learn(asked, cut, Journal())
    signals = [signal for signal in learned.signals if signal.effective_session == coming]
    engine = stages.trade_one(
        config.model_copy(update={"end": known}),
        cut,
        learned.signals,
        config.strategy,
        stages.first_session(config, learned.predictions),
    )
    orders = engine.orders[engine.orders["effective_session"] == str(coming)]
    return {
        "as_of": as_of.isoformat(),
        "session": coming.isoformat(),
        "known_session": known.isoformat(),
        "signals": [_signal(signal) for signal in signals],
        "orders": [
            {"ticker": ticker, "side": side, "short": bool(short), "shares": int(shares)}
            for ticker, side, short, shares in zip(
                orders["ticker"], orders["side"], orders["short"], orders["shares"], strict=True
            )
        ],
    }


def known_at(inputs: Inputs, instant: datetime, known: date) -> Inputs:
    """Return the inputs as they were known at an instant: no later story, no open session's bar."""
    store = NewsStore(":memory:")
    store.add(item for item in inputs.store.items() if item.available_at <= instant)
    return replace(inputs, market=inputs.market.until(known), store=store)


def last_closed(calendar: Calendar, instant: datetime) -> date:
    """Return the last session that had closed by an instant."""
    session = calendar.next_session(instant.date(), 1)
    while calendar.close_at(session) > instant:
        session = calendar.previous_session(session)
    return session


def _signal(signal: Any) -> Record:
    return {
        "ticker": signal.ticker,
        "direction": signal.direction,
        "probability": signal.probability,
        "decided_at": signal.decided_at.isoformat(),
        "effective_session": signal.effective_session.isoformat(),
        "expires_session": signal.expires_session.isoformat(),
        "signal_id": signal.signal_id,
    }


def print_coming(coming: Mapping[str, Any]) -> None:
    """Print the coming session for a person, instants in Hong Kong time."""
    from backtests.reports.terminal import to_stdout

    to_stdout(lambda console: _write(console, coming))


def _write(console: Console, coming: Mapping[str, Any]) -> None:
    from rich.text import Text

    from backtests.reports.terminal import write_table

    as_of = for_people(datetime.fromisoformat(coming["as_of"]))
    known = f", as of {as_of}, prices to the close of {coming['known_session']}"
    console.print(Text.assemble((f"Session {coming['session']}", "bold"), known))
    for table, none in (
        (_signals(coming["signals"]), "No signal: no fresh story on the universe."),
        (_orders(coming["orders"]), "No order."),
    ):
        console.print()
        if table.rows:
            write_table(console, table)
        else:
            console.print(none)


def _signals(signals: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            row["ticker"],
            direction(row["direction"]),
            decimal(row["probability"], 3),
            row["expires_session"],
        )
        for row in sorted(signals, key=lambda row: -row["probability"])
    ]
    columns = ("<Ticker", "<Direction", "Probability", "<Expires")
    return Table("signals", "Signals", columns, tuple(rows))


def _orders(orders: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            row["ticker"],
            f"{row['side']} short" if row["short"] and row["side"] == "sell" else row["side"],
            whole(row["shares"]),
        )
        for row in orders
    ]
    return Table("orders", "Orders at the open", ("<Ticker", "<Side", "Shares"), tuple(rows))
