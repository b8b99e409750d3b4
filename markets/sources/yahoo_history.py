"""What Yahoo says of one symbol: the one place that talks to yfinance."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from markets.clock import HONG_KONG
from markets.errors import DataError, MissingDataError, NetworkError

PARAMETERS: dict[str, Any] = {
    "start": "1950-01-01",
    "interval": "1d",
    "auto_adjust": False,
    "back_adjust": False,
    "actions": True,
    "repair": False,
}
# The whole history up to now, always: Yahoo scales prices by splits that came after the last date
# asked for, and names only those within it. By a date, not by `period`: yfinance refuses "max" for
# stocks so new that Yahoo offers them only a day and five; and a hundred years are the most.


@dataclass(frozen=True)
class Answer:
    """What Yahoo said of one symbol: yfinance's frame as it came, and whose money it is in."""

    frame: pd.DataFrame
    currency: str
    library: str


def fetch_history(symbol: str) -> Answer:
    """Ask Yahoo for the whole daily history of one symbol.

    Raises
    ------
    NetworkError
        If Yahoo cannot be reached, is down, sends a page in place of an answer, or limits the
        rate; asking again may help.
    MissingDataError
        If Yahoo knows no such symbol or no prices of it.
    DataError
        If the answer has another shape than yfinance reads, or dividends in another currency.
    """
    import yfinance
    from yfinance import exceptions

    try:
        with _errors_raised():
            ticker = yfinance.Ticker(symbol)
            # Known, so it is not asked for: half the requests, and an outage of that second address
            # is not taken for a symbol without a timezone. Dates are in the zone of the answer.
            ticker._tz = HONG_KONG.key
            frame = ticker.history(**PARAMETERS)
            # Read one key only: the mapping is lazy, and a walk over it sends a second request.
            currency = str(ticker.history_metadata["currency"])
    except exceptions.YFRateLimitError as error:
        raise NetworkError("Yahoo limits the rate", given=symbol, where="yahoo") from error
    except exceptions.YFTickerMissingError as error:
        raise MissingDataError(
            f"Yahoo has no prices ({error.rationale})", given=symbol, where="yahoo"
        ) from error
    except json.JSONDecodeError as error:
        # A gateway's error page, or one that asks for consent: yfinance does not read the status.
        raise NetworkError("Yahoo answered with no JSON", given=symbol, where="yahoo") from error
    except (exceptions.YFDataException, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 404:
            raise MissingDataError(
                "Yahoo knows no such symbol", given=symbol, where="yahoo"
            ) from error
        raise NetworkError(
            f"Yahoo did not answer ({type(error).__name__}: {error})", given=symbol, where="yahoo"
        ) from error
    except (
        exceptions.YFException,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise DataError(
            f"Yahoo's answer has another shape than yfinance reads ({error!r})",
            given=symbol,
            where="yahoo",
        ) from error
    _refuse_foreign_dividends(ticker, symbol, currency)
    return Answer(frame, currency, f"yfinance {yfinance.__version__}")


def _refuse_foreign_dividends(ticker: Any, symbol: str, currency: str) -> None:
    # yfinance drops the dividends' own currency from its frame; only its price history keeps it.
    dividends = ticker._price_history._dividends
    if isinstance(dividends, pd.DataFrame) and "currency" in dividends.columns:
        foreign = dividends[dividends["currency"] != currency]
        if len(foreign):
            raise DataError(
                "a dividend in another currency",
                given=f"{foreign['currency'].iloc[0]} on {foreign.index[0]:%Y-%m-%d}",
                wanted=currency,
                where=f"yahoo: {symbol}",
            )


@contextmanager
def _errors_raised() -> Iterator[None]:
    """Make yfinance raise what it would log while answering with an empty frame.

    What its own code does that pandas has deprecated is no concern of the person who reads the
    output, and is kept from it.
    """
    from yfinance.config import YfConfig

    before = YfConfig.debug.hide_exceptions
    YfConfig.debug.hide_exceptions = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        YfConfig.debug.hide_exceptions = before
