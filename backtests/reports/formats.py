"""How single figures and words of a report are written, in every report alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from backtests.metrics.verdict import decimal, percent


def money(value: float | None) -> str:
    """Return HKD without cents."""
    return "–" if value is None else f"HKD {whole(value)}"


def whole(value: float | None, sign: bool = False) -> str:
    """Return a number without decimals, grouped by thousands."""
    return decimal(value, 0, sign)


def direction(value: int) -> str:
    """Return which way a signal points: up, down, or neither."""
    return {1: "up", -1: "down"}.get(value, "none")


def day(session: object) -> str:
    """Return an exchange date, an en dash for none."""
    stamp = pd.Timestamp(session)  # type: ignore[arg-type]
    return "–" if pd.isna(stamp) else str(stamp.date())


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return (dotted key, text) of every value of a nested mapping; what is None is left out.

    Sections come behind plain values, as in a TOML file.
    """
    found: list[tuple[str, str]] = []
    for name, value in sorted(values.items(), key=lambda item: isinstance(item[1], Mapping)):
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found += flat(value, f"{key}.")
        else:
            found += [(key, scalar(value))] if value is not None else []
    return found


def share(value: float | None) -> str:
    """Return a fraction as a percentage without its plus."""
    return percent(value).lstrip("+")


def basis_points(cost: float, traded: float) -> str:
    """Return a cost in basis points of what was traded, an en dash where nothing was."""
    return decimal(cost / traded * 10_000.0, 1) if traded else "–"


def interval_95(bounds: Sequence[float] | None) -> str:
    """Return an interval and its level; nothing where there is none.

    Examples
    --------
    >>> interval_95((-0.441, 2.37)), interval_95(None)
    ('95%: −0.44 to 2.37', '')
    """
    return f"95%: {decimal(bounds[0])} to {decimal(bounds[1])}" if bounds else ""


def scalar(value: object) -> str:
    """Return a value of a config, a manifest or a fold as a person writes it.

    Examples
    --------
    >>> scalar(1_000_000.0), scalar(-50081.36), scalar(True), scalar(None), scalar((1, 2))
    ('1,000,000', '−50,081.36', 'yes', '–', '1, 2')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.10g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
