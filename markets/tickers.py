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
        If the text is no Hong Kong code: another market's suffix, letters, zero, too long.

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


def spellings(ticker: str) -> dict[str, str]:
    """Return a ticker as others write it; `normalize_ticker` reads each of them back.

    Examples
    --------
    >>> spellings("0700.HK")["bloomberg"]
    '700 HK'
    """
    number = int(normalize_ticker(ticker)[:-3])
    return {
        "newswake": f"{number:04d}.HK",
        "exchange": f"{number:05d}",
        "short": str(number),
        "bloomberg": f"{number} HK",
        "reuters": f"{number:04d}.HK",
        "tradingview": f"HKEX:{number}",
        "venue": f"SEHK:{number}",
        "prefixed": f"HK{number:05d}",
    }


def check_hkd(ticker: str, *, where: str | None = None) -> None:
    """Refuse a counter that trades in renminbi: its prices are no Hong Kong dollars.

    Raises
    ------
    TickerError
        For codes from 80000 to 89999, which the exchange keeps for that currency.

    Examples
    --------
    >>> check_hkd("0700.HK")
    """
    spelled = normalize_ticker(ticker, where=where)
    if 80_000 <= int(spelled[:-3]) <= 89_999:
        raise TickerError(
            "a counter in another currency",
            given=f"{spelled} (CNY)",
            wanted=f"a counter in HKD, such as {int(spelled[1:-3]):04d}.HK",
            where=where,
        )


def exchange_code(ticker: str) -> str:
    """Return the exchange's five-digit code: ``0700.HK`` → ``00700``."""
    return f"{int(normalize_ticker(ticker)[:-3]):05d}"
