from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from markets.instruments import Instruments
from signals.linking import BELIEVED, Linker, Mention
from signals.news import NewsItem

LINKER = Linker(Instruments.default())
DAY = date(2025, 9, 12)


def item(text: str, tickers: tuple[str, ...] = ()) -> NewsItem:
    return NewsItem("1", datetime(2025, 9, 12, tzinfo=UTC), "t", text, tickers=tickers)


def believed(text: str) -> list[str | None]:
    return [mention.ticker for mention in LINKER.link(item(text)) if mention.is_believed]


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("Alibaba-Aktie steigt", ["9988.HK"]),
        ("Alibabas Cloud-Umsatz", ["9988.HK"]),
        ("BYDs Bilanz", ["1211.HK"]),
        ("Baidu's chips", ["9888.HK"]),
        ("Elektroautobauer Nio", ["9866.HK"]),
        ("腾讯与京东合作", ["0700.HK", "9618.HK"]),
        ("騰訊與京東合作", ["0700.HK", "9618.HK"]),
        ("京东健康发布财报", ["6618.HK"]),
        ("JD Health shares", ["6618.HK"]),
        ("Alibaba Health shares", ["0241.HK"]),
        ("BYD Electronic wins", ["0285.HK"]),
        ("比亚迪电子净利润", ["0285.HK"]),
        ("Tencent Music adds users", ["1698.HK"]),
        ("京东物流推出新服务", ["2618.HK"]),
        ("shares of 0700.HK", ["0700.HK"]),
        ("中芯国际(00981)涨", ["0981.HK", "0981.HK"]),
        ("通义千问发布", ["9988.HK"]),
        ("理想汽车交付", ["2015.HK"]),
        ("理想8月交付2.8万辆", ["2015.HK"]),
    ],
)
def test_names_find_their_ticker(text: str, tickers: list[str]) -> None:
    assert believed(text) == tickers


@pytest.mark.parametrize(
    "text",
    [
        "京东方发布柔性屏",
        "小米粥怎么煮",
        "看到这里不禁联想到童年",
        "他的理想是当老师",
        "最美的风景",
        "旧金山的桥",
        "中兴大学毕业典礼",
        "JD Sports shares jump",
        "J.D. Vance speaks",
        "JD Power study",
        "美图秀秀新功能",
        "Meitu raises prices",
        "The minimax algorithm",
        "Ali Baba and the thieves",
        "DeepSeek and Huawei unveil chips",
        "据百度百科介绍",
        "网易新闻报道",
        "someone posted on Weibo",
        "trip to the horizon",
    ],
)
def test_look_alikes_are_nobody(text: str) -> None:
    assert believed(text) == []


@pytest.mark.parametrize("text", ["ВАIDU", "BАIDU shares", "Тencent", "Xiаomi recalls"])
def test_look_alike_letters_of_other_scripts_are_refused(text: str) -> None:
    assert believed(text) == []


def test_hidden_characters_do_not_hide_a_name() -> None:
    assert believed("Ten\u200bcent &amp; Bai\u00addu") == ["0700.HK", "9888.HK"]


def test_a_doubtful_name_is_kept_for_the_audit_with_a_low_score() -> None:
    (mention,) = LINKER.link(item("实现自己的人生价值，理想不灭"))
    assert mention.ticker == "2015.HK"
    assert mention.score < BELIEVED


def test_a_full_name_vouches_for_a_short_one() -> None:
    text = "Kuaishou Technology grows. Kling too"
    assert believed(text) == ["1024.HK", "1024.HK"]


def test_two_short_names_of_one_firm_vouch_for_each_other() -> None:
    assert believed("Hailuo 3: MiniMax greift Sora an") == ["0100.HK", "0100.HK"]
    assert believed("Ein MiniMax gegen Sora") == []


def test_spans_show_what_was_read() -> None:
    text = "Heute: Tencent und 小米集团"
    spans = [text[m.start : m.end] for m in LINKER.link(item(text))]
    assert spans == ["Tencent", "小米集团"]


def test_unlisted_firms_are_known_to_the_reader_only() -> None:
    mentions = LINKER.mentions("Tesla sues Xiaomi", DAY)
    assert [(m.ticker, m.role) for m in mentions] == [(None, "unlisted"), ("1810.HK", "company")]
    assert believed("Tesla sues Xiaomi") == ["1810.HK"]


def test_declared_tickers_come_last_and_only_where_the_text_is_silent() -> None:
    found = LINKER.link(item("Tencent climbs", tickers=("0700.HK", "9988.HK")))
    assert [(m.ticker, m.role) for m in found] == [("0700.HK", "company"), ("9988.HK", "declared")]


def test_only_whole_tables_are_taken() -> None:
    assert Linker(Instruments.default(), LINKER.tables).link(item("Baidu")) == LINKER.link(
        item("Baidu")
    )


def test_a_name_counts_only_while_it_was_in_use() -> None:
    def names(day: date) -> list[Mention]:
        return [m for m in LINKER.mentions("新东方在线", day) if m.ticker == "1797.HK"]

    dated = [
        alias
        for names_ in Instruments.default()["1797.HK"].names.values()
        for alias in names_.aliases
        if alias.valid_to is not None and alias.text in ("新东方在线", "Koolearn")
    ]
    if not dated:
        pytest.skip("the instrument table dates no alias of 1797.HK")
    assert names(date(2020, 1, 2))
    assert not names(date(2025, 1, 2))


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("Citi turns bullish on Baidu", ["9888.HK"]),
        ("UBS keeps sell on Weibo", ["9898.HK"]),
        ("Carmaker apologizes in statement posted on Baidu", []),
        ("Its founder said on Weibo", []),
        ("According to Sina Weibo, BYD plans a new plant", ["1211.HK"]),
    ],
)
def test_a_company_is_told_from_its_platform(text: str, tickers: list[str]) -> None:
    assert believed(text) == tickers


SHORT_NAMES = {
    "腾讯": "0700.HK", "阿里": "9988.HK", "百度": "9888.HK", "美团": "3690.HK", "小米": "1810.HK",
    "京东": "9618.HK", "网易": "9999.HK", "快手": "1024.HK", "中芯": "0981.HK", "联想": "0992.HK",
    "携程": "9961.HK", "小鹏": "9868.HK", "理想": "2015.HK", "蔚来": "9866.HK", "海尔": "6690.HK",
    "比亚迪": "1211.HK", "舜宇": "2382.HK", "金蝶": "0268.HK", "华虹": "1347.HK", "零跑": "9863.HK",
}  # fmt: skip


@pytest.mark.parametrize("first", SHORT_NAMES)
def test_names_written_without_a_joint_are_both_found(first: str) -> None:
    """Look-alikes across two names (腾讯网 in 腾讯网易) take neither."""
    for second, ticker in SHORT_NAMES.items():
        if second != first:
            found = believed(f"{first}{second}股价齐跌3%")
            assert {SHORT_NAMES[first], ticker} <= set(found), second


@pytest.mark.parametrize("name", SHORT_NAMES)
@pytest.mark.parametrize("rest", ["面临调查", "起诉对手", "方面否认裁员", "午后跳水", "跌5%"])
def test_a_name_is_found_before_the_words_of_news(name: str, rest: str) -> None:
    assert SHORT_NAMES[name] in believed(name + rest)


def test_its_own_code_behind_a_doubtful_name_vouches_for_it() -> None:
    assert believed("中興（763）早上好") == ["0763.HK"]
    assert believed("同程(780)早上好") == ["0780.HK"]
    assert not believed("中興（780）早上好")
