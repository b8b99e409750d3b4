"""What is wrong with prices, and with the clocks of news, before anybody stands on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pandas as pd

from markets.bar_checks import (
    check_drawn_bars,
    check_jumps,
    check_lent_opens,
    check_stale_closes,
)
from markets.findings import Finding
from markets.news_clocks import NewsClock, check_news_clocks
from markets.prices import MarketData
from markets.wording import counted

# Half of the stocks without a bar on a session: the source is silent, not the stocks.
_SILENT_SHARE = 0.5
# Halts are rare and lonely; a fifth of the stocks idle at once is the source's doing.
_IDLE_SHARE = 0.2
_SHOWN = 5


class SessionCalendar(Protocol):
    """The part of a calendar that a check needs; `markets.calendar.Calendar` has it."""

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the sessions from `start` to `end`, both included."""
        ...

    def open_at(self, session: date) -> datetime:
        """Return the UTC instant at which continuous trading begins."""
        ...

    def close_at(self, session: date) -> datetime:
        """Return the UTC instant of the close."""
        ...


@dataclass(frozen=True)
class DataReport:
    """What a check found.

    Attributes
    ----------
    findings : tuple of Finding
        Errors first, then warnings, then notes.
    coverage : mapping of str to mapping
        By ticker: `first`, `last` (dates), `sessions` of the calendar between them, `bars`,
        `untraded`, `missing`, and `share` = bars / sessions.
    source, sha256 : str
        Of the market that was checked.
    """

    findings: tuple[Finding, ...]
    coverage: Mapping[str, Mapping[str, Any]]
    source: str = ""
    sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that falsify a backtest."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes may remain."""
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready fields."""
        return {
            "ok": self.ok,
            "source": self.source,
            "sha256": self.sha256,
            "counts": dict(self.counts),
            "findings": [finding.as_dict() for finding in self.findings],
            "coverage": {
                ticker: {
                    name: value.isoformat() if isinstance(value, date) else value
                    for name, value in fields.items()
                }
                for ticker, fields in self.coverage.items()
            },
        }


def check(
    market: MarketData,
    calendar: SessionCalendar,
    news: Iterable[NewsClock] | None = None,
    end: date | None = None,
) -> DataReport:
    """Check prices against the calendar and themselves, and news clocks against the sessions.

    Parameters
    ----------
    market : MarketData
        From any source.
    calendar : SessionCalendar
        Must cover the dates of the bars.
    news : iterable of NewsClock, optional
        The stories that shall be used with these prices.
    end : date, optional
        Last day of the run that shall stand on them.

    Returns
    -------
    DataReport
        Never raises for what it finds; the command line exits with 4 if there is an error in it.
    """
    sessions = _all_sessions(market, calendar)
    days = {ticker: _days(frame) for ticker, frame in market.bars.items()}
    coverage = {t: _coverage(days[t], sessions, _untraded(market, t)) for t in market.tickers}
    findings = [
        *_check_zone(days, sessions),
        *_check_silence(market, days, sessions),
        *_check_idle_together(market, days, sessions),
        *_check_coverage(market, coverage, sessions),
        *_check_indices(market, sessions),
        *_check_rejections(market),
        *adjustment_findings(market),
        *end_findings(market, calendar, end),
    ]
    for ticker in market.tickers:
        for look in (check_stale_closes, check_lent_opens, check_drawn_bars):
            findings.extend(look(ticker, market.bars[ticker]))
        findings.extend(check_jumps(ticker, market))
    if news is not None:
        findings.extend(check_news_clocks(news, calendar, sessions))
    order = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda finding: (order[finding.level], finding.kind, finding.where))
    levels = [finding.level for finding in findings]
    return DataReport(
        findings=tuple(findings),
        coverage=coverage,
        source=market.source,
        sha256=market.sha256,
        counts={
            "tickers": len(market.tickers),
            "bars": sum(len(frame) for frame in market.bars.values()),
            "rejected": len(market.rejections),
            "errors": levels.count("error"),
            "warnings": levels.count("warning"),
            "notes": levels.count("note"),
        },
    )


def end_findings(
    market: MarketData, calendar: SessionCalendar, end: date | None
) -> tuple[Finding, ...]:
    """Return that a run outlasts its prices, if it does; a run puts this into its result."""
    lasts = [frame.index[-1].date() for frame in market.bars.values() if len(frame)]
    if end is None or not lasts or end <= max(lasts):
        return ()
    beyond = len(calendar.sessions(max(lasts) + timedelta(days=1), end))
    message = (
        f"prices end on {max(lasts)}, {counted(beyond, 'session')} before the run does on {end}: "
        "in these it stands still, and they count in every figure a year"
    )
    kind = "prices end before the run"
    return (Finding("warning", kind, "prices", message, count=beyond),) if beyond else ()


def adjustment_findings(market: MarketData) -> tuple[Finding, ...]:
    """Return what back-adjusted prices falsify in a backtest; nothing where prices are raw.

    A run on such prices puts these records into its result.

    Examples
    --------
    >>> from markets.prices import no_actions
    >>> market = MarketData(bars={}, actions=no_actions(), adjusted=True)
    >>> [finding.where for finding in adjustment_findings(market)]
    ['lots', 'ticks', 'fees', 'stamp duty', 'cash', 'levels']
    """
    if not market.adjusted:
        return ()
    told = (
        (
            "lots",
            "A board lot costs less than it did: past prices are scaled down by every later split "
            "and dividend, so more lots are affordable and rounding to them looks cheaper.",
        ),
        (
            "ticks",
            "Past prices are no multiples of the tick, and many fall into a lower price band with "
            "another tick size: half-spread and rounding are approximations.",
        ),
        (
            "fees",
            "Levies and commissions in percent stay right for the amount traded; minimums, "
            "maximums and fees per share are charged on the wrong number of shares.",
        ),
        (
            "stamp duty",
            "Stamp duty is rounded up to the dollar for each note: on scaled notes that rounding "
            "weighs more or less than it did.",
        ),
        (
            "cash",
            "Dividends are inside the prices: they are reinvested at once and without tax, and "
            "never arrive as cash. Total returns are right, cash and holdings are not.",
        ),
        (
            "levels",
            "The level of a past price depends on later dividends. Returns do not; a rule on the "
            "price itself (below HKD 1, above a round number) would look ahead.",
        ),
    )
    return tuple(Finding("warning", "adjusted prices", where, text) for where, text in told)


def _all_sessions(market: MarketData, calendar: SessionCalendar) -> np.ndarray:
    held = market.sessions()
    if not len(held):
        return np.empty(0, "datetime64[D]")
    return np.array(calendar.sessions(held[0].date(), held[-1].date()), dtype="datetime64[D]")


def _days(frame: pd.DataFrame) -> np.ndarray:
    return frame.index.to_numpy().astype("datetime64[D]")


def _untraded(market: MarketData, ticker: str) -> np.ndarray:
    days = market.untraded.get(ticker)
    return np.empty(0, "datetime64[D]") if days is None else days.to_numpy().astype("datetime64[D]")


def _coverage(days: np.ndarray, sessions: np.ndarray, untraded: np.ndarray) -> dict[str, Any]:
    due = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
    idle = np.intersect1d(due, untraded)
    missing = np.setdiff1d(np.setdiff1d(due, days), idle)
    return {
        "first": days[0].item(),
        "last": days[-1].item(),
        "sessions": len(due),
        "bars": len(days),
        "untraded": len(idle),
        "missing": len(missing),
        "share": round(len(np.intersect1d(due, days)) / max(len(due), 1), 4),
        "missing_dates": [str(day) for day in missing[:_SHOWN]],
    }


def _check_coverage(
    market: MarketData, coverage: Mapping[str, Mapping[str, Any]], sessions: np.ndarray
) -> Iterator[Finding]:
    for ticker, found in coverage.items():
        if found["missing"]:
            yield Finding(
                "warning",
                "gaps",
                ticker,
                f"no row for {found['missing']} of {counted(found['sessions'], 'session')} "
                f"({_listed(found['missing_dates'], found['missing'])}): a halt, or a hole",
                count=found["missing"],
            )
        if found["untraded"]:
            yield Finding(
                "note",
                "zero volume",
                ticker,
                f"{counted(found['untraded'], 'session')} without a trade",
                count=found["untraded"],
            )
        behind = int((sessions > np.datetime64(found["last"])).sum())
        if behind:
            yield Finding(
                "warning",
                "ends early",
                ticker,
                f"the last bar is of {found['last']}, {counted(behind, 'session')} before the "
                "data end",
                count=behind,
            )


def _check_zone(days: Mapping[str, np.ndarray], sessions: np.ndarray) -> Iterator[Finding]:
    for ticker, own in days.items():
        strange = np.setdiff1d(own, sessions)
        if not len(strange):
            continue
        shown = _listed([str(day) for day in strange[:_SHOWN]], len(strange))
        shifted = {
            shift: np.isin(own + np.timedelta64(shift, "D"), sessions).mean() for shift in (1, -1)
        }
        here = np.isin(own, sessions).mean()
        best = max(shifted, key=lambda shift: shifted[shift])
        if shifted[best] > here and shifted[best] > 0.9:
            side = "early" if best == 1 else "late"
            message = (
                f"all dates look one day {side} ({len(strange)} on no session: {shown}): a "
                "zone-aware midnight was read in another zone"
            )
            yield Finding("error", "zone", ticker, message, count=len(strange))
        else:
            message = f"{counted(len(strange), 'bar')} on days without a session ({shown})"
            yield Finding("error", "no session", ticker, message, count=len(strange))


def _check_silence(
    market: MarketData, days: Mapping[str, np.ndarray], sessions: np.ndarray
) -> Iterator[Finding]:
    """Find sessions on which most listed stocks are absent at once."""
    if not len(sessions):
        return
    due = np.zeros(len(sessions), dtype=np.int64)
    held = np.zeros(len(sessions), dtype=np.int64)
    for ticker, own in days.items():
        due += (sessions >= own[0]) & (sessions <= own[-1])
        held += np.isin(sessions, own) | np.isin(sessions, _untraded(market, ticker))
    silent = (due > 0) & (held < (1 - _SILENT_SHARE) * due)
    if silent.any() and len(days) > 1:
        shown = _listed([str(day) for day in sessions[silent][:_SHOWN]], int(silent.sum()))
        yield Finding(
            "error",
            "silent sessions",
            market.source,
            f"most stocks have no row on {counted(int(silent.sum()), 'session')} ({shown}): the "
            "source, not the stocks, fell silent; or the calendar is wrong there",
            count=int(silent.sum()),
        )


def _check_idle_together(
    market: MarketData, days: Mapping[str, np.ndarray], sessions: np.ndarray
) -> Iterator[Finding]:
    """Find sessions for which the source gives many stocks zero volume at once."""
    due = np.zeros(len(sessions), dtype=np.int64)
    idle = np.zeros(len(sessions), dtype=np.int64)
    for ticker, own in days.items():
        due += (sessions >= own[0]) & (sessions <= own[-1])
        idle += np.isin(sessions, _untraded(market, ticker))
    together = (idle > 1) & (idle >= _IDLE_SHARE * due)
    if together.any():
        shown = _listed([str(day) for day in sessions[together][:_SHOWN]], int(together.sum()))
        yield Finding(
            "warning",
            "idle together",
            market.source,
            f"many stocks have zero volume at once on {counted(int(together.sum()), 'session')} "
            f"({shown}): hardly halts; the source lost these volumes, and with them the bars",
            count=int(together.sum()),
        )


def _check_indices(market: MarketData, sessions: np.ndarray) -> Iterator[Finding]:
    for name, frame in market.indices.items():
        own = _days(frame)
        due = sessions[(sessions >= own[0]) & (sessions <= own[-1])]
        missing = np.setdiff1d(due, own)
        if len(missing):
            shown = _listed([str(day) for day in missing[:_SHOWN]], len(missing))
            message = f"no level for {len(missing)} of {counted(len(due), 'session')} ({shown})"
            yield Finding("warning", "gaps", f"index {name}", message, count=len(missing))
        behind = int((sessions > own[-1]).sum())
        if behind:
            late = counted(behind, "session")
            message = f"the last level is of {own[-1]}, {late} before the data end"
            yield Finding("warning", "ends early", f"index {name}", message, count=behind)


def _check_rejections(market: MarketData) -> Iterator[Finding]:
    problems = pd.Series([row.problem for row in market.rejections], dtype="str")
    for problem, count in problems.value_counts().sort_index().items():
        first = next(row for row in market.rejections if row.problem == problem)
        message = (
            f"{counted(int(count), 'row')} left out: {problem}; the first: given {first.given}, "
            f"wanted {first.wanted}"
        )
        yield Finding("warning", "rejected rows", first.where, message, count=int(count))


def _listed(shown: list[str], count: int) -> str:
    return ", ".join(shown) + (", …" if count > len(shown) else "")
