from __future__ import annotations

import pytest

from signals.text.numbers import Quantity, quantities


def money(text: str, language: str) -> Quantity:
    found = [quantity for quantity in quantities(text, language) if quantity.unit == "money"]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("language", "text", "value", "currency"),
    [
        ("de", "auf 151,80 Hongkong-Dollar", 151.80, "HKD"),
        ("de", "3,2 Mrd. USD", 3.2e9, "USD"),
        ("de", "1.234,5 Mio. Euro", 1.2345e9, "EUR"),
        ("de", "1,5 Billionen Yuan", 1.5e12, "CNY"),
        ("de", "eine halbe Milliarde Euro", 5e8, "EUR"),
        ("de", "20-Millionen-Dollar-Strafe", 2e7, "USD"),
        ("de", "500 Mio. $", 5e8, "USD"),
        ("de", "4,4 Mrd. Offshore-Yuan", 4.4e9, "CNY"),
        ("en", "4.4 billion offshore yuan", 4.4e9, "CNY"),
        ("zh", "100億離岸人民幣債券", 1e10, "CNY"),
        ("en", "HK$1.2 trillion", 1.2e12, "HKD"),
        ("en", "RMB1.2bn", 1.2e9, "CNY"),
        ("en", "USD3.2bn", 3.2e9, "USD"),
        ("en", "3.2 billion Hong Kong dollars", 3.2e9, "HKD"),
        ("en", "one billion dollars", 1e9, "USD"),
        ("en", "A$1,250,000", 1.25e6, "AUD"),
        ("en", "€2.2bn", 2.2e9, "EUR"),
        ("zh", "三十二亿港元", 3.2e9, "HKD"),
        ("zh", "3800亿元", 3.8e11, "CNY"),
        ("zh", "1.2万亿元", 1.2e12, "CNY"),
        ("zh", "两千三百万美元", 2.3e7, "USD"),
        ("zh", "1,200万美元", 1.2e7, "USD"),
        ("zh", "HK$32亿", 3.2e9, "HKD"),
        ("zh", "三十二億港幣", 3.2e9, "HKD"),
        ("zh", "19.8亿韩元", 1.98e9, "KRW"),
        ("zh", "4000万元A股", 4e7, "CNY"),
    ],
)
def test_money_in_three_languages(language: str, text: str, value: float, currency: str) -> None:
    found = money(text, language)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.currency == currency


@pytest.mark.parametrize(
    ("language", "text", "qualifier"),
    [
        ("de", "mindestens 53 Mrd. USD", "at_least"),
        ("de", "bis zu 5 Mrd. USD", "at_most"),
        ("de", "rund 5 Mrd. USD", "about"),
        ("de", "5 Mrd. USD", "exact"),
        ("en", "at least $53bn", "at_least"),
        ("en", "more than $53bn", "at_least"),
        ("en", "up to $53bn", "at_most"),
        ("en", "about $53bn", "about"),
        ("zh", "逾50亿美元", "at_least"),
        ("zh", "30余亿港元", "at_least"),
        ("zh", "最多10亿美元", "at_most"),
        ("zh", "约5亿港元", "about"),
        ("zh", "5亿港元左右", "about"),
    ],
)
def test_bounds(language: str, text: str, qualifier: str) -> None:
    assert money(text, language).qualifier == qualifier


@pytest.mark.parametrize(
    ("language", "text", "low", "high", "currency"),
    [
        ("en", "HK$1.5bn-HK$2bn", 1.5e9, 2e9, "HKD"),
        ("en", "between $3 billion and $4 billion", 3e9, 4e9, "USD"),
        ("de", "3 bis 4 Mrd. Euro", 3e9, 4e9, "EUR"),
        ("de", "zwischen drei und vier Milliarden Euro", 3e9, 4e9, "EUR"),
        ("zh", "5至8亿元", 5e8, 8e8, "CNY"),
        ("zh", "10亿至12亿元", 1e9, 1.2e9, "CNY"),
    ],
)
def test_ranges(language: str, text: str, low: float, high: float, currency: str) -> None:
    found = money(text, language)
    assert (found.value, found.high, found.currency) == (low, high, currency)
    assert found.qualifier == "range"


@pytest.mark.parametrize(
    ("language", "text", "now", "before"),
    [
        ("en", "raised to HK$700 from HK$650", 700, 650),
        ("en", "raised from HK$650 to HK$700", 700, 650),
        ("de", "von 110 Euro auf 90 Euro", 90, 110),
        ("zh", "由158港元上调至198港元", 198, 158),
    ],
)
def test_a_change_has_a_start_and_an_end(
    language: str, text: str, now: float, before: float
) -> None:
    found = {quantity.is_prior: quantity.value for quantity in quantities(text, language)}
    assert found == {False: now, True: before}


@pytest.mark.parametrize(
    ("language", "text", "percent"),
    [
        ("de", "um 5,9 % höher", 5.9),
        ("de", "ein Plus von 26 %", 26.0),
        ("de", "verdoppelt", 100.0),
        ("de", "halbiert", -50.0),
        ("en", "down 3.5 percent", 3.5),
        ("en", "profit doubled", 100.0),
        ("zh", "占比六成二", 62.0),
        ("zh", "增长三成半", 35.0),
        ("zh", "百分之五点三", 5.3),
        ("zh", "利润翻倍", 100.0),
        ("zh", "增长两倍", 200.0),
        ("zh", "涨168.5%", 168.5),
    ],
)
def test_percentages(language: str, text: str, percent: float) -> None:
    found = [q.value for q in quantities(text, language) if q.unit == "percent"]
    assert found == [percent]


def test_basis_points_are_hundredths() -> None:
    (found,) = quantities("50 basis points", "en")
    assert (found.unit, found.value) == ("points", 0.5)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "in 2025 and on 12 September"),
        ("en", "Qwen3-Next and SU7 and GPT-4"),
        ("en", "SMIC (0981.HK)"),
        ("zh", "中芯国际(00981)"),
        ("zh", "2024年第四季度"),
        ("zh", "8亿股，5.3亿用户，3亿次下载"),
        ("zh", "订单量突破1亿，用户数已达7亿，月活账户为13亿"),
        ("de", "in 3 Jahren auf Platz 2"),
    ],
)
def test_years_codes_models_and_counts_are_no_money(language: str, text: str) -> None:
    assert all(quantity.unit == "plain" for quantity in quantities(text, language))


def test_the_price_of_a_share_is_marked() -> None:
    assert money("每股57.6港元", "zh").is_per_share
    assert money("HK$45 per share", "en").is_per_share
    assert money("52 yuan apiece", "en").is_per_share


@pytest.mark.parametrize(
    ("text", "low", "high", "currency"),
    [
        ("$650-$660 million", 650e6, 660e6, "USD"),
        ("between $1.2 and $1.4 billion", 1.2e9, 1.4e9, "USD"),
        ("HK$30-32 billion", 30e9, 32e9, "HKD"),
    ],
)
def test_the_ends_of_a_range_share_currency_and_scale(
    text: str, low: float, high: float, currency: str
) -> None:
    found = money(text, "en")
    assert (found.value, found.high, found.currency) == (low, high, currency)


def test_a_generation_of_networks_is_no_figure_behind_a_currency() -> None:
    assert money("a 1.2 billion euro 5G contract", "en").currency == "EUR"
