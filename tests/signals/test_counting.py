"""Term counts: of a vocabulary or of buckets, each text by itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from signals.classifiers import ClassifierSettings
from signals.classifiers.counting import count_known, count_terms, words_of_buckets
from signals.features import FeatureSettings
from signals.features.testing import example
from signals.features.text import TextSettings, pooled, terms_of
from signals.labels import LabelSettings
from signals.news import NewsItem
from signals.pipeline import build_features, label, walk_forward
from signals.splits import SplitSettings
from signals.testing import news_items
from signals.text.language import LanguageGuesser

VOCABULARY = TextSettings(min_rows_per_term=1)
FEW = TextSettings(min_rows_per_term=1, terms="hashed", n_hashed=7)
MANY = FEW.model_copy(update={"n_hashed": 2**18})


def texts_of(items: list[NewsItem]) -> list[str]:
    guesser = LanguageGuesser()
    return [pooled(items[:at], guesser) for at in range(1, len(items) + 1)]


@pytest.mark.parametrize("text", [VOCABULARY, FEW, MANY], ids=["vocabulary", "few", "many"])
@given(items=news_items().filter(bool))
def test_a_text_counts_alike_alone_and_among_others(
    text: TextSettings, items: list[NewsItem]
) -> None:
    texts = texts_of(items)
    counts, names, totals = count_terms(texts, text)
    assert totals.tolist() == [len(list(terms_of(one))) for one in texts]
    assert counts.sum(axis=1).tolist() == totals.tolist()
    for at, one in enumerate(texts):
        alone = count_known([one], text, names.tolist()).toarray()[0]
        assert alone.tolist() == counts[[at]].toarray()[0].tolist()


@given(items=news_items().filter(bool))
def test_a_bucket_counts_the_words_that_are_named_for_it(items: list[NewsItem]) -> None:
    told = texts_of(items)[-1]
    said = Counter(terms_of(told))
    buckets = words_of_buckets(told, FEW)
    assert sorted(word for words in buckets.values() for word in words.split("|")) == sorted(said)
    (counts,) = count_known([told], FEW, list(buckets)).toarray().tolist()
    assert counts == [sum(said[word] for word in words.split("|")) for words in buckets.values()]


def test_the_same_word_of_two_languages_is_two_terms() -> None:
    both = "\x1ede\x1fdie\x1een\x1fdie"
    assert sorted(words_of_buckets(both, MANY).values()) == ["de:die", "en:die"]
    assert words_of_buckets("… 8,5 %", MANY) == {}


def hashed(**extra: Any) -> Any:
    tried = example(n_stories=600)
    features = build_features(tried.rows(), tried.market, FeatureSettings())
    labels = label(features, tried.market, tried.calendar, LabelSettings())
    text = TextSettings(min_train_rows=60, min_rows_per_term=3, terms="hashed", **extra)
    settings = ClassifierSettings(text=text, min_calibration_rows=20)
    split = SplitSettings(min_train_rows=60)
    return features, walk_forward(features, labels, split, settings, 1, baselines=False)


def test_hashed_words_are_explained_by_the_rows_own_and_none_of_them_is_unseen() -> None:
    features, predictions = hashed(n_hashed=16)
    shared = 0
    for at, added in zip(predictions.positions, predictions.contributions(), strict=True):
        words = [name.removeprefix("text__") for name in added or {} if name.startswith("text__")]
        own = set(terms_of(features.texts.iloc[at]))
        assert {term for column in words for term in column.split("|")} <= own
        shared += any("|" in column for column in words)
    assert shared > 20
    assert predictions.drift["unseen_terms"].isna().all()
    for report in predictions.folds:
        assert report.terms > 0
        assert not report.drift.keys() & {"unseen_terms", "unseen_terms_train"}
        assert "psi_events" in report.drift


def test_buckets_are_not_cut_to_the_most_common_ones() -> None:
    _, few = hashed(n_hashed=2**18, max_terms=3)
    assert min(report.terms for report in few.folds) > 3
    assert np.isfinite(few.values["probability"]).all()
