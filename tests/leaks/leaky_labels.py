"""Labels as users might write them: an honest one, and ones with one leak each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from leaky_features import Group

from markets.calendar import Calendar
from markets.prices import MarketData
from signals.features.base import Row
from signals.labels import LabelSettings

KEPT = "_outcomes_kept_by_a_user"


class ThreeOpens:
    """Honest: from the open of the entry to the open three bars on, over the stock's volatility."""

    def __init__(self, settings: LabelSettings) -> None:
        self.settings = settings

    def outcomes(self, entries: pd.Series, market: MarketData, calendar: Calendar) -> pd.DataFrame:
        bars = {ticker: market.forward_adjusted(ticker) for ticker in market.tickers}
        found: dict[Any, dict[str, Any]] = {}
        for (at, ticker), session in entries.items():
            frame = bars.get(ticker)
            place = -1 if frame is None else int(frame.index.searchsorted(session))
            if frame is None or place >= len(frame) or frame.index[place] != session:
                continue
            outcome = self.outcome(frame, place)
            if outcome is not None:
                found[at, ticker] = outcome
        table = pd.DataFrame.from_dict(found, orient="index", columns=["forward_return", "t1"])
        table.index = pd.MultiIndex.from_tuples(table.index, names=entries.index.names)
        return self.judged(table)

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 3 >= len(frame):
            return None
        opens = frame["open"].to_numpy()
        return self.told(opens[place + 3] / opens[place] - 1.0, frame.index[place + 3])

    def told(self, earned: float, known: pd.Timestamp) -> dict[str, Any]:
        return {"forward_return": earned, "t1": known}

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(target=(table["forward_return"] > 0).astype(int))


class FromTheCloseBefore(ThreeOpens):
    """Reads one bar early: counts the gap into the entry."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 3 >= len(frame) or place < 1:
            return None
        opens, before = frame["open"].to_numpy(), frame["close"].to_numpy()[place - 1]
        return self.told(opens[place + 3] / before - 1.0, frame.index[place + 3])


class KnownTooSoon(ThreeOpens):
    """Says that it is known a session before the open it ends at."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 3 >= len(frame):
            return None
        opens = frame["open"].to_numpy()
        return self.told(opens[place + 3] / opens[place] - 1.0, frame.index[place + 2])


class CloseKnownAtTheOpen(ThreeOpens):
    """Ends at a close, and says it is known from that session's open on."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 2 >= len(frame):
            return None
        end = frame["close"].to_numpy()[place + 2]
        return self.told(end / frame["open"].to_numpy()[place] - 1.0, frame.index[place + 2])


class BestOfTheSpan(ThreeOpens):
    """Sells at the highest price of three sessions, known at the open of the last of them."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 2 >= len(frame):
            return None
        high = frame["high"].to_numpy()[place : place + 3].max()
        return self.told(high / frame["open"].to_numpy()[place] - 1.0, frame.index[place + 2])


class BetterThanMost(ThreeOpens):
    """Right is what earned more than the median of all time."""

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        earned = table["forward_return"]
        return table.assign(target=(earned > earned.median()).astype(int))


class SurvivorsOnly(ThreeOpens):
    """Leaves decisions out whose stock falls by a quarter in the months after."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        later = frame["close"].to_numpy()[place : place + 60]
        return None if later.min() < 0.75 * later[0] else super().outcome(frame, place)


class AtTheSessionBefore(ThreeOpens):
    """Enters at the session before the effective one."""

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        return super().judged(table).assign(t0=table["t1"] - pd.Timedelta(days=14))


class KeepsOutcomes(ThreeOpens):
    """Keeps what came of every decision where a feature group finds it."""

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        kept = getattr(np, KEPT, {})
        kept.update(table["forward_return"].to_dict())
        setattr(np, KEPT, kept)
        return super().judged(table)


class ReadsKeptOutcomes(Group):
    """The feature group that finds it."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        kept = getattr(np, KEPT, {})
        values = [kept.get((row.decision_at, row.ticker), 0.0) for row in rows]
        return pd.DataFrame({"own__value": np.array(values, float)})


class LabelOfTheSession(Group):
    """Uses as a feature what a label of the same session's close would say."""

    def build(self, rows: Sequence[Row], market: MarketData) -> pd.DataFrame:
        index = pd.MultiIndex.from_tuples(
            [(row.decision_at, row.ticker) for row in rows], names=("decision_at", "ticker")
        )
        entries = pd.Series([pd.Timestamp(row.session) for row in rows], index=index)
        label = SameSession(LabelSettings())
        found = label.outcomes(entries, market, None)  # type: ignore[arg-type]
        values = found["target"].reindex(index).fillna(0.0)
        return pd.DataFrame({"own__value": values.to_numpy(dtype="float64")})


class SameSession(ThreeOpens):
    """From the open to the close of one session, known at the next open: honest as a label."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        if place + 1 >= len(frame):
            return None
        bar = frame.iloc[place]
        return self.told(bar["close"] / bar["open"] - 1.0, frame.index[place + 1])


class CloseNowAndThen(ThreeOpens):
    """Ends at the close of the session it is known at the open of, one in seventeen."""

    def outcome(self, frame: pd.DataFrame, place: int) -> dict[str, Any] | None:
        found = super().outcome(frame, place)
        if found is not None and found["t1"].toordinal() * 7919 % 17 == 0:
            end = frame["close"].to_numpy()[place + 3]
            return self.told(end / frame["open"].to_numpy()[place] - 1.0, found["t1"])
        return found
