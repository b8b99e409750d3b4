"""Nothing decided before an instant changes by one bit, whatever happens after it.

The whole line runs on a small known-answer market; then everything after a random instant is
deleted, scrambled or added to, and the line runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backtests.config import RunConfig, load_config
from backtests.inputs import Inputs, load_inputs
from backtests.journal import Journal
from backtests.result import EngineResult
from backtests.run import Learned, learn, trade
from signals.news import NewsItem
from signals.store import NewsStore


@dataclass(frozen=True, repr=False)
class Run:
    """One run of the whole line."""

    config: RunConfig
    inputs: Inputs
    learned: Learned
    engine: EngineResult


def run_line(config: RunConfig, inputs: Inputs) -> Run:
    learned = learn(config, inputs, Journal())
    return Run(config, inputs, learned, trade(config, inputs, learned)[0])


@pytest.fixture(scope="module")
def full(small_config: Path) -> Run:
    config = load_config(small_config, environment={}).config
    return run_line(config, load_inputs(config))


def truncated(inputs: Inputs, session: date, instant: datetime) -> Inputs:
    """Delete bars from `session` on and stories after `instant`."""
    day_before = (pd.Timestamp(session) - pd.Timedelta(days=1)).date()
    market = inputs.market.until(day_before)
    items = (item for item in inputs.store.items() if item.available_at <= instant)
    return replace(inputs, market=market, store=stored(items))


def scrambled(inputs: Inputs, session: date, instant: datetime) -> Inputs:
    """Permute later bars and give later stories other words."""
    day = pd.Timestamp(session)
    draws = np.random.default_rng(7)
    bars = {}
    for ticker, frame in inputs.market.bars.items():
        later = frame.loc[day:]
        moved = later.iloc[draws.permutation(len(later))].set_axis(later.index) * 1.7
        bars[ticker] = pd.concat([frame.loc[: day - pd.Timedelta(days=1)], moved])
    market = replace(inputs.market, bars=bars)
    return replace(inputs, market=market, store=stored(reworded(inputs, instant)))


def added(inputs: Inputs, session: date, instant: datetime) -> Inputs:
    """Add a loud story on every ticker after every later story."""
    more = [
        replace(item, item_id=f"{item.item_id}-more", title=f"{item.title} 停牌 profit warning")
        for item in inputs.store.items()
        if item.available_at > instant
    ]
    return replace(inputs, store=stored([*inputs.store.items(), *more]))


def reworded(inputs: Inputs, instant: datetime) -> list[NewsItem]:
    items = list(inputs.store.items())
    titles = [item.title[::-1] for item in items if item.available_at > instant]
    return [
        replace(item, title=titles.pop(), body="") if item.available_at > instant else item
        for item in items
    ]


def stored(items: object) -> NewsStore:
    store = NewsStore(":memory:")
    report = store.add(items)  # type: ignore[arg-type]
    assert report.rejected == 0
    return store


FUTURES = {"deleted": truncated, "scrambled": scrambled, "added to": added}


@pytest.mark.parametrize("change", FUTURES.values(), ids=FUTURES)
# Each example is a whole run: five a future, and none spent on making a failure smaller.
@settings(max_examples=5, phases=[Phase.generate])
@given(place=st.floats(0.15, 0.95))
def test_the_past_keeps_every_bit(
    full: Run, change: Callable[[Inputs, date, datetime], Inputs], place: float
) -> None:
    traded = full.engine.equity.index
    session = traded[int(place * (len(traded) - 1))].date()
    instant = full.inputs.clock.cutoff_at(session)
    other = run_line(full.config, change(full.inputs, session, instant))

    before = pd.Timestamp(full.inputs.clock.decision_at(session))
    for name in ("features", "answers"):
        mine, theirs = (_decided(run, name, before) for run in (full, other))
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    mine, theirs = (_signals(run, before) for run in (full, other))
    assert mine == theirs
    assert len(mine) > 0

    day = pd.Timestamp(session)
    for table, column in (("orders", "effective_session"), ("fills", "session")):
        mine, theirs = (getattr(run.engine, table) for run in (full, other))
        known = ["order_id", "ticker", "side", "shares", "effective_session", "signal_id"]
        columns = known if table == "orders" else list(mine.columns)
        until = mine[column] <= day if table == "orders" else mine[column] < day
        shown = theirs[column] <= day if table == "orders" else theirs[column] < day
        pd.testing.assert_frame_equal(
            mine.loc[until, columns], theirs.loc[shown, columns], check_exact=True
        )
    mine, theirs = (run.engine.equity.loc[: day - pd.Timedelta(days=1)] for run in (full, other))
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)


def _decided(run: Run, name: str, until: pd.Timestamp) -> pd.DataFrame:
    frame = run.learned.features.values if name == "features" else run.learned.predictions.values
    return frame[frame.index.get_level_values("decision_at") <= until]


def _signals(run: Run, until: pd.Timestamp) -> list[object]:
    return [signal for signal in run.learned.signals if signal.decided_at <= until]
