"""Patterns that honest data hardly ever have: for leaks that came in with the data themselves.

A wrong clock or a price of tomorrow that stands in the source as one of today survives every
truncation. But it leaves traces: news that report a move before it happened, prices that jump
after everybody could know, a feature that is its own answer. Each test states its bound; all are
set so far out that chance does not reach them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import binom, rankdata

from backtests.robustness.lookahead_report import Leak, Unseen
from backtests.robustness.traces import Trace
from markets.prices import MarketData
from signals import pipeline

MOST_RANK_CORRELATION = 0.6
MOST_GAP_CORRELATION = 0.95
MOST_AUC = 0.85
MOST_SHUFFLED_Z = 5.0
LEAST_P = 1e-3
LEAST_ENTRIES = 30
MOST_RIGHT = 0.95
MOST_LEAD = 5
_MIN_ROWS = 60
_FEW_ROWS = f"fewer than {_MIN_ROWS} rows with an outcome"
_LEAST_TOLD = 8


def features_that_know(traced: Trace) -> Iterator[Leak]:
    """Yield columns that rank rows as what came after them does.

    Against the label, the raw return, the return of the first session from its open, the sizes of
    these two, and the gap into it. Bound: |rank correlation| of 0.6 (0.95 for the gap, which news
    do foretell).
    """
    features, labels = traced.learned.features.values, traced.learned.labels.values
    common = features.loc[labels.index]
    if len(common) < _MIN_ROWS:
        raise Unseen(_FEW_ROWS)
    outcomes = _outcomes(traced, labels)
    for column in common.columns:
        values = common[column].to_numpy()
        for name, outcome in outcomes.items():
            known = ~np.isnan(outcome)
            if known.sum() < _MIN_ROWS:
                continue
            rho = _rank_correlation(values[known], outcome[known])
            most = MOST_GAP_CORRELATION if name == "gap" else MOST_RANK_CORRELATION
            if abs(rho) > most:
                yield Leak(
                    "suspect",
                    "features that know",
                    "features",
                    f"a feature ranks rows as their {name} does",
                    column=str(column),
                    given=f"rank correlation {rho:.3f}",
                    expected=f"within {most}",
                    count=int(known.sum()),
                )
                break


def _outcomes(traced: Trace, labels: pd.DataFrame) -> dict[str, np.ndarray]:
    market = traced.inputs.market
    days = market.sessions()
    opens = market.matrix("open", days, forward_adjusted=True)
    closes = market.matrix("close", days, forward_adjusted=True)
    at = days.get_indexer(pd.DatetimeIndex(labels["t0"]))
    column = opens.columns.get_indexer(labels.index.get_level_values("ticker"))
    opened = opens.to_numpy()[at, column]
    before = closes.ffill().shift(1).to_numpy()[at, column]
    raw, first = labels["raw_return"].to_numpy(), closes.to_numpy()[at, column] / opened - 1.0
    return {
        "label": labels["forward_return"].to_numpy(),
        "raw return": raw,
        "first session": first,
        "gap": opened / before - 1.0,
        "size of raw return": np.abs(raw),
        "size of first session": np.abs(first),
    }


def _rank_correlation(left: np.ndarray, right: np.ndarray) -> float:
    one, other = rankdata(left), rankdata(right)
    if one.std() == 0.0 or other.std() == 0.0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def too_good(traced: Trace) -> Iterator[Leak]:
    """Yield an out-of-sample AUC that no honest forecast of a few sessions' return has."""
    predictions, labels = traced.learned.predictions, traced.learned.labels.values
    answers = predictions.values["probability"]
    target = labels["target"].reindex(answers.index)
    known = target.notna().to_numpy()
    auc = _auc(target.to_numpy()[known], answers.to_numpy()[known])
    if known.sum() < _MIN_ROWS or auc is None:
        raise Unseen(_FEW_ROWS)
    if auc > MOST_AUC:
        yield Leak(
            "suspect",
            "too good",
            "probabilities",
            "out-of-sample answers are too good",
            column="probability",
            given=f"AUC {auc:.3f}",
            expected=f"at most {MOST_AUC}",
            count=int(known.sum()),
        )


def learns_noise(traced: Trace) -> Iterator[Leak]:
    """Yield a line that foretells targets which were shuffled: its answers know them already.

    Targets and returns of all rows change places, spans stay. Whoever then foretells the shuffled
    target out of sample was told it (bound: 5 standard errors); whoever still foretells the true
    one (AUC over 0.85) did not learn it from the targets.
    """
    learned, config = traced.learned, traced.config
    values = learned.labels.values
    order = np.random.default_rng([config.seed, 7]).permutation(len(values))
    moved = ("target", "forward_return", "raw_return", "scaled_return", "neutral")
    shuffled = values.assign(**{name: values[name].to_numpy()[order] for name in moved})
    predictions = pipeline.walk_forward(
        learned.features,
        replace(learned.labels, values=shuffled),
        config.split,
        config.classifier,
        config.seed,
        baselines=False,
    )
    answers = predictions.values["probability"]
    if answers.index.isin(values.index).sum() < _MIN_ROWS:
        raise Unseen(_FEW_ROWS)
    for name, labels in (("shuffled", shuffled), ("true", values)):
        target = labels["target"].reindex(answers.index)
        known = target.notna().to_numpy()
        truth = target.to_numpy()[known]
        auc = _auc(truth, answers.to_numpy()[known])
        if auc is None:
            continue
        ups = truth.sum()
        error = np.sqrt((len(truth) + 1) / (12.0 * ups * (len(truth) - ups)))
        bound = 0.5 + MOST_SHUFFLED_Z * error if name == "shuffled" else MOST_AUC
        if auc > bound:
            yield Leak(
                "leak",
                "learns noise",
                "probabilities",
                f"after learning shuffled targets it still foretells the {name} ones",
                column="probability",
                given=f"AUC {auc:.3f}",
                expected=f"at most {bound:.3f}",
                count=int(known.sum()),
            )


def _auc(target: np.ndarray, answers: np.ndarray) -> float | None:
    ups = float(target.sum())
    downs = len(target) - ups
    if not ups or not downs:
        return None
    ranks = float(rankdata(answers)[target == 1].sum())
    return (ranks - ups * (ups + 1) / 2) / (ups * downs)


def told_before_it_happened(traced: Trace) -> Iterator[Leak]:
    """Yield stories that report a move of a session in which, by their clock, they could be traded.

    Of stories that only report a move of one stock, those are counted that the session before their
    effective one does not bear out, but a later one does: a large move with the sign they tell. As
    many with the opposite sign are expected by chance (binomial, p under 0.001 over all leads
    together, at least 8).
    """
    moves = _Moves(traced.inputs.market)
    told: list[tuple[str, str, np.datetime64, float]] = []
    for item, events in traced.learned.readings:
        named = {ticker for event in events for ticker in event.tickers}
        sign = float(np.sign(sum(event.polarity for event in events)))
        if len(named) == 1 and sign and all(event.is_reaction for event in events):
            effective = traced.inputs.clock.effective_session(item.available_at)
            told.append((item.item_id, named.pop(), np.datetime64(effective, "D"), sign))
    if len(told) < _LEAST_TOLD:
        raise Unseen(f"fewer than {_LEAST_TOLD} stories that only report a move of one stock")
    for lead in range(MOST_LEAD + 1):
        agree, oppose, example = 0, 0, ""
        for item_id, ticker, session, sign in told:
            before, after = moves.around(ticker, session, lead)
            if np.isnan(before) or np.isnan(after) or before * sign >= 1.0 or abs(after) < 1.0:
                continue
            if after * sign > 0:
                agree, example = agree + 1, example or f"{item_id} {ticker} {session}"
            else:
                oppose += 1
        p = float(binom.sf(agree - 1, agree + oppose, 0.5)) if agree else 1.0
        if agree >= _LEAST_TOLD and p * (MOST_LEAD + 1) < LEAST_P:
            yield Leak(
                "suspect",
                "told before it happened",
                "stories",
                "stories report a move that by their clock had not happened yet: they are "
                "stamped too early, or prices too late",
                column="available_at",
                row=example,
                given=f"{agree} tell a move of "
                f"{'their own session' if not lead else f'{lead} sessions later'}",
                expected=f"about as many as tell its opposite: {oppose}",
                count=agree,
            )
            return


class _Moves:
    """Close-to-close moves by ticker, in units of the ticker's median move."""

    def __init__(self, market: MarketData) -> None:
        self._days: dict[str, np.ndarray] = {}
        self._moves: dict[str, np.ndarray] = {}
        for ticker in market.tickers:
            returns = market.total_returns(ticker)
            scale = float(np.nanmedian(np.abs(returns.to_numpy()))) or 1.0
            self._days[ticker] = returns.index.to_numpy().astype("datetime64[D]")
            self._moves[ticker] = returns.to_numpy() / scale

    def around(self, ticker: str, session: np.datetime64, lead: int) -> tuple[float, float]:
        """Return the move of the bar before a session, and of the one `lead` bars from it."""
        if ticker not in self._days:
            return float("nan"), float("nan")
        at = int(np.searchsorted(self._days[ticker], session))
        moves = self._moves[ticker]
        if not 1 <= at < len(moves) - lead:
            return float("nan"), float("nan")
        return float(moves[at - 1]), float(moves[at + lead])


def jumps_after_the_news(traced: Trace) -> Iterator[Leak]:
    """Yield gaps that follow the news when everybody could know them, and larger than before.

    Honest news move the gap into their effective open. Where the signed overnight gap a few
    sessions on is further from nothing (5 standard errors) and twice as large, clocks are early.
    """
    market, clock = traced.inputs.market, traced.inputs.clock
    days = market.sessions()
    opens = market.matrix("open", days, forward_adjusted=True)
    closes = market.matrix("close", days, forward_adjusted=True)
    gaps = (opens / closes.ffill().shift(1) - 1.0).to_numpy()
    known = ~np.isnan(gaps)
    mean = np.where(known, gaps, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    gaps = gaps - mean[:, None]
    grid = days.to_numpy().astype("datetime64[D]")
    column = {ticker: place for place, ticker in enumerate(opens.columns)}
    signed: list[list[float]] = [[] for _ in range(MOST_LEAD + 1)]
    for item, events in traced.learned.readings:
        fresh = [event for event in events if event.is_fresh_forward and event.polarity]
        named = {ticker for event in fresh for ticker in event.tickers if ticker in column}
        if len(named) != 1:
            continue
        session = np.datetime64(clock.effective_session(item.available_at), "D")
        at, place = int(np.searchsorted(grid, session)), column[named.pop()]
        sign = np.sign(sum(event.polarity for event in fresh))
        for lead in range(MOST_LEAD + 1):
            if at + lead < len(grid) and not np.isnan(gaps[at + lead, place]):
                signed[lead].append(float(sign * gaps[at + lead, place]))
    if min(map(len, signed)) < _MIN_ROWS:
        raise Unseen(f"fewer than {_MIN_ROWS} stories that are news of one stock")
    here = float(np.mean(signed[0]))
    for lead in range(1, MOST_LEAD + 1):
        later = np.array(signed[lead])
        mean, error = float(later.mean()), float(later.std(ddof=1) / np.sqrt(len(later)))
        if mean > 5.0 * error and mean > 2.0 * abs(here):
            yield Leak(
                "suspect",
                "jumps after the news",
                "stories",
                "prices jump overnight only after the news could be traded: clocks too early",
                column="available_at",
                given=f"{mean * 1e4:.0f} bp {lead} sessions later",
                expected=f"most of it in the gap before: {here * 1e4:.0f} bp",
                count=len(later),
            )
            return


def entries_that_know(traced: Trace) -> Iterator[Leak]:
    """Yield a strategy whose entries are nearly always right within the session of their fill.

    From the open it traded at to that session's close, in its own direction. Bound: at least 30
    entries whose stock moved, 95 % of them right; no honest one foretells a session so well.
    """
    market, trades = traced.inputs.market, traced.engine.trades
    right, n = 0, 0
    for ticker, side, session in zip(
        trades["ticker"], trades["side"], trades["entry_session"], strict=True
    ):
        bars = market.bars[ticker]
        at = int(bars.index.searchsorted(pd.Timestamp(session)))
        moved = float(bars["close"].iloc[at]) - float(bars["open"].iloc[at])
        if moved:
            n += 1
            right += (moved > 0) == (side == "long")
    if n < LEAST_ENTRIES:
        raise Unseen(f"fewer than {LEAST_ENTRIES} entries")
    if right > MOST_RIGHT * n:
        yield Leak(
            "suspect",
            "entries that know",
            "orders",
            "entries are nearly always right within the session they are filled in",
            column="side",
            given=f"{right} of {n}",
            expected=f"at most {MOST_RIGHT:.0%}",
            count=n,
        )


TESTS = (
    ("features that know", "no feature ranks rows as their outcome does", features_that_know),
    ("too good", "out-of-sample answers are not too good", too_good),
    (
        "told before it happened",
        "no stories tell a move before it happened",
        told_before_it_happened,
    ),
    (
        "jumps after the news",
        "prices do not wait to jump until news are known",
        jumps_after_the_news,
    ),
    ("entries that know", "entries are not right in nearly every session", entries_that_know),
    ("learns noise", "shuffled targets cannot be foretold", learns_noise),
)
"""Name, what holds, and test; each yields what is against it."""
