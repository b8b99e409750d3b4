"""One case on both engines: what each did or refused, and the demand that it is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from backtests.compiled import engine
from backtests.compiled.check import first_difference
from backtests.compiled.testing import Case
from backtests.engine import run_engine
from backtests.orders import NO_TRADE
from backtests.result import EngineResult
from markets.errors import NewswakeError

# Rows around a table, and what stands in them.
BESIDE, UNTOUCHED = 16, 77


@contextmanager
def fenced() -> Iterator[None]:
    """Demand that the kernel, which looks at no bounds, writes beside none of its tables."""
    wide: list[np.ndarray] = []

    def fence(made: Any) -> Any:
        cells = {}
        for name, table in made._asdict().items():
            if isinstance(table, np.ndarray):
                shape = (len(table) + 2 * BESIDE, *table.shape[1:])
                wide.append(np.full(shape, UNTOUCHED, dtype=table.dtype))
                wide[-1][BESIDE:-BESIDE] = table
                cells[name] = wide[-1][BESIDE:-BESIDE]
        return made._replace(**cells)

    def fencing(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: fence(make(*given, **named))

    with (
        patch.object(engine, "new_room", fencing(engine.new_room)),
        patch.object(engine, "new_book", fencing(engine.new_book)),
    ):
        yield
    for table in wide:
        assert (table[:BESIDE] == UNTOUCHED).all()
        assert (table[-BESIDE:] == UNTOUCHED).all()


def run(case: Case, engine: str) -> EngineResult | tuple[str, str]:
    """Return what an engine did, or what it refused and how."""
    broker = case.arguments["broker"].model_copy(update={"engine": engine})
    try:
        return run_engine(**case.arguments | {"broker": broker})
    except NewswakeError as error:
        return type(error).__name__, error.problem


def agree(case: Case) -> EngineResult | None:
    """Demand that both engines do, or refuse, the same; return what they did."""
    reference = run(case, "backtrader")
    with fenced():
        compiled = run(case, "compiled")
    if isinstance(reference, tuple) or isinstance(compiled, tuple):
        assert reference == compiled
        return None
    assert first_difference(reference, compiled) is None
    return reference


class Battery:
    """Many cases on both engines, and how many of them had something in which to differ.

    Attributes
    ----------
    cases : int
        How many agreed.
    seen : Counter
        Cases by what occurred in them.
    """

    def __init__(self) -> None:
        self.cases = 0
        self.seen: Counter[str] = Counter()

    def agree(self, case: Case) -> None:
        """Demand that both engines do, or refuse, the same, and look what that was."""
        result = agree(case)
        self.cases += 1
        self.seen.update(["refused"] if result is None else met(result))

    def require(self, cases: int, shares: Mapping[str, float]) -> None:
        """Demand so many cases, and of each event at least the given share of them."""
        assert self.cases >= cases
        least = {event: share * self.cases for event, share in shares.items()}
        few = {event: self.seen[event] for event in least if self.seen[event] < least[event]}
        assert not few, f"too rare in {self.cases} cases: {few}, all: {dict(self.seen)}"


def met(result: EngineResult) -> list[str]:
    """Return what occurred in a run."""
    orders, fills = result.orders, result.fills
    unfilled = orders["filled_shares"].between(0, orders["shares"], inclusive="neither")
    occurred = {
        "fill": not fills.empty,
        "rejection": orders["status"].eq("rejected").any(),
        "partial fill": unfilled.any() or fills["order_id"].duplicated().any(),
        "halt": orders["reason"].str.endswith(NO_TRADE).any(),
        "corporate action": (result.actions["kind"] != "borrow").any(),
        "expiry": orders["status"].eq("expired").any(),
        "short": result.trades["side"].eq("short").any(),
    }
    return [event for event, has in occurred.items() if has]
