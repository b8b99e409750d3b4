"""Which kinds of story there are, how sure they can be, and which of them can be denied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Certainty = Literal["confirmed", "reported", "rumoured", "denied"]

PLANNED = (
    "earnings",
    "guidance",
    "financing",
    "buyback",
    "mna",
    "product_launch",
    "chip_selfdev",
    "capex",
    "regulation",
    "analyst",
    "index_change",
    "management",
    "legal",
    "partnership",
    "order_supply",
    "export_control",
    "incident",
    "ownership",
)
"""Kinds of forward news, all equally likely and as often good as bad."""

BACKGROUND = ("buyback", "capex", "guidance", "partnership", "product_launch", "regulation")
"""Kinds that are told once more as history."""

DENIABLE: Mapping[str, float] = {
    "mna": -1.0,
    "partnership": -1.0,
    "financing": 1.0,
    "regulation": 1.0,
    "management": 1.0,
    "order_supply": 1.0,
}
"""Polarity of a denial by kind: to deny a takeover is bad news, to deny a probe is good news."""

SIZE: Mapping[Certainty, float] = {
    "confirmed": 1.0,
    "reported": 0.8,
    "rumoured": 0.5,
    "denied": 1.0,
}
"""Size of the polarity by certainty."""

_RUMOURED = frozenset(
    {"capex", "chip_selfdev", "financing", "management", "mna", "order_supply", "ownership"}
    | {"partnership", "product_launch"}
)
_ALWAYS_CONFIRMED = frozenset({"analyst", "earnings", "index_change"})
_RUMOURED_PERCENT = 20
_REPORTED_UP_TO_PERCENT = 45


def certainty_of(kind: str, draw: int) -> Certainty:
    """Return how sure a story of a kind is, for a draw from 0 to 99."""
    if kind in _ALWAYS_CONFIRMED:
        return "confirmed"
    if kind in _RUMOURED and draw < _RUMOURED_PERCENT:
        return "rumoured"
    return "reported" if draw < _REPORTED_UP_TO_PERCENT else "confirmed"
