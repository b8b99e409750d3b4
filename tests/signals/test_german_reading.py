"""What German sentences ask for: verbs at the end, particles, subjects behind their verbs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from markets.instruments import Instruments
from signals.events.extract import Reader
from signals.events.lexicon import Lexicon, conjugated
from signals.events.schema import Event
from signals.linking import Linker
from signals.news import NewsItem

_VERBS = {"nimmt": "nehmen nahm genommen", "baut": "bauen baute gebaut"}
_WORDS = Lexicon.default().words["de"]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Linker(Instruments.default()))


def read(reader: Reader, text: str) -> tuple[Event, ...]:
    at = datetime(2025, 9, 12, 9, tzinfo=UTC)
    return reader.read(NewsItem("1", at, "wire", text, language="de"))


def told(reader: Reader, text: str) -> set[tuple[str, str, int, bool]]:
    return {
        (
            event.kind,
            ticker,
            (event.polarity > 0) - (event.polarity < 0),
            event.certainty == "denied",
        )
        for event in read(reader, text)
        for ticker in event.tickers
    }


def test_a_phrase_has_all_forms_of_its_verb() -> None:
    forms = conjugated(["nimmt … unter die lupe"], _VERBS, _WORDS)
    assert {"nahmen … unter die lupe", "unter die lupe genommen", "unter die lupe zu nehmen"} <= {
        *forms
    }


def test_a_particle_joins_its_verb_at_the_end() -> None:
    assert {"stellen abgebaut", "stellen abzubauen"} <= {
        *conjugated(["baut … stellen ab"], _VERBS, _WORDS)
    }


@pytest.mark.parametrize("cue", ["nimmt", "baut auf", "prüft … verkauf", "nimmt sich … vor"])
def test_what_has_no_end_or_no_verb_gets_no_form_at_the_end(cue: str) -> None:
    rest = cue.partition(" ")[2].removeprefix("… ")
    assert not [
        form for form in conjugated([cue], _VERBS, _WORDS) if rest and form.startswith(rest)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # a pronoun stands for the firm before it; whom one does it with does not do it
        (
            "Haltlos nennt Baidu den Bericht, man entwickle mit Samsung einen eigenen Chip",
            {("chip_selfdev", "9888.HK", -1, True)},
        ),
        # behind its verb a firm is still the doer
        (
            "Während Li Auto die Prognose senkt, traut sich Leapmotor mehr zu",
            {("guidance", "2015.HK", -1, False), ("guidance", "9863.HK", 1, False)},
        ),
        # a denied end is good news, a "nicht" that closes the clause denies it
        ("Zhipu: Bericht über Absage des Börsengangs ist falsch", None),
        (
            "An einem Verkauf seiner Lidar-Sparte arbeitet Horizon Robotics nicht",
            {("mna", "9660.HK", -1, True)},
        ),
        # two ratings in one breath
        (
            "Citi stuft Alibaba hoch und Meituan ab",
            {("analyst", "9988.HK", 1, False), ("analyst", "3690.HK", -1, False)},
        ),
        # a shop is not bought, a supplier is somebody else, libel is no denial
        ("Junge Leute kaufen auf Taobao und Bilibili Plüschtiere", set()),
        ("Krones gewinnt Kunden in China, darunter ein Tencent-Zulieferer", set()),
        (
            "Meituan verklagt Alibaba wegen Verleumdung",
            {("legal", "3690.HK", 1, False), ("legal", "9988.HK", -1, False)},
        ),
    ],
)
def test_sentences(
    reader: Reader, text: str, wanted: set[tuple[str, str, int, bool]] | None
) -> None:
    if wanted is None:
        assert {denied for _, _, _, denied in told(reader, text)} == {True}
    else:
        assert told(reader, text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Die Aktie von BYD könnte auf 200 HKD steigen",
        "Die Zahlen von Meituan dürften tiefrot ausfallen, die Aktie wird wohl fallen",
        "E Fund gibt 1,2 Millionen Aktien von SMIC ab",
        "Der Gründer von Bilibili steigt nicht aus",
    ],
)
def test_what_has_not_happened_is_no_reaction(reader: Reader, text: str) -> None:
    assert not [event for event in read(reader, text) if event.is_reaction]


def test_both_sides_of_a_verdict_have_its_sum(reader: Reader) -> None:
    events = read(
        reader, "Gericht gibt Netease recht: Kingsoft muss 50 Mio. Yuan Schadenersatz zahlen"
    )
    sums = {ticker: event.amount for event in events for ticker in event.tickers}
    assert sums == {"9999.HK": 5e7, "3888.HK": 5e7}
