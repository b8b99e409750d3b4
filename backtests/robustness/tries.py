"""Tries: what else was looked at on the same inputs, from the trial ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from backtests.metrics.undefined import Floats, need
from backtests.trials import Ledger, Trial


@dataclass(frozen=True, slots=True)
class Tries:
    """The other configurations that were tried.

    Attributes
    ----------
    sharpe : mapping of str to float or None
        Annual Sharpe ratio by config hash; None for one that never finished: it was a look too.
    returns : mapping of str to Series
        Session returns by config hash, of those whose run folder is still there.
    combinations : mapping of str to int
        By config hash, how many combinations of parameters were tried inside it for one answer.
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


def tries_of(ledger: Ledger | None, config_sha256: str, inputs_sha256: str) -> Tries:
    """Return every other configuration that the ledger holds for the same inputs.

    Runs of one config hash on the same inputs are one try: they are the same to the bit. A trial
    that ended before its inputs were known counts, one on other inputs does not.
    """
    if ledger is None:
        return Tries()
    others = list(others_of(ledger, config_sha256, inputs_sha256))
    returns: dict[str, pd.Series] = {}
    for trial in others:
        path = ledger.path.parent / trial.run_id / "equity.csv"
        if trial.status == "finished" and path.is_file():
            table = pd.read_csv(path, usecols=["session", "equity_hkd"])
            returns[trial.config_sha256] = _returns(table)
    return Tries(sharpe_of(others), returns, combinations_of(others))


def others_of(ledger: Ledger, config_sha256: str, inputs_sha256: str) -> Iterator[Trial]:
    """Yield every trial of another config on the same inputs, or on inputs nobody knows."""
    for trial in ledger.trials():
        if trial.config_sha256 != config_sha256 and trial.inputs_sha256 in (None, inputs_sha256):
            yield trial


def sharpe_of(trials: Iterable[Trial]) -> dict[str, float | None]:
    """Return the annual Sharpe ratio by the hash of the config; None for one that showed none."""
    found: dict[str, float | None] = {}
    for trial in trials:
        shown = trial.metrics.get("sharpe")
        if shown is not None:
            found[trial.config_sha256] = float(shown)
        found.setdefault(trial.config_sha256, None)
    return found


def combinations_of(trials: Iterable[Trial]) -> dict[str, int]:
    """Return, by the hash of the config, how many combinations tuning tried inside it."""
    found: dict[str, int] = {}
    for trial in trials:
        tried = int(trial.metrics.get("combinations") or 1)
        found[trial.config_sha256] = max(found.get(trial.config_sha256, 1), tried)
    return found


def together(mine: pd.Series, tries: Tries) -> Floats:
    """Return session returns of this run and of all others, over the sessions they share.

    Raises
    ------
    UndefinedMetric
        If no other run's returns are known, or they share no session.
    """
    need(bool(tries.returns), "no other configuration's returns are known")
    ordered = [tries.returns[config] for config in sorted(tries.returns)]
    table = pd.concat([mine, *ordered], axis=1, join="inner").sort_index()
    need(len(table) > 0, "the runs share no session")
    return np.asarray(table.to_numpy(dtype=np.float64))


def returns_by_session(equity: pd.Series) -> pd.Series:
    """Return session returns from the second session on, indexed by session."""
    return equity.pct_change().iloc[1:]


def _returns(table: pd.DataFrame) -> pd.Series:
    index = pd.DatetimeIndex(pd.to_datetime(table["session"])).astype("datetime64[s]")
    return returns_by_session(pd.Series(table["equity_hkd"].to_numpy(), index=index))
