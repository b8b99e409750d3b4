"""The audit as text for a terminal and as a page; the verdict stands first in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backtests.metrics.bootstrap import Interval
from backtests.metrics.verdict import decimal, named, percent
from backtests.reports.table import Table
from backtests.robustness.audit import JUDGED, AuditReport
from backtests.robustness.event_study import EventStudy
from backtests.robustness.lookahead_report import POWER, LookaheadReport
from backtests.robustness.placebo import QUIET_SESSIONS, profile_shares

if TYPE_CHECKING:
    from rich.console import Console

_KINDS_SHOWN = 12


def text(report: AuditReport, *, width: int = 80, color: bool = False) -> str:
    """Return the audit as text of some columns."""
    from backtests.reports.terminal import written

    return written(lambda console: write(console, report), width=width, color=color)


def write(console: Console, report: AuditReport) -> None:
    """Write the audit on a console: verdict first."""
    from rich.text import Text

    from backtests.reports.terminal import bullet, plain, write_table

    console.print(Text(f"Audit of {plain(report.name)}", style="bold"))
    style = "bold green" if report.verdict["found"] else "bold"
    console.print(Text(report.verdict["headline"], style=style))
    for sentence in report.verdict["sentences"]:
        console.print(bullet(sentence))
    for table in tables_of(report):
        console.print()
        write_table(console, table)


def html(report: AuditReport, lookahead: LookaheadReport) -> str:
    """Return the audit as one page: the verdict, its figures, and what was tried to look ahead."""
    from backtests.reports.html_page import judged_html

    verdict = report.verdict
    tables = [*tables_of(report), *lookahead_tables(lookahead)]
    return judged_html(
        "audit",
        report.name,
        verdict["headline"],
        verdict["sentences"],
        tables,
        found=verdict["found"],
    )


def lookahead_html(name: str, lookahead: LookaheadReport) -> str:
    """Return what was tried to look ahead alone, as one page: the verdict, findings, checks."""
    from backtests.reports.html_page import judged_html

    why = "left out as asked" if lookahead.ok else "not asked of a run that looks ahead"
    sentences = [f"Whether its result could be luck was {why}.", *lookahead.limits]
    return judged_html("audit", name, lookahead.verdict, sentences, lookahead_tables(lookahead))


def tables_of(report: AuditReport) -> list[Table]:
    """Return the figures behind the verdict."""
    return [
        _placebos(report),
        _profile(report),
        _stress(report),
        _intervals(report.intervals),
        *([] if isinstance(report.studies, str) else [_studies(report.studies)]),
    ]


def _placebos(report: AuditReport) -> Table:
    rows = [
        (
            one.says,
            str(one.runs) if one.runs else one.reason,
            *("–" if one.p.get(name) is None else f"{one.p[name]:.3f}" for name in JUDGED),
            one.recomputes,
        )
        for one in report.placebos
    ]
    return Table(
        key="placebos",
        title="Placebos: p of the real run",
        columns=("<placebo", "<runs", "rank IC", "signed", "Sharpe", "net", "<recomputed"),
        rows=tuple(rows),
        note=f"p = (1 + runs at or above the real one) / (1 + runs); seed {report.seed}.",
    )


def _profile(report: AuditReport) -> Table:
    rows = [
        (
            f"{point['shift']:+d}".replace("-", "−") if point["shift"] else "0",
            decimal(point["rank_ic"], 3, sign=True),
            decimal(_bp(point["signed_return"]), 0, sign=True),
        )
        for point in report.profile
    ]
    return Table(
        key="profile",
        title="The same answers, some sessions early (−) or late (+)",
        columns=("sessions", "rank IC", "signed bp"),
        rows=tuple(rows),
        note=f"{_shares(report)}What leads knows the future: it shows what a clock that runs ahead"
        " would earn.",
    )


def _shares(report: AuditReport) -> str:
    """Return how many shifts rank at or above the run, and why that is no p."""
    told = [
        f"{count} of {runs} {name}"
        for name, (count, runs) in profile_shares(report.profile).items()
        if runs
    ]
    if not told:
        return ""
    return (
        f"At or above the run in rank IC: {', '.join(told)}. No p: there is one run a shift, and"
        " runs so near share their outcomes; the placebos shift by"
        f" {QUIET_SESSIONS} sessions and more. "
    )


def _stress(report: AuditReport) -> Table:
    rows = [
        (
            f"{cell.cost:g}×",
            str(cell.delay),
            percent(cell.net_return),
            percent(cell.alpha),
            decimal(cell.alpha_t, 1, sign=True),
        )
        for cell in report.stress.cells
    ]
    return Table(
        key="stress",
        title="Stress",
        columns=("costs", "delay", "net", "alpha a year", "its t"),
        rows=tuple(rows),
        note="Alpha over equal weight of the same stocks; the delay is in sessions.",
    )


def _intervals(intervals: Mapping[str, Interval | str]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, found in intervals.items():
        if isinstance(found, str):
            rows.append((named(name), "–", "–", "–", found))
            continue
        values = (decimal(value, 3) for value in (found.estimate, found.low, found.high))
        rows.append((named(name), *values, f"{found.block:.1f}"))
    return Table(
        key="intervals",
        title="95 % intervals, stationary bootstrap",
        columns=("<figure", "estimate", "low", "high", "mean block"),
        rows=tuple(rows),
        note="Block length by Politis and White; for the rank IC at least the horizon.",
    )


def _studies(studies: tuple[EventStudy, ...]) -> Table:
    names = ("naive", "patell", "bmp", "clustered", "kolari_pynnonen", "grank", "rank")
    rows = [
        (
            named(one.kind),
            f"{one.n:,}",
            decimal(one.mean * 1e4, 0, sign=True),
            *(_statistic(one, name) for name in names),
        )
        for one in studies[:_KINDS_SHOWN]
    ]
    more = len(studies) - _KINDS_SHOWN
    rest = f" {more} more kinds stand in the JSON." if more > 0 else ""
    return Table(
        key="event_study",
        title="Event study: test statistics",
        columns=("<kind", "n", "bp", "naive", "Patell", "BMP", "clust.", "KP", "GRANK", "rank"),
        rows=tuple(rows),
        note="Abnormal returns in the news' direction from the effective open on. The first three"
        f" tests take events for independent, the others do not.{rest}",
    )


def _statistic(study: EventStudy, name: str) -> str:
    test = study.tests[name]
    return "–" if isinstance(test, str) else decimal(test.statistic, 1, sign=True)


def _bp(value: Any) -> float | None:
    return None if value is None else float(value) * 1e4


def lookahead_tables(report: LookaheadReport) -> list[Table]:
    """Return what was found to look ahead, if anything was, and everything that was tried."""
    findings = Table(
        key="findings",
        title="Looking ahead: what was found",
        columns=("<level", "<check", "<what", "<where", "<expected", "<given"),
        rows=tuple(
            (
                one.level,
                one.check,
                one.message,
                ", ".join(part for part in (one.stage, one.column, one.row) if part),
                one.expected,
                one.given,
            )
            for one in report.findings
        ),
    )
    tried = Table(
        key="lookahead",
        title="Looking ahead: what was tried",
        columns=("<check", "<of", "<"),
        rows=tuple((one.check, one.about, one.outcome) for one in report.done),
        note="Everything decided before an instant stays the same bits whatever comes after it.",
    )
    power = Table(
        key="power",
        title="Looking ahead: detection power",
        columns=("<stage", "<compared", "chance"),
        rows=tuple(report.power),
        note=f"{POWER[0].upper()}{POWER[1:]}: 1 − (1 − share) to the number of drawn days.",
    )
    return [
        *([findings] if report.findings else []),
        tried,
        *([power] if report.reach else []),
    ]
