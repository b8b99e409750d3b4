"""A verb said once holds for every firm that only a figure follows, whoever and however many."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.linking import Linker
from signals.news import NewsItem

_READER = Reader(Linker(Instruments.default()))
_NAMES = {
    "Alibaba": "9988.HK",
    "Tencent": "0700.HK",
    "Meituan": "3690.HK",
    "Xiaomi": "1810.HK",
    "Kuaishou": "1024.HK",
    "Baidu": "9888.HK",
}
_FIRMS = st.lists(st.sampled_from(sorted(_NAMES)), min_size=2, max_size=5, unique=True)
_FIGURE = st.integers(1, 19)


def _moves(text: str, language: str) -> dict[str, tuple[bool, bool]]:
    at = datetime(2025, 9, 12, 9, tzinfo=UTC)
    story = NewsItem("1", at, "wire", text, language=language)
    return {
        ticker: (event.is_reaction, event.polarity > 0)
        for event in _READER.read(story)
        for ticker in event.tickers
    }


@pytest.mark.parametrize(
    ("language", "first", "next_one", "rises"),
    [
        ("de", "{} verliert {} Prozent", "{} {} Prozent", False),
        ("de", "{} steigt um {} Prozent", "{} um {}", True),
        ("en", "{} fell {}%", "{} {}%", False),
    ],
)
@given(firms=_FIRMS, figures=st.lists(_FIGURE, min_size=5, max_size=5))
def test_every_firm_moves_as_the_first_does(
    language: str, first: str, next_one: str, rises: bool, firms: list[str], figures: list[int]
) -> None:
    patterns = [first, *[next_one] * (len(firms) - 1)]
    pairs = zip(patterns, firms, figures, strict=False)
    text = ", ".join(pattern.format(firm, figure) for pattern, firm, figure in pairs)
    assert _moves(text, language) == {_NAMES[firm]: (True, rises) for firm in firms}


@given(firms=st.lists(st.sampled_from(sorted(_NAMES)), min_size=2, max_size=2, unique=True))
def test_less_of_the_same_is_the_opposite(firms: list[str]) -> None:
    one, other = firms
    told = _moves(f"{one} hat im Juni mehr Autos verkauft, {other} weniger", "de")
    assert told == {_NAMES[one]: (False, True), _NAMES[other]: (False, False)}


@given(firms=st.lists(st.sampled_from(sorted(_NAMES)), min_size=2, max_size=2, unique=True))
def test_a_firm_with_a_verb_of_its_own_repeats_nothing(firms: list[str]) -> None:
    one, other = firms
    told = _moves(f"{one} fällt um 3 Prozent, {other} baut für 2 Mrd. Yuan ein Werk", "de")
    assert told[_NAMES[one]] == (True, False)
    assert told[_NAMES[other]] == (False, True)
