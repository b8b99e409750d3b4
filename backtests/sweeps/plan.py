"""Plan: the trials of a sweep: every value checked, every input hashed, in an order that shares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from backtests.config import LoadedConfig, RunConfig, with_values
from backtests.engine import checked_strategy
from backtests.inputs import Inputs, load_inputs
from backtests.parts import check_line
from backtests.sweeps.blocks import block_of
from backtests.sweeps.cache import Cache, Lookup
from backtests.sweeps.code import code_sha256, plugins_of
from backtests.sweeps.pools import Pool, failure
from backtests.sweeps.reads import (
    Digest,
    digest_of,
    digest_through,
    groups_of,
    input_group,
    require_same,
)
from backtests.sweeps.trial import Trial, prepare, trial_to_blame
from backtests.sweeps.upstream import Line, files_of
from markets.errors import UsageError
from markets.plugins import load


@dataclass(frozen=True, slots=True)
class Planned:
    """A trial and its config."""

    trial: Trial
    config: RunConfig


class Plan:
    """All trials of a sweep so far.

    Parameters
    ----------
    base : LoadedConfig
        The config that is varied.
    cache : Cache
        What trials share.

    Attributes
    ----------
    planned : list of Planned
        In the order in which they were added.
    """

    def __init__(self, base: LoadedConfig, cache: Cache) -> None:
        self.base = base
        self.planned: list[Planned] = []
        self._cache = cache
        self._seen: dict[str, int] = {}
        self._digests: dict[str, Digest] = {}
        self._inputs: tuple[str, Inputs] | None = None

    def add(self, points: Sequence[Mapping[str, Any]]) -> list[Planned]:
        """Return trials for more points, numbered on from those before.

        Raises
        ------
        ConfigError
            For the first value that is unknown or out of bounds.
        UsageError
            If two points are one config.
        DataError
            If prices or stories are missing or corrupt.
        """
        configs = checked(self.base, points, self._seen)
        for group, config in groups_of(configs).items():
            if group not in self._digests:
                load = partial(self._loaded, config)
                self._digests[group] = digest_through(config, self._cache, load)
        first = len(self.planned)
        added = [
            Planned(
                Trial(first + number, point, config.sha256(), self._digests[input_group(config)]),
                config,
            )
            for number, (point, config) in enumerate(zip(points, configs, strict=True))
        ]
        self.planned += added
        return added

    def prepare(self, planned: Sequence[Planned], pool: Pool) -> list[Lookup]:
        """Compute what is upstream once for all who share it; return what workers asked for.

        What a dead worker leaves undone is computed with the first trial that needs it.
        """
        first: dict[str, Planned] = {}
        read: dict[str, Line] = {}
        for one in planned:
            line = self._line(one)
            first.setdefault(line.keys.answers.sha256, one)
            read.setdefault(f"{line.keys.readings.sha256} {line.keys.market.sha256}", line)
        if len(first) == 1 or pool.size == 1:
            for one in first.values():
                with trial_to_blame():
                    self._line(one).prepare()
            return []
        for line in read.values():
            with trial_to_blame():
                line.prepare_reading()
        folder = str(self._cache.folder)
        futures = [pool.submit(prepare, self.base, one.trial, folder) for one in first.values()]
        lookups, lost = [], False
        for future in futures:
            error = failure(future)
            if error is None:
                lookups += future.result()
            elif pool.is_loss(error):
                lost = True
            else:
                raise error
        if lost:
            pool.renew()
        return lookups

    def ordered(self, planned: Sequence[Planned]) -> list[Trial]:
        """Return trials so that those follow each other that share answers, then all but values."""
        order: dict[str, int] = {}

        def rank(one: Planned) -> tuple[int, int, int]:
            line = self._line(one)
            answers = order.setdefault(line.keys.answers.sha256, len(order))
            shared = block_of(one.config, line) or line.keys.signals
            return answers, order.setdefault(shared.sha256, len(order)), one.trial.number

        return [one.trial for one in sorted(planned, key=rank)]

    def _line(self, one: Planned) -> Line:
        def loaded() -> Inputs:
            inputs = self._loaded(one.config)
            require_same(digest_of(inputs), one.trial.digest)
            return inputs

        return Line(one.config, one.trial.digest, self._cache, loaded)

    def _loaded(self, config: RunConfig) -> Inputs:
        """Return the inputs of a config; those read last are kept for what is upstream."""
        group = input_group(config)
        if self._inputs is None or self._inputs[0] != group:
            self._inputs = (group, load_inputs(config))
        return self._inputs[1]


def identity_of(base: LoadedConfig, space: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return what a sweep is: with other code, inputs or values it is another sweep.

    Parameters
    ----------
    base : LoadedConfig
        The config that is varied.
    space : mapping
        Where its values come from, JSON-ready: see `backtests.sweeps.choosers.Chooser`.
    plan : Plan
        The trials so far.
    """
    trials = [one.trial for one in plan.planned]
    parts: dict[str, Any] = {
        "name": base.config.name,
        "config_sha256": base.config.sha256(),
        **space,
        "inputs_sha256": sorted({trial.digest.inputs for trial in trials}),
        "code_sha256": code_sha256(),
        "files": files_of([one.config for one in plan.planned]),
        "plugins": plugins_of([dict(trial.values) for trial in trials])
        | plugins_of(base.config.model_dump(mode="json")),
    }
    told = json.dumps(parts, sort_keys=True, default=str)
    return {**parts, "sha256": hashlib.sha256(told.encode()).hexdigest()}


def checked(
    base: LoadedConfig, points: Sequence[Mapping[str, Any]], seen: dict[str, int] | None = None
) -> list[RunConfig]:
    """Return the config of every point, each checked as a run's is, strategy parameters included.

    Parameters
    ----------
    base : LoadedConfig
        The config that is varied.
    points : sequence of mapping
        Its values.
    seen : dict of str to int, optional
        Numbers of the trials before by the hash of their configs; the new ones are added.

    Raises
    ------
    ConfigError
        For the first value that is unknown or out of bounds.
    UsageError
        If two points are one config: it would be counted twice.
    """
    configs: list[RunConfig] = []
    seen = {} if seen is None else seen
    known: set[str] = set()
    resolve = cache(partial(load, "strategies", where="strategy.name"))
    for number, point in enumerate(points, len(seen)):
        config = with_values(base, point)
        if number == 0:
            check_line(config)  # what is wrong in all trials ends none of them late
        strategy = config.strategy.model_dump_json()
        if strategy not in known:
            checked_strategy(config.strategy, config.seed, resolve)
            known.add(strategy)
        other = seen.setdefault(config.sha256(), number)
        if other != number:
            raise UsageError(
                "two trials are the same config",
                given=f"trials {other} and {number}: {dict(point)}",
            )
        configs.append(config)
    return configs
