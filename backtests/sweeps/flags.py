"""Flags: how the values of a sweep are written on a command line or in a file."""

from __future__ import annotations

import csv
import json
import math
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from backtests.layers import parse_value
from backtests.sweeps.space import Axis, Interval, Steps, Values
from markets.errors import ConfigError, MissingDataError, UsageError, nearest_file

_TRIAL = '{"label.horizon": 3}, a line each'


def parse_axis(flag: str) -> Axis:
    """Read ``key=a,b,c``, ``key=low:high:step`` or ``key=[…]``, a TOML array.

    Examples
    --------
    >>> parse_axis("label.horizon=1,3,5").values()
    [1, 3, 5]
    >>> parse_axis("decision.long_above=0.52:0.54:0.01,0.6").values()
    [0.52, 0.53, 0.54, 0.6]
    """
    key, text = _split(flag, "--grid")
    if text.startswith("["):
        values = parse_value(text)
        if not isinstance(values, list):
            raise UsageError("the grid is no TOML array", given=text, wanted="[1, 3, 5]", where=key)
        return Axis(key, tuple(values))
    parts = [part.strip() for part in text.split(",")] if text else []
    return Axis(key, tuple(_piece(part, key) for part in parts if part))


def parse_interval(flag: str) -> Interval:
    """Read ``key=low:high`` or ``key=low:high:log``.

    Examples
    --------
    >>> parse_interval("strategy.params.max_positions=2:12").whole
    True
    """
    key, text = _split(flag, "--range")
    low, _, rest = text.partition(":")
    high, _, scale = rest.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if (
        not (ends[0] < ends[1] < math.inf)
        or scale not in ("", "log")
        or (scale == "log" and ends[0] <= 0)
    ):
        raise UsageError(
            "no interval", given=flag, wanted="KEY=LOW:HIGH or KEY=LOW:HIGH:log, LOW below HIGH"
        )
    whole = all(end.strip().lstrip("+-").isdigit() for end in (low, high))
    return Interval(key, *ends, whole=whole, log=scale == "log")


def read_rows(path: Path) -> tuple[Values, ...]:
    """Read an explicit list: a CSV with dotted keys as header, or JSON lines; a row is a trial.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ConfigError
        If a row is no set of values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise MissingDataError(
            f"the list of trials cannot be read: {reason.lower()}",
            given=path,
            wanted="a CSV or JSON lines file",
            nearest=nearest_file(path),
        ) from None
    rows: list[Values] = []
    if path.suffix == ".csv":
        for row in csv.DictReader(text.splitlines()):
            rows.append({str(k): parse_value(v) for k, v in row.items() if v not in (None, "")})
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                rows.append(_row(line, f"{path.name}:{number}"))
    if not rows:
        raise UsageError("the grid is empty", given=path, wanted="at least one row")
    return tuple(rows)


def _row(line: str, where: str) -> Values:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigError(f"no JSON: {error}", given=line, wanted=_TRIAL, where=where) from None
    if not isinstance(row, dict):
        raise ConfigError("no set of values", given=line, wanted=_TRIAL, where=where)
    return row


def _split(flag: str, option: str) -> tuple[str, str]:
    key, equals, text = flag.partition("=")
    if not equals or not key.strip():
        raise UsageError(
            "a grid needs a key and values", given=flag, wanted=f"{option} label.horizon=1,3,5"
        )
    return key.strip(), text.strip()


def _piece(text: str, key: str) -> Any:
    steps = _steps(text, key)
    return parse_value(text) if steps is None else steps


def _steps(text: str, key: str) -> Steps | None:
    parts = text.split(":")
    if len(parts) not in (2, 3):
        return None
    try:
        low, high, *rest = (Decimal(part) for part in parts)
    except InvalidOperation:
        return None
    if not rest:
        raise UsageError(
            "two ends and no step",
            given=text,
            wanted=f"LOW:HIGH:STEP, as {text}:1; or --range {key}={text} with --draws N",
            where=key,
        )
    if not all(part.is_finite() for part in (low, high, *rest)) or rest[0] == 0:
        raise UsageError("no steps", given=text, wanted="LOW:HIGH:STEP, STEP not 0", where=key)
    return Steps(low, high, rest[0])
