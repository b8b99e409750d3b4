"""The scikit-learn pipeline of a fold: scaling, term weights, classifier."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from markets.errors import ConfigError
from markets.plugins import load
from signals.classifiers import ClassifierSettings
from signals.classifiers.inputs import Inputs
from signals.classifiers.terms import FoldTerms

_LARGEST_SCALED = 8.0


def classifier_of(settings: ClassifierSettings, seed: int) -> Any:
    """Return the unfitted classifier that the settings name.

    Raises
    ------
    ConfigError
        If it is unknown, does not take its parameters, or gives no class probabilities or scores.
    """
    makers = {
        "logistic": _logistic,
        "gradient_boosting": _gradient_boosting,
        "complement_nb": _complement_nb,
        "dummy": _dummy,
    }
    try:
        if settings.name in makers:
            model = makers[settings.name](settings.params, seed)
        else:
            model = load("classifiers", settings.name)(**settings.params)
            if "random_state" in model.get_params() and "random_state" not in settings.params:
                model.set_params(random_state=seed)
    except TypeError as error:
        raise ConfigError(
            f"the classifier does not take its parameters: {error}",
            given=settings.params,
            where=f"classifier.params of {settings.name}",
        ) from None
    if not (hasattr(model, "predict_proba") or hasattr(model, "decision_function")):
        raise ConfigError(
            "the classifier gives no probabilities",
            given=settings.name,
            wanted="a scikit-learn classifier with predict_proba or decision_function",
            where="classifier.name",
        )
    return model


def takes_text(settings: ClassifierSettings) -> bool:
    """Return whether the classifier is given terms: trees are not, they want few dense columns."""
    return settings.text.enabled and settings.name not in ("gradient_boosting", "dummy")


def preprocessor_of(settings: ClassifierSettings, inputs: Inputs, *, text: bool) -> Any:
    """Return the unfitted ColumnTransformer from `Inputs.matrix` to what the classifier sees.

    Features are centered and scaled by the training rows and cut at 8 standard deviations, so that
    one freak row does not decide; ComplementNB, which takes no negative values, gets them split by
    sign and scaled to [0, 1]. Trees get them as they are.
    """
    p = inputs.n_columns
    dense = FunctionTransformer(_dense, accept_sparse=True, feature_names_out="one-to-one")
    steps: list[Any] = [dense]
    if settings.name == "complement_nb":
        steps += [
            FunctionTransformer(_by_sign, feature_names_out=_signed_names),
            MaxAbsScaler(clip=True),
        ]
    elif settings.name != "gradient_boosting":
        steps += [StandardScaler(), FunctionTransformer(_cut, feature_names_out="one-to-one")]
    blocks: list[Any] = [("features", make_pipeline(*steps), slice(0, p))] if p else []
    if text:
        terms = FoldTerms(settings.text.min_rows_per_term, settings.text.max_terms)
        blocks.append(("terms", terms, slice(p, inputs.matrix.shape[1])))
    return ColumnTransformer(
        blocks,
        sparse_threshold=1.0 if text else 0.0,
        transformer_weights={"terms": math.sqrt(settings.text.weight)},
    )


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


def _cut(values: Any) -> Any:
    return np.clip(values, -_LARGEST_SCALED, _LARGEST_SCALED)


def _by_sign(values: Any) -> Any:
    return np.hstack([np.maximum(values, 0.0), np.maximum(-values, 0.0)])


def _signed_names(transformer: Any, names: Any) -> Any:
    return np.array([f"{name}{sign}" for sign in ("_up", "_down") for name in names], dtype=object)


def _logistic(params: dict[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    # A strong pull to zero: a hundred columns, a few thousand rows, little signal in them. Chosen
    # on the known-answer market, where less of it loses half of what there is to find.
    own = {"C": 0.001, "max_iter": 2000, "random_state": seed}
    return LogisticRegression(**{**own, **params})


def _gradient_boosting(params: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    own = {
        "max_iter": 100,
        "learning_rate": 0.03,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 40,
        "l2_regularization": 10.0,
        "early_stopping": False,
        "random_state": seed,
    }
    return HistGradientBoostingClassifier(**{**own, **params})


def _complement_nb(params: dict[str, Any], seed: int) -> Any:
    from sklearn.naive_bayes import ComplementNB

    return ComplementNB(**params)


def _dummy(params: dict[str, Any], seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(**{"strategy": "prior", **params})
