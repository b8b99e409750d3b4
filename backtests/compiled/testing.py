"""Random markets, signals and settings on which the engines must agree.

Plain seeds instead of generators of numbers: a law of thousands of cases must be cheap to draw, and
the benchmark draws the same cases without Hypothesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from backtests.broker import BrokerSettings
from markets.costs import CostSchedule
from markets.prices import MarketData, no_actions
from markets.settings import Settings
from signals.decisions import Signal
from strategies.base import SignalStrategy, StrategySettings, View

# Runs lie around dates on which duties or ticks changed.
_STARTS = ("2023-10-23", "2025-07-14", "2020-05-11", "2024-01-15")
_DAYS = 60
# Of splits, and how often each: the last leaves few holders a share, and no price a tick.
_RATIOS = (1.0, 2.0, 5.0, 0.1, 18 / 17, 1 / 3, 0.0004)
_OFTEN = (0.25, 0.14, 0.14, 0.14, 0.15, 0.14, 0.04)
# Where an order may be many times the volume: a larger impact leaves no price that is quoted.
FAINT_IMPACT = 0.05
# The last is a policy of a user's own.
STRATEGIES = (
    "event_hold",
    "top_ranked",
    "buy_and_hold",
    "equal_weight",
    "random_entries",
    "backtests.compiled.testing:Restless",
)


class RestlessParams(Settings):
    """Parameters of `Restless`."""

    seed: int = 0
    """Of its draws."""

    zeal: float = 0.5
    """How often it wants something."""

    lowest: float = 0.0
    """Lowest weight; below 0 it sells short."""


class Restless(SignalStrategy[RestlessParams]):
    """A pure policy that lets everything a view tells weigh in what it draws."""

    Params: ClassVar[type[Settings]] = RestlessParams

    def targets(self, view: View) -> Mapping[str, float]:
        """Return targets in the orders of the view's own mappings."""
        rng = np.random.default_rng([self.params.seed, view.session.toordinal()])
        found: dict[str, float] = {}
        for ticker in [*view.waiting, *view.holdings, *view.closes]:
            if rng.random() > self.params.zeal or ticker in found:
                continue
            past = view.history.last(ticker, "close", 5)
            rise = float(past[-1] / past[0]) - 1.0 if len(past) else 0.0
            known = sum(signal.direction * signal.size for signal in view.standing)
            known += sum(each.probability for each in view.signals if each.ticker == ticker)
            told = len(view.origins.get(ticker, "")) + view.ages.get(ticker, 0)
            part = view.cash_hkd / max(1.0, view.equity_hkd) + (ticker in view.traded) * 0.1
            part += (ticker in view.shortable) * 0.1
            weight = rng.normal(0.1, 0.3) + rise + 0.03 * known + 0.01 * told + 0.1 * part
            if self.params.lowest < 0.0 and rng.random() < 0.4:
                weight = -abs(weight) * 6.0
            found[ticker] = min(1.5, max(self.params.lowest, weight))
        return found


@dataclass(frozen=True)
class Weekdays:
    """A calendar of given sessions."""

    days: tuple[date, ...]

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the sessions from `start` to `end`."""
        return [day for day in self.days if start <= day <= end]

    def next_session(self, day: date, n: int = 1) -> date:
        """Return the n-th session after a day."""
        return [each for each in self.days if each > day][n - 1]

    def previous_session(self, day: date, n: int = 1) -> date:
        """Return the n-th session before a day."""
        return [each for each in self.days if each < day][-n]


@dataclass(frozen=True)
class OddLots:
    """Lots that differ by ticker and double within the run; every third ticker is a fund."""

    doubles: date
    unit: int

    def lot(self, ticker: str, day: date) -> int:
        """Return the lot of a ticker."""
        return int(ticker[:4]) * self.unit * (2 if day >= self.doubles else 1)

    def get(self, ticker: str) -> Any:
        """Return something that has a kind."""
        return SimpleNamespace(kind="etf" if int(ticker[:4]) % 3 == 0 else "equity")


@dataclass(frozen=True)
class Case:
    """One run: `arguments` are those of `backtests.engine.run_engine`."""

    arguments: dict[str, Any]

    @property
    def sessions(self) -> list[date]:
        """Sessions of the run."""
        calendar: Weekdays = self.arguments["calendar"]
        return calendar.sessions(self.arguments["start"], self.arguments["end"])


def random_case(
    seed: int, strategy: str, *, tickers: int = 4, sessions: int = 25, rough: bool = True
) -> Case:
    """Return a case drawn from a seed.

    Parameters
    ----------
    seed : int
        Of everything.
    strategy : str
        One of `STRATEGIES`.
    tickers, sessions : int
        At most so many.
    rough : bool
        Whether there may be halts, late listings, empty volume and corporate actions.
    """
    rng = np.random.default_rng([seed, 20250912])
    days = [day.date() for day in pd.bdate_range(str(rng.choice(_STARTS)), periods=_DAYS)]
    first = int(rng.integers(3, 15))
    least = 1 if rng.random() < 0.03 else min(8, sessions)
    run = days[first : first + int(rng.integers(least, sessions + 1))]
    names = [f"{number + 1:04d}.HK" for number in range(int(rng.integers(1, tickers + 1)))]
    history = days[int(rng.integers(0, first + 1)) : first + len(run) + 2]
    bars = {
        name: _bars(rng, history, whole=number == 0 or not rough)
        for number, name in enumerate(names)
    }
    adjusted = bool(rng.random() < 0.1)
    acts = rough and not adjusted and rng.random() < 0.6
    actions = _actions(rng, names, history) if acts else no_actions()
    signals = _signals(rng, names, days, first, len(run))
    broker = _broker(rng)
    settings = StrategySettings(
        name=strategy,
        params=_params(rng, strategy, run),
        reserve_bp=float(rng.choice([0.0, 50.0, 333.3])),
    )
    return Case(
        {
            "strategy": settings,
            "market": MarketData(bars, actions, adjusted=adjusted),
            "signals": signals,
            "start": run[0],
            "end": run[-1],
            "broker": broker,
            "instruments": OddLots(run[len(run) // 2], _unit(rng, bars, broker)),
            "calendar": Weekdays(tuple(days)),
            "costs": CostSchedule(str(rng.choice(["ibkr_hk_tiered", "futu_hk_fixed", "none"]))),
            "seed": int(rng.integers(0, 1000)),
            "universe": _universe(rng, names, days) if rng.random() < 0.25 else None,
        }
    )


def _universe(
    rng: np.random.Generator, names: list[str], days: list[date]
) -> dict[date, frozenset[str]]:
    """Return members that change now and then."""
    members = {name: bool(rng.random() < 0.85) for name in names}
    found = {}
    for day in days:
        for name in names:
            if rng.random() < 0.05:
                members[name] = not members[name]
        found[day] = frozenset(name for name in names if members[name])
    return found


def _broker(rng: np.random.Generator) -> BrokerSettings:
    share = rng.choice([0.0, 0.013, 0.1, 1.0])
    impact = 1.5 if share else FAINT_IMPACT
    return BrokerSettings(
        cash_hkd=float(rng.choice([900.0, 40_000.01, 1_000_000.0, 2e9], p=[0.03, 0.17, 0.4, 0.4])),
        slippage_ticks=int(rng.integers(0, 3)),
        slippage_bp=float(rng.choice([0.0, 3.5, 40.0])),
        impact=float(rng.choice([0.0, 0.0, impact])),
        impact_sessions=int(rng.integers(3, 7)),
        participation=float(share) or None,
        participation_of="previous" if rng.random() < 0.6 else "session",
        participation_sessions=int(rng.integers(1, 12)),
        max_wait_sessions=int(rng.integers(0, 4)),
    )


def _unit(rng: np.random.Generator, bars: dict[str, pd.DataFrame], broker: BrokerSettings) -> int:
    """Return the unit of lots: seldom one of which neither cash nor volume covers any."""
    frame = next(iter(bars.values()))
    volume = float(frame["volume"].median()) * (broker.participation or 1.0)
    most = min(0.05 * broker.cash_hkd / float(frame["close"].max()), 0.5 * volume)
    units = [unit for unit in (1, 100, 500) if unit <= most or rng.random() < 0.03]
    return int(rng.choice(units or [1]))


def _params(rng: np.random.Generator, strategy: str, run: list[date]) -> dict[str, Any]:
    if strategy == "event_hold":
        weight = float(rng.choice([0.0, 0.3, 1.0])) or None
        return {"max_positions": int(rng.integers(1, 5)), "weight": weight}
    if strategy.endswith("Restless"):
        return {"zeal": float(rng.choice([0.1, 0.3, 0.8]))}
    if strategy == "top_ranked":
        return {"k": int(rng.integers(1, 5)), "rebalance": bool(rng.random() < 0.5)}
    if strategy == "random_entries":
        entries = {day: int(rng.integers(0, 4)) for day in run if rng.random() < 0.7}
        return {
            "entries": entries,
            "hold_sessions": int(rng.integers(1, 5)),
            "weight": float(rng.choice([0.1, 0.45, 1.0])),
        }
    return {}


def _bars(rng: np.random.Generator, days: list[date], *, whole: bool) -> pd.DataFrame:
    count = len(days)
    level = float(rng.choice([0.3, 9.0, 45.0, 480.0, 2000.0]))
    digits = int(rng.choice([2, 3, 4]))
    close = np.round(level * np.exp(np.cumsum(rng.normal(0, 0.04, count))), digits)
    close = np.maximum(0.02, close)
    opens = np.maximum(0.02, np.round(close * np.exp(rng.normal(0, 0.02, count)), digits))
    halts = 0.0 if whole else float(rng.choice([0.0, 0.15, 0.4]))
    busy = float(rng.choice([3e3, 6e4, 1e7]))
    frame = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close),
            "low": np.minimum(opens, close),
            "close": close,
            "volume": np.round(rng.uniform(0, busy, count)) * (rng.random(count) >= halts / 4),
        },
        index=pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"), name="session"),
    )
    kept = rng.random(count) >= halts
    if not whole and rng.random() < 0.4:
        kept[: rng.integers(0, count)] = False
    return frame[kept]


def _actions(rng: np.random.Generator, names: list[str], days: list[date]) -> pd.DataFrame:
    count = int(rng.integers(1, 7))
    table = pd.DataFrame(
        {
            "ticker": pd.Series([str(name) for name in rng.choice(names, count)], dtype="str"),
            "ex_date": np.array(rng.choice(np.array(days), count), dtype="datetime64[s]"),
            "ratio": rng.choice(_RATIOS, count, p=_OFTEN),
            "cash_hkd": rng.choice([0.0, 0.37, 1.005, 0.123457, 3.0], count),
        }
    )
    waits = pd.to_timedelta(rng.integers(0, 12, count), unit="D")
    table["pay_date"] = (table["ex_date"] + waits).where(rng.random(count) < 0.5)
    given = rng.random(count) < 0.4
    others = [str(name) for name in rng.choice([*names, "0998.HK"], count)]
    table["in_specie_ticker"] = pd.Series(np.where(given, others, ""), dtype="str")
    ratios = rng.choice([0.05, 0.1, 1 / 3, 1.5, 1 / 21], count)
    table["in_specie_ratio"] = np.where(given, ratios, 0.0)
    waits = pd.to_timedelta(rng.integers(0, 12, count), unit="D")
    table["delivery_date"] = (table["ex_date"] + waits).where(given & (rng.random(count) < 0.7))
    table = table[table["ticker"] != table["in_specie_ticker"]]
    return table.sort_values(["ex_date", "ticker"], ignore_index=True)


def _signals(
    rng: np.random.Generator, names: list[str], days: list[date], first: int, length: int
) -> list[Signal]:
    found = []
    share = float(rng.choice([0.2, 0.5, 0.9]))
    strangers = ["0999.HK"] if rng.random() < 0.015 else []
    for number in range(max(0, first - 5), first + length + 1):
        for ticker in [*names, *strangers]:
            for copy in range(1 + int(rng.random() < 0.1)):
                if rng.random() >= share:
                    continue
                day = days[number]
                found.append(
                    Signal(
                        signal_id=f"{rng.integers(0, 99):02d}-{number}-{ticker}-{copy}",
                        ticker=ticker,
                        decided_at=datetime(day.year, day.month, day.day, 1, tzinfo=UTC),
                        effective_session=day,
                        expires_session=day + timedelta(days=int(rng.integers(0, 12))),
                        direction=int(rng.choice([-1, 0, 1, 1, 1])),  # type: ignore[arg-type]
                        # Few values: ties are told apart by ticker.
                        probability=float(np.round(rng.random(), 1)),
                        fold=0,
                        model_sha256="",
                        size=float(rng.choice([1.0, 1.0, 0.5, 0.1, 0.0])),
                    )
                )
    return found
