"""OptunaChooser: points chosen by what earlier ones showed, the same ones whoever runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backtests.sweeps.book import Row
from backtests.sweeps.space import Interval, Space
from markets.errors import ConfigError

WAVE = 10
"""Points that are asked for before the first of them is told: fixed, so that a sweep does not
depend on how many processes run it."""
PATIENCE = 200
"""How often in a row Optuna may ask for what is known before it is taken to have no more."""


class OptunaChooser:
    """Optuna's tree-structured Parzen estimator over the axes and intervals of a space.

    Nothing of Optuna is stored. A sweep that is taken up again asks it the same questions with the
    same seed, and tells it from the book what the trials before came to.

    Parameters
    ----------
    space : Space
        Its axes, intervals, draws and objective.
    seed : int
        Of the choices.

    Raises
    ------
    ConfigError
        If Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._optuna = _optuna()
        self._space = space
        self._seed = seed
        self._study = _study(self._optuna, seed)
        self._names, self._distributions = _distributions(self._optuna, space)
        self._waiting: list[tuple[Any, str]] = []
        self._known: dict[str, float | None] = {}

    def ask(self) -> list[dict[str, Any]]:
        """Return points that were not asked for before; none when there are enough, or no more."""
        wave: list[dict[str, Any]] = []
        left = (self._space.draws or 0) - len(self._known)
        in_vain = 0
        while len(wave) < min(WAVE, left) and in_vain < PATIENCE:
            trial = self._study.ask(self._distributions)
            point = {key: named(trial.params[key]) for key, named in self._names.items()}
            name = json.dumps(point, sort_keys=True, default=str)
            if name in self._known:
                self._tell(trial, self._known[name])
                in_vain += 1
                continue
            in_vain = 0
            self._known[name] = None
            self._waiting.append((trial, name))
            wave.append(point)
        return wave

    def tell(self, rows: Sequence[Row]) -> None:
        """Tell the study the objective of each point; one without it failed."""
        for (trial, name), row in zip(self._waiting, rows, strict=True):
            self._known[name] = row.figures.get(self._space.objective)
            self._tell(trial, self._known[name])
        self._waiting = []

    def identity(self, shas: Sequence[str]) -> dict[str, Any]:
        """Return the space, the seed and the version: they decide what will be asked."""
        space = self._space
        return {
            "keys": list(space.keys),
            "method": "optuna",
            "optuna": self._optuna.__version__,
            "objective": space.objective,
            "trials": space.draws,
            "seed": self._seed,
            "axes": {axis.key: axis.values() for axis in space.axes},
            "intervals": [
                [each.key, each.low, each.high, each.whole, each.log] for each in space.intervals
            ],
        }

    def _tell(self, trial: Any, value: float | None) -> None:
        if value is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, value)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "Optuna is not installed",
            given="--method optuna",
            wanted="pip install 'newswake[optuna]', or --method random",
        ) from None
    return optuna


def _study(optuna: Any, seed: int) -> Any:
    """Return an empty study, without the line about it that Optuna would print."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        # Points of one wave are chosen before any of them is told: the liar keeps them apart.
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)


def _distributions(
    optuna: Any, space: Space
) -> tuple[dict[str, Callable[[Any], Any]], dict[str, Any]]:
    """Return, by key, what turns Optuna's answer into a value, and what it may choose from."""
    names: dict[str, Callable[[Any], Any]] = {}
    chosen_from: dict[str, Any] = {}
    for axis in space.axes:
        values = axis.values()
        names[axis.key] = values.__getitem__
        chosen_from[axis.key] = _places(optuna, values)
    for each in space.intervals:
        names[each.key] = each.typed
        chosen_from[each.key] = _between(optuna, each)
    return names, chosen_from


def _places(optuna: Any, values: Sequence[Any]) -> Any:
    """Return a choice of places in a list: near ones are alike only where values have an order."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    if numbers and list(values) in (sorted(values), sorted(values, reverse=True)):
        return optuna.distributions.IntDistribution(0, len(values) - 1)
    return optuna.distributions.CategoricalDistribution(range(len(values)))


def _between(optuna: Any, each: Interval) -> Any:
    if each.whole:
        ends: Mapping[str, int] = {"low": int(each.low), "high": int(each.high)}
        return optuna.distributions.IntDistribution(**ends, log=each.log)
    return optuna.distributions.FloatDistribution(each.low, each.high, log=each.log)
