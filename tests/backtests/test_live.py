"""What is decided live for a session is what the backtest decided for it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from backtests.config import LoadedConfig, load_config
from backtests.folder import read_run
from backtests.live import coming_session
from backtests.run import run
from backtests.view import RunView
from markets.errors import UsageError

SMALL = """
name = "live"
start = 2022-10-03
end = 2023-08-31
[prices.synthetic]
tickers = 5
n_stories = 600
edge_bp = 300
end = 2023-08-31
[split]
min_train_months = 4
min_train_rows = 60
test_window = "month"
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedConfig:
    path = tmp_path_factory.mktemp("live") / "live.toml"
    path.write_text(SMALL, encoding="utf-8")
    return load_config(path, environment={})


@pytest.fixture(scope="module")
def past(loaded: LoadedConfig, tmp_path_factory: pytest.TempPathFactory) -> RunView:
    return read_run(run(loaded, tmp_path_factory.mktemp("runs"), show=False))


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_live_orders_are_the_backtests_orders(
    loaded: LoadedConfig, past: RunView, place: float
) -> None:
    sessions = past.orders["effective_session"].drop_duplicates()
    session = sessions.iloc[int(place * len(sessions))]
    coming = coming_session(loaded, f"{session.date()}T08:58:00+08:00")
    assert coming["session"] == str(session.date())
    mine = past.orders[past.orders["effective_session"] == session]
    assert [(o["ticker"], o["side"], o["shares"]) for o in coming["orders"]] == list(
        mine[["ticker", "side", "shares"]].itertuples(index=False, name=None)
    )
    signals = past.signals[past.signals["effective_session"] == session]
    assert {(s["ticker"], s["probability"]) for s in coming["signals"]} == set(
        signals[["ticker", "probability"]].itertuples(index=False, name=None)
    )


def test_an_instant_before_the_run_is_refused(loaded: LoadedConfig) -> None:
    with pytest.raises(UsageError, match="before the run"):
        coming_session(loaded, str(pd.Timestamp("2022-01-03", tz="UTC").isoformat()))
