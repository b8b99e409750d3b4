"""What is wrong with written values, key by key: pydantic's findings in words of this project."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from markets.errors import ConfigError, nearest_name

TOLD = "told"
"""Type of a problem that says what was wanted; its context has what was given and what is near."""

_INVALID = "invalid value"
_NO_PARAMETERS = ("none: it has no parameters",)
_FEW = 12
"""So many names are listed beside the nearest one; more would hide it."""

_WHOLE = "a whole number"
_NUMBER = "a number"
_FLAG = "true or false"
_DAY = "a date, as in 2025-09-12"
_LIST = 'a list, as in ["a", "b"]'
_TABLE = "a table of keys and values"
_TEXT = "a text"

_WANTED: Mapping[str, str] = {
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "finite_number": "a finite number",
    "bool_parsing": _FLAG,
    "bool_type": _FLAG,
    "string_type": _TEXT,
    "string_pattern_mismatch": "a text of the form {pattern}",
    "string_too_short": "a text of {min_length} characters or more",
    "string_too_long": "a text of {max_length} characters or fewer",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _TABLE,
    "mapping_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "{min_length} values or more",
    "too_long": "{max_length} values or fewer",
    "missing": "a value",
    "extra_forbidden": "no key of this name",
}


Model = type[BaseModel]


def explained(error: ValidationError, model: Model, place: Callable[[str], str]) -> ConfigError:
    """Return what a validation found as one error: the first in full, a line for each other.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    model : type of BaseModel
        What was validated.
    place : callable
        Dotted key to where a person finds it; the empty key is the whole.
    """
    by_key: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors():
        key = _key(problem["loc"], model)
        above = (known for known in by_key if f"{key}.".startswith(f"{known}."))
        by_key.setdefault(next(above, key), []).append(problem)
    first, *others = (_described(key, alike, model, place) for key, alike in by_key.items())
    first.also = tuple(
        f"{key}: {other.problem}"
        + (f", wanted {other.wanted}" if other.problem == _INVALID else "")
        + (f", nearest {other.nearest}" if other.nearest else "")
        for key, other in zip(list(by_key)[1:], others, strict=True)
    )
    return first


def require_known(given: Iterable[str], known: Collection[str], *, part: str, where: str) -> None:
    """Refuse a parameter that a part does not have, with the nearest that it has.

    Raises
    ------
    ConfigError
        For the first such name.

    Examples
    --------
    >>> require_known({"fst": 3}, ["fast", "slow"], part="strategy", where="strategy.params")
    Traceback (most recent call last):
    ...
    markets.errors.ConfigError: unknown parameter of the strategy
      where    strategy.params
      given    fst
      wanted   fast, slow
      nearest  fast
    """
    for name in given:
        if name not in known:
            problem = f"unknown parameter of the {part}"
            raise ConfigError.no_such(problem, name, known or _NO_PARAMETERS, where)


def wanted(problems: Sequence[ErrorDetails]) -> str:
    """Return what would have fitted, of the problems of one value.

    Examples
    --------
    >>> from pydantic import TypeAdapter, ValidationError
    >>> try:
    ...     TypeAdapter(int | tuple[str, ...]).validate_python("many")
    ... except ValidationError as error:
    ...     wanted(error.errors())
    'a whole number, or a list, as in ["a", "b"]'
    """
    return ", or ".join(dict.fromkeys(map(_wanted, problems)))


def nearest_choice(problem: ErrorDetails) -> str | None:
    """Return the allowed word most like the one given, where only some words are allowed."""
    if problem["type"] not in ("literal_error", "enum"):
        return None
    choices = re.findall(r"'([^']*)'", str(problem["ctx"]["expected"]))
    return nearest_name(str(problem["input"]), choices)


def _wanted(problem: ErrorDetails) -> str:
    form = _WANTED.get(problem["type"])
    if form is not None:
        return form.format_map({n: _bound(told) for n, told in problem.get("ctx", {}).items()})
    return problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _described(
    key: str, alike: Sequence[ErrorDetails], model: Model, place: Callable[[str], str]
) -> ConfigError:
    """Return the problems of one key as an error."""
    first = alike[0]
    if first["type"] == "extra_forbidden":
        names = _known_names(first["loc"][:-1], model)
        nearest = nearest_name(str(first["loc"][-1]), names)
        listed = len(names) <= _FEW or nearest is None
        return ConfigError(
            "unknown key",
            given=key,
            wanted="one of " + ", ".join(names) if listed else None,
            where=place(key),
            nearest=nearest,
        )
    if first["type"] == "missing":
        return ConfigError("a key is absent", wanted=f"{key} = …", where=place(""))
    told: dict[str, Any] = {"given": repr(first["input"])} if key else {}
    told |= {
        "wanted": wanted(alike),
        "nearest": next(filter(None, map(nearest_choice, alike)), None),
    }
    if first["type"] == TOLD:
        told |= {"wanted": first["msg"]} | {n: text for n, text in first["ctx"].items() if text}
    return ConfigError(_INVALID, where=place(key), **told)


def _key(location: Sequence[int | str], model: Model | None) -> str:
    """Return the dotted key of a place, without the branch of a union that pydantic adds to it."""
    parts: list[str] = []
    branches = 0
    for part in location:
        if branches > 1 and isinstance(part, str):
            branches = 0
            continue
        parts.append(str(part))
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part)) if model else None
        model = _model_in(field.annotation) if field else None
        named = get_args(field.annotation) if field and _is_union(field.annotation) else ()
        branches = sum(one is not type(None) for one in named)
    return ".".join(parts)


def _known_names(location: Sequence[int | str], model: Model | None) -> list[str]:
    for part in location:
        if isinstance(part, str):
            field = model.model_fields.get(part) if model else None
            model = _model_in(field.annotation) if field else None
    return sorted(model.model_fields) if model else []


def _model_in(annotation: Any) -> Model | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_in, get_args(annotation)) if model), None)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _bound(told: Any) -> Any:
    """Return a bound or the allowed words as a person writes them."""
    if isinstance(told, float) and told.is_integer():
        return int(told)
    return told.replace("'", "") if isinstance(told, str) else told
