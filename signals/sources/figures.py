"""Money and percentages as German, English and Chinese stories write them."""

from __future__ import annotations

_ENGLISH = {"HKD": ("HK${}", "HKD {}"), "USD": ("US${}", "USD {}"), "CNY": ("{} yuan", "RMB {}")}
_GERMAN = {"HKD": "Hongkong-Dollar", "USD": "US-Dollar", "CNY": "Yuan"}
_CHINESE = {"HKD": "港元", "USD": "美元", "CNY": "元人民币"}


def write_amount(million: int, currency: str, language: str, manner: int) -> str:
    """Return money in words.

    Parameters
    ----------
    million : int
        Millions of `currency`, a multiple of 100.
    currency : {'HKD', 'USD', 'CNY'}
        ISO 4217.
    language : {'de', 'en', 'zh'}
        Whose words and decimal mark.
    manner : int
        Even for the long form, odd for the short one; Chinese has one.

    Examples
    --------
    >>> [write_amount(1200, "HKD", language, 1) for language in ("en", "de", "zh")]
    ['HKD 1.2 billion', '1,2 Mrd. HKD', '12亿港元']
    """
    if language == "zh":
        return f"{million // 100}亿{_CHINESE[currency]}"
    large = million >= 1000
    number = _write_tenths(million // 100 if large else million * 10, language)
    short = manner % 2
    if language == "en":
        return _ENGLISH[currency][short].format(f"{number} {'billion' if large else 'million'}")
    if short:
        return f"{number} {'Mrd.' if large else 'Mio.'} {currency}"
    return f"{number} {'Milliarden' if large else 'Millionen'} {_GERMAN[currency]}"


def write_percent(percent: float, language: str, manner: int) -> str:
    """Return a percentage with at most one decimal; German writes the word or the sign.

    Examples
    --------
    >>> [write_percent(12.5, language, 1) for language in ("en", "de", "zh")]
    ['12.5%', '12,5 Prozent', '12.5%']
    """
    number = _write_tenths(int(percent * 10 + 0.5), language)
    if language == "de":
        return f"{number} Prozent" if manner % 2 else f"{number} %"
    return f"{number}%"


def _write_tenths(tenths: int, language: str) -> str:
    whole, part = divmod(tenths, 10)
    mark = "," if language == "de" else "."
    return f"{whole}{mark}{part}" if part else f"{whole}"
