"""Laws of reading: nothing breaks it, nothing but the story moves it, and no offset is lost."""

from __future__ import annotations

import html
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.scoring import Tally
from signals.linking import Linker
from signals.news import NewsItem
from signals.text.folding import clean, spellings
from signals.text.numbers import quantities
from signals.text.sentences import sentence_spans

LINKER = Linker(Instruments.default())
READER = Reader(LINKER)
AT = datetime(2025, 9, 12, tzinfo=UTC)

# Words that make trouble together: names, cues, figures, marks, scripts.
_NAMES = ("Alibaba", "Tencent", "腾讯", "小米", "騰訊", "JD.com", "Baidu-Aktie", "0700.HK", "00700")
_CUES = (
    "stieg",
    "legt",
    "zu",
    "weist",
    "zurück",
    "denies",
    "buyback",
    "nicht",
    "not",
    "不",
    "回购",
)
_MORE_CUES = (
    "收购",
    "否认",
    "zwischen",
    "und",
    "from",
    "to",
    "由",
    "至",
    "up",
    "by",
    "被",
    "durch",
)
_FIGURES = (
    "5,9",
    "%",
    "3,2",
    "Mrd.",
    "USD",
    "HK$1.5bn",
    "逾",
    "三十二亿港元",
    "亿亿亿",
    "十百千",
    "1.2.3",
)
_MARKS = (
    ".",
    ":",
    ",",
    "。",
    "，",
    "（",
    "“",
    '"',
    "'",
    "-",
    "…",
    "***",
    "(((((",
    "<",
    ">",
    "\n",
    "&amp;",
)
_ODD = ("\u200b", "\u202e", "\ud7ff", "𠀀", "İ", "ß", "ﬁ", "e\u0301", "$", "€")
_PIECES = st.sampled_from((*_NAMES, *_CUES, *_MORE_CUES, *_FIGURES, *_MARKS, *_ODD))
_TEXTS = st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=60).map(" ".join))
_TITLES = _TEXTS.filter(lambda text: bool(text.strip()))


def item(text: str, at: datetime = AT, language: str = "und") -> NewsItem:
    return NewsItem("1", at, "t", text, language=language)


@given(_TITLES, st.sampled_from(["und", "de", "en", "zh", "fr", "xx-YY", ""]))
@example("Alibaba " * 3000, "en")
@example("腾讯" * 3000, "zh")
@example("Alibaba " + "9" * 5000, "de")
@example("Tencent " + "(" * 3000 + "up", "en")
@example("Tencent legt " + "und " * 3000 + "zu", "de")
def test_any_text_is_read_without_an_error(text: str, language: str) -> None:
    for event in READER.read(item(text, language=language)):
        assert event.available_at == AT
        assert -1 <= event.polarity <= 1
        assert event.tickers
        assert event.amount is None or event.currency is None or event.amount >= 0


@given(_TEXTS)
def test_spans_lie_in_the_clean_text_in_order(text: str) -> None:
    shown = clean(text)
    spans = sentence_spans(shown)
    assert all(0 <= start < end <= len(shown) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for language in ("de", "en", "zh"):
        figures = quantities(shown, language)
        assert all(0 <= f.start < f.end <= len(shown) for f in figures)
        assert all(a.end <= b.start for a, b in pairwise(figures))


@given(_TITLES)
def test_the_filter_never_hides_a_company(text: str) -> None:
    if not LINKER.may_concern(text):
        assert not any(mention.is_believed for mention in LINKER.link(item(text)))
        assert READER.read(item(text)) == ()


# What a supplier does to a name and a person does not see.
_VEILS = ("", "", "\u200b", "\xad", "\u202e", "\x00", "&#8203;", "\ufeff")
_SPACES = (" ", "\xa0", "  ", "\t", "\u2003", "\x1f ", "&nbsp;", "<br/>")
_SPACED = [name for name in LINKER.spellings if " " in name]


@st.composite
def _veiled_names(draw: st.DrawFn) -> str:
    """Spell a name in one strange way throughout: two ways at once would betray each other."""
    name = draw(st.sampled_from(LINKER.spellings) | st.sampled_from(_SPACED))
    shape = draw(st.sampled_from([str.title, str.upper, html.escape, _wide, _traditional]))
    letters = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), shape(name))
    veiled = draw(st.sampled_from(_VEILS)).join(letters)
    spaced = veiled.replace(" ", draw(st.sampled_from(_SPACES)))
    return f"xyz {spaced}" + draw(st.sampled_from([" steigt", "公司", ""]))


def _wide(name: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "0" <= c <= "z" and c.isalnum() else c for c in name)


def _traditional(name: str) -> str:
    return spellings(name)[-1] if len(spellings(name)[-1]) == len(name) else name


@given(_veiled_names())
@settings(max_examples=400)
@example("xyz Li\xa0Auto steigt")
@example("xyz Ｔｅｎｃｅｎｔ")
@example("（00700）公司宣布")
@example("HKEX 0700 steigt")
def test_no_veil_hides_a_name_from_the_filter(text: str) -> None:
    if any(mention.is_believed for mention in LINKER.link(item(text))):
        assert LINKER.may_concern(text)


@given(_TITLES, st.sampled_from(["de", "en", "zh"]))
def test_what_comes_after_a_sentence_changes_nothing_in_it(text: str, language: str) -> None:
    alone = item(text, language=language)
    followed = replace(alone, body="xyz qrst")
    if READER.language(alone) == READER.language(followed):
        wanted = [e for e in READER.read(alone) if e.sentence == 0]
        assert [e for e in READER.read(followed) if e.sentence == 0] == wanted


@given(st.lists(_TITLES, min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_story_reads_the_same_whatever_was_read_before(texts: list[str]) -> None:
    fresh = Reader(LINKER)
    alone = [fresh.read(item(text)) for text in texts]
    together = [READER.read(item(text)) for text in reversed(texts)]
    assert alone == together[::-1]


@given(_TITLES, st.integers(0, 1_000_000))
@settings(max_examples=40)
def test_the_clock_moves_nothing_but_the_clock(text: str, minutes: int) -> None:
    later = AT + timedelta(minutes=minutes % 100)
    now = [{**e.as_dict(), "available_at": None} for e in READER.read(item(text))]
    then = [{**e.as_dict(), "available_at": None} for e in READER.read(item(text, later))]
    assert now == then


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_tallies_count_every_member_once(found: set[int], wanted: set[int]) -> None:
    tally = Tally()
    tally.count(found, wanted)
    assert tally.right + tally.wrong == len(found)
    assert tally.right + tally.missed == len(wanted)
    assert 0 <= tally.f1 <= 1
