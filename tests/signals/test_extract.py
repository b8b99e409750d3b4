from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import Event
from signals.events.scoring import labeled, score
from signals.linking import Linker
from signals.news import NewsItem

READER = Reader(Linker(Instruments.default()))
AT = datetime(2025, 9, 12, 15, 59, tzinfo=UTC)


def read(title: str, body: str = "", language: str = "und") -> tuple[Event, ...]:
    return READER.read(NewsItem("1", AT, "test", title, body, language))


def one(title: str, kind: str) -> Event:
    found = [event for event in read(title) if event.kind == kind]
    assert len(found) == 1, read(title)
    return found[0]


# The facts of 12 September 2025, told in the project's own words.
STORY = """Alibaba-Aktien auf Vierjahreshoch
Alibaba-Papiere kletterten in Hongkong am Freitag um 5,9 % auf 151,80 Hongkong-Dollar.
Der Konzern teilte mit, eine Wandelanleihe ohne Zinskupon über 3,2 Mrd. USD zu begeben.
Analysten von Jefferies werten den Schritt als starkes Zeichen der Zuversicht.
Die Cloud-Erlöse waren im Frühjahrsquartal bereits um 26 % gewachsen.
Das Unternehmen will binnen drei Jahren mindestens 53 Mrd. USD investieren.
Außerdem stellte Alibaba das Sprachmodell Qwen3-Next vor.
Laut The Information trainieren Alibaba und Baidu ihre Modelle auf eigenen Chips.
Baidu-Aktien legten um 8,5 % zu.
Für Jialong Shi, Analyst bei Nomura, sind die eigenen Chips der Grund für die Kursgewinne."""


@pytest.fixture(scope="module", params=["own words", "real article"])
def article(request: pytest.FixtureRequest) -> tuple[Event, ...]:
    if request.param == "own words":
        title, body = STORY.split("\n", 1)
        return read(title, body)
    folder: Path = request.getfixturevalue("shared_dir")
    text = (folder / "news" / "000_c77527b1a3b09c88.txt").read_text(encoding="utf-8")
    return read("", text)


def of(events: tuple[Event, ...], kind: str, ticker: str) -> list[Event]:
    return [event for event in events if event.kind == kind and ticker in event.tickers]


def test_the_convertible_is_a_financing_of_its_sum(article: tuple[Event, ...]) -> None:
    (event,) = of(article, "financing", "9988.HK")
    assert (event.subtype, event.amount, event.currency) == ("convertible", 3.2e9, "USD")


def test_the_investment_is_bounded_below(article: tuple[Event, ...]) -> None:
    sums = [event for event in of(article, "capex", "9988.HK") if event.amount is not None]
    assert [(e.amount, e.currency, e.amount_qualifier) for e in sums] == [
        (5.3e10, "USD", "at_least")
    ]


def test_cloud_growth_is_earnings_told_again(article: tuple[Event, ...]) -> None:
    (event,) = of(article, "earnings", "9988.HK")
    assert (event.magnitude_pct, event.is_background) == (26.0, True)
    assert event.polarity > 0


def test_the_model_is_launched(article: tuple[Event, ...]) -> None:
    assert of(article, "product_launch", "9988.HK")


def test_both_make_chips_as_the_information_reports(article: tuple[Event, ...]) -> None:
    events = [e for e in article if e.kind == "chip_selfdev" and e.source == "The Information"]
    assert {ticker for event in events for ticker in event.tickers} == {"9988.HK", "9888.HK"}
    assert {event.certainty for event in events} == {"reported"}


def test_moves_are_reactions_and_prices_no_sums(article: tuple[Event, ...]) -> None:
    moves = {
        (ticker, event.magnitude_pct)
        for event in article
        if event.kind == "price_move"
        for ticker in event.tickers
    }
    assert {("9988.HK", 5.9), ("9888.HK", 8.5)} <= moves
    assert all(event.is_reaction for event in article if event.kind == "price_move")
    assert all(event.amount != 151.80 for event in article)


def test_brokers_are_sources_and_speakers(article: tuple[Event, ...]) -> None:
    assert {"Jefferies", "Nomura", "The Information"} <= {event.source for event in article}
    assert "Jialong Shi" in {event.speaker for event in article}
    assert {ticker for event in article for ticker in event.tickers} == {"9988.HK", "9888.HK"}


@pytest.mark.parametrize(
    ("title", "kind", "polarity"),
    [
        ("Kartellverfahren gegen Tencent eingestellt", "regulation", 1),
        ("Behörde stellt Verfahren gegen Tencent ein", "regulation", 1),
        ("China drops antitrust probe into Tencent", "regulation", 1),
        ("监管部门终止对腾讯的调查", "regulation", 1),
        ("China opens antitrust probe into Tencent", "regulation", -1),
        ("JD.com setzt Aktienrückkauf aus", "buyback", -1),
        ("Übernahme von Ceconomy durch JD.com geplatzt", "mna", -1),
        ("阿里撤回菜鸟上市申请", "financing", -1),
        ("US court dismisses lawsuit against Baidu", "legal", 1),
        ("美国解除对中兴通讯的制裁", "export_control", 1),
    ],
)
def test_reversers_turn_good_and_bad(title: str, kind: str, polarity: int) -> None:
    assert one(title, kind).polarity * polarity > 0


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("BYD weist Berichte über Produktionskürzung zurück", "order_supply"),
        ("Tencent dementiert Übernahme von Nexon", "mna"),
        ("Nio: Keine Pläne für Kapitalerhöhung", "financing"),
        ("Tencent denies it plans to buy Nexon", "mna"),
        ("Nio has no plans to issue new shares", "financing"),
        ("Meituan says report of job cuts is false", "management"),
        ("腾讯否认收购Nexon", "mna"),
        ("比亚迪减产？公司：消息不实", "order_supply"),
        ("蔚来：没有配股计划", "financing"),
    ],
)
def test_denials_are_denied(title: str, kind: str) -> None:
    event = one(title, kind)
    assert event.certainty == "denied"
    assert event.negated
    assert not event.is_fresh_forward


def test_a_move_with_a_reason_is_two_events() -> None:
    events = read("Tencent shares rise 3% after buyback")
    assert [(e.kind, e.is_reaction) for e in events] == [("price_move", True), ("buyback", False)]


def test_two_companies_can_have_opposite_news_in_one_story() -> None:
    events = read("阿里跌3% 百度涨2%")
    assert [(e.tickers, e.magnitude_pct, e.polarity > 0) for e in events] == [
        (("9988.HK",), -3.0, False),
        (("9888.HK",), 2.0, True),
    ]


@pytest.mark.parametrize(
    ("title", "kind", "ticker", "polarity"),
    [
        ("SoftBank dumps Alibaba", "ownership", "9988.HK", -1),
        ("Temasek loads up on Meituan", "ownership", "3690.HK", 1),
        ("Geely overtakes BYD in Thailand", "order_supply", "1211.HK", -1),
        ("Xiaomi and Leica part ways", "partnership", "1810.HK", -1),
        ("Lenovo closes purchase of Infinidat", "mna", "0992.HK", 1),
        ("Kuaishou sees ad revenue slowing next quarter", "guidance", "1024.HK", -1),
        ("Macquarie: Kingdee a hidden gem", "analyst", "0268.HK", 1),
        ("Street cuts profit estimates for Li Auto", "analyst", "2015.HK", -1),
    ],
)
def test_rules_that_ask_for_little(title: str, kind: str, ticker: str, polarity: int) -> None:
    event = one(title, kind)
    assert event.tickers == (ticker,)
    assert event.polarity * polarity > 0


def test_of_opposite_readings_of_a_word_the_nearer_holds() -> None:
    events = read("ASMPT orders jump but profit slumps")
    assert {(e.kind, e.polarity > 0) for e in events} == {
        ("order_supply", True),
        ("earnings", False),
    }


def test_who_sues_and_who_is_sued() -> None:
    signs = {e.tickers[0]: e.polarity > 0 for e in read("Tencent sues NetEase over copyright")}
    assert signs == {"0700.HK": True, "9999.HK": False}


@pytest.mark.parametrize(
    ("title", "certainty"),
    [
        ("Tencent buys game studio for $1bn", "confirmed"),
        ("Reuters: Tencent buys game studio for $1bn", "reported"),
        ("知情人士：腾讯收购游戏工作室", "reported"),
        ("Gerücht: Tencent übernimmt Spielestudio", "rumoured"),
        ("网传腾讯收购游戏工作室", "rumoured"),
        ("Tencent denies buying game studio", "denied"),
    ],
)
def test_certainty(title: str, certainty: str) -> None:
    assert one(title, "mna").certainty == certainty


def test_rating_houses_are_sources() -> None:
    event = one("Jefferies raises Tencent price target to HK$700 from HK$650", "analyst")
    assert (event.source, event.tickers, event.amount) == ("Jefferies", ("0700.HK",), 700.0)
    assert event.certainty == "opinion"


def test_the_company_and_der_konzern_refer_back() -> None:
    body = "The group will invest $2bn in data centers."
    (event,) = [e for e in read("Tencent meets analysts", body) if e.kind == "capex"]
    assert event.tickers == ("0700.HK",)
    (event,) = [
        e for e in read("Tencent lädt ein", "Der Konzern kauft eigene Aktien zurück.")
        if e.kind == "buyback"
    ]  # fmt: skip
    assert event.tickers == ("0700.HK",)


@pytest.mark.parametrize(
    "title",
    [
        "京东方发布新款屏幕",
        "JD Sports shares jump 8%",
        "小米粥的做法",
        "Tesla recalls cars",
        "他的理想",
    ],
)
def test_what_concerns_nobody_makes_no_event(title: str) -> None:
    assert read(title) == ()


def test_other_languages_are_left_unread() -> None:
    item = NewsItem("1", AT, "t", "Xiaomi lance une voiture et des puces dans les magasins")
    assert READER.language(item) == "fr"
    assert READER.read(item) == ()


def test_both_scripts_read_alike() -> None:
    simplified = read("腾讯斥资五亿港元回购股份")
    traditional = read("騰訊斥資五億港元回購股份")
    assert [(e.kind, e.tickers, e.amount, e.currency) for e in simplified] == [
        (e.kind, e.tickers, e.amount, e.currency) for e in traditional
    ]
    assert simplified


def test_the_signal_time_is_the_items_own() -> None:
    (event,) = read("Tencent kündigte am 3. Januar 2020 einen Aktienrückkauf an")
    assert event.available_at == AT


def test_a_broker_beside_a_price_has_a_view_of_it() -> None:
    event = one("UBS traut Kuaishou 95 Hongkong-Dollar zu", "analyst")
    assert (event.tickers, event.amount, event.currency) == (("1024.HK",), 95.0, "HKD")


def test_two_firms_swap_a_place_in_an_index() -> None:
    events = read("Horizon Robotics rückt in den Hang Seng Tech auf, ASMPT muss weichen")
    places = {(event.tickers, event.polarity > 0) for event in events}
    assert places == {(("9660.HK",), True), (("0522.HK",), False)}


def test_a_question_is_answered_by_a_quotation_that_only_denies() -> None:
    title = 'Stellantis wolle Leapmotor schlucken? "Blanker Unsinn", heißt es in Hangzhou'
    (event,) = read(title)
    assert (event.kind, event.certainty) == ("mna", "denied")


def test_a_price_of_shares_is_not_the_sum_of_a_deal() -> None:
    events = read("Alibaba übernimmt einen Chipentwickler", "Die Aktie schloss bei 151 HKD.")
    assert {event.amount for event in events} == {None}


def test_a_compound_names_the_currency_of_the_sum_behind_it() -> None:
    event = one("Tencent plant Yuan-Bond über zehn Milliarden", "financing")
    assert (event.amount, event.currency) == (1e10, "CNY")


def test_what_only_reaches_one_listed_firm_in_a_headline_is_its_own() -> None:
    event = one("Ericsson-Klage: Xiaomi droht Verkaufsverbot in Brasilien", "legal")
    assert event.tickers == ("1810.HK",)


def test_a_superlative_is_not_negated() -> None:
    assert one("Lenovo-Papiere so teuer wie seit 2015 nicht", "price_move").polarity > 0


@pytest.mark.parametrize(
    "title",
    [
        "小米门店店员的一天：和车主聊梦想",
        "腾讯程序员分享通勤故事",
        "京东端午节消费观察：甜粽子好评过半",
        "美团就骑手停车发布情况说明",
        "Besuch bei Meituan: ein Rundgang durch die Zentrale",
        "A look inside Xiaomi: interview with the designer of the phone",
    ],
)
def test_a_tale_of_everyday_life_is_no_event(title: str) -> None:
    assert read(title) == ()


def test_a_soft_word_beside_real_news_takes_nothing_away() -> None:
    assert one("蔚来公益基金会揭牌 同日公司召回3000辆车", "incident").tickers == ("9866.HK",)


def test_a_firm_is_no_partner_of_its_own_product() -> None:
    events = read("红米手表搭载小米澎湃OS")
    assert "partnership" not in {event.kind for event in events}


def test_what_a_court_fines_is_legal_and_what_it_fines_for_is_no_incident() -> None:
    events = read("理想被判侵权 法院罚款30万元")
    assert {event.kind for event in events} == {"legal"}
    events = read("因虚假宣传 京东被处以罚款50万元")
    assert {event.kind for event in events} == {"regulation"}


def test_a_verdict_reaches_the_other_side_in_the_next_clause() -> None:
    events = read("终审判决：快手败诉 须向腾讯音乐赔偿200万元")
    signs = {event.tickers: (event.polarity > 0, event.amount) for event in events}
    assert signs == {("1024.HK",): (False, 2e6), ("1698.HK",): (True, 2e6)}


def test_a_verdict_that_is_passive_itself_turns_nobody_around() -> None:
    assert one("携程被判赔偿旅客3万元", "legal").polarity < 0


def test_who_says_a_clause_stands_in_front_of_it() -> None:
    event = one("比亚迪：没有入股车队的计划", "mna")
    assert (event.tickers, event.certainty) == (("1211.HK",), "denied")


def test_a_denial_leads_what_a_headline_says_twice() -> None:
    event = one("小鹏汽车回应“收购跑车品牌”传闻：没有相关收购事项", "mna")
    assert event.certainty == "denied"


def test_the_holder_who_acts_is_not_the_one_held() -> None:
    """What happens to a firm without a line here is nobody's."""
    assert [e for e in read("某软件商股价受压 遭腾讯减持") if e.kind == "ownership"] == []


def test_orders_that_a_stranger_cuts_fall_upon_the_firm_named() -> None:
    event = one("舜宇光学急跌6% 市传苹果砍单", "order_supply")
    assert (event.tickers, event.polarity < 0) == (("2382.HK",), True)


def test_model_names_stand_among_chinese_characters_without_spaces() -> None:
    assert one("理想i6推迟至明年春季", "product_launch").polarity < 0


@pytest.mark.parametrize(
    "title",
    [
        "Baidu's Apollo rides up 20% in the quarter",
        "Searches on Taobao soar as new phone goes on sale",
        "Alibaba offers staff 13 days of marriage leave",
        "WeChat cracks down on accounts that copy others",
        "Tencent probes office prank",
        "Former Alibaba executive joins private equity firm",
        "JD.com buyers want to stock up: goods reach them faster",
    ],
)
def test_words_of_everyday_stories_are_no_events(title: str) -> None:
    harmless = {"order_supply", "product_launch"}
    assert {event.kind for event in read(title, language="en")} <= harmless, read(title)


@pytest.mark.parametrize(
    ("title", "kind", "ticker"),
    [
        ("Tencent sells Meituan stake", "ownership", "3690.HK"),
        ("Alibaba sells Sun Art stake for HK$13.1bn", "mna", "9988.HK"),
        ("Tencent adds to stake in robot maker AgiBot", "mna", "0700.HK"),
        ("Trip.com sells its MakeMyTrip shares", "mna", "9961.HK"),
        ("Lei Jun sells shares of Xiaomi", "ownership", "1810.HK"),
    ],
)
def test_whose_event_a_stake_sold_is(title: str, kind: str, ticker: str) -> None:
    assert one(title, kind).tickers == (ticker,)


def test_who_gives_an_order_is_not_who_gets_it() -> None:
    given = one("Samsung rival Xiaomi picks Sunny Optical as supplier", "order_supply")
    assert given.tickers == ("2382.HK",)


def test_a_list_of_firms_is_not_cut_at_its_commas() -> None:
    moved = one("Central bank trims key rate; Meituan, Alibaba gain", "price_move")
    assert moved.tickers == ("3690.HK", "9988.HK")


@pytest.mark.parametrize(
    "title",
    [
        "SMIC has yet to book any order from Apple, co-CEO says",
        "Trip.com clarifies it has received no subpoena",
        "JD.com not interested in Carrefour assets, sources say",
        "NIO says fund's lawsuit is without merit",
        "NIO debunks claims that its cars were banned from car parks",
    ],
)
def test_what_a_speaker_says_did_not_happen_is_denied(title: str) -> None:
    assert {event.certainty for event in read(title, language="en")} == {"denied"}, read(title)


def test_the_price_belongs_to_what_was_bought_not_to_the_listing_given_up() -> None:
    title = "Alibaba to buy the rest of Cainiao for $3.75 billion as it scraps the unit's IPO"
    assert one(title, "mna").amount == 3.75e9


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Probe into Meituan dropped", "regulation"),
        ("Antitrust probe of Alibaba dropped", "regulation"),
        ("Lawsuit against Baidu dropped", "legal"),
        ("Charges against SMIC dropped", "legal"),
    ],
)
def test_what_is_dropped_against_a_firm_is_no_fall_of_its_shares(title: str, kind: str) -> None:
    event = one(title, kind)
    assert event.polarity > 0
    assert [other.kind for other in read(title)] == [kind]


# What the reader is held to, in each language and on headlines it was not tuned on.
BOUNDS = {
    "kind_f1": 0.80,
    "ticker_precision": 0.97,
    "ticker_recall": 0.95,
    "amount": 0.95,
    "is_reaction": 0.95,
    "denials": 1.0,
    "polarity": 0.80,
}


@pytest.mark.parametrize("declare", [True, False])
@pytest.mark.parametrize("language", ["de", "en", "zh"])
@pytest.mark.parametrize("name", ["reading", "reading_held_back"])
def test_labeled_headlines(answers_dir: Path, name: str, language: str, declare: bool) -> None:
    result = score(READER, labeled(answers_dir / f"{name}_{language}.jsonl"), declare=declare)
    short = {key: result.as_dict()[key] for key in BOUNDS if result.as_dict()[key] < BOUNDS[key]}
    assert not short, result.errors


def test_the_whole_story_says_what_a_bare_yuan_sign_means() -> None:
    """One traditional character in a sentence is a name's; the story's others decide."""
    bought = read("騰訊宣佈回購股份", "共23億元。")
    assert [(event.amount, event.currency) for event in bought] == [(2.3e9, "HKD")]
    bought = read("騰訊宣佈回購股份", "共23億元。除特別說明外，均以人民幣計。")
    assert [(event.amount, event.currency) for event in bought] == [(2.3e9, "CNY")]


def test_what_befalls_two_firms_named_in_one_breath_reaches_both() -> None:
    body = "Beijing will extend grants for fridges. That helps Midea Group and Haier Smart Home."
    (event,) = of(read("Trade-in subsidies prolonged", body, "en"), "macro_policy", "0300.HK")
    assert event.tickers == ("0300.HK", "6690.HK")


def test_a_broker_before_a_colon_holds_a_view_of_whatever_follows() -> None:
    told = read("Citi: Tencent's integration of DeepSeek may lift demand", language="en")
    assert [(event.kind, event.tickers) for event in told] == [("analyst", ("0700.HK",))]


@pytest.mark.parametrize(
    ("text", "kind", "ticker"),
    [
        ("BYD is not under investigation, the carmaker stressed", "regulation", "1211.HK"),
        ("No users' data was leaked, SenseTime says", "incident", "0020.HK"),
        ("Li Auto has not lowered its annual target, the company said", "guidance", "2015.HK"),
        ("No, said Kuaishou, there are no talks on a sale of its stake in AcFun", "mna", "1024.HK"),
    ],
)
def test_who_speaks_behind_his_words_denies_them(text: str, kind: str, ticker: str) -> None:
    (event,) = of(read(text, language="en"), kind, ticker)
    assert event.certainty == "denied"


def test_who_is_hired_away_is_lost_to_the_other_firm() -> None:
    told = read("JD Health hires Ping An Good Doctor's finance chief", language="en")
    assert {event.tickers: event.polarity > 0 for event in told} == {
        ("6618.HK",): True,
        ("1833.HK",): False,
    }


def test_a_sum_in_brackets_is_the_one_before_it_in_another_money() -> None:
    text = "Tencent invests 12.5 billion yuan ($1.7 billion) in new data centre"
    (event,) = of(read(text, language="en"), "capex", "0700.HK")
    assert (event.amount, event.currency) == (12.5e9, "CNY")


def test_a_verb_without_its_noun_takes_the_noun_of_the_clause_before() -> None:
    title = "蔚来9月交付3.5万辆同比增长64%，小鹏增长95%，理想下滑37%"
    told = [(event.kind, event.tickers, event.polarity > 0) for event in read(title)]
    assert told == [
        ("order_supply", ("9866.HK",), True),
        ("order_supply", ("9868.HK",), True),
        ("order_supply", ("2015.HK",), False),
    ]
    listed = read("9月新势力交付：零跑6.6万辆居首，理想3.4万辆，蔚来3.47万辆")
    assert [event.tickers for event in listed] == [("9863.HK",), ("2015.HK",), ("9866.HK",)]
    # What has a noun of its own is no part of the list.
    assert [e.kind for e in read("蔚来交付增长64%，小鹏股价下跌3%")] == [
        "order_supply",
        "price_move",
    ]


@pytest.mark.parametrize(
    "title",
    [
        "云岭租车开盘升逾9% 曾与阿里巴巴云团队会面",
        "海外业务拉动拼多多大涨，股价涨超18%，市值逼近阿里",
        "腾讯概念股午后拉升 天地在线涨停",
        "恒生科技指数收跌1.8%，腾讯明日召开股东会",
        "某童装品牌销量连续六年下跌 阿里巴巴员工送上祝福",
        "高管称特斯拉造假，小米不予置评",
    ],
)
def test_what_strangers_and_indices_do_is_not_told_of_the_firm_beside_them(title: str) -> None:
    assert not read(title), read(title)


def test_what_a_firm_beside_the_stranger_does_is_its_own() -> None:
    assert one("云岭租车开盘升逾9% 与阿里巴巴达成战略合作", "partnership").tickers == ("9988.HK",)
    assert one("午后造好 小米收市升逾5%", "price_move").tickers == ("1810.HK",)


@pytest.mark.parametrize(
    "title",
    [
        "分析人士称腾讯股价年底或升至800港元",
        "专家料小米股价短期或跌穿40元",
        "财经博主：阿里有望涨到200元",
    ],
)
def test_a_chinese_move_that_is_only_awaited_is_no_reaction(title: str) -> None:
    assert not any(event.is_reaction for event in read(title)), read(title)


@pytest.mark.parametrize(
    ("title", "body", "kind"),
    [
        ("小米：从未授权任何机构代理汽车业务融资", "", "financing"),
        ("特斯拉中国：从未采购比亚迪刀片电池", "", "order_supply"),
        ("美国商务部官员：没有批准英伟达向腾讯出口H200", "", "export_control"),
        ("没有的事！京东否认入股长安汽车", "", "mna"),
        ("比亚迪回应常压油箱举报", "公司称相关说法纯属捏造。", "incident"),
        ("B站否认将暂停回购计划", "", "buyback"),
        ("百度昆仑芯负责人称，流片失败一说是无稽之谈", "", "chip_selfdev"),
    ],
)
def test_a_chinese_denial_has_the_kind_of_what_it_denies(title: str, body: str, kind: str) -> None:
    told = read(title, body)
    assert [(event.kind, event.certainty) for event in told] == [(kind, "denied")]


def test_a_denied_end_is_good_news() -> None:
    assert one("零跑与Stellantis双双否认合资公司将解散的报道", "partnership").polarity > 0
    assert one("B站否认将暂停回购计划", "buyback").polarity > 0


def test_a_bid_is_told_by_its_price_per_share_where_no_sum_is_named() -> None:
    bid = one("KKR提出每股140港元要约收购ASMPT", "mna")
    assert (bid.amount, bid.currency) == (140, "HKD")
    bid = one("KKR以每股140港元要约收购ASMPT，涉资580亿港元", "mna")
    assert (bid.amount, bid.currency) == (5.8e10, "HKD")


def test_whom_others_have_a_share_of_does_not_deal_in_it() -> None:
    event = one("贝莱德：在哔哩哔哩的持股升到了6.2%", "ownership")
    assert (event.tickers, event.polarity > 0) == (("9626.HK",), True)


@pytest.mark.parametrize(
    "title", ["山岚超市任命盒马生鲜前高管李明为CFO", "前京东副总裁出任机器人公司首席执行官"]
)
def test_the_firm_somebody_came_from_is_not_told_of(title: str) -> None:
    assert not read(title), read(title)


def test_a_plaintiff_beside_the_firm_makes_it_the_defendant() -> None:
    told = read("京东声明：青禾财富恶意起诉京东")
    assert [(event.kind, event.polarity < 0) for event in told] == [("legal", True)]
    assert one("比亚迪巴西承建商用工引争议，当地检方提起诉讼", "legal").polarity < 0
    assert one("歌手终审败诉网易", "legal").polarity > 0
    assert one("检方撤销对蔚来的指控", "legal").polarity > 0
