"""A module beside a user's own part, where the part keeps things."""

from __future__ import annotations

KEPT: dict[str, float] = {}
