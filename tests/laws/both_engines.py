"""One case on both engines: what each did or refused, and the demand that it is the same."""

from __future__ import annotations

from backtests.compiled.check import first_difference
from backtests.compiled.testing import Case
from backtests.engine import run_engine
from backtests.result import EngineResult
from markets.errors import NewswakeError


def run(case: Case, engine: str) -> EngineResult | tuple[str, str]:
    """Return what an engine did, or what it refused and how."""
    broker = case.arguments["broker"].model_copy(update={"engine": engine})
    try:
        return run_engine(**case.arguments | {"broker": broker})
    except NewswakeError as error:
        return type(error).__name__, error.problem


def agree(case: Case) -> EngineResult | None:
    """Demand that both engines do, or refuse, the same; return what they did."""
    reference, compiled = run(case, "backtrader"), run(case, "compiled")
    if isinstance(reference, tuple) or isinstance(compiled, tuple):
        assert reference == compiled
        return None
    assert first_difference(reference, compiled) is None
    return reference
