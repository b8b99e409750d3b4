"""Law: a name of ours in a text is a mention that counts or a line of the audit list, never both.

And what is in the list, or nowhere, makes no event.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from markets.instruments import Instruments
from signals.doubts import doubts
from signals.events.extract import Reader
from signals.linking import Linker
from signals.names import LinkingTables, names_of
from signals.news import NewsItem
from signals.text.folding import clean, fold
from signals.text.tokens import is_han

AT = datetime(2023, 6, 12, 9, tzinfo=UTC)
INSTRUMENTS = Instruments.default()
TABLES = LinkingTables.default()
LINKER = Linker(INSTRUMENTS)
READER = Reader(LINKER)
NAMES = names_of(INSTRUMENTS, TABLES)
OURS = {name for name, meanings in NAMES.items() if any(m.ticker for m in meanings)}
CYRILLIC = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")

_SPELLED = st.sampled_from(sorted(NAMES)).flatmap(
    lambda name: st.sampled_from([name, name.title(), name.upper(), name.translate(CYRILLIC)])
)
_GLUE = st.sampled_from(
    (
        " ", "", "，", ". ", "据", "的", " shares jump ", " hebt die Prognose an", "宣布回购股份",
        "方", "s ", "'s profit rises", " denies ", "-Aktie", "粥", " und ", "与", "on ", "上有人说",
        "报道", "x", "0700.HK", "O700.HK ", "٠٧٠٠.HK ", " cuts jobs", "收购", "\u200b", "&amp;",
    )
)  # fmt: skip
_TEXTS = st.lists(st.one_of(_SPELLED, _GLUE), min_size=1, max_size=9).map("".join)


def places(folded: str) -> set[tuple[int, int, str]]:
    """Find our names by another way than the linker's: one plain search each, at word edges."""

    def joins(left: str, right: str) -> bool:
        return all((c.isalnum() or c == "_") and not is_han(c) for c in (left, right))

    found = set()
    for name in (name for name in OURS if name in folded):
        for match in re.finditer(f"(?={re.escape(name)})", folded):
            start, end = match.start(), match.start() + len(name)
            if start and joins(folded[start - 1], name[0]):
                continue
            if end < len(folded) and joins(name[-1], folded[end]):
                continue
            found.add((start, end, name))
    return found


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_every_name_counts_or_is_listed(raw: str) -> None:
    _account_for(clean(raw))


def test_every_spelling_of_the_table_counts_or_is_listed() -> None:
    for name in NAMES:
        for text in (name, name.title()):
            _account_for(text)


def _account_for(text: str) -> None:
    counted = [(m.start, m.end) for m in LINKER.mentions(text, AT.date()) if m.is_believed]
    listed = [(doubt.start, doubt.end) for doubt in doubts(LINKER, text, AT.date())]
    for start, end, name in places(fold(text)):
        assert any(low <= start and end <= high for low, high in counted + listed), (name, text)


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_no_place_counts_and_is_listed(raw: str) -> None:
    text = clean(raw)
    counted = {
        place
        for mention in LINKER.mentions(text, AT.date())
        if mention.is_believed
        for place in range(mention.start, mention.end)
    }
    for doubt in doubts(LINKER, text, AT.date()):
        assert doubt.tickers
        assert not counted.issuperset(range(doubt.start, doubt.end))


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_a_name_in_the_list_makes_no_event(raw: str) -> None:
    item = NewsItem("1", AT, "wire", raw or "-") if raw.strip() else NewsItem("1", AT, "wire", "-")
    counted = {m.ticker for m in LINKER.link(item) if m.is_believed}
    for event in READER.read(item):
        assert counted.issuperset((*event.tickers, *event.related_tickers))
