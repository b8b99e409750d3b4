"""The hash of a fitted model: equal exactly when everything it learned is equal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse


def digest(*parts: Any) -> str:
    """Return a sha256 over fitted estimators, arrays and plain values.

    Follows the attributes of objects, so it works on any scikit-learn estimator. Generators of
    random numbers and functions count by their type and name only.
    """
    found = hashlib.sha256()
    seen: set[int] = set()
    for part in parts:
        _feed(found, part, seen)
    return found.hexdigest()


def _feed(found: hashlib._Hash, value: Any, seen: set[int]) -> None:
    found.update(type(value).__name__.encode())
    if value is None or isinstance(value, str | bytes | int | float | complex | np.generic):
        found.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        _feed_array(found, value, seen)
    elif sparse.issparse(value):
        rows = sparse.csr_array(value)
        for array in (np.array(rows.shape), rows.indptr, rows.indices, rows.data):
            _feed_array(found, array, seen)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _feed(found, key, seen)
            _feed(found, value[key], seen)
    elif isinstance(value, list | tuple):
        _feed_each(found, value, seen)
    elif isinstance(value, set | frozenset):
        for each in sorted(value, key=repr):
            _feed(found, each, seen)
    elif isinstance(value, slice):
        found.update(repr(value).encode())
    elif callable(value) and hasattr(value, "__qualname__"):
        found.update(f"{value.__module__}.{value.__qualname__}".encode())
    elif hasattr(value, "__dict__") and id(value) not in seen:
        seen.add(id(value))
        _feed(found, {k: v for k, v in vars(value).items() if not _is_random(v)}, seen)


def _feed_each(found: hashlib._Hash, values: Sequence[Any], seen: set[int]) -> None:
    if all(type(each) is str for each in values):
        # Thousands of terms: the same bytes, handed over at once.
        found.update("".join(f"str{each!r}" for each in values).encode())
        return
    for each in values:
        _feed(found, each, seen)


def _feed_array(found: hashlib._Hash, array: np.ndarray, seen: set[int]) -> None:
    found.update(f"{array.dtype} {array.shape}".encode())
    if array.dtype.hasobject:
        _feed_each(found, array.ravel().tolist(), seen)
    elif array.dtype.names:
        # Field by field: the padding between fields holds whatever was in memory.
        for name in array.dtype.names:
            _feed_array(found, array[name], seen)
    else:
        found.update(np.ascontiguousarray(array).tobytes())


def _is_random(value: Any) -> bool:
    return isinstance(value, np.random.Generator | np.random.RandomState)
