"""The scikit-learn pipeline of a fold: scaling, term weights, classifier."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from markets.errors import ConfigError, nearest_name
from markets.plugins import load
from markets.validation import require_known
from signals.classifiers import BUILT_IN, ClassifierSettings
from signals.classifiers.lexicon import ReturnLexicon
from signals.classifiers.stack import Folds, PurgedStack
from signals.classifiers.terms import FoldTerms

_REFUSED = re.compile(r"The '(\w+)' parameter of \w+ must be (.*)\. Got (.*) instead\.", re.DOTALL)
"""How scikit-learn words it."""
LARGEST_SCALED = 8.0
"""Standard deviations from the training mean at which a feature of a linear model is cut."""
STACKED = ("linear", "trees", "words", "lexicon")
"""Members of a stack: two that see features, two that see terms."""


def classifier_of(
    settings: ClassifierSettings,
    seed: int,
    *,
    columns: int = 0,
    text: bool = True,
    inner: Folds = (),
) -> Any:
    """Return the unfitted classifier that the settings name.

    Parameters
    ----------
    settings : ClassifierSettings
        Its name and parameters.
    seed : int
        Of whatever it draws.
    columns : int
        Feature columns; terms stand behind them. Only a stack asks.
    text : bool
        Whether there are terms at all. Only a stack asks.
    inner : sequence of (ndarray, ndarray)
        Purged inner folds of the training rows, handed to a classifier with a parameter `cv` that
        the settings leave open.

    Raises
    ------
    ConfigError
        If it is unknown, does not take its parameters, or gives no class probabilities or scores.
    """
    require_params(settings)
    try:
        if settings.name == "stack":
            model = _stack(settings, seed, columns, text)
        else:
            model = _made(settings.name, settings.params, seed)
            own = settings.name not in BUILT_IN and "random_state" in model.get_params()
            if own and "random_state" not in settings.params:
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
    if "cv" in model.get_params(deep=False) and "cv" not in settings.params and len(inner):
        model.set_params(cv=list(inner))
    return model


def require_params(settings: ClassifierSettings) -> None:
    """Refuse what the classifier has no parameter for, set or tuned, and values that do not fit.

    Raises
    ------
    ConfigError
        If there is no such classifier, or no parameter of a name, with the nearest; or if
        scikit-learn would refuse a value where the classifier is first fitted.
    """
    known = _parameters(settings.name)
    fixed = {name: [value] for name, value in settings.params.items()}
    for key, given in (("params", fixed), ("tune", settings.tune)):
        where = f"classifier.{key} of {settings.name}"
        if known is not None:
            require_known(given, known, part="classifier", where=where)
        for name, values in given.items():
            for value in values:
                _require_value(settings, name, value, where)


def _require_value(settings: ClassifierSettings, name: str, value: Any, where: str) -> None:
    if settings.name == "stack":
        return  # its own: it has no bounds declared
    try:
        model = _made(settings.name, {**settings.params, name: value}, 0)
        if hasattr(model, "_parameter_constraints"):
            model._validate_params()
    except ValueError as error:
        told = _REFUSED.fullmatch(str(error))
        raise ConfigError(
            "a parameter of the classifier does not fit" if told else str(error),
            given=told[3] if told else value,
            wanted=told[2] if told else None,
            where=f"{where}: {told[1] if told else name}",
        ) from None
    except TypeError:
        return  # one that it needs is not there: told where all are given to it


def _parameters(name: str) -> list[str] | None:
    """Return what a classifier takes by name; None where it does not say, or takes any name."""
    makers = _makers()
    if name == "stack":
        made: Any = PurgedStack
    else:
        made = type(makers[name]({}, 0)) if name in makers else _published(name)
    try:
        taken = inspect.signature(made).parameters
    except (TypeError, ValueError):  # nothing that can be called, or not written in Python
        return None
    kinds = {one.kind for one in taken.values()}
    return None if inspect.Parameter.VAR_KEYWORD in kinds else list(taken)


def wants_inner_folds(settings: ClassifierSettings) -> bool:
    """Return whether the classifier learns from inner folds: it is tuned, or takes a `cv`.

    A user's own is imported by this, tuned or not.
    """
    if settings.name in BUILT_IN:
        return bool(settings.tune) or settings.name == "stack"
    made = inspect.signature(_published(settings.name)).parameters
    return bool(settings.tune) or ("cv" in made and "cv" not in settings.params)


def takes_text(settings: ClassifierSettings) -> bool:
    """Return whether the classifier is given terms: trees are not, they want few dense columns."""
    return settings.text.enabled and settings.name not in ("gradient_boosting", "dummy")


def preprocessor_of(
    settings: ClassifierSettings, columns: int, terms: int, *, sparse: bool = True
) -> Any:
    """Return the unfitted ColumnTransformer from features and term counts to what is learned from.

    Features are centered and scaled by the training rows and cut at 8 standard deviations, so that
    one freak row does not decide; ComplementNB, which takes no negative values, gets them split by
    sign and scaled to [0, 1]. Trees and stacks get them as they are. A lexicon gets terms only; it
    and a stack get them as counts. A classifier that takes no `sparse` matrix gets a dense one.
    """
    shown = columns > 0 and settings.name != "sestm"
    counted = settings.name in ("sestm", "stack")
    dense = FunctionTransformer(_dense, accept_sparse=True, feature_names_out="one-to-one")
    steps: list[Any] = [dense]
    if settings.name == "complement_nb":
        steps += [
            FunctionTransformer(_by_sign, feature_names_out=_signed_names),
            MaxAbsScaler(clip=True),
        ]
    elif settings.name not in ("gradient_boosting", "stack"):
        steps += _scaling()
    blocks: list[Any] = [("features", make_pipeline(*steps), slice(0, columns))] if shown else []
    if terms:
        words = FoldTerms(
            settings.text.min_rows_per_term,
            settings.text.most_columns,
            scheme="counts" if counted else "tfidf",
        )
        blocks.append(("terms", words, slice(columns, columns + terms)))
    return ColumnTransformer(
        blocks,
        sparse_threshold=1.0 if terms and sparse else 0.0,
        transformer_weights={"terms": 1.0 if counted else math.sqrt(settings.text.weight)},
    )


def _scaling() -> list[Any]:
    return [StandardScaler(), FunctionTransformer(_cut, feature_names_out="one-to-one")]


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


def _cut(values: Any) -> Any:
    return np.clip(values, -LARGEST_SCALED, LARGEST_SCALED)


def _by_sign(values: Any) -> Any:
    return np.hstack([np.maximum(values, 0.0), np.maximum(-values, 0.0)])


def _signed_names(transformer: Any, names: Any) -> Any:
    return np.array([f"{name}{sign}" for sign in ("_up", "_down") for name in names], dtype=object)


def _made(name: str, params: dict[str, Any], seed: int) -> Any:
    makers = _makers()
    return makers[name](params, seed) if name in makers else _published(name)(**params)


def _makers() -> dict[str, Callable[[dict[str, Any], int], Any]]:
    return {
        "logistic": _logistic,
        "gradient_boosting": _gradient_boosting,
        "complement_nb": _complement_nb,
        "sestm": _sestm,
        "dummy": _dummy,
    }


def _published(name: str) -> Any:
    return load("classifiers", name, BUILT_IN, "classifier.name")


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


def _sestm(params: dict[str, Any], seed: int) -> Any:
    return ReturnLexicon(**params)


def _stack(settings: ClassifierSettings, seed: int, columns: int, text: bool) -> Any:
    """Return a stack of members by name: linear, trees (of features); words, lexicon (of terms)."""
    wanted = settings.params.get("members", STACKED)
    for name in wanted:
        if name not in STACKED:
            raise ConfigError(
                "a stack has no such member",
                given=name,
                wanted=f"some of {', '.join(STACKED)}",
                where="classifier.params.members",
                nearest=nearest_name(name, STACKED),
            )
    dense = FunctionTransformer(_dense, accept_sparse=True, feature_names_out="one-to-one")
    features, words = slice(0, columns), slice(columns, None)
    terms = settings.text.min_rows_per_term, settings.text.most_columns

    def member(name: str, columns: slice, steps: list[Any], last: Any) -> tuple[str, Any]:
        chosen = ColumnTransformer([(name, make_pipeline(*steps), columns)], sparse_threshold=1.0)
        return name, make_pipeline(chosen, last)

    members = []
    if columns:
        members.append(member("linear", features, [dense, *_scaling()], _logistic({}, seed)))
        members.append(member("trees", features, [dense], _gradient_boosting({}, seed)))
    if text:
        # One block of unit length a row, where the linear model of everything weighs it up.
        weighed = {"C": 0.001 * settings.text.weight}
        members.append(member("words", words, [FoldTerms(*terms)], _logistic(weighed, seed)))
        counts = FoldTerms(*terms, scheme="counts")
        members.append(member("lexicon", words, [counts], _sestm({}, seed)))
    chosen = [one for one in members if one[0] in wanted]
    if not chosen:
        raise ConfigError(
            "a stack has nothing to learn from",
            given=", ".join(wanted),
            wanted="a member of features, or enough rows for one of terms",
            where="classifier.params.members",
        )
    return PurgedStack(chosen, **{k: v for k, v in settings.params.items() if k != "members"})


def _dummy(params: dict[str, Any], seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(**{"strategy": "prior", **params})
