"""Checks: what should be known of a run beside its figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backtests.ambiguous import CountingReader, unread_sentence
from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.orders import BUY_IN
from backtests.result import EngineResult
from markets.designated import DesignatedList
from markets.reliance import leans_on, run_warnings
from markets.wording import counted
from signals.decisions import DecisionSettings, Signal, thresholds_of
from signals.splits import SplitSettings

if TYPE_CHECKING:
    from markets.hk.actions import KnownAction
    from signals.answers import FoldReport

Check = dict[str, str]
HEED_SIZE = ("event_hold", "top_ranked")
"""Built-in strategies whose positions are as small as their signals."""


def checks_of(
    config: RunConfig,
    inputs: Inputs,
    signals: Sequence[Signal],
    engine: EngineResult,
    memory: Mapping[str, int | None],
    folds: Sequence[FoldReport],
    left_out: CountingReader | None = None,
) -> tuple[Check, ...]:
    """Return every check of a run: `name`, `level` (ok, note, warning, error), `message`.

    Parameters
    ----------
    config, inputs, signals, engine
        Of the run.
    memory : mapping of str to int or None
        Sessions that each feature group looks back, as its `FeatureFrame` has them.
    folds : sequence of FoldReport
        What each fold learned from.
    left_out : CountingReader, optional
        What the reading of the stories left out.
    """
    return (
        _clocks(inputs, signals),
        *_embargo(config.split, memory),
        *_thresholds(config.decision, folds),
        *_sized_down(config, signals),
        *_prices(config, inputs),
        *_actions(config, inputs),
        *_stories(inputs),
        *reading(left_out),
        *_universe(config, inputs),
        *_tables(config, inputs, engine),
        *_orders(engine),
        *_shorts(config, signals, engine),
    )


def check(name: str, level: str, message: str) -> Check:
    """Return one check record."""
    return {"name": name, "level": level, "message": message}


def _clocks(inputs: Inputs, signals: Sequence[Signal]) -> Check:
    late = [s for s in signals if s.decided_at >= inputs.calendar.open_at(s.effective_session)]
    if late:
        message = f"{counted(len(late), 'signal')} decided after the open they traded"
        return check("clocks", "error", message)
    return check(
        "clocks", "ok", f"{counted(len(signals), 'signal')}, all decided before their open"
    )


def _embargo(split: SplitSettings, memory: Mapping[str, int | None]) -> Iterator[Check]:
    """Say whether features of a test row can rest on what a training row rested on."""
    silent = [name for name, sessions in memory.items() if sessions is None]
    if silent:
        message = f"says not how far it looks back, counted as nowhere: {', '.join(silent)}"
        yield check("embargo", "warning", message)
    slowest, longest = max(
        ((name, sessions or 0) for name, sessions in memory.items()),
        key=lambda pair: pair[1],
        default=("", 0),
    )
    stated = split.embargo_sessions
    kept = max(longest if stated is None else stated, split.story_sessions)
    if kept < longest:
        message = f"stated as {kept} sessions, but {slowest} looks {longest} sessions back"
        yield check("embargo", "warning", message)
    else:
        message = f"{kept} sessions between training and test; the slowest feature looks {longest}"
        yield check("embargo", "ok", f"{message} back")
    if not split.story_sessions and kept < SplitSettings().story_sessions:
        message = f"split.story_sessions = 0 and {counted(kept, 'session')} between training and"
        message += " test: a story that comes again later can be learned from and tested"
        yield check("embargo", "warning", message)


def _thresholds(settings: DecisionSettings, folds: Sequence[FoldReport]) -> Iterator[Check]:
    """Say where abstention ended, where that was chosen: nobody has set it."""
    chosen = [thresholds_of(fold, settings) for fold in folds if not fold.calibration_sample.empty]
    if settings.threshold == "fixed" or not chosen:
        return
    sides = (
        _side("long from", [one.long_above for one in chosen]),
        _side("short to", [one.short_below for one in chosen]),
    )
    abstains = any("in none of" in side or "not in" in side for side in sides)
    message = f"chosen in each fold for its edge net of costs: {'; '.join(sides)}"
    yield check("thresholds", "note" if abstains else "ok", message)


def _side(says: str, bounds: Sequence[float]) -> str:
    known = [bound for bound in bounds if math.isfinite(bound)]
    missing = len(bounds) - len(known)
    folds = counted(len(bounds), "fold")
    if not known:
        return f"{says} no probability, in none of {folds} would it have earned its costs"
    span = f"{says} {min(known):.3f}" + (f" … {max(known):.3f}" if len(known) > 1 else "")
    return f"{span}, not in {missing} of {folds}" if missing else span


def _sized_down(config: RunConfig, signals: Sequence[Signal]) -> Iterator[Check]:
    """Say how many decisions drift made smaller, where that is switched on."""
    if not config.decision.size_down:
        return
    acting = [signal for signal in signals if signal.direction != 0]
    smaller = sum(signal.size < 1.0 for signal in acting)
    message = (
        f"{smaller:,} of {counted(len(acting), 'signal')} to act on sized down to"
        f" {config.decision.size_down_to:g}"
    )
    if config.strategy.name not in HEED_SIZE:
        message += f"; {config.strategy.name} trades smaller only if it heeds a signal's size"
    yield check("drift", "note" if smaller else "ok", message)


def _prices(config: RunConfig, inputs: Inputs) -> Iterator[Check]:
    from markets.check import adjustment_findings, end_findings

    for finding in end_findings(inputs.market, inputs.calendar, config.end):
        yield check("prices", finding.level, finding.message)
    for finding in adjustment_findings(inputs.market):
        yield check("adjusted prices", finding.level, finding.message)
    dropped = Counter(row.problem for row in inputs.market.rejections)
    for problem, count in dropped.most_common():
        yield check("prices", "note", f"rows left out, {count}: {problem}")


def _actions(config: RunConfig, inputs: Inputs) -> Iterator[Check]:
    """Say which corporate actions do not show, cannot be held, or come from our own table."""
    from markets.actions import all_columns
    from markets.bar_checks import check_jumps

    market, name = inputs.market.between(config.start, config.end), "corporate actions"
    table = all_columns(market.actions)
    for ticker in sorted(set(table.loc[table["ratio"] != 1.0, "ticker"]) & set(market.bars)):
        for finding in check_jumps(ticker, market):
            if finding.level == "error":
                yield check(name, "error", f"{ticker}: {finding.message}")
    for row in table[~table["in_specie_ticker"].isin(["", *market.bars])].itertuples():
        message = (
            f"{row.ticker} distributed shares of {row.in_specie_ticker} on {row.ex_date:%Y-%m-%d}, "
            "which has no prices here: a holder gets nothing for them, and loses their worth"
        )
        if config.broker.short.enabled:
            message += "; a short pays nothing for them, and gains it"
        yield check(name, "warning", message)
    for action in counted_actions(config, inputs):
        yield check(name, "note", f"counted: {action.label} (from our own table)")


def counted_actions(config: RunConfig, inputs: Inputs) -> list[KnownAction]:
    """Return the actions of the project's own table that a run's prices were completed with."""
    from markets.hk.actions import known_actions

    if config.prices.source == "synthetic" or not config.prices.known_actions:
        return []
    table = inputs.market.actions
    keys = set(zip(table["ticker"], (day.date() for day in table["ex_date"]), strict=True))
    return [
        action
        for action in known_actions()
        if config.start <= action.ex_date <= config.end and (action.ticker, action.ex_date) in keys
    ]


def _stories(inputs: Inputs) -> Iterator[Check]:
    rejected = Counter(row.problem for row in inputs.rejections if not row.kept)
    for problem, count in rejected.most_common():
        yield check("stories", "warning", f"rows that did not become a story, {count}: {problem}")
    if inputs.repeated:
        message = f"rows that tell a story again, word for word, {inputs.repeated:,}: counted once"
        yield check("stories", "note", message)
    notices = Counter(row.problem for row in inputs.rejections if row.kept)
    for problem, count in notices.most_common():
        yield check("stories", "note", f"stories kept with a notice, {count}: {problem}")


def reading(left_out: CountingReader | None) -> Iterator[Check]:
    """Say which languages stayed unread, and which names were too ambiguous to make an event."""
    if left_out is None:
        return
    if left_out.unread:
        yield check("languages", "note", unread_sentence(left_out.unread, most=20))
    else:
        yield check("languages", "ok", "every story of ours is in a language that is read")
    level = "note" if left_out.ambiguous.names else "ok"
    yield check("ambiguous names", level, left_out.ambiguous.sentence())


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
        yield check("universe", "warning", sentence)


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
    counted = {(action.ticker, action.ex_date) for action in counted_actions(config, inputs)}
    by_table: dict[str, list[str]] = {}
    for row in leaning:
        if row.table == "actions" and (row.row, row.valid_from) not in counted:
            continue
        by_table.setdefault(row.table, []).append(row.row)
    for table, rows in by_table.items():
        named = ", ".join(dict.fromkeys(rows))
        message = f"no public source confirmed {len(rows)} of the rows it leans on: {named}"
        yield check(f"{table} table", "note", message)


def _shorts(config: RunConfig, signals: Sequence[Signal], engine: EngineResult) -> Iterator[Check]:
    """Say what kept a run from its shorts, ended them by force, or left it in debt."""
    name, settings = "short selling", config.broker.short
    if not settings.enabled or settings.designated is None:
        return
    listed = DesignatedList.read(Path(settings.designated))
    short = [signal for signal in signals if signal.direction == -1]
    missed = sum(not listed.has(each.ticker, each.effective_session) for each in short)
    if missed:
        message = f"{missed} of {len(short)} short signals in stock not designated on their day"
        yield check(name, "note", message)
    forced = int(engine.orders["reason"].str.startswith(BUY_IN).sum())
    if forced:
        yield check(name, "warning", f"{forced} orders by force: {BUY_IN}")
    debt = int((engine.equity["cash_hkd"] < 0.0).sum())
    if debt:
        message = f"cash was below zero at {debt} closes, lent by nobody and free of interest here"
        yield check(name, "error", message)


def _orders(engine: EngineResult) -> Iterator[Check]:
    unfilled = engine.orders[~engine.orders["status"].isin(["filled", "open"])]
    for (status, reason), group in unfilled.groupby(["status", "reason"]):
        yield check("orders", "note", f"{counted(len(group), 'order')} {status}: {reason}")
