"""What is decided live for a session is what the backtest decided for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backtests.config import LoadedConfig, load_config
from backtests.folder import read_run
from backtests.live import coming_session
from markets.clock import parse_instant
from markets.errors import UsageError


@pytest.fixture
def loaded(small_config: Path) -> LoadedConfig:
    return load_config(small_config, environment={})


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_live_orders_are_the_backtests_orders(
    loaded: LoadedConfig, small_run: Path, place: float
) -> None:
    past = read_run(small_run)
    sessions = past.orders["effective_session"].drop_duplicates()
    session = sessions.iloc[int(place * len(sessions))]
    coming = coming_session(loaded, parse_instant(f"{session.date()}T08:58:00+08:00"))
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
        coming_session(loaded, datetime(2022, 1, 3, tzinfo=UTC))
