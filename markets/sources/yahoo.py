"""Prices from Yahoo through yfinance: raw bars and actions, kept as snapshots, replayed offline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field as Bound

from markets.clock import hong_kong, hong_kong_date
from markets.errors import DataError, MissingDataError, NetworkError, NewswakeError
from markets.prices import MarketData, RejectedRow, no_actions
from markets.settings import Settings
from markets.sources.rows import SessionTest, Sifted, sift
from markets.sources.snapshots import Snapshot, SnapshotFolder
from markets.sources.unsplit import flatten, undo_splits
from markets.sources.yahoo_history import PARAMETERS, Answer, fetch_history
from markets.tickers import normalize_ticker

# The close is at 16:10 at the latest; Yahoo shows Hong Kong with a delay and settles volumes later.
_SETTLED = clock_time(17, 0)


class YahooSettings(Settings):
    """How Yahoo is asked, and where its answers are kept."""

    snapshots: str = "yahoo"
    """Folder of snapshots, within the data folder (or absolute)."""
    offline: bool = False
    """Only replay snapshots; never use the network."""
    refresh: bool = False
    """Ask again even where a snapshot holds the dates already."""
    indices: dict[str, str] = Bound(default_factory=lambda: {"HSI": "^HSI"})
    """Index name = Yahoo's symbol."""
    attempts: int = Bound(default=4, ge=1, le=10)
    """How often one ticker is asked before its failure is an error."""
    first_wait_seconds: float = Bound(default=5.0, ge=0)
    """Wait before the second attempt; doubled before each further one."""
    pause_seconds: float = Bound(default=0.5, ge=0)
    """Wait between tickers, so that the rate limit is not met in the first place."""
    max_rejected_share: float = Bound(default=0.05, ge=0, le=1)
    """Share of one ticker's rows that may be no bars before the load is an error."""


Fetch = Callable[[str], Answer]


class YahooSource:
    """Raw bars, splits and cash dividends from Yahoo.

    Yahoo's prices with ``auto_adjust=False`` are not raw: they are divided by every later split,
    its volumes multiplied. Here both are undone, so bars are what was traded, and dividends are
    in HKD for one share of their own day.

    Parameters
    ----------
    settings : YahooSettings
        Snapshots, retries, offline.
    data_dir : Path
        Folder of a relative `settings.snapshots`.
    is_session : callable, optional
        Whether a date is a session; rows on others are rejected.
    fetch : callable, optional
        Symbol to `Answer`; by default yfinance.
    sleep, now : callable, optional
        The wall clock.

    Notes
    -----
    A snapshot is the whole history of one ticker at one instant, stored before anything is made of
    it. One that was taken after the last session asked for is used in place of the network. All
    tickers or none: after a partial failure the good answers are kept, so that the next call asks
    only for the rest.
    """

    def __init__(
        self,
        settings: YahooSettings,
        data_dir: Path,
        is_session: SessionTest | None = None,
        *,
        fetch: Fetch | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.folder = SnapshotFolder(data_dir / settings.snapshots)
        self.is_session = is_session
        self._fetch = fetch or fetch_history
        self._sleep = sleep
        self._now = now

    def load(
        self, tickers: Sequence[str] | None, start: date | None, end: date | None
    ) -> MarketData:
        """Return the bars of `tickers` from `start` to `end`, both included.

        Raises
        ------
        MissingDataError
            If Yahoo has no data for a ticker, offline no snapshot holds them, or no tickers are
            named: Yahoo has no list of all.
        DataError
            If a snapshot was changed, or prices are not in HKD.
        NetworkError
            If a ticker still fails after all attempts.
        """
        if not tickers:
            raise MissingDataError("name the tickers: Yahoo has no list of all", given=tickers)
        wanted = {name: name for name in map(normalize_ticker, tickers)}
        snapshots = self._snapshots({**wanted, **self.settings.indices}, end)
        gathered = _Gathered()
        for name in wanted:
            self._add_bars(gathered, snapshots[name], start, end)
        for name in self.settings.indices:
            self._add_levels(gathered, snapshots[name], start, end)
        actions = pd.concat([no_actions(), *gathered.actions], ignore_index=True)
        return MarketData(
            bars=gathered.bars,
            actions=actions.sort_values(["ex_date", "ticker"]).reset_index(drop=True),
            indices=gathered.indices,
            adjusted=False,
            source=f"yahoo: {len(wanted)} tickers",
            as_of=min(snapshot.sidecar.taken_at for snapshot in snapshots.values()),
            rejections=tuple(gathered.rejections),
            untraded=gathered.untraded,
        )

    def _snapshots(self, symbols: dict[str, str], end: date | None) -> dict[str, Snapshot]:
        held: dict[str, Snapshot] = {}
        failures: dict[str, NewswakeError] = {}
        asked = 0
        for name, symbol in symbols.items():
            snapshot = self.folder.newest(name)
            if snapshot is not None and self._holds(snapshot, end):
                held[name] = snapshot
                continue
            if self.settings.offline:
                failures[name] = _not_stored(name, end, self.folder.folder)
                continue
            if asked:
                self._sleep(self.settings.pause_seconds)
            asked += 1
            try:
                held[name] = self._take(name, symbol)
            except (NetworkError, MissingDataError) as error:
                failures[name] = error
        if failures:
            raise _failure(failures, len(held))
        return held

    def _holds(self, snapshot: Snapshot, end: date | None) -> bool:
        """Whether a snapshot was taken late enough to hold the sessions to `end`."""
        if self.settings.offline and end is None:
            return True
        if self.settings.refresh and not self.settings.offline:
            return False
        last = hong_kong_date(self._now()) if end is None else end
        return snapshot.sidecar.taken_at >= hong_kong(last, _SETTLED)

    def _take(self, name: str, symbol: str) -> Snapshot:
        answer = self._patiently(symbol)
        if answer.frame.empty:
            raise MissingDataError("Yahoo has no prices", given=symbol, where="yahoo")
        return self.folder.store(
            name,
            answer.frame,
            library=answer.library,
            parameters={"symbol": symbol, **PARAMETERS},
            taken_at=self._now(),
            currency=answer.currency,
        )

    def _patiently(self, symbol: str) -> Answer:
        wait = self.settings.first_wait_seconds
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return self._fetch(symbol)
            except NetworkError:
                if attempt == self.settings.attempts:
                    raise
                self._sleep(wait)
                wait *= 2
        raise NetworkError("Yahoo was never asked", given=f"attempts = {self.settings.attempts}")

    def _add_bars(
        self, gathered: _Gathered, snapshot: Snapshot, start: date | None, end: date | None
    ) -> None:
        sidecar = snapshot.sidecar
        if sidecar.currency != "HKD":
            raise DataError(
                "another currency", given=sidecar.currency, wanted="HKD", where=str(snapshot.path)
            )
        raw, actions = undo_splits(flatten(snapshot.read(), sidecar.name), sidecar.name)
        table = raw.assign(file=f"{snapshot.path.name}: row", row=np.arange(len(raw)))
        table["ticker"] = sidecar.name
        sifted = sift(
            table, start=start, end=_last_settled(end, sidecar.taken_at), is_session=self.is_session
        )
        gathered.bars.update(self._trusted(sifted, snapshot, gathered))
        gathered.untraded.update(sifted.untraded)
        if sidecar.name not in sifted.frames:
            raise MissingDataError(
                "no bar in the dates asked for",
                given=f"{start or 'the start'} to {end or 'now'}",
                where=str(snapshot.path),
            )
        market = MarketData(bars={}, actions=actions)
        gathered.actions.append(market.between(start, end).actions)

    def _add_levels(
        self, gathered: _Gathered, snapshot: Snapshot, start: date | None, end: date | None
    ) -> None:
        frame = flatten(snapshot.read(), snapshot.sidecar.name)
        table = pd.DataFrame(
            {
                "file": f"{snapshot.path.name}: row",
                "row": np.arange(len(frame)),
                "ticker": snapshot.sidecar.name,
                "date": frame.index,
                "open": frame["Open"].to_numpy(),
                "close": frame["Close"].to_numpy(),
            }
        ).dropna(subset=["open", "close"], how="all")
        sifted = sift(
            table,
            start=start,
            end=_last_settled(end, snapshot.sidecar.taken_at),
            is_session=self.is_session,
            tickers=False,
        )
        gathered.indices.update(self._trusted(sifted, snapshot, gathered))

    def _trusted(
        self, sifted: Sifted, snapshot: Snapshot, gathered: _Gathered
    ) -> dict[str, pd.DataFrame]:
        trusted = sifted.trusted(self.settings.max_rejected_share, snapshot.path.name)
        gathered.rejections.extend(trusted.rejections)
        return trusted.frames


@dataclass
class _Gathered:
    bars: dict[str, pd.DataFrame] = field(default_factory=dict)
    indices: dict[str, pd.DataFrame] = field(default_factory=dict)
    actions: list[pd.DataFrame] = field(default_factory=list)
    rejections: list[RejectedRow] = field(default_factory=list)
    untraded: dict[str, pd.DatetimeIndex] = field(default_factory=dict)


def _last_settled(end: date | None, taken_at: datetime) -> date:
    """Return the last session whose bar was final when a snapshot was taken, not after `end`."""
    last = hong_kong_date(taken_at)
    if taken_at < hong_kong(last, _SETTLED):
        last -= timedelta(days=1)
    return last if end is None else min(end, last)


def _not_stored(name: str, end: date | None, folder: Path) -> MissingDataError:
    return MissingDataError(
        "offline, and no snapshot holds these dates",
        given=f"{name} to {end or 'now'}",
        wanted="a snapshot taken after the last session; `newswake data fetch` takes one",
        where=str(folder),
    )


def _failure(failures: dict[str, NewswakeError], held: int) -> NewswakeError:
    """Return one error for all failures: of the network if asking again may help."""
    kind = (
        NetworkError
        if any(isinstance(error, NetworkError) for error in failures.values())
        else MissingDataError
    )
    reasons = sorted({error.problem for error in failures.values()})
    first = next(iter(failures.values()))
    return kind(
        f"no prices for {len(failures)} of {len(failures) + held}: {'; '.join(reasons)}",
        given=", ".join(failures),
        wanted=first.wanted or "an answer for each; those that came are kept as snapshots",
        where=first.where,
    )
