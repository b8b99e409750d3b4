"""Tries: what else was looked at on the same stories, from the trial ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from backtests.metrics.undefined import Floats, need
from backtests.sweeps.book import kept_equities
from backtests.trials import Ledger, Trial
from markets.calendar import hong_kong_calendar

Looks = Mapping[str, Sequence[Trial]]
"""Trials by a name of their look; those of equal config and inputs are one."""


MOST_BESIDE = 1000
"""Others that are set beside a run in measuring overfitting; an even choice of more."""
SHARED = 0.5
"""Part of a run's sessions that another must have, to be set beside it in measuring overfitting."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a run is, by its hashes: its config, what it read, and what it is a try of."""

    config_sha256: str
    inputs_sha256: str
    family_sha256: str


@dataclass(frozen=True, slots=True)
class Tries:
    """The other looks that were taken: other configs, or one config on other inputs.

    Attributes
    ----------
    sharpe : mapping of str to float or None
        Annual Sharpe ratio by look; None for one that never finished: it was a look too.
    returns : mapping of str to Series
        Session returns by look, of those whose folder, of a run or a sweep, is still there.
    combinations : mapping of str to int
        By look, how many combinations of parameters were tried inside it for one answer.
    """

    sharpe: Mapping[str, float | None] = field(default_factory=dict)
    returns: Mapping[str, pd.Series] = field(default_factory=dict)
    combinations: Mapping[str, int] = field(default_factory=dict)

    def looks(self, own: int = 1) -> list[float | None]:
        """Return the Sharpe ratio of every other try; None where none was shown.

        Each further combination that tuning tried is a try of its own, one that showed no ratio:
        in the other runs, and among the `own` combinations of the run itself.
        """
        inner = own - 1 + sum(count - 1 for count in self.combinations.values())
        return [*self.sharpe.values(), *[None] * inner]


def tries_of(ledger: Ledger | None, look: Look) -> Tries:
    """Return every other look of the same family that the ledger holds.

    Runs of one config hash on the same inputs are one look: they are the same to the bit. A trial
    that ended before its inputs were known counts, one of another family does not.
    """
    if ledger is None:
        return Tries()
    others = others_of(ledger, look)
    kept = _Kept(ledger.path.parent)
    returns: dict[str, pd.Series] = {}
    for name, trials in others.items():
        for trial in trials:
            found = kept.returns_of(trial) if trial.status == "finished" else None
            if found is not None:
                returns[name] = found
    return Tries(sharpe_of(others), returns, combinations_of(others))


def others_of(ledger: Ledger, look: Look, besides: Collection[Look] = ()) -> Looks:
    """Return the trials of every other look of the same family, by a name of the look.

    Parameters
    ----------
    ledger : Ledger
        All trials.
    look : Look
        The run that is judged.
    besides : collection of Look
        Further ones that are counted elsewhere.
    """
    own = {(one.config_sha256, one.inputs_sha256) for one in (look, *besides)}
    configs = {config for config, _ in own}
    found: dict[str, list[Trial]] = {}
    for trial in ledger.trials():
        config, read = trial.config_sha256, trial.inputs_sha256
        if read is None:
            # Nobody knows what it read: if its config is here, it was that.
            same_family, here = True, config in configs
        else:
            same_family = trial.family_sha256 == look.family_sha256 or read == look.inputs_sha256
            here = (config, read) in own
        if same_family and not here:
            elsewhere = "" if read in (None, look.inputs_sha256) else f" on {read}"
            found.setdefault(config + elsewhere, []).append(trial)
    return found


def sharpe_of(looks: Looks) -> dict[str, float | None]:
    """Return the annual Sharpe ratio of each look; None for one that showed none."""
    found: dict[str, float | None] = {}
    for name, trials in looks.items():
        shown = [trial.metrics.get("sharpe") for trial in trials]
        known = [float(ratio) for ratio in shown if ratio is not None]
        found[name] = known[-1] if known else None
    return found


def combinations_of(looks: Looks) -> dict[str, int]:
    """Return how many combinations tuning tried inside each look."""
    return {
        name: max(int(trial.metrics.get("combinations") or 1) for trial in trials)
        for name, trials in looks.items()
    }


def together(mine: pd.Series, tries: Tries) -> Floats:
    """Return session returns of this run and of the others, over the sessions they share.

    Others that lack more than half of this run's sessions are left out: what all share would be
    too little to say anything of this run. Of more than `MOST_BESIDE` others an even choice is
    taken. Looks that earned the same, as where only the audit's own settings differ, are one.

    Raises
    ------
    UndefinedMetric
        If no other run's returns are known, they share no session, or all earned the same.
    """
    need(bool(tries.returns), "no other configuration's returns are known")
    enough = SHARED * len(mine)
    ordered = [
        returns
        for _, returns in sorted(tries.returns.items())
        if mine.index.isin(returns.index).sum() >= enough
    ]
    need(bool(ordered), "no other configuration traded in the same sessions")
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_BESIDE))
    chosen = [ordered[place] for place in places.round().astype(int).tolist()]
    table = pd.concat([mine, *chosen], axis=1, join="inner").sort_index()
    need(len(table) > 0, "the runs share no session")
    table = table.loc[:, ~table.T.duplicated().to_numpy()]
    need(table.shape[1] > 1, "no other configuration earned anything else")
    return np.asarray(table.to_numpy(dtype=np.float64))


def returns_by_session(equity: pd.Series) -> pd.Series:
    """Return session returns from the second session on, indexed by session."""
    return equity.pct_change().iloc[1:]


class _Kept:
    """Session returns of trials, from what lies in a folder of runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sweeps: dict[str, dict[int, pd.Series]] = {}

    def returns_of(self, trial: Trial) -> pd.Series | None:
        """Return a trial's session returns; None where nothing is left of it."""
        path = self._folder / trial.run_id / "equity.csv"
        if path.is_file():
            table = pd.read_csv(path, usecols=["session", "equity_hkd"])
            return _returns(table["session"], table["equity_hkd"].to_numpy())
        sweep, _, number = trial.run_id.rpartition("#")
        if trial.kind != "sweep" or not number.isdigit():
            return None
        if sweep not in self._sweeps:
            self._sweeps[sweep] = dict(_swept(self._folder / "sweeps" / sweep))
        return self._sweeps[sweep].get(int(number))


def _swept(folder: Path) -> Iterator[tuple[int, pd.Series]]:
    """Yield the number and the session returns of each trial of a sweep."""
    calendar, spans = hong_kong_calendar(), dict[tuple[str, int], list[date]]()
    for row, equity in kept_equities(folder):
        first, count = row.figures["first_session"], row.figures["sessions"]
        if (first, count) not in spans:
            begin = date.fromisoformat(first)
            spans[first, count] = calendar.sessions(begin, calendar.next_session(begin, count))
        # Value 0 of a path stands before its first session.
        yield row.number, _returns(pd.Series(spans[first, count][:count]), equity[1:])


def _returns(sessions: pd.Series, equity: Floats) -> pd.Series:
    index = pd.DatetimeIndex(pd.to_datetime(sessions)).astype("datetime64[s]")
    return returns_by_session(pd.Series(equity, index=index))
