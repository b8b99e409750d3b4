"""Classifiers: fitted on their rows alone, calibrated, explained in sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.utils.estimator_checks import check_estimator

from markets.errors import ConfigError, DataError
from signals.classifiers import ClassifierSettings
from signals.classifiers.build import classifier_of, require_params
from signals.classifiers.calibration import LEAST_SLOPE, calibrate
from signals.classifiers.digest import digest
from signals.classifiers.inputs import Inputs
from signals.classifiers.model import FoldModel, Outcomes, by_group, fit
from signals.classifiers.terms import FoldTerms
from signals.classifiers.testing import check_classifier
from signals.features.text import TextSettings
from tests.signals.own_classifier import scaled_again

ROWS = np.arange(300)
SEARCH = {
    "Cs": [0.01, 1.0],
    "l1_ratios": (0.0,),
    "use_legacy_attributes": False,
    "scoring": "neg_log_loss",
}
DECISIONS = ROWS // 3


def inputs(seed: int = 0) -> tuple[Inputs, Outcomes]:
    draws = np.random.default_rng(seed)
    numbers = draws.normal(size=(300, 4))
    counts = draws.poisson(0.4, size=(300, 6)).astype("float64")
    odds = numbers[:, 0] + counts[:, 0] - counts[:, 1]
    target = (odds + draws.normal(size=300) > 0).astype("int64")
    matrix = sparse.csr_array(np.hstack([numbers, counts]))
    columns = ("a__x", "a__y", "b__z", "prices__r")
    groups = {"a": columns[:2], "b": columns[2:3], "prices": columns[3:]}
    terms = np.array([*"abcdef"])
    return (
        Inputs(matrix, columns, terms, groups),
        Outcomes(
            target,
            draws.uniform(0.2, 1.0, 300),
            odds / 100,
            np.full(300, np.nan),
            odds,
            np.zeros(300, dtype=bool),
        ),
    )


def settings(name: str = "logistic", **extra: Any) -> ClassifierSettings:
    text = TextSettings(min_train_rows=50, min_rows_per_term=5)
    return ClassifierSettings(name=name, text=text, **extra)


def fitted(name: str = "logistic", **extra: Any) -> tuple[FoldModel, Outcomes]:
    given, outcomes = inputs()
    chosen = settings(name, **extra)
    return fit(chosen, given, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1), outcomes


@pytest.mark.parametrize(
    "name",
    [
        "logistic",
        "gradient_boosting",
        "complement_nb",
        "sestm",
        "stack",
        "sklearn.linear_model:SGDClassifier",
        "sklearn.ensemble:HistGradientBoostingClassifier",  # takes no sparse terms
    ],
)
def test_every_classifier_learns_answers_and_repeats_its_bits(name: str) -> None:
    boosts = "boosting" in name.lower()
    extra = {"params": {"max_iter": 20}} if boosts else {}
    model, outcomes = fitted(name, **extra)
    raw = model.log_odds(ROWS[220:], DECISIONS)
    probability = model.calibration.probability(raw)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert np.corrcoef(raw, outcomes.target[220:])[0, 1] > 0.2
    again, _ = fitted(name, **extra)
    assert again.sha256 == model.sha256
    np.testing.assert_array_equal(again.log_odds(ROWS[220:], DECISIONS), raw)


def test_rows_of_a_later_decision_change_no_bit_of_an_earlier_answer() -> None:
    # Dense columns: their product with the coefficients rounds differently with the rows at hand.
    draws = np.random.default_rng(0)
    columns = tuple(f"a__{n}" for n in range(83))
    matrix = sparse.csr_array(draws.normal(size=(300, 83)))
    given = Inputs(matrix, columns, np.empty(0, "str"), {"a": columns})
    model = fit(settings(), given, inputs()[1], ROWS[:160], ROWS[:0], DECISIONS, 1)
    whole = model.log_odds(ROWS[220:], DECISIONS)
    for end in range(223, 300):
        same = int((DECISIONS[220:end] < DECISIONS[end]).sum())
        part = model.log_odds(ROWS[220 : 220 + same], DECISIONS)
        np.testing.assert_array_equal(whole[:same], part)


@pytest.mark.parametrize("calibration", ["temperature", "sigmoid", "none"])
def test_contributions_add_up_to_the_log_odds(calibration: str) -> None:
    model, _ = fitted(calibration=calibration)
    assert model.is_linear
    odds = model.calibration.log_odds(model.log_odds(ROWS[220:], DECISIONS))
    for at in range(220, 300, 7):
        parts = model.contributions(at)
        assert sum(parts.values()) == pytest.approx(odds[at - 220], abs=1e-12)
        groups = by_group(parts)
        assert sum(groups.values()) == pytest.approx(odds[at - 220], abs=1e-12)
        assert set(groups) <= {"bias", "a", "b", "prices", "text"}


@pytest.mark.parametrize("name", ["gradient_boosting", "complement_nb", "sestm", "stack"])
def test_what_is_lost_without_each_group_adds_up_to_the_log_odds(name: str) -> None:
    params = {"max_iter": 20} if name == "gradient_boosting" else {}
    model, _ = fitted(name, params=params)
    rows = ROWS[220:]
    odds = model.calibration.log_odds(model.log_odds(rows, DECISIONS))
    reasons = model.reasons(rows, DECISIONS)
    assert [sum(parts.values()) for parts in reasons] == pytest.approx(odds.tolist(), abs=1e-12)
    groups = set().union(*reasons)
    assert groups <= {"bias", "a", "b", "prices", "text", "together"}
    assert ("text" in groups) == (name != "gradient_boosting")
    assert ("a" in groups) == (name != "sestm")
    # What decides the target in the example weighs more than what does not.
    if name != "sestm":
        heavy, light = (np.mean([abs(parts.get(g, 0.0)) for parts in reasons]) for g in "ab")
        assert heavy > 3 * light


@pytest.mark.parametrize(
    ("name", "linear"),
    [
        ("tests.signals.own_classifier:Bent", False),
        ("tests.signals.own_classifier:scaled_again", False),
        ("sklearn.linear_model:RidgeClassifier", False),
        ("sklearn.linear_model:Perceptron", True),  # scores far beyond the largest log-odds
        ("sklearn.svm:LinearSVC", True),
    ],
)
def test_reasons_add_up_whatever_the_class(name: str, linear: bool) -> None:
    model, _ = fitted(name)
    assert model.is_linear == linear
    odds = model.calibration.log_odds(model.log_odds(ROWS[220:], DECISIONS))
    reasons = model.reasons(ROWS[220:], DECISIONS)
    assert [sum(parts.values()) for parts in reasons] == pytest.approx(odds.tolist(), abs=1e-12)


@pytest.mark.parametrize(("name", "said"), [("Speechless", "no number"), ("Shouting", "of (2, 3)")])
def test_an_answer_that_is_not_one_number_a_row_is_refused(name: str, said: str) -> None:
    with pytest.raises(DataError, match="not one number a row") as caught:
        fitted(f"tests.signals.own_classifier:{name}")
    assert caught.value.where == name
    assert said in str(caught.value)


def test_a_group_that_is_neutral_already_takes_nothing_away() -> None:
    model, _ = fitted("gradient_boosting", params={"max_iter": 20})
    center = sparse.csr_array(np.r_[model.fitted.center, np.zeros(6)][None, :])
    (parts,) = model.fitted.ablations(center[:, model.places], np.array([0]))
    assert set(parts) == {"bias"}


@pytest.mark.parametrize("name", ["logistic", "sestm", "stack"])
def test_what_lies_within_the_dead_band_is_calibrated_on_but_teaches_nothing(name: str) -> None:
    given, outcomes = inputs()
    neutral = np.random.default_rng(1).random(300) < 0.3
    banded = replace(outcomes, neutral=neutral)
    flipped = replace(
        banded,
        target=np.where(neutral, 1 - outcomes.target, outcomes.target),
        scaled_return=np.where(neutral, 9.0, outcomes.scaled_return),
    )
    inner = [(ROWS[:80], ROWS[80:120]), (ROWS[:120], ROWS[120:160])]

    def learned(told: Outcomes, calibration: Any) -> FoldModel:
        chosen = settings(name)
        return fit(chosen, given, told, ROWS[:160], calibration, DECISIONS, 1, inner)

    none, block = ROWS[:0], ROWS[160:220]
    assert learned(banded, none).sha256 == learned(flipped, none).sha256
    assert learned(banded, none).sha256 != learned(outcomes, none).sha256
    assert learned(banded, block).calibration != learned(flipped, block).calibration
    with pytest.raises(DataError, match="dead band") as caught:
        learned(replace(outcomes, neutral=np.ones(300, dtype=bool)), none)
    largest = np.abs(outcomes.forward_return[:160]).max() * 1e4
    assert caught.value.given == f"160 rows, none that moved more than {largest:.0f} bp"
    assert caught.value.where == "label.dead_band_bp"


@pytest.mark.parametrize("name", ["sestm", "stack"])
def test_what_ranks_returns_ranks_the_scaled_ones(name: str) -> None:
    given, outcomes = inputs()

    def sha256(told: Outcomes) -> str:
        return fit(settings(name), given, told, ROWS[:160], ROWS[:0], DECISIONS, 1).sha256

    draws = np.random.default_rng(2)
    whole = sha256(outcomes)
    assert sha256(replace(outcomes, forward_return=draws.normal(size=300))) == whole
    assert sha256(replace(outcomes, scaled_return=draws.normal(size=300))) != whole


def test_tuning_takes_what_did_best_inside_and_counts_every_trial() -> None:
    given, outcomes = inputs()
    folds = [(ROWS[:60], ROWS[70:100]), (ROWS[:90], ROWS[100:160])]
    tuned = settings(tune={"C": [1e-9, 0.1], "max_iter": [500, 900]})
    model = fit(tuned, given, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1, folds)
    assert model.tuned.trials == 4 == len(model.tuned.losses)
    assert model.tuned.params == {"C": 0.1, "max_iter": 500}
    fixed = settings(params={"C": 0.1, "max_iter": 500})
    plain = fit(fixed, given, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1)
    assert model.sha256 == plain.sha256
    alone = fit(tuned, given, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1)
    assert (alone.tuned.trials, alone.tuned.params) == (1, {"C": 1e-9, "max_iter": 500})


def test_a_users_classifier_with_a_cv_gets_the_purged_inner_folds() -> None:
    given, outcomes = inputs()
    folds = [(ROWS[:60], ROWS[70:100]), (ROWS[:90], ROWS[100:160])]
    user = settings("sklearn.linear_model:LogisticRegressionCV", params=SEARCH)
    model = fit(user, given, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1, folds)
    assert model.fitted.classifier.scores_.shape[0] == len(folds)
    assert model.fitted.classifier.cv is None


def test_only_training_rows_are_looked_at() -> None:
    given, outcomes = inputs()
    noisy = given.matrix.toarray()
    noisy[220:] = 1e6
    other = Inputs(sparse.csr_array(noisy), given.columns, given.terms, given.groups)
    first, second = (
        fit(settings(), seen, outcomes, ROWS[:160], ROWS[160:220], DECISIONS, 1)
        for seen in (given, other)
    )
    assert first.sha256 == second.sha256


def test_words_are_left_out_of_a_small_fold() -> None:
    given, outcomes = inputs()
    small = settings().model_copy(update={"text": TextSettings(min_train_rows=161)})
    model = fit(small, given, outcomes, ROWS[:160], ROWS[:0], DECISIONS, 1)
    assert not model.text
    assert list(model.names) == list(given.columns)


def test_one_outcome_only_gives_the_base_rate() -> None:
    given, outcomes = inputs()
    ones = replace(outcomes, target=np.ones(300, dtype="int64"))
    model = fit(settings(), given, ones, ROWS[:160], ROWS[160:220], DECISIONS, 1)
    probability = model.calibration.probability(model.log_odds(ROWS[220:], DECISIONS))
    assert 0.98 < probability[0] < 1.0
    assert len(set(probability.tolist())) == 1


def test_calibration_doubts_a_wrong_model_but_never_turns_it_around() -> None:
    draws = np.random.default_rng(0)
    raw = draws.normal(size=400)
    wrong = (raw + draws.normal(size=400) < 0).astype("int64")
    weight = np.ones(400)
    for method in ("temperature", "sigmoid"):
        found = calibrate(raw, wrong, weight, method)  # type: ignore[arg-type]
        assert found.slope == pytest.approx(LEAST_SLOPE, rel=1e-3)


def test_calibration_recovers_a_known_slope_and_shift() -> None:
    draws = np.random.default_rng(1)
    raw = draws.normal(size=40_000)
    target = (draws.uniform(size=40_000) < 1 / (1 + np.exp(-(0.5 * raw + 0.3)))).astype("int64")
    found = calibrate(raw, target, np.ones(40_000), "sigmoid")
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.shift == pytest.approx(0.3, abs=0.05)


def test_fold_terms_keep_what_stands_in_enough_rows() -> None:
    counts = np.array([[1, 0, 2, 0], [3, 0, 1, 0], [1, 1, 0, 0]], dtype="float64")
    terms = FoldTerms(min_rows=2, max_terms=1).fit(counts)
    assert terms.kept_.tolist() == [0]
    terms = FoldTerms(min_rows=2, max_terms=9).fit(counts)
    assert terms.kept_.tolist() == [0, 2]
    lengths = sparse.csr_array(terms.transform(counts)).power(2).sum(axis=1)
    assert np.asarray(lengths).reshape(-1).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_fold_terms_is_a_scikit_learn_transformer() -> None:
    check_estimator(FoldTerms(min_rows=1), on_skip=None)


def test_the_digest_sees_every_learned_number() -> None:
    draws = np.random.default_rng(0)
    values, target = draws.normal(size=(50, 2)), draws.integers(0, 2, 50)
    model = LogisticRegression().fit(values, target)
    before = digest(model)
    assert before == digest(LogisticRegression().fit(values, target))
    model.coef_ = model.coef_ + 1e-15
    assert digest(model) != before


def test_a_users_classifier_is_held_to_the_rules() -> None:
    check_classifier(LogisticRegression())
    check_classifier(SGDClassifier(random_state=0))
    check_classifier(scaled_again())
    with pytest.raises(DataError, match="two fits"):
        check_classifier(SGDClassifier(max_iter=2, tol=None, random_state=None))


@pytest.mark.parametrize(
    ("name", "params", "problem"),
    [
        ("logistik", {}, "no such part"),
        ("logistic", {"Cc": 1}, "unknown parameter of the classifier"),
        ("sklearn.preprocessing:StandardScaler", {}, "no probabilities"),
        ("sklearn.linear_model:Missing", {}, "no such name"),
        ("stack", {"members": ["lexikon"]}, "no such member"),
        ("stack", {"members": ["trees"]}, "nothing to learn from"),
        ("logistic", {"C": -1.0}, "wanted   a float in the range"),
        ("sestm", {"margin": 0.9}, "margin lies in"),
        ("stack", {"members": ["lexicon"], "C": 0.0}, "wanted   a float in the range"),
        ("sklearn.svm:LinearSVC", {"C": "large"}, "wanted   a float in the range"),
        ("sklearn.neighbors:KNeighborsClassifier", {}, "no sample weights"),
    ],
)
def test_a_wrong_classifier_is_explained(name: str, params: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        classifier_of(ClassifierSettings(name=name, params=params), 1)


@pytest.mark.parametrize("key", ["params", "tune"])
@pytest.mark.parametrize(
    ("name", "given", "nearest"),
    [
        ("logistic", "max_itr", "max_iter"),
        ("gradient_boosting", "learning_rat", "learning_rate"),
        ("complement_nb", "Alpha", "alpha"),
        ("sestm", "topic", None),
        ("stack", "member", "members"),
        ("dummy", "constants", "constant"),
        ("sklearn.svm:LinearSVC", "c", "C"),
    ],
)
def test_a_name_that_is_no_parameter_is_refused_with_the_nearest(
    name: str, given: str, nearest: str | None, key: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        require_params(settings(name, **{key: {given: [1]}}))
    assert refused.value.where == f"classifier.{key} of {name}"
    assert (refused.value.given, refused.value.nearest) == (given, nearest)
    assert nearest is None or nearest in str(refused.value.wanted).split(", ")


@pytest.mark.parametrize(
    ("name", "parameter", "value", "wanted"),
    [
        ("logistic", "C", -1, "a float in the range (0.0, inf]"),
        ("gradient_boosting", "max_iter", 1.5, "an int in the range [1, inf)"),
        ("complement_nb", "norm", "yes", "an instance of 'bool'"),
        ("dummy", "strategy", "priors", "a str among"),
        ("sklearn.svm:LinearSVC", "C", "much", "a float in the range (0.0, inf)"),
    ],
)
def test_a_value_that_no_fit_would_take_is_refused_before(
    name: str, parameter: str, value: Any, wanted: str
) -> None:
    for key, given in (("params", value), ("tune", [value])):
        with pytest.raises(ConfigError) as refused:
            require_params(settings(name, **{key: {parameter: given}}))
        assert refused.value.where == f"classifier.{key} of {name}: {parameter}"
        assert wanted in str(refused.value.wanted)
        assert str(refused.value.given) == repr(value)


def test_a_classifier_that_takes_any_name_is_given_any() -> None:
    class Open(LogisticRegression):
        def __init__(self, **more: Any) -> None:
            super().__init__()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("signals.classifiers.build.load", lambda *_: Open)
        require_params(settings("mine:Open", params={"anything": 1}))
