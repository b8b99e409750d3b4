"""Law: an answer is the same bits alone, in any batch, in any order."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from signals.classifiers import ClassifierSettings
from signals.classifiers.inputs import Inputs
from signals.classifiers.model import FoldModel, Outcomes, fit
from signals.classifiers.odds import answers_apart, line_of, log_odds_of
from signals.features.text import TextSettings

ROWS = np.arange(400)
ASKED = 300
COLUMNS = tuple(f"a__{number}" for number in range(83))
MODELS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "gradient_boosting": {"max_iter": 10},
    "complement_nb": {},
    "sestm": {},
    "stack": {},
    "dummy": {},
    "sklearn.linear_model:SGDClassifier": {"loss": "log_loss", "alpha": 1.0},
    "sklearn.linear_model:RidgeClassifier": {},
}


@cache
def model_of(name: str) -> FoldModel:
    draws = np.random.default_rng(5)
    numbers = draws.normal(size=(len(ROWS), len(COLUMNS)))
    counts = draws.poisson(0.3, size=(len(ROWS), 40)).astype("float64")
    odds = numbers[:, 0] + counts[:, 0] - counts[:, 1]
    outcomes = Outcomes(
        (odds + draws.normal(size=len(ROWS)) > 0).astype("int64"),
        draws.uniform(0.2, 1.0, len(ROWS)),
        odds / 100,
        np.full(len(ROWS), np.nan),
        odds,
        np.zeros(len(ROWS), dtype=bool),
    )
    terms = np.array([f"w{number:02d}" for number in range(40)])
    matrix = sparse.csr_array(np.hstack([numbers, counts]))
    given = Inputs(matrix, COLUMNS, terms, {"a": COLUMNS})
    chosen = ClassifierSettings(
        name=name,
        params=MODELS[name],
        text=TextSettings(min_train_rows=50, min_rows_per_term=5),
    )
    return fit(chosen, given, outcomes, ROWS[:240], ROWS[240:ASKED], ROWS // 4, 1)


@cache
def whole_of(name: str) -> np.ndarray:
    return model_of(name).log_odds(ROWS[ASKED:], ROWS // 4)


@pytest.mark.parametrize("name", MODELS)
@given(chosen=st.lists(st.integers(ASKED, len(ROWS) - 1), min_size=1, max_size=60, unique=True))
@settings(max_examples=15)
def test_a_row_is_answered_the_same_in_every_company(name: str, chosen: list[int]) -> None:
    rows = np.array(chosen)
    found = model_of(name).log_odds(rows, ROWS // 4)
    np.testing.assert_array_equal(found, whole_of(name)[rows - ASKED])


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_answered_the_same_alone(name: str) -> None:
    model = model_of(name)
    rows = range(ASKED, len(ROWS), 3)
    alone = [model.log_odds(ROWS[row : row + 1], ROWS // 4)[0] for row in rows]
    np.testing.assert_array_equal(alone, whole_of(name)[::3])


def test_log_odds_added_up_by_row_are_the_classifiers_own_to_rounding() -> None:
    for name in ("logistic", "complement_nb", "sklearn.linear_model:SGDClassifier"):
        model = model_of(name)
        classifier = model.fitted.classifier
        seen = model.fitted.preprocessor.transform(model.matrix(ROWS[ASKED:]))
        if hasattr(classifier, "decision_function"):
            own = classifier.decision_function(seen)
        else:
            logs = classifier.predict_log_proba(seen)
            own = logs[:, 1] - logs[:, 0]
        assert line_of(classifier) is not None
        np.testing.assert_allclose(log_odds_of(classifier, seen), own, rtol=1e-9, atol=1e-9)


class Centered(LogisticRegression):
    """A user's own: scores against the mean of whatever rows it is shown."""

    def decision_function(self, X: Any) -> Any:
        scores = super().decision_function(X)
        return scores - scores.mean()


def test_a_class_that_answers_in_its_own_way_is_not_taken_for_one_that_does_not() -> None:
    draws = np.random.default_rng(0)
    values, target = draws.normal(size=(60, 4)), draws.integers(0, 2, 60)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, target)
    assert answers_apart(plain)
    for doubtful in (
        Centered(),
        make_pipeline(PCA(2), LogisticRegression()),
        make_pipeline(FunctionTransformer(lambda x: x - x.mean()), LogisticRegression()),
    ):
        assert not answers_apart(doubtful.fit(values, target)), doubtful
