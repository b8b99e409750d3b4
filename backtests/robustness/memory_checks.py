"""How far feature groups look back, measured: an embargo is as long as they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from backtests.robustness.examination import Examination
from backtests.robustness.lookahead_report import Leak
from backtests.robustness.parts import forget
from backtests.robustness.traces import Trace
from markets.prices import MarketData
from markets.what_if import redrawn_before
from signals.features.base import Row
from signals.features.build import group_of, kept, memory_of
from signals.timeline import Timeline

LEAST_SHARE = 0.1
"""What a column may move by, in standard deviations of its own, for what is nearly forgotten."""
_NAME = "memory of features"


def check_memory(audit: Examination, whole: Trace, count: int = 8) -> None:
    """Give rows another past, older than their groups say they remember; nothing may move.

    Prices, volumes and index levels before that are drawn anew, and stories of older rows change
    places and some go. A group that fades what it remembers moves a little: a tenth of a standard
    deviation of the column is let pass. A stock's memory is counted in its own bars where that
    reaches further back, as after a halt.
    """
    if audit.over:
        return
    days = sorted({row.session for row in whole.learned.rows})
    places = np.linspace(len(days) // 3, len(days) - 1, count).round().astype(int)
    chosen = sorted({days[place] for place in places.tolist()})
    names = audit.config.features.groups
    about = f"{len(names)} feature groups look back no further than they say"
    audit.record(_NAME, about, _understated(audit, whole, chosen))


def _understated(audit: Examination, whole: Trace, days: Sequence[date]) -> Iterator[Leak]:
    timeline = Timeline.of(whole.learned.features, whole.learned.labels)
    embargo = audit.config.split.embargo(timeline.memory)
    for name in audit.config.features.groups:
        forget(audit.config)
        probe = _Probe(audit, whole, name)
        hit = next((found for day in days if (found := probe.moved(day, probe.counted))), None)
        if hit is None:
            continue
        measured = max(probe.measured(day) for day in days)
        if probe.stated is None:
            said = f"does not say how far it looks back, {measured} sessions and more"
            expected = f"at most the {embargo} sessions that are kept free"
        else:
            said = f"says it looks back {probe.stated} sessions, and looks back {measured} and more"
            expected = f"{probe.stated} sessions"
        yield Leak(
            "note" if probe.stated is None and measured <= embargo else "leak",
            _NAME,
            "features",
            f"feature group {name} {said}",
            column=hit.column,
            row=hit.row,
            given=f"{measured} sessions",
            expected=expected,
        )


@dataclass(frozen=True, slots=True)
class _Hit:
    """A column of a row that moved."""

    column: str
    row: str


class _Probe:
    """One feature group, built on the past as it was and on others."""

    def __init__(self, audit: Examination, whole: Trace, name: str) -> None:
        self._audit = audit
        self._name = name
        group = group_of(name, audit.config.features)
        self.stated = memory_of(group)
        self.counted = self.stated or 0
        self._rows = whole.learned.rows
        self._sessions = np.array([row.session for row in self._rows], dtype="datetime64[D]")
        self._market = audit.inputs.market
        features = whole.learned.features
        self._values = features.values[list(features.groups[group.name])]
        self._least = LEAST_SHARE * self._values.std(ddof=0).to_numpy() + 1e-12

    def moved(self, day: date, sessions: int) -> _Hit | None:
        """Return what moves of a day's rows when the past before so many sessions is another."""
        known = np.flatnonzero(self._sessions <= np.datetime64(day, "D"))
        mine = known[self._sessions[known] == np.datetime64(day, "D")]
        since = self._since(day, sessions, mine)
        market = self._market.until(self._audit.inputs.calendar.previous_session(day))
        rows = [self._rows[at] for at in known.tolist()]
        other = self._build(
            _other_rows(rows, since, self._audit.seed),
            redrawn_before(market, since, self._audit.seed),
        )
        values = other.iloc[len(other) - len(mine) :].to_numpy()
        apart = np.abs(values - self._values.iloc[mine].to_numpy()) > self._least
        if not apart.any():
            return None
        row, column = np.argwhere(apart)[0].tolist()
        hit = self._rows[mine[row]]
        name = f"{hit.decision_at:%Y-%m-%d %H:%M} {hit.ticker}"
        return _Hit(str(self._values.columns[column]), name)

    def measured(self, day: date) -> int:
        """Return the fewest sessions that a day's rows need, by halving; no fewer than stated."""
        first = self._market.sessions()[0].date()
        low, high = self.counted, len(self._audit.inputs.calendar.sessions(first, day))
        if self.moved(day, low) is None:
            return low
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.moved(day, middle) is None else (middle, high)
        return high

    def _since(self, day: date, sessions: int, mine: np.ndarray) -> date:
        """Return the first session that stays: so many back, in bars of the day's own stocks."""
        calendar = self._audit.inputs.calendar
        first = calendar.previous_session(day, sessions) if sessions else day
        for at in mine.tolist():
            bars = self._market.bars.get(self._rows[at].ticker)
            known = 0 if bars is None else int(bars.index.searchsorted(pd.Timestamp(day)))
            if bars is not None and sessions and known:
                first = min(first, bars.index[max(0, known - sessions)].date())
        return first

    def _build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        group = group_of(self._name, self._audit.config.features)
        made = group.build(rows, market).astype("float64").reset_index(drop=True)
        return kept(self._name, made)


def _other_rows(rows: Sequence[Row], since: date, seed: int) -> list[Row]:
    """Return rows whose older ones tell each other's stories, a third of them gone.

    The first row of each stock stays, so that it stays known.
    """
    draws = np.random.default_rng([seed, since.toordinal(), 5])
    older = [row for row in rows if row.session < since]
    order = draws.permutation(len(older)).tolist()
    seen: set[str] = set()
    found = []
    for place, row in enumerate(older):
        told = older[order[place]]
        if row.ticker not in seen or draws.random() > 1 / 3:
            found.append(replace(row, items=told.items, events=told.events))
        seen.add(row.ticker)
    return found + [row for row in rows if row.session >= since]
