"""One spelling for a Hong Kong ticker: four digits (five if it needs them) and ``.HK``."""

from __future__ import annotations

import re

from markets.errors import TickerError

_SPELLINGS = re.compile(r"^(?:(?:HK|HKG|SEHK|HKEX)[:.\s]?)?(\d{1,5})(?:[.\s:]?(?:HK|HKG|SEHK))?$")


def normalize_ticker(text: str, *, where: str | None = None) -> str:
    """Return the one spelling of a Hong Kong ticker.

    Raises
    ------
    TickerError
        If the text is no Hong Kong code: another market's suffix, letters, zero, or over five digits.

    Examples
    --------
    >>> [normalize_ticker(text) for text in ("700", "00700", "HK0700", "SEHK:700", "0700.hk")]
    ['0700.HK', '0700.HK', '0700.HK', '0700.HK', '0700.HK']
    >>> normalize_ticker("80700.HK")
    '80700.HK'
    """
    match = _SPELLINGS.match(text.strip().upper())
    if match is None or int(match[1]) == 0:
        raise TickerError(
            "no Hong Kong ticker",
            given=text,
            wanted="a code of 1 to 5 digits, as in 700, 0700.HK or SEHK:700",
            where=where,
        )
    return f"{int(match[1]):04d}.HK"


def exchange_code(ticker: str) -> str:
    """Return the exchange's five-digit code: ``0700.HK`` → ``00700``."""
    return f"{int(normalize_ticker(ticker)[:-3]):05d}"
