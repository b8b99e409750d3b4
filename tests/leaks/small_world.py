"""The small known-answer market that leaks are planted in."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from backtests.config import RunConfig
from markets.prices import MarketData
from markets.sources.synthetic import SyntheticSettings, World, world

START, END = date(2022, 10, 3), date(2024, 1, 31)
TICKERS = ("99001.HK", "99002.HK", "99003.HK")
TALKATIVE = tuple(f"9900{number}.HK" for number in range(1, 9))
CLASSIFIER: dict[str, Any] = {
    "min_calibration_rows": 20,
    "params": {"C": 0.05},
    "text": {"min_train_rows": 50, "min_rows_per_term": 4},
}


def settings(seed: int = 20250912) -> SyntheticSettings:
    """Three companies, sixteen months, 300 stories."""
    return SyntheticSettings(seed=seed, start=START, end=END, tickers=3, n_stories=300)


@cache
def small_world(seed: int = 20250912) -> World:
    """The market and its plan, built once a process."""
    return world(settings(seed))


@cache
def talkative_world() -> World:
    """Eight companies and 640 stories: what shows only in many reports of moves needs many."""
    return world(settings().model_copy(update={"tickers": 8, "n_stories": 640}))


def market() -> MarketData:
    """The honest market."""
    return small_world().market


def clean_config(seed: int = 20250912, **changes: Any) -> RunConfig:
    """An honest run on it: three test windows, fitted words, a fill or two a week."""
    values: dict[str, Any] = {
        "name": "clean",
        "start": date(2023, 1, 3),
        "end": END,
        "prices": {"source": "synthetic", "synthetic": settings(seed)},
        "news": {"source": "synthetic"},
        "split": {"min_train_rows": 50, "min_train_months": 3, "embargo_sessions": 5},
        "classifier": CLASSIFIER,
        "decision": {"threshold": "fixed", "long_above": 0.501, "short_below": 0.499},
    }
    return RunConfig(**{**values, **changes})
