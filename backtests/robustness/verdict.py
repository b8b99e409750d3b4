"""The audit's verdict: what was found, against which placebo, with which p, at which cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backtests.metrics.verdict import LUCK, decimal, percent
from markets.wording import counted

if TYPE_CHECKING:
    from backtests.metrics.bootstrap import Interval
    from backtests.robustness.audit import PlaceboResult
    from backtests.robustness.combinatorial import Combinatorial, Spread
    from backtests.robustness.deflation import Deflation
    from backtests.robustness.event_study import EventStudy
    from backtests.robustness.overfitting import Overfitting
    from backtests.robustness.stress import Stress

ENOUGH = 0.95
"""Deflated Sharpe ratio from which luck over all trials is an unlikely explanation."""


def verdict(
    real: Mapping[str, float | None],
    placebos: Sequence[PlaceboResult],
    *,
    paths: Combinatorial | str,
    deflation: Deflation | str,
    overfitting: Overfitting | str,
    intervals: Mapping[str, Interval | str],
    stress: Stress,
    studies: Sequence[EventStudy] | str,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """Return what stands first in every form of the audit.

    A finding must hold against *every* placebo: the hardest one, that with the largest p, speaks.
    So running more placebos can only make a claim harder, never easier; of those that were not run
    the verdict says so. That the edge stands needs
    the ranking, the money, a positive net return, and a deflated Sharpe ratio of at least 0.95.

    Returns
    -------
    dict
        `headline`, `found` (the edge stands), `ranking` and `money` (`p`, `placebo`, `runs`,
        `found`, `value`), `not_run` (the reason by placebo), `deflated`, `level`, `seed`,
        `sentences`.
    """
    left_out = _left_out(placebos)
    ranking = _hardest("rank_ic", real, placebos, level)
    money = _hardest("sharpe", real, placebos, level)
    deflated = None if isinstance(deflation, str) else deflation.deflated
    earned = real.get("net_return")
    stands = bool(
        ranking["found"]
        and money["found"]
        and earned is not None
        and earned > 0
        and deflated is not None
        and deflated >= ENOUGH
    )
    return {
        "headline": _headline(ranking, money, stands, deflated, earned, whole=not left_out),
        "found": stands,
        "ranking": ranking,
        "money": money,
        "not_run": left_out,
        "deflated": deflated,
        "level": level,
        "seed": seed,
        "sentences": [
            _ranking(ranking, intervals, seed),
            _spread(paths),
            _money(money, earned, stress, intervals, seed),
            *_untried(left_out),
            _sharpe(deflation, intervals),
            _overfitting(overfitting, deflated),
            _stress(stress),
            _events(studies),
        ],
    }


def _hardest(
    figure: str,
    real: Mapping[str, float | None],
    placebos: Sequence[PlaceboResult],
    level: float,
) -> dict[str, Any]:
    """Return the placebo that comes closest to the real run, by its p."""
    tried = [(p.p[figure], p) for p in placebos if p.p.get(figure) is not None]
    if not tried:
        return {"value": real.get(figure), "p": None, "placebo": None, "runs": 0, "found": False}
    p, hardest = max(tried, key=lambda pair: float(pair[0] or 0.0))
    return {
        "value": real.get(figure),
        "p": p,
        "placebo": hardest.name,
        "says": hardest.says,
        "runs": hardest.runs,
        "found": p is not None and p <= level,
    }


def _left_out(placebos: Sequence[PlaceboResult]) -> dict[str, str]:
    """Return the placebos that do not speak, and why: they could not be run, or were not asked."""
    from backtests.robustness.settings import PLACEBOS

    run = {one.name: one for one in placebos}
    return {
        name: run[name].reason if name in run else "not asked for"
        for name in PLACEBOS
        if name not in run or not run[name].runs
    }


def _untried(left_out: Mapping[str, str]) -> list[str]:
    named = ", ".join(f"{name.replace('_', ' ')} ({why})" for name, why in left_out.items())
    return [f"Placebos that were not run: {named}."] if named else []


def _headline(
    ranking: Mapping[str, Any],
    money: Mapping[str, Any],
    stands: bool,
    deflated: float | None,
    earned: float | None,
    *,
    whole: bool,
) -> str:
    every = "every placebo" if whole else "every placebo that was run"
    if stands:
        return f"The edge stands against {every}, after costs and for all trials."
    if ranking["p"] is None and money["p"] is None:
        return "Too little to tell: no placebo could be run."
    if ranking["found"] and money["found"]:
        if earned is not None and earned <= 0:
            return f"Better than {every}, but nothing was earned after costs."
        told = "unknown" if deflated is None else f"{deflated:.2f}"
        return (
            f"Better than {every}, but as the best of all trials still"
            f" {LUCK}: deflated Sharpe {told}."
        )
    if ranking["found"]:
        return f"The ranking is better than luck; what trading earned is {LUCK}."
    if money["found"]:
        return f"The trades beat {every}, but the ranking is {LUCK}: do not trust it."
    return LUCK[0].upper() + LUCK[1:] + "."


def _against(tested: Mapping[str, Any], seed: int) -> str:
    if tested["p"] is None:
        return "no placebo could be run"
    says = LUCK if not tested["found"] else "better than luck"
    return (
        f"p = {tested['p']:.3f} against the hardest placebo, {tested['says']}"
        f" ({tested['runs']} runs, seed {seed}): {says}"
    )


def _ranking(tested: Mapping[str, Any], intervals: Mapping[str, Any], seed: int) -> str:
    value = tested["value"]
    if value is None:
        return "Ranking: no session has enough stocks with news to rank."
    return (
        f"Ranking: daily rank IC {decimal(value, 3, sign=True)}{_band(intervals, 'rank_ic', 3)};"
        f" {_against(tested, seed)}."
    )


def _spread(paths: Combinatorial | str) -> str:
    if isinstance(paths, str):
        return f"Spread over combinatorial paths: not measured ({paths})."

    def told(one: Spread, sign: bool) -> str:
        low, high = (decimal(value, 3, sign=sign) for value in (one.low, one.high))
        return f"{decimal(one.mean, 3, sign=sign)} ({low} to {high})"

    return (
        f"Spread: with {paths.tested} of {paths.blocks} blocks held out in turn, {paths.paths}"
        f" paths of {paths.splits} models, mean and 5 % to 95 %: rank IC"
        f" {told(paths.rank_ic, True)}, AUC {told(paths.auc, False)}. Paths share rows and most of"
        " what they learn from, later rows too: no interval, no new evidence, only how much hangs"
        " on what was held out."
    )


def _money(
    tested: Mapping[str, Any],
    earned: float | None,
    stress: Stress,
    intervals: Mapping[str, Any],
    seed: int,
) -> str:
    cost = "no costs" if stress.paid_bp is None else f"{decimal(stress.paid_bp, 1)} bp a side"
    band = intervals.get("net_return")
    reach = (
        ""
        if band is None or isinstance(band, str)
        else f" (95 %: {percent(band.low)} to {percent(band.high)})"
    )
    return f"Money: {percent(earned)} net{reach} at {cost}; {_against(tested, seed)}."


def _sharpe(deflation: Deflation | str, intervals: Mapping[str, Any]) -> str:
    """Return the Sharpe ratio with all that takes from it: it never stands alone."""
    if isinstance(deflation, str):
        return f"Sharpe: none ({deflation})."
    length = (
        "no track record would be long enough"
        if deflation.minimum_sessions is None
        else f"{deflation.minimum_sessions:,.0f} sessions needed, {deflation.sessions:,} there"
    )
    tries = counted(deflation.trials, "trial")
    return (
        f"Sharpe {decimal(deflation.sharpe)}{_band(intervals, 'sharpe', 2)}: above zero with"
        f" probability {deflation.probabilistic:.2f}, above the {decimal(deflation.expected_best)}"
        f" that luck makes of {tries} with {deflation.deflated:.2f}; {length}."
    )


def _overfitting(found: Overfitting | str, deflated: float | None) -> str:
    from backtests.robustness.overfitting import caution

    if isinstance(found, str):
        return f"Backtest overfitting: not measured ({found})."
    return (
        f"Backtest overfitting: the best of {found.configurations} configurations falls to the"
        f" lower half out of sample with probability {found.probability:.2f}"
        f" ({found.splits:,} splits).{caution(deflated, found)}"
    )


def _stress(stress: Stress) -> str:
    even = (
        "unknown"
        if stress.break_even_bp is None
        else f"{decimal(stress.break_even_bp, 1)} bp a side"
    )
    late = stress.latest_profitable_delay
    if late is None:
        delay = "no profit even on time"
    elif late == 0:
        delay = "profitable on time, at no later open that was tried"
    else:
        delay = f"still profitable {counted(late, 'session')} late"
    return f"Stress: break-even cost {even}; {delay}."


def _events(studies: Sequence[EventStudy] | str) -> str:
    if isinstance(studies, str) or not studies:
        return f"Events: not measured ({studies if isinstance(studies, str) else 'none'})."
    first = studies[0]
    naive, clustered = (_statistic(first, name) for name in ("naive", "clustered"))
    last = first.window[1] + 1
    more = f" ({first.left_out:,} more lack sessions around them)" if first.left_out else ""
    return (
        f"Events: {first.n:,} fresh ones{more} moved prices by"
        f" {decimal(first.mean * 1e4, 0, sign=True)} bp their way in {last} sessions from the open;"
        f" t {naive} if they were independent, {clustered} with clustered days,"
        f" {_statistic(first, 'kolari_pynnonen')} by Kolari and Pynnönen."
    )


def _statistic(study: EventStudy, name: str) -> str:
    test = study.tests[name]
    return "–" if isinstance(test, str) else decimal(test.statistic, 1, sign=True)


def _band(intervals: Mapping[str, Any], name: str, places: int) -> str:
    band = intervals.get(name)
    if band is None or isinstance(band, str):
        return ""
    return f" (95 %: {decimal(band.low, places)} to {decimal(band.high, places)})"
