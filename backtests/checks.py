"""Checks: what should be known of a run beside its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.result import EngineResult
from markets.reliance import leans_on, run_warnings
from signals.decisions import Signal

Check = dict[str, str]


def checks_of(
    config: RunConfig, inputs: Inputs, signals: Sequence[Signal], engine: EngineResult
) -> tuple[Check, ...]:
    """Return every check of a run: `name`, `level` (ok, note, warning, error), `message`."""
    return (
        _clocks(inputs, signals),
        *_prices(inputs),
        *_stories(inputs),
        *_universe(config, inputs),
        *_tables(config, inputs, engine),
        *_orders(engine),
    )


def check(name: str, level: str, message: str) -> Check:
    """Return one check record."""
    return {"name": name, "level": level, "message": message}


def _clocks(inputs: Inputs, signals: Sequence[Signal]) -> Check:
    late = [s for s in signals if s.decided_at >= inputs.calendar.open_at(s.effective_session)]
    if late:
        message = f"{len(late)} signals were decided after the open they traded"
        return check("clocks", "error", message)
    return check("clocks", "ok", f"all {len(signals)} signals were decided before their open")


def _prices(inputs: Inputs) -> Iterator[Check]:
    from markets.check import adjustment_findings

    for finding in adjustment_findings(inputs.market):
        yield check("adjusted prices", finding.level, finding.message)
    dropped = Counter(row.problem for row in inputs.market.rejections)
    for problem, count in dropped.most_common():
        yield check("prices", "note", f"{count} price rows were left out: {problem}")


def _stories(inputs: Inputs) -> Iterator[Check]:
    rejected = Counter(row.problem for row in inputs.rejections if not row.kept)
    for problem, count in rejected.most_common(10):
        yield check("stories", "warning", f"{count} rows did not become a story: {problem}")
    notices = Counter(row.problem for row in inputs.rejections if row.kept)
    for problem, count in notices.most_common(10):
        yield check("stories", "note", f"{count} stories were kept with a notice: {problem}")


def _universe(config: RunConfig, inputs: Inputs) -> Iterator[Check]:
    if inputs.universe.unpriced:
        names = ", ".join(sorted(inputs.universe.unpriced))
        yield check("universe", "warning", f"without prices, never traded: {names}")
    if inputs.universe.unknown:
        names = ", ".join(sorted(inputs.universe.unknown))
        yield check("universe", "warning", f"no instrument record, never traded: {names}")
    for sentence in run_warnings(
        inputs.universe.candidates,
        config.start,
        config.end,
        instruments=inputs.instruments,
        index=inputs.universe.index,
    ):
        yield check("universe", "note", sentence)


def _tables(config: RunConfig, inputs: Inputs, engine: EngineResult) -> Iterator[Check]:
    """Say which unconfirmed market facts the fills lean on, a line a table."""
    leaning = leans_on(
        set(engine.fills["ticker"]),
        config.start,
        config.end,
        instruments=inputs.instruments,
        index=inputs.universe.index,
        plan=config.broker.costs,
    )
    by_table: dict[str, list[str]] = {}
    for row in leaning:
        by_table.setdefault(row.table, []).append(row.row)
    for table, rows in by_table.items():
        named = ", ".join(dict.fromkeys(rows))
        message = f"{len(rows)} rows no public source confirmed: {named}"
        yield check(f"{table} table", "note", message)


def _orders(engine: EngineResult) -> Iterator[Check]:
    unfilled = engine.orders[~engine.orders["status"].isin(["filled", "open"])]
    for (status, reason), group in unfilled.groupby(["status", "reason"]):
        yield check("orders", "note", f"{len(group)} orders {status}: {reason}")
