"""Where a promise is first broken: one finding for a column of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from backtests.robustness.lookahead_report import Leak


def breach(
    stage: str,
    check: str,
    names: Sequence[object] | pd.Index,
    broken: np.ndarray,
    column: str,
    given: np.ndarray,
    expected: np.ndarray,
    message: str,
) -> Iterator[Leak]:
    """Yield one leak that names the first broken value of a column, none if all hold."""
    if broken.any():
        place = int(np.argmax(broken))
        yield Leak(
            "leak",
            check,
            stage,
            message,
            column=column,
            row=row_name(names, place),
            given=str(given[place]),
            expected=str(expected[place]),
            count=int(broken.sum()),
        )


def row_name(names: Sequence[object] | pd.Index, place: int) -> str:
    """Return the name of a row: its decision instant and ticker, where it has them."""
    name = names[place]
    if isinstance(name, tuple):
        return f"{name[0]:%Y-%m-%d %H:%M} {name[1]}"
    return str(name)
