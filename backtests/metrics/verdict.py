"""The verdict: what a run earned, against what, and whether luck explains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LUCK_T = 2.0
"""Below this |t| a mean is not distinguishable from luck (two-sided, about 5 %)."""

TOO_GOOD_SHARPE = 1.5
"""A net Sharpe ratio above this on real news is a leak until proven otherwise."""

LUCK = "not distinguishable from luck"

_SPELLED = {"sfc": "SFC", "afrc": "AFRC", "mna": "M&A", "ic": "IC"}
"""Words of keys that people write otherwise."""


def verdict(metrics: Mapping[str, Any], planted_edge_bp: float | None = None) -> dict[str, Any]:
    """Return what stands first in every report.

    Parameters
    ----------
    metrics : mapping
        The sections of `summarize`.
    planted_edge_bp : float, optional
        What fresh news moves the prices of a synthetic market by; None where the market is real.

    Returns
    -------
    dict
        `headline` (str), `sentences` (list of str: strategy, rivals, classifier, costs, warnings),
        `found` (bool: the strategy beat its rival and the classifier ranked, both with |t| ≥ 2),
        `strategy_t`, `rival`, `rival_t`, `classifier_t`.
    """
    rival, rival_t = _rival(metrics)
    model = metrics["predictions"].get("model", {})
    classifier_t = model.get("rank_ic_t")
    strategy_t = metrics["performance"]["mean_return_t"]
    found = _beats(rival_t) and _beats(classifier_t)
    sentences = [
        *_rivals(metrics),
        *_classifier(metrics["predictions"]),
        *_costs(metrics),
        *_warnings(metrics["risk"]["sharpe"], planted_edge_bp),
    ]
    return {
        "headline": _headline(metrics, found),
        "sentences": sentences,
        "found": found,
        "strategy_t": strategy_t,
        "rival": rival,
        "rival_t": rival_t,
        "classifier_t": classifier_t,
    }


def says(t: float | None) -> str:
    """Return what a t says of a mean, in plain words.

    Examples
    --------
    >>> says(0.4), says(-2.6), says(3.1)
    ('not distinguishable from luck', 'worse than luck', 'better than luck')
    """
    if t is None:
        return "too little to tell"
    if abs(t) < LUCK_T:
        return LUCK
    return "better than luck" if t > 0 else "worse than luck"


def percent(value: float | None, places: int = 1) -> str:
    """Return a fraction as a signed percentage with a true minus; an en dash for None.

    Examples
    --------
    >>> percent(0.0312), percent(-0.5, 0), percent(0.0001), percent(None)
    ('+3.1%', '−50%', '0.0%', '–')
    """
    if value is None:
        return "–"
    text = f"{value * 100:+.{places}f}%"
    return text.replace("-", "−") if round(value * 100, places) else text[1:].replace("-", "")


def decimal(value: float | None, places: int = 2, sign: bool = False) -> str:
    """Return a number with a true minus; an en dash for None."""
    if value is None:
        return "–"
    if not round(value, places):
        return f"{0.0:.{places}f}"
    return f"{value:{'+' if sign else ''},.{places}f}".replace("-", "−")


def _headline(metrics: Mapping[str, Any], found: bool) -> str:
    earned = metrics["performance"]["total_return"]
    if earned is None:
        return "Nothing was measured: the run has no session."
    if not metrics["trading"]["fills"]:
        return "Nothing was traded: no signal passed the threshold, or no order was filled."
    years = metrics["span"]["years"] or 0.0
    made = "Earned" if earned >= 0 else "Lost"
    text = f"{made} {percent(abs(earned)).lstrip('+')} net in {years:.1f} years"
    benchmark = metrics["benchmark"]
    rival, rival_t = _rival(metrics)
    if benchmark and benchmark["total_return"] is not None:
        text += f"; the benchmark made {percent(benchmark['total_return'])}"
    elif rival:
        text += f"; {named(rival)} made {percent(metrics['baselines'][rival]['total_return'])}"
    against = {"": "", "benchmark": " against the benchmark"}.get(rival, f" against {named(rival)}")
    if found:
        return f"{text}. The edge stands{against} and in the ranking."
    ranking = metrics["predictions"].get("model", {}).get("rank_ic_t")
    if _beats(ranking) and not _beats(rival_t):
        return f"{text}. The ranking is better than luck, but the trades did not earn it{against}."
    return f"{text}. The result{against} is {says(rival_t)}."


def named(key: str) -> str:
    """Return the name of a baseline, a cost, a kind or a figure as a sentence has it.

    Examples
    --------
    >>> named("buy_and_hold"), named("sfc_levy")
    ('buy and hold', 'SFC levy')
    """
    return " ".join(_SPELLED.get(word, word) for word in key.split("_"))


def _rival(metrics: Mapping[str, Any]) -> tuple[str, float | None]:
    """Return the fairest comparison there is, and the t of the strategy's alpha over it.

    Equal weight of the same stocks comes first: against it neither the market nor the choice of the
    universe is mistaken for skill.
    """
    baselines = metrics["baselines"]
    for name in ("equal_weight", "buy_and_hold", "random"):
        if name in baselines:
            return name, baselines[name]["alpha_t"]
    if metrics["benchmark"]:
        return "benchmark", metrics["benchmark"]["alpha_t"]
    return "", metrics["performance"]["mean_return_t"]


def _beats(t: float | None) -> bool:
    return t is not None and t >= LUCK_T


def _rivals(metrics: Mapping[str, Any]) -> list[str]:
    rivals = {"benchmark": metrics["benchmark"]} if metrics["benchmark"] else {}
    rivals |= metrics["baselines"]
    return [
        f"Against {'the benchmark' if name == 'benchmark' else named(name)}"
        f" ({percent(other['total_return'])}): {points(other['excess_total_return'])};"
        f" alpha {percent(other['alpha'])} a year at beta {decimal(other['beta'])},"
        f" t {decimal(other['alpha_t'], sign=True)}: {says(other['alpha_t'])}."
        for name, other in rivals.items()
        if other["total_return"] is not None
    ]


def points(value: float | None) -> str:
    """Return a difference of fractions in percentage points."""
    return percent(value).replace("%", " points")


def _classifier(predictions: Mapping[str, Any]) -> list[str]:
    model = predictions.get("model")
    if model is None:
        return []
    if not model["n"]:
        return ["Classifier: no prediction out of sample has a known outcome."]
    return [
        f"Classifier: daily rank IC {decimal(model['rank_ic'], 3, sign=True)}"
        f" (t {decimal(model['rank_ic_t'], sign=True)}, {model['rank_ic_sessions']} sessions),"
        f" AUC {decimal(model['auc'], 3)} on {model['n']:,} decisions:"
        f" {says(model['rank_ic_t'])}."
    ]


def _costs(metrics: Mapping[str, Any]) -> list[str]:
    costs = metrics["costs"]
    if costs["paid_bp"] is None:
        return []
    drag = percent(metrics["performance"]["cost_drag"]).lstrip("+")
    paid = f"Costs took {drag} of the capital: {decimal(costs['paid_bp'], 1)} bp a side"
    even = costs["break_even_bp"]
    if even is not None and even <= 0:
        return [f"{paid} were paid, and nothing was earned before them either."]
    return [f"{paid} were paid, {decimal(even, 1)} bp would have been break-even."]


def _warnings(ratio: float | None, planted_edge_bp: float | None) -> list[str]:
    """Return what a good result may mean: a leak, or on a synthetic market what was planted."""
    too_good = ratio is not None and ratio > TOO_GOOD_SHARPE
    if planted_edge_bp:
        return [
            f"An edge of {planted_edge_bp:g} bp is planted in this synthetic market: the result"
            " shows what the line finds of it, and nothing about real news."
        ]
    if planted_edge_bp is not None:
        found = "what seems to be earned in it is luck"
        if too_good:
            found = f"a net Sharpe ratio of {ratio:.1f} is luck, or a leak: run `newswake audit`"
        return [f"No edge is planted in this synthetic market: {found}."]
    if too_good:
        return [
            f"A net Sharpe ratio of {ratio:.1f} on real news is a leak until proven otherwise:"
            " run `newswake audit`."
        ]
    return []
