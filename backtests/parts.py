"""check_parts: what a config names exists and takes its values, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from backtests.config import RunConfig
from backtests.engine import checked_strategy
from backtests.inputs import index_name, instruments_of, own_tables, require_indices
from markets.designated import DesignatedList
from markets.instruments import Instruments
from markets.plugins import load
from markets.sources import index_names, open_source
from markets.validation import require_known
from signals.events.lexicon import Lexicon
from signals.sources import open_news


def check_parts(config: RunConfig, *, both_engines: bool = False) -> None:
    """Refuse what a run would refuse later, as far as config and its own files can tell.

    No price and no story is read.

    Parameters
    ----------
    config : RunConfig
        Its values are of the right kind already.
    both_engines : bool
        Whether the compiled engine has to serve it too, whichever the config names.

    Raises
    ------
    ConfigError
        If a name stands for nothing, a part does not take its parameters, or the engine does not
        serve them.
    DataError
        If an own file cannot be read, or a row of it is wrong.
    """
    check_line(config)
    _check_trading(config, both_engines)
    for name in config.reports.extra:
        load("reports", name, where="reports.extra")


def check_line(config: RunConfig) -> None:
    """Refuse what stands before trading: own tables, sources, groups, label and classifier.

    Raises
    ------
    ConfigError, DataError
        As `check_parts`.
    """
    _check_tables(config)
    _check_sources(config)
    _check_learning(config)


def _check_tables(config: RunConfig) -> None:
    own_tables(config)
    if config.instruments is not None:
        Instruments.from_toml(Path(config.instruments))
    if config.lexicon is not None:
        Lexicon.default(config.lexicon)
    if isinstance(config.universe, str) and config.universe != "all":
        index_name(config.universe, instruments_of(config))


def _check_sources(config: RunConfig) -> None:
    open_source(config.prices, Path())
    indices = index_names(config.prices)
    if indices is not None:
        require_indices(config, indices)
    if config.news.source != "synthetic":
        load("news_sources", config.news.source, ("synthetic",), "news.source")
    elif config.prices.source != "synthetic":
        open_news(config.news)


def _check_learning(config: RunConfig) -> None:
    # Imported here: they have scikit-learn in them.
    from signals.classifiers.build import classifier_of, require_params
    from signals.classifiers.tuning import grid
    from signals.features.build import groups_of, memory_of
    from signals.labels import FORWARD_RETURN
    from signals.own_labels import labeler_of
    from signals.training import groups_seen

    if config.label.name != FORWARD_RETURN:
        labeler_of(config.label)
    else:  # its settings are keys of the section; a label of one's own alone knows what it takes
        where = f"label.params of {FORWARD_RETURN}"
        require_known(config.label.params, (), part="label", where=where)
    groups = groups_of(config.features)
    for group in groups:
        memory_of(group)
    chosen = config.classifier
    groups_seen(chosen, [group.name for group in groups])
    require_params(chosen)
    for params in grid(chosen)[:1]:  # the names are those of every combination
        one = chosen.model_copy(update={"params": params, "tune": {}})
        classifier_of(one, config.seed, columns=len(config.features.groups))


def _check_trading(config: RunConfig, both_engines: bool) -> None:
    from backtests.compiled.trials import require_served

    broker = config.broker
    broker.schedule()
    if broker.short.enabled and broker.short.designated is not None:
        DesignatedList.read(Path(broker.short.designated))
    checked_strategy(config.strategy, config.seed)
    if both_engines or broker.engine == "compiled":
        require_served(config.strategy, broker, config.seed)
