"""Trace: everything a run decides, stage by stage, as tables that can be compared bit by bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtests import run as line
from backtests import stages
from backtests.config import RunConfig
from backtests.inputs import Inputs
from backtests.journal import Journal
from backtests.result import EngineResult
from backtests.robustness.cuts import Cut
from backtests.run import Learned
from signals.decisions import Signal, thresholds_of
from signals.events.schema import Event
from signals.features.base import FeatureFrame, Row
from signals.labels import LabelFrame
from signals.news import NewsItem

if TYPE_CHECKING:
    from signals.events.extract import Reader

STAGES = (
    "readings",
    "rows",
    "features",
    "labels",
    "splits",
    "probabilities",
    "signals",
    "orders",
    "fills",
    "equity",
)
"""In order of the line: a leak is named by the first of them that moves."""

Memory = dict[NewsItem, tuple[Event, ...]]
"""What stories were read as."""

_OF_JOURNAL = {
    "reading": "readings",
    "features": "features",
    "labels": "labels",
    "walk-forward": "probabilities",
    "decisions": "signals",
}
_FAILED = "_stage_of_the_line"

_ORDER_COLUMNS = ("ticker", "side", "shares", "effective_session", "signal_id")
_FILL_COLUMNS = ("order_id", "ticker", "side", "shares", "price_hkd", "cost_hkd", "signal_id")


@dataclass(frozen=True, eq=False)
class Table:
    """One stage.

    Attributes
    ----------
    values : DataFrame
        One row for each thing decided, uniquely and stably named by its index.
    when : ndarray
        When each row was decided or known: datetime64[us] UTC for readings, else a session.
    """

    values: pd.DataFrame
    when: np.ndarray


class RememberingReader:
    """A reader that reads equal stories once: reading depends on the story alone.

    Parameters
    ----------
    inputs : Inputs
        Whose instruments and lexicon it reads by; their reader is built when a story needs it.
    memory : dict
        Filled as stories are read; shared by the runs of an audit.
    """

    def __init__(self, inputs: Inputs, memory: Memory) -> None:
        self._inputs = inputs
        self._memory = memory

    @cached_property
    def _reader(self) -> Reader:
        return self._inputs.reader()

    def read(self, item: NewsItem) -> tuple[Event, ...]:
        """Return the events of a story."""
        if item not in self._memory:
            self._memory[item] = self._reader.read(item)
        return self._memory[item]


@dataclass(frozen=True, eq=False)
class Trace:
    """A run of the line, kept for comparison.

    Attributes
    ----------
    config, inputs
        What was run; `inputs` may be changed ones.
    learned : Learned
        The learning half.
    engine : EngineResult
        The chosen strategy's orders, fills and equity.
    """

    config: RunConfig
    inputs: Inputs
    learned: Learned
    engine: EngineResult

    def tables(self, cut: Cut, *, open_known: bool = False) -> dict[str, Table]:
        """Return each stage with the rows that were decided or known at a cut, by name.

        Parameters
        ----------
        cut : Cut
            What was known.
        open_known : bool
            Whether the open of the cut's session is known too: then its labels and fills are.
        """
        last = np.datetime64(cut.session if open_known else cut.known_session, "D")
        decided = np.datetime64(cut.session, "D")
        limits: dict[str, np.datetime64] = {
            "readings": np.datetime64(cut.instant.replace(tzinfo=None), "us"),
            "labels": last,
            "orders": np.datetime64(cut.known_session, "D"),
            "fills": last,
            "equity": np.datetime64(cut.known_session, "D"),
        }
        found = {}
        for name, table in self._tables().items():
            kept = table.when <= limits.get(name, decided)
            found[name] = Table(table.values[kept], table.when[kept])
        return found

    def _tables(self) -> dict[str, Table]:
        learned = self.learned
        return {
            "readings": _readings(learned),
            "rows": rows_table(learned.rows),
            "features": _features(learned.features),
            "labels": labels_table(learned.labels),
            "splits": _splits(self),
            "probabilities": _probabilities(learned),
            "signals": signals_table(learned.signals),
            "orders": _orders(self.engine),
            "fills": _fills(self.engine),
            "equity": _equity(self.engine),
        }


def trace(
    config: RunConfig,
    inputs: Inputs,
    memory: Memory,
    *,
    start: date | None = None,
    until: Cut | None = None,
) -> Trace:
    """Run the line on inputs, as `backtests.run` does, baselines left out.

    Parameters
    ----------
    config, inputs
        Of the run.
    memory : dict
        What was read before; see `RememberingReader`.
    start : date, optional
        First session to trade in; by default that of the first test window.
    until : Cut, optional
        Decide to its session and trade to the one before, as on that day.
    """
    reader = RememberingReader(inputs, memory)
    deciding = config if until is None else config.model_copy(update={"end": until.session})
    trading = config if until is None else config.model_copy(update={"end": until.known_session})
    journal = Journal()
    try:
        learned = line.learn(deciding, inputs, journal, reader, baselines=False)
        begin = start or learned.predictions.folds[0].test_start
        engine = stages.trade_one(trading, inputs, learned.signals, config.strategy, begin)
    except Exception as error:
        done = journal.seconds
        # An attribute: it goes with the error through whatever process boundary lies on its way.
        vars(error)[_FAILED] = next(
            (stage for name, stage in _OF_JOURNAL.items() if name not in done), "orders"
        )
        raise
    return Trace(config, inputs, learned, engine)


def failed_stage(error: Exception) -> str:
    """Return the stage in which a run of the line failed."""
    return str(vars(error).get(_FAILED, "line"))


def features_table(features: FeatureFrame, cut: Cut) -> dict[str, Table]:
    """Return the stage of features alone, with the rows decided by a cut."""
    table = _features(features)
    kept = table.when <= np.datetime64(cut.session, "D")
    return {"features": Table(table.values[kept], table.when[kept])}


def orders_table(engine: EngineResult, cut: Cut) -> dict[str, Table]:
    """Return the stage of orders alone, with those decided by a cut: after the last known close."""
    table = _orders(engine)
    kept = table.when <= np.datetime64(cut.known_session, "D")
    return {"orders": Table(table.values[kept], table.when[kept])}


def labels_table(labels: LabelFrame) -> Table:
    """Return the stage of labels alone; each is known in the session of its `t1`."""
    values = labels.values
    names = pd.Index(_decision_names(values.index), dtype="object")
    return Table(values.set_axis(names, axis=0), _days(values["t1"]))


def _days(values: Any) -> np.ndarray:
    return np.asarray(pd.DatetimeIndex(values).to_numpy().astype("datetime64[D]"))


def _table(names: Sequence[str], columns: Mapping[str, Any], when: Any) -> Table:
    return Table(pd.DataFrame(dict(columns), index=pd.Index(list(names), dtype="object")), when)


def _decision_names(index: pd.Index) -> list[str]:
    return [f"{at:%Y-%m-%d %H:%M} {ticker}" for at, ticker in index]


def _readings(learned: Learned) -> Table:
    names, texts, events, instants = [], [], [], []
    for item, found in learned.readings:
        names.append(f"{item.source}/{item.item_id}")
        texts.append(item.text)
        events.append(repr(found))
        instants.append(_instant(item.available_at))
    return _table(names, {"text": texts, "events": events}, np.array(instants, "datetime64[us]"))


def _instant(at: datetime) -> np.datetime64:
    return np.datetime64(at.replace(tzinfo=None), "us")


def rows_table(rows: Sequence[Row]) -> Table:
    """Return the stage of rows alone."""
    columns = {
        "items": [repr([(item.source, item.item_id) for item in row.items]) for row in rows],
        "events": [repr(row.events) for row in rows],
    }
    names = [f"{row.decision_at:%Y-%m-%d %H:%M} {row.ticker}" for row in rows]
    return _table(names, columns, _days([row.session for row in rows]))


def _features(features: FeatureFrame) -> Table:
    names = _decision_names(features.values.index)
    values = features.values.set_axis(pd.Index(names, dtype="object"), axis=0)
    extra = pd.DataFrame(
        {"text": features.texts.to_numpy(), "story_keys": [repr(k) for k in features.story_keys]},
        index=values.index,
    )
    return Table(pd.concat([values, extra], axis=1), _days(features.sessions))


def _splits(traced: Trace) -> Table:
    """Return what each fold learned from: rows, model, calibration, thresholds."""
    folds = traced.learned.predictions.folds
    settings = traced.config.decision
    bounds = [thresholds_of(fold, settings) for fold in folds]
    samples = [fold.calibration_sample.to_numpy(dtype="float64").tobytes() for fold in folds]
    columns = {
        "train_start": [str(fold.train_start) for fold in folds],
        "train_end": [str(fold.train_end) for fold in folds],
        "train_rows": [fold.train_rows for fold in folds],
        "calibration_rows": [fold.calibration_rows for fold in folds],
        "model_sha256": [fold.model_sha256 for fold in folds],
        "slope": [fold.slope for fold in folds],
        "shift": [fold.shift for fold in folds],
        "calibration_sample": [hashlib.sha256(sample).hexdigest() for sample in samples],
        "long_above": [bound.long_above for bound in bounds],
        "short_below": [bound.short_below for bound in bounds],
    }
    names = [f"fold {fold.fold} from {fold.test_start}" for fold in folds]
    # A fold is there once a row stands in its window; its first row says when.
    return _table(names, columns, _days([_first_answer(traced, fold.fold) for fold in folds]))


def _first_answer(traced: Trace, fold: int) -> date:
    predictions = traced.learned.predictions
    mine = np.flatnonzero(predictions.values["fold"].to_numpy() == fold)
    place = int(predictions.positions.to_numpy()[mine[0]])
    session: date = traced.learned.features.sessions.iloc[place].date()
    return session


def _probabilities(learned: Learned) -> Table:
    predictions = learned.predictions
    names = _decision_names(predictions.values.index)
    sessions = learned.features.sessions.iloc[predictions.positions.to_numpy()]
    values = predictions.values[["fold", "probability", "model_sha256"]]
    return Table(values.set_axis(pd.Index(names, dtype="object"), axis=0), _days(sessions))


def signals_table(signals: Sequence[Signal]) -> Table:
    """Return the stage of signals alone."""
    columns = {
        name: [str(getattr(signal, name)) for signal in signals]
        for name in ("signal_id", "decided_at", "expires_session", "direction", "event_ids")
    }
    columns["probability"] = [signal.probability for signal in signals]  # type: ignore[misc]
    names = [f"{signal.effective_session} {signal.ticker}" for signal in signals]
    return _table(names, columns, _days([signal.effective_session for signal in signals]))


def _orders(engine: EngineResult) -> Table:
    orders = engine.orders
    names = [
        f"order {number} decided {day:%Y-%m-%d} {ticker}"
        for number, day, ticker in zip(
            orders["order_id"], orders["decided_session"], orders["ticker"], strict=True
        )
    ]
    return _table(
        names,
        {name: orders[name].to_numpy() for name in _ORDER_COLUMNS},
        _days(orders["decided_session"]),
    )


def _fills(engine: EngineResult) -> Table:
    fills = engine.fills
    names = [
        f"fill {number} on {day:%Y-%m-%d} {ticker}"
        for number, day, ticker in zip(
            fills["fill_id"], fills["session"], fills["ticker"], strict=True
        )
    ]
    columns = {name: fills[name].to_numpy() for name in _FILL_COLUMNS}
    return _table(names, columns, _days(fills["session"]))


def _equity(engine: EngineResult) -> Table:
    equity = engine.equity[["equity_hkd", "cash_hkd", "holdings_hkd"]]
    names = [f"{day:%Y-%m-%d}" for day in equity.index]
    return Table(equity.set_axis(pd.Index(names, dtype="object"), axis=0), _days(equity.index))
