"""Tickers of Hong Kong, and of other markets."""

from __future__ import annotations

import pytest

from markets.errors import TickerError
from markets.tickers import check_hkd, normalize_ticker, spellings


@pytest.mark.parametrize(
    "text",
    [
        "700",
        "0700",
        "00700",
        "HK0700",
        "HK00700",
        "SEHK:700",
        "HKEX:700",
        "700.HK",
        "0700.hk",
        "00700.HK",
        "700 HK",
        " 0700.HK ",
    ],
)
def test_every_usual_spelling_is_read(text):
    assert normalize_ticker(text) == "0700.HK"


@pytest.mark.parametrize(
    "text",
    ["BABA", "600519.SS", "000700.SZ", "0", "00000.HK", "123456", "", "7O0", "0700.TW", "-700"],
)
def test_other_markets_and_no_codes_are_refused(text):
    with pytest.raises(TickerError) as refused:
        normalize_ticker(text, where="run.toml: universe")
    assert refused.value.given == text
    assert refused.value.where == "run.toml: universe"


def test_five_digits_stay_five():
    assert normalize_ticker("89988") == "89988.HK"
    assert spellings("89988.HK")["exchange"] == "89988"


def test_a_renminbi_counter_is_no_price_in_hkd():
    with pytest.raises(TickerError, match="another currency") as refused:
        check_hkd("89988")
    assert "9988.HK" in refused.value.wanted
    check_hkd("99001.HK")
