"""Placebos: the same run with the link between news and prices cut, one way at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from backtests.metrics.undefined import Floats, need
from backtests.result import EngineResult
from backtests.robustness.ground import Figures, Ground, Places, answers_judged, money_of
from backtests.robustness.settings import AuditSettings
from signals import pipeline
from signals.features.base import FeatureFrame
from strategies.base import StrategySettings

QUIET_SESSIONS = 20
"""Fewest sessions by which answers are shifted: longer than news is expected to matter."""


@dataclass(frozen=True, slots=True)
class Placebo:
    """One way to cut the link.

    Attributes
    ----------
    says : str
        What it does, as a sentence has it.
    recomputes : str
        What a run of it computes again; everything before is reused.
    run : callable
        Ground, habits of the run, number of the placebo run, seed → figures.
    """

    says: str
    recomputes: str
    run: Callable[[Ground, Habits, int, int], Figures]


@dataclass(frozen=True, slots=True)
class Habits:
    """How the run traded, for a random trader of the same turnover.

    Attributes
    ----------
    trader : StrategySettings
        The random strategy with the run's number of entries a session, holding time and weight.
    """

    trader: StrategySettings


def habits_of(engine: EngineResult, weight: float, seed: int, reserve_bp: float) -> Habits:
    """Return the habits of a traded run."""
    from strategies.baselines import random_like

    return Habits(random_like(engine.trades, weight=weight, seed=seed, reserve_bp=reserve_bp))


def p_value(real: float | None, placebos: list[float | None]) -> float | None:
    """Return ``(1 + placebos at or above the real figure) / (1 + placebos)``.

    The real run counts as one of its own placebos, so p is never 0 and, if nothing tells them
    apart, is at most x with probability x. A placebo without a figure counts as at or above. None
    if the real run has no figure or there is no placebo. Source: Davison and Hinkley, Bootstrap
    Methods and their Application, 1997, 4.2; Phipson and Smyth, SAGMB 9(1), 2010.

    Examples
    --------
    >>> p_value(0.04, [0.01, -0.02, 0.05, 0.0])
    0.4
    """
    if real is None or not placebos:
        return None
    above = sum(figure is None or figure >= real for figure in placebos)
    return (1 + above) / (1 + len(placebos))


def rounded(value: float | None) -> float | None:
    """Return a figure as it is kept and compared, so that equal ones stay equal."""
    return None if value is None else float(f"{value:.12g}")


def available(name: str, ground: Ground) -> int | None:
    """Return how many different runs of a placebo there can be; None if as many as wanted.

    Raises
    ------
    UndefinedMetric
        If the run is too small for it.
    """
    if name in ("delayed", "led"):
        return len(_shifts(ground))
    if name == "tickers":
        need(len(np.unique(ground.column)) >= 4, "fewer than 4 stocks had news")
    return None


def generator(name: str, number: int, seed: int) -> np.random.Generator:
    """Return the draws of one placebo run: they depend on nothing but these three."""
    return np.random.default_rng([seed, crc32(name.encode()), number])


def shuffled_in_blocks(
    keys: np.ndarray[Any, Any], block: int, draws: np.random.Generator
) -> Places:
    """Return, for each position, the position whose content moves there, within equal keys only.

    Contents of a key, in order, are rotated by a random offset, cut into blocks and put together in
    random order: what follows each other closely mostly still does. With single draws, rows whose
    outcomes overlap would be torn apart and the placebos would vary too little.
    """
    source = np.arange(len(keys))
    for key in np.unique(keys):
        mine = np.flatnonzero(keys == key)
        turned = np.roll(mine, int(draws.integers(len(mine))))
        cuts = [turned[start : start + block] for start in range(0, len(mine), block)]
        order = draws.permutation(len(cuts))
        source[mine] = np.concatenate([cuts[place] for place in order.tolist()])
    return source


def _block(ground: Ground) -> int:
    return 2 * ground.horizon


def dates(ground: Ground, number: int, seed: int) -> tuple[Places, Places]:
    """Return places with each stock's answers shuffled over the dates of its own news."""
    draws = generator("dates", number, seed)
    source = shuffled_in_blocks(ground.column, _block(ground), draws)
    place = np.empty_like(ground.place)
    place[source] = ground.place
    return place, ground.column


def rank_ic_p(ground: Ground, settings: AuditSettings | None = None) -> float | None:
    """Return p of the rank IC against the placebo `dates`, without trading any of its runs.

    The same number as in an audit with these settings.
    """
    settings = settings or AuditSettings()

    def ranked(place: Places, column: Places) -> float | None:
        return rounded(ground.judged(place, column)["rank_ic"])

    placebos = [ranked(*dates(ground, n, settings.seed)) for n in range(settings.runs)]
    return p_value(ranked(ground.place, ground.column), placebos)


def tickers(ground: Ground, number: int, seed: int) -> tuple[Places, Places]:
    """Return places with stocks' answers swapped by one drawn permutation, the same throughout.

    A stock may draw itself. Without such draws the placebos would lie below zero by construction:
    outcomes are less their mean, so what a ranking earns under all permutations sums to nothing.
    """
    draws = generator("tickers", number, seed)
    stocks = np.unique(ground.column)
    others = draws.permutation(stocks)
    column = others[np.searchsorted(stocks, ground.column)]
    return ground.place, column


def shifted(ground: Ground, sessions: int) -> tuple[Places, Places]:
    """Return places moved by some sessions, around the end of the sample; negative ones lead."""
    return (ground.place + sessions) % len(ground.sessions), ground.column


def delayed(ground: Ground, number: int, seed: int) -> tuple[Places, Places]:
    """Return places with all answers given late, by more sessions than news matters."""
    order = generator("delayed", 0, seed).permutation(_shifts(ground))
    return shifted(ground, int(order[number]))


def led(ground: Ground, number: int, seed: int) -> tuple[Places, Places]:
    """Return places with all answers given early, by more sessions than news matters."""
    order = generator("led", 0, seed).permutation(_shifts(ground))
    return shifted(ground, -int(order[number]))


def _shifts(ground: Ground) -> Places:
    least = max(QUIET_SESSIONS, 2 * ground.horizon)
    most = len(ground.sessions) // 2
    need(most - least >= QUIET_SESSIONS, "too few sessions out of sample to shift them")
    return np.arange(least, most + 1)


def with_news_of(features: FeatureFrame, source: Places) -> FeatureFrame:
    """Return rows that keep their prices and got the news of other rows.

    Prices are the group of that name: one of a user's own goes with the news.
    What the news said comes from another time on purpose, so `available_at` stays the row's own:
    this is no frame that anybody could have had.
    """
    kept = [column for column in features.groups.get("prices", ()) if column in features.values]
    values = features.values.iloc[source].set_axis(features.values.index, axis=0)
    values[kept] = features.values[kept]

    def moved(series: Any) -> Any:
        return series.iloc[source].set_axis(series.index)

    return FeatureFrame(
        values=values,
        texts=moved(features.texts),
        sessions=features.sessions,
        available_at=features.available_at,
        event_ids=moved(features.event_ids),
        item_ids=moved(features.item_ids),
        story_keys=moved(features.story_keys),
        groups=features.groups,
        memory=features.memory,
    )


def _by_moving(move: Callable[[Ground, int, int], tuple[Places, Places]]) -> Any:
    def run(ground: Ground, habits: Habits, number: int, seed: int) -> Figures:
        place, column = move(ground, number, seed)
        engine = ground.traded(ground.moved(place, column))
        return ground.judged(place, column) | money_of(engine, ground.config.broker.cash_hkd)

    return run


def _learned(ground: Ground, habits: Habits, number: int, seed: int) -> Figures:
    config = ground.config
    draws = generator("learned", number, seed)
    names = ground.features.values.index.get_level_values("ticker").to_numpy().astype(str)
    source = shuffled_in_blocks(names, _block(ground), draws)
    features = with_news_of(ground.features, source)
    predictions = pipeline.walk_forward(
        features,
        ground.labels,
        config.split,
        config.classifier,
        config.seed,
        ground.counted.with_news_of(source),
        measured=False,
        baselines=False,
    )
    signals = pipeline.decide(predictions, features, ground.calendar, config.decision)
    money = money_of(ground.traded(signals), config.broker.cash_hkd)
    return answers_judged(ground, signals) | money


def _random_trader(ground: Ground, habits: Habits, number: int, seed: int) -> Figures:
    draw = int(generator("random_trader", number, seed).integers(2**31))
    params = {**habits.trader.params, "seed": draw}
    trader = habits.trader.model_copy(update={"params": params})
    return money_of(ground.traded((), strategy=trader), ground.config.broker.cash_hkd)


PLACEBOS: Mapping[str, Placebo] = {
    "dates": Placebo(
        "each stock's stories shuffled over dates", "judging and trading", _by_moving(dates)
    ),
    "tickers": Placebo("stocks' stories swapped", "judging and trading", _by_moving(tickers)),
    "delayed": Placebo(
        "all stories weeks or months late", "judging and trading", _by_moving(delayed)
    ),
    "led": Placebo("all stories weeks or months early", "judging and trading", _by_moving(led)),
    "learned": Placebo(
        "stories shuffled over dates before learning", "learning, judging, trading", _learned
    ),
    "random_trader": Placebo(
        "as many purchases on the same days, drawn at random", "trading", _random_trader
    ),
}
"""Every placebo by name. Reading, rows, features and labels are never computed again."""


def profile(ground: Ground, shifts: tuple[int, ...]) -> list[dict[str, float | int | None]]:
    """Return how answers would have ranked, given some sessions early (negative) or late.

    What leads knows the future: a rank IC far above that of shift 0 is the price of a clock that
    runs ahead. Answers that leave the sample are dropped.
    """
    points: list[dict[str, float | int | None]] = []
    for shift in shifts:
        place = ground.place + shift
        place = np.where((place >= 0) & (place < len(ground.sessions)), place, -1)
        points.append({"shift": shift, **ground.judged(place, ground.column)})
    return points


def profile_shares(
    points: Sequence[Mapping[str, float | int | None]], figure: str = "rank_ic"
) -> dict[str, tuple[int, int]]:
    """Return how many points of a profile are at or above the real one, and how many there are.

    Apart for `delayed` (shift above 0) and `led`. These are no p: of each shift there is one run,
    and runs so close together share most of their outcomes. Empty without a figure to set against.

    Examples
    --------
    >>> profile_shares([{"shift": s, "rank_ic": v} for s, v in ((-1, 0.2), (0, 0.1), (2, None))])
    {'delayed': (1, 1), 'led': (1, 1)}
    """
    real = next((point[figure] for point in points if point["shift"] == 0), None)
    if real is None:
        return {}
    found = {}
    for name, side in (("delayed", 1), ("led", -1)):
        values = [point[figure] for point in points if (point["shift"] or 0) * side > 0]
        above = sum(value is None or value >= real for value in values)
        found[name] = (above, len(values))
    return found


def figures_of(ground: Ground, engine: EngineResult) -> Figures:
    """Return the real run's figures, measured as the placebos' are."""
    judged = ground.judged(ground.place, ground.column)
    return judged | money_of(engine, ground.config.broker.cash_hkd)


def spread_of(figures: list[float | None]) -> tuple[float, float, float] | None:
    """Return the 5 %, 50 % and 95 % quantiles of placebo figures; None without any."""
    known: Floats = np.array([f for f in figures if f is not None], dtype=np.float64)
    if not len(known):
        return None
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)
