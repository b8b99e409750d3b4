"""Finding: one thing a check has to say, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    level : {"error", "warning", "note"}
        An error falsifies a backtest; a warning may; a note is good to know.
    kind : str
        Which test found it.
    where : str
        Ticker, index, file and row, or what else it is about.
    message : str
        What was found, with dates and numbers.
    count : int
        How many rows, sessions or stories it is about.
    """

    level: Level
    kind: str
    where: str
    message: str
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON-ready fields."""
        return {
            "level": self.level,
            "kind": self.kind,
            "where": self.where,
            "message": self.message,
            "count": self.count,
        }
