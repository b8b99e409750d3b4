"""Laws of moves: what is foreseen did not happen, a count is no share, a list names all firms."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.schema import Event
from signals.linking import Linker
from signals.news import NewsItem

READER = Reader(Linker(Instruments.default()))
AT = datetime(2025, 9, 12, tzinfo=UTC)
_FIRMS = {
    "Alibaba": "9988.HK",
    "Tencent": "0700.HK",
    "Xiaomi": "1810.HK",
    "Baidu": "9888.HK",
    "NetEase": "9999.HK",
    "Bilibili": "9626.HK",
}
_FIRM = st.sampled_from(sorted(_FIRMS))
_VERB = st.sampled_from(("rise", "fall", "climb", "drop", "jump", "slump", "soar", "tumble"))
_MODAL = st.sampled_from(
    ("could", "may", "might", "would", "should", "can", "will", "is set to", "is likely to")
)
_ADVERB = st.sampled_from(("", "soon ", "further ", "sharply ", "even "))
_PERCENT = st.decimals(min_value="0.1", max_value=49, places=1)


def _read(text: str, body: str = "") -> tuple[Event, ...]:
    return READER.read(NewsItem("1", AT, "test", text, body, "en"))


@given(_FIRM, _MODAL, _ADVERB, _VERB, _PERCENT)
@settings(max_examples=150)
def test_what_a_modal_foresees_did_not_happen(
    firm: str, modal: str, adverb: str, verb: str, percent: object
) -> None:
    for subject in (firm, f"{firm} shares"):
        told = _read(f"{subject} {modal} {adverb}{verb} {percent}% by Christmas")
        assert not any(event.is_reaction for event in told)


@given(_FIRM, st.sampled_from(("rose", "fell", "climbed", "dropped", "jumped")), _PERCENT)
@settings(max_examples=60)
def test_a_month_is_no_modal(firm: str, verb: str, percent: object) -> None:
    assert any(event.is_reaction for event in _read(f"{firm} shares in May {verb} {percent}%"))


@given(
    _FIRM,
    st.integers(3_000, 900_000).map(lambda number: f"{number:,}"),
    st.sampled_from(("up", "down")),
    _PERCENT,
)
@settings(max_examples=60)
def test_the_rise_of_a_count_moves_no_share(
    firm: str, count: str, way: str, percent: object
) -> None:
    told = _read(f"{firm} hands over {count} parcels in March, {way} {percent}% from a year ago")
    assert not any(event.is_reaction for event in told)


@given(
    st.permutations(sorted(_FIRMS)).map(lambda firms: firms[:4]),
    st.lists(_PERCENT, min_size=4, max_size=4),
    st.sampled_from(("up", "down")),
    st.sampled_from(("", "more than ", "nearly ", "about ")),
)
@settings(max_examples=80)
def test_a_list_of_figures_shares_its_verb(
    firms: list[str], percents: list[object], way: str, about: str
) -> None:
    first, *rest = zip(firms, percents, strict=True)
    listed = ", ".join(f"{firm} {about}{percent}%" for firm, percent in rest)
    told = _read(f"{first[0]} {way} {first[1]}%, {listed}")
    moved = {ticker for event in told if event.is_reaction for ticker in event.tickers}
    assert moved == {_FIRMS[firm] for firm in firms}
    assert all((event.polarity > 0) == (way == "up") for event in told)


@given(
    _FIRM,
    st.sampled_from(("halting", "suspending", "stopping", "ending", "scrapping")),
    st.sampled_from(("denies", "denied", "has denied")),
)
@settings(max_examples=40)
def test_a_denied_end_is_no_loss(firm: str, verb: str, denies: str) -> None:
    (event,) = _read(f"{firm} {denies} {verb} its share buyback")
    assert (event.kind, event.certainty, event.polarity > 0) == ("buyback", "denied", True)
