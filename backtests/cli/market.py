"""Commands on the market: note, session, lot, tick, members."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from backtests.cli.contract import Json, command, emit
from markets.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Ask what is true of the Hong Kong market on a date.")


class Side(StrEnum):
    """Which side of a trade."""

    BUY = "buy"
    SELL = "sell"


Ticker = Annotated[str, typer.Argument(metavar="TICKER", help="As in 700, 0700.HK or SEHK:700.")]
On = Annotated[str, typer.Option("--on", metavar="DATE", help="A date, as in 2025-09-12.")]
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
    as_json: Json = False,
) -> None:
    """Print a contract note, part by part."""
    from markets.lookup import contract_note

    answer = contract_note(
        ticker, side=side.value, price=price, shares=shares, on=read_date(on), plan=plan
    )
    _show(answer.as_dict(), as_json)


@app.command()
@command
def session(
    instant: Annotated[str, typer.Argument(metavar="INSTANT", help="ISO 8601 with a zone.")],
    latency: Annotated[float, typer.Option(min=0, help="Seconds until an order stands.")] = 0,
    as_json: Json = False,
) -> None:
    """Print an instant's status, effective session and first tradable instant."""
    from markets.clock import parse_instant
    from markets.lookup import session_at

    answer = session_at(parse_instant(instant, where="INSTANT"), timedelta(seconds=latency))
    _show(answer.as_dict(), as_json)


@app.command()
@command
def lot(ticker: Ticker, on: On, as_json: Json = False) -> None:
    """Print the board lot in force."""
    from markets.lookup import board_lot

    _show(board_lot(ticker, read_date(on)).as_dict(), as_json)


@app.command()
@command
def tick(ticker: Ticker, price: Price, on: On, as_json: Json = False) -> None:
    """Print the tick size at a price, and the prices around it."""
    from markets.lookup import tick_at

    _show(tick_at(ticker, price, read_date(on)).as_dict(), as_json)


@app.command()
@command
def members(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="As in hstech.")],
    on: On,
    as_json: Json = False,
) -> None:
    """Print the members of an index on a date."""
    from markets.lookup import index_members

    _show(index_members(index, read_date(on)).as_dict(), as_json)


def read_date(text: str) -> date:
    """Return a date.

    Raises
    ------
    UsageError
        If there is no such date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"no such date ({error})", given=text, wanted="as in 2025-09-12") from None


def _show(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        emit(answer)
        return
    width = max(len(name) for name in answer)
    for name, value in answer.items():
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
        typer.echo(f"{name:<{width}}  {'–' if text is None else text}")
