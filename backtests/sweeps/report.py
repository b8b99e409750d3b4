"""Report of a sweep: text and one HTML page from what it was judged to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backtests.metrics.verdict import decimal, percent
from backtests.reports.html_page import judged_html
from backtests.reports.table import Table
from backtests.reports.terminal import plain, written
from backtests.sweeps.book import Row
from backtests.sweeps.cache import Lookup
from backtests.sweeps.figures import PLACEBO, QUALITY
from backtests.sweeps.heat_map import heat_map
from backtests.sweeps.judged import MEASURE, heat_of, name_of
from markets.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 20
"""Trials of the text table, and ten times as many on the page; the CSV has all."""
_STYLE = """
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .gain { fill: var(--good); } svg .loss { fill: var(--minus); }
svg .best { fill: none; stroke: var(--ink); stroke-width: 2; }
"""


def headline(judged: Mapping[str, Any]) -> str:
    """Return the first sentence: the best beside how many were tried and what is usual."""
    best = judged["best"]
    if best is None:
        return f"{counted(judged['trials'], 'trial')}, and none has a Sharpe ratio."
    beside = judged["luck"]
    return (
        f"The best of {counted(beside['trials'], 'trial')} has a Sharpe ratio of "
        f"{decimal(best['figures'][MEASURE])}, the median {decimal(beside['median_sharpe'])}."
    )


def sentences(judged: Mapping[str, Any]) -> list[str]:
    """Return what must be known beside the best."""
    found = []
    if judged["failed"]:
        found.append(f"{counted(judged['failed'], 'trial')} failed; results.csv says why.")
    if judged["best"] is None:
        return found
    if judged["different"] < judged["finished"]:
        found.append(
            f"Only {judged['different']:,} of {judged['finished']:,} trials differ in what they "
            "earned: the values of the rest changed nothing."
        )
    if judged["method"] == "optuna":
        found.append(
            "Optuna chose the trials by what earlier ones showed: they crowd around the best, so "
            "median, neighbors and both corrections for luck flatter it."
        )
    found += _luck(judged["luck"])
    near = judged["neighbors"]
    if near["count"]:
        found.append(
            f"{counted(near['count'], 'trial lies', 'trials lie')} one step from the best: median "
            f"Sharpe ratio "
            f"{decimal(near['median_sharpe'])}, lowest {decimal(near['lowest_sharpe'])}."
        )
    else:
        found.append("No trial lies one step from the best: how it holds nearby is not known.")
    found.append(f"{judged['spread']['share_positive']:.0%} of the trials earned anything, net.")
    return found


def _luck(beside: Mapping[str, Any]) -> list[str]:
    """Return what luck makes of so many trials, and whether choosing was worth anything."""
    from backtests.robustness.overfitting import Overfitting, caution

    found = []
    deflation, overfitting = beside["deflation"], beside["overfitting"]
    if deflation is not None:
        found.append(
            f"{counted(deflation['trials'], 'config was', 'configs were')} tried on these stories, "
            f"{_elsewhere(beside['elsewhere'])}. Without any skill the best of so many would show "
            f"{decimal(deflation['expected_best'])}; the deflated Sharpe ratio, "
            "the probability that the best is better than that, is "
            f"{_chance(deflation['deflated'])}."
        )
    if overfitting is not None:
        found.append(
            f"Probability of backtest overfitting: {_chance(overfitting['probability'])}, over "
            f"{overfitting['sessions']:,} sessions that all trials share (one half says that "
            "choosing the best was worth nothing)."
            + caution(deflation and deflation["deflated"], Overfitting(**overfitting))
        )
    missing = {
        "luck.deflation": "No deflated Sharpe ratio",
        "luck.overfitting": "No probability of backtest overfitting",
    }
    return found + [f"{missing[name]}: {why}." for name, why in beside["undefined"].items()]


def _chance(probability: float) -> str:
    """Return a probability in percent; what is not certain is not printed as if it were."""
    if 0.0 < probability < 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= probability < 1.0 else f"{probability:.0%}"


def _elsewhere(count: int) -> str:
    return f"{count:,} of them outside this sweep" if count else "none outside this sweep"


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return each key without the sections that nothing else among them needs.

    Examples
    --------
    >>> short_names(["strategy.params.weight", "label.horizon", "decision.horizon"])
    {'strategy.params.weight': 'weight', 'label.horizon': 'label.horizon', \
'decision.horizon': 'decision.horizon'}
    """
    ends = {key: [key.split(".")[-n:] for n in range(1, key.count(".") + 2)] for key in keys}
    taken = Counter(".".join(end) for each in ends.values() for end in each)
    return {
        key: next((name for end in each if taken[name := ".".join(end)] == 1), key)
        for key, each in ends.items()
    }


def tables_of(
    rows: Sequence[Row], keys: Sequence[str], judged: Mapping[str, Any], most: int = SHOWN
) -> list[Table]:
    """Return the tables of a report: the answers, each year, each value, the trials by rank.

    What would have no row is left out: where every trial failed, all of them.
    """
    found = _quality(rows, keys, most)
    found += [_by_year(judged["by_year"])] if judged.get("by_year") else []
    found += [_by_value(key, judged["by_value"][key]) for key in keys]
    return [table for table in [*found, _ranked(rows, keys, most)] if table.rows]


def text(
    name: str,
    rows: Sequence[Row],
    keys: Sequence[str],
    judged: Mapping[str, Any],
    *,
    width: int = 80,
) -> str:
    """Return the report as text."""
    return written(lambda console: write(console, name, rows, keys, judged), width=width)


def write(
    console: Console,
    name: str,
    rows: Sequence[Row],
    keys: Sequence[str],
    judged: Mapping[str, Any],
    *,
    lookups: Sequence[Lookup] = (),
) -> None:
    """Write the report: what the best is worth first, then figures, then what the cache held."""
    from rich.text import Text

    from backtests.reports.terminal import bullet, write_table

    console.print(Text(plain(name), style="bold"))
    console.print(Text(headline(judged), style="bold"))
    for sentence in sentences(judged):
        console.print(bullet(sentence))
    for table in [*tables_of(rows, keys, judged), *([_why(lookups)] if lookups else [])]:
        console.print()
        write_table(console, table)


def html(name: str, rows: Sequence[Row], keys: Sequence[str], judged: Mapping[str, Any]) -> str:
    """Return the report as a page that loads nothing and runs nothing.

    The heat map comes escaped; all else is escaped by the template.
    """
    heat = heat_of(rows, judged)
    return judged_html(
        "sweep",
        name,
        headline(judged),
        sentences(judged),
        tables_of(rows, keys, judged, 10 * SHOWN),
        heat=heat_map(heat, short_names(keys)) if heat else "",
        more_style=_STYLE,
    )


def _quality(rows: Sequence[Row], keys: Sequence[str], most: int) -> list[Table]:
    """Return how good the answers of each trial were, in the order of the trials.

    Nothing where trials share answers: strategy and broker change none, and one figure would stand
    in many lines.
    """
    answered = [row for row in rows if row.figures.get("auc") is not None]
    different = {tuple(row.figures[name] for name in QUALITY) for row in answered}
    if not 1 < len(answered) <= most or len(different) < len(answered):
        return []
    names = short_names(keys)
    measures = ("AUC", "MCC", "Brier", "rank IC", "its t", "placebo p", "gross", "net")
    cells = [
        (
            *(_in_words(row.values[key]) if key in row.values else "–" for key in keys),
            decimal(row.figures["auc"], 3),
            decimal(row.figures["mcc"], 3, sign=True),
            decimal(row.figures["brier"], 4),
            decimal(row.figures["rank_ic"], 3, sign=True),
            decimal(row.figures["rank_ic_t"], sign=True),
            decimal(row.figures[PLACEBO], 3),
            percent(row.figures["gross_return"]),
            percent(row.figures["net_return"]),
        )
        for row in answered
    ]
    return [
        Table(
            key="answers",
            title="Answers out of sample, and what trading them earned",
            columns=(*(_heading(answered, key, names[key]) for key in keys), *measures),
            rows=tuple(cells),
            note="In the order of the trials; what was not set is –. t by Newey and West, lag the"
            " horizon; placebo p is the share of runs with the stories of each stock shuffled over"
            " dates that rank as well.",
        )
    ]


def _in_words(value: Any) -> str:
    """Return a value as it is read: a list of names without its brackets and quotes."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or "none"
    return name_of(value)


def _ranked(rows: Sequence[Row], keys: Sequence[str], most: int) -> Table:
    measured = [row for row in rows if row.figures.get(MEASURE) is not None]
    measured.sort(key=lambda row: (-row.figures[MEASURE], row.number))
    middle = len(measured) // 2
    names = short_names(keys)
    shown = measured[:most]
    if middle >= most:
        shown = [*shown[:-1], measured[middle]]
    return Table(
        key="trials",
        title="Trials by Sharpe ratio",
        columns=(
            "rank",
            "trial",
            *(_heading(measured, key, names[key]) for key in keys),
            "Sharpe",
            "net",
            "drawdown",
            "trades",
        ),
        rows=tuple(
            (
                str(measured.index(row) + 1),
                str(row.number),
                *(name_of(row.values[key]) if key in row.values else "–" for key in keys),
                decimal(row.figures[MEASURE]),
                percent(row.figures["net_return"]),
                percent(row.figures["max_drawdown"]),
                f"{row.figures['trades']:,}",
            )
            for row in shown
        ),
        note=f"{len(shown)} of {len(measured)}; the last is the median." if middle >= most else "",
    )


def _heading(rows: Sequence[Row], key: str, name: str) -> str:
    """Return the heading of a column of values: words stand to the left, numbers to the right."""
    values = [row.values[key] for row in rows if key in row.values]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return plain(name) if numbers else f"<{plain(name)}"


def _by_value(key: str, values: Sequence[Mapping[str, Any]], most: int = 40) -> Table:
    return Table(
        key=key,
        title=f"By {plain(key)}",
        columns=("<value", "trials", "median Sharpe", "lowest", "highest"),
        rows=tuple(
            (
                name_of(row["value"]),
                str(row["trials"]),
                decimal(row["median_sharpe"]),
                decimal(row["lowest_sharpe"]),
                decimal(row["highest_sharpe"]),
            )
            for row in values[:most]
        ),
        note=f"the first {most} of {len(values)}" if len(values) > most else "",
    )


def _by_year(years: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        key="years",
        title="The best, year by year",
        columns=("year", "net", "median of all", "rank"),
        rows=tuple(
            (
                str(row["year"]),
                percent(row["best"]),
                percent(row["median"]),
                f"{row['rank']} of {row['of']}",
            )
            for row in years
        ),
        note="A best that one year made is best of that year.",
    )


def _why(lookups: Sequence[Lookup]) -> Table:
    return Table(
        key="cache",
        title="What is upstream",
        columns=("<stage", "<key", "<found", "<why not"),
        rows=tuple(
            (each.stage, each.sha256[:12], "yes" if each.hit else "no", each.why)
            for each in lookups
        ),
    )
