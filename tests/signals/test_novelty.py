"""Novelty: first seen wins, copies and retellings fade, denials cancel, only the past matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from markets.errors import LeakError
from signals.events.minhash import CopyIndex, signature, similarity
from signals.events.novelty import NoveltyTracker
from signals.events.schema import Event
from signals.news import NewsItem

NINE = datetime(2025, 9, 12, 9, tzinfo=UTC)
WORDS = (
    "Alibaba said on Friday it will build three data centers in Malaysia, Brazil and France this "
    "year and hire four hundred engineers for its cloud business, the company wrote in a filing."
)


class Tape:
    """Tells stories one after another and returns the novelty of their one event."""

    def __init__(self, **settings: object) -> None:
        self.tracker = NoveltyTracker(**settings)
        self.count = 0

    def tell(self, text: str, hours: float = 0, source: str = "wire", **fields: object) -> float:
        self.count += 1
        at = NINE + timedelta(hours=hours)
        item = NewsItem(f"n{self.count}", at, source, text)
        base = Event(
            event_id=f"e{self.count}",
            item_id=item.item_id,
            sentence=0,
            kind="mna",
            tickers=("9988.HK",),
            polarity=0.5,
            certainty="reported",
            available_at=at,
            rule_id="en:mna:test",
        )
        return self.tracker.see(item, [replace(base, **fields)])[0].novelty


def test_a_copy_is_a_repeat_and_fades() -> None:
    tape = Tape()
    novelties = [tape.tell(WORDS, hours) for hours in (0, 1, 2, 100)]
    assert novelties == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])


def test_a_near_copy_is_one_whatever_it_is_read_as() -> None:
    tape = Tape()
    assert tape.tell(WORDS) == 1
    assert tape.tell(WORDS.replace("Friday", "Thursday"), 1, kind="capex") == 0.5


def test_the_same_amount_in_other_words_is_the_same_story() -> None:
    tape = Tape()
    assert tape.tell("Alibaba kauft Anteil für 3,2 Mrd.", amount=3.2e9, currency="USD") == 1
    assert tape.tell("阿里巴巴收购股份", 60, amount=3.17e9, currency="USD") == 0.5
    assert tape.tell("Another stake, another sum", 61, amount=5e9, currency="USD") == 1


def test_other_words_without_a_number_are_perhaps_the_same_within_a_day() -> None:
    tape = Tape()
    assert tape.tell("Alibaba buys a chain of shops") == 1
    assert tape.tell("Konzern vor Übernahme", 3) == pytest.approx(1 / 1.5)
    assert tape.tell("全新的收购计划公布", 40) == 1


def test_other_tickers_and_kinds_are_other_stories() -> None:
    tape = Tape()
    tape.tell("Deal announced today", kind="analyst", source="a")
    assert tape.tell("Something else entirely", 1, tickers=("0700.HK",)) == 1
    assert tape.tell("Phone is out", 1, kind="product_launch") == 1


def test_a_rating_of_another_house_is_another_story() -> None:
    tape = Tape()
    at = NewsItem("x", NINE, "wire", "One house lifts its target")
    event = Event(
        "e", "x", 0, "analyst", ("9988.HK",), 0.5, "opinion", NINE, "r", source="Jefferies"
    )
    tape.tracker.see(at, [event])
    other = NewsItem("y", NINE, "wire", "Zweites Haus hebt Kursziel an")
    (seen,) = tape.tracker.see(other, [replace(event, item_id="y", source="Nomura")])
    assert seen.novelty == 1


def test_a_confirmation_is_newer_than_a_repeat() -> None:
    tape = Tape()
    assert tape.tell(WORDS, certainty="rumoured") == 1
    text = "The purchase is signed, both firms said in a filing"
    assert tape.tell(text, 30, certainty="confirmed", amount=None) == 1
    tape = Tape()
    tape.tell("Talks on a sale", certainty="rumoured", amount=1e9, currency="USD")
    assert tape.tell("Sale signed", 30, certainty="confirmed", amount=1e9, currency="USD") == (
        pytest.approx(1 / 1.5)
    )


def test_a_denial_cancels_the_rumour_and_its_later_mentions() -> None:
    tape = Tape()
    assert tape.tell("Alibaba in talks to sell a stake", certainty="rumoured") == 1
    assert tape.tell("Alibaba denies talks to sell a stake", 2, certainty="denied") == 1
    assert tape.tell("Alibaba im Gespräch über Verkauf", 30, certainty="rumoured") == 0
    assert tape.tell("Alibaba in talks to sell a stake", 31, certainty="reported") == 0
    assert tape.tell("Alibaba weist Bericht zurück", 32, certainty="denied") == 0.5
    assert tape.tell("Alibaba sells the stake after all", 40, certainty="confirmed") == 1
    assert tape.tell("Verkauf des Anteils ist fix", 41, certainty="confirmed") < 1


def test_a_denial_leaves_other_amounts_and_confirmed_stories_alone() -> None:
    tape = Tape()
    tape.tell("Stake sold for one billion", certainty="confirmed", amount=1e9, currency="USD")
    tape.tell("No plan to sell for five", 1, certainty="denied", amount=5e9, currency="USD")
    retold = tape.tell("One billion sale", 2, certainty="confirmed", amount=1e9, currency="USD")
    assert retold == 0.5
    assert tape.tell("Nine now", 3, certainty="rumoured", amount=9e9, currency="USD") == 1


def test_sentences_of_one_item_do_not_age_each_other() -> None:
    tracker = NoveltyTracker()
    item = NewsItem("a", NINE, "wire", WORDS)
    event = Event("e", "a", 0, "capex", ("9988.HK",), 0.5, "reported", NINE, "r")
    seen = tracker.see(item, [event, replace(event, event_id="f", sentence=1)])
    assert [one.novelty for one in seen] == [1, 1]
    again = tracker.see(replace(item, item_id="b"), [event])
    assert again[0].novelty == 0.5


def test_a_story_is_new_again_after_the_window() -> None:
    tape = Tape(window=timedelta(days=3))
    assert tape.tell(WORDS) == 1
    assert tape.tell(WORDS, 71) == 0.5
    assert tape.tell(WORDS, 71 + 73) == 1
    assert len(tape.tracker._copies) == 1
    assert len(tape.tracker._stories) == 1


def test_sightings_count_copies_age_and_outlets() -> None:
    tracker = NoveltyTracker()
    items = [
        NewsItem("a", NINE, "wire", WORDS),
        NewsItem("b", NINE + timedelta(hours=2), "daily", WORDS.upper()),
        NewsItem("c", NINE + timedelta(hours=3), "daily", WORDS, outlets=7),
    ]
    first, second, third = (tracker.sight(item, []) for item in items)
    assert (first.copy_of, first.copies, first.age, first.outlets) == (None, 0, timedelta(), 1)
    assert (second.copy_of, second.copies, second.outlets) == ("a", 1, 2)
    assert (third.copies, third.age, third.outlets) == (2, timedelta(hours=3), 7)


def test_out_of_order_is_a_leak() -> None:
    tape = Tape()
    tape.tell(WORDS, 1)
    with pytest.raises(LeakError, match="in the order"):
        tape.tell(WORDS, 0)


def test_a_flood_of_one_text_is_counted_not_kept() -> None:
    tape = Tape()
    novelties = [tape.tell(WORDS, number / 1_000) for number in range(5_000)]
    assert novelties[-1] == pytest.approx(1 / 5_000)
    assert len(tape.tracker._copies) == 1


def test_a_flood_of_different_stories_of_one_kind_stays_bounded() -> None:
    tape = Tape()
    for number in range(300):
        assert tape.tell(f"Deal {number}", 0, amount=2.0**number, currency="USD") == 1
    assert len(tape.tracker._stories) == 64


def test_estimated_similarity_is_that_of_the_sets() -> None:
    def grams(text: str) -> set[str]:
        return {text[start : start + 4] for start in range(len(text) - 3)}

    generator = np.random.default_rng(3)
    words = [f"word{number}" for number in range(400)]
    errors = []
    for _ in range(60):
        one = [words[place] for place in generator.integers(0, 400, 60)]
        keep = int(generator.integers(0, 60))
        other = one[:keep] + [words[place] for place in generator.integers(0, 400, 60 - keep)]
        left, right = grams(" ".join(one)), grams(" ".join(other))
        true = len(left & right) / len(left | right)
        errors.append(similarity(signature(" ".join(one)), signature(" ".join(other))) - true)
    # The standard error of 128 hashes is at most sqrt(0.25 / 128) = 0.044, of a mean of 60 0.006.
    assert abs(np.mean(errors)) < 0.02
    assert np.abs(errors).max() < 0.18


def test_an_index_lets_go_of_what_is_removed() -> None:
    index = CopyIndex()
    index.add(1, signature(WORDS))
    assert index.find(signature(WORDS.upper())) == 1
    index.remove(1)
    assert index.find(signature(WORDS)) is None
    assert index._bands == {}


@pytest.mark.parametrize("text", ["", " ", "!", "a", "中", "\ud800", "ﬀ", "\0"])
def test_the_shortest_texts_have_signatures(text: str) -> None:
    assert signature(text).shape == (128,)
    assert similarity(signature(text), signature(text)) == 1
