"""LookaheadReport: what an audit found, in words for people and in fields for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from backtests.robustness.cuts import chance_of_meeting
from markets.errors import LeakError
from markets.wording import counted

Level = Literal["leak", "suspect", "note"]


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing the audit found.

    Attributes
    ----------
    level : {"leak", "suspect", "note"}
        A leak is shown: a decision moved with what came after it, or a promise is broken. A suspect
        is a pattern in the data that honest data hardly ever have. A note is good to know and fails
        nothing.
    check : str
        Which check found it.
    stage : str
        The first stage of the line it shows in.
    message : str
        What was found, in a sentence.
    column, row : str
        Where in the stage.
    expected, given : str
        Both values, written so that two different floats look different.
    cut : str
        Session whose decisions were compared, where there was one.
    count : int
        How many values moved, or rows are concerned.
    """

    level: Level
    check: str
    stage: str
    message: str
    column: str = ""
    row: str = ""
    expected: str = ""
    given: str = ""
    cut: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """One check that was run.

    Attributes
    ----------
    check, about : str
        Its name, and what it compared or tested.
    held : bool or None
        None where there was nothing to look at.
    unseen : str
        Why there was nothing, else empty.
    """

    check: str
    about: str
    held: bool | None
    unseen: str = ""

    @property
    def outcome(self) -> str:
        """Return what came of it, in words."""
        if self.held is None:
            return f"nothing to look at: {self.unseen}"
        return "held" if self.held else "broken"


class Unseen(Exception):
    """A check has nothing to look at here, and why."""


RARE = 20
"""Sessions on one of which a rare leak acts: the power of an audit is stated for such a one."""
POWER = f"least chance to meet a leak that acts on 1 of {RARE} sessions, by stage"


@dataclass(frozen=True, slots=True)
class Reach:
    """At how many days a stage was compared: what a leak that acts on few days must hit.

    Attributes
    ----------
    stage : str
        What was compared.
    compared, among : int
        Drawn days, and from how many.
    """

    stage: str
    compared: int
    among: int

    @property
    def chance(self) -> float:
        """Least chance that a leak is met which acts on one of `RARE` sessions."""
        return chance_of_meeting(1.0 / RARE, self.compared, self.among)


@dataclass(frozen=True, eq=False)
class LookaheadReport:
    """What an audit tried and what it found.

    Attributes
    ----------
    findings : tuple of Leak
        Leaks first, then suspects, then notes.
    done : tuple of Done
        Every check that was run.
    cuts : tuple of str
        Sessions at which the future was taken away or poisoned.
    seed : int
        Of the cuts and poisons.
    compared : int
        Values that were compared bit by bit.
    limits : tuple of str
        What an audit cannot see.
    reach : tuple of Reach
        At how many days each stage was compared.
    """

    findings: tuple[Leak, ...]
    done: tuple[Done, ...]
    cuts: tuple[str, ...]
    seed: int
    compared: int
    limits: tuple[str, ...] = field(default=())
    reach: tuple[Reach, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing but notes was found."""
        return all(finding.level == "note" for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Return the result in one sentence."""
        if self.ok:
            return (
                f"No look-ahead found: {self.compared:,} values decided before "
                f"{counted(len(self.cuts), 'cut')} stayed the same bit by bit, "
                f"{sum(one.held is True for one in self.done)} checks held."
            )
        first = self.findings[0]
        word = "Look-ahead" if first.level == "leak" else "Suspected look-ahead"
        return f"{word}, first in {first.stage}: {first.message}"

    @property
    def power(self) -> list[tuple[str, str, str]]:
        """Return, for each stage, its days and the least chance to meet a rare leak, in words."""
        return [
            (
                one.stage,
                f"all {counted(one.among, 'session')}"
                if one.compared >= one.among
                else f"{one.compared} of {counted(one.among, 'session')}",
                f"{one.chance:.0%}",
            )
            for one in self.reach
        ]

    def require(self) -> None:
        """Raise what was found first.

        Raises
        ------
        LeakError
            If there is a leak or a suspect.
        """
        if self.ok:
            return
        first = self.findings[0]
        place = [first.stage, first.column, first.row]
        raise LeakError(
            f"{first.check}: {first.message}",
            given=first.given or None,
            wanted=first.expected or None,
            where=", ".join(part for part in place if part),
        )

    def as_dict(self) -> Mapping[str, Any]:
        """Return the report as JSON-ready fields."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "cuts": list(self.cuts),
            "seed": self.seed,
            "compared_values": self.compared,
            "findings": [asdict(finding) for finding in self.findings],
            "checks": [asdict(done) for done in self.done],
            "power": [
                {**asdict(one), f"chance_1_in_{RARE}": round(one.chance, 4)} for one in self.reach
            ],
            "limits": list(self.limits),
        }

    def text(self) -> str:
        """Return the report as plain text: the verdict first, findings, checks, limits."""
        lines = [self.verdict, ""]
        for finding in self.findings:
            lines += _told(finding)
        lines.append(f"checks ({len(self.done)}), seed {self.seed}, cuts {', '.join(self.cuts)}")
        for done in self.done:
            mark = "-" if done.held is None else "held" if done.held else "BROKE"
            why = f" ({done.outcome})" if done.unseen else ""
            lines.append(f"  {mark:<5}  {done.check}: {done.about}{why}")
        if self.reach:
            lines += ["", POWER]
            lines += [f"  {stage:<24} {days:<22} {met}" for stage, days, met in self.power]
        if self.limits:
            lines += ["", "what this cannot see"]
            lines += [f"  {limit}" for limit in self.limits]
        return "\n".join(lines) + "\n"


def _told(finding: Leak) -> list[str]:
    lines = [f"{finding.level.upper()}  {finding.check}: {finding.message}"]
    for name in ("stage", "column", "row", "expected", "given", "cut"):
        value = getattr(finding, name)
        if value:
            lines.append(f"    {name:<9} {value}")
    if finding.count > 1:
        lines.append(f"    {'in all':<9} {finding.count:,}")
    return [*lines, ""]
