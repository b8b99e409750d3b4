"""Commands on the market: note, session, lot, tick, members, actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtests.cli.contract import Json, command, emit
from backtests.cli.times import read_date, read_instant
from markets.errors import TickerError

if TYPE_CHECKING:
    from markets.instruments import Instruments

app = typer.Typer(no_args_is_help=True, help="Ask what is true of the Hong Kong market on a date.")


class Side(StrEnum):
    """Which side of a trade."""

    BUY = "buy"
    SELL = "sell"


Ticker = Annotated[str, typer.Argument(metavar="TICKER", help="As in 700, 0700.HK or SEHK:700.")]
On = Annotated[str, typer.Option("--on", metavar="DATE", help="A date, as in 2025-09-12.")]
Tables = Annotated[
    Path | None,
    typer.Option(
        "--instruments", metavar="FILE", help="A TOML file whose rows win over the built-in ones."
    ),
]
Price = Annotated[str, typer.Option("--price", metavar="HKD", help="Price of a share.")]


@app.command()
@command
def note(
    ticker: Ticker,
    side: Annotated[Side, typer.Option(help="buy or sell.")],
    price: Price,
    shares: Annotated[int, typer.Option(min=1, help="Whole board lots.")],
    on: On,
    plan: Annotated[str, typer.Option(help="Broker plan; none is the statutory part.")] = "none",
    instruments: Tables = None,
    as_json: Json = False,
) -> None:
    """Print a contract note, part by part.

    Example: newswake market note 700 --side buy --price 620 --shares 100 --on 2025-09-12
    """
    from markets.lookup import contract_note

    answer = contract_note(
        read_ticker(ticker),
        side=side.value,
        price=price,
        shares=shares,
        on=read_date(on),
        plan=plan,
        instruments=register(instruments),
    )
    _show(answer.as_dict(), as_json)


@app.command()
@command
def session(
    instant: Annotated[str, typer.Argument(metavar="INSTANT", help="ISO 8601 with a zone.")],
    latency: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds until an order stands.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Print an instant's status, effective session and first tradable instant.

    Instants are shown in Hong Kong time, and stand in UTC in the document.

    Example: newswake market session 2025-09-12T08:30+08:00
    """
    from markets.clock import for_people
    from markets.lookup import session_at

    answer = session_at(read_instant(instant, "INSTANT"), timedelta(seconds=latency))
    told = answer.as_dict()
    if not as_json:
        for name in ("instant", "decision_at", "tradable_at"):
            told[name] = for_people(getattr(answer, name))
    _show(told, as_json)


@app.command()
@command
def lot(ticker: Ticker, on: On, instruments: Tables = None, as_json: Json = False) -> None:
    """Print the board lot in force.

    Example: newswake market lot 700 --on 2025-09-12
    """
    from markets.lookup import board_lot

    _show(board_lot(read_ticker(ticker), read_date(on), register(instruments)).as_dict(), as_json)


@app.command()
@command
def tick(
    ticker: Ticker, price: Price, on: On, instruments: Tables = None, as_json: Json = False
) -> None:
    """Print the tick size at a price, and the prices around it.

    Example: newswake market tick 700 --price 620 --on 2025-09-12
    """
    from markets.lookup import tick_at

    _show(
        tick_at(read_ticker(ticker), price, read_date(on), register(instruments)).as_dict(), as_json
    )


@app.command()
@command
def members(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="As in hstech.")],
    on: On,
    instruments: Tables = None,
    as_json: Json = False,
) -> None:
    """Print the members of an index on a date.

    Example: newswake market members hstech --on 2025-09-12
    """
    from markets.lookup import index_members

    _show(index_members(index, read_date(on), register(instruments)).as_dict(), as_json)


@app.command()
@command
def actions(
    ticker: Annotated[str | None, typer.Argument(metavar="[TICKER]", help="All, if none.")] = None,
    as_json: Json = False,
) -> None:
    """Print the corporate actions that complete raw prices where their source is silent.

    Example: newswake market actions 700
    """
    from markets.hk.actions import known_actions

    wanted = None if ticker is None else read_ticker(ticker)
    found = [action for action in known_actions() if wanted in (None, action.ticker)]
    if as_json:
        emit({"actions": [action.as_dict() for action in found]})
        return
    for action in found:
        later = action.delivery_date or action.pay_date
        arrives = f"; arrives {later}" if later else ""
        typer.echo(f"{action.label}{arrives}{'' if action.verified else ' (unverified)'}")
    if not found:
        typer.echo("none known")


def register(path: Path | None) -> Instruments:
    """Return the built-in instruments, with a user's file over them."""
    from markets.instruments import Instruments

    known = Instruments.default()
    return known if path is None else known.extended(Instruments.from_toml(path))


def read_ticker(text: str) -> str:
    """Return a ticker in the one spelling.

    Raises
    ------
    TickerError
        If it is none of this market; with the nearest that is.
    """
    from markets.instruments import Instruments
    from markets.tickers import normalize_ticker

    try:
        return normalize_ticker(text, where="TICKER")
    except TickerError as error:
        error.nearest = Instruments.default().nearest(text)
        raise


def _show(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        emit(answer)
        return
    from backtests.reports.formats import scalar

    width = max(len(name) for name in answer)
    for name, value in answer.items():
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else scalar(value)
        typer.echo(f"{name:<{width}}  {text}")
