"""Judged: what a sweep showed: never its best alone, but how many were tried and how they lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from backtests.metrics.undefined import Sheet, need, tidy
from backtests.sweeps.book import Row
from markets.calendar import hong_kong_calendar

Equity = Callable[[int], npt.NDArray[np.float64]]
Elsewhere = Callable[[int], Mapping[str, float | None]]
MEASURE = "sharpe"
"""What trials are ordered by: a return without its risk would choose the wildest."""


def judge(
    rows: Sequence[Row],
    keys: Sequence[str],
    equity_of: Equity,
    elsewhere: Elsewhere = lambda number: {},
    *,
    method: str = "random",
) -> dict[str, Any]:
    """Return what a sweep showed, JSON-ready.

    Parameters
    ----------
    rows : sequence of Row
        All trials.
    keys : sequence of str
        What varied.
    equity_of : callable
        Equity path of a finished trial, by number.
    elsewhere : callable, optional
        What else was ever tried on the inputs of a trial, outside the sweep: annual Sharpe ratio by
        config, None for one that showed none.
    method : str
        ``optuna`` where it chose the trials by what others showed; else ``random``.

    Returns
    -------
    dict
        ``trials, finished, failed, different, method, measure, best, luck, spread, neighbors,
        by_year, by_value``; `different` counts equity paths; `best` is None where no trial has a
        Sharpe ratio.
    """
    finished = [row for row in rows if row.status == "finished"]
    measured = [row for row in finished if row.figures.get(MEASURE) is not None]
    # Of equals the first: the order must not depend on who finished first.
    best = max(measured, key=lambda row: (row.figures[MEASURE], -row.number), default=None)
    found: dict[str, Any] = {
        "trials": len(rows),
        "finished": len(finished),
        "failed": len(rows) - len(finished),
        "different": len({row.equity_sha256 for row in finished}),
        "method": method,
        "measure": MEASURE,
        "best": None,
        "spread": _spread(measured),
        "by_value": {key: _by_value(measured, key) for key in keys},
    }
    if best is None:
        return found
    return {
        **found,
        "best": {
            "number": best.number,
            "values": dict(best.values),
            "figures": dict(best.figures),
            "config_sha256": best.config_sha256,
        },
        "luck": luck(rows, best, equity_of, elsewhere(best.number)),
        "neighbors": _neighbors(measured, best, keys),
        "by_year": _by_year(measured, best),
    }


def luck(
    rows: Sequence[Row], best: Row, equity_of: Equity, elsewhere: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return what stands beside the best: what luck alone makes of so many trials.

    Returns
    -------
    dict
        ``trials, elsewhere`` (how many trials; how many other configs were tried on the same inputs
        outside the sweep), ``median_sharpe``; ``deflation`` as
        `backtests.robustness.deflation.Deflation`, over all of both, failed ones too, and all that
        tuning tried inside; ``overfitting`` as `backtests.robustness.overfitting.Overfitting`, over
        the sessions that all share; ``undefined``: why one of them is None.
    """
    from backtests.robustness.deflation import deflation_of
    from backtests.robustness.overfitting import backtest_overfitting

    path = equity_of(best.number)
    tried = [row.figures.get(MEASURE) for row in rows if row.number != best.number]
    tried += elsewhere.values()
    # What tuning tried inside a trial was a look, too, though it showed no ratio.
    tried += [None] * sum(int(row.figures.get("combinations") or 1) - 1 for row in rows)
    ratios = [row.figures[MEASURE] for row in rows if row.figures.get(MEASURE) is not None]

    def overfitting() -> dict[str, Any]:
        returns = shared_returns(rows, equity_of)
        need(returns is not None, "the trials share no session, or one lost all it had")
        return backtest_overfitting(returns if returns is not None else []).as_dict()

    sheet = Sheet("luck")
    sheet.note(trials=len(rows), elsewhere=len(elsewhere))
    sheet.note(median_sharpe=float(np.median(ratios)))
    sheet.put("deflation", lambda: deflation_of(path[1:] / path[:-1] - 1.0, tried).as_dict())
    sheet.put("overfitting", overfitting)
    return {**sheet.figures, "undefined": sheet.undefined}


def name_of(value: Any) -> str:
    """Return a value as a table shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ordered_values(rows: Sequence[Row], key: str) -> list[Any]:
    """Return the different values of a key: numbers by size, all else as it came."""
    found = {name_of(row.values[key]): row.values[key] for row in rows if key in row.values}
    values = list(found.values())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return sorted(values)
    return values


@dataclass(frozen=True, slots=True)
class Heat:
    """The median Sharpe ratio over the two keys that matter most.

    Attributes
    ----------
    across, down : str
        Key of the columns, and of the rows; `down` is empty where only one key varied.
    columns, lines : list
        Their values.
    cells : list of list of float or None
        A median each pair, by line; None where no trial was.
    best : tuple of (int, int) or None
        Line and column of the best trial.
    """

    across: str
    down: str
    columns: list[Any]
    lines: list[Any]
    cells: list[list[float | None]]
    best: tuple[int, int] | None


def heat_of(rows: Sequence[Row], judged: Mapping[str, Any]) -> Heat | None:
    """Return the map of a sweep; None where nothing was measured, or nothing varied.

    What matters most is what moves the median most from one of its values to another.
    """
    measured = [row for row in rows if row.figures.get(MEASURE) is not None]
    moved = {key: _moved(table) for key, table in judged["by_value"].items() if len(table) > 1}
    if not measured or not moved:
        return None
    down, across = [*([""] if len(moved) == 1 else []), *sorted(moved, key=lambda k: -moved[k])][:2]
    columns, lines = (ordered_values(measured, key) if key else [None] for key in (across, down))
    places = [
        {name_of(value): place for place, value in enumerate(values)} for values in (lines, columns)
    ]

    def place_of(values: Mapping[str, Any]) -> tuple[int, int]:
        return places[0][name_of(values.get(down))], places[1][name_of(values.get(across))]

    ratios: dict[tuple[int, int], list[float]] = {}
    for row in measured:
        if all(key in row.values for key in (across, down) if key):
            ratios.setdefault(place_of(row.values), []).append(row.figures[MEASURE])
    cells = [
        [float(np.median(ratios[y, x])) if (y, x) in ratios else None for x in range(len(columns))]
        for y in range(len(lines))
    ]
    best = judged["best"]["values"]
    known = all(key in best for key in (across, down) if key)
    return Heat(across, down, columns, lines, cells, place_of(best) if known else None)


def _moved(table: Sequence[Mapping[str, Any]]) -> float:
    medians = [line["median_sharpe"] for line in table]
    return float(max(medians) - min(medians))


def _spread(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the quartiles of all trials, and how many of them earned anything."""
    if not rows:
        return {}
    ratios = np.array([row.figures[MEASURE] for row in rows])
    net = np.array([row.figures["net_return"] for row in rows], dtype=np.float64)
    levels = {"lowest": 0, "lower_quartile": 25, "median": 50, "upper_quartile": 75, "highest": 100}
    return {
        name: {
            "sharpe": tidy(float(np.percentile(ratios, level))),
            "net_return": tidy(float(np.percentile(net, level))),
        }
        for name, level in levels.items()
    } | {"share_positive": tidy(float(np.mean(net > 0)))}


def _by_value(rows: Sequence[Row], key: str) -> list[dict[str, Any]]:
    found = []
    by_name: dict[str, list[float]] = {}
    for row in rows:
        by_name.setdefault(name_of(row.values.get(key)), []).append(row.figures[MEASURE])
    for value in ordered_values(rows, key):
        ratios = by_name[name_of(value)]
        found.append(
            {
                "value": value,
                "trials": len(ratios),
                "median_sharpe": tidy(float(np.median(ratios))),
                "lowest_sharpe": tidy(float(min(ratios))),
                "highest_sharpe": tidy(float(max(ratios))),
            }
        )
    return found


def _neighbors(rows: Sequence[Row], best: Row, keys: Sequence[str]) -> dict[str, Any]:
    """Return how the trials next to the best did: one value away, one step up or down.

    A best that stands alone among poor neighbors is a fluke of its exact values.
    """
    places = {
        key: {name_of(value): place for place, value in enumerate(ordered_values(rows, key))}
        for key in keys
    }
    mine = {key: name_of(best.values.get(key)) for key in keys}
    near = []
    for row in rows:
        theirs = {key: name_of(row.values.get(key)) for key in keys}
        away = [key for key in keys if theirs[key] != mine[key]]
        if len(away) != 1:
            continue
        here, there = (places[away[0]].get(names[away[0]]) for names in (mine, theirs))
        if here is not None and there is not None and abs(here - there) == 1:
            near.append(row)
    ratios = [row.figures[MEASURE] for row in near]
    return {
        "count": len(near),
        "numbers": [row.number for row in near],
        "median_sharpe": tidy(float(np.median(ratios))) if ratios else None,
        "lowest_sharpe": tidy(float(min(ratios))) if ratios else None,
    }


def _by_year(rows: Sequence[Row], best: Row) -> list[dict[str, Any]]:
    """Return, for each year, the best's net return, the median of all, and the best's rank."""
    found = []
    for year, mine in best.figures["by_year"].items():
        others = [row.figures["by_year"].get(year) for row in rows]
        known = [value for value in others if value is not None]
        if mine is None or not known:
            continue
        found.append(
            {
                "year": int(year),
                "best": mine,
                "median": tidy(float(np.median(known))),
                "rank": 1 + sum(value > mine for value in known),
                "of": len(known),
            }
        )
    return found


def shared_returns(
    rows: Sequence[Row], equity_of: Equity, most: int = 1000
) -> npt.NDArray[np.float64] | None:
    """Return session returns, sessions × trials, over the sessions that all trials have.

    None where they share none, or one lost all it had: then they cannot be set side by side. Of
    more than `most` trials an even choice is taken.
    """
    finished = [row for row in rows if row.status == "finished"]
    if len(finished) < 2:
        return None
    chosen = np.unique(np.linspace(0, len(finished) - 1, min(most, len(finished))).astype(int))
    picked = [finished[place] for place in chosen]
    starts = _starts({row.figures["first_session"] for row in finished})
    begins = [starts[row.figures["first_session"]] for row in picked]
    first = max(begins)
    last = min(at + row.figures["sessions"] for at, row in zip(begins, picked, strict=True))
    if last <= first:
        return None
    # Value 0 of a path stands before its first session.
    paths = np.stack(
        [
            equity_of(row.number)[first - at : last - at + 1]
            for at, row in zip(begins, picked, strict=True)
        ],
        axis=1,
    )
    if not (paths[:-1] > 0).all():
        return None
    return np.asarray(paths[1:] / paths[:-1] - 1.0)


def _starts(sessions: Collection[str]) -> dict[str, int]:
    """Return how many sessions each lies after the earliest."""
    calendar = hong_kong_calendar()
    days = {session: date.fromisoformat(session) for session in sessions}
    earliest = min(days.values())
    return {name: len(calendar.sessions(earliest, day)) - 1 for name, day in days.items()}
