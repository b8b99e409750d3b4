"""ReturnLexicon: a scikit-learn classifier that finds the words that go with returns."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.estimator_checks import check_estimator

from signals.classifiers.lexicon import ReturnLexicon
from signals.classifiers.testing import check_classifier

GOOD, BAD, DULL = slice(0, 5), slice(5, 10), slice(10, 60)
Floats = NDArray[np.float64]


def corpus(rows: int = 3000, seed: int = 0) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Return counts, targets and returns of the model that the lexicon assumes."""
    draws = np.random.default_rng(seed)
    tone = draws.uniform(0.1, 0.9, rows)
    counts = draws.poisson(0.5, size=(rows, 60)).astype("float64")
    counts[:, GOOD] = draws.poisson(1.2 * tone[:, None], size=(rows, 5))
    counts[:, BAD] = draws.poisson(1.2 * (1.0 - tone[:, None]), size=(rows, 5))
    returns = (tone - 0.5) / 10 + draws.normal(0.0, 0.02, rows)
    return counts, (returns > 0).astype("int64"), returns


@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@pytest.mark.parametrize("model", [ReturnLexicon(), ReturnLexicon(margin=0.0, min_rows=1.0)])
def test_it_is_a_scikit_learn_classifier(model: ReturnLexicon) -> None:
    check_estimator(model)
    check_classifier(model)


def test_it_finds_the_planted_words_and_their_side() -> None:
    counts, target, returns = corpus()
    model = ReturnLexicon(margin=0.05).fit(counts, target, returns=returns)
    assert model.charged_.tolist() == list(range(10))
    assert (model.tone_[GOOD] > 0.2).all()
    assert (model.tone_[BAD] < -0.2).all()
    assert model.topics_.sum(axis=1) == pytest.approx([1.0, 1.0])
    fresh, _, came = corpus(seed=1)
    assert np.corrcoef(model.tones(fresh), came)[0, 1] > 0.35


def test_without_an_association_nothing_is_charged_and_the_base_rate_answers() -> None:
    counts, target, _ = corpus()
    shuffled = np.random.default_rng(2).permutation(target)
    model = ReturnLexicon(margin=0.1).fit(counts, shuffled)
    assert len(model.charged_) == 0
    assert model.predict_proba(counts[:5])[:, 1] == pytest.approx(shuffled.mean())


def test_the_size_of_a_return_counts_beside_its_sign() -> None:
    counts, target, returns = corpus()
    by_sign = ReturnLexicon().fit(counts, target).tone_
    by_size = ReturnLexicon().fit(counts, target, returns=returns).tone_
    assert not np.allclose(by_sign, by_size)
    ranks = ReturnLexicon().fit(counts, target, returns=np.exp(40 * returns)).tone_
    assert ranks == pytest.approx(by_size)


def test_few_charged_words_stay_near_one_half() -> None:
    counts, target, _ = corpus()
    loose, tight = (ReturnLexicon(penalty=penalty).fit(counts, target) for penalty in (0.1, 10.0))
    assert np.ptp(tight.tones(counts)) < np.ptp(loose.tones(counts)) / 3
    assert loose.tones(np.zeros((1, 60))).tolist() == [0.5]


def test_the_tone_is_where_the_penalized_likelihood_is_highest() -> None:
    counts, target, _ = corpus(400)
    model = ReturnLexicon(penalty=0.7).fit(counts, target)
    gain, loss = model.topics_
    grid = np.linspace(0.001, 0.999, 999)
    for row, tone in zip(counts[:20, model.charged_], model.tones(counts[:20]), strict=True):
        row, up, down = row[gain + loss > 0], gain[gain + loss > 0], loss[gain + loss > 0]
        mixed = grid[:, None] * up + (1 - grid[:, None]) * down
        value = (row / row.sum() * np.log(mixed)).sum(axis=1) + 0.7 * np.log(grid * (1 - grid))
        assert tone == pytest.approx(grid[np.argmax(value)], abs=1.1e-3)


def test_other_rows_change_no_bit_of_an_answer() -> None:
    counts, target, _ = corpus(500)
    model = ReturnLexicon().fit(counts, target)
    whole = model.log_odds(sparse.csr_array(counts))
    for rows in (slice(0, 1), slice(3, 10), slice(100, 117)):
        np.testing.assert_array_equal(model.log_odds(counts[rows]), whole[rows])


@pytest.mark.parametrize("wrong", [{"margin": 0.5}, {"min_rows": -1.0}, {"penalty": 0.0}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    counts, target, _ = corpus(50)
    with pytest.raises(ValueError, match="margin lies in"):
        ReturnLexicon(**wrong).fit(counts, target)
