"""run: the straight line from a config to a finished run folder.

``Inputs`` → `learn` → signals → `trade` → `judge` → run folder; each step reads only what the one
before it made.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from backtests import stages
from backtests.ambiguous import CountingReader
from backtests.checks import checks_of
from backtests.config import LoadedConfig, RunConfig
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.parts import check_parts
from backtests.provenance import provenance_of
from backtests.reports import ReportSettings
from backtests.result import BacktestResult, EngineResult
from backtests.trials import Ledger
from markets.errors import DataError
from signals.decisions import Signal
from signals.features import FeatureSettings
from signals.features.base import FeatureFrame, Row
from signals.features.rows import Reading
from signals.pipeline import EventReader
from strategies.base import StrategySettings

if TYPE_CHECKING:
    from backtests.view import RunView
    from signals.labels import LabelFrame
    from signals.training import Predictions

COMPARED = "compared_fills"
"""Of the trading stage in a run's log: fills of which two engines agree in every value."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What came out of the learning half of the line.

    Attributes
    ----------
    readings : sequence of (NewsItem, tuple of Event)
        Every story with its events, in order of `available_at`.
    rows : sequence of Row
        Decisions with their stories and events.
    features, labels, predictions, signals
        As each stage made them.
    left_out : CountingReader or None
        What the reading left out: languages that are not read, ambiguous names. None where a
        reader of the caller's own read.
    """

    readings: Sequence[Reading]
    rows: Sequence[Row]
    features: FeatureFrame
    labels: LabelFrame
    predictions: Predictions
    signals: list[Signal]
    left_out: CountingReader | None = None


def run(loaded: LoadedConfig, out: Path, *, show: bool | None = None, check: bool = False) -> Path:
    """Run a config and write its folder.

    Parameters
    ----------
    loaded : LoadedConfig
        The config with the origins of its values.
    out : Path
        Folder of run folders; the trial ledger lies in it.
    show : bool, optional
        Whether to show progress; by default where stderr is a terminal.
    check : bool
        Whether to trade by both engines and fail on the first difference; else the log says on how
        many fills they agree, those of the baselines among them.

    Returns
    -------
    Path
        The finished run folder. An interrupted or failed run leaves none, but stays in the ledger.
    """
    config = loaded.config
    check_parts(config, both_engines=check)
    journal = Journal(show=sys.stderr.isatty() if show is None else show)
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}_{config.name}_{config.sha256()[:8]}"
    ledger = Ledger(out / "ledger.sqlite")
    partial = out / f".{run_id}.{os.getpid()}"
    with ledger.look(run_id, config.name, config.sha256()) as look:
        try:
            view = backtest(config, journal, models=partial / "models", check=check)
            with journal.stage("writing"):
                folder = _write(partial, out / run_id, view, config.reports, journal, started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        look |= {name: view.manifest[name] for name in ("inputs_sha256", "family_sha256")}
        look["metrics"] = _headline(view)
    return folder


def backtest(
    config: RunConfig,
    journal: Journal | None = None,
    *,
    models: Path | None = None,
    check: bool = False,
) -> RunView:
    """Run the whole line in memory and return what a report shows.

    Parameters
    ----------
    config : RunConfig
        The run.
    journal : Journal, optional
        Told of each stage.
    models : Path, optional
        Where the models of the folds go, if the config saves them.
    check : bool
        Whether to trade by both engines and fail on the first difference.

    Raises
    ------
    NewswakeError
        If the config or the data do not allow a run; see `markets.errors`.
    """
    from backtests.view import view_of

    journal = journal or Journal()
    with journal.stage("loading") as found:
        inputs = load_inputs(config)
        found |= {"tickers": len(inputs.market.tickers), "stories": len(inputs.store)}
    learned = learn(config, inputs, journal)
    if models is not None and config.classifier.save_models:
        from signals.classifiers.storage import save_models

        save_models(learned.predictions, models)
    with journal.stage("trading") as found:
        engine, baselines = trade(config, inputs, learned, check=check)
        found |= {"orders": len(engine.orders), "fills": len(engine.fills)}
        if check:
            found[COMPARED] = sum(len(one.fills) for one in (engine, *baselines.values()))
    with journal.stage("judging"):
        result = judge(config, inputs, learned, engine, baselines)
    return view_of(
        result,
        market=inputs.market,
        rows=learned.rows,
        folds=[fold.as_dict() for fold in learned.predictions.folds],
        rejections=inputs.rejections,
    )


def learn(
    config: RunConfig,
    inputs: Inputs,
    journal: Journal,
    reader: EventReader | None = None,
    *,
    baselines: bool = True,
) -> Learned:
    """Read, compute features and labels, walk forward, decide.

    Parameters
    ----------
    config, inputs, journal
        Of the run.
    reader : EventReader, optional
        Reads the stories; by default the inputs' own.
    baselines : bool
        Whether other classifiers answer beside the model, as they do in every run.
    """
    with journal.stage("reading") as found:
        counting = CountingReader(inputs.reader())
        read = stages.read_stories(inputs, reader or counting)
        found |= {"stories": len(read), "events": sum(len(events) for _, events in read)}
    with journal.stage("features") as found:
        rows = stages.pool_rows(config, inputs, read)
        features = stages.build_features(config, inputs, rows)
        found |= {"rows": len(features), "columns": features.values.shape[1]}
    with journal.stage("labels") as found:
        labels = stages.label(config, inputs, features)
        found |= {"labels": len(labels)}
    with journal.stage("walk-forward") as found:
        predictions = stages.walk_forward(config, features, labels, baselines=baselines)
        found |= {"folds": len(predictions.folds), "predictions": len(predictions.values)}
    with journal.stage("decisions") as found:
        signals = stages.decide(config, inputs, predictions, features)
        found |= {"signals": len(signals), "acting": sum(s.direction != 0 for s in signals)}
    left_out = counting if reader is None else None
    return Learned(read, rows, features, labels, predictions, signals, left_out)


def trade(
    config: RunConfig, inputs: Inputs, learned: Learned, *, check: bool = False
) -> tuple[EngineResult, dict[str, EngineResult]]:
    """Trade the signals, and the same market by the baseline strategies."""
    start = stages.first_session(config, learned.predictions)

    def engine(strategy: StrategySettings) -> EngineResult:
        return stages.trade_one(config, inputs, learned.signals, strategy, start, check=check)

    chosen = _with_benchmark(engine(config.strategy), config, inputs)
    baselines = {
        strategy.name: engine(strategy)
        for strategy in _baselines(config.strategy, chosen, config.seed)
    }
    return chosen, baselines


def judge(
    config: RunConfig,
    inputs: Inputs,
    learned: Learned,
    engine: EngineResult,
    baselines: Mapping[str, EngineResult],
) -> BacktestResult:
    """Compute every metric and check of a run."""
    from backtests.metrics import summarize
    from backtests.metrics.breakdowns import kinds_of

    predicted = _predicted(learned, config.features)
    signals = pd.DataFrame([asdict(signal) for signal in learned.signals])
    metrics = summarize(
        engine,
        capital_hkd=config.broker.cash_hkd,
        baselines=baselines,
        predicted=predicted,
        signals=signals,
        event_kinds=kinds_of(learned.rows),
        horizon=config.label.horizon,
        seed=config.seed,
        planted_edge_bp=_planted_edge_bp(config),
    )
    return BacktestResult(
        config=config.model_dump(mode="json"),
        signals=signals,
        predictions=predicted,
        engine=engine,
        baselines=baselines,
        metrics=metrics,
        checks=checks_of(
            config,
            inputs,
            learned.signals,
            engine,
            learned.features.memory,
            learned.predictions.folds,
            learned.left_out,
        ),
        provenance=provenance_of(config, inputs),
    )


def _planted_edge_bp(config: RunConfig) -> float | None:
    """Return the edge that the news of a run has by construction; None where nobody knows it."""
    synthetic = config.prices.source == config.news.source == "synthetic"
    return config.prices.synthetic.edge_bp if synthetic else None


def _with_benchmark(engine: EngineResult, config: RunConfig, inputs: Inputs) -> EngineResult:
    """Return the result with what the capital would be worth in the benchmark index.

    Closes are known at their session's end; the first is that before the first session. A session
    that the index does not have keeps the value before.
    """
    if config.benchmark is None:
        return engine
    closes = inputs.market.indices[config.benchmark]["close"]
    sessions = engine.equity.index
    before = closes[closes.index < sessions[0]]
    base = before.iloc[-1] if len(before) else closes.reindex(sessions).dropna().iloc[0]
    level = closes.reindex(sessions).ffill().fillna(base) / base * config.broker.cash_hkd
    return replace(engine, equity=engine.equity.assign(benchmark=level))


def baseline_names(chosen: StrategySettings) -> list[str]:
    """Return the names of the strategies that stand beside a chosen one."""
    return [*_holding(chosen), "random_entries"]


def _holding(chosen: StrategySettings) -> list[str]:
    return [name for name in ("buy_and_hold", "equal_weight") if name != chosen.name]


def _baselines(chosen: StrategySettings, engine: EngineResult, seed: int) -> list[StrategySettings]:
    """Return the strategies a signal strategy must beat; the random one has its habits."""
    from strategies.baselines import random_like

    weight = mean_weight(engine)
    random = random_like(engine.trades, weight=weight, seed=seed, reserve_bp=chosen.reserve_bp)
    return [*(StrategySettings(name=name) for name in _holding(chosen)), random]


def mean_weight(engine: EngineResult) -> float:
    """Return the mean part of equity that a run put into a position, for a random twin."""
    shorts = engine.trades.loc[engine.trades["side"] == "short", "trade_id"]
    buys, short = engine.fills["side"] == "buy", engine.fills["trade_id"].isin(shorts)
    entered = engine.fills[buys != short]
    if entered.empty:
        return 0.1
    equity = engine.equity["equity_hkd"].reindex(pd.DatetimeIndex(entered["session"]))
    weights = entered["consideration_hkd"].to_numpy() / equity.to_numpy()
    return float(min(1.0, max(0.001, weights.mean())))


def _predicted(learned: Learned, settings: FeatureSettings) -> pd.DataFrame:
    """Return predictions with what spoke for them, and what came of them where that is known."""
    # Imported here: scikit-learn comes with it.
    from signals.attribution import attributions
    from signals.classifiers.model import by_group

    outcome = learned.labels.values[["target", "forward_return", "t0", "t1"]]
    sessions = learned.features.sessions.rename("session")
    predicted = learned.predictions.values.join(sessions).join(outcome)
    weighed = learned.predictions.contributions()
    predicted["contributions"] = [json.dumps(_heaviest(weights)) for weights in weighed]
    predicted["groups"] = [json.dumps(by_group(weights or {})) for weights in weighed]
    rows = [learned.rows[at] for at in learned.predictions.positions]
    told = attributions(learned.predictions, learned.rows, learned.features, settings)
    predicted["by_story"] = [
        json.dumps(one.of(row)) if one else "" for one, row in zip(told, rows, strict=True)
    ]
    return predicted


def _heaviest(weights: Mapping[str, float] | None, most: int = 12) -> list[dict[str, Any]]:
    """Return what weighed most in an answer, the rest in one sum, so that the logit adds up."""
    if weights is None:
        return []
    ordered = sorted(weights.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    shown = [{"column": column, "logit": value} for column, value in ordered[:most]]
    rest = math.fsum(value for _, value in ordered[most:])
    return [*shown, {"column": f"{len(ordered) - most} more", "logit": rest}] if rest else shown


def _write(
    partial: Path,
    folder: Path,
    view: RunView,
    settings: ReportSettings,
    journal: Journal,
    started: datetime,
) -> Path:
    """Write a run folder elsewhere first, so that it is complete or absent."""
    from backtests.folder import write_run
    from backtests.provenance import clocks_of
    from backtests.reports import write_reports

    clocks = clocks_of(started, journal.seconds)
    view = replace(view, manifest={**view.manifest, **clocks}, folder=folder)
    write_run(partial, view)
    write_reports(partial, view, settings)
    (partial / "log.jsonl").write_text(journal.lines(), encoding="utf-8", newline="\n")
    return _rename(partial, folder)


def _rename(partial: Path, folder: Path) -> Path:
    """Rename into place; a run of the same second and config gets a number behind its name."""
    for place in (folder, *(folder.with_name(f"{folder.name}-{n}") for n in range(2, 100))):
        try:
            partial.rename(place)
        except OSError:
            if not place.exists():
                raise
        else:
            return place
    raise DataError("too many runs of one second", where=str(folder))


def _headline(view: RunView) -> dict[str, Any]:
    """Return the figures the ledger keeps, for the correction of multiple testing."""
    metrics = view.metrics
    performance, risk = metrics["performance"], metrics["risk"]
    return {
        "net_return": performance["total_return"],
        "sharpe": risk["sharpe"],
        "sessions": metrics["span"].get("sessions"),
        "rank_ic": metrics["predictions"].get("model", {}).get("rank_ic"),
        "combinations": max((fold["trials"] for fold in view.folds), default=1),
    }
