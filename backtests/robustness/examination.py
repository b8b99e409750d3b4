"""Examination: the state of one audit of look-ahead, and how it runs the line anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.journal import Journal
from backtests.robustness.cuts import Cut, drawn_days
from backtests.robustness.differences import Moved
from backtests.robustness.lookahead_report import Done, Leak, Reach, Unseen
from backtests.robustness.parts import forget
from backtests.robustness.traces import Memory, Trace, trace


@dataclass(eq=False)
class Examination:
    """One audit: what it runs on, and what it has found."""

    config: RunConfig
    inputs: Inputs
    seed: int
    journal: Journal
    memory: Memory
    stop_at_first: bool
    findings: list[Leak] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    reach: list[Reach] = field(default_factory=list)
    compared: int = 0

    @property
    def over(self) -> bool:
        """Whether enough was found."""
        return self.stop_at_first and any(leak.level != "note" for leak in self.findings)

    def record(self, name: str, about: str, leaks: Iterable[Leak]) -> None:
        """Keep the findings of a check, and that it was run, or had nothing to look at."""
        if self.over:
            return
        found: list[Leak] = []
        unseen = ""
        with self.journal.stage(name) as told:
            try:
                found += leaks
            except Unseen as reason:
                unseen = str(reason)
            told["findings"] = len(found)
        self.findings += found
        held = all(leak.level == "note" for leak in found)
        self.done.append(Done(name, about, None if unseen and held else held, unseen))

    def drawn(self, stage: str, days: Sequence[date], count: int) -> list[date]:
        """Return the days of a stage that are compared, and keep how many there are."""
        chosen = drawn_days(days, count, self.seed)
        self.reach.append(Reach(stage, min(count, len(days)), len(days)))
        return chosen

    def run(
        self,
        inputs: Inputs,
        *,
        start: date | None = None,
        until: Cut | None = None,
        anew: bool = False,
    ) -> Trace:
        """Run the line on other inputs; the user's own modules are imported anew.

        With `anew`, every story is read again; see `trace` for the rest.
        """
        forget(self.config)
        memory: Memory = {} if anew else self.memory
        return trace(self.config, inputs, memory, start=start, until=until)


def moved_leak(name: str, how: str, moved: Moved, cut: Cut) -> Leak:
    """Return the finding that a value decided before a cut moved."""
    return Leak(
        "leak",
        name,
        moved.stage,
        f"{how}: {moved.stage} moved",
        column=moved.column,
        row=moved.row,
        expected=moved.expected,
        given=moved.given,
        cut=str(cut.session),
        count=moved.count,
    )


def failed_leak(name: str, how: str, stage: str, error: Exception, cut: Cut) -> Leak:
    """Return the finding that a stage fails where its future is another."""
    told = f"{how}: {stage} fail with {type(error).__name__}: {error}"
    return Leak("leak", name, stage, told, cut=str(cut.session))
