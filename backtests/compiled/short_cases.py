"""Random runs that may sell short, for laws and benchmarks: lists, rates, signals of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from backtests.compiled.testing import FAINT_IMPACT, Case, random_case
from backtests.shorts import ShortSettings
from markets.designated import Spell


def short_case(seed: int, strategy: str, lists: Path) -> Case:
    """Return the `random_case` of a seed with short selling on, by a list and rates drawn too.

    Parameters
    ----------
    seed, strategy
        As for `random_case`.
    lists : Path
        Folder for the list; the next case writes its own over it.
    """
    rng = np.random.default_rng([seed, 20250915])
    case = random_case(seed, strategy)
    given, sessions = case.arguments, case.sessions
    path = lists / "designated.csv"
    path.write_text(as_csv(random_list(rng, given["market"].tickers, sessions)), encoding="utf-8")
    maintenance = float(rng.choice([0.0, 10.0, 33.3333, 90.0]))
    short = ShortSettings(
        enabled=True,
        designated=str(path),
        borrow_rate_pct=float(rng.choice([0.0, 0.25, 7.3, 333.3])),
        maintenance_pct=maintenance,
        margin_pct=maintenance + float(rng.choice([0.0, 0.0, 2.0, 45.5])),
    )
    broker = given["broker"].model_copy(update={"short": short})
    if rng.random() < 0.5:
        # Nothing but the margin limits a short: then a close calls it sooner.
        impact = min(broker.impact, FAINT_IMPACT)
        broker = broker.model_copy(update={"participation": None, "impact": impact})
    params = dict(given["strategy"].params)
    if given["strategy"].name == "random_entries":
        drawn = rng.integers(-1, 4, len(sessions)).tolist()
        params["short_entries"] = dict(zip(sessions, drawn, strict=True))
    elif given["strategy"].name.endswith("Restless"):
        params["lowest"] = -6.0
    signals = [
        replace(each, direction=-each.direction) if rng.random() < 0.5 else each
        for each in given["signals"]
    ]
    changed = {
        "broker": broker,
        "strategy": given["strategy"].model_copy(update={"params": params}),
        "signals": signals,
    }
    return Case(given | changed)


def random_list(
    rng: np.random.Generator, tickers: Sequence[str], sessions: Sequence[date]
) -> dict[str, list[Spell]]:
    """Return two spells with days between them for most tickers, none for some."""
    found = {}
    for ticker in tickers:
        if rng.random() < 0.1:
            continue
        days = sorted(int(day) for day in rng.integers(-30, 40, 4))
        first, second, third, last = (sessions[0] + timedelta(days=day) for day in days)
        spells = [Spell(first, second, "1")]
        if third > second:
            spells.append(Spell(third, max(third, last), "2"))
        found[ticker] = spells
    return found


def as_csv(rows: Mapping[str, Sequence[Spell]]) -> str:
    """Return spells as the file that `DesignatedList.read` reads."""
    lines = [
        f"{ticker},{spell.valid_from},{spell.valid_to}"
        for ticker, spells in rows.items()
        for spell in spells
    ]
    return "\n".join(["ticker,valid_from,valid_to", *lines]) + "\n"
