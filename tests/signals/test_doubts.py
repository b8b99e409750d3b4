"""The audit list: each name left out says whom it could have meant, and why it was left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from markets.instruments import Instruments
from signals.doubts import Doubt, around, doubts
from signals.linking import BELIEVED, Linker
from signals.text.folding import clean

LINKER = Linker(Instruments.default())
DAY = date(2025, 9, 12)


def listed(text: str, day: date = DAY) -> list[Doubt]:
    return doubts(LINKER, clean(text), day)


@pytest.mark.parametrize(
    ("text", "alias", "ticker", "reason", "inside"),
    [
        ("京东方发布柔性屏", "京东", "9618.HK", "look-alike", "京东方"),
        ("旧金山的桥", "金山", "3888.HK", "look-alike", "旧金山"),
        ("someone posted on Weibo", "weibo", "9898.HK", "look-alike", "on weibo"),
        ("JD Sports shares jump", "jd", "9618.HK", "another firm's name", "jd sports"),
        ("他的理想是当老师", "理想", "2015.HK", "also a word", ""),
        ("据网易报道，天气不错", "网易", "9999.HK", "source", ""),
        ("去哪儿今天开会", "去哪儿", "9961.HK", "weak pointer", ""),
        ("张勇出席了会议", "张勇", "9988.HK", "outside its dates", ""),
        ("Der Text nennt alibaba klein", "alibaba", "9988.HK", "lower case", ""),
        ("Xi\u0430omi recalls", "xiaomi", "1810.HK", "borrowed letters", ""),
        ("O700.HK rises", "0700.hk", "0700.HK", "borrowed letters", ""),
        ("0700.\u041dK rises", "0700.hk", "0700.HK", "borrowed letters", ""),
        ("\u0660\u0667\u0660\u0660.HK rises", "0700.hk", "0700.HK", "borrowed letters", ""),
    ],
)
def test_every_reason_is_named(
    text: str, alias: str, ticker: str, reason: str, inside: str
) -> None:
    (doubt,) = listed(text)
    assert (doubt.alias, doubt.tickers, doubt.reason) == (alias, (ticker,), reason)
    assert doubt.inside == inside
    assert doubt.score < BELIEVED or reason == "source"


@pytest.mark.parametrize(
    "text", ["Alibaba und Tencent steigen", "京东健康发布财报", "0700.HK", "1O O'Neil .hk", "want"]
)
def test_what_counts_or_names_nobody_is_not_listed(text: str) -> None:
    assert listed(text) == []


def test_a_name_is_listed_only_while_it_was_not_in_use() -> None:
    assert [doubt.alias for doubt in listed("张勇", date(2022, 1, 3))] == []
    assert [doubt.alias for doubt in listed("张勇", date(2024, 1, 3))] == ["张勇"]


SHARED = """
[[instruments]]
ticker = "99101.HK"
kind = "equity"
[instruments.names.en]
official = "Delta Motors"
aliases = [{ text = "Delta" }]
[[instruments]]
ticker = "99102.HK"
kind = "equity"
[instruments.names.en]
official = "Delta Cloud"
aliases = [{ text = "Delta" }]
"""


def test_a_name_of_two_firms_is_nobodys_unless_one_is_named_in_full(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(SHARED, encoding="utf-8")
    linker = Linker(Instruments.default().extended(Instruments.from_toml(path)))
    (doubt,) = doubts(linker, "Delta shares jump", DAY)
    assert (doubt.reason, set(doubt.tickers)) == ("shared name", {"99101.HK", "99102.HK"})
    assert not any(m.is_believed for m in linker.mentions("Delta shares jump", DAY))
    text = "Delta Cloud grows. Delta hires."
    believed = [m.ticker for m in linker.mentions(text, DAY) if m.is_believed]
    assert believed == ["99102.HK", "99102.HK"]
    assert doubts(linker, text, DAY) == []
    both = "Delta Cloud sues Delta Motors. Delta hires."
    assert [d.reason for d in doubts(linker, both, DAY)] == ["shared name"]


def test_the_text_around_is_clipped_and_on_one_line() -> None:
    text = "x" * 100 + " \n Alibaba " + "y" * 100
    start = text.index("Alibaba")
    shown = around(text, start, start + 7)
    assert shown.startswith("…x")
    assert shown.endswith("y…")
    assert "\n" not in shown
    assert len(shown) <= 2 * 36 + 7 + 2
