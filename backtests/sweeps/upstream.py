"""Upstream: everything before the strategy, computed once for all trials that share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from backtests import stages
from backtests.config import OWN_TABLES, RunConfig
from backtests.inputs import Inputs, Universe, instruments_of, load_inputs
from backtests.metrics.summary import prediction_sheet
from backtests.sweeps import codecs
from backtests.sweeps.cache import Cache, Key
from backtests.sweeps.code import plugins_of, upstream_sha256
from backtests.sweeps.codecs import Answers
from backtests.sweeps.figures import PLACEBO, QUALITY
from backtests.sweeps.reads import Digest, digest_of, file_sha256, input_group, require_same
from markets.calendar import DecisionClock, hong_kong_calendar
from signals.answers import Predictions
from signals.decisions import Signal
from signals.events.lexicon import Lexicon
from signals.features.base import FeatureFrame
from signals.features.rows import Reading
from signals.labels import LabelFrame
from signals.store import NewsStore

ROUND_TRIP = ("costs", "costs_tier", "costs_file", "slippage_bp")
"""What of the broker the labels depend on."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a config's artefacts, each of a stage on top of those before."""

    market: Key
    readings: Key
    features: Key
    labels: Key
    answers: Key
    signals: Key


def keys_of(config: RunConfig, digest: Digest) -> Keys:
    """Return what each artefact of a config depends on."""
    values = config.model_dump(mode="json")
    code = upstream_sha256()

    def key(stage: str, *sections: str, **parts: Any) -> Key:
        chosen = {name: values[name] for name in sections}
        found = plugins_of(chosen)
        return Key(
            stage, {"code": code, **chosen, **parts, **({"plugins": found} if found else {})}
        )

    world = values["prices"]["synthetic"] if config.prices.source == "synthetic" else None
    market = key("market", prices_sha256=digest.market)
    readings = key(
        "readings",
        stories_sha256=digest.news,
        instruments_sha256=file_sha256(config.instruments),
        lexicon_sha256=file_sha256(config.lexicon),
        world=world,
    )
    features = key(
        "features",
        *("start", "end", "universe", "clock", "features"),
        readings=readings.sha256,
        prices_sha256=digest.market,
    )
    # Labels know what a round trip costs: see `backtests.inputs.round_trip_of`.
    broker = {name: values["broker"][name] for name in ROUND_TRIP}
    plan = file_sha256(config.broker.costs_file)
    labels = key("labels", "label", features=features.sha256, broker=broker, costs_sha256=plan)
    answers = key(
        "answers", "split", "classifier", "seed", features=features.sha256, labels=labels.sha256
    )
    signals = key("signals", "decision", answers=answers.sha256)
    return Keys(market, readings, features, labels, answers, signals)


class Line:
    """The stages of one config, through a cache.

    Parameters
    ----------
    config : RunConfig
        The config.
    digest : Digest
        Of what it reads.
    cache : Cache
        Where artefacts are kept.
    load : callable, optional
        Returns the loaded inputs, should anything have to be read again.
    """

    def __init__(
        self,
        config: RunConfig,
        digest: Digest,
        cache: Cache,
        load: Callable[[], Inputs] | None = None,
    ) -> None:
        self.config = config
        self.keys = keys_of(config, digest)
        self._digest = digest
        self._cache = cache
        self._load = load or self._load_again

    def ground(self) -> Inputs:
        """Return what trading and learning stand on; without stories, which the readings hold."""
        key = Key(
            "ground",
            {
                "group": input_group(self.config),
                "clock": str(self.config.clock),
                "prices_sha256": self._digest.market,
            },
        )
        return self._cache.memo(key, self._ground)

    def answers(self) -> Answers:
        """Return the out-of-sample answers."""
        return self._cache.get(self.keys.answers, codecs.ANSWERS, self._answers)

    def signals(self) -> list[Signal]:
        """Return the signals; kept in memory alone, since deciding is as fast as reading."""
        return self._cache.memo(
            self.keys.signals,
            lambda: stages.decide(
                self.config, self.ground(), self.answers().predictions, self._features()
            ),
        )

    def prepare(self) -> None:
        """See to it that all that the trials share is on disk."""
        self.ground()
        self.answers()

    def prepare_reading(self) -> None:
        """See to it that prices and readings are on disk: the rest can be done elsewhere."""
        self.ground()
        self._readings()

    def _readings(self) -> Sequence[Reading]:
        return self._cache.get(
            self.keys.readings, codecs.READINGS, lambda: stages.read_stories(self._load())
        )

    def _ground(self) -> Inputs:
        market = self._cache.get(self.keys.market, codecs.MARKET, lambda: self._load().market)
        instruments = instruments_of(self.config)
        calendar = hong_kong_calendar()
        return Inputs(
            market=market,
            store=NewsStore(":memory:"),
            rejections=(),
            instruments=instruments,
            calendar=calendar,
            clock=DecisionClock(calendar, self.config.clock),
            universe=Universe(self.config, instruments, market),
            lexicon=Lexicon.default(self.config.lexicon),
            sha256=self._digest.inputs,
            family_sha256=self._digest.family,
        )

    def _features(self) -> FeatureFrame:
        def compute() -> FeatureFrame:
            rows = stages.pool_rows(self.config, self.ground(), self._readings())
            return stages.build_features(self.config, self.ground(), rows)

        return self._cache.get(self.keys.features, codecs.FEATURES, compute)

    def _labels(self) -> LabelFrame:
        return self._cache.get(
            self.keys.labels,
            codecs.LABELS,
            lambda: stages.label(self.config, self.ground(), self._features()),
        )

    def _answers(self) -> Answers:
        features, labels = self._features(), self._labels()
        predictions = stages.walk_forward(self.config, features, labels, baselines=False)
        quality = _quality(predictions, features, labels)
        return Answers(predictions, {**quality, PLACEBO: self._placebo_p(predictions)})

    def _placebo_p(self, predictions: Predictions) -> float | None:
        """Return how often stories on other dates rank as well: see `rank_ic_p`."""
        # Imported here: trials that find their answers in the cache have no use for it.
        from backtests.robustness.ground import ground_of
        from backtests.robustness.placebo import rank_ic_p
        from backtests.run import Learned

        config, inputs, features = self.config, self.ground(), self._features()
        signals = stages.decide(config, inputs, predictions, features)
        learned = Learned((), (), features, self._labels(), predictions, signals)
        return rank_ic_p(ground_of(config, inputs, learned))

    def _load_again(self) -> Inputs:
        inputs = load_inputs(self.config)
        require_same(digest_of(inputs), self._digest)
        return inputs


def _quality(
    predictions: Predictions, features: FeatureFrame, labels: LabelFrame
) -> dict[str, float | None]:
    """Return the figures of the answers as the report of a run has them."""
    sessions = features.sessions.rename("session")
    known = predictions.values.join(sessions).join(labels.values[["target", "forward_return"]])
    known = known[known["target"].notna() & known["forward_return"].notna()]
    sheet = prediction_sheet("predictions.model", known, "probability", labels.horizon)
    return {name: sheet.figures[name] for name in QUALITY}


def files_of(configs: Sequence[RunConfig]) -> dict[str, str | None]:
    """Return the hash of every file of the user's own that configs name, by its path."""
    named = {
        path
        for config in configs
        for key in OWN_TABLES
        if (path := attrgetter(key)(config)) is not None
    }
    return {path: file_sha256(path) for path in sorted(named)}
